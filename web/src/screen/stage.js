// The maps on the wall: one large, one small a layer, all with the same view.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { County } from "../county.js";
import { Scene, painted } from "../scene.js";
import { latLng } from "../shift.js";
import { magnify } from "../sharpness.js";
import { reliefFor } from "./relief.js";

const PANES = [["relief", 190], ["mask", 220], ["points", 420], ["marks", 450]];
// A map's unit is larger than the page's: names on it are read from as far away as the figures.
const MAP_UNIT = 1.25;
// So much deeper than the whole county, single things stand for themselves.
const UNFOLD = 1.4;
const WIDE = 2.4;
// Pixels of a map's unit on paper.
const PAPER = 2;

/** One map with its ground and its points. */
class Pane {
  constructor(box, map, store) {
    this.box = box;
    this.map = map;
    map.options.zoomSnap = 0.1;
    map.options.zoomDelta = 0.5;
    map.options.wheelPxPerZoomLevel = 90;
    for (const [name, order] of PANES) map.createPane(name).style.zIndex = order;
    this.scene = map.scene = new Scene({ nameWorst: true, padding: 0.1 });
    this.ground = new County(store);
    this.scene.setGround(this.ground);
    this.fit = null;
  }

  get shown() {
    return this.box.offsetWidth > 0;
  }

  /** The map drawn in its own unit and magnified as a whole; returns how much. */
  resize(scale, bounds, printing = false) {
    const before = this.fit;
    this._magnify(scale, printing);
    if (!bounds) return scale;
    this.fit = this.map.getBoundsZoom(L.latLngBounds(bounds).pad(0.012), false);
    if (!printing || before === null) return scale;
    // Paper waits for no tiles: the view stays, whose tiles are here.
    const kept = scale * 2 ** (this.fit - before);
    this.fit = before;
    this._magnify(kept, true);
    return kept;
  }

  _magnify(scale, pan) {
    const holder = this.box.firstElementChild;
    const map = this.map.getContainer();
    map.style.width = `${holder.clientWidth / scale}px`;
    map.style.height = `${holder.clientHeight / scale}px`;
    map.style.transform = scale === 1 ? "" : `scale(${scale})`;
    this.map.invalidateSize({ animate: false, pan });
  }

  open() {
    if (this.opened) return;
    this.opened = true;
    this.scene.addTo(this.map);
    // The points are asked for and painted first; the ground comes in below them.
    painted(this.scene).then(() => this.ground.addTo(this.map));
  }
}

export class Stage extends L.Evented {
  constructor(shell, parts) {
    super();
    this.parts = parts;
    this.shell = shell;
    this.large = new Pane(parts.large, shell.map);
    this.small = new Map();
    for (const [id, [map]] of Object.entries(shell.small))
      this.small.set(id, new Pane(parts.small.get(id), map, this.large.ground.store));
    this.view = "county";
    this.asOf = null;
    this.byHand = false;
    this.looks = new Map();
    // Layers that something else than their tiles draws in their own view.
    this.drawn = new Set();
    for (const pane of this.panes()) this._follow(pane);
    window.addEventListener("resize", () => this.resize());
  }

  panes() {
    return [this.large, ...this.small.values()];
  }

  shownPanes() {
    return this.panes().filter((pane) => pane.shown);
  }

  /** about: what `/api/map` says. */
  setCounty(about) {
    const [west, south, east, north] = about.county.bounds || [73, 18, 135, 54];
    this.bounds = [latLng([west, south]), latLng([east, north])];
    this.about = about;
  }

  /** The county's edge as rings of [lon, lat]: what is outside is dimmed. */
  setOutline(rings) {
    for (const { ground } of this.panes()) ground.setOutline(rings.map((ring) => ring.map(latLng)));
  }

  /** In the palette that is now in use. */
  async setTheme(theme) {
    for (const pane of this.panes()) {
      if (!pane.opened || !pane.shown) continue;
      pane.ground.repaint();
      pane.scene.redrawNow();
    }
    await this.setRelief(theme);
  }

  async setRelief(theme) {
    const { relief } = this.about;
    if (!relief) return;
    const url = await reliefFor(theme, relief.url, this.shell.darken);
    for (const { ground } of this.panes()) ground.setRelief({ ...relief, url });
  }

  setLooks(looks) {
    this.looks = looks;
    for (const pane of this.panes()) pane.scene.setLooks(looks);
  }

  /** Figures by town's name in place of the points of ungraded layers, while the county is whole. */
  setFigures(towns) {
    this.towns = towns;
    this._fold();
  }

  _fold() {
    const { fit, scene } = this.large;
    const plain = [...this.looks.values()].filter((look) => !look.graded).map((look) => look.layer);
    const folds = this.view === "county" && this.towns && fit !== null;
    scene.setFolded(folds ? { below: fit + UNFOLD, layers: new Set(plain), towns: this.towns } : null);
  }

  setMoment(asOf) {
    this.asOf = asOf;
    for (const pane of this.panes()) pane.scene.setMoment(asOf);
  }

