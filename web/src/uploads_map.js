// The difference on the county's own map: new points, moved points with their way, changed points.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { get } from "./api.js";
import { County } from "./county.js";
import { h } from "./dom.js";
import { Lettering } from "./labels.js";
import "./scalebar.js";
import { FATES } from "./uploads_words.js";
import { distance } from "./words.js";

const INK = "#14564f";
const DOT = { radius: 5, color: "#ffffff", weight: 1.5, fillColor: INK, fillOpacity: 1 };
const RING = { radius: 6, color: INK, weight: 2.5, fillColor: "#ffffff", fillOpacity: 0.9 };
const WAY = { color: INK, weight: 2, dashArray: "5 4", interactive: false };
const START = { radius: 3, color: INK, weight: 1.5, fillColor: "#ffffff", fillOpacity: 1, interactive: false };
const SHAPE = { color: INK, weight: 2, fillOpacity: 0.15 };
const SEEN_PX = 30;
const SPOKEN = 60;

/** Names of towns, villages and waters of the base map, below the points. */
const Names = L.Layer.extend({
  initialize(county) {
    this.county = county;
  },

  onAdd(map) {
    this.canvas = L.DomUtil.create("canvas", "leaflet-zoom-hide", map.getPane("names"));
    map.on("moveend zoomend resize", this.draw, this);
    this.county.on("drawn", this.soon, this);
    this.draw();
  },

  onRemove(map) {
    map.off("moveend zoomend resize", this.draw, this);
    this.county.off("drawn", this.soon, this);
    cancelAnimationFrame(this.frame);
    this.canvas.remove();
  },

  soon() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  },

  draw() {
    const map = this._map;
    if (!map || !map._loaded) return;
    const size = map.getSize();
    const ratio = window.devicePixelRatio > 1.2 ? 2 : 1;
    L.DomUtil.setPosition(this.canvas, map.containerPointToLayerPoint([0, 0]));
    this.canvas.width = size.x * ratio;
    this.canvas.height = size.y * ratio;
    this.canvas.style.width = `${size.x}px`;
    this.canvas.style.height = `${size.y}px`;
    const ctx = this.canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    const { min } = map.getPixelBounds();
    const places = this.county.places(min, min.add(size), map.getZoom());
    for (const place of places) {
      place.x -= min.x;
      place.y -= min.y;
    }
    const lettering = new Lettering(ctx);
    lettering.towns(places, map.getZoom());
    lettering.places(places, map.getZoom());
  },
});

const Pen = L.Canvas.extend({
  /** A frame that was asked for before the map was taken away may still come. */
  _redraw() {
    if (this._ctx) L.Canvas.prototype._redraw.call(this);
  },
});

export class ReviewMap {
  /** `region` is the feature of /api/regions that the upload is bound to, or null. */
  constructor(upload, region) {
    this.upload = upload;
    this.region = region;
    this.ground = h("div", { class: "ground", role: "application", "aria-label": "差异图", tabindex: "0" });
    this.note = h("p", { class: "hint" }, "正在读取…");
    this.element = h("div", { class: "map-box" }, this.ground, h("div", { class: "map-foot" }, legend(), this.note));
    this.ways = [];
  }

