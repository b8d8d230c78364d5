// Somebody was faster: both sides, field by field, and which of them is to stand.
import { h } from "../dom.js";
import { degrees, moment } from "../words.js";
import { metresText, movedM } from "./pin.js";
import { line, same, typed } from "./values.js";

const PLACE = "#place";
const SAME_M = 0.02;
let count = 0;

export class Conflict {
  /** `theirs`: the feature as it is now; `who`: {by, at} of that version where it is known. */
  constructor(editor, form, theirs, who) {
    Object.assign(this, { editor, form, theirs });
    this.rows = [...this.place(), ...form.fields.flatMap((field) => this.field(field))];
    this.open = this.rows.filter(({ choice }) => choice === null);
    const [clash, rest] = [this.rows.filter((row) => row.clash), this.rows.filter((row) => !row.clash)];
    const said = who ? `${who.by || "有人"} 在 ${moment(who.at)} 改过这一条` : "有人改过这一条";
    this.root = h(
      "div",
      { class: "edit-conflict" },
      h("p", { class: "edit-note", role: "alert" }, `您填写期间，${said}（现在是第 ${theirs.properties.version} 版），所以还没有保存。您填的内容都在。`),
      clash.length ? this.part("两边都改了，请逐项选定", clash, true) : null,
      rest.length ? this.part("只有一边改了，已经选好", rest, false) : null,
    );
    this.save = h("button", { type: "button", class: "primary", onclick: () => this.take() }, "按所选保存");
    this.foot = [this.save, h("button", { type: "button", class: "second", onclick: () => editor.back(form) }, "回到表单")];
    this.look();
  }

  get dirty() {
    return this.form.dirty;
  }

  field(field) {
    const theirs = typed(this.theirs.properties[field.field.id], field.field);
    const they = !same(theirs, field.base);
    if (same(theirs, field.value) || (!field.changed && !they)) return [];
    const clash = field.changed && they;
    return [{ key: field, title: field.field.title, clash, choice: clash ? null : field.changed ? "mine" : "theirs", theirs: line(theirs, field.field), mine: line(field.value, field.field) }];
  }

  place() {
    const { where } = this.form;
    const theirs = this.theirs.geometry.coordinates;
    const they = movedM(where.was, theirs) > SAME_M;
    if (movedM(where.at, theirs) <= SAME_M || (!where.isMoved && !they)) return [];
    const clash = where.isMoved && they;
    const text = (at) => `${at.map(degrees).join(", ")}`;
    return [{ key: PLACE, title: `位置（相距 ${metresText(movedM(where.at, theirs))}）`, clash, choice: clash ? null : where.isMoved ? "mine" : "theirs", theirs: text(theirs), mine: text(where.at) }];
  }

  part(title, rows, all) {
    const every = (side) => h("button", { type: "button", class: "text", onclick: () => this.all(rows, side) }, side === "mine" ? "全用我的" : "全用对方的");
    return h("section", {}, h("header", {}, h("h3", {}, title), all && rows.length > 1 ? h("span", {}, every("theirs"), every("mine")) : null), ...rows.map((row) => this.row(row)));
  }

  row(row) {
    const name = `side-${++count}`;
    const side = (value, title, text) => {
      const input = h("input", { type: "radio", name, value });
      input.checked = row.choice === value;
      input.addEventListener("change", () => this.choose(row, value));
      (row.inputs = row.inputs || {})[value] = input;
      return h("label", {}, input, h("span", {}, h("b", {}, title), h("span", { class: "value" }, text)));
    };
    return h("fieldset", {}, h("legend", {}, row.title), h("div", { class: "sides" }, side("theirs", "对方的", row.theirs), side("mine", "我的", row.mine)));
  }

  choose(row, value) {
    row.choice = value;
    this.look();
  }

  all(rows, side) {
    for (const row of rows) {
      row.inputs[side].checked = true;
      row.choice = side;
    }
    this.look();
  }

  look() {
    const left = this.rows.filter(({ choice }) => choice === null).length;
    this.save.disabled = left > 0;
    this.save.textContent = left ? `还有 ${left} 项未选` : "按所选保存";
  }

  /** The form on the new version, filled with what was chosen; then it is saved as ever. */
  take() {
    const { form, theirs } = this;
    const chosen = new Map(this.rows.map(({ key, choice }) => [key, choice]));
    form.feature = theirs;
    for (const field of form.fields) {
      const mine = chosen.get(field) === "mine";
      field.rebase(theirs.properties[field.field.id]);
      if (!mine) field.value = field.base;
    }
    const at = theirs.geometry.coordinates;
    if (chosen.get(PLACE) !== "mine") form.where.at = at;
    form.where.rebase(at);
    this.editor.back(form);
    if (form.dirty) this.editor.save(form);
    else form.say("与对方保存的内容相同，没有需要保存的了。");
  }

  focus() {
    const first = this.root.querySelector("input");
    if (first) first.focus();
  }

  close() {
    this.form.close();
  }

  redraw() {
    this.form.redraw();
  }
}
