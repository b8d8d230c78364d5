// The map page: Folium's shell calls mapsvc.start() with its map and layers. What is here draws the
// points; all that stands round them comes after, in a file of its own (desk.js).
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { get, link } from "./api.js";
import { breath } from "./breath.js";
import { County } from "./county.js";
import { h } from "./dom.js";
import { readHash, writeHash } from "./hash.js";
import "./scalebar.js";
import { Features, Scene, painted } from "./scene.js";
import { NAMES, latLng, shifted, toTrue, useCrs } from "./shift.js";
import { connectionBar, ribbon } from "./status.js";
import { lookOf, useSymbols } from "./symbols.js";
import { moment } from "./words.js";

const REFRESH_MS = 60_000;
// Widths that the sheets of layers and of the workbench take, and what the map needs between them.
const PANEL = 332;
const BENCH = 394;
const ENOUGH = 360;

class App {
  constructor(map, shell) {
    this.map = map;
    this.shell = shell;
    this.base = null;
    this.layers = [];
    for (const [name, order] of [["relief", 190], ["mask", 220], ["outline", 230], ["points", 420], ["marks", 450]])
      map.createPane(name).style.zIndex = order;
    this.scene = map.scene = new Scene();
    this.wanted = readHash();
    connectionBar(() => this.refresh());
    this.load().catch((error) => this.fail(error));
  }

  async load() {
    const [about, layers, symbols] = await Promise.all([get("/api/map"), get("/api/layers"), get("/api/symbols")]);
    useSymbols(symbols);
    this.about = about;
    document.title = `${about.title} · 一张图`;
    if (about.demo) ribbon();
    this.view();
    this.scene.addTo(this.map);
    const wanted = layers.filter(({ id }) => !this.wanted.layers || this.wanted.layers.includes(id));
    this.scene.setLooks(looksOf(layers));
    for (const { id } of wanted) this.scene.show(id);
    // A base map of another system moves all points: they wait for it.
    const base = this.shell.baseMaps.find(({ id }) => id === this.wanted.base) || this.shell.baseMaps[0];
    await (wanted.length && base.crs === "wgs84" ? painted(this.scene) : null);
    await this.furnish(layers);
    await breath();
    this.useBase(base.id);
    for (const { id } of wanted) this.toggle(id, true);
    this.listen();
    await breath();
    this.outline();
    // The view of an address that was sent is its sender's.
    this.quietStart = this.wanted.zoom !== undefined;
    await this.bench.closures.load();
    await this.bench.restore(this.wanted.more);
    this.ready = true;
  }

  /** What stands round the map, for who is here. */
  async furnish(layers) {
    const [{ furnish }, me, roads] = await Promise.all([
      import("./desk.js"),
      get("/api/session"),
      // An offline map has none, and says so where it matters.
      get("/api/roads").catch(() => null),
    ]);
    this.offline = Boolean(me.offline);
    await furnish(this, { me, layers, roads });
    this.takeLayers(layers);
  }

  view() {
    const { bounds } = this.about.county;
    const { zoom, lat, lon } = this.wanted;
    if (zoom !== undefined) this.map.setView([lat, lon], zoom, { animate: false });
    else if (bounds) {
      const [west, south, east, north] = bounds;
      const left = window.innerWidth > 720 ? PANEL : 0;
      const right = window.innerWidth - PANEL - BENCH > ENOUGH ? BENCH : 12;
      const box = [[south, west], [north, east]];
      this.map.fitBounds(box, { paddingTopLeft: [left, 12], paddingBottomRight: [right, 12], animate: false });
    } else this.map.setView([35, 104], 5, { animate: false });
  }

  /** Fresh facts about the layers; a new version makes new tile addresses. */
  takeLayers(layers) {
    this.layers = layers;
    this.byId = new Map(layers.map((layer) => [layer.id, layer]));
    this.scene.setLooks(looksOf(layers));
    this.panel.update(layers);
  }

  async refresh() {
    const [about, layers] = await Promise.all([get("/api/map"), get("/api/layers")]);
    this.about.time = about.time;
    this.takeLayers(layers);
    await this.bench.setLayers(layers);
    this.sayNote();
  }

