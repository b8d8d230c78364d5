// What the wall asks about an event's place; every part may fail by itself and says so.
import { Problem, get } from "../api.js";

const BANDS = [300, 600, 900];
const LINE_BANDS_M = [2000, 5000, 10_000];
const EACH = 3;
const MOST = 2000;

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

/** The things of a layer inside the widest band: [{feature, band}] with the index of its band. */
export async function inside(place, bands, layer) {
  const [west, south, east, north] = boxOf(place, bands[bands.length - 1]);
  const { features, numberMatched } = await get(`/api/layers/${layer}/features?bbox=${west},${south},${east},${north}&limit=${MOST}`);
  const found = [];
  for (const feature of features) {
    const band = bands.findIndex((one) => holds(one, place, feature.geometry.coordinates));
    if (band >= 0) found.push({ feature, band });
  }
  return { found, cut: numberMatched > features.length };
}

function boxOf([lon, lat], { radiusM, polygons }) {
  if (radiusM) {
    const up = radiusM / 110_500;
    const across = up / Math.cos((lat * Math.PI) / 180);
    return [lon - across, lat - up, lon + across, lat + up];
  }
  const points = polygons.flatMap(([ring]) => ring);
  const each = (axis) => points.map((point) => point[axis]);
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  return [least(each(0)), least(each(1)), most(each(0)), most(each(1))];
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
