// The county's own base map: relief below, forest, water, roads and boundaries from our tiles.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { Turns } from "./breath.js";
import { palette } from "./palette.js";
import { sharpness } from "./sharpness.js";
import { RETRY_MS, TileStore, addressOf, covering, isPassing } from "./tiles.js";

const SIZE = 512;
// Names wait for the tiles of a view, for so long at most.
const PATIENCE_MS = 500;
/** The tiles of all maps of the page: many at once would hold up everything else. */
const turns = new Turns(2);
/** The zoom to which there are tiles of the ground; closer views enlarge those. */
export const limits = { deepest: 14 };

// class → first zoom, width of the road, width of its casing, at zoom 11, 14, 17
const ROADS = [
  { name: "unclassified", from: 13, widths: [0, 1.2, 4], casing: 1 },
  { name: "tertiary", from: 12, widths: [0.6, 2, 6], casing: 1.2 },
  { name: "secondary", from: 10, widths: [1, 3, 8], casing: 1.4 },
  { name: "primary", from: 8, widths: [1.5, 4, 10], casing: 1.6 },
  { name: "trunk", from: 6, widths: [2, 5, 12], casing: 1.8 },
];

function widthAt([w11, w14, w17], zoom) {
  if (zoom <= 11) return Math.max(0.5, w11 * 0.82 ** (11 - zoom));
  return zoom <= 14 ? w11 + ((w14 - w11) * (zoom - 11)) / 3 : w14 + ((w17 - w14) * (zoom - 14)) / 3;
}

/** Draws one tile; `scale`, `dx`, `dy` turn tile units into pixels of the canvas. */
class Painter {
  constructor(ctx, tile, zoom, scale, dx, dy) {
    Object.assign(this, { ctx, tile, zoom, scale, dx, dy });
    ctx.lineJoin = "round";
    ctx.lineCap = "round";
  }

  path(layer, wanted) {
    const source = this.tile.layers[layer];
    if (!source) return false;
    const { ctx, scale, dx, dy } = this;
    ctx.beginPath();
    let any = false;
    for (let i = 0; i < source.length; i++) {
      const feature = source.feature(i);
      if (wanted && !wanted(feature.properties, feature.type)) continue;
      if (feature.type === 1) continue;
      any = true;
      for (const ring of feature.loadGeometry()) {
        ctx.moveTo(ring[0].x * scale - dx, ring[0].y * scale - dy);
        for (let k = 1; k < ring.length; k++) ctx.lineTo(ring[k].x * scale - dx, ring[k].y * scale - dy);
      }
    }
    return any;
  }

  fill(layer, colour, wanted) {
    if (!this.path(layer, wanted)) return;
    this.ctx.fillStyle = colour;
    this.ctx.fill();
  }

  line(layer, colour, width, wanted, dash = []) {
    if (!(width > 0) || !this.path(layer, wanted)) return;
    this.ctx.setLineDash(dash);
    this.ctx.strokeStyle = colour;
    this.ctx.lineWidth = width;
    this.ctx.stroke();
    this.ctx.setLineDash([]);
  }

  ground() {
    const { zoom } = this;
    const { ground: look } = palette();
    this.fill("forest", look.forest);
    this.fill("mine", look.mine, (p, type) => type === 3);
    if (zoom >= 12) this.line("region", look.village, 0.8, (p) => p.level === "village", [2, 3]);
    this.line("river", look.river, widthAt([0.5, 1.2, 3], zoom), (p) => p.class !== "river" && zoom >= 11);
    this.line("river", look.river, widthAt([1.8, 4, 9], zoom), (p) => p.class === "river");
    this.fill("water", look.water);
    this.line("water", look.shore, 0.8);
  }

  roads() {
    const { roads: looks } = palette();
    const shown = ROADS.filter((road) => this.zoom >= road.from);
    for (const { name, widths, casing } of shown) {
      const width = widthAt(widths, this.zoom);
      this.line("road", looks[name][this.zoom < 12 ? 2 : 0], width + casing * (this.zoom < 12 ? 0.8 : 1.4), (p) => classOf(p.class) === name);
    }
    if (this.zoom < 12) return;
    for (const { name, widths } of shown)
      this.line("road", looks[name][1], widthAt(widths, this.zoom), (p) => classOf(p.class) === name);
  }

