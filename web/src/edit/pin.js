// The point on the map while it is edited: to be dragged or pushed, with the old place left as a ghost.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { h } from "../dom.js";
import { lengthM } from "../planner/shapes.js";
import { latLng, toTrue } from "../shift.js";
import { swatch } from "../symbols.js";
import { distance } from "../words.js";

const DEGREE_M = 111_320;
const STEPS = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const SIDE = 44;
const rounded = (at) => at.map((value) => Number(value.toFixed(7)));

/** Metres that a point has moved, with as many digits as one can mean. */
export function movedM(from, to) {
  return from && to ? lengthM([from, to]) : 0;
}

export const metresText = (metres) => (metres < 10 ? `${metres.toFixed(1)} 米` : distance(metres));

export class Pin {
  /** `moved(at, done)`: [lon, lat] WGS-84; `done` when the hand lets go. */
  constructor(app, moved) {
    Object.assign(this, { app, moved, at: null, was: null });
  }

  /** `look`: {layer, grade, kind} of the symbol. */
  show(at, was, look) {
    this.remove();
    Object.assign(this, { at, was });
    const { map } = this.app;
    const icon = (cls, ...inside) => L.divIcon({ className: cls, html: h("div", {}, ...inside), iconSize: [SIDE, SIDE] });
    if (was) this.ghost = L.marker(latLng(was), { icon: icon("edit-ghost"), interactive: false, keyboard: false, zIndexOffset: 900 }).addTo(map);
    this.line = L.polyline([], { renderer: L.svg({ pane: "marks", padding: 0.5 }), className: "edit-line", interactive: false }).addTo(map);
    const symbol = swatch(this.app.scene.looks.get(look.layer), look.grade, 24, look.kind);
    this.marker = L.marker(latLng(at), { icon: icon("edit-pin", symbol), draggable: true, autoPan: true, zIndexOffset: 1000, title: "拖动，或用方向键移动" });
    this.marker.bindTooltip("", { permanent: true, direction: "top", offset: [0, -20], className: "edit-metres" });
    this.marker.addTo(map);
    this.marker.on("drag", () => this.take(this.marker.getLatLng(), false));
    this.marker.on("dragend", () => this.moved(this.at, true));
    const element = this.marker.getElement();
    element.setAttribute("role", "slider");
    element.setAttribute("aria-label", "点的位置。方向键一次移动 1 米，按住 Shift 一次 10 米");
    element.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  take({ lng, lat }, done) {
    this.at = rounded(toTrue([lng, lat]));
    this.draw(false);
    this.moved(this.at, done);
  }

  key(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const metres = event.shiftKey ? 10 : 1;
    const [lon, lat] = this.at;
    const wide = DEGREE_M * Math.cos((lat * Math.PI) / 180);
    this.set(rounded([lon + (step[0] * metres) / wide, lat + (step[1] * metres) / DEGREE_M]));
    this.moved(this.at, true);
  }

  set(at) {
    this.at = at;
    if (this.marker) this.draw();
  }

  draw(place = true) {
    const spot = latLng(this.at);
    if (place) this.marker.setLatLng(spot);
    const metres = movedM(this.was, this.at);
    const away = metres >= 0.05;
    this.line.setLatLngs(away ? [latLng(this.was), spot] : []);
    if (this.ghost) this.ghost.setLatLng(latLng(this.was)).setOpacity(away ? 1 : 0);
    const text = away ? `移动 ${metresText(metres)}` : "拖动来移动";
    this.marker.setTooltipContent(text);
    this.marker.getElement().setAttribute("aria-valuetext", text);
  }

  redraw() {
    if (this.marker) this.draw();
  }

  remove() {
    for (const layer of [this.marker, this.ghost, this.line]) if (layer) layer.remove();
    this.marker = this.ghost = this.line = null;
  }
}
