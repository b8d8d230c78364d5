// 指挥体系图: posts on the map joined to their superiors; villages come out when one looks closer.
import { arrow, badge, plate, setPlates } from "../marks.js";
import { palette } from "../palette.js";
import { drawSymbol } from "../symbols.js";
import { shortName } from "./chain.js";
import { LAYER } from "./posts.js";

const SIZES = [30, 24, 17];
// More villages than these at once would hide the tree they hang on.
const CROWD = 90;
// Of a way to a post out of view so much is drawn.
const STUB = 72;

/** A guest on a pane's canvas: the whole tree while `active()` holds, a lit chain always. */
export class Hierarchy {
  constructor(pane, active) {
    this.scene = pane.scene;
    this.nameStyle = "post";
    this.active = active;
    this.lit = [];
    this.laid = [];
    this.scene.guests.push(this);
  }

  setTree(tree) {
    this.tree = tree;
    if (this.shows) this.scene.redrawSoon();
  }

  /** Light one chain up, whom to call first in front; an empty one puts it out. */
  light(chain) {
    if (!chain.length && !this.lit.length) return;
    this.lit = chain;
    this.scene.redrawSoon();
  }

  get shows() {
    return Boolean(this.tree && this.tree.whole && this.active() && this.scene.looks.has(LAYER));
  }

  /** The names of the posts stand for those of the towns. */
  get ownTowns() {
    return this.shows && this.folded;
  }

  circles() {
    this.laid = this.shows ? this._lay() : [];
    return this.laid.map(({ x, y, r }) => ({ x, y, r }));
  }

  /** Where the lit chain stands, with its numbers: others keep away. */
  stands() {
    return this.lit.map((post) => {
      const [x, y] = this.scene.spot(post.at);
      return { x, y, r: SIZES[0] / 2 };
    });
  }

  names() {
    return this.laid
      .filter(({ post }) => post.depth < 2 || !this.folded)
      .map(({ post, x, y, r }) => ({ x, y, r, name: shortName(post.name) + (this.folded && post.depth === 1 && post.children.length ? ` +${post.children.length}` : "") }));
  }

  /** The post drawn at a point of the canvas. */
  at(x, y) {
    const hits = this.laid.filter((spot) => Math.hypot(spot.x - x, spot.y - y) < spot.r + 3);
    return hits.length ? hits.sort((a, b) => a.post.depth - b.post.depth)[0].post : null;
  }

  _lay() {
    const size = this.scene._bounds.getSize();
    const near = [];
    for (const post of this.tree.byId.values()) {
      const [x, y] = this.scene.spot(post.at);
      if (x > -60 && y > -60 && x < size.x + 60 && y < size.y + 60) near.push({ post, x, y, r: SIZES[Math.min(post.depth, 2)] / 2 });
    }
    this.folded = near.filter(({ post }) => post.depth > 1).length > CROWD;
    const shown = near.filter(({ post }) => post.depth < 2 || !this.folded).sort((a, b) => a.post.depth - b.post.depth);
    shown.forEach((spot, i) => this._stepAside(spot, shown.slice(0, i)));
    return shown.reverse();
  }

  /** The posts of a county town stand in one street: lower ones make room for their superiors. */
  _stepAside(spot, placed) {
    if (spot.post.depth > 1) return;
    const hit = placed.find(({ x, y, r }) => Math.hypot(x - spot.x, y - spot.y) < r + spot.r);
    if (!hit) return;
    const reach = hit.r + spot.r + 8;
    const [dx, dy] = [spot.x - hit.x, spot.y - hit.y];
    const far = Math.hypot(dx, dy) || 1;
    spot.x = hit.x + ((far > 1 ? dx : -1) / far) * reach;
    spot.y = hit.y + ((far > 1 ? dy : 1) / far) * reach;
  }

