// 方案: what the event needs, and who gives how much of it by when.
import { get, send } from "../api.js";
import { fill, h } from "../dom.js";
import { clock } from "../words.js";
import { Fold, Switch, amount, choice, facts, field, foldRows, openRow, saying } from "./controls.js";
import { whole } from "./near.js";
import { NeedsTable, amountOf, nameOf } from "./needs.js";
import { headline, planDrawing, reasons, shortfalls, sourceKey, sources } from "./plan_rows.js";

const OBJECTIVES = [["fewest", "调用的点最少"], ["earliest", "最早到齐"]];
const STALE = [["keep", "也用"], ["omit", "不用"]];
const MODES = [["road", "按道路"], ["line", "按直线"]];

export class Plan {
  constructor(bench) {
    this.bench = bench;
    this.name = "plan";
    this.title = "方案";
    this.answer = null;
    this.ask = { mode: bench.byRoad ? "road" : "line", objective: "fewest", stale: "keep", within: null, card: null };
    this.root = h("div", { class: "tab plan" });
    this.placeSlot = h("div", {});
    this.body = h("div", { class: "groups", "aria-label": "方案" });
    this.ready = get("/api/needs").then((known) => this.build(known));
  }

  build(known) {
    this.cards = known.cards;
    this.table = new NeedsTable(known, () => {
      this.ask.card = null;
      this.card.value = "";
      this.again();
    });
    this.card = choice([["", "自己填写…"], ...known.cards.map(({ id, title }) => [id, title])], "", () => this.useCard());
    this.level = new Switch("级别", [["Ⅰ", "Ⅰ"], ["Ⅱ", "Ⅱ"], ["Ⅲ", "Ⅲ"], ["Ⅳ", "Ⅳ"]], "Ⅳ", (value) => {
      this.levelValue = value;
      this.useCard();
    });
    this.levelValue = "Ⅳ";
    this.needs = new Fold(this.table.root);
    this.how = new Fold();
    fill(
      this.root,
      h("div", { class: "form" }, this.placeSlot, h("div", { class: "card-row" }, field("事件", this.card), this.level.root), this.needs.root, this.how.root),
      this.body,
    );
    this.fillHow();
    this.needs.open(true);
    this.sayNeeds();
  }

  fillHow() {
    const { ask, bench } = this;
    const put = (name) => (value) => {
      ask[name] = value;
      this.again();
    };
    const mode = choice(bench.byRoad ? MODES : MODES.slice(1), ask.mode, put("mode"));
    const within = amount(ask.within, { least: 1, most: 1440, step: 1, unit: "分钟", placeholder: "不限", label: "多少分钟内到" }, put("within"));
    fill(
      this.how.body,
      field("目标", choice(OBJECTIVES, ask.objective, put("objective"))),
      h("div", { class: "pair" }, field("用时", mode), field("限", within)),
      h("div", { class: "pair" }, ...bench.travel.fields(() => this.again())),
      field("超期的", choice(STALE, ask.stale, put("stale"))),
    );
    this.sayHow();
  }

  sayHow() {
    const { ask, bench } = this;
    const [, objective] = OBJECTIVES.find(([key]) => key === ask.objective);
    const road = ask.mode === "road" ? `按道路，${bench.travel.words()}` : "按直线";
    this.how.say(facts(objective, road, ask.within ? `限 ${ask.within} 分钟` : null));
  }

  sayNeeds() {
    const needs = this.table.value;
    this.needs.say(needs.length ? `需求 ${needs.length} 项：${needs.map((need) => `${nameOf(need)} ${amountOf(need)}`).join("、")}` : "需求：还没有填写");
  }

  /** A card fills the table and asks at once. */
  useCard() {
    const card = this.cards.find(({ id }) => id === this.card.value);
    if (!card) return undefined;
    const level = card.levels.find((one) => one.level === this.levelValue) || card.levels[card.levels.length - 1];
    this.levelValue = this.level.value = level.level;
    this.ask.card = `${card.id}:${level.level}`;
    this.ask.within = level.within_s ? Math.round(level.within_s / 60) : null;
    this.table.value = level.needs;
    this.needs.open(false);
    this.fillHow();
    return this.again();
  }

  again() {
    this.sayNeeds();
    this.sayHow();
    this.bench.save();
    return this.run();
  }

  async open() {
    await this.ready;
    this.placeSlot.append(this.bench.place.root);
    this.sayHow();
    const { answer, bench } = this;
    if (!answer || answer.at !== bench.at || answer.seen !== bench.closures.version) this.run();
  }

