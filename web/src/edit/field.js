// One field of the form: its control, what it was, what is wrong with it.
import { fill, h } from "../dom.js";
import { Records } from "./records.js";
import { line, same, typed } from "./values.js";

// Chinese characters take two of these.
const LONG = 38;
const widthOf = (text) => text.replace(/[^\x00-\xff]/g, "--").length;
let count = 0;

export class Field {
  /** `told`: is there something stored that a change is told against? */
  constructor(field, stored, told, changed) {
    this.field = field;
    this.told = told;
    this.id = `edit-${++count}`;
    this.was = h("p", { class: "was", hidden: true });
    this.faults = h("div", { class: "faults", role: "alert" });
    this.heard = () => {
      this.mark();
      changed();
    };
    this.control = this.make();
    const inner = this.control.root || this.control;
    const label = h("label", { for: this.control.root ? null : this.id, id: `${this.id}-label` }, field.title, field.required ? h("span", { class: "must" }, "必填") : null);
    const entry = h("div", { class: "line" }, inner, field.unit ? h("span", { class: "unit" }, field.unit) : null, this.extra());
    const wide = field.type === "records";
    // Below a long table nobody would see what is wrong in it.
    const body = h("div", { class: "control" }, wide ? this.faults : null, entry, field.note ? h("p", { class: "hint" }, field.note) : null, this.was, wide ? null : this.faults);
    this.root = h("div", { class: `edit-field${wide ? " wide" : ""}` }, label, body);
    this.base = typed(stored, field);
    this.value = this.base;
  }

  make() {
    const { field, id } = this;
    if (field.type === "records") return new Records(field, this.heard);
    if (field.type === "enum" || field.type === "boolean") return this.select();
    const long = field.type === "text" && field.id !== "code";
    if (!long) return h("input", { type: "text", id, autocomplete: "off", inputmode: { integer: "numeric", number: "decimal", phone: "tel" }[field.type], placeholder: field.type === "date" ? "年-月-日" : null, oninput: this.heard });
    const area = h("textarea", { id, rows: "1", oninput: () => this.fit() });
    area.addEventListener("input", this.heard);
    return area;
  }

  select() {
    const values = this.field.type === "boolean" ? ["是", "否"] : this.field.values.map((v) => v.value || v);
    return h("select", { id: this.id, onchange: this.heard }, h("option", { value: "" }, "未填"), ...values.map((value) => h("option", { value }, value)));
  }

  extra() {
    if (this.field.id !== "verified_at") return null;
    const today = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
    return h("button", { type: "button", class: "text", onclick: () => this.put(today) }, "今天核实过");
  }

  /** Of a stored value that this person may see only in part. */
  hush() {
    if (this.told) this.root.querySelector(".control").append(h("p", { class: "hint" }, "您的账号可能看不到完整内容；不改就保持原样"));
  }

  /** As many lines as the text needs. */
  fit() {
    const area = this.control;
    if (area.tagName !== "TEXTAREA") return;
    area.rows = Math.min(5, Math.max(1, Math.ceil(widthOf(area.value) / LONG)));
  }

  get value() {
    return this.control.value;
  }

  /** A value that no list offers (any more) stays to be seen, and is for the server to judge. */
  set value(value) {
    const { control } = this;
    if (control.tagName === "SELECT" && value && ![...control.options].some((o) => o.value === value)) control.append(h("option", { value }, value));
    control.value = value;
    this.fit();
    this.mark();
  }

  put(value) {
    this.value = value;
    this.heard();
  }

  get changed() {
    return !same(this.value, this.base);
  }

  /** What is stored is another now: the same typed text means another change. */
  rebase(stored) {
    this.base = typed(stored, this.field);
    this.mark();
  }

  mark() {
    const { changed, field } = this;
    this.root.classList.toggle("changed", changed);
    this.was.hidden = !changed || !this.told;
    if (this.was.hidden) return;
    const gone = field.type === "records" ? this.base.filter((row) => !this.value.some((now) => same(now, row))) : this.base;
    this.was.textContent = `原为：${line(gone, field)}`;
  }

  say(problems) {
    const { control } = this;
    for (const cell of this.root.querySelectorAll("[aria-invalid]")) cell.removeAttribute("aria-invalid");
    fill(this.faults, ...problems.map(({ message }) => h("p", {}, message)));
    for (const { field } of problems) {
      const cell = control.root ? control.cell(field) : control;
      if (cell) cell.setAttribute("aria-invalid", "true");
    }
  }

  focus() {
    const wrong = this.root.querySelector("[aria-invalid]");
    (wrong || this.control).focus();
  }
}
