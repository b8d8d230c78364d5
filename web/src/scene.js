// One canvas for every point, bubble and name on the map.
import L from "leaflet";
import { Lettering, FONT } from "./labels.js";
import { decodePoints, placeGraded, placeQuiet, reserve } from "./points.js";
import { shifted, toScreen } from "./shift.js";
import { GRADE, INK, PAPER, UNGRADED, drawSymbol } from "./symbols.js";
import { TileStore, covering } from "./tiles.js";

const DEEPEST = 16;
const CROWD = 4000;
const TINTS = { 1: "#fbe6e6", 2: "#fdeee0", 3: "#fdf6d9", 4: "#e5eefb", 0: "#f1f3f2" };

export const Scene = L.Renderer.extend({
  options: { padding: 0.2, pane: "points" },

  initialize() {
    L.Renderer.prototype.initialize.call(this, {});
    this.store = new TileStore(decodePoints, 320);
    this.looks = new Map();
    this.shown = new Set();
    this.placed = { items: [], grid: null };
    this.ground = null;
  },

  /** looks: Map of layer id → {shape, colour, graded, version, noun}. */
  setLooks(looks) {
    this.looks = looks;
    if (this._map) this._update();
  },

  setGround(ground) {
    if (this.ground) this.ground.off("drawn", this.redrawSoon, this);
    this.ground = ground;
    if (ground) ground.on("drawn", this.redrawSoon, this);
    this._update();
  },

  show(id) {
    this.shown.add(id);
    this._update();
  },

  hide(id) {
    this.shown.delete(id);
    this._update();
  },

  _initContainer() {
    this._container = L.DomUtil.create("canvas", "points");
    this._container.setAttribute("aria-hidden", "true");
    this._ctx = this._container.getContext("2d");
  },

  _destroyContainer() {
    cancelAnimationFrame(this.frame);
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
    const half = size.multiplyBy(0.5 + this.options.padding);
    return { min: centre.subtract(half), max: centre.add(half), zoom: map.getZoom() };
  },

  _wanted() {
    const { min, max, zoom } = this._world();
    const z = Math.max(0, Math.min(Math.floor(zoom) - 1, DEEPEST));
    const size = 256 * 2 ** (zoom - z);
    const margin = shifted() ? 40 : 0;
    const room = L.point(margin, margin);
    const places = covering(min.subtract(room), max.add(room), z, size);
    const wanted = [];
    for (const layer of this.shown) {
      const look = this.looks.get(layer);
      if (!look || !look.count) continue;
      for (const { x, y } of places)
        wanted.push({ layer, x, y, size, url: `/tiles/${layer}/${z}/${x}/${y}.mvt?v=${look.version}` });
    }
    return wanted;
  },

  _update() {
    if (!this._map || !this._map._loaded) return;
    if (this._map._animatingZoom && this._bounds) return;
    const wanted = this._wanted();
    this.store.keepOnly(new Set(wanted.map((tile) => tile.url)));
    const missing = wanted.filter((tile) => this.store.peek(tile.url) === undefined);
    const jumped = this._zoom !== this._map.getZoom();
    if (!missing.length || !jumped) this._draw(wanted);
    if (missing.length) this._load(missing);
    else this.fire("settled");
  },

  _load(missing) {
    const round = (this.round = (this.round || 0) + 1);
    const loads = missing.map((tile) =>
      this.store.load(tile.url, tile).then(
        () => this._zoom === this._map.getZoom() && this.redrawSoon(),
        () => {},
      ),
    );
    Promise.all(loads).then(() => {
      if (round !== this.round || !this._map) return;
      this._draw(this._wanted());
      this.fire("settled");
    });
  },

  redrawSoon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this._map && this._zoom === this._map.getZoom() && !this._map._animatingZoom) this._draw(this._wanted());
    });
  },

  _draw(wanted) {
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    const ratio = window.devicePixelRatio > 1.2 ? 2 : 1;
    const canvas = this._container;
    L.DomUtil.setTransform(canvas, this._bounds.min, 1);
    canvas.width = size.x * ratio;
    canvas.height = size.y * ratio;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    const ctx = this._ctx;
    ctx.scale(ratio, ratio);
    this.corner = this._map.getPixelOrigin().add(this._bounds.min);
    this._arrange(ctx, this._gather(wanted, size), size);
  },

  /** Graded points first, then towns' names, then the rest round both, then other names. */
  _arrange(ctx, items, size) {
    const zoom = this._zoom;
    const { graded, grid } = placeGraded(items.filter((item) => item.graded), zoom);
    const lettering = new Lettering(ctx);
    lettering.avoid(graded);
    const places = this._places(size);
    for (const box of lettering.towns(places, zoom)) reserve(grid, box);
    const quiet = placeQuiet(items.filter((item) => !item.graded), zoom, grid);
    lettering.avoid(quiet);
    this._paint(ctx, quiet);
    this._paint(ctx, graded);
    lettering.features(named(graded, zoom >= 13).concat(named(quiet, zoom >= 15)));
    lettering.places(places, zoom);
    this.placed = { items: quiet.concat(graded), grid };
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
      .map((tile) => ({ ...tile, data: this.store.peek(tile.url) }))
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

  _paint(ctx, items) {
    for (const item of items) {
      if (item.count === 1) {
        const [member] = item.members || [];
        const look = this.looks.get(member ? member.layer : Object.keys(item.layers)[0]);
        drawSymbol(ctx, look.shape, this._colour(look, item.grade), item.x, item.y, look.graded ? 7.5 : 6);
      } else this._bubble(ctx, item);
    }
  },

  _colour(look, grade) {
    if (!look.graded) return look.colour;
    return GRADE[grade] || UNGRADED;
  },

  _bubble(ctx, { x, y, r, count, grade, layers, graded }) {
    const disc = (radius, colour) => {
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.fillStyle = colour;
      ctx.fill();
    };
    disc(r, "rgba(29, 43, 42, 0.26)");
    disc(r - 0.8, PAPER);
    ctx.lineWidth = graded ? 4 : 2.4;
    let from = -Math.PI / 2;
    for (const [layer, part] of Object.entries(layers)) {
      const to = from + (2 * Math.PI * part) / count;
      ctx.beginPath();
      ctx.arc(x, y, r - (graded ? 1.8 : 1.6) - ctx.lineWidth / 2, from, to);
      ctx.strokeStyle = this._colour(this.looks.get(layer), grade).fill;
      ctx.stroke();
      from = to;
    }
    if (graded) disc(r - 5.8, TINTS[grade || 0]);
    ctx.fillStyle = INK;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.font = `600 ${count > 9999 ? 10 : count > 999 ? 11 : 12}px ${FONT}`;
    ctx.fillText(count > 99999 ? `${Math.round(count / 10000)}万` : String(count), x, y + 0.5);
  },

  /** What stands at a point of the map container: an item or null. */
  at(containerPoint) {
    const { grid } = this.placed;
    if (!grid || this._zoom !== this._map.getZoom()) return null;
    const point = this._map.containerPointToLayerPoint(containerPoint).subtract(this._bounds.min);
    const found = (test) => grid.touching(point.x, point.y, 0, 2, test);
    return found((item) => item.graded) || found((item) => !item.reserved);
  },

  latLngOf(item) {
    return this._map.unproject(this.corner.add([item.x, item.y]), this._zoom);
  },
});

function named(items, shown) {
  if (!shown) return [];
  return items
    .filter((item) => item.count === 1 && item.members)
    .map(({ x, y, r, members }) => ({ x, y, r, name: members[0].name }))
    .reverse();
}

function itemOf(layer, graded, x, y, data, i) {
  const single = data.counts[i] === 1 && !Number.isNaN(data.ids[i]);
  const member = single && { layer, id: data.ids[i], name: data.names[i], grade: data.grades[i] };
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