  boundaries() {
    const { ground: look } = palette();
    this.line("region", look.township, this.zoom < 11 ? 0.9 : 1.2, (p) => p.level === "township", [7, 3, 1.5, 3]);
    this.line("region", look.county, 1.8, (p) => p.level === "county");
  }
}

const MAJOR = new Set(ROADS.map((road) => road.name).filter((name) => name !== "unclassified"));
const classOf = (name) => (name === "motorway" ? "trunk" : MAJOR.has(name) ? name : "unclassified");

const LINES = { river: (p) => p.class === "river", road: (p) => classOf(p.class) !== "unclassified" };

/** Names of a tile, in tile units 0..1: {kind, text, x, y, rank}. */
function namesOf(tile) {
  const found = [];
  const each = (layer, take) => {
    const source = tile.layers[layer];
    for (let i = 0; source && i < source.length; i++) {
      const feature = source.feature(i);
      const text = feature.properties.name;
      if (text) take(feature, String(text), source.extent);
    }
  };
  const push = (kind, text, point, extent, rank) => {
    const [x, y] = [point.x / extent, point.y / extent];
    if (x >= 0 && y >= 0 && x < 1 && y < 1) found.push({ kind, text, x, y, rank });
  };
  each("region_label", (feature, text, extent) =>
    push(feature.properties.level, text, feature.loadGeometry()[0][0], extent, 0),
  );
  for (const [layer, wanted] of Object.entries(LINES))
    each(layer, (feature, text, extent) => {
      if (!wanted(feature.properties)) return;
      const line = feature.loadGeometry().reduce((a, b) => (b.length > a.length ? b : a));
      push(layer, text, line[line.length >> 1], extent, line.length);
    });
  for (const layer of ["water", "mine"])
    each(layer, (feature, text, extent) => {
      const [west, south, east, north] = box(feature.loadGeometry());
      push(layer, text, { x: (west + east) / 2, y: (south + north) / 2 }, extent, (east - west) * (north - south));
    });
  return found;
}

function box(rings) {
  const out = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of rings[0]) {
    out[0] = Math.min(out[0], x);
    out[1] = Math.min(out[1], y);
    out[2] = Math.max(out[2], x);
    out[3] = Math.max(out[3], y);
  }
  return out;
}

const decode = (tile) => (tile ? { layers: tile.layers, names: namesOf(tile) } : { layers: {}, names: [] });

function paint(canvas, tile, coords, place, deeper) {
  // Nothing to paint takes no bitmap: beyond the county that is most of the window.
  if (!Object.keys(tile.layers).length) return;
  const ratio = sharpness();
  canvas.width = canvas.height = SIZE * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const dx = (coords.x - place.x * deeper) * SIZE;
  const dy = (coords.y - place.y * deeper) * SIZE;
  paintTile(ctx, tile, coords.z, SIZE * deeper, dx, dy);
}

/** One tile, `side` units wide, whose corner lies at -dx, -dy of the canvas. */
export function paintTile(ctx, tile, zoom, side, dx, dy) {
  const layer = Object.values(tile.layers)[0];
  if (!layer) return;
  const painter = new Painter(ctx, tile, zoom, side / layer.extent, dx, dy);
  painter.ground();
  painter.roads();
  painter.boundaries();
}

export const tileAt = (z, x, y) => ({ layer: "base", z, x, y });

/** Tiles of 512 pixels at map zoom z are those of z - 1; past the deepest, part of a parent. */
function placeOf(coords) {
  const z = Math.min(coords.z - 1, limits.deepest);
  const deeper = 2 ** (coords.z - 1 - z);
  return { place: tileAt(z, Math.floor(coords.x / deeper), Math.floor(coords.y / deeper)), deeper };
}

