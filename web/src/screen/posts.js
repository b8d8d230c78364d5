// The command tree: posts below their superiors, and the chain of a place.
import { get } from "../api.js";

export const LAYER = "command_posts";
// The symbol set tells posts apart by the words of the layer's file.
const KINDS = { county: "县级", township: "乡镇级", village: "村级" };
const MOST_DRAWN = 5000;

class Tree {
  constructor(roots) {
    this.byId = new Map();
    this.roots = roots;
    for (const root of roots) this._keep(root, null, 0);
  }

  _keep(post, superior, depth) {
    Object.assign(post, { superior, depth, at: [post.lon, post.lat], kind: KINDS[post.level] });
    this.byId.set(post.id, post);
    for (const below of post.children) this._keep(below, post, depth + 1);
  }

  /** Small enough to be drawn post by post. */
  get whole() {
    return this.byId.size <= MOST_DRAWN;
  }

  /** The post that commands most: the county's. */
  get top() {
    return [...this.roots].sort((a, b) => b.children.length - a.children.length)[0];
  }
}

export async function readPosts() {
  const { roots } = await get("/api/command/tree");
  return new Tree(roots);
}

/** {region, regions, chain, notes} of a place; whom to call first stands first. */
export function chainAt([lon, lat]) {
  return get(`/api/command/chain?lon=${lon.toFixed(7)}&lat=${lat.toFixed(7)}`);
}
