// Vector tiles: fetched once, decoded once, kept while they are of use.
import { VectorTile } from "@mapbox/vector-tile";
import Pbf from "pbf";
import { call } from "./api.js";

/** One entry a place: a tile's newer version takes the older one's, which is shown until then. */
export class TileStore {
  constructor(decode, limit) {
    this.decode = decode;
    this.limit = limit;
    this.tiles = new Map();
    this.loading = new Map();
  }

  /** The tile of exactly this address. */
  peek(url, key = url) {
    const kept = this.tiles.get(key);
    if (!kept || kept.url !== url) return undefined;
    // A map keeps the order of insertion: the first key is the longest unused.
    this.tiles.delete(key);
    this.tiles.set(key, kept);
    return kept.tile;
  }

  /** What is known of a place, of whatever version. */
  latest(key) {
    const kept = this.tiles.get(key);
    return kept && kept.tile;
  }

  load(url, place, key = url) {
    const known = this.peek(url, key);
    if (known !== undefined) return Promise.resolve(known);
    if (!this.loading.has(url)) {
      const abort = new AbortController();
      const done = this._fetch(url, key, place, abort).finally(() => this.loading.delete(url));
      this.loading.set(url, { done, abort });
    }
    return this.loading.get(url).done;
  }

  /** Stop asking for tiles that are no longer wanted. */
  keepOnly(wanted) {
    for (const [url, { abort }] of this.loading) if (!wanted.has(url)) abort.abort();
  }

  clear() {
    this.keepOnly(new Set());
    this.tiles.clear();
  }

  async _fetch(url, key, place, abort) {
    const response = await call(url, { signal: abort.signal });
    const bytes = await response.arrayBuffer();
    const tile = this.decode(bytes.byteLength ? new VectorTile(new Pbf(bytes)) : null, place);
    this.tiles.delete(key);
    this.tiles.set(key, { url, tile });
    for (const oldest of this.tiles.keys()) {
      if (this.tiles.size <= this.limit) break;
      this.tiles.delete(oldest);
    }
    return tile;
  }
}

/** Tiles of one zoom that cover a box of world pixels, as {z, x, y}. */
export function covering(min, max, z, size) {
  const last = 2 ** z - 1;
  const clamp = (n) => Math.max(0, Math.min(last, Math.floor(n)));
  const found = [];
  for (let x = clamp(min.x / size); x <= clamp(max.x / size); x++)
    for (let y = clamp(min.y / size); y <= clamp(max.y / size); y++) found.push({ z, x, y });
  return found;
}
