// Vector tiles: a view's tiles come in one answer a layer, decoded once, kept while they are of use.
import { VectorTile } from "@mapbox/vector-tile";
import Pbf from "pbf";
import { call } from "./api.js";
import { breath } from "./breath.js";

const MOST = 150;
// Decoding goes on for so long at most before the page may draw and hear again.
const SLICE_MS = 8;
export const RETRY_MS = 3000;

/** A lost network, a busy server, an answer cut short; not what was called off or is refused. */
export const isPassing = (error) => error.name !== "AbortError" && (error.status === undefined || error.status >= 500);

/** What a tile is: {layer, z, x, y, query} with `v=…` or `as_of=…` or nothing to ask with. */
export const addressOf = ({ layer, z, x, y, query = "" }) => `${layer}/${z}/${x}/${y}?${query}`;

/** One entry a place: a tile's newer version takes the older one's, which is shown until then. */
export class TileStore {
  constructor(decode, limit) {
    this.decode = decode;
    this.limit = limit;
    this.tiles = new Map();
    this.loading = new Map();
    this.asked = [];
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

  load(place, url = addressOf(place), key = url) {
    const known = this.peek(url, key);
    if (known !== undefined) return Promise.resolve(known);
    const loading = this.loading.get(url);
    if (loading) return loading.done;
    const ask = { place, url, key, pack: null };
    ask.done = new Promise((resolve, reject) => Object.assign(ask, { resolve, reject })).finally(() => this.loading.delete(url));
    this.loading.set(url, ask);
    // All that is asked for in one go goes out together.
    if (!this.asked.length) Promise.resolve().then(() => this._send());
    this.asked.push(ask);
    return ask.done;
  }

  /** Stop asking for tiles that are no longer wanted. */
  keepOnly(wanted) {
    for (const [url, { pack }] of this.loading)
      if (pack && !wanted.has(url) && !pack.asks.some((ask) => this.loading.has(ask.url) && wanted.has(ask.url))) pack.abort.abort();
  }

  clear() {
    this.keepOnly(new Set());
    this.tiles.clear();
  }

  _send() {
    const groups = new Map();
    for (const ask of this.asked) {
      const { layer, z, query } = ask.place;
      const about = `${layer}/${z}?${query}`;
      if (groups.has(about)) groups.get(about).push(ask);
      else groups.set(about, [ask]);
    }
    this.asked = [];
    for (const group of groups.values()) for (let i = 0; i < group.length; i += MOST) this._fetch(group.slice(i, i + MOST));
  }

  async _fetch(asks) {
    const pack = { asks, abort: new AbortController() };
    for (const ask of asks) ask.pack = pack;
    const { layer, z, query } = asks[0].place;
    const at = asks.map(({ place: { x, y } }) => `${x}.${y}`).join(",");
    try {
      const response = await call(`/tiles/${layer}/${z}.mvts?at=${at}${query ? `&${query}` : ""}`, { signal: pack.abort.signal });
      let next = 0;
      let begun = performance.now();
      for await (const bytes of framesOf(response.body)) {
        this._take(asks[next++], bytes);
        if (performance.now() - begun < SLICE_MS) continue;
        await breath();
        begun = performance.now();
      }
      if (next < asks.length) throw new Error("the answer ended early");
    } catch (error) {
      for (const ask of asks) ask.reject(error);
    }
  }

  _take({ url, key, place, resolve }, bytes) {
    const tile = this.decode(bytes.byteLength ? new VectorTile(new Pbf(bytes)) : null, place);
    this.tiles.delete(key);
    this.tiles.set(key, { url, tile });
    for (const oldest of this.tiles.keys()) {
      if (this.tiles.size <= this.limit) break;
      this.tiles.delete(oldest);
    }
    resolve(tile);
  }
}

/** The frames of a stream, each after its length as four bytes, as they come. */
async function* framesOf(stream) {
  const reader = stream.getReader();
  let rest = new Uint8Array(0);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest = rest.length ? joined(rest, value) : value;
    let at = 0;
    while (rest.length - at >= 4) {
      const size = new DataView(rest.buffer, rest.byteOffset + at).getUint32(0);
      if (rest.length - at - 4 < size) break;
      // A copy: a small tile must not keep the whole answer in memory.
      yield rest.slice(at + 4, at + 4 + size);
      at += 4 + size;
    }
    rest = rest.subarray(at);
  }
}

function joined(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
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