  under(ctx) {
    this.circles();
    this._chain(ctx);
    if (!this.laid.length) return;
    const { ink, names } = palette();
    ctx.lineCap = "round";
    for (const { post, x, y } of this.laid) {
      if (!post.superior) continue;
      const major = post.depth === 1;
      ctx.globalAlpha = this.lit.length ? 0.3 : major ? 0.7 : 0.5;
      line(ctx, [x, y], this.scene.spot(post.superior.at), major ? ink : names.village, major ? 1.6 : 1);
    }
    for (const { post, x, y, r } of this.laid) {
      ctx.globalAlpha = this.lit.length && !this.lit.includes(post) ? 0.5 : 1;
      drawSymbol(ctx, this.scene.looks.get(LAYER), 0, x, y, r * 2, post.kind);
    }
    ctx.globalAlpha = 1;
  }

  /** The lit chain's lines lie below symbols and names, which they would cut through. */
  _chain(ctx) {
    if (!this.lit.length || !this.scene.looks.has(LAYER)) return;
    const { ink, halo } = palette();
    ctx.lineCap = "round";
    for (const [colour, width] of [[halo, 7], [ink, 3.4]]) {
      // Dots: not to be taken for a road.
      ctx.setLineDash(colour === ink ? [0.1, 7] : []);
      for (const { from, to } of this._steps()) line(ctx, from, to, colour, width);
    }
    ctx.setLineDash([]);
  }

  /** The chain's lines in view; one to a post out of view ends early and says where it leads. */
  _steps() {
    const [west, north, east, south] = this.scene._window();
    const seen = ([x, y]) => x > west && x < east && y > north && y < south;
    const spots = this.lit.map((post) => this.scene.spot(post.at));
    const steps = [];
    for (let i = 1; i < spots.length; i++) {
      const [low, high] = [spots[i - 1], spots[i]];
      if (seen(low) && seen(high)) steps.push({ from: low, to: high });
      else if (seen(low)) steps.push({ ...towards(low, high), out: this.lit[i] });
      else if (seen(high)) steps.push({ ...towards(high, low), out: this.lit[i - 1] });
    }
    return steps;
  }

  /** Where the chain leads out of view. */
  plates(ctx, boxes) {
    this.ways = this.lit.length && this.scene.looks.has(LAYER) ? this._steps().filter(({ out }) => out) : [];
    for (const { to: [x, y] } of this.ways) boxes.add([x - 9, y - 9, x + 9, y + 9]);
    this.told = setPlates(ctx, boxes, this.ways.map(({ spots, out }) => ({ spots, text: shortName(out.name) })));
    return this.told.map(({ box }) => box);
  }

  /** The lit posts lie above everything else, numbered in the order of calling. */
  over(ctx) {
    if (!this.lit.length || !this.scene.looks.has(LAYER)) return;
    const spots = this.lit.map((post) => this.scene.spot(post.at));
    const placed = [];
    for (const { from, to } of this.ways) arrow(ctx, from, to);
    for (const { at, text } of this.told) plate(ctx, at, text);
    this.lit.forEach((post, i) => {
      const [x, y] = spots[i];
      drawSymbol(ctx, this.scene.looks.get(LAYER), 0, x, y, SIZES[0], post.kind);
      // Township and village posts often stand side by side: their numbers step aside.
      const near = placed.filter(([a, b]) => Math.hypot(a - x, b - y) < 24).length;
      placed.push([x, y]);
      badge(ctx, x + 15 + near * 20, y - 15, String(i + 1));
    });
  }
}

/** From a spot a little way towards another, and where what is said of it stands. */
function towards([x, y], [farX, farY]) {
  const far = Math.hypot(farX - x, farY - y) || 1;
  const [dx, dy] = [(farX - x) / far, (farY - y) / far];
  const at = (reach) => [x + dx * reach, y + dy * reach];
  const [tipX, tipY] = at(STUB);
  const beside = [[46, 0], [-46, 0], [0, 24], [0, -24], [46, 24], [-46, 24], [46, -24], [-46, -24]];
  return { from: [x, y], to: at(STUB), spots: [[at(STUB + 34)[0], at(STUB + 20)[1]], ...beside.map(([aside, down]) => [tipX + aside, tipY + down])] };
}

function line(ctx, [x1, y1], [x2, y2], colour, width) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
}
