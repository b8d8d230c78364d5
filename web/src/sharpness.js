// How many canvas pixels one unit of the map takes. A wall shows the map magnified as a whole (a
// CSS scale), so that what is legible at 1080 lines is legible at 2160.

let magnified = 1;

export function magnify(factor) {
  magnified = factor;
}

export function sharpness() {
  const pixels = (window.devicePixelRatio || 1) * magnified;
  if (magnified === 1) return pixels > 1.2 ? 2 : 1;
  return Math.max(1, Math.min(3, Math.ceil(pixels * 4) / 4));
}