  wantsPlace() {
    return true;
  }

  placed() {
    return this.run();
  }

  question() {
    const { ask, bench } = this;
    const needs = this.table.value;
    if (!bench.at || !needs.length) return null;
    const [lon, lat] = bench.at;
    return { lon, lat, needs, mode: ask.mode, objective: ask.objective, stale: ask.stale, routes: ask.mode === "road", ...(ask.within ? { within_s: ask.within * 60 } : {}), ...bench.travel.query() };
  }

  async run() {
    await this.ready;
    const { bench } = this;
    const round = (this.round = {});
    const question = this.question();
    const seen = bench.closures.version;
    const { at } = bench;
    bench.ink.set(this.name, { event: at });
    if (!question) {
      this.answer = null;
      fill(this.body, at ? saying("选一张需求卡，或自己填写需要什么。") : null);
      bench.answered();
      return;
    }
    if (!this.answer) fill(this.body, saying("正在计算…"));
    try {
      const answer = await send("POST", "/api/plans", question);
      if (round !== this.round) return;
      this.answer = { ...answer, at, seen };
      this.show();
    } catch (error) {
      if (round !== this.round) return;
      this.answer = null;
      fill(this.body, saying(error.message, true));
    }
    bench.answered();
  }

  show() {
    const { answer, bench } = this;
    const drawing = planDrawing(answer, answer.at);
    bench.ink.set(this.name, drawing);
    const acts = { on: (source, button) => this.unfold(source, button), stress: (key) => bench.stress(key) };
    fill(
      this.body,
      headline(answer),
      shortfalls(answer),
      sources(answer, acts),
      ...answer.notes.map((text) => h("p", { class: "note" }, text)),
      h("p", { class: "asked" }, `计算时间 ${clock(new Date(answer.asked_at))}`),
    );
    bench.frame([answer.at, ...drawing.spots.map(({ at }) => at)]);
    bench.say(answer.shortfalls.length ? `${answer.shortfalls.length} 项不足` : "需求全部满足");
  }

  unfold(source, button) {
    const opens = foldRows(this.body, button);
    this.bench.pin(opens ? sourceKey(source) : null);
    if (!opens) return;
    const card = h("button", { type: "button", class: "text" }, "登记内容");
    card.addEventListener("click", () => this.bench.openFeature(source.layer, source.feature_id, [source.lon, source.lat]));
    button.after(reasons(this.answer, source, [card]));
  }

  picked(key) {
    openRow(this.body, key);
  }

  exports() {
    if (!this.answer) return null;
    const file = (format) => () => this.bench.download(`/api/plans?format=${format}`, this.question());
    return { xlsx: file("xlsx"), geojson: file("geojson"), sheet: true };
  }

  address() {
    const { ask } = this;
    const needs = this.table ? this.table.value : [];
    return [
      ["card", ask.card],
      ["needs", ask.card || !needs.length ? null : JSON.stringify(needs)],
      ["mode", ask.mode],
      ["goal", ask.objective === "fewest" ? null : ask.objective],
      ["min", ask.within],
      ["stale", ask.stale === "keep" ? null : ask.stale],
      ...this.bench.travel.address(),
    ];
  }

  async restore(said) {
    await this.ready;
    const { ask, bench } = this;
    if (said.get("goal") === "earliest") ask.objective = "earliest";
    if (said.get("stale") === "omit") ask.stale = "omit";
    if (bench.byRoad && said.get("mode") === "line") ask.mode = "line";
    const [card, level] = (said.get("card") || "").split(":");
    if (this.cards.some(({ id }) => id === card)) {
      this.card.value = card;
      this.levelValue = level;
      const known = this.cards.find(({ id }) => id === card).levels.find((one) => one.level === level);
      if (known) {
        this.level.value = level;
        this.table.value = known.needs;
        ask.card = `${card}:${level}`;
        this.needs.open(false);
      }
    } else this.table.value = needsOf(said.get("needs"));
    ask.within = whole(said.get("min"), 1440);
    this.fillHow();
    this.sayNeeds();
  }
}

/** Needs as an address says them; what is not a need is left out. */
function needsOf(text) {
  try {
    const needs = JSON.parse(text || "[]");
    const sound = (need) => need && typeof nameOf(need) === "string" && Number.isFinite(need.quantity) && (need.unit === undefined || typeof need.unit === "string");
    return Array.isArray(needs) ? needs.filter(sound) : [];
  } catch {
    return [];
  }
}
