// A new point: first of which kind it is.
import { h } from "../dom.js";
import { Pin } from "./pin.js";

export class LayerChoice {
  constructor(editor, at) {
    Object.assign(this, { editor, at, dirty: false });
    const { app } = editor;
    const tile = (layer) => h("button", { type: "button", onclick: () => editor.add(this.at, layer.id) }, app.popups.symbol(layer.id), h("span", {}, layer.noun));
    this.root = h("div", { class: "edit-kinds" }, h("p", {}, "这里要加的是："), h("div", { class: "tiles" }, ...app.layers.map(tile)));
    this.foot = [h("button", { type: "button", class: "second", onclick: () => editor.close() }, "取消")];
    this.pin = new Pin(app, (to) => (this.at = to));
    if (at) this.pin.show(at, null, { layer: app.layers[0].id, grade: 0 });
  }

  focus() {
    this.root.querySelector("button").focus();
  }

  redraw() {
    this.pin.redraw();
  }

  close() {
    this.pin.remove();
  }
}
