// Vector tiles: fetched once, decoded once, kept while they are of use.
import { VectorTile } from "@mapbox/vector-tile";
import Pbf from "pbf";
import { call } from "./api.js";

export class TileStore {
  constructor(decode, limit) {
    this.decode = decode;
    this.limit = limit;
    this.tiles = new Map();
    this.loading = new Map();
  }

  peek(url) {
    const tile = this.tiles.get(url);
    if (tile !== undefined) {
      // A map keeps the order of insertion: the first key is the longest unused.
      this.tiles.delete(url);
      this.tiles.set(url, tile);
    }
    return tile;
  }

  load(url, place) {
    const known = this.peek(url);
    if (known !== undefined) return Promise.resolve(known);
    if (!this.loading.has(url)) {
      const abort = new AbortController();
      const done = this._fetch(url, place, abort).finally(() => this.loading.delete(url));
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

  async _fetch(url, place, abort) {
    const response = await call(url, { signal: abort.signal });
    const bytes = await response.arrayBuffer();
    const tile = this.decode(bytes.byteLength ? new VectorTile(new Pbf(bytes)) : null, place);
    this.tiles.set(url, tile);
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
