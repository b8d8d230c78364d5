// A scale that is true on paper: ground metres to a unit of the page, of which there are 96 an inch.
const EQUATOR_M = 6_378_137;
const SQUASHED = 0.0066943799901413165;
export const UNIT_M = 0.0254 / 96;
const NICE = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8];
/** Scales on offer, the largest first. */
export const SCALES = [1000, 10_000, 100_000, 1_000_000].flatMap((power) => NICE.map((step) => step * power)).filter((scale) => scale >= 2500 && scale <= 4_000_000);

/** Metres of the ellipsoid to a unit of the map, along the parallel. */
export function metresAcross(lat, zoom) {
  const phi = (lat * Math.PI) / 180;
  const normal = EQUATOR_M / Math.sqrt(1 - SQUASHED * Math.sin(phi) ** 2);
  return (2 * Math.PI * normal * Math.cos(phi)) / (256 * 2 ** zoom);
}

/** The zoom at which 1 to `scale` holds on paper at a latitude. */
export function zoomOf(scale, lat) {
  return Math.log2(metresAcross(lat, 0) / (scale * UNIT_M));
}

/** The length of a bar in metres: 1, 2 or 5 times a power of ten, at most `units` long. */
export function barLength(scale, units) {
  const most = units * UNIT_M * scale;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((metres) => metres <= most);
}

export const scaleText = (scale) => `1:${String(scale).replace(/\B(?=(\d{3})+$)/g, " ")}`;
