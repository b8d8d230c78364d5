// The form of one feature, made from its layer's fields.
import { fill, h } from "../dom.js";
import { kindOf } from "../symbols.js";
import { Field } from "./field.js";
import { formFields, sent } from "./values.js";
import { Where } from "./where.js";

const PLACE = "coordinates";

export class Form {
  /**
   * `feature`: the one to change, null for a new one; `filled`: {properties, at} that stand in
   * the form as if somebody had typed them; `note`: a sentence above it.
   */
  constructor(editor, layer, feature, { filled = null, note = null } = {}) {
    Object.assign(this, { editor, layer, feature, note });
    this.alert = h("div", { class: "edit-alert", role: "alert", hidden: true });
    this.heard = () => this.count();
    const stored = feature ? feature.properties : {};
    this.fields = formFields(layer).map((field) => new Field(field, stored[field.id], Boolean(feature), this.heard));
    const was = feature ? feature.geometry.coordinates : null;
    this.where = new Where(editor.app, { at: (filled && filled.at) || was, was, look: () => this.look(), changed: this.heard });
    for (const field of this.fields) if (editor.hides(field.field)) field.hush();
    // What this person sees only in part is never written back.
    if (filled) for (const field of this.fields) if (!editor.hides(field.field)) field.value = filled.typed(field);
    const [name, code, ...rest] = this.fields.map(({ root }) => root);
    this.root = h("form", { class: "edit-form", novalidate: true, autocomplete: "off" }, this.alert, note ? h("p", { class: "edit-note" }, note) : null, name, code, this.where.root, ...rest);
    this.root.addEventListener("submit", (event) => event.preventDefault());
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.save = h("button", { type: "button", class: "primary", onclick: () => editor.save(this) }, "保存");
    this.sum = h("span", { class: "quiet", "aria-live": "polite" });
    const drop = feature ? h("button", { type: "button", class: "text drop", onclick: () => editor.remove(this) }, "删除…") : null;
    this.foot = [this.save, h("button", { type: "button", class: "second", onclick: () => editor.close() }, "取消"), this.sum, drop];
    this.count();
  }

  look() {
    const properties = this.feature ? this.feature.properties : {};
    return { layer: this.layer.id, grade: this.layer.grade ? this.editor.app.popups.gradeOf(this.layer, properties) : 0, kind: kindOf(this.layer, properties) };
  }

  key(event) {
    if (event.key !== "Enter") return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.editor.save(this);
    } else if (event.target.tagName === "INPUT") event.preventDefault();
  }

  get changed() {
    return this.fields.filter((field) => field.changed);
  }

  get dirty() {
    return this.changed.length > 0 || (this.where.isMoved && this.feature !== null);
  }

  count() {
    const n = this.changed.length + (this.where.isMoved && this.feature ? 1 : 0);
    this.sum.textContent = n && this.feature ? `改了 ${n} 处` : "";
    this.save.disabled = this.feature !== null && !n;
  }

  /** What goes out: of a feature that is there only what was changed. */
  sent() {
    const given = this.feature ? this.changed : this.fields.filter(({ value, field }) => field.required || sent(value, field) !== null);
    const properties = Object.fromEntries(given.map(({ value, field }) => [field.id, sent(value, field)]));
    const body = { type: "Feature", properties };
    if (this.where.isMoved) body.geometry = { type: "Point", coordinates: this.where.at };
    if (body.geometry && this.where.source) body.typed = this.where.source;
    return body;
  }

  busy(on) {
    this.save.disabled = on;
    this.save.textContent = on ? "正在保存…" : "保存";
    if (!on) this.count();
  }

  /** What the server says, at the fields that it speaks of; the rest above the form. */
  say(message, problems = [], ...more) {
    const rest = new Set(problems);
    const mine = (id) => problems.filter((p) => (p.field || "").split("[")[0] === id);
    for (const field of this.fields) {
      const own = mine(field.field.id);
      field.say(own);
      own.forEach((p) => rest.delete(p));
    }
    this.where.complain(mine(PLACE));
    mine(PLACE).forEach((p) => rest.delete(p));
    const shown = problems.length ? `没有保存：有 ${problems.length} 处需要改正。` : message;
    fill(this.alert, shown ? h("p", {}, shown) : null, ...[...rest].map((p) => h("p", {}, p.message)), ...more);
    this.alert.hidden = !shown;
    if (shown) this.point(problems.length > rest.size);
  }

  point(atField) {
    const first = atField && [this.where, ...this.fields].find(({ root }) => root.querySelector(".faults > p"));
    if (first) first.focus();
    else this.alert.scrollIntoView({ block: "nearest" });
  }

  focus() {
    if (this.where.at) this.fields[0].focus();
    else this.where.focus();
  }

  redraw() {
    this.where.redraw();
  }

  close() {
    this.where.close();
  }
}
