// Place names and feature names, set where nothing else stands.
import { palette } from "./palette.js";
import { drawSymbol } from "./symbols.js";

export const FONT =
  '"Source Han Sans SC","Noto Sans CJK SC","Noto Sans SC","HarmonyOS Sans SC","PingFang SC","Microsoft YaHei",sans-serif';

const STYLES = {
  county: { font: `600 17px ${FONT}`, size: 17, from: 3, to: 10, spread: 6 },
  township: { font: `600 13px ${FONT}`, size: 13, from: 10, to: 15, spread: 2 },
  village: { font: `400 11px ${FONT}`, size: 11, from: 13, to: 20, spread: 0 },
  river: { font: `italic 400 12px ${FONT}`, size: 12, from: 11, to: 20, spread: 3 },
  water: { font: `italic 400 11px ${FONT}`, size: 11, from: 12, to: 20, spread: 0 },
  road: { font: `400 10px ${FONT}`, size: 10, from: 12, to: 20, spread: 0 },
  mine: { font: `400 11px ${FONT}`, size: 11, from: 14, to: 20, spread: 0 },
  post: { font: `600 14px ${FONT}`, size: 14, from: 0, to: 99, spread: 0 },
  feature: { font: `500 12px ${FONT}`, size: 12, from: 0, to: 99, spread: 0 },
};
const TOWNS = ["county", "township"];
const ORDER = ["county", "township", "river", "water", "village", "road", "mine"];

class Boxes {
  constructor() {
    this.cells = new Map();
  }

  _keys(box, visit) {
    for (let i = Math.floor(box[0] / 64); i <= Math.floor(box[2] / 64); i++)
      for (let j = Math.floor(box[1] / 64); j <= Math.floor(box[3] / 64); j++)
        if (visit(i * 65536 + j)) return true;
    return false;
  }

  free(box) {
    return !this._keys(box, (key) =>
      (this.cells.get(key) || []).some(
        (o) => box[0] < o[2] && o[0] < box[2] && box[1] < o[3] && o[1] < box[3],
      ),
    );
  }

  add(box) {
    this._keys(box, (key) => {
      const cell = this.cells.get(key);
      if (cell) cell.push(box);
      else this.cells.set(key, [box]);
    });
  }
}

function write(ctx, text, style, colour, x, y) {
  ctx.font = style.font;
  ctx.fillStyle = colour;
  ctx.strokeStyle = palette().halo;
  ctx.lineJoin = "round";
  ctx.lineWidth = 3;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  if (!style.spread) {
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
    return;
  }
  for (const pass of ["strokeText", "fillText"]) {
    let at = x;
    for (const letter of text) {
      ctx[pass](letter, at, y);
      at += ctx.measureText(letter).width + style.spread;
    }
  }
}

function measure(ctx, text, style) {
  ctx.font = style.font;
  return ctx.measureText(text).width + style.spread * (Array.from(text).length - 1);
}

const ROW = { font: `600 12px ${FONT}`, height: 17, symbol: 13, gap: 8 };

function rowWidth(ctx, row) {
  ctx.font = ROW.font;
  return row.reduce((sum, { text }) => sum + ROW.symbol + 3 + ctx.measureText(text).width + ROW.gap, -ROW.gap);
}

function writeRow(ctx, row, left, top) {
  let at = left;
  for (const { look, grade, text } of row) {
    drawSymbol(ctx, look, grade, at + ROW.symbol / 2, top, ROW.symbol);
    at += ROW.symbol + 3;
    write(ctx, text, { font: ROW.font, spread: 0 }, palette().names.feature, at, top + 0.5);
    at += ctx.measureText(text).width + ROW.gap;
  }
}

/** Long names differ at their end more often than at their beginning: …村3组滑坡隐患点, …2号. */
function short(name) {
  const letters = Array.from(name);
  return letters.length > 16 ? `${letters.slice(0, 7).join("")}…${letters.slice(-8).join("")}` : name;
}

const SPOTS = [[0, 0], [0, 1], [0, -1], [0.6, 0], [-0.6, 0], [0, 2], [0, -2], [0.9, 0.9], [-0.9, -0.9]];
// A figure must not be lost for want of room: places around, in pixels, ring after ring.
const AROUND = [0, 26, 44, 64, 88, 116, 150].flatMap((reach) =>
  Array.from({ length: reach ? 12 : 1 }, (_, n) => [reach * 1.4 * Math.cos((n * Math.PI) / 6), reach * Math.sin((n * Math.PI) / 6)]),
);
const LEAD_FROM = 50;
const LEAD_LEAST = 16;

export class Lettering {
  /** `window`: the part of the canvas that is seen; names of things in it stay in it. */
  constructor(ctx, window = null) {
    this.ctx = ctx;
    this.window = window;
    this.boxes = new Boxes();
    this.named = new Set();
  }

  avoid(circles) {
    for (const { x, y, r } of circles) this.boxes.add([x - r, y - r, x + r, y + r]);
  }

  _put(text, kind, left, top, width) {
    const style = STYLES[kind];
    const pad = 3;
    const box = [left - pad, top - style.size / 2 - pad, left + width + pad, top + style.size / 2 + pad];
    if (!this.boxes.free(box)) return null;
    this.boxes.add(box);
    write(this.ctx, text, style, palette().names[kind], left, top);
    return box;
  }

