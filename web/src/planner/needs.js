// What an event needs: a table of lines, filled by hand or by one of the county's need cards.
import { fill, h } from "../dom.js";
import { number } from "../words.js";
import { choice } from "./controls.js";

const KINDS = [["item", "物资"], ["capability", "能力"]];
const MOST = 60;

/** A line of a need: {item | capability, quantity, unit}. */
export const nameOf = (need) => need.item || need.capability;
export const amountOf = ({ quantity, unit }) => `${number(quantity)}${unit ? ` ${unit}` : ""}`;

export class NeedsTable {
  /** `known`: {items, capabilities} to offer; `changed()` is called after every change. */
  constructor(known, changed) {
    this.known = known;
    this.changed = changed;
    this.lines = [];
    this.body = h("div", { class: "need-lines", role: "group", "aria-label": "需求" });
    const add = h("button", { type: "button", class: "text", onclick: () => this.add() }, "加一项");
    const offered = (id, names) => h("datalist", { id }, ...names.map((value) => h("option", { value })));
    this.root = h("div", { class: "needs" }, this.body, add, offered("known-items", known.items), offered("known-capabilities", known.capabilities));
    this.add(false);
  }

  /** Needs as the API wants them: those that are whole. */
  get value() {
    return this.lines
      .filter(({ name, quantity }) => name && quantity > 0)
      .map(({ kind, name, quantity, unit }) => ({ [kind]: name, quantity, ...(unit ? { unit } : {}) }));
  }

  set value(needs) {
    this.lines = needs.slice(0, MOST).map((need) => ({ kind: need.item ? "item" : "capability", name: nameOf(need), quantity: need.quantity, unit: need.unit || "" }));
    this.draw();
  }

  add(focus = true) {
    if (this.lines.length >= MOST) return;
    this.lines.push({ kind: "item", name: "", quantity: null, unit: "" });
    this.draw();
    if (focus) this.body.lastChild.querySelector("input").focus();
  }

  draw() {
    fill(this.body, ...this.lines.map((line) => this.row(line)));
  }

  row(line) {
    const name = h("input", { type: "text", maxlength: "100", placeholder: "名称", "aria-label": "名称", value: line.name });
    const listed = () => name.setAttribute("list", line.kind === "item" ? "known-items" : "known-capabilities");
    const kind = choice(KINDS, line.kind, (value) => put({ kind: value }));
    kind.setAttribute("aria-label", "物资或能力");
    const quantity = h("input", { type: "number", min: "0", step: "any", placeholder: "数量", "aria-label": "数量", value: line.quantity });
    const unit = h("input", { type: "text", maxlength: "20", placeholder: "单位", "aria-label": "单位", value: line.unit });
    const put = (part) => {
      Object.assign(line, part);
      listed();
      this.changed();
    };
    name.addEventListener("change", () => {
      const text = name.value.trim();
      // What is known as an ability is one, whatever stands beside it.
      if (this.known.capabilities.includes(text)) kind.value = "capability";
      else if (this.known.items.includes(text)) kind.value = "item";
      put({ name: text, kind: kind.value });
    });
    quantity.addEventListener("change", () => put({ quantity: Number(quantity.value) || null }));
    unit.addEventListener("change", () => put({ unit: unit.value.trim() }));
    listed();
    const remove = h("button", { type: "button", class: "close", "aria-label": `去掉 ${line.name || "这一项"}` }, "×");
    remove.addEventListener("click", () => {
      this.lines = this.lines.filter((other) => other !== line);
      this.draw();
      this.changed();
    });
    return h("div", { class: "need-line" }, kind, name, quantity, unit, remove);
  }
}
