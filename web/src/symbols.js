// Shape says the layer and the kind, colour says the risk grade and nothing else.
import { gradeColours, palette } from "./palette.js";
import { sharpness } from "./sharpness.js";

const CORNERS = { triangle: 3, square: 4, diamond: 4, pentagon: 5, hexagon: 6 };
// Corner shapes look smaller than a disc of the same radius.
const SCALE = { triangle: 1.28, square: 1.14, diamond: 1.22, pentagon: 1.1, hexagon: 1.06, star: 1.36 };
const BOX = 24;
// Below this size the sign inside would be a blot.
const SIGN_FROM = 17;

let drawings = {};

/** The symbol set of `/api/symbols`: layer → {kind, default, kinds: {value: [{d, role, width}]}}. */
export function useSymbols(set) {
  drawings = {};
  for (const [layer, { kind, default: usual, kinds }] of Object.entries(set)) {
    const made = {};
    for (const [value, parts] of Object.entries(kinds)) made[value] = parts.map(pathOf);
    drawings[layer] = { kind, usual: usual && usual.map(pathOf), kinds: made };
  }
  sprites.clear();
}

const pathOf = ({ d, role, width }) => ({ path: new Path2D(d), role, width: width || 1.6 });

/** The values of a layer that have a symbol of their own. */
export const drawnKinds = (layer) => Object.keys((drawings[layer] || { kinds: {} }).kinds);

/** What says a feature's kind: the field that its layer names for it. */
export function kindOf(layer, properties) {
  const field = layer.symbol.kind;
  return field ? properties[field] : undefined;
}

/** How a layer's things look: {layer, shape, graded, …} with room for the map's own facts. */
export function lookOf(layer, more = {}) {
  return { layer: layer.id, shape: layer.symbol.shape, graded: Boolean(layer.grade), ...more };
}

export const coloursOf = (look, grade) => (look.graded ? gradeColours(grade) : palette().plain);

function trace(ctx, shape, radius) {
  ctx.beginPath();
  if (shape === "circle" || !(shape in SCALE)) {
    ctx.arc(0, 0, radius, 0, 2 * Math.PI);
    return;
  }
  const r = radius * SCALE[shape];
  const points = shape === "star" ? 10 : CORNERS[shape];
  const start = shape === "square" ? -Math.PI / 4 : -Math.PI / 2;
  const drop = shape === "triangle" ? r * 0.16 : 0;
  for (let i = 0; i < points; i++) {
    const reach = shape === "star" && i % 2 ? r * 0.46 : r;
    const angle = start + (i * 2 * Math.PI) / points;
    ctx.lineTo(reach * Math.cos(angle), drop + reach * Math.sin(angle));
  }
  ctx.closePath();
}

function drawShape(ctx, shape, colours, radius) {
  ctx.lineJoin = "round";
  trace(ctx, shape, radius);
  ctx.lineWidth = 4.5;
  ctx.strokeStyle = palette().halo;
  ctx.stroke();
  ctx.lineWidth = 1.2;
  ctx.strokeStyle = colours.edge;
  ctx.stroke();
  ctx.fillStyle = colours.fill;
  ctx.fill();
}

function drawParts(ctx, parts, colours, size) {
  const scale = size / BOX;
  ctx.scale(scale, scale);
  ctx.translate(-BOX / 2, -BOX / 2);
  ctx.lineJoin = "round";
  ctx.lineCap = "round";
  const body = parts.filter(({ role }) => role === "body");
  for (const { path } of body) {
    ctx.lineWidth = 3.4 / scale;
    ctx.strokeStyle = palette().halo;
    ctx.stroke(path);
  }
  for (const { path } of body) {
    ctx.fillStyle = colours.fill;
    ctx.fill(path, "evenodd");
    ctx.lineWidth = 1 / scale;
    ctx.strokeStyle = colours.edge;
    ctx.stroke(path);
  }
  if (size < SIGN_FROM) return;
  for (const { path, role, width } of parts) {
    if (role === "mark") {
      ctx.fillStyle = colours.mark;
      ctx.fill(path, "evenodd");
    } else if (role === "line") {
      ctx.lineWidth = width;
      ctx.strokeStyle = colours.mark;
      ctx.stroke(path);
    }
  }
}

const sprites = new Map();

function spriteOf(look, kind, colours, size, ratio) {
  const own = drawings[look.layer];
  const parts = own && (own.kinds[kind] || own.usual);
  const key = `${look.layer}|${parts ? kind : look.shape}|${colours.fill}${colours.edge}|${palette().name}|${size}|${ratio}`;
  const known = sprites.get(key);
  if (known) return known;
  const side = size + 6;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(side * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.translate(side / 2, side / 2);
  if (parts) drawParts(ctx, parts, colours, size);
  else drawShape(ctx, look.shape, colours, size / 2.75);
  if (sprites.size > 400) sprites.clear();
  sprites.set(key, canvas);
  return canvas;
}

/** Draws one symbol, `size` units high, round a place. */
export function drawSymbol(ctx, look, grade, x, y, size, kind) {
  const ratio = sharpness();
  const sprite = spriteOf(look, kind, coloursOf(look, grade), size, ratio);
  const side = sprite.width / ratio;
  const snap = (value) => Math.round(value * ratio) / ratio;
  ctx.drawImage(sprite, snap(x - side / 2), snap(y - side / 2), side, side);
}

/** The same symbol as an element for lists and legends. */
export function swatch(look, grade = 0, size = 18, kind = undefined) {
  const ratio = Math.max(2, Math.ceil(sharpness()));
  const canvas = spriteOf(look, kind, coloursOf(look, grade), size, ratio);
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.className = "swatch";
  copy.setAttribute("aria-hidden", "true");
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}
