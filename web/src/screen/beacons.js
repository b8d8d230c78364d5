// Rings round what has just changed: they close in once, stay a while and go. Never many.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { h } from "../dom.js";
import { latLng } from "../shift.js";

const MOST = 8;
const STAY_MS = 30_000;
const RADIUS = 21;

export class Beacons {
  constructor(panes) {
    this.panes = panes;
    this.kept = [];
    // A guest on the canvases only to keep names off the rings.
    for (const { scene } of panes) scene.guests.push({ circles: () => this._circles(scene) });
  }

  _circles(scene) {
    return this.kept.map(({ lonlat }) => {
      const [x, y] = scene.spot(lonlat);
      return { x, y, r: RADIUS };
    });
  }

  /**
   * Mark a place on every map that shows its layer (all, when none is named). `symbol` makes the
   * thing's own, for where it would not be seen among a township's figures.
   */
  show(lonlat, { layer = null, symbol = null, stay = STAY_MS } = {}) {
    const markers = [];
    for (const { map, scene, box } of this.panes) {
      if (!box.offsetWidth || (layer && scene.shown.size && !scene.shown.has(layer))) continue;
      const icon = L.divIcon({ className: "beacon", iconSize: [2 * RADIUS, 2 * RADIUS], html: h("div", {}, h("i"), scene.isFolded(layer) && symbol ? symbol() : null) });
      markers.push(L.marker(latLng(lonlat), { icon, pane: "marks", interactive: false, keyboard: false }).addTo(map));
    }
    const beacon = { lonlat, markers, timer: stay ? setTimeout(() => this.drop(beacon), stay) : 0 };
    this.kept.push(beacon);
    while (this.kept.length > MOST) this.drop(this.kept[0]);
    for (const { scene } of this.panes) scene.redrawSoon();
    return beacon;
  }

  drop(beacon) {
    clearTimeout(beacon.timer);
    for (const marker of beacon.markers) marker.remove();
    this.kept = this.kept.filter((other) => other !== beacon);
  }

  clear() {
    for (const beacon of this.kept.slice()) this.drop(beacon);
  }
}
