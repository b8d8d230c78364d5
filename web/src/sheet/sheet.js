// One sheet of paper for one answer: Folium's shell calls mapsvc.start() with its map and layers.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { readHash } from "../hash.js";
import { choice } from "../planner/controls.js";
import { polygonsOf } from "../planner/near.js";
import { placeName } from "../planner/place.js";
import { Features, Scene } from "../scene.js";
import { magnify } from "../sharpness.js";
import { latLng, useCrs } from "../shift.js";
import { connectionBar } from "../status.js";
import { lookOf, useSymbols } from "../symbols.js";
import { degrees } from "../words.js";
import { legendOf, notesOf, questionOf, recordOf, titleOf } from "./about.js";
import { Bench } from "./bench.js";
import { coverageBlocks, nearBlocks, planBlocks, viewBlocks, withinBlocks } from "./blocks.js";
import { Chart, placesOf } from "./chart.js";
import { PaperCounty } from "./ground.js";
import { Paper, SIZES, TURNS } from "./paper.js";
import { SCALES, scaleText } from "./scale.js";

/** What of a view is sure to have been seen beside the page's sheets: units from its middle. */
const SEEN = [380, 300];
/** So many numbers still stand side by side on a map. */
const MANY = 40;
/** Canvases have so many dots a unit: nearly 300 an inch on paper. */
const FINE = 3;
const OFFERED = SCALES.filter((scale) => scale >= 5000 && scale <= 1_000_000);

class Sheet {
  constructor(map, shell) {
    magnify(FINE);
    this.map = map;
    this.shell = shell;
    for (const [name, order] of [["relief", 190], ["mask", 220], ["outline", 230], ["points", 420]]) map.createPane(name).style.zIndex = order;
    this.scene = map.scene = new Scene({ padding: 0 });
    this.wanted = readHash();
    this.ready = false;
    this.paper = new Paper(map.getContainer());
    this.chart = new Chart(map, this.scene, this.paper);
    this.bar = this.tools();
    document.body.prepend(this.bar, h("div", { class: "desk" }, this.paper.root));
    connectionBar(() => {});
    // Another address is another sheet.
    window.addEventListener("hashchange", () => location.reload());
    this.load().catch((error) => this.refuse(error.message));
  }

  tools() {
    const query = new URLSearchParams(location.search);
    const one = (options, value) => (value in options ? value : Object.keys(options)[0]);
    this.size = one(SIZES, query.get("paper"));
    this.turn = one(TURNS, query.get("turn"));
    const button = (name, key, text) => h("button", { type: "button", "data-key": key, "aria-pressed": "false", onclick: () => this.set(name, key) }, text);
    this.buttons = [...Object.entries(SIZES).map(([key, text]) => button("size", key, text)), ...Object.entries(TURNS).map(([key, text]) => button("turn", key, text))];
    const scales = choice([["", "比例尺自动"], ...OFFERED.map((scale) => [scale, scaleText(scale)])], "", (value) => this.chart.choose(Number(value) || null));
    scales.setAttribute("aria-label", "比例尺");
    this.print = h("button", { type: "button", class: "primary", disabled: true, onclick: () => window.print() }, "打印");
    return h(
      "nav",
      { class: "tools", "aria-label": "打印设置" },
      h("a", { href: `/map${location.hash}` }, "回到地图"),
      h("span", { class: "set", role: "group", "aria-label": "纸张" }, ...this.buttons.slice(0, 2)),
      h("span", { class: "set", role: "group", "aria-label": "方向" }, ...this.buttons.slice(2)),
      scales,
      this.print,
      (this.hint = h("p", { class: "hint" }, "打印时选“实际大小”（100%），比例尺才准。地图可以拖动，标题和审图号可以改写。")),
    );
  }

  set(name, value) {
    this[name] = value;
    history.replaceState(null, "", `?paper=${this.size}&turn=${this.turn}${location.hash}`);
    this.lay();
  }

  async load() {
    const [about, layers, me, symbols, roads] = await Promise.all([get("/api/map"), get("/api/layers"), get("/api/session"), get("/api/symbols"), get("/api/roads")]);
    useSymbols(symbols);
    Object.assign(this, { about, layers, me, roads });
    this.paper.demo.hidden = !about.demo;
    this.first();
    this.scene.setLooks(new Map(layers.map((layer) => [layer.id, lookOf(layer, { version: layer.version, count: layer.count })])));
    this.scene.addTo(this.map);
    this.useBase();
    this.bench = new Bench(this.scene, { layers, roads, me });
    this.tab = await this.bench.ask(this.wanted.more);
    const refusal = this.tab && this.bench.refusal(this.tab);
    if (refusal) return this.refuse(refusal);
    // The legend says what the shades mean, where on the map plates would hide it.
    for (const area of this.drawing.areas || []) delete area.text;
    this.all = this.drawing;
    this.crowded = Boolean(this.tab && this.tab.name === "near" && this.all.spots.length > MANY);
    await this.name();
    this.write();
    this.lay();
    return this.settled();
  }

  /** A view to begin with: that of the address, else the county; what is drawn decides the next. */
  first() {
    const { map } = this;
    const { zoom, lat, lon } = this.wanted;
    const [west, south, east, north] = this.about.county.bounds || [73, 18, 135, 54];
    map.setView(latLng([(west + east) / 2, (south + north) / 2]), 9, { animate: false });
    this.box = [[west, south], [east, north]];
    if (zoom === undefined) return;
    const centre = map.project([lat, lon], zoom);
    this.box = [-1, 1].map((side) => map.unproject(centre.add([side * SEEN[0], side * SEEN[1]]), zoom)).map(({ lng, lat: at }) => [lng, at]);
  }

