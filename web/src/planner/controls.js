// The few kinds of fields of the workbench's forms.
import { h } from "../dom.js";
import { swatch } from "../symbols.js";

let count = 0;
const fresh = (stem) => `${stem}-${++count}`;

/** A select; options are [value, text]. */
export function choice(options, value, changed, props = {}) {
  const select = h("select", { ...props, onchange: () => changed(select.value) }, ...options.map(([key, text]) => h("option", { value: key }, text)));
  select.value = value;
  return select;
}

/** A number that may be left empty: `changed(number | null)`; refused values are said by the field. */
export function amount(value, { least = 0, most, step = "any", unit, label, placeholder }, changed) {
  const input = h("input", { type: "number", inputmode: "decimal", min: least, max: most, step, placeholder, "aria-label": label });
  input.value = value === null || value === undefined ? "" : value;
  input.addEventListener("change", () => {
    if (!input.reportValidity()) return;
    changed(input.value === "" ? null : Number(input.value));
  });
  return h("span", { class: "amount" }, input, unit ? h("span", { class: "unit" }, unit) : null);
}

/** A row of a form: its name, then what is entered. */
export function field(text, ...content) {
  const [first] = content;
  const target = first.matches("select, input") ? first : first.querySelector("select, input");
  if (target && !target.id) target.id = fresh("field");
  return h("div", { class: "field" }, h("label", { for: target && target.id }, text), h("div", { class: "entry" }, ...content));
}

/** One of a few, side by side: a radio group. */
export class Switch {
  constructor(label, options, value, changed) {
    const name = fresh("switch");
    this.inputs = options.map(([key]) => h("input", { type: "radio", name, value: key, class: "offscreen-input" }));
    this.root = h("div", { class: "switch", role: "radiogroup", "aria-label": label });
    options.forEach(([, text], i) => this.root.append(h("label", {}, this.inputs[i], h("span", {}, text))));
    this.root.addEventListener("change", (event) => changed(event.target.value));
    this.value = value;
  }

  set value(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }

  disable(value, reason) {
    const input = this.inputs.find((one) => one.value === value);
    input.disabled = Boolean(reason);
    input.parentElement.title = reason || "";
  }
}

/** Layers to take part, as buttons that stay down: `changed(ids)`. */
export class LayerChips {
  constructor(layers, looks, changed) {
    this.chosen = new Set();
    this.buttons = new Map();
    this.root = h("div", { class: "chips", role: "group", "aria-label": "图层" });
    for (const layer of layers) {
      const button = h("button", { type: "button", class: "chip-button", "aria-pressed": "false", title: layer.title }, swatch(looks.get(layer.id), 0, 16), layer.noun);
      button.addEventListener("click", () => {
        if (!this.chosen.delete(layer.id)) this.chosen.add(layer.id);
        this.set([...this.chosen]);
        changed(this.ids());
      });
      this.buttons.set(layer.id, button);
      this.root.append(button);
    }
  }

  set(ids) {
    this.chosen = new Set(ids);
    for (const [id, button] of this.buttons) button.setAttribute("aria-pressed", String(this.chosen.has(id)));
  }

  /** In the order of the map's layers. */
  ids() {
    return [...this.buttons.keys()].filter((id) => this.chosen.has(id));
  }
}

/** A part that opens below its summary line. */
export class Fold {
  constructor(...content) {
    const id = fresh("fold");
    this.line = h("span", {});
    this.button = h("button", { type: "button", class: "unfold-line", "aria-expanded": "false", "aria-controls": id }, this.line, h("i", { "aria-hidden": "true" }));
    this.body = h("div", { class: "unfold-body", id, hidden: true }, ...content);
    this.root = h("div", { class: "unfold" }, this.button, this.body);
    this.button.addEventListener("click", () => this.open(this.body.hidden));
  }

  open(on) {
    this.body.hidden = !on;
    this.button.setAttribute("aria-expanded", String(on));
  }

  say(text) {
    this.line.textContent = text;
    this.line.title = text;
  }
}

/** Of an answer's rows one is open at a time: fold the others; does this one open now? */
export function foldRows(body, button) {
  const open = button.getAttribute("aria-expanded") === "true";
  for (const other of body.querySelectorAll(".row[aria-expanded=true]")) {
    other.setAttribute("aria-expanded", "false");
    other.parentElement.querySelector(".details").remove();
  }
  if (!open) button.setAttribute("aria-expanded", "true");
  return !open;
}

/** Open the row of a thing that was picked on the map, and bring it into sight. */
export function openRow(body, key) {
  const item = [...body.querySelectorAll("li[data-key]")].find(({ dataset }) => dataset.key === key);
  if (!item) return;
  const button = item.querySelector(".row");
  if (button.getAttribute("aria-expanded") !== "true") button.click();
  item.scrollIntoView({ block: "nearest" });
}

/** What an answer says before it is there, when it fails, when it is empty. */
export const saying = (text, alert = false) => h("p", { class: "quiet saying", role: alert ? "alert" : null }, text);

/** ↑ ↓ Home End go through the buttons of a list; Tab enters it once. */
export function walkable(list) {
  const buttons = () => [...list.querySelectorAll("button.row")];
  buttons().forEach((button, i) => button.setAttribute("tabindex", i ? "-1" : "0"));
  list.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    for (const button of all) button.setAttribute("tabindex", button === all[to] ? "0" : "-1");
    all[to].focus();
  });
  return list;
}

/** A line of facts, those that are there. */
export const facts = (...texts) => texts.filter(Boolean).join(" · ");

