// One canvas for every point, bubble and name on the map.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { Lettering } from "./labels.js";
import { paintItems } from "./paint.js";
import { decodePoints, placeGraded, placeQuiet, reserve } from "./points.js";
import { latLng, shifted, toScreen } from "./shift.js";
import { sharpness } from "./sharpness.js";
import { RETRY_MS, TileStore, addressOf, covering, isPassing } from "./tiles.js";

const DEEPEST = 16;
const CROWD = 4000;
const REST_MS = 100;

export const Scene = L.Renderer.extend({
  options: { padding: 0.2, pane: "points" },

  /** options.nameWorst: things of the worst grade are named at any zoom. */
  initialize(options = {}) {
    L.Renderer.prototype.initialize.call(this, options);
    this.store = new TileStore(decodePoints, 320);
    // So much round the window is painted once somebody moves the map, in parts of its size.
    this.margin = this.options.padding;
    this.options.padding = 0;
    this.looks = new Map();
    this.shown = new Set();
    this.placed = { items: [], grid: null };
    this.ground = null;
    this.asOf = null;
    this.folded = null;
    // What else is drawn on this canvas: objects with some of circles(), plates(ctx, boxes) (its boxes),
    // under(ctx), over(ctx), names() and ownTowns.
    this.guests = [];
    // Boxes of the container where something else stands, for names to keep away from.
    this.blocked = [];
    // How strongly points are painted: while an answer is shown all else steps back.
    this.presence = 1;
  },

  /** looks: Map of layer id → {layer, shape, graded, version, count}. */
  setLooks(looks) {
    const same = ({ layer, version, count, graded }) => {
      const known = this.looks.get(layer);
      return known && known.version === version && !known.count === !count && known.graded === graded;
    };
    const changed = looks.size !== this.looks.size || ![...looks.values()].every(same);
    this.looks = looks;
    if (changed) this.updateSoon();
  },

  setGround(ground) {
    const before = this.ground;
    if (before) before.off("drawn", this.redrawSoon, this);
    this.ground = ground;
    // A first ground says itself when there are names to be set.
    if (ground) ground.on("drawn", this.redrawSoon, this);
    if (before) this.updateSoon();
  },

  /** Show the past: an ISO time with offset, or null for now. */
  setMoment(asOf) {
    this.asOf = asOf;
    this.updateSoon();
  },

  /** Below a zoom layers stand as figures by their town's name: {below, layers: Set, towns: Map}. */
  setFolded(folded) {
    if (!folded && !this.folded) return;
    this.folded = folded;
    this.updateSoon();
  },

  isFolded(layer) {
    return Boolean(this.folded && this._map.getZoom() < this.folded.below && this.folded.layers.has(layer));
  },

  show(id) {
    if (this.shown.has(id)) return;
    this.shown.add(id);
    this.updateSoon();
  },

  hide(id) {
    this.shown.delete(id);
    this.updateSoon();
  },

  _initContainer() {
    this._container = L.DomUtil.create("canvas", "points");
    this._container.setAttribute("aria-hidden", "true");
    this._ctx = this._container.getContext("2d");
  },

  onAdd() {
    L.Renderer.prototype.onAdd.call(this);
    this._map.once("movestart", () => (this.options.padding = this.margin));
    // A hand drags what lies beyond the edge into view before anything is drawn anew.
    this._map.once("dragstart", this.redrawNow, this);
  },

  _destroyContainer() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.soon);
    this.soon = this.frame = 0;
    this._container.remove();
    delete this._container;
    delete this._ctx;
  },

  _updatePaths() {},
  _onZoomEnd() {},

  _reset() {
    this._update();
    // While the new zoom's tiles are on their way the old picture stays, scaled.
    if (this._zoom !== undefined) this._updateTransform(this._map.getCenter(), this._map.getZoom());
  },

  _world() {
    const map = this._map;
    const size = map.getSize();
    const centre = map.project(map.getCenter());
    const half = size.multiplyBy(0.5 + this.margin);
    return { min: centre.subtract(half), max: centre.add(half), zoom: map.getZoom() };
  },

  _wanted() {
    const { min, max, zoom } = this._world();
    // A cell of an aggregated tile is 32 to 64 pixels wide, at zooms between two as well.
    const z = Math.max(0, Math.min(Math.ceil(zoom - 0.05) - 1, DEEPEST));
    const size = 256 * 2 ** (zoom - z);
    const margin = shifted() ? 40 : 0;
    const room = L.point(margin, margin);
    const places = covering(min.subtract(room), max.add(room), z, size);
    const wanted = [];
    for (const layer of this.shown) {
      const look = this.looks.get(layer);
      if (!look || (!look.count && !this.asOf) || this.isFolded(layer)) continue;
      const query = this.asOf ? `as_of=${encodeURIComponent(this.asOf)}` : `v=${look.version}`;
      for (const { x, y } of places) {
        const tile = { layer, z, x, y, query };
        const key = `${this.asOf ? query : ""}${layer}/${z}/${x}/${y}`;
        wanted.push({ ...tile, size, key, url: addressOf(tile) });
      }
    }
    return wanted;
  },

  /** Once for all that is set in one go. */
  updateSoon() {
    if (this.pending) return;
    this.pending = true;
    Promise.resolve().then(() => {
      this.pending = false;
      this._update();
    });
  },

  _update() {
    if (!this._map || !this._map._loaded) return;
    if (this._map._animatingZoom && this._bounds) return;
    const wanted = this._wanted();
    this.store.keepOnly(new Set(wanted.map((tile) => tile.url)));
    const missing = wanted.filter((tile) => this.store.peek(tile.url, tile.key) === undefined);
    const jumped = this._zoom !== this._map.getZoom();
    if (!missing.length || !jumped) this._draw(wanted);
    if (missing.length) this._load(missing);
    else this.fire("settled");
  },

  _load(missing) {
    const round = (this.round = (this.round || 0) + 1);
    this.asked = performance.now();
    let passing = false;
    const loads = missing.map((tile) =>
      this.store.load(tile, tile.url, tile.key).then(
        () => this._zoom === this._map.getZoom() && this.redrawSoon(),
        (error) => (passing = passing || isPassing(error)),
      ),
    );
    Promise.all(loads).then(() => {
      if (round !== this.round || !this._map) return;
      this._draw(this._wanted());
      // Points that a failing server kept back must not stay away until somebody moves the map.
      if (passing) setTimeout(() => round === this.round && this._update(), RETRY_MS);
      this.fire("settled");
    });
  },

  redrawSoon() {
    if (this.frame || this.soon) return;
    // Tiles come in dozens: a picture a frame for each would cost more than they do.
    const rest = REST_MS - (performance.now() - Math.max(this.drawn || 0, this.asked || 0));
    if (rest > 0) {
      this.soon = setTimeout(() => {
        this.soon = 0;
        this.redrawSoon();
      }, rest);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this._map && this._zoom === this._map.getZoom() && !this._map._animatingZoom) this._draw(this._wanted());
    });
  },

  /** What is to be kept clear: boxes of the container. Only what stands there is drawn anew. */
  setBlocked(boxes) {
    const freed = this.blocked.length > 0;
    this.blocked = boxes;
    const { lettering } = this.placed;
    if (lettering && (freed || this._blockedBoxes().some((box) => !lettering.boxes.free(box)))) this.redrawSoon();
  },

  _blockedBoxes() {
    const [left, top] = this._window();
    return this.blocked.map(([x1, y1, x2, y2]) => [x1 + left, y1 + top, x2 + left, y2 + top]);
  },

  /** On a clean canvas: one that is only wiped is white on paper and hides the ground. */
  redrawNow() {
    if (!this._map || !this._bounds) return;
    this._container.width = 0;
    this._draw(this._wanted());
  },

  _draw(wanted) {
    // What was to be drawn soon is drawn now.
    clearTimeout(this.soon);
    cancelAnimationFrame(this.frame);
    this.soon = this.frame = 0;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    const ratio = sharpness();
    const canvas = this._container;
    L.DomUtil.setTransform(canvas, this._bounds.min, 1);
    this.corner = this._map.getPixelOrigin().add(this._bounds.min);
    // A canvas as large as the window is filled in when there is something to put on it.
    if (!this.drawn && !this.guests.length && !wanted.some(({ key }) => this.store.latest(key)) && !this._places(size).length) return;
    this.drawn = performance.now();
    const [wide, tall] = [Math.round(size.x * ratio), Math.round(size.y * ratio)];
    const clean = canvas.width !== wide || canvas.height !== tall;
    if (clean) Object.assign(canvas, { width: wide, height: tall });
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    const ctx = this._ctx;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    if (!clean) ctx.clearRect(0, 0, wide, tall);
    ctx.scale(ratio, ratio);
    this._arrange(ctx, this._gather(wanted, size), size);
  },

  /** Graded points first, then towns' names, then the rest round both, then other names. */
  _arrange(ctx, items, size) {
    const zoom = this._zoom;
    const { graded, grid } = placeGraded(items.filter((item) => item.graded), zoom);
    const lettering = new Lettering(ctx, this._window());
    lettering.avoid(graded);
    for (const box of this._blockedBoxes()) lettering.boxes.add(box);
    const places = this._places(size);
    const figures = this.folded && zoom < this.folded.below ? this.folded.towns : null;
    for (const guest of this._guests("under")) guest.under(ctx);
    for (const guest of this._guests("circles")) lettering.avoid(guest.circles());
    const told = this._guests("plates").flatMap((guest) => guest.plates(ctx, lettering.boxes));
    for (const guest of this._guests("names")) told.push(...lettering.features(guest.names(), guest.nameStyle));
    if (!this.guests.some((guest) => guest.ownTowns))
      told.push(...lettering.towns(places, zoom, figures));
    for (const box of told) reserve(grid, box);
    const quiet = placeQuiet(items.filter((item) => !item.graded), zoom, grid);
    lettering.avoid(quiet);
    ctx.globalAlpha = this.presence;
    paintItems(ctx, quiet, this.looks);
    paintItems(ctx, graded, this.looks);
    const worst = (item) => zoom >= 13 || (this.options.nameWorst && item.grade === 1);
    lettering.features(named(graded, worst).concat(named(quiet, () => zoom >= 15)));
    ctx.globalAlpha = 1;
    lettering.places(places, zoom);
    for (const guest of this._guests("over")) guest.over(ctx);
    this.placed = { items: quiet.concat(graded), grid, lettering };
  },

  /** The part of the canvas that is on the screen. */
  _window() {
    const { x, y } = this._map.containerPointToLayerPoint([0, 0]).subtract(this._bounds.min);
    const size = this._map.getSize();
    return [x, y, x + size.x, y + size.y];
  },

  _guests(act) {
    return this.guests.filter((guest) => guest[act]);
  },

  _places(size) {
    if (!this.ground) return [];
    const places = this.ground.places(this.corner, this.corner.add(size), this._zoom);
    for (const place of places) {
      place.x -= this.corner.x;
      place.y -= this.corner.y;
    }
    return places;
  },

  /** Items in canvas pixels; a crowd is binned first so that layout stays cheap. */
  _gather(wanted, size) {
    const tiles = wanted
      .map((tile) => ({ ...tile, data: this.store.latest(tile.key) }))
      .filter((tile) => tile.data);
    const crowded = tiles.reduce((sum, tile) => sum + tile.data.n, 0) > CROWD;
    const items = [];
    const bins = new Map();
    for (const { layer, x, y, size: side, data } of tiles) {
      const { graded } = this.looks.get(layer);
      for (let i = 0; i < data.n; i++) {
        const [px, py] = this._pixel((x + data.xs[i]) * side, (y + data.ys[i]) * side);
        if (px < -40 || py < -40 || px > size.x + 40 || py > size.y + 40) continue;
        const key = crowded ? `${layer} ${Math.floor(px / 36)} ${Math.floor(py / 36)}` : null;
        const bin = crowded ? bins.get(key) : null;
        if (bin) {
          addTo(bin, px, py, data.counts[i], data.grades[i], layer);
          continue;
        }
        const item = itemOf(layer, graded, px, py, data, i);
        if (crowded) bins.set(key, item);
        items.push(item);
      }
    }
    return items;
  },

  _pixel(wx, wy) {
    if (!shifted()) return [wx - this.corner.x, wy - this.corner.y];
    const map = this._map;
    const { lng, lat } = map.unproject([wx, wy], this._zoom);
    const [lon2, lat2] = toScreen([lng, lat]);
    const point = map.project([lat2, lon2], this._zoom);
    return [point.x - this.corner.x, point.y - this.corner.y];
  },

  /** What stands at a point of the map container: an item or null. */
  at(containerPoint) {
    const { grid } = this.placed;
    if (!grid || this._zoom !== this._map.getZoom()) return null;
    const point = this._map.containerPointToLayerPoint(containerPoint).subtract(this._bounds.min);
    const found = (test) => grid.touching(point.x, point.y, 0, 2, test);
    return found((item) => item.graded) || found((item) => !item.reserved);
  },

  /** Where a stored place lies on the canvas. */
  spot(lonlat) {
    const { x, y } = this._map.project(latLng(lonlat), this._zoom);
    return [x - this.corner.x, y - this.corner.y];
  },

  latLngOf(item) {
    return this._map.unproject(this.corner.add([item.x, item.y]), this._zoom);
  },
});

