// The planner's workbench: one sheet on the right, a tab a question, one address for all of it.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { call } from "../api.js";
import { copy, fill, h } from "../dom.js";
import { latLng } from "../shift.js";
import { Closures } from "./closures.js";
import { Coverage } from "./coverage.js";
import { Drawing } from "./drawing.js";
import { Ink } from "./ink.js";
import { Near } from "./near.js";
import { Place } from "./place.js";
import { Plan } from "./plan.js";
import { Travel } from "./travel.js";
import { Within } from "./within.js";

const NARROW = 720;
// The map's own points behind an answer.
const BEHIND = 0.4;

export class Workbench {
  /** `facts`: {layers, roads, me} as the server told them. */
  constructor(app, { layers, roads, me }) {
    this.app = app;
    this.me = me;
    this.layers = layers;
    this.byId = new Map(layers.map((layer) => [layer.id, layer]));
    this.byRoad = Boolean(roads && roads.network);
    this.at = null;
    this.current = null;
    this.pinned = null;
    this.ink = new Ink(app.scene);
    this.drawing = new Drawing(app);
    this.travel = new Travel();
    this.place = new Place(app, (at) => this.from(at));
    this.closures = new Closures(this);
    this.tabs = app.offline ? [new Near(this)] : [new Near(this), new Within(this), new Plan(this), new Coverage(this), this.closures];
    this.build();
    this.ink.show(["closures"]);
  }

  get looks() {
    return this.app.scene.looks;
  }

  setLayers(layers) {
    this.layers = layers;
    this.byId = new Map(layers.map((layer) => [layer.id, layer]));
    return this.closures.load();
  }

