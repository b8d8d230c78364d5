// Drawing on the map by mouse or keys: a point, a line, an area.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { fill, h } from "../dom.js";
import { latLng, toTrue } from "../shift.js";

const LEAST = { point: 1, line: 2, polygon: 3 };
const NOUNS = { point: "位置", line: "线", polygon: "范围" };
// Two clicks of a double click lie this close together, in pixels.
const SAME_PX = 4;

export class Drawing {
  constructor(app) {
    this.app = app;
    this.kind = null;
    this.points = [];
    this.group = L.layerGroup();
    this.bar = app.map.getContainer().parentElement.appendChild(h("div", { class: "draw-bar", role: "toolbar", "aria-label": "绘制", hidden: true }));
    this.aim = app.map.getContainer().appendChild(h("i", { class: "aim", "aria-hidden": "true" }));
    app.map.on("mousemove", (event) => this.kind && this.rubber(event.latlng));
    app.map.on("dblclick", () => this.kind && this.finish());
    app.map.getContainer().addEventListener("keydown", (event) => this.key(event));
  }

  get active() {
    return this.kind !== null;
  }

  /** `done(points)` with [lon, lat] in WGS-84; `gone()` when it is given up. */
  start(kind, done, gone = () => {}) {
    this.stop();
    Object.assign(this, { kind, done, gone, points: [] });
    this.renderer = this.renderer || L.svg({ pane: "marks", padding: 0.5 });
    const { map } = this.app;
    map.doubleClickZoom.disable();
    this.group.addTo(map);
    document.body.classList.add("drawing");
    map.getContainer().focus({ preventScroll: true });
    this.redraw();
  }

  stop() {
    if (!this.kind) return;
    this.kind = null;
    this.group.clearLayers();
    this.group.remove();
    this.app.map.doubleClickZoom.enable();
    document.body.classList.remove("drawing", "by-keys");
    this.bar.hidden = true;
  }

  cancel() {
    if (!this.kind) return;
    this.stop();
    this.gone();
  }

  finish() {
    if (this.points.length < LEAST[this.kind]) return;
    const { points, done } = this;
    this.stop();
    done(points);
  }

  add(latlng) {
    const last = this.points[this.points.length - 1];
    const pixel = (at) => this.app.map.latLngToContainerPoint(at);
    if (last && pixel(latLng(last)).distanceTo(pixel(latlng)) < SAME_PX) return;
    this.points.push(toTrue([latlng.lng, latlng.lat]));
    if (this.kind === "point") this.finish();
    else this.redraw();
  }

  undo() {
    this.points.pop();
    this.redraw();
  }

  /** On the map: Space sets a point in its middle, Enter ends, Backspace takes one back. */
  key(event) {
    if (!this.kind || event.target !== this.app.map.getContainer()) return;
    const act = { " ": () => this.add(this.app.map.getCenter()), Enter: () => this.finish(), Backspace: () => this.undo() }[event.key];
    if (event.key.startsWith("Arrow") || act) document.body.classList.add("by-keys");
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  rubber(latlng) {
    document.body.classList.remove("by-keys");
    this.to = latlng;
    if (this.line) this.line.setLatLngs(this.path(latlng));
  }

  path(to) {
    const fixed = this.points.map(latLng);
    const path = to && fixed.length ? [...fixed, [to.lat, to.lng]] : fixed;
    return this.kind === "polygon" && path.length > 2 ? [...path, path[0]] : path;
  }

  redraw() {
    this.group.clearLayers();
    const { renderer } = this;
    this.line = L.polyline(this.path(null), { renderer, className: "draft", interactive: false });
    this.group.addLayer(this.line);
    for (const point of this.points) this.group.addLayer(L.circleMarker(latLng(point), { renderer, radius: 4.5, className: "draft-point", interactive: false }));
    this.sayBar();
  }

  sayBar() {
    const enough = this.points.length >= LEAST[this.kind];
    const act = (text, run, off) => h("button", { type: "button", onclick: run, disabled: off }, text);
    const how = this.kind === "point" ? "点击地图选定位置；键盘：方向键移动地图，空格选定中心" : `点击地图画${NOUNS[this.kind]}，双击结束；键盘：空格在中心加点，回车结束`;
    fill(
      this.bar,
      h("span", {}, how),
      this.kind === "point" ? null : act("退一点", () => this.undo(), !this.points.length),
      this.kind === "point" ? null : act("完成", () => this.finish(), !enough),
      act("取消", () => this.cancel()),
    );
    this.bar.hidden = false;
  }
}
