// One more, or a few: at places that somebody points at, or where the best of all choices is.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { number } from "../words.js";
import { Switch, amount, choice, facts, field } from "./controls.js";
import { whole } from "./near.js";
import { placeName } from "./place.js";
import { pointsOf, pointsText } from "./shapes.js";

const WAYS = [["here", "自己点选"], ["best", "求最好的位置"]];
const WEIGHTS = [["people", "多到的人最多"], ["count", "多到的点最多"]];
const MOST = 10;

/** "2 个 · 36 人"; people only where some are written. */
export const gainText = ({ targets, people }) => facts(`${number(targets)} 个`, people ? `${number(people)} 人` : null);

export class Proposals {
  /** `changed()` asks anew. */
  constructor(bench, changed) {
    this.bench = bench;
    this.changed = changed;
    this.way = "here";
    this.ask = { more: 1, weigh: "people" };
    /** [lon, lat] each; their names as they become known. */
    this.places = [];
    this.names = new Map();
    this.build();
  }

  build() {
    this.ways = new Switch("再设在哪里", WAYS, this.way, (value) => this.setWay(value));
    this.fields = h("div", { class: "more-fields" });
    this.placeSlot = h("div", {});
    this.list = h("ol", { class: "sites", "aria-label": "再设的位置" });
    this.sum = h("p", { class: "sum", role: "status" });
    this.root = h("section", { class: "form more-form", "aria-label": "再设几处" }, h("h3", {}, "再设几处会怎样"), h("div", { class: "mode-row" }, this.ways.root), this.placeSlot, this.fields, this.list, this.sum);
    this.root.hidden = !this.bench.byRoad;
    this.fillFields();
  }

  fillFields() {
    const { ask } = this;
    const put = (name) => (value) => {
      ask[name] = value || ask[name];
      this.changed();
    };
    const best = () => [
      field("再设", amount(ask.more, { least: 1, most: MOST, step: 1, unit: "处", label: "再设几处" }, put("more"))),
      field("使", choice(WEIGHTS, ask.weigh, put("weigh"))),
    ];
    this.placeSlot.hidden = this.way === "best";
    fill(this.fields, ...(this.way === "best" ? [h("div", { class: "pair" }, ...best())] : []));
    this.ways.value = this.way;
  }

  opened() {
    this.placeSlot.append(this.bench.place.root);
  }

  setWay(way) {
    this.way = way;
    if (way === "best") this.places = [];
    this.fillFields();
    this.changed();
  }

  add([lon, lat]) {
    if (this.places.length >= MOST) {
      this.sum.textContent = `最多 ${MOST} 处，请先去掉一处。`;
      return;
    }
    // What was worked out stays, as the start of one's own choice.
    this.way = "here";
    const at = [Number(lon.toFixed(6)), Number(lat.toFixed(6))];
    this.places = [...this.places, at];
    this.fillFields();
    this.changed();
  }

  remove(at) {
    this.way = "here";
    this.places = this.places.filter((other) => other !== at);
    this.fillFields();
    this.changed();
    const left = this.list.querySelector("button.close") || document.getElementById("place");
    left.focus();
  }

  text() {
    return pointsText(this.places);
  }

  /** The best sites where they are asked for; they become the places that are added. */
  async best(query, seconds) {
    if (this.way !== "best") return null;
    query.set("seconds", seconds);
    query.set("more", this.ask.more);
    query.set("weigh", this.ask.weigh);
    query.set("area", "false");
    const found = await get(`/api/coverage/sites?${query}`);
    this.places = found.sites.map(({ lon, lat }) => [lon, lat]);
    return found;
  }

  show(answer) {
    const best = answer && answer.best;
    fill(this.list, ...this.places.map((at, i) => this.row(at, i, best && best.sites[i])));
    this.sum.textContent = answer ? this.words(answer) : "";
  }

  words({ gained, best }) {
    if (!gained) {
      if (best) return "没有哪里能再多到一个。";
      return "在地图上点一下，或在上面输入，看那里多一处会怎样。";
    }
    const { targets, people, faster } = gained;
    const quicker = faster > targets ? `另有 ${number(faster - targets)} 个更快` : null;
    if (!targets) return facts("一个也没有多到", quicker);
    return `共多到 ${gainText({ targets, people })}${quicker ? `；${quicker}` : ""}`;
  }

  row(at, i, site) {
    const name = h("span", { class: "name" }, site ? site.name : this.names.get(at.join()) || at.map((value) => value.toFixed(4)).join(", "));
    if (!site) this.learn(at, name);
    const gain = site ? h("span", { class: "far num" }, `+${gainText(site.gains)}`) : null;
    const drop = h("button", { type: "button", class: "close", "aria-label": `去掉第 ${i + 1} 处` }, "×");
    drop.addEventListener("click", () => this.remove(at));
    return h("li", {}, h("i", { class: "site-mark", "aria-hidden": "true" }, h("b", {}, String(i + 1))), name, gain, drop);
  }

  learn(at, label) {
    if (this.names.has(at.join())) return;
    placeName(at).then(
      (name) => {
        this.names.set(at.join(), name);
        label.textContent = name;
      },
      () => {},
    );
  }

  address() {
    if (this.way === "best") return [["more", this.ask.more], ["weigh", this.ask.weigh === "people" ? null : this.ask.weigh]];
    return [["also", this.places.length ? this.text() : null]];
  }

  restore(said) {
    const more = whole(said.get("more"), MOST);
    this.way = more ? "best" : "here";
    this.ask = { more: more || 1, weigh: said.get("weigh") === "count" ? "count" : "people" };
    this.places = more ? [] : pointsOf(said.get("also")).slice(0, MOST);
    this.fillFields();
  }
}
