// 覆盖: whom nobody reaches in time, and what one more would change, here or at the best place.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { Fold, amount, choice, facts, field, saying } from "./controls.js";
import { Proposals } from "./coverage_more.js";
import { bandsTable, cornersOf, coverageDrawing, headline, unreached } from "./coverage_rows.js";
import { FilterForm, whereOf, wordsOf } from "./filters.js";
import { valuesOf, whole } from "./near.js";

const VILLAGES = "villages";
const MOST_MINUTES = 240;

/** The limit and two thirds and one third of it, in whole minutes. */
export const bandsOf = (minutes) => (minutes < 6 ? [minutes] : [Math.round(minutes / 3), Math.round((minutes * 2) / 3), minutes]);

export class Coverage {
  constructor(bench) {
    this.bench = bench;
    this.name = "coverage";
    this.title = "覆盖";
    this.answer = null;
    // Its drawing is read against the map, so the map's own points step back.
    this.presence = 0.22;
    const graded = bench.layers.find(({ grade }) => grade);
    const able = bench.layers.find(({ fields }) => fields.some(({ type }) => type === "list")) || bench.layers[0];
    this.ask = { from: able && able.id, to: graded ? graded.id : VILLAGES, minutes: 15, filters: {}, only: {} };
    this.more = new Proposals(bench, () => this.again());
    this.build();
  }

  build() {
    const { ask, bench } = this;
    const put = (name) => (value) => {
      if (value) ask[name] = value;
      this.fillFold();
      this.again();
    };
    this.from = choice(bench.layers.map(({ id, noun }) => [id, noun]), ask.from, put("from"));
    this.to = choice([...bench.layers.map(({ id, noun }) => [id, noun]), [VILLAGES, "村（社区）"]], ask.to, put("to"));
    this.minutesSlot = h("div", {});
    this.fold = new Fold();
    this.body = h("div", { class: "groups", "aria-label": "覆盖" });
    const head = h(
      "div",
      { class: "form" },
      h("div", { class: "pair" }, field("从", this.from), field("到", this.to)),
      this.minutesSlot,
      this.fold.root,
    );
    this.root = h("div", { class: "tab coverage" }, head, this.more.root, this.body);
    this.put = put;
    this.fillFold();
  }

  fillFold() {
    const { ask, bench } = this;
    fill(this.minutesSlot, field("几分钟内", amount(ask.minutes, { least: 1, most: MOST_MINUTES, step: 1, unit: "分钟", label: "多少分钟内" }, this.put("minutes"))));
    const form = (id, kept, title) => {
      if (id === VILLAGES) return [];
      kept[id] = kept[id] || {};
      return [h("p", { class: "label" }, title), new FilterForm(bench.byId.get(id), kept[id], () => this.again()).root];
    };
    fill(
      this.fold.body,
      h("div", { class: "pair" }, ...bench.travel.fields(() => this.again())),
      h("div", { class: "filters" }, ...form(ask.from, ask.filters, "哪些可用"), ...form(ask.to, ask.only, "哪些要到")),
    );
    this.sayFold();
  }

  sayFold() {
    const { ask, bench } = this;
    const said = (id, kept) => id !== VILLAGES && wordsOf(bench.byId.get(id), kept[id] || {});
    this.fold.say(facts(bench.travel.words(), said(ask.from, ask.filters) || "全部可用", said(ask.to, ask.only)));
  }

  get noun() {
    return this.ask.to === VILLAGES ? "村（社区）" : this.bench.byId.get(this.ask.to).noun;
  }

  again() {
    this.sayFold();
    this.bench.save();
    return this.run();
  }

  open() {
    this.more.opened();
    if (!this.answer || this.answer.seen !== this.bench.closures.version) this.run();
  }

  wantsPlace() {
    return this.bench.byRoad;
  }

  /** A place that is clicked or typed is one more, not where it happened. */
  takes(at) {
    this.more.add(at);
    return true;
  }

  placed() {}

