// Editing on the map: one sheet on the right, in which a form, a conflict, a receipt or a history stands.
import { Problem, call, session, signIn } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h } from "../dom.js";
import { latLng, toTrue } from "../shift.js";
import { Conflict } from "./conflict.js";
import { Form } from "./form.js";
import { History } from "./history.js";
import { LayerChoice } from "./layers.js";
import { Receipt } from "./receipt.js";
import { signInHere } from "./signing.js";
import { typed } from "./values.js";

const NEAR_ZOOM = 15;
const JSON_TYPE = { "Content-Type": "application/json", "X-Requested-With": "mapsvc" };
const address = (layer, id) => `/api/layers/${layer}/features/${id}`;

/** {feature, mine}: a feature as it is now, and whether this person may change it. */
export async function readFeature(layer, id) {
  const answer = await call(address(layer, id));
  const feature = await answer.json();
  return { feature, mine: /\bPATCH\b/.test(answer.headers.get("Allow") || "") };
}

export class Editor {
  constructor(app, me) {
    Object.assign(this, { app, me, view: null });
    this.kind = h("p", { class: "kind" });
    this.title = h("h2", {});
    this.symbol = h("span", { class: "symbol" });
    this.body = h("div", { class: "edit-body" });
    this.foot = h("footer", {});
    const shut = h("button", { type: "button", class: "close", "aria-label": "关闭", onclick: () => this.close() }, "×");
    this.root = document.body.appendChild(h("aside", { class: "sheet edit", "aria-label": "编辑", hidden: true }, h("header", {}, this.symbol, h("div", {}, this.kind, this.title), shut), this.body, this.foot));
    this.root.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("beforeunload", (event) => this.dirty && (event.preventDefault(), (event.returnValue = "")));
    session.ended = () => (this.active ? this.signInAgain() : signIn());
  }

  /** May this person change anything at all? */
  get writes() {
    return (this.me.rights || []).includes("edit");
  }

  /** May this person see the field only in part? */
  hides(field) {
    return Boolean(field.personal) && !(this.me.rights || []).includes("reads_personal");
  }

  get active() {
    return this.view !== null;
  }

  get dirty() {
    return this.active && this.view.dirty;
  }

  key(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    this.close();
  }

  // What stands in the sheet

  show(view, { title, kind, symbol = null }) {
    if (this.view && this.view !== view && this.view.form !== view && view.form !== this.view) this.view.close();
    const opened = !this.active;
    this.view = view;
    this.title.textContent = title;
    this.kind.textContent = kind;
    fill(this.symbol, symbol);
    fill(this.body, view.root);
    fill(this.foot, ...view.foot);
    this.body.scrollTop = 0;
    this.root.hidden = false;
    if (opened) this.mode(true);
    this.app.popups.close();
    view.focus();
  }

  mode(on) {
    const { app } = this;
    app.bench.drawing.cancel();
    document.body.classList.toggle("with-edit", on);
    app.bench.fade();
  }

  head(layer, feature, kind) {
    return { title: (feature && feature.properties.name) || layer.noun, kind, symbol: this.app.popups.symbolOf(layer, feature) };
  }

  /** → true once nothing unsaved is lost by going on. */
  async leave() {
    if (!this.dirty) return true;
    return ask({ title: "有没有保存的修改", body: [h("p", {}, "离开后，刚才填的内容就没有了。")], yes: "放弃修改", no: "继续编辑" });
  }

  async close() {
    if (!this.active || !(await this.leave())) return;
    this.view.close();
    this.view = null;
    this.root.hidden = true;
    this.mode(false);
    this.app.map.getContainer().focus({ preventScroll: true });
  }

  // Ways in

  async edit(layerId, id) {
    if (!(await this.leave())) return;
    const { feature, mine } = await readFeature(layerId, id);
    const layer = this.app.byId.get(layerId);
    if (!mine) return;
    this.form(layer, feature);
  }

  form(layer, feature, more) {
    const form = new Form(this, layer, feature, more);
    this.show(form, this.head(layer, feature, `编辑${layer.noun}`));
    this.reveal(layer.id);
    this.frame(form.where.at);
  }

  /** A new feature, at a place and in a layer as far as they are known. */
  async add(at, layerId = null) {
    if (!(await this.leave())) return;
    if (layerId === null) {
      this.show(new LayerChoice(this, at), { title: "加一个点", kind: "新增" });
      return;
    }
    const layer = this.app.byId.get(layerId);
    const filled = { at, typed: (field) => field.base };
    this.show(new Form(this, layer, null, { filled }), this.head(layer, null, "新增"));
    this.reveal(layerId);
    if (at) this.frame(at);
  }

  /** In the middle of the map, for those without a mouse. */
  addHere() {
    const { lng, lat } = this.app.map.getCenter();
    return this.add(toTrue([lng, lat]));
  }

  async history(layerId, id) {
    if (!(await this.leave())) return;
    const layer = this.app.byId.get(layerId);
    const { feature, mine } = await readFeature(layerId, id);
    this.show(await History.of(this, layer, id, mine), this.head(layer, feature, "历史"));
  }

  /** The form filled with an old version: it is looked at, then saved as a new one. */
  restore(layer, feature, version) {
    const old = version.feature;
    const filled = { at: old.geometry.coordinates, typed: ({ field }) => typed(old.properties[field.id], field) };
    this.form(layer, feature, { filled, note: `已填入第 ${version.version} 版的内容。核对后点“保存”，才会恢复。` });
  }

  // Saving