  build() {
    this.buttons = new Map();
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "研判" });
    for (const tab of this.tabs) {
      const button = h("button", { type: "button", role: "tab", id: `tab-${tab.name}`, "aria-controls": "bench-body", "aria-selected": "false", tabindex: this.buttons.size ? "-1" : "0" }, tab.title);
      button.addEventListener("click", () => this.choose(tab.name));
      this.buttons.set(tab.name, button);
      list.append(button);
    }
    list.addEventListener("keydown", (event) => this.walk(event));
    this.fold = h("button", { type: "button", class: "fold", "aria-expanded": "false", "aria-controls": "bench-body", onclick: () => (this.current ? this.close() : this.choose(this.last || "near")) }, "展开");
    this.body = h("div", { class: "bench-body", id: "bench-body", role: "tabpanel", tabindex: "-1" });
    this.foot = h("footer", { class: "bench-foot" });
    this.live = h("p", { class: "offscreen", "aria-live": "polite" });
    this.root = document.body.appendChild(h("aside", { class: "sheet bench folded", "aria-label": "研判" }, h("header", {}, list, this.fold), this.body, this.foot, this.live));
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && this.escape(event));
  }

  walk(event) {
    const names = [...this.buttons.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = names.findIndex((name) => this.buttons.get(name) === document.activeElement);
    const next = names[(at + step + names.length) % names.length];
    this.choose(next);
    this.buttons.get(next).focus();
  }

  get tab() {
    return this.tabs.find(({ name }) => name === this.current) || null;
  }

  choose(name) {
    if (name === this.current) return;
    this.drawing.cancel();
    this.pin(null);
    this.current = this.last = name;
    for (const [key, button] of this.buttons) {
      button.setAttribute("aria-selected", String(key === name));
      button.setAttribute("tabindex", key === name ? "0" : "-1");
    }
    this.root.classList.remove("folded");
    document.body.classList.add("with-bench");
    this.fold.textContent = "收起";
    this.fold.setAttribute("aria-expanded", "true");
    this.body.setAttribute("aria-labelledby", `tab-${name}`);
    fill(this.body, this.tab.root);
    this.ink.show([name, "closures"]);
    this.fade();
    this.tab.open();
    this.answered();
    this.save();
  }

  close() {
    this.drawing.cancel();
    this.pin(null);
    this.current = null;
    for (const button of this.buttons.values()) button.setAttribute("aria-selected", "false");
    this.root.classList.add("folded");
    document.body.classList.remove("with-bench");
    this.fold.textContent = "展开";
    this.fold.setAttribute("aria-expanded", "false");
    this.ink.show(["closures"]);
    this.fade();
    this.save();
  }

  /** One step back: what is drawn, then the whole sheet. */
  escape(event) {
    event.preventDefault();
    if (this.drawing.active) this.drawing.cancel();
    else if (this.current) {
      this.close();
      this.fold.focus();
    }
  }

  /** A place to ask about, from wherever it comes. */
  from(at) {
    this.app.popups.close();
    if (this.tab && this.tab.takes && this.tab.takes(at)) return;
    this.at = at;
    this.place.say(at);
    if (!this.tab || !this.tab.wantsPlace()) this.choose("near");
    else this.tab.placed();
    this.fade();
    this.save();
  }

  /** A click on the map that no feature took; true when it was of use here. */
  click(latlng, containerPoint) {
    if (this.drawing.active) {
      this.drawing.add(latlng);
      return true;
    }
    const spot = this.tab && this.ink.at(containerPoint);
    if (!spot) return false;
    this.tab.picked(spot.key);
    return true;
  }

  stress(key) {
    this.ink.stress(key === null ? this.pinned : key);
  }

  /** Keep one result in front until another or none is. */
  pin(key) {
    this.pinned = key;
    this.ink.stress(key);
  }

  /** Where the sheets stand no name on the map can be read. */
  cover() {
    const boxes = [...document.querySelectorAll(".sheet")].map((sheet) => sheet.getBoundingClientRect());
    this.app.scene.blocked = boxes.map(({ left, top, right, bottom }) => [left, top, right, bottom]);
  }

  fade() {
    this.cover();
    const { tab } = this;
    this.app.scene.presence = tab && tab.presence ? tab.presence : tab && this.ink.event ? BEHIND : 1;
    this.app.scene.redrawSoon();
  }

  say(text) {
    this.live.textContent = text;
  }

  /** The answer of the tab in front has changed: so has what can be taken along. */
  answered() {
    this.fade();
    const ways = this.tab && this.tab.exports();
    fill(this.foot, ...(ways ? this.takeAlong(ways) : []));
    this.foot.hidden = !ways;
  }

  takeAlong({ xlsx, geojson, sheet }) {
    const file = (text, url) => (typeof url === "string" ? h("a", { href: url, download: "" }, text) : h("button", { type: "button", class: "text", onclick: url }, text));
    const link = h("button", { type: "button", class: "text" }, "复制网址");
    link.addEventListener("click", async () => {
      link.textContent = await copy(location.href).then(() => "已复制", () => "复制失败");
      setTimeout(() => (link.textContent = "复制网址"), 1600);
    });
    return [
      sheet ? h("button", { type: "button", class: "second", onclick: () => this.print() }, "打印") : null,
      xlsx ? file("Excel", xlsx) : null,
      geojson ? file("GeoJSON", geojson) : null,
      link,
    ];
  }

  /** The answer on one sheet of paper, on a page of its own. */
  print() {
    window.open(`/sheet${location.hash}`, "_blank");
  }

  /** A file that a question with a body makes. */
  async download(url, body) {
    const headers = { "Content-Type": "application/json", "X-Requested-With": "mapsvc" };
    try {
      const response = await call(url, { method: "POST", headers, body: JSON.stringify(body) });
      const named = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") || "");
      const address = URL.createObjectURL(await response.blob());
      const link = h("a", { href: address, download: named ? decodeURIComponent(named[1]) : "" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Roads were closed or opened by somebody: what is in front is asked anew, where one is looking. */
  async closuresChanged() {
    const { tab } = this;
    if (!tab || !tab.answer || tab.answer.seen === undefined) return;
    this.still = true;
    await tab.run();
    this.still = false;
    this.say("封路有变化，已重新计算");
  }

  /** Bring places into the free part of the map. */
  frame(places) {
    const wide = window.innerWidth > NARROW;
    if (!places.length || this.still || this.app.quietStart) return;
    this.app.map.flyToBounds(L.latLngBounds(places.map(latLng)), {
      paddingTopLeft: wide ? [374, 64] : [20, 20],
      paddingBottomRight: wide ? [this.root.offsetWidth + 90, 64] : [20, window.innerHeight * 0.48],
      maxZoom: 15,
      duration: 0.5,
    });
  }

  save() {
    this.app.save();
  }

  address() {
    const { tab, at } = this;
    if (!tab) return [];
    return [["tab", tab.name], ["at", at && at.map((value) => value.toFixed(6)).join(",")], ...tab.address()];
  }

  async restore(said) {
    const tab = this.tabs.find(({ name }) => name === said.get("tab"));
    if (!tab) return;
    const at = (said.get("at") || "").split(",").map(Number);
    if (at.length === 2 && Math.abs(at[0]) <= 180 && Math.abs(at[1]) <= 90) {
      this.at = at;
      this.place.say(at);
    }
    this.travel.restore(said);
    await tab.restore(said);
    this.choose(tab.name);
  }

  openFeature(layer, id, at) {
    return this.app.popups.open(layer, id, latLng(at));
  }

  redraw() {
    this.app.scene.redrawSoon();
  }
}