  /** A town's name with a row of figures below it: [{look, grade, text}]. */
  _plate(text, kind, row, home, [dx, dy]) {
    const style = STYLES[kind];
    const [x, top] = [home[0] + dx, home[1] + dy - ROW.height / 2];
    const width = measure(this.ctx, text, style);
    const below = rowWidth(this.ctx, row);
    const half = Math.max(width, below) / 2 + 3;
    const box = [x - half, top - style.size / 2 - 3, x + half, top + style.size / 2 + ROW.height + 2];
    // A figure cut off at the edge reads as another figure: all of it is seen, or none.
    if (this._outside(...home) ? !this._away(box) : this._outside(box[0], box[1]) || this._outside(box[2], box[3])) return null;
    if (!this.boxes.free(box)) return null;
    this.boxes.add(box);
    if (Math.hypot(dx, dy) > LEAD_FROM) this._lead(home, box);
    write(this.ctx, text, style, palette().names[kind], x - width / 2, top);
    writeRow(this.ctx, row, x - below / 2, top + style.size / 2 + ROW.height / 2 + 1);
    return box;
  }

  /** From a plate that had to step aside to the place it speaks of. */
  _lead([x, y], [left, top, right, bottom]) {
    const { ctx } = this;
    const edge = [Math.max(left, Math.min(right, x)), Math.max(top, Math.min(bottom, y))];
    // A stub of a line reads as a speck of dirt, and so close by nobody needs it.
    if (Math.hypot(edge[0] - x, edge[1] - y) < LEAD_LEAST) return;
    ctx.beginPath();
    ctx.moveTo(...edge);
    ctx.lineTo(x, y);
    ctx.arc(x, y, 1.5, 0, 2 * Math.PI);
    ctx.lineWidth = 1;
    ctx.strokeStyle = palette().names.township;
    ctx.stroke();
  }

  /** Names of single things, right of the symbol or else left, below, above, aslant; returns the boxes they fill. */
  features(items, kind = "feature") {
    const style = STYLES[kind];
    const boxes = [];
    for (const { x, y, r, name } of items) {
      if (!name) continue;
      const text = short(name);
      const width = measure(this.ctx, text, style);
      const gap = r + 5;
      const [near, far] = [gap + 6, gap + style.size + 12];
      const spots = [[x + gap, y], [x - gap - width, y], [x - width / 2, y + near], [x - width / 2, y - near]];
      for (const top of [y + near, y - near, y + far, y - far]) spots.push([x + gap * 0.6, top], [x - gap * 0.6 - width, top]);
      spots.push([x + gap + 12, y], [x - gap - 12 - width, y]);
      const seen = spots.filter(([left, top]) => this._seen(x, y, left, top, width));
      const open = seen.length || this._outside(x, y) ? seen : spots;
      const put = open.some(([left, top]) => {
        const box = this._put(text, kind, left, top, width);
        return box && boxes.push(box);
      });
      if (put) this.named.add(name);
    }
    return boxes;
  }

  _outside(x, y) {
    const [west, north, east, south] = this.window || [-Infinity, -Infinity, Infinity, Infinity];
    return x < west || x > east || y < north || y > south;
  }

  _away([left, top, right, bottom]) {
    const [west, north, east, south] = this.window;
    return right < west || left > east || bottom < north || top > south;
  }

  /** Outside too there are names, for when it is dragged in; but no half name at the edge. */
  _seen(x, y, left, top, width) {
    if (!this.window) return true;
    const [west, north, east, south] = this.window;
    if (this._outside(x, y))
      return left + width < west || left > east || top + 10 < north || top - 10 > south;
    return left > west + 4 && left + width < east - 4 && top > north + 10 && top < south - 10;
  }

  /**
   * Places are {kind, text, x, y, rank}. Names of towns, with figures by name where there are any;
   * returns the boxes they fill.
   */
  towns(places, zoom, figures = null) {
    const towns = places.filter(({ kind }) => TOWNS.includes(kind));
    return this._set(towns, zoom, SPOTS, figures);
  }

  /** All other places: each name once within a stretch of the screen. */
  places(places, zoom) {
    // Where a thing of a village bears its name already, once is enough.
    const rest = places.filter(({ kind, text }) => !TOWNS.includes(kind) && !this.named.has(text));
    this._set(rest, zoom, SPOTS.slice(0, 3));
  }

  _set(places, zoom, moves, figures = null) {
    const seen = new Map();
    const boxes = [];
    const sorted = places
      .filter(({ kind }) => STYLES[kind] && zoom >= STYLES[kind].from && zoom <= STYLES[kind].to)
      .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || b.rank - a.rank);
    for (const { kind, text, x, y } of sorted) {
      const key = `${kind} ${text}`;
      const twins = seen.get(key) || [];
      if (twins.some(([a, b]) => Math.hypot(a - x, b - y) < 420)) continue;
      const style = STYLES[kind];
      const width = measure(this.ctx, text, style);
      const row = figures && kind === "township" && figures.get(text);
      for (const [dx, dy] of row ? AROUND : moves) {
        const [left, top] = [x - width / 2 + dx * width, y + dy * (style.size + 8)];
        const box = row ? this._plate(text, kind, row, [x, y], [dx, dy]) : this._seen(x, y, left, top, width) && this._put(text, kind, left, top, width);
        if (!box) continue;
        seen.set(key, [...twins, [x, y]]);
        boxes.push(box);
        break;
      }
    }
    return boxes;
  }
}
