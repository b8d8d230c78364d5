// What the planner's answers draw on the map: areas, ways, places with their rank, the event.
import { FONT } from "../labels.js";
import { APART, around, badge, cross, lead, northward, plate, setPlates } from "../marks.js";
import { palette } from "../palette.js";
import { drawSymbol } from "../symbols.js";

const SEEN_MARGIN = 30;
// So many places stand closer and smaller, or leads would cross the whole map.
const CROWD = 10;
const CLOSE = 27;

/** A guest on the scene's canvas. Every owner sets its own drawing; those not `shown` are kept. */
export class Ink {
  constructor(scene) {
    this.scene = scene;
    this.drawings = new Map();
    this.shown = new Set();
    this.stressed = null;
    this.laid = [];
    scene.guests.push(this);
  }

  /**
   * areas: [{polygons | circle: {at, radiusM} | corridor: {line, metres}, shade: 0–1, plain (no edge), hatch, dash, width, text}], widest first;
   * ways: [{key, line, estimate}]; spots: [{key, at, layer (null: a village), kind, grade, rank, text, circled, solved}];
   * sites: [{key, at, text}] (places that do not exist yet); event: [lon, lat].
   */
  set(owner, drawing) {
    const before = this.drawings.get(owner);
    this.drawings.set(owner, drawing);
    if (!nothing(before) || !nothing(drawing)) this.scene.redrawSoon();
  }

  clear(owner) {
    if (this.drawings.delete(owner)) this.scene.redrawSoon();
  }

  show(owners) {
    this.shown = new Set(owners);
    if (this.drawings.size) this.scene.redrawSoon();
  }

  stress(key) {
    if (key === this.stressed) return;
    this.stressed = key;
    this.scene.redrawSoon();
  }

  /** All of a kind that is shown now, with whose it is. */
  all(kind) {
    const found = [];
    for (const owner of this.shown) for (const item of (this.drawings.get(owner) || {})[kind] || []) found.push({ owner, ...item });
    return found;
  }

  get event() {
    for (const owner of this.shown) {
      const drawing = this.drawings.get(owner);
      if (drawing && drawing.event) return drawing.event;
    }
    return null;
  }

  under(ctx) {
    this.edges = [];
    for (const area of this.all("areas")) this._area(ctx, area);
    const ways = this.all("ways");
    for (const way of ways) if (way.key !== this.stressed) this._way(ctx, way, false);
    for (const way of ways) if (way.key === this.stressed) this._way(ctx, way, true);
  }

  _area(ctx, area) {
    const { ink, reach } = palette();
    if (area.corridor) {
      this._corridor(ctx, area);
      return;
    }
    const spots = area.circle ? this._circle(ctx, area.circle) : this._rings(ctx, area.polygons);
    if (area.shade) {
      ctx.globalAlpha = area.shade;
      ctx.fillStyle = area.hatch ? ink : reach;
      ctx.fill("evenodd");
    }
    ctx.globalAlpha = 1;
    if (area.plain) return;
    if (area.hatch) {
      ctx.fillStyle = hatch(ctx);
      ctx.fill("evenodd");
    }
    ctx.globalAlpha = area.hatch ? 1 : 0.8;
    ctx.lineWidth = area.width || 1.2;
    ctx.setLineDash(area.dash || []);
    ctx.strokeStyle = ink;
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    if (area.text && spots.length) this.edges.push({ text: area.text, spots: northward(spots) });
  }

  /** A line as broad as its corridor. */
  _corridor(ctx, { corridor: { line, metres }, shade }) {
    const [lon, lat] = line[0];
    const [, y] = this.scene.spot([lon, lat]);
    const [, north] = this.scene.spot([lon, lat + metres / 111_195]);
    this._trace(ctx, line);
    ctx.lineJoin = "round";
    ctx.lineCap = "round";
    ctx.globalAlpha = shade;
    ctx.lineWidth = Math.max(2, (y - north) * 2);
    ctx.strokeStyle = palette().reach;
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.lineCap = "butt";
  }

  _trace(ctx, line) {
    ctx.beginPath();
    line.forEach((point, i) => {
      const [x, y] = this.scene.spot(point);
      if (i) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
    });
  }