  /** county | four | focus | a layer's id. */
  show(view) {
    this.view = view;
    document.body.dataset.view = this.small.has(view) ? "single" : view;
    this.resize();
    this.applyLayers();
    this._fold();
    this.fire("view");
  }

  /** In the large map: all layers of the county, the graded ones of an event, or a single one. */
  applyLayers() {
    const { features, small } = this.shell;
    const { view } = this;
    for (const [id, layer] of Object.entries(features)) {
      const look = this.looks.get(id);
      const shown = view === "county" || (view === "focus" && look && look.graded) || (view === id && !this.drawn.has(id));
      if (shown) layer.addTo(this.large.map);
      else layer.remove();
    }
    for (const [id, [map, layer]] of Object.entries(small)) {
      if (!this.small.get(id).shown) continue;
      if (this.drawn.has(id)) layer.remove();
      else layer.addTo(map);
    }
  }

  get wide() {
    return window.innerWidth / window.innerHeight > WIDE;
  }

  resize(printing = false) {
    const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    this.scale = Math.round(unit * MAP_UNIT * 1000) / 1000;
    magnify(printing ? PAPER : this.scale);
    document.body.classList.toggle("wide", this.wide);
    // Told once: asking again after each change would lay the page out again each time.
    const shown = this.shownPanes();
    this._quietly(() => {
      // A new size moves a map's centre: that is nobody's view to follow.
      const scales = shown.map((pane) => pane.resize(this.scale, this.bounds, printing));
      if (this.large.shown) [this.scale] = scales;
      if (!printing) for (const pane of shown) this._place(pane);
    });
    for (const pane of shown) pane.open();
  }

  _quietly(act) {
    const before = this.moving;
    this.moving = true;
    try {
      act();
    } finally {
      this.moving = before;
    }
  }

  /** Give a pane the view all have: a centre, and how much deeper than the whole county. */
  _place(pane, animate = false) {
    const whole = L.latLngBounds(this.bounds).getCenter();
    const { centre, depth } = this.common || { centre: whole, depth: 0 };
    pane.map.setView(centre, pane.fit + depth, { animate, duration: 0.6 });
  }

  _follow(pane) {
    const { map } = pane;
    map.on("move", () => {
      if (this.moving) return;
      this.common = { centre: map.getCenter(), depth: map.getZoom() - pane.fit };
      this._quietly(() => {
        for (const other of this.shownPanes()) if (other !== pane) this._place(other);
      });
    });
    const hand = () => this._hand();
    map.on("dragstart", hand);
    map.getContainer().addEventListener("wheel", hand, { passive: true });
    map.getContainer().addEventListener("dblclick", hand);
    map.on("keydown", ({ originalEvent }) => /^Arrow|^[-+=]$/.test(originalEvent.key) && hand());
    map.on("click", (event) => this.fire("pick", { pane, latlng: event.latlng, point: event.containerPoint }));
  }

  _hand() {
    if (this.byHand) return;
    this.byHand = true;
    this.fire("hand");
  }

  /** Names on the large map keep clear of an element that lies over it. */
  keepClear(element) {
    const { scene, box } = this.large;
    const [own, all] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
    const inside = (value) => value / this.scale;
    const blocked = own.width ? [[inside(own.left - all.left), inside(own.top - all.top), inside(own.right - all.left), inside(own.bottom - all.top)]] : [];
    if (String(blocked) === String(scene.blocked)) return;
    scene.setBlocked(blocked);
  }

  /** Back to the whole county, whatever hand moved it. */
  release() {
    const moved = this.byHand;
    this.byHand = false;
    this.common = null;
    this._quietly(() => {
      for (const pane of this.shownPanes()) this._place(pane);
    });
    if (moved) this.fire("hand");
  }

  /** A click on a bubble: closer, by hand. */
  enter(pane, latlng) {
    this.common = { centre: latlng, depth: pane.map.getZoom() - pane.fit + 1.5 };
    this._quietly(() => {
      for (const one of this.shownPanes()) this._place(one);
    });
    this._hand();
  }

  /** Where the wall looks now, to come back to. */
  remember() {
    return { common: this.common, byHand: this.byHand };
  }

  recall({ common, byHand }) {
    this.common = common;
    this.byHand = byHand;
    this._quietly(() => {
      for (const pane of this.shownPanes()) this._place(pane);
    });
    this.fire("hand");
  }

  /** Look at a box of [lon, lat] places; `deepest` bounds how close. */
  lookAt(places, deepest = 4) {
    const box = L.latLngBounds(places.map(latLng));
    const room = this.large.map.getSize();
    const pad = L.point(room.x * 0.08, room.y * 0.08);
    const zoom = Math.min(this.large.map.getBoundsZoom(box, false, pad.multiplyBy(2)), this.large.fit + deepest);
    this.common = { centre: box.getCenter(), depth: zoom - this.large.fit };
    this._quietly(() => {
      for (const pane of this.shownPanes()) this._place(pane);
    });
  }
}
