// Shapes that people draw: as GeoJSON, as areas on the map, as words, as part of an address.
import { distance } from "../words.js";

const EARTH_M = 6_371_008.8;
const rad = (degrees) => (degrees * Math.PI) / 180;

/** "111.2,27.9;111.3,27.9" ↔ [[lon, lat], …] */
export const pointsText = (points) => points.map((point) => point.map((value) => Number(value.toFixed(6))).join(",")).join(";");

export function pointsOf(text) {
  const points = (text || "").split(";").map((pair) => pair.split(",").map(Number));
  const sound = points.every(([lon, lat, ...rest]) => !rest.length && Math.abs(lon) <= 180 && Math.abs(lat) <= 90);
  return text && sound ? points : [];
}

export function geometryOf(kind, points) {
  if (kind === "point") return { type: "Point", coordinates: points[0] };
  if (kind === "line") return { type: "LineString", coordinates: points };
  return { type: "Polygon", coordinates: [[...points, points[0]]] };
}

export function lengthM(points) {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const [[lon1, lat1], [lon2, lat2]] = [points[i - 1], points[i]];
    const a = Math.sin(rad(lat2 - lat1) / 2) ** 2 + Math.cos(rad(lat1)) * Math.cos(rad(lat2)) * Math.sin(rad(lon2 - lon1) / 2) ** 2;
    sum += 2 * EARTH_M * Math.asin(Math.sqrt(a));
  }
  return sum;
}

export const along = (points) => `线长 ${distance(lengthM(points))}`;