  _circle(ctx, { at, radiusM }) {
    const [x, y] = this.scene.spot(at);
    const [, north] = this.scene.spot([at[0], at[1] + radiusM / 111_195]);
    ctx.beginPath();
    ctx.arc(x, y, Math.max(0, y - north), 0, 2 * Math.PI);
    return [[x, north]];
  }

  /** Traces them; returns their points that are in view, for a plate. */
  _rings(ctx, polygons) {
    ctx.beginPath();
    const found = [];
    const [west, north, east, south] = this.scene._window();
    for (const polygon of polygons)
      for (const ring of polygon) {
        ring.forEach((point, i) => {
          const [x, y] = this.scene.spot(point);
          const seen = x > west + SEEN_MARGIN && x < east - SEEN_MARGIN && y > north + SEEN_MARGIN && y < south - SEEN_MARGIN;
          if (seen) found.push([x, y]);
          if (i) ctx.lineTo(x, y);
          else ctx.moveTo(x, y);
        });
        ctx.closePath();
      }
    return found;
  }

  _way(ctx, { line, estimate, width = 2.2 }, stressed) {
    const { ink, halo } = palette();
    const quiet = this.stressed !== null && !stressed;
    ctx.globalAlpha = quiet ? 0.4 : 1;
    for (const [colour, wide] of [[halo, stressed ? 8 : 5], [ink, stressed ? 4 : width]]) {
      this._trace(ctx, line);
      ctx.lineJoin = "round";
      ctx.lineCap = "round";
      ctx.setLineDash(estimate ? [7, 6] : []);
      ctx.strokeStyle = colour;
      ctx.lineWidth = wide;
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.lineCap = "butt";
    ctx.globalAlpha = 1;
  }

  circles() {
    this._layOut();
    const taken = this.laid.map(({ x, y }) => ({ x, y, r: 14 }));
    for (const { x, y, spot } of this.laid) if (spot.rank) taken.push({ x: x + 15, y: y - 13, r: 9 });
    for (const { at } of this.all("sites")) taken.push(this._circleAt(at, 15));
    const { event } = this;
    if (event) taken.push(this._circleAt(event, 24));
    return taken;
  }

  _circleAt(at, r) {
    const [x, y] = this.scene.spot(at);
    return { x, y, r };
  }

  plates(ctx, boxes) {
    this.told = setPlates(ctx, boxes, this.edges);
    return this.told.map(({ box }) => box);
  }

  names() {
    const told = this.laid.filter(({ spot }) => spot.text);
    return told.map(({ x, y, spot }) => ({ x, y, r: spot.rank ? 22 : 15, name: spot.text }));
  }

  /** Who stands too close to the event or to another moves outward, with a line to the true place. */
  _layOut() {
    const { event } = this;
    const centre = event ? this._circleAt(event, 0) : null;
    const placed = [];
    const spots = this.all("spots");
    this.apart = spots.length > CROWD ? CLOSE : APART;
    const close = ([x, y], other, apart) => Math.hypot(other.x - x, other.y - y) < apart;
    // However close they stand to each other, the cross of the event stays clear.
    const free = (at) => !(centre && close(at, centre, APART)) && !placed.some((other) => close(at, other, this.apart));
    this.laid = spots.map((spot) => {
      const [tx, ty] = this.scene.spot(spot.at);
      const outward = centre ? Math.atan2(ty - centre.y, tx - centre.x) : -Math.PI / 4;
      const [x, y] = (spot.rank && around(tx, ty, outward, this.apart).find(free)) || [tx, ty];
      placed.push({ x, y });
      return { x, y, tx, ty, spot };
    });
  }

  over(ctx) {
    const { event } = this;
    for (const area of this.all("areas")) if (area.hatch) this._barrier(ctx, area);
    for (const { at, text } of this.told) plate(ctx, at, text);
    if (event) cross(ctx, this.scene.spot(event));
    for (const one of this.laid) if (one.spot.key !== this.stressed) this._spot(ctx, one);
    for (const site of this.all("sites")) this._site(ctx, site);
    for (const one of this.laid) if (one.spot.key === this.stressed) this._spot(ctx, one);
  }

  _spot(ctx, { x, y, tx, ty, spot }) {
    const stressed = spot.key === this.stressed && this.stressed !== null;
    if (Math.hypot(x - tx, y - ty) > 4) lead(ctx, [x, y], [tx, ty]);
    if (stressed || spot.circled) ring(ctx, [x, y], stressed ? 19 : spot.layer ? 16 : 11, stressed ? 2.4 : 1.4);
    const usual = this.apart === CLOSE ? 21 : 26;
    if (!spot.layer) return village(ctx, [x, y], spot.solved);
    drawSymbol(ctx, this.scene.looks.get(spot.layer), spot.grade || 0, x, y, stressed ? 30 : usual, spot.kind);
    if (spot.rank) badge(ctx, x + usual * 0.58, y - usual / 2, String(spot.rank));
    return undefined;
  }

  /** A place that does not exist yet: a diamond with its number. */
  _site(ctx, { at, text }) {
    const { ink, paper, halo } = palette();
    const [x, y] = this.scene.spot(at);
    ctx.beginPath();
    for (const [dx, dy] of [[0, -14], [14, 0], [0, 14], [-14, 0]]) ctx.lineTo(x + dx, y + dy);
    ctx.closePath();
    ctx.lineWidth = 5;
    ctx.strokeStyle = halo;
    ctx.stroke();
    ctx.fillStyle = paper;
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = ink;
    ctx.stroke();
    ctx.fillStyle = ink;
    ctx.font = `700 12px ${FONT}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(text, x, y + 0.5);
  }

  /** No entry, in black and white: red is the grades'. */
  _barrier(ctx, { sign }) {
    if (!sign) return;
    const { ink, paper } = palette();
    const [x, y] = this.scene.spot(sign);
    for (const [colour, r] of [[paper, 10.5], [ink, 9]]) {
      ctx.beginPath();
      ctx.arc(x, y, r, 0, 2 * Math.PI);
      ctx.fillStyle = colour;
      ctx.fill();
    }
    ctx.fillStyle = paper;
    ctx.fillRect(x - 5.5, y - 1.6, 11, 3.2);
  }

  /** What stands at a point of the map's container: the key of a place, or null. */
  at(containerPoint) {
    const { scene } = this;
    if (!scene._bounds) return null;
    const point = scene._map.containerPointToLayerPoint(containerPoint).subtract(scene._bounds.min);
    const found = this.laid.find(({ x, y }) => Math.hypot(x - point.x, y - point.y) < 16);
    return found ? found.spot : null;
  }
}

/** No drawing, or one of which nothing is seen. */
const nothing = (drawing) => !drawing || Object.values(drawing).every((part) => !part || part.length === 0);

/** A settlement: a disc; a ring once it is reached after all. */
function village(ctx, [x, y], solved) {
  const { ink, paper } = palette();
  for (const [colour, r] of solved ? [[paper, 7], [ink, 6], [paper, 4]] : [[paper, 7], [ink, 5.5]]) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.fillStyle = colour;
    ctx.fill();
  }
}

function ring(ctx, [x, y], r, wide) {
  const { ink, paper } = palette();
  for (const [colour, width] of [[paper, wide + 3], [ink, wide]]) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
}

const HATCH = 8;
let tile = null;

/** Dark strokes aslant: closed, and no colour that could be taken for a risk. */
function hatch(ctx) {
  if (!tile) {
    tile = document.createElement("canvas");
    tile.width = tile.height = HATCH * 2;
    const brush = tile.getContext("2d");
    brush.fillStyle = "rgba(255, 255, 255, 0.35)";
    brush.fillRect(0, 0, HATCH * 2, HATCH * 2);
    brush.strokeStyle = palette().ink;
    brush.lineWidth = 3;
    for (const shift of [-HATCH * 2, 0, HATCH * 2]) {
      brush.beginPath();
      brush.moveTo(shift - 2, HATCH * 2 + 2);
      brush.lineTo(shift + HATCH * 2 + 2, -2);
      brush.stroke();
    }
  }
  return ctx.createPattern(tile, "repeat");
}
