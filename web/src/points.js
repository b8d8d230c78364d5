// Point tiles as typed arrays, and their layout on the screen: merge what would overlap.

/** A decoded tile: positions in tile units (0..extent), count 1 for a single feature. */
export function decodePoints(tile, { layer }) {
  const source = tile && tile.layers[layer];
  if (!source) return null;
  const n = source.length;
  const { extent } = source;
  const xs = new Float32Array(n);
  const ys = new Float32Array(n);
  const counts = new Uint32Array(n);
  const grades = new Uint8Array(n);
  const ids = new Float64Array(n);
  const names = [];
  const kinds = [];
  let kept = 0;
  for (let i = 0; i < n; i++) {
    const feature = source.feature(i);
    const point = feature.loadGeometry()[0][0];
    // What lies in a tile's margin belongs to its neighbour.
    if (point.x < 0 || point.y < 0 || point.x >= extent || point.y >= extent) continue;
    const { name, count, grade, kind } = feature.properties;
    const id = feature.properties.id === undefined ? feature.id : feature.properties.id;
    xs[kept] = point.x / extent;
    ys[kept] = point.y / extent;
    counts[kept] = count || 1;
    grades[kept] = grade || 0;
    ids[kept] = id === undefined ? NaN : Number(id);
    if (id !== undefined) {
      names[kept] = name || "";
      kinds[kept] = kind || "";
    }
    kept++;
  }
  return { n: kept, xs, ys, counts, grades, ids, names, kinds };
}

const SINGLE = 10;

export function radiusOf(item) {
  if (item.count === 1) return SINGLE;
  return 12 + Math.min(11, 3.4 * Math.log10(item.count) + String(item.count).length * 0.8);
}

const worse = (a, b) => (a && b ? Math.min(a, b) : a || b);

function absorb(a, b) {
  const total = a.count + b.count;
  a.x = (a.x * a.count + b.x * b.count) / total;
  a.y = (a.y * a.count + b.y * b.count) / total;
  a.count = total;
  a.grade = worse(a.grade, b.grade);
  for (const [layer, count] of Object.entries(b.layers)) {
    a.layers[layer] = (a.layers[layer] || 0) + count;
  }
  a.members = a.members && b.members ? a.members.concat(b.members) : null;
  a.r = radiusOf(a);
}

const CELL = 64;

/** Circles by screen cell, for overlap and hit tests. */
export class Grid {
  constructor() {
    this.cells = new Map();
  }

  _span(x, y, r, visit) {
    for (let i = Math.floor((x - r) / CELL); i <= Math.floor((x + r) / CELL); i++)
      for (let j = Math.floor((y - r) / CELL); j <= Math.floor((y + r) / CELL); j++)
        if (visit(i * 65536 + j)) return true;
    return false;
  }

  add(item) {
    this._span(item.x, item.y, item.r, (key) => {
      const cell = this.cells.get(key);
      if (cell) cell.push(item);
      else this.cells.set(key, [item]);
    });
  }

  /** The first circle nearer than `gap` to this one for which `test` holds. */
  touching(x, y, r, gap = 0, test = null) {
    let found = null;
    this._span(x, y, r + gap, (key) => {
      for (const other of this.cells.get(key) || []) {
        const reach = r + other.r + gap;
        const dx = other.x - x;
        const dy = other.y - y;
        if (dx * dx + dy * dy < reach * reach && (!test || test(other))) {
          found = other;
          return true;
        }
      }
      return false;
    });
    return found;
  }
}

/** Merge until no two bubbles are within `gap`; `tolerance` < 1 lets singles overlap that much. */
function merge(items, tolerance, gap) {
  let list = items;
  for (let pass = 0; pass < 6; pass++) {
    const grid = new Grid();
    const kept = [];
    list.sort((a, b) => b.count - a.count || a.x - b.x || a.y - b.y);
    for (const item of list) {
      const slack = item.count === 1 ? tolerance : 1;
      const other = grid.touching(item.x, item.y, item.r * slack, gap, (candidate) => {
        const lone = item.count === 1 && candidate.count === 1;
        const reach = lone ? (item.r + candidate.r) * tolerance : item.r + candidate.r + gap;
        return (item.x - candidate.x) ** 2 + (item.y - candidate.y) ** 2 < reach * reach;
      });
      if (other) absorb(other, item);
      else {
        kept.push(item);
        grid.add(item);
      }
    }
    if (kept.length === list.length) return kept;
    list = kept;
  }
  return list;
}

function around(reaches) {
  const steps = [];
  for (const reach of reaches)
    for (let i = 0; i < 8; i++) {
      const angle = (i * Math.PI) / 4;
      steps.push([reach * Math.cos(angle), reach * Math.sin(angle)]);
    }
  return steps;
}

const NEAR = around([0.55, 0.9]);
const FAR = around([1.3, 1.8, 2.5, 3.3, 4.2]);

/** A free place for a bubble, `steps` of its width away. */
function spotFor({ x, y, r }, grid, steps) {
  const step = steps.find(([dx, dy]) => !grid.touching(x + dx * r * 2, y + dy * r * 2, r, 1));
  return step && [x + step[0] * r * 2, y + step[1] * r * 2];
}

/** Quiet bubbles step aside for what stands, or join a neighbour, or go further off. */
function settle(quiet, grid) {
  const placed = [];
  for (const item of quiet.sort((a, b) => b.count - a.count || a.x - b.x)) {
    if (item.count > 1 && grid.touching(item.x, item.y, item.r, 1)) {
      let spot = spotFor(item, grid, NEAR);
      const host = spot ? null : nearest(placed, item);
      if (host) {
        join(host, item);
        continue;
      }
      spot = spot || spotFor(item, grid, FAR);
      if (spot) [item.x, item.y] = spot;
    }
    grid.add(item);
    placed.push(item);
  }
  return placed;
}

/** Join without growing into others: the host stays where it stands, as large as it is. */
function join(host, item) {
  const { x, y, r } = host;
  absorb(host, item);
  Object.assign(host, { x, y, r });
}

function nearest(placed, item) {
  let best = null;
  let least = 160 * 160;
  for (const other of placed) {
    const d = (other.x - item.x) ** 2 + (other.y - item.y) ** 2;
    if (other.count > 1 && d < least) [best, least] = [other, d];
  }
  return best;
}

const toleranceAt = (zoom) => (zoom >= 16 ? 0.45 : zoom >= 14 ? 0.6 : 0.8);

/**
 * Items are {x, y, count, grade, layers, members, graded} in screen pixels. Graded ones merge among
 * themselves and keep their places; the grid then holds what stands.
 */
export function placeGraded(items, zoom) {
  for (const item of items) item.r = radiusOf(item);
  const graded = merge(items, toleranceAt(zoom), zoom < 10.5 ? 30 : 0);
  const grid = new Grid();
  for (const item of graded) grid.add(item);
  // Worst last, on top.
  graded.sort((a, b) => (b.grade || 5) - (a.grade || 5));
  return { graded, grid };
}

/** Keep a box of the screen free of quiet bubbles. */
export function reserve(grid, [left, top, right, bottom]) {
  const r = (bottom - top) / 2;
  for (let x = left + r; x < right; x += r) grid.add({ x, y: top + r, r, reserved: true });
}

/** The ungraded items, merged with some room between them for names, around what stands. */
export function placeQuiet(items, zoom, grid) {
  for (const item of items) item.r = radiusOf(item);
  return settle(merge(items, toleranceAt(zoom), zoom >= 14 ? 0 : 16), grid);
}
