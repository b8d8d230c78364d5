// Rings of travel time on the map, the ways of those who come, and who they are.
import { FONT } from "../labels.js";
import { palette } from "../palette.js";
import { drawSymbol } from "../symbols.js";
import { badge } from "./hierarchy.js";

const ALPHA = [0.2, 0.13, 0.08];

/** A guest on the large map's canvas while an event is in focus. */
export class Rings {
  constructor(scene) {
    this.scene = scene;
    this.clear();
    scene.guests.push(this);
  }

  clear() {
    this.origin = null;
    this.bands = [];
    this.picks = [];
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

  _path(ctx, { polygons, radiusM }) {
    ctx.beginPath();
    if (radiusM) {
      const [x, y] = this.scene.spot(this.origin);
      const [, north] = this.scene.spot([this.origin[0], this.origin[1] + radiusM / 111_195]);
      ctx.arc(x, y, y - north, 0, 2 * Math.PI);
      return [x, north];
    }
    let top = [0, Infinity];
    const [west, north, east, south] = this.scene._window();
    const seen = (x, y) => x > west + 40 && x < east - 40 && y > north + 24 && y < south - 24;
    for (const polygon of polygons)
      for (const ring of polygon) {
        ring.forEach((point, i) => {
          const [x, y] = this.scene.spot(point);
          if (y < top[1] && seen(x, y)) top = [x, y];
          if (i) ctx.lineTo(x, y);
          else ctx.moveTo(x, y);
        });
        ctx.closePath();
      }
    return top;
  }

  under(ctx) {
    if (!this.origin) return;
    const { ink } = palette();
    this.tops = [];
    for (let i = this.bands.length - 1; i >= 0; i--) {
      const top = this._path(ctx, this.bands[i]);
      if (top[1] < Infinity) this.tops.push({ top, text: this.bands[i].text });
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
    const spots = this.picks.map(({ at }) => this.scene.spot(at));
    return [...spots, this.scene.spot(this.origin)].map(([x, y]) => ({ x, y, r: 14 }));
  }

  names() {
    return this.picks.map(({ at, text }) => {
      const [x, y] = this.scene.spot(at);
      return { x, y, r: 22, name: text };
    });
  }

  over(ctx) {
    if (!this.origin) return;
    for (const { at, layer, kind, rank } of this.picks) {
      const [x, y] = this.scene.spot(at);
      drawSymbol(ctx, this.scene.looks.get(layer), 0, x, y, 26, kind);
      badge(ctx, x + 15, y - 13, String(rank));
    }
    for (const { top, text } of this.tops || []) plate(ctx, top, text);
    cross(ctx, this.scene.spot(this.origin));
  }
}

function plate(ctx, [x, y], text) {
  const { ink, paper } = palette();
  ctx.font = `600 12px ${FONT}`;
  const width = ctx.measureText(text).width + 12;
  ctx.fillStyle = paper;
  ctx.fillRect(x - width / 2, y - 9, width, 18);
  ctx.lineWidth = 1;
  ctx.strokeStyle = ink;
  ctx.strokeRect(x - width / 2, y - 9, width, 18);
  ctx.fillStyle = ink;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y + 0.5);
}

/** Where it happened: a ring and four strokes, unlike any symbol. */
function cross(ctx, [x, y]) {
  const { ink, halo } = palette();
  for (const [colour, width] of [[halo, 7], [ink, 3]]) {
    ctx.beginPath();
    ctx.arc(x, y, 11, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(x + dx * 7, y + dy * 7);
      ctx.lineTo(x + dx * 20, y + dy * 20);
    }
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
}
