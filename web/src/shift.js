// Stored and shown coordinates are WGS-84; on a shifted base map points move only when drawn.
import gcoord from "gcoord";

const SYSTEMS = { gcj02: gcoord.GCJ02, bd09: gcoord.BD09 };
export const NAMES = { wgs84: "WGS-84", gcj02: "GCJ-02", bd09: "BD-09" };

let system = null;

export function useCrs(crs) {
  system = SYSTEMS[crs] || null;
}

export const shifted = () => system !== null;

/** [lon, lat] as stored → [lon, lat] on the base map. */
export function toScreen(lonlat) {
  return system ? gcoord.transform(lonlat, gcoord.WGS84, system) : lonlat;
}

/** [lon, lat] on the base map → [lon, lat] as stored. */
export function toTrue(lonlat) {
  return system ? gcoord.transform(lonlat, system, gcoord.WGS84) : lonlat;
}

export const latLng = (lonlat) => {
  const [lon, lat] = toScreen(lonlat);
  return [lat, lon];
};
