// A form made of a layer's own fields, and the filter (`where`, CQL2 text) that it says.
import { h } from "../dom.js";
import { Fold, amount, choice, facts, field } from "./controls.js";

const KINDS = new Set(["enum", "integer", "number", "boolean", "list", "records", "text"]);
const YES_NO = [["", "不限"], ["true", "是"], ["false", "否"]];

const quoted = (text) => `'${String(text).replace(/'/g, "''")}'`;
const parts = (text) => text.split(/[、,，;；\s]+/).filter(Boolean);
const pattern = (text) => quoted(`%${text.replace(/[\\%_]/g, "\\$&")}%`);

/** One field's condition, or null where nothing is asked of it. */
function condition({ id, type }, value) {
  if (value === undefined || value === null || value === "") return null;
  if (type === "enum") return value.length ? `${id} IN (${value.map(quoted).join(", ")})` : null;
  if (type === "integer" || type === "number") return `${id} >= ${value}`;
  if (type === "boolean") return `${id} = ${value}`;
  if (type === "list") return parts(value).map((one) => `has(${id}, ${quoted(one)})`).join(" AND ");
  if (type === "records") return stock(value);
  return `${id} LIKE ${pattern(value)}`;
}

function stock({ item, least }) {
  if (!item) return null;
  return least ? `stock(${quoted(item)}) >= ${least}` : `stock(${quoted(item)}) > 0`;
}

/** The filter's text; empty when nothing is asked. */
export function whereOf(layer, values) {
  const found = layer.fields.map((one) => condition(one, values[one.id]));
  if (values.age_days) found.push(`age_days <= ${values.age_days}`);
  if (values.also) found.push(`(${values.also})`);
  return found.filter(Boolean).join(" AND ");
}

function told({ title, type, unit }, value) {
  if (value === undefined || value === null || value === "") return null;
  if (type === "enum") return value.length ? value.join("、") : null;
  if (type === "integer" || type === "number") return `${title} ≥ ${value}${unit || ""}`;
  if (type === "boolean") return `${title}：${value === "true" ? "是" : "否"}`;
  if (type === "records") return value.item ? `${value.item}${value.least ? ` ≥ ${value.least}` : ""}` : null;
  return `${title}含“${value}”`;
}

/** The filter in words. */
export function wordsOf(layer, values) {
  const said = layer.fields.map((one) => told(one, values[one.id]));
  if (values.age_days) said.push(`${values.age_days} 天内核实`);
  if (values.also) said.push(values.also);
  return facts(...said);
}

/** The form of one layer; `values` is changed in place, `changed()` called after. */
export class FilterForm {
  constructor(layer, values, changed) {
    this.layer = layer;
    this.values = values;
    this.changed = () => {
      this.say();
      changed();
    };
    const own = layer.fields.filter(({ type, personal }) => KINDS.has(type) && !personal);
    this.fold = new Fold(...own.map((one) => this.field(one)), this.fresh(), this.also());
    this.root = this.fold.root;
    this.say();
  }

  say() {
    this.fold.say(`${this.layer.noun}：${wordsOf(this.layer, this.values) || "不筛选"}`);
  }

  put(id, value) {
    if (value === null || value === "" || (Array.isArray(value) && !value.length)) delete this.values[id];
    else this.values[id] = value;
    this.changed();
  }

  field(one) {
    if (one.type === "enum") return this.choices(one);
    if (one.type === "records") return this.item(one);
    if (one.type === "boolean") return field(one.title, choice(YES_NO, String(this.values[one.id] || ""), (value) => this.put(one.id, value)));
    if (one.type === "integer" || one.type === "number") {
      const least = amount(this.values[one.id], { least: 0, unit: one.unit, label: `${one.title}不少于` }, (value) => this.put(one.id, value));
      return field(`${one.title} ≥`, least);
    }
    return field(one.title, this.text(one.id, one.type === "list" ? "须具备，多项用顿号分开" : "包含的文字"));
  }

  text(id, placeholder) {
    const input = h("input", { type: "text", maxlength: "200", placeholder, value: this.values[id] });
    input.addEventListener("change", () => this.put(id, input.value.trim()));
    return input;
  }

  choices({ id, title, values }) {
    const boxes = values.map(({ value }) => {
      const box = h("input", { type: "checkbox", value });
      box.checked = (this.values[id] || []).includes(value);
      return h("label", {}, box, h("span", {}, value));
    });
    const group = h("div", { class: "ticks", role: "group", "aria-label": title }, ...boxes);
    group.addEventListener("change", () => this.put(id, [...group.querySelectorAll(":checked")].map((box) => box.value)));
    return h("div", { class: "field wide" }, h("span", { class: "label" }, title), group);
  }

  item({ id, title }) {
    const now = () => ({ item: "", least: null, ...this.values[id] });
    const put = (part) => {
      const value = { ...now(), ...part };
      this.put(id, value.item ? value : null);
    };
    const name = h("input", { type: "text", maxlength: "60", placeholder: "名称，如 救灾帐篷", value: now().item, "aria-label": `${title}：名称` });
    name.addEventListener("change", () => put({ item: name.value.trim() }));
    const least = amount(now().least, { least: 0, placeholder: "不限", label: `${title}：不少于` }, (value) => put({ least: value }));
    return field(title, name, h("span", { class: "sign" }, "≥"), least);
  }

  fresh() {
    return field("几天内核实", amount(this.values.age_days, { least: 0, step: 1, unit: "天", label: "几天内核实" }, (value) => this.put("age_days", value)));
  }

  also() {
    return field("其他条件", this.text("also", "CQL2，如 name LIKE '%中学%'"));
  }
}