const Ground = L.GridLayer.extend({
  options: { tileSize: SIZE, updateWhenZooming: false, keepBuffer: 1, maxZoom: 20, minZoom: 1 },

  initialize(store) {
    L.setOptions(this, {});
    this.store = store;
  },

  paintAgain(canvas, coords) {
    const { place, deeper } = placeOf(coords);
    const tile = this.store.peek(addressOf(place));
    if (tile) paint(canvas, tile, coords, place, deeper);
  },

  createTile(coords, done) {
    const canvas = L.DomUtil.create("canvas", "leaflet-tile");
    const { place, deeper } = placeOf(coords);
    const { z } = place;
    if (place.x < 0 || place.y < 0 || place.x >= 2 ** z || place.y >= 2 ** z) {
      setTimeout(() => done(null, canvas), 0);
      return canvas;
    }
    const show = () =>
      this.store.load(place).then(async (tile) => {
        await turns.take(() => canvas.isConnected && paint(canvas, tile, coords, place, deeper));
        this.fire("drawn");
      });
    // Ground that a failing server kept back comes by itself, for as long as its place is in view.
    const again = (error) => {
      if (isPassing(error)) setTimeout(() => canvas.isConnected && show().catch(again), RETRY_MS);
    };
    show().then(
      () => done(null, canvas),
      (error) => {
        done(error, canvas);
        again(error);
      },
    );
    return canvas;
  },
});

export const County = L.Layer.extend({
  /** `store`: tiles to share with the same ground on another map. */
  initialize(store = new TileStore(decode, 48)) {
    this.store = store;
    this.ground = new Ground(this.store);
    this.ground.on("load", () => {
      clearTimeout(this.late);
      this.fire("drawn");
    });
    this.ground.on("drawn", () => this._drawn());
  },

  /** What reads names from the tiles looks again when all have come, not at each. */
  _drawn() {
    clearTimeout(this.late);
    this.late = setTimeout(() => this.fire("drawn"), this.ground.isLoading() ? PATIENCE_MS : 0);
  },

  setRelief(relief) {
    if (!relief) return;
    if (this.relief) {
      this.relief.setUrl(relief.url);
      return;
    }
    const [west, south, east, north] = relief.bounds;
    this.relief = L.imageOverlay(relief.url, [[south, west], [north, east]], {
      pane: "relief",
      className: "relief",
      alt: "",
    });
    if (this._map) this.relief.addTo(this._map);
  },

  setOutline(rings) {
    if (this.mask) return;
    const world = [[-85, -180], [-85, 180], [85, 180], [85, -180]];
    this.mask = L.polygon([world, ...rings], {
      pane: "mask",
      className: "county-mask",
      stroke: false,
      interactive: false,
      renderer: L.svg({ pane: "mask", padding: 0.5 }),
    });
    if (this._map) this.mask.addTo(this._map);
  },

  /** In the colours of the palette that is now in use; Leaflet's own redraw knows no half zooms. */
  repaint() {
    for (const { el, coords } of Object.values(this.ground._tiles || {})) this.ground.paintAgain(el, coords);
  },

  parts() {
    return [this.ground, this.relief, this.mask].filter(Boolean);
  },

  onAdd(map) {
    for (const part of this.parts()) part.addTo(map);
    map.getContainer().classList.add("on-county");
  },

  onRemove(map) {
    for (const part of this.parts()) part.remove();
    map.getContainer().classList.remove("on-county");
  },

  /** Names in a box of world pixels at a zoom: {kind, text, x, y, rank} in world pixels. */
  places(min, max, zoom) {
    const z = Math.min(Math.round(zoom) - 1, limits.deepest);
    const size = 256 * 2 ** (zoom - z);
    const found = [];
    for (const place of covering(min, max, z, size)) {
      const tile = this.store.peek(addressOf(tileAt(z, place.x, place.y)));
      for (const name of tile ? tile.names : [])
        found.push({ ...name, x: (place.x + name.x) * size, y: (place.y + name.y) * size });
    }
    return found;
  },
});
