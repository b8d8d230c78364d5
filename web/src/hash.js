// The view in the address: #11/30.12345/104.12345&layers=a,b&base=county

export function readHash(hash = location.hash) {
  const [place, ...rest] = hash.replace(/^#/, "").split("&");
  const found = {};
  const [zoom, lat, lon] = place.split("/").map(Number);
  const sound = Number.isInteger(zoom * 2) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
  if (place && sound) Object.assign(found, { zoom, lat, lon });
  for (const part of rest) {
    const [key, value = ""] = part.split("=");
    if (key === "layers") found.layers = value ? value.split(",") : [];
    if (key === "base") found.base = value;
  }
  return found;
}

export function writeHash({ zoom, lat, lon, layers, base }) {
  const view = `${zoom}/${lat.toFixed(5)}/${lon.toFixed(5)}`;
  history.replaceState(null, "", `#${view}&layers=${layers.join(",")}&base=${base}`);
}