  /** After the element stands in the page, so that its size is known. */
  async open() {
    const map = (this.map = L.map(this.ground, {
      attributionControl: false,
      zoomControl: false,
      minZoom: 3,
      maxZoom: 18,
      zoomSnap: 0.5,
      renderer: new Pen({ padding: 0.3 }),
    }));
    for (const [name, order] of [["relief", 190], ["mask", 220], ["names", 350]]) map.createPane(name).style.zIndex = order;
    L.control.zoom({ position: "topright", zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(map);
    L.control.scale({ imperial: false, maxWidth: 100, position: "bottomright" }).addTo(map);
    const [about, county, found] = await Promise.all([
      get("/api/map"),
      get("/api/regions?level=county"),
      get(`/api/uploads/${this.upload.id}/preview`),
    ]);
    if (!this.map) return;
    this.base(about, county);
    this.draw(found.features);
  }

  close() {
    if (this.map) this.map.remove();
    this.map = null;
  }

  base({ county, relief }, outline) {
    const { map } = this;
    const { bounds } = county;
    this.home = bounds ? L.latLngBounds([bounds[1], bounds[0]], [bounds[3], bounds[2]]) : null;
    if (this.home) map.fitBounds(this.home, { animate: false });
    else map.setView([35, 104], 5, { animate: false });
    const base = new County();
    base.addTo(map);
    base.setRelief(relief);
    base.setOutline(outline.features.flatMap(({ geometry }) => rings(geometry)));
    new Names(base).addTo(map);
    if (this.region) {
      const own = rings(this.region.geometry);
      L.polyline(own, { className: "own-edge", interactive: false, renderer: L.svg({ pane: "mask", padding: 0.5 }) }).addTo(map);
    }
  }

  draw(features) {
    const { map } = this;
    const all = L.featureGroup();
    for (const feature of features.filter((f) => f.geometry && f.properties.action !== "new")) this.mark(feature, all);
    for (const feature of features.filter((f) => f.geometry && f.properties.action === "new")) this.mark(feature, all);
    all.addTo(map);
    map.on("zoomend", () => this.speak());
    const bounds = all.getBounds();
    if (bounds.isValid()) map.fitBounds(bounds.pad(0.08), { maxZoom: 14, animate: false, padding: [18, 18] });
    else if (this.region) map.fitBounds(rings(this.region.geometry), { animate: false });
    this.speak();
    this.note.textContent = noted(this.upload, features.length);
  }

  mark(feature, all) {
    const { geometry, properties } = feature;
    const fresh = properties.action === "new";
    if (geometry.type !== "Point") {
      L.geoJSON(feature, { style: SHAPE, interactive: true }).bindPopup(() => card(properties), POPUP).addTo(all);
      return;
    }
    const at = [geometry.coordinates[1], geometry.coordinates[0]];
    if (properties.from && properties.from.type === "Point") {
      const from = [properties.from.coordinates[1], properties.from.coordinates[0]];
      const way = L.polyline([from, at], WAY).addTo(all);
      L.circleMarker(from, START).addTo(all);
      this.ways.push({ way, from, at, metres: properties.moved_m });
    }
    L.circleMarker(at, fresh ? DOT : RING).bindPopup(() => card(properties), POPUP).addTo(all);
  }

  /** Metres beside the ways that are long enough on the screen to be told apart. */
  speak() {
    const { map } = this;
    let spoken = 0;
    for (const { way, from, at, metres } of this.ways) {
      const long = map.latLngToLayerPoint(from).distanceTo(map.latLngToLayerPoint(at)) >= SEEN_PX;
      const wanted = long && spoken < SPOKEN;
      if (wanted) spoken += 1;
      if (wanted === Boolean(way.getTooltip())) continue;
      if (wanted) way.bindTooltip(h("span", {}, distance(metres)), { permanent: true, direction: "center", className: "metres" });
      else way.unbindTooltip();
    }
  }

  /** Show a row of a table. */
  show(row) {
    if (!this.map) return;
    const at = [row.lat, row.lon];
    this.map.setView(at, Math.max(this.map.getZoom(), 15), { animate: false });
    this.map.openPopup(card(row), at, { ...POPUP, offset: [0, -2] });
    this.ground.scrollIntoView({ block: "nearest" });
  }
}

const POPUP = { closeButton: false, maxWidth: 280, minWidth: 120 };

function card({ action, name, code, row, moved_m: moved }) {
  const { title } = FATES.find((f) => f.action === action);
  const facts = [title, moved ? `移动 ${distance(moved)}` : null, `第 ${row} 行`, code].filter(Boolean);
  return h("div", { class: "spot" }, h("b", {}, name || "（未命名）"), h("p", { class: "quiet" }, facts.join(" · ")));
}

function legend() {
  const entry = (kind, words) => h("li", {}, h("i", { class: kind, "aria-hidden": "true" }), words);
  return h("ul", { class: "map-key" }, entry("dot", "新增"), entry("ring", "修改"), entry("way", "移动，从旧位置到新位置"));
}

function noted({ counts }, drawn) {
  const parts = [];
  if (drawn >= 5000) parts.push("只画出前 5,000 个");
  if (!drawn) parts.push("没有要新增或修改的点");
  if (counts.rejected) parts.push("退回的行不画在图上");
  return parts.join("；") || "未变的点不画";
}

function rings(geometry) {
  if (!geometry) return [];
  const flat = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  return flat.map((ring) => ring.map(([lon, lat]) => [lat, lon]));
}
