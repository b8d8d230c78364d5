// A table to fill in: one row an item, one column a part of it.
import { fill, h } from "../dom.js";

export class Records {
  /** `changed()` is called after every change. */
  constructor(field, changed) {
    this.field = field;
    this.changed = changed;
    this.rows = [];
    this.body = h("tbody");
    const heads = field.columns.map((column) => h("th", { scope: "col", class: `of-${column.type}` }, column.title));
    const more = h("button", { type: "button", class: "text", onclick: () => this.more() }, "加一行");
    this.table = h("table", {}, h("thead", {}, h("tr", {}, ...heads, h("th", { class: "drop" }, h("span", { class: "offscreen" }, "删去")))), this.body);
    const wide = field.columns.length > 4;
    this.root = h("div", { class: wide ? "edit-records two-lines" : "edit-records" }, this.table, more);
  }

  get value() {
    return this.rows.map(({ inputs }) => inputs.map(({ value }) => value)).filter((row) => row.some((text) => text.trim()));
  }

  set value(rows) {
    this.rows = [];
    fill(this.body);
    for (const row of rows) this.add(row);
    this.bare();
  }

  add(row = []) {
    const inputs = this.field.columns.map((column, i) => {
      const input = h("input", { type: "text", "aria-label": column.title, autocomplete: "off", class: column.type === "number" || column.type === "integer" ? "num" : null, placeholder: column.type === "date" ? "年-月-日" : null, oninput: () => this.changed() });
      input.value = row[i] || "";
      return input;
    });
    const drop = h("button", { type: "button", class: "close", title: "删去这一行", "aria-label": `删去“${row[0] || "空行"}”` }, "×");
    const line = { inputs, root: h("tr", {}, ...inputs.map((input) => h("td", {}, input)), h("td", { class: "drop" }, drop)) };
    drop.addEventListener("click", () => this.drop(line));
    this.rows.push(line);
    this.body.append(line.root);
    return line;
  }

  more() {
    this.table.hidden = false;
    this.add().inputs[0].focus();
  }

  drop(line) {
    this.rows = this.rows.filter((one) => one !== line);
    line.root.remove();
    this.bare();
    this.changed();
  }

  bare() {
    this.table.hidden = !this.rows.length;
  }

  /** The cell that a problem such as `items[2].quantity` names; rows count as they were sent. */
  cell(path) {
    const found = /\[(\d+)\](?:\.(\w+))?$/.exec(path);
    if (!found) return null;
    const given = this.rows.filter(({ inputs }) => inputs.some(({ value }) => value.trim()));
    const row = given[Number(found[1])];
    const at = this.field.columns.findIndex(({ id }) => id === found[2]);
    return row ? row.inputs[Math.max(0, at)] : null;
  }

  focus() {
    if (this.rows.length) this.rows[0].inputs[0].focus();
    else this.root.querySelector("button").focus();
  }
}
