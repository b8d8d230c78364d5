// What was done, and the way back.
import { send } from "../api.js";
import { fill, h } from "../dom.js";
import { differenceList, differences } from "./compare.js";

const DONE = { new: "已新增", changed: "已保存", deleted: "已删除" };

export class Receipt {
  /** `act` new, changed or deleted; `before`, `after`: the feature, null where there is none. */
  constructor(editor, layer, { act, before, after, change }) {
    Object.assign(this, { editor, layer, act, before, after, change, dirty: false });
    const feature = after || before;
    const found = differences(layer, before, after);
    const version = after ? `，现在是第 ${after.properties.version} 版` : "";
    this.title = h("h3", { tabindex: "-1" }, `${DONE[act]}${act === "changed" ? ` ${found.length} 处` : ""}${version}`);
    this.alert = h("div", { class: "edit-alert", role: "alert", hidden: true });
    this.list = act === "deleted" ? h("p", {}, `${layer.noun}“${feature.properties.name}”已从图上删除，历史仍然保留。`) : differenceList(found, act === "changed");
    this.undo = h("button", { type: "button", class: "second", onclick: () => this.back() }, act === "changed" ? "撤销这次修改" : act === "new" ? "撤销这次新增" : "撤销这次删除");
    const record = h("a", { href: `/uploads#${change}`, target: "_blank", rel: "noopener" }, "在上传记录里看");
    this.root = h("div", { class: "edit-receipt" }, this.alert, this.title, this.list, h("p", { class: "acts" }, this.undo, record));
    const next = act === "new" ? h("button", { type: "button", class: "second", onclick: () => editor.add(null, layer.id) }, "再加一个") : null;
    this.further = after ? h("button", { type: "button", class: "text", onclick: () => editor.edit(layer.id, after.id) }, "继续编辑") : null;
    this.foot = [h("button", { type: "button", class: "primary", onclick: () => editor.close() }, "完成"), next, this.further];
  }

  async back() {
    this.undo.disabled = true;
    try {
      await send("POST", `/api/uploads/${this.change}/rollback`);
      await this.editor.refresh();
      this.title.textContent = "已撤销，图上恢复原样";
      this.undo.remove();
      this.root.classList.add("gone");
      if (this.act === "deleted") this.list.remove();
      if (this.further && this.act === "new") this.further.remove();
      this.title.focus();
    } catch (error) {
      this.undo.disabled = false;
      const reasons = (error.body && error.body.conflicts) || [];
      fill(this.alert, h("p", {}, error.message), ...reasons.map(({ name, reason }) => h("p", {}, `${name || ""} ${reason || ""}`)));
      this.alert.hidden = false;
    }
  }

  focus() {
    this.title.focus();
  }

  close() {}
}
