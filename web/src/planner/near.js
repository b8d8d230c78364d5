// 就近: who and what is nearest to a place, by road or by line.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { clock } from "../words.js";
import { Fold, LayerChips, Switch, amount, choice, facts, field, foldRows, openRow, saying } from "./controls.js";
import { FilterForm, whereOf } from "./filters.js";
import { details, drawingOf, group, grouped, keyOf } from "./near_rows.js";
import { DIRECTIONS, wordOf } from "./travel.js";

const EACH = 3;
const STALE = [["sink", "排在后面"], ["keep", "照常排列"], ["omit", "不列出"]];
const BANDS = [5, 10, 15];
const MOST_EACH = 50;

export class Near {
  constructor(bench) {
    this.bench = bench;
    this.name = "near";
    this.title = "就近";
    this.answer = null;
    this.ask = { of: bench.layers.map(({ id }) => id), mode: bench.byRoad ? "road" : "line", k: EACH, direction: "to", within: null, stale: "sink", rings: false, filters: {} };
    this.build();
  }

  build() {
    const { ask, bench } = this;
    this.mode = new Switch("方式", [["road", "按道路"], ["line", "按直线"]], ask.mode, (value) => this.set("mode", value));
    if (!bench.byRoad) this.mode.disable("road", bench.app.offline ? "离线地图没有路网" : "尚未载入路网，不能按道路查询");
    this.chips = new LayerChips(bench.layers, bench.looks, (ids) => this.set("of", ids));
    this.chips.set(ask.of);
    this.filterBox = h("div", { class: "filters" });
    this.fold = new Fold();
    this.rings = h("input", { type: "checkbox" });
    this.rings.addEventListener("change", () => this.set("rings", this.rings.checked));
    this.body = h("div", { class: "groups", "aria-label": "查询结果" });
    this.placeSlot = h("div", {});
    const head = h("div", { class: "form" }, this.placeSlot, h("div", { class: "mode-row" }, this.mode.root), this.chips.root, bench.app.offline ? null : this.fold.root);
    this.root = h("div", { class: "tab near" }, head, this.body);
    this.fillFold();
  }

  /** The fields behind the summary line, made anew where the answer's kind changes them. */
  fillFold() {
    const { ask, bench } = this;
    const byRoad = ask.mode === "road";
    const direction = choice(DIRECTIONS, ask.direction, (value) => this.set("direction", value));
    const within = amount(ask.within, { least: 1, most: 600, step: 1, unit: "分钟", placeholder: "不限", label: "多少分钟内" }, (value) => this.set("within", value));
    const each = amount(ask.k, { least: 1, most: MOST_EACH, step: 1, unit: "个", label: "每个图层取几个" }, (value) => this.set("k", value || EACH));
    const stale = choice(STALE, ask.stale, (value) => this.set("stale", value));
    fill(
      this.fold.body,
      h("div", { class: "pair" }, field("每层", each), field("超期的", stale)),
      ...(byRoad ? [h("div", { class: "pair" }, ...bench.travel.fields(() => this.again())), h("div", { class: "pair" }, field("方向", direction), field("限", within))] : []),
      bench.byRoad ? h("label", { class: "tick" }, this.rings, h("span", {}, `画出 ${BANDS.join("、")} 分钟能到的范围`)) : null,
      this.filterBox,
    );
    this.fillFilters();
    this.sayFold();
  }

  fillFilters() {
    const forms = this.bench.layers
      .filter(({ id }) => this.ask.of.includes(id))
      .map((layer) => {
        this.ask.filters[layer.id] = this.ask.filters[layer.id] || {};
        return new FilterForm(layer, this.ask.filters[layer.id], () => this.again()).root;
      });
    fill(this.filterBox, forms.length ? h("p", { class: "label" }, "筛选") : null, ...forms);
  }