  listen() {
    const { map } = this;
    const save = () => this.save();
    map.on("moveend", save);
    // An address put into the open page is another view: begin anew.
    window.addEventListener("hashchange", () => location.reload());
    map.on("click", (event) => this.click(event));
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === map.getContainer()) this.ask(map.getCenter());
    });
    setInterval(() => {
      if (!document.hidden) this.refresh().catch(() => {});
    }, REFRESH_MS);
    link.addEventListener("up", () => this.map.eachLayer((layer) => layer.redraw && layer.redraw()));
  }

  click(event) {
    const editing = Boolean(this.editor && this.editor.active);
    if (editing && this.editor.click(event.latlng)) return;
    if (!editing && this.bench.click(event.latlng, event.containerPoint)) return;
    const item = this.scene.at(event.containerPoint);
    if (!item) return this.ask(event.latlng);
    if (item.count === 1 && item.members) {
      const [member] = item.members;
      return this.popups.open(member.layer, member.id, this.scene.latLngOf(item));
    }
    return this.into(item);
  }

  /** Into a bubble; one that no zoom opens lists its members. */
  into(item) {
    const { map } = this;
    const at = this.scene.latLngOf(item);
    if (map.getZoom() >= map.getMaxZoom()) {
      if (item.members) this.popups.list(item.members, at);
      return;
    }
    const deeper = item.count > 200 ? 1 : 2;
    map.flyTo(at, Math.min(map.getMaxZoom(), map.getZoom() + deeper), { duration: 0.4 });
  }

  ask(latlng) {
    if (this.editor && this.editor.active) {
      this.editor.click(latlng);
      return;
    }
    this.quietStart = false;
    this.bench.from(toTrue([latlng.lng, latlng.lat]));
  }

  toggle(id, on) {
    const layer = this.shell.features[id];
    if (!layer) return;
    if (on) layer.addTo(this.map);
    else layer.remove();
    this.panel.setShown(id, on);
    this.save();
  }

  shown() {
    return this.layers.filter(({ id }) => this.scene.shown.has(id));
  }

  useBase(id) {
    const base = this.shell.baseMaps.find((b) => b.id === id);
    const first = !this.base;
    if (!first) for (const layer of this.shell.pictures[this.base.id]) layer.remove();
    const centre = this.map.getCenter();
    const kept = toTrue([centre.lng, centre.lat]);
    this.base = base;
    useCrs(base.crs);
    for (const layer of this.shell.pictures[id]) layer.addTo(this.map);
    if (shifted()) this.map.setView(latLng(kept), this.map.getZoom(), { animate: false });
    const [picture] = this.shell.pictures[id];
    const own = picture instanceof County;
    if (own) picture.setRelief(this.about.relief);
    this.scene.setGround(own ? picture : null);
    this.panel.setBase(id);
    if (!first) this.bench.redraw();
    if (this.editor) this.editor.redraw();
    this.popups.close();
    this.sayNote();
    this.outline();
    this.save();
  }

  /** County edge: dims the outside of our own map, outlines townships on a foreign one. */
  async outline() {
    if (this.edges) this.edges.remove();
    this.edges = null;
    const own = this.shell.pictures[this.base.id][0] instanceof County;
    try {
      const found = await this.regions(own ? "county" : "township");
      if (own !== this.shell.pictures[this.base.id][0] instanceof County) return;
      const rings = found.features.flatMap(({ geometry }) => ringsOf(geometry).map((ring) => ring.map(latLng)));
      if (own) this.shell.pictures[this.base.id][0].setOutline(rings);
      else {
        const renderer = L.svg({ pane: "outline", padding: 0.5 });
        this.edges = L.polyline(rings, { renderer, className: "township-edges", interactive: false });
        this.edges.addTo(this.map);
      }
    } catch (error) {
      // Without outlines the map is poorer but right.
      console.warn("outlines:", error.message);
    }
  }

  regions(level) {
    this.known = this.known || {};
    this.known[level] = this.known[level] || get(`/api/regions?level=${level}`);
    return this.known[level];
  }

  sayNote() {
    const { crs, attribution } = this.base;
    const parts = [`数据时间 ${moment(this.about.time)}`];
    if (attribution) parts.unshift(attribution);
    if (shifted()) parts.push(`底图坐标：${NAMES[crs]}，点位仅在显示时偏移`);
    if (this.base.id === "county") parts.unshift("底图：本县数据，内部使用，未经地图审核");
    this.note.textContent = parts.join("　");
  }

  save() {
    const centre = this.map.getCenter();
    const view = {
      zoom: this.map.getZoom(),
      lat: centre.lat,
      lon: centre.lng,
      layers: this.shown().map(({ id }) => id),
      base: this.base && this.base.id,
    };
    // Until all is restored the address still holds what is to be restored.
    writeHash(view, this.ready ? this.bench.address() : [...this.wanted.more]);
  }

  fail(error) {
    document.body.append(h("div", { class: "fatal", role: "alert" }, `地图没有打开：${error.message}`));
  }
}

const looksOf = (layers) => new Map(layers.map((layer) => [layer.id, lookOf(layer, { version: layer.version, count: layer.count })]));

function ringsOf(geometry) {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
}

// What Folium's shell calls, and no more: the rest of Leaflet is left out where nothing uses it.
window.L = { map: L.map, control: L.control, tileLayer: L.tileLayer };
window.mapsvc = {
  county: () => new County(),
  features: (id) => new Features(id),
  start: (map, shell) => {
    window.mapsvc.app = new App(map, shell);
  },
};
