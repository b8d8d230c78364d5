// The county's own base map for paper: one sharp picture without seams, at any zoom.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { County, limits, paintTile, tileAt } from "../county.js";
import { sharpness } from "../sharpness.js";
import { addressOf, covering } from "../tiles.js";

const PaperGround = L.Layer.extend({
  initialize(store) {
    this.store = store;
  },

  onAdd(map) {
    this.canvas = map.getPane("tilePane").appendChild(L.DomUtil.create("canvas", "paper-ground"));
    this.update();
  },

  onRemove() {
    this.canvas.remove();
  },

  getEvents() {
    return { moveend: this.update, resize: this.update, viewreset: this.update };
  },

  /** Fires "drawn" once all tiles of the view are there. */
  async update() {
    const map = this._map;
    if (!map || !map._loaded) return;
    const round = (this.round = {});
    const zoom = map.getZoom();
    const size = map.getSize();
    const { min, max } = map.getPixelBounds();
    const z = Math.max(0, Math.min(Math.round(zoom) - 1, limits.deepest));
    const side = 256 * 2 ** (zoom - z);
    this.settled = false;
    const places = covering(min, max, z, side).map(({ x, y }) => tileAt(z, x, y));
    const tiles = await Promise.all(places.map((place) => this.store.load(place, addressOf(place)).catch(() => null)));
    if (round !== this.round || !this._map) return;
    const ratio = sharpness();
    const { canvas } = this;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    Object.assign(canvas, { width: Math.round(size.x * ratio), height: Math.round(size.y * ratio) });
    Object.assign(canvas.style, { width: `${size.x}px`, height: `${size.y}px` });
    const ctx = canvas.getContext("2d");
    places.forEach((place, i) => tiles[i] && this.tile(ctx, tiles[i], zoom, side, { x: place.x * side - min.x, y: place.y * side - min.y }));
    this.settled = true;
    this.fire("drawn");
  },

  /** Clipped to whole dots, so that two neighbours neither overlap nor gape. */
  tile(ctx, tile, zoom, side, { x, y }) {
    const ratio = sharpness();
    const [left, top, right, bottom] = [x, y, x + side, y + side].map((edge) => Math.round(edge * ratio));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    ctx.scale(ratio, ratio);
    paintTile(ctx, tile, zoom, side, -x, -y);
    ctx.restore();
  },
});

export const PaperCounty = County.extend({
  initialize() {
    County.prototype.initialize.call(this);
    this.ground = new PaperGround(this.store);
    this.ground.on("drawn", () => this.fire("drawn"));
  },
});