  useBase() {
    const { baseMaps, pictures } = this.shell;
    this.base = baseMaps.find(({ id }) => id === this.wanted.base) || baseMaps[0];
    useCrs(this.base.crs);
    for (const layer of pictures[this.base.id]) layer.addTo(this.map);
    const [own] = pictures[this.base.id];
    if (!(own instanceof PaperCounty)) return;
    own.setRelief(this.about.relief);
    this.scene.setGround(own);
    get("/api/regions?level=county").then(
      ({ features }) => own.setOutline(features.flatMap(({ geometry }) => polygonsOf(geometry).flat().map((ring) => ring.map(latLng)))),
      () => {},
    );
  }

  /** Layers as points: of a plain view those of the address, of a range those too many to number. */
  points() {
    if (!this.tab) return this.wanted.layers || this.layers.map(({ id }) => id);
    return this.tab.name === "within" && !this.drawing.spots.length && this.tab.answer.features.length ? this.tab.ask.of : [];
  }

  get drawing() {
    return { spots: [], ...((this.tab && this.bench.ink.drawings.get(this.tab.name)) || {}) };
  }

  /** The names of the places that were asked about. */
  async name() {
    const name = (at) => placeName(at).catch(() => "");
    const { at } = this.bench;
    const { event } = this.drawing;
    this.named = event && at ? `${await name(at)}　东经 ${degrees(at[0])}，北纬 ${degrees(at[1])}（WGS-84）` : "";
    const sites = this.tab && this.tab.name === "coverage" ? this.tab.more.places : [];
    this.siteNames = await Promise.all(sites.map(name));
  }

  write() {
    const { paper, tab, bench, about, layers, me, roads } = this;
    const answer = tab && tab.answer;
    const shown = this.points();
    for (const id of shown) this.shell.features[id] && this.shell.features[id].addTo(this.map);
    document.title = titleOf(about.title, tab);
    paper.title.textContent = document.title;
    paper.place.textContent = this.named;
    paper.question.textContent = questionOf(bench, tab);
    paper.setBlocks(this.blocks(answer));
    const { list } = bench.closures;
    fill(paper.legend, ...legendOf({ drawing: this.drawing, closures: list, layers, shown, looks: this.scene.looks }));
    const notes = notesOf(answer, tab, list);
    if (this.crowded) notes.push("图上只标出表中所列的。");
    fill(paper.notes, ...notes.map((text) => h("li", {}, text)));
    const used = layers.filter(({ id }) => !tab || !tab.ask.of || tab.ask.of.includes(id));
    const record = recordOf({ answer, layers: used, roads, me, time: about.time });
    const base = this.base.id === "county" ? "本县数据" : [this.base.name, this.base.attribution].filter(Boolean).join("，");
    const approval = h("dd", { class: about.approval ? "" : "blank", contenteditable: "plaintext-only", "aria-label": "审图号" }, this.base.id === "county" ? about.approval : "");
    fill(paper.record, ...[...record, ["底图", base]].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))), h("div", { class: "approval" }, h("dt", {}, "审图号"), approval));
  }

  blocks(answer) {
    const { tab, bench, layers } = this;
    const { looks } = this.scene;
    const reveals = (this.me.rights || []).includes("reveals");
    if (reveals) this.hint.append("点一下隐去的姓名或电话，显示原文后再打印；每次查看都会记入审计。");
    if (!tab) return viewBlocks(layers.filter(({ id }) => this.points().includes(id)), looks, bench.closures.list);
    return {
      near: () => nearBlocks(answer, tab.layers(), looks, reveals),
      within: () => withinBlocks(answer, tab.layers(), looks, reveals),
      plan: () => planBlocks(answer),
      coverage: () => coverageBlocks(answer, bench.byId.get(tab.ask.to), tab.more.places, this.siteNames),
    }[tab.name]();
  }

  /** On the paper that is chosen now. */
  lay() {
    const { paper, size, turn } = this;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String([size, turn].includes(button.dataset.key)));
    paper.shape(size, turn);
    if (!this.bench || this.refused) return;
    this.number(paper.fit());
    const places = placesOf(this.drawing, this.tab && this.tab.name !== "near");
    this.chart.show(places.length ? places : this.box);
  }

  /** Of very many only those that the lists hold are numbered on the map, which a note says. */
  number(kept) {
    if (!this.crowded) return;
    const { ink } = this.bench;
    const layers = this.tab.layers();
    const spots = this.all.spots.filter(({ layer, rank }) => rank <= kept[layers.findIndex(({ id }) => id === layer)]);
    const keys = new Set(spots.map(({ key }) => key));
    ink.set(this.tab.name, { ...this.all, spots, ways: this.all.ways.filter(({ key }) => keys.has(key)) });
  }

  /** Until the last tile is drawn there is nothing to print. */
  async settled() {
    const [own] = this.shell.pictures[this.base.id];
    const done = () => !this.scene.pending && !this.scene.store.loading.size && (own instanceof PaperCounty ? own.ground.settled : !own.isLoading || !own.isLoading());
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 50));
    this.scene.redrawNow();
    this.ready = true;
    this.print.disabled = false;
  }

  refuse(text) {
    this.refused = true;
    this.lay();
    document.body.append(h("div", { class: "fatal", role: "alert" }, h("p", {}, text), h("a", { href: `/map${location.hash}` }, "回到地图")));
  }
}

window.L = { map: L.map, control: L.control, tileLayer: L.tileLayer };
window.mapsvc = {
  county: () => new PaperCounty(),
  features: (id) => new Features(id),
  start: (map, shell) => {
    window.mapsvc.sheet = new Sheet(map, shell);
  },
};