  sayFold() {
    const { ask, bench } = this;
    const filtered = bench.layers.filter(({ id }) => ask.of.includes(id) && this.where(id)).map(({ noun }) => `${noun}有筛选`);
    const road = ask.mode === "road" ? [bench.travel.words(), wordOf(DIRECTIONS, ask.direction), ask.within ? `限 ${ask.within} 分钟` : null] : [];
    this.fold.say(facts(...road, `每层 ${ask.k} 个`, ...filtered));
  }

  where(id) {
    return whereOf(this.bench.byId.get(id), this.ask.filters[id] || {});
  }

  set(name, value) {
    this.ask[name] = value;
    if (name === "mode") this.fillFold();
    if (name === "of") {
      this.chosen = true;
      this.fillFilters();
    }
    this.again();
  }

  again() {
    this.sayFold();
    this.bench.save();
    return this.run();
  }

  open() {
    this.placeSlot.append(this.bench.place.root);
    this.sayFold();
    if (!this.answer || this.outdated()) this.run();
  }

  outdated() {
    return this.answer.at !== this.bench.at || this.answer.seen !== this.bench.closures.version;
  }

  placed() {
    return this.run();
  }

  wantsPlace() {
    return true;
  }

  /** The question as an address of the API. */
  url(format) {
    const { ask, bench } = this;
    const [lon, lat] = bench.at;
    const query = new URLSearchParams({ lon: lon.toFixed(7), lat: lat.toFixed(7), layers: ask.of.join(","), k: ask.k });
    if (bench.app.offline) return `/api/nearest?${query}`;
    query.set("mode", ask.mode);
    query.set("stale", ask.stale);
    if (ask.mode === "road") {
      for (const [key, value] of Object.entries(bench.travel.query())) query.set(key, value);
      query.set("direction", ask.direction);
      if (ask.within) query.set("within_s", ask.within * 60);
    }
    for (const id of ask.of) if (this.where(id)) query.set(`where.${id}`, this.where(id));
    if (format) query.set("format", format);
    return `/api/nearest?${query}`;
  }

  /** Until somebody chooses layers here, those shown on the map are asked. */
  follow() {
    const shown = this.bench.app.shown().map(({ id }) => id);
    if (this.chosen || !shown.length || shown.join() === this.ask.of.join()) return;
    this.ask.of = shown;
    this.chips.set(shown);
    this.fillFilters();
  }

  async run() {
    const { bench, ask } = this;
    const { at } = bench;
    this.follow();
    const round = (this.round = {});
    if (!at || !ask.of.length) {
      this.answer = null;
      bench.ink.clear(this.name);
      fill(this.body, at ? saying("请至少选一个图层。") : null);
      return;
    }
    const seen = bench.closures.version;
    if (!this.answer) fill(this.body, saying("正在查询…"));
    bench.ink.set(this.name, { event: at });
    try {
      const [answer, bands] = await Promise.all([get(this.url()), ask.rings && bench.byRoad ? this.bands(at) : []]);
      if (round !== this.round) return;
      this.answer = { ...answer, at, seen, bands };
      this.show();
    } catch (error) {
      if (round !== this.round) return;
      this.answer = null;
      fill(this.body, saying(error.message, true));
    }
    bench.answered();
  }

  async bands([lon, lat]) {
    const query = new URLSearchParams({ lon: lon.toFixed(7), lat: lat.toFixed(7), seconds: BANDS.map((m) => m * 60).join(","), direction: this.ask.direction, ...this.bench.travel.query() });
    const { features } = await get(`/api/coverage/rings?${query}`);
    return bandAreas(features);
  }

  layers() {
    return this.bench.layers.filter(({ id }) => this.ask.of.includes(id));
  }

  show() {
    const { answer, bench } = this;
    const layers = this.layers();
    const drawing = drawingOf(answer, layers, answer.at);
    bench.ink.set(this.name, { ...drawing, areas: answer.bands });
    fill(this.body, ...this.parts());
    bench.frame([answer.at, ...drawing.spots.map(({ at }) => at)]);
    bench.say(`找到 ${answer.results.length} 个`);
  }

