// Every version of a feature: who, when, what was made of what; an old one can be taken up again.
import { get } from "../api.js";
import { h } from "../dom.js";
import { moment } from "../words.js";
import { differenceList, differences } from "./compare.js";

const AT_ONCE = 30;

export class History {
  /** `versions` as the server tells them, newest first; `mine`: may this person write here? */
  constructor(editor, layer, versions, mine) {
    Object.assign(this, { editor, layer, versions, mine, dirty: false, shown: 0 });
    this.list = h("ol", { class: "edit-history" });
    this.more = h("button", { type: "button", class: "text", onclick: () => this.add() }, "更早的");
    this.root = h("div", {}, this.list, this.more);
    const { id, properties } = versions[0].feature;
    this.foot = [h("button", { type: "button", class: "second", onclick: () => editor.close() }, "关闭"), mine ? h("button", { type: "button", class: "text", onclick: () => editor.edit(properties.layer, id) }, "编辑现在这一版") : null];
    this.add();
  }

  static async of(editor, layer, id, mine) {
    const { versions } = await get(`/api/layers/${layer.id}/features/${id}/history`);
    return new History(editor, layer, versions, mine);
  }

  add() {
    const next = this.versions.slice(this.shown, this.shown + AT_ONCE);
    this.list.append(...next.map((version, i) => this.item(version, this.shown + i)));
    this.shown += next.length;
    this.more.hidden = this.shown >= this.versions.length;
  }

  item(version, i) {
    const before = this.versions[i + 1];
    const found = before ? differences(this.layer, before.feature, version.feature) : [];
    const what = before ? (found.length ? differenceList(found) : h("p", { class: "quiet" }, "内容没有变化")) : h("p", { class: "quiet" }, version.version === 1 ? "新增" : "更早的版本没有保留");
    const mark = i === 0 ? h("span", { class: "now" }, "现在") : null;
    const again = this.mine && i > 0 ? h("button", { type: "button", class: "text", onclick: () => this.restore(version) }, "恢复到这一版") : null;
    // A township cannot open what the county uploaded for all.
    const { me } = this.editor;
    const open = version.upload_id && (!me.region_code || me.username === version.by);
    const record = open ? h("a", { href: `/uploads#${version.upload_id}`, target: "_blank", rel: "noopener" }, "上传记录") : null;
    return h("li", {}, h("header", {}, h("b", {}, `第 ${version.version} 版`), mark, h("span", { class: "quiet num" }, `${version.by || "—"}　${moment(version.valid_from)}`)), what, again || record ? h("p", { class: "acts" }, again, record) : null);
  }

  restore(version) {
    const feature = this.versions[0].feature;
    this.editor.restore(this.layer, feature, version);
  }

  focus() {
    this.list.querySelector("b").parentElement.scrollIntoView({ block: "nearest" });
  }

  close() {}
}
