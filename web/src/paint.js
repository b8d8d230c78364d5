// Points and bubbles on a canvas.
import { FONT } from "./labels.js";
import { palette } from "./palette.js";
import { coloursOf, drawSymbol } from "./symbols.js";

const GRADED_SIZE = 24;
const PLAIN_SIZE = 21;

/** Items as the scene arranges them, each with its place, count, worst grade and layers. */
export function paintItems(ctx, items, looks) {
  for (const item of items) {
    if (item.count > 1) bubble(ctx, item, looks);
    else single(ctx, item, looks);
  }
}

function single(ctx, item, looks) {
  const [member] = item.members || [];
  const look = looks.get(member ? member.layer : Object.keys(item.layers)[0]);
  drawSymbol(ctx, look, item.grade, item.x, item.y, look.graded ? GRADED_SIZE : PLAIN_SIZE, member && member.kind);
}

function disc(ctx, { x, y }, radius, colour) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
}

/** A bubble's ring is of the worst grade inside; the number says how many. */
function bubble(ctx, item, looks) {
  const { x, y, r, count, grade, layers, graded } = item;
  const { ink, paper, shade } = palette();
  const colours = coloursOf(looks.get(Object.keys(layers)[0]), grade);
  disc(ctx, item, r, shade);
  disc(ctx, item, r - 0.8, paper);
  ctx.lineWidth = graded ? 4 : 2;
  ctx.beginPath();
  ctx.arc(x, y, r - (graded ? 1.8 : 1.6) - ctx.lineWidth / 2, 0, 2 * Math.PI);
  ctx.strokeStyle = colours.fill;
  ctx.stroke();
  if (graded) disc(ctx, item, r - 5.8, colours.tint);
  ctx.fillStyle = ink;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.font = `600 ${count > 9999 ? 10 : count > 999 ? 11 : 12}px ${FONT}`;
  ctx.fillText(count > 99999 ? `${Math.round(count / 10000)}万` : String(count), x, y + 0.5);
}
