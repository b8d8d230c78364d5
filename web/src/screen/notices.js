// The one strip above the map: an alarm, the past, what a click will do. And the state of the feed.
import { fill, h } from "../dom.js";
import { ago, clockText } from "./said.js";

const ORDER = ["failure", "alarm", "past", "hint"];

export class Notices {
  constructor({ banner, feed }) {
    this.banner = banner;
    this.feed = feed;
    this.said = new Map();
  }

  /** kind: failure | alarm | past | hint. */
  set(kind, ...content) {
    this.said.set(kind, content);
    this.draw();
  }

  drop(kind) {
    if (this.said.delete(kind)) this.draw();
  }

  draw() {
    const kind = ORDER.find((one) => this.said.has(one));
    this.banner.hidden = !kind;
    this.banner.className = `banner ${kind || ""}`;
    if (kind) fill(this.banner, ...this.said.get(kind));
  }

  setFeed({ state, heard, since }) {
    document.body.classList.toggle("feed-lost", state === "lost" || state === "signed-out");
    document.body.classList.toggle("feed-cut", state === "cut");
    const text = {
      connecting: "正在连接…",
      live: `实时　数据 ${clockText(heard)}`,
      lost: `实时数据中断 ${ago(since)}　画面停在 ${clockText(heard)}`,
      cut: `实时数据中断 ${ago(since)}　画面停在 ${clockText(heard)}`,
      "signed-out": `登录已过期，画面停在 ${clockText(heard)}`,
    }[state];
    if (this.text !== undefined && this.kind === state) {
      this.text.textContent = text;
      return;
    }
    this.kind = state;
    this.text = h("span", {}, text);
    const again = state === "signed-out" ? h("a", { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}` }, "重新登录") : null;
    fill(this.feed, h("i", { class: `lamp ${state}`, "aria-hidden": "true" }), this.text, again);
  }
}