const PATIENCE_MS = 300;

/** When the points are painted, or after a while: what stands round a map is built after them. */
export function painted(scene) {
  return new Promise((resolve) => {
    // A page in the background paints nothing.
    setTimeout(resolve, PATIENCE_MS);
    scene.once("settled", () => requestAnimationFrame(() => setTimeout(resolve, 0)));
  });
}

function named(items, told) {
  return items
    .filter((item) => item.count === 1 && item.members && told(item))
    .map(({ x, y, r, members }) => ({ x, y, r, name: members[0].name }))
    .reverse();
}

function itemOf(layer, graded, x, y, data, i) {
  const single = data.counts[i] === 1 && !Number.isNaN(data.ids[i]);
  const member = single && { layer, id: data.ids[i], name: data.names[i], kind: data.kinds[i], grade: data.grades[i] };
  return {
    x,
    y,
    graded,
    count: data.counts[i],
    grade: data.grades[i],
    layers: { [layer]: data.counts[i] },
    members: member ? [member] : null,
  };
}

function addTo(bin, x, y, count, grade, layer) {
  const total = bin.count + count;
  bin.x = (bin.x * bin.count + x * count) / total;
  bin.y = (bin.y * bin.count + y * count) / total;
  bin.count = total;
  bin.grade = bin.grade && grade ? Math.min(bin.grade, grade) : bin.grade || grade;
  bin.layers[layer] += count;
  bin.members = null;
}

/** Folium's handle of one layer: adding it to the map shows its points. */
export const Features = L.Layer.extend({
  initialize(id) {
    this.id = id;
  },
  onAdd(map) {
    map.scene.show(this.id);
  },
  onRemove(map) {
    map.scene.hide(this.id);
  },
});
