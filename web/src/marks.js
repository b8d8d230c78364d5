// Marks that stand on a map beside symbols: numbers, plates, leads, the cross of an event.
import { FONT } from "./labels.js";
import { palette } from "./palette.js";

// Between the middles of two symbols, with room for a number beside each.
export const APART = 42;

/** The place itself, then places round it, those away from the event first. */
export function around(x, y, outward, apart = APART) {
  const found = [[x, y]];
  for (const reach of [apart, apart * 1.5, apart * 2.1])
    for (let n = 0; n < 12; n++) {
      const angle = outward + (n % 2 ? 1 : -1) * Math.ceil(n / 2) * (Math.PI / 6);
      found.push([x + reach * Math.cos(angle), y + reach * Math.sin(angle)]);
    }
  return found;
}

export function lead(ctx, [x1, y1], [x2, y2]) {
  const { ink } = palette();
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.lineWidth = 1;
  ctx.strokeStyle = ink;
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(x2, y2, 2.5, 0, 2 * Math.PI);
  ctx.fillStyle = ink;
  ctx.fill();
}

const PLATE = `600 12px ${FONT}`;
const TRIED = 24;

/** Of a line's points those where a plate might stand, the northernmost first. */
export function northward(points) {
  const sorted = points.sort((a, b) => a[1] - b[1]);
  const each = Math.ceil(sorted.length / TRIED);
  return sorted.filter((_, i) => i % each === 0);
}

/** Plates {text, spots: [[x, y], …]} where they cover nothing of what has its place; those that find room: {text, at, box}. */
export function setPlates(ctx, boxes, wanted) {
  ctx.font = PLATE;
  const set = [];
  for (const { text, spots } of wanted) {
    const half = ctx.measureText(text).width / 2 + 8;
    const boxAt = ([x, y]) => [x - half, y - 11, x + half, y + 11];
    const at = spots.find((spot) => boxes.free(boxAt(spot)));
    if (!at) continue;
    boxes.add(boxAt(at));
    set.push({ text, at, box: boxAt(at) });
  }
  return set;
}

export function plate(ctx, [x, y], text) {
  const { ink, paper } = palette();
  ctx.font = PLATE;
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
export function cross(ctx, [x, y]) {
  const { ink, halo } = palette();
  for (const [colour, width] of [[halo, 7], [ink, 3]]) {
    ctx.beginPath();
    ctx.arc(x, y, 17, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(x + dx * 14, y + dy * 14);
      ctx.lineTo(x + dx * 27, y + dy * 27);
    }
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
}

/** A number on a dark disc. */
export function badge(ctx, x, y, text) {
  const { ink, paper } = palette();
  ctx.beginPath();
  ctx.arc(x, y, 9, 0, 2 * Math.PI);
  ctx.fillStyle = ink;
  ctx.fill();
  ctx.fillStyle = paper;
  ctx.font = `700 12px ${FONT}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y + 0.5);
}

/** The head of an arrow at the end of a line. */
export function arrow(ctx, [x1, y1], [x2, y2]) {
  const { ink, halo } = palette();
  const angle = Math.atan2(y2 - y1, x2 - x1);
  ctx.beginPath();
  for (const [turn, reach] of [[0, 9], [2.5, 8], [-2.5, 8]])
    ctx.lineTo(x2 + reach * Math.cos(angle + turn), y2 + reach * Math.sin(angle + turn));
  ctx.closePath();
  ctx.lineWidth = 3;
  ctx.strokeStyle = halo;
  ctx.stroke();
  ctx.fillStyle = ink;
  ctx.fill();
}
