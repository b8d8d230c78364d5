// Rings of travel time on the map, the ways of those who come, and who they are.
import { APART, around, badge, cross, lead, northward, plate, setPlates } from "../marks.js";
import { palette } from "../palette.js";
import { drawSymbol } from "../symbols.js";

const ALPHA = [0.2, 0.13, 0.08];

/** A guest on the large map's canvas while an event is in focus. */
export class Rings {
  constructor(scene) {
    this.scene = scene;
    Object.assign(this, { origin: null, bands: [], picks: [], laid: [] });
    scene.guests.push(this);
  }

  clear() {
    Object.assign(this, { origin: null, bands: [], picks: [], laid: [] });
    this.scene.redrawSoon();
  }

  /** bands: [{text, polygons | radiusM}] from the nearest; picks: [{at, layer, kind, rank, text, line, estimate}]. */
  set(origin, bands, picks) {
    Object.assign(this, { origin, bands, picks });
    this.scene.redrawSoon();
  }

  get ownTowns() {
    return Boolean(this.origin);
  }

  /** Traces a band; returns those of its points that are well in view, for a plate. */
  _path(ctx, { polygons, radiusM }) {
    ctx.beginPath();
    const [west, north, east, south] = this.scene._window();
    const seen = ([x, y]) => x > west + 40 && x < east - 40 && y > north + 24 && y < south - 24;
    if (radiusM) {
      const [x, y] = this.scene.spot(this.origin);
      const r = y - this.scene.spot([this.origin[0], this.origin[1] + radiusM / 111_195])[1];
      ctx.arc(x, y, r, 0, 2 * Math.PI);
      return turn(24).map(([dx, dy]) => [x + dx * r, y + dy * r]).filter(seen);
    }
    const found = [];
    for (const polygon of polygons)
      for (const ring of polygon) {
        ring.forEach((point, i) => {
          const spot = this.scene.spot(point);
          if (seen(spot)) found.push(spot);
          if (i) ctx.lineTo(...spot);
          else ctx.moveTo(...spot);
        });
        ctx.closePath();
      }
    return found;
  }

  under(ctx) {
    if (!this.origin) return;
    const { ink } = palette();
    this.edges = [];
    for (let i = this.bands.length - 1; i >= 0; i--) {
      this.edges.push({ text: this.bands[i].text, spots: northward(this._path(ctx, this.bands[i])) });
      ctx.globalAlpha = ALPHA[Math.min(i, ALPHA.length - 1)];
      ctx.fillStyle = ink;
      ctx.fill("evenodd");
      ctx.globalAlpha = 0.8;
      ctx.lineWidth = 1.2;
      ctx.setLineDash(this.bands[i].radiusM ? [5, 4] : []);
      ctx.strokeStyle = ink;
      ctx.stroke();
      ctx.setLineDash([]);
    }
    ctx.globalAlpha = 1;
    for (const pick of this.picks) this._way(ctx, pick);
  }

  _way(ctx, { line, estimate }) {
    const { ink, halo } = palette();
    for (const [colour, width] of [[halo, 5], [ink, 2.2]]) {
      ctx.beginPath();
      line.forEach((point, i) => {
        const [x, y] = this.scene.spot(point);
        if (i) ctx.lineTo(x, y);
        else ctx.moveTo(x, y);
      });
      ctx.lineJoin = "round";
      ctx.setLineDash(estimate ? [6, 5] : []);
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.stroke();
    }
    ctx.setLineDash([]);
  }

  circles() {
    if (!this.origin) return [];
    this._layOut();
    const numbered = ({ x, y, r = 14 }) => [{ x, y, r }, { x: x + 15, y: y - 14, r: 9 }];
    return [...[...this.laid, ...this._others()].flatMap(numbered), { ...this._event(), r: 24 }];
  }

  plates(ctx, boxes) {
    this.told = this.origin ? setPlates(ctx, boxes, this.edges) : [];
    return this.told.map(({ box }) => box);
  }

  names() {
    return this.laid.map(({ x, y, pick }) => ({ x, y, r: 22, name: pick.text }));
  }

  _event() {
    const [x, y] = this.scene.spot(this.origin);
    return { x, y };
  }

  _others() {
    return this.scene.guests.flatMap((guest) => (guest.stands ? guest.stands() : []));
  }

  /** Who stands too close to the event or to another moves outward, with a line to the true place. */
  _layOut() {
    const centre = this._event();
    const placed = [centre, ...this._others()];
    this.laid = this.picks.map((pick) => {
      const [tx, ty] = this.scene.spot(pick.at);
      const outward = Math.atan2(ty - centre.y, tx - centre.x);
      const free = ([x, y]) => !placed.some((other) => Math.hypot(other.x - x, other.y - y) < APART);
      const [x, y] = around(tx, ty, outward).find(free) || [tx, ty];
      placed.push({ x, y });
      return { x, y, tx, ty, pick };
    });
  }

  over(ctx) {
    if (!this.origin) return;
    const centre = this._event();
    for (const { at, text } of this.told) plate(ctx, at, text);
    cross(ctx, [centre.x, centre.y]);
    for (const { x, y, tx, ty, pick } of this.laid || []) {
      if (Math.hypot(x - tx, y - ty) > 4) lead(ctx, [x, y], [tx, ty]);
      drawSymbol(ctx, this.scene.looks.get(pick.layer), 0, x, y, 26, pick.kind);
      badge(ctx, x + 15, y - 13, String(pick.rank));
    }
  }
}

/** So many directions, north first. */
function turn(many) {
  return Array.from({ length: many }, (_, n) => [Math.sin((n * 2 * Math.PI) / many), -Math.cos((n * 2 * Math.PI) / many)]);
}