  query() {
    const { ask, bench } = this;
    const query = new URLSearchParams({ layer: ask.from, targets: ask.to, ...bench.travel.query() });
    const where = whereOf(bench.byId.get(ask.from), ask.filters[ask.from] || {});
    if (where) query.set("where", where);
    const only = ask.to === VILLAGES ? "" : whereOf(bench.byId.get(ask.to), ask.only[ask.to] || {});
    if (only) query.set("target_where", only);
    return query;
  }

  /** What is asked of the server, once it is known where more would stand. */
  url() {
    const query = this.query();
    query.set("seconds", bandsOf(this.ask.minutes).map((minutes) => minutes * 60).join(","));
    if (this.more.places.length) query.set("also", this.more.text());
    return `/api/coverage?${query}`;
  }

  async run() {
    const { bench, ask } = this;
    const round = (this.round = {});
    if (!bench.byRoad) {
      fill(this.body, saying("覆盖按道路计算。尚未载入路网，请管理员用 mapsvc roads load 载入。"));
      return;
    }
    if (!this.answer) fill(this.body, saying("正在计算…"));
    const seen = bench.closures.version;
    try {
      const best = await this.more.best(this.query(), ask.minutes * 60);
      if (round !== this.round) return;
      const answer = await get(this.url());
      if (round !== this.round) return;
      this.answer = { ...answer, best, seen };
      this.show();
    } catch (error) {
      if (round !== this.round) return;
      this.answer = null;
      this.more.show(null);
      bench.ink.clear(this.name);
      fill(this.body, saying(error.message, true));
    }
    bench.answered();
  }

  show() {
    const { answer, ask, bench } = this;
    const layer = bench.byId.get(ask.to);
    const notes = new Set([...answer.notes, ...(answer.best ? answer.best.notes : [])]);
    this.more.show(answer);
    bench.ink.set(this.name, coverageDrawing(answer, layer, this.more.places));
    const acts = {
      stress: (key) => bench.stress(key),
      open: (feature) => (layer ? bench.app.popups.openFeature(layer.id, feature) : bench.frame([feature.geometry.coordinates])),
    };
    fill(
      this.body,
      headline(answer, this.noun, ask.minutes),
      bandsTable(answer, ask.minutes),
      ...[...notes].map((text) => h("p", { class: "note" }, text)),
      unreached(answer, layer, acts),
    );
    // The first answer brings the whole into view; later ones are looked at where one is.
    if (!this.framed) bench.frame(cornersOf(answer));
    this.framed = true;
    const { total, reached } = answer.targets;
    bench.say(`${ask.minutes} 分钟内到不了 ${total - reached} 个`);
  }

  picked(key) {
    const item = [...this.body.querySelectorAll("li[data-key]")].find(({ dataset }) => dataset.key === key);
    if (item) item.querySelector(".row").click();
  }

  exports() {
    if (!this.answer) return null;
    const file = (format) => `${this.url()}&format=${format}`;
    return { xlsx: file("xlsx"), geojson: file("geojson"), sheet: true };
  }

  address() {
    const { ask, bench } = this;
    const where = (key, id, kept) => {
      const sound = id !== VILLAGES && whereOf(bench.byId.get(id), kept[id] || {});
      return sound ? [[key, JSON.stringify(kept[id])]] : [];
    };
    return [
      ["from", ask.from],
      ["to", ask.to],
      ["min", ask.minutes],
      ...this.more.address(),
      ...where(`f.${ask.from}`, ask.from, ask.filters),
      ...where(`t.${ask.to}`, ask.to, ask.only),
      ...bench.travel.address(),
    ];
  }

  restore(said) {
    const { ask, bench } = this;
    if (bench.byId.has(said.get("from"))) ask.from = said.get("from");
    if (said.get("to") === VILLAGES || bench.byId.has(said.get("to"))) ask.to = said.get("to");
    ask.minutes = whole(said.get("min"), MOST_MINUTES) || ask.minutes;
    ask.filters[ask.from] = valuesOf(said.get(`f.${ask.from}`));
    ask.only[ask.to] = valuesOf(said.get(`t.${ask.to}`));
    this.from.value = ask.from;
    this.to.value = ask.to;
    this.more.restore(said);
    this.fillFold();
  }
}
