// Shape says the layer, colour says the risk grade and nothing else.

export const PAPER = "#ffffff";
export const INK = "#1d2b2a";

// 红 橙 黄 蓝, with a darker edge each so that yellow still stands on a light map.
export const GRADE = {
  1: { fill: "#c9252b", edge: "#7d1216" },
  2: { fill: "#ec7a1c", edge: "#9a4a06" },
  3: { fill: "#f3c316", edge: "#8f6c00" },
  4: { fill: "#2f6fd0", edge: "#173f80" },
};
export const UNGRADED = { fill: "#8b9391", edge: "#58605e" };

// Never near red, orange, yellow or blue.
const TONES = [
  { fill: "#37474b", edge: "#1f2a2d" },
  { fill: "#3f7d6d", edge: "#20493f" },
  { fill: "#75628a", edge: "#453756" },
  { fill: "#7d6a5c", edge: "#4b3e35" },
  { fill: "#66774f", edge: "#3c4730" },
  { fill: "#8a5a78", edge: "#553349" },
];

export function tones(layers) {
  let next = 0;
  return new Map(
    layers.map((layer) => [layer.id, layer.grade ? UNGRADED : TONES[next++ % TONES.length]]),
  );
}

const CORNERS = { triangle: 3, square: 4, diamond: 4, pentagon: 5, hexagon: 6 };
// Corner shapes look smaller than a disc of the same radius.
const SCALE = { triangle: 1.28, square: 1.14, diamond: 1.22, pentagon: 1.1, hexagon: 1.06, star: 1.36 };

export function trace(ctx, shape, x, y, radius) {
  ctx.beginPath();
  if (shape === "circle" || !(shape in SCALE)) {
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  const r = radius * SCALE[shape];
  const points = shape === "star" ? 10 : CORNERS[shape];
  const start = shape === "square" ? -Math.PI / 4 : -Math.PI / 2;
  const drop = shape === "triangle" ? r * 0.16 : 0;
  for (let i = 0; i < points; i++) {
    const reach = shape === "star" && i % 2 ? r * 0.46 : r;
    const angle = start + (i * 2 * Math.PI) / points;
    ctx.lineTo(x + reach * Math.cos(angle), y + drop + reach * Math.sin(angle));
  }
  ctx.closePath();
}

export function drawSymbol(ctx, shape, colour, x, y, radius) {
  ctx.lineJoin = "round";
  trace(ctx, shape, x, y, radius);
  ctx.lineWidth = 4.5;
  ctx.strokeStyle = PAPER;
  ctx.stroke();
  ctx.lineWidth = 1.2;
  ctx.strokeStyle = colour.edge;
  ctx.stroke();
  ctx.fillStyle = colour.fill;
  ctx.fill();
}

/** The same symbol as an element for lists and legends. */
export function swatch(shape, colour, radius = 6) {
  const size = 22;
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * ratio;
  canvas.className = "swatch";
  canvas.setAttribute("aria-hidden", "true");
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  drawSymbol(ctx, shape, colour, size / 2, size / 2, radius);
  return canvas;
}