  parts() {
    const { answer, bench } = this;
    const acts = { on: (result, button) => this.unfold(result, button), stress: (key) => bench.stress(key) };
    const groups = grouped(answer, this.layers());
    for (const one of groups) if (this.ask.stale === "sink") one.sunk = true;
    const notes = (answer.notes || []).map((text) => h("p", { class: "note" }, text));
    const time = answer.asked_at ? h("p", { class: "asked" }, `查询时间 ${clock(new Date(answer.asked_at))}`) : null;
    return [...notes, ...groups.map((one) => group(one, bench.looks, acts)), time];
  }

  unfold(result, button) {
    const opens = foldRows(this.body, button);
    this.bench.pin(opens ? keyOf(result) : null);
    if (!opens) return;
    const card = h("button", { type: "button", class: "text" }, "登记内容");
    card.addEventListener("click", () => this.bench.app.popups.openFeature(result.layer, result.feature));
    const look = h("button", { type: "button", class: "text" }, "看全程");
    look.addEventListener("click", () => this.bench.frame(result.route ? result.route.geometry.coordinates : [this.answer.at, result.feature.geometry.coordinates]));
    button.after(details(result, [card, look], this.bench.byId.get(result.layer), this.bench.app.reveals));
  }

  /** A click on a place of the answer opens its row. */
  picked(key) {
    openRow(this.body, key);
  }

  exports() {
    return this.answer && !this.bench.app.offline ? { xlsx: this.url("xlsx"), geojson: this.url("geojson"), sheet: true } : null;
  }

  address() {
    const { ask } = this;
    const own = [
      ["of", ask.of.join(",")],
      ["mode", ask.mode],
      ["k", ask.k === EACH ? null : ask.k],
      ["dir", ask.direction === "to" ? null : ask.direction],
      ["min", ask.within],
      ["stale", ask.stale === "sink" ? null : ask.stale],
      ["rings", ask.rings ? 1 : null],
    ];
    for (const id of ask.of) if (this.where(id)) own.push([`f.${id}`, JSON.stringify(ask.filters[id])]);
    return [...own, ...this.bench.travel.address()];
  }

  restore(said) {
    const { ask, bench } = this;
    const one = (key, options, usual) => (options.some(([value]) => value === said.get(key)) ? said.get(key) : usual);
    this.chosen = said.has("of");
    if (this.chosen) ask.of = said.get("of").split(",").filter((id) => bench.byId.has(id));
    if (bench.byRoad && ["road", "line"].includes(said.get("mode"))) ask.mode = said.get("mode");
    ask.k = whole(said.get("k"), MOST_EACH) || EACH;
    ask.within = whole(said.get("min"), 600);
    ask.direction = one("dir", DIRECTIONS, "to");
    ask.stale = one("stale", STALE, "sink");
    ask.rings = said.get("rings") === "1";
    for (const id of ask.of) ask.filters[id] = valuesOf(said.get(`f.${id}`));
    this.rings.checked = ask.rings;
    this.mode.value = ask.mode;
    this.chips.set(ask.of);
    this.fillFold();
  }
}

/** A whole number of an address between 1 and `most`, else null. */
export function whole(text, most) {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= most ? value : null;
}

/** The values of a filter form as an address says them. */
export function valuesOf(text) {
  try {
    const values = JSON.parse(text || "{}");
    return values && typeof values === "object" && !Array.isArray(values) ? values : {};
  } catch {
    return {};
  }
}

export const polygonsOf = (geometry) => {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
};

export const SHADES = [0.26, 0.19, 0.15];

/** Bands of minutes as areas, widest first, each with its plate. */
export function bandAreas(features) {
  const sorted = [...features].sort((a, b) => a.properties.seconds - b.properties.seconds);
  return sorted
    .map(({ geometry, properties: { seconds } }, i) => ({
      polygons: polygonsOf(geometry),
      shade: SHADES[Math.min(i, SHADES.length - 1)],
      text: `${Math.round(seconds / 60)} 分钟`,
      seconds,
    }))
    .reverse();
}
