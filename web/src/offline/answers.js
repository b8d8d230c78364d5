// What the server would answer, from the data in the file.
import { moment } from "../words.js";
import { line } from "./earth.js";
import { LayerTiles } from "./mvt.js";

const DAY_MS = 86_400_000;

export class Answers {
  constructor(data) {
    this.data = data;
    this.byId = new Map();
    this.tiles = new Map();
    for (const layer of data.layers) {
      const { features } = data.features[layer.id];
      this.byId.set(layer.id, new Map(features.map((feature) => [feature.id, feature])));
      this.tiles.set(layer.id, new LayerTiles(layer, features));
    }
    this.routes = [
      [/^\/api\/map$/, () => data.about],
      [/^\/api\/layers$/, () => data.layers],
      [/^\/api\/symbols$/, () => data.symbols],
      [/^\/api\/session$/, () => ({ offline: this.said() })],
      [/^\/healthz$/, () => ({ status: "ok" })],
      [/^\/api\/regions$/, (_, query) => data.regions[query.get("level")]],
      [/^\/api\/search$/, (_, query) => ({ results: this.search(query.get("q")) })],
      [/^\/api\/nearest$/, (_, query) => ({ results: this.nearest(query) })],
      [/^\/api\/layers\/(\w+)\/features\/(\d+)$/, ([, layer, id]) => this.byId.get(layer).get(Number(id))],
      [/^\/tiles\/base\/(\d+)\.mvts$/, ([, z], query) => packed(query, (x, y) => bytesOf(data.ground[`${z}/${x}/${y}`]))],
      [/^\/tiles\/(\w+)\/(\d+)\.mvts$/, ([, layer, z], query) => packed(query, (x, y) => this.tiles.get(layer).tile(+z, x, y))],
    ];
  }

  said() {
    const people = this.data.personal ? "含个人信息，请妥善保管" : "姓名、电话已隐去";
    return `离线地图，${moment(this.data.about.time)} 导出，${people}`;
  }

  async to(url) {
    const { pathname, searchParams } = new URL(url, "http://file.invalid");
    for (const [pattern, answer] of this.routes) {
      const match = pattern.exec(pathname);
      const body = match && answer(match, searchParams);
      if (body instanceof Uint8Array) return new Response(body);
      if (body) return new Response(JSON.stringify(body));
    }
    return new Response('{"detail": "离线地图中没有这项内容。"}', { status: 404 });
  }

  /** As the server finds: where the text stands earliest, then by layer, length, code, id. */
  search(text, limit = 10) {
    const wanted = (text || "").normalize("NFKC").toLowerCase().trim();
    if (!wanted) return [];
    const found = [];
    this.data.layers.forEach((layer) => {
      const { features, search } = this.data.features[layer.id];
      search.forEach((known, i) => {
        const at = known.indexOf(wanted);
        if (at >= 0) found.push({ at, order: layer.order, feature: features[i], layer });
      });
    });
    for (const place of this.data.places) {
      const at = place.search.indexOf(wanted);
      if (at >= 0) found.push({ at, order: 0, place });
    }
    const nameOf = ({ feature, place }) => (feature ? feature.properties.name : place.name);
    found.sort((a, b) => a.at - b.at || a.order - b.order || nameOf(a).length - nameOf(b).length);
    return found.slice(0, limit).map(told);
  }

  /** Straight lines on the ellipsoid, as the server measures them. */
  nearest(query) {
    const [lon, lat, k] = ["lon", "lat", "k"].map((name) => Number(query.get(name)));
    return query.get("layers").split(",").flatMap((layer) => this.nearestOf(layer, lon, lat, k));
  }

  nearestOf(layer, lon, lat, k) {
    const narrow = Math.cos((lat * Math.PI) / 180);
    const { features } = this.data.features[layer];
    const rough = features
      .map((feature) => {
        const [x, y] = feature.geometry.coordinates;
        return { feature, d: ((x - lon) * narrow) ** 2 + (y - lat) ** 2 };
      })
      .sort((a, b) => a.d - b.d)
      .slice(0, k + 30);
    return rough
      .map(({ feature }) => this.result(layer, feature, line([lon, lat], feature.geometry.coordinates)))
      .sort((a, b) => a.distance_m - b.distance_m)
      .slice(0, k);
  }

  result(layer, feature, { metres, bearing }) {
    const { name, verified_at: verified, updated_at: updated } = feature.properties;
    const checked = new Date(verified || updated);
    return {
      layer,
      id: feature.id,
      name,
      distance_m: metres,
      bearing_deg: bearing,
      age_days: Math.max(0, Math.floor((Date.now() - checked) / DAY_MS)),
      feature,
    };
  }
}

function told({ feature, place, layer }) {
  if (place) return { layer: null, title: "行政区", name: place.name, code: place.code, lon: place.lon, lat: place.lat };
  const [lon, lat] = feature.geometry.coordinates;
  const { name, code, region_name: region } = feature.properties;
  return { layer: layer.id, title: layer.title, id: feature.id, name, code, region_name: region, lon, lat };
}

/** Tiles one after the other, each after its length as four bytes. */
function packed(query, tileOf) {
  const tiles = query.get("at").split(",").map((place) => tileOf(...place.split(".").map(Number)));
  const bytes = new Uint8Array(tiles.reduce((sum, tile) => sum + 4 + tile.length, 0));
  let at = 0;
  for (const tile of tiles) {
    new DataView(bytes.buffer).setUint32(at, tile.length);
    bytes.set(tile, at + 4);
    at += 4 + tile.length;
  }
  return bytes;
}

function bytesOf(text) {
  if (!text) return new Uint8Array(0);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
