// What the wall asks about an event's place; every part may fail by itself and says so.
import { Problem, get, send } from "../api.js";
import { GRADES } from "../words.js";

const BANDS = [300, 600, 900];
const LINE_BANDS_M = [2000, 5000, 10_000];
const EACH = 3;

const at = ([lon, lat]) => `lon=${lon.toFixed(7)}&lat=${lat.toFixed(7)}`;

const polygonsOf = (geometry) => {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
};

/** {byRoad, bands: [{text, seconds?, polygons? , radiusM?}], note?} */
export async function bandsAround(place) {
  try {
    const { features } = await get(`/api/coverage/rings?${at(place)}&seconds=${BANDS.join(",")}`);
    const bands = features
      .map(({ geometry, properties: { seconds } }) => ({ seconds, text: `${Math.round(seconds / 60)} 分钟`, polygons: polygonsOf(geometry) }))
      .sort((a, b) => a.seconds - b.seconds);
    if (bands.some(({ polygons }) => polygons.length)) return { byRoad: true, bands };
    return { ...straight(), note: "附近没有道路，圈按直线距离" };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { ...straight(), note: "没有路网数据，圈按直线距离" };
  }
}

const straight = () => ({ byRoad: false, bands: LINE_BANDS_M.map((radiusM) => ({ radiusM, text: `${radiusM / 1000} 公里` })) });

/** The nearest of a layer, first to arrive first; straight lines where there is no network. */
export async function nearest(place, layer, first = "road") {
  const ask = (mode) => get(`/api/nearest?${at(place)}&layers=${layer}&k=${EACH}&mode=${mode}`);
  const { results } = await ask(first).catch((error) => {
    if (error instanceof Problem) return ask("line");
    throw error;
  });
  return results;
}

/**
 * What of a layer lies in each band, as the server counts it: {bands: [{total, people, unknown, closed}],
 * worst: [{feature, band}]}, the worst grade first, then the nearest.
 */
export async function inside(place, bands, layer, most) {
  const answers = await Promise.all(bands.map((band) => within(place, band, layer, { limit: 0 })));
  const told = answers.map(({ counts, threatened }) => {
    const { people = 0, points_without_figure: unknown = 0, closed_points: closed = 0 } = threatened || {};
    return { total: counts[layer.id].total, people, unknown, closed };
  });
  const widest = bands[bands.length - 1];
  const { grades, ungraded } = answers[answers.length - 1].counts[layer.id];
  const worst = [];
  const take = async (condition, there) => {
    if (!there || worst.length >= most) return;
    const { features } = await within(place, widest, layer, { limit: most - worst.length, where: condition });
    worst.push(...features);
  };
  const { values } = layer.fields.find(({ id }) => id === layer.grade);
  for (const [grade, name] of Object.entries(GRADES)) {
    const words = values.filter((value) => value.grade === Number(grade)).map(({ value }) => `'${value.replace(/'/g, "''")}'`);
    if (words.length) await take(`${layer.grade} IN (${words.join(", ")})`, grades[name]);
  }
  await take(`${layer.grade} IS NULL`, ungraded);
  return { bands: told, worst: worst.map((feature) => ({ feature, band: bandOf(bands, place, feature) })) };
}

async function within([lon, lat], { radiusM, polygons }, layer, more) {
  // Beside the roads there may be nothing within the shortest time.
  if (polygons && !polygons.length) return { counts: { [layer.id]: { total: 0, grades: {} } }, threatened: null, features: [] };
  const where = radiusM ? { circle: { lon, lat, radius_m: radiusM } } : { geometry: { type: "MultiPolygon", coordinates: polygons } };
  return send("POST", "/api/within", { ...where, layers: [layer.id], ...more });
}

/** The first band that holds a thing; on a ring's very edge the server may say so and we not. */
function bandOf(bands, place, { geometry }) {
  const found = bands.findIndex((one) => holds(one, place, geometry.coordinates));
  return found < 0 ? bands.length - 1 : found;
}

function holds({ radiusM, polygons }, origin, point) {
  if (radiusM) return metres(origin, point) <= radiusM;
  return polygons.some(([outer, ...holes]) => inRing(point, outer) && !holes.some((hole) => inRing(point, hole)));
}

function inRing([x, y], ring) {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[x1, y1], [x2, y2]] = [ring[i], ring[j]];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  }
  return odd;
}

function metres([lon1, lat1], [lon2, lat2]) {
  const squeeze = Math.cos((((lat1 + lat2) / 2) * Math.PI) / 180);
  return Math.hypot((lon2 - lon1) * squeeze, lat2 - lat1) * 111_195;
}
