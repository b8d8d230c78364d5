// The view in the address: #11/30.12345/104.12345&layers=a,b&base=county, then what the page adds.

const OWN = new Set(["layers", "base"]);

/** {zoom, lat, lon, layers, base, more: Map of what else is said} as far as it is there. */
export function readHash(hash = location.hash) {
  const [place, ...rest] = hash.replace(/^#/, "").split("&");
  const found = { more: new Map() };
  const [zoom, lat, lon] = place.split("/").map(Number);
  const sound = Number.isInteger(zoom * 2) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  if (place && sound) Object.assign(found, { zoom, lat, lon });
  for (const part of rest) {
    const [key, value = ""] = part.split("=");
    if (key === "layers") found.layers = value ? value.split(",") : [];
    else if (key === "base") found.base = value;
    else if (key) found.more.set(key, plain(value));
  }
  return found;
}

function plain(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return "";
  }
}

/** The address of a view; `more`: [key, value] pairs, empty values left out. */
export function hashOf({ zoom, lat, lon, layers, base }, more = []) {
  const view = `${zoom}/${lat.toFixed(5)}/${lon.toFixed(5)}`;
  const rest = more
    .filter(([key, value]) => !OWN.has(key) && value !== null && value !== undefined && value !== "")
    .map(([key, value]) => `&${key}=${encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3B/g, ";")}`);
  return `#${view}&layers=${layers.join(",")}&base=${base}${rest.join("")}`;
}

export function writeHash(view, more) {
  history.replaceState(null, "", hashOf(view, more));
}