  async save(form) {
    if (form.save.disabled) return;
    const { layer, feature } = form;
    this.declined = false;
    form.say(null);
    form.busy(true);
    try {
      const url = feature ? address(layer.id, feature.id) : `/api/layers/${layer.id}/features`;
      const headers = feature ? { ...JSON_TYPE, "If-Match": `"${feature.properties.version}"` } : JSON_TYPE;
      const answer = await call(url, { method: feature ? "PATCH" : "POST", headers, body: JSON.stringify(form.sent()) });
      const after = await answer.json();
      await this.done(layer, { act: feature ? "changed" : "new", before: feature, after, change: answer.headers.get("Change-Set") });
    } catch (error) {
      form.busy(false);
      await this.refused(form, error);
    }
  }

  async done(layer, what) {
    if (what.change === null) {
      this.view.feature = what.after;
      this.view.busy(false);
      this.view.say("与已保存的内容相同，没有需要保存的。");
      return;
    }
    this.show(new Receipt(this, layer, what), this.head(layer, what.after || what.before, what.act === "new" ? "新增" : what.act === "changed" ? `编辑${layer.noun}` : "删除"));
    await this.refresh();
  }

  async refused(form, error) {
    const { status, body = {} } = error;
    if (status === 412) return this.conflict(form, body.current);
    if (status === 422 && body.problems) return form.say(error.message, body.problems);
    if (status === 409) return form.say(null, [{ field: body.code === "code_taken" ? "code" : "name", message: error.message }], this.twin(body.twin));
    if (status === 404 && form.feature) return form.say(`这${form.layer.noun}已被别人删除，没有保存。您填的内容还在。`, [], h("button", { type: "button", class: "second", onclick: () => this.anew(form) }, "另存为新的一条"));
    const lost = error instanceof Problem ? error.message : "与服务器的连接断开了。";
    return form.say(`没有保存：${lost}您填的内容还在，稍后再点“保存”。`);
  }

  twin(twin) {
    if (!twin) return null;
    return h("button", { type: "button", class: "text", onclick: () => this.app.popups.open(twin.layer, twin.id) }, "看图上的那一条");
  }

  async conflict(form, theirs) {
    const url = `${address(form.layer.id, theirs.id)}/history`;
    const versions = await call(url).then((answer) => answer.json()).catch(() => ({ versions: [] }));
    const newest = versions.versions[0];
    const view = new Conflict(this, form, theirs, newest && { by: newest.by, at: newest.valid_from });
    if (view.rows.length) this.show(view, this.head(form.layer, theirs, "两边的修改"));
    else view.take();
  }

  /** From a conflict to the form that it came from. */
  back(form) {
    this.show(form, this.head(form.layer, form.feature, `编辑${form.layer.noun}`));
  }

  /** What was written about a feature that is gone, as a feature of its own. */
  anew(form) {
    const values = new Map(form.fields.map(({ field, value }) => [field.id, value]));
    const filled = { at: form.where.at, typed: ({ field }) => values.get(field.id) };
    this.show(new Form(this, form.layer, null, { filled }), this.head(form.layer, null, "新增"));
  }

  async remove(form) {
    const { layer, feature } = form;
    const { name, code, region_name: region, version } = feature.properties;
    const sure = await ask({
      title: `删除${layer.noun}“${name}”？`,
      body: [h("p", {}, [code && `编号 ${code}`, region].filter(Boolean).join("，")), h("p", { class: "quiet" }, "删除后可以撤销，历史也会保留。")],
      yes: `删除“${name.length > 12 ? `${name.slice(0, 12)}…` : name}”`,
    });
    if (!sure) return;
    try {
      const answer = await call(address(layer.id, feature.id), { method: "DELETE", headers: { ...JSON_TYPE, "If-Match": `"${version}"` } });
      await this.done(layer, { act: "deleted", before: feature, after: null, change: answer.headers.get("Change-Set") });
    } catch (error) {
      const { status, body = {} } = error;
      const note = "打开之后有人改过这一条，所以没有删除。这是现在的内容，请看过再决定。";
      if (status === 412 && !form.dirty) this.form(layer, body.current, { note });
      else await this.refused(form, error);
    }
  }

  async refresh() {
    await this.app.refresh().catch(() => {});
  }

  signInAgain() {
    if (this.declined) return false;
    this.signing = this.signing || signInHere(this.me.username).then((signed) => {
      this.signing = null;
      this.declined = !signed;
      return signed;
    });
    return this.signing;
  }

  // The map

  /** A click on the map; true when it was of use here. */
  click(latlng) {
    const { where } = this.view || {};
    if (!where || where.at) return false;
    where.typed(toTrue([latlng.lng, latlng.lat]));
    return true;
  }

  reveal(layerId) {
    if (!this.app.scene.shown.has(layerId)) this.app.toggle(layerId, true);
  }

  /** Bring a place into the free part of the map, near enough to see what one does. */
  frame(at) {
    const { map } = this.app;
    if (!at) return;
    const spot = latLng(at);
    if (map.getZoom() < NEAR_ZOOM) map.setView(spot, NEAR_ZOOM, { animate: false });
    const { x, y } = map.getSize();
    const [left, top, right, bottom] = window.innerWidth > 720 ? [340, 60, x - 500, y - 60] : [30, 60, x - 30, y * 0.4];
    const now = map.latLngToContainerPoint(spot);
    if (now.x > left && now.x < right && now.y > top && now.y < bottom) return;
    map.panBy([now.x - (left + right) / 2, now.y - (top + bottom) / 2], { animate: false });
  }

  redraw() {
    if (this.view && this.view.redraw) this.view.redraw();
  }
}
