// 事件: a place, who gets there first, what is around it, whom to call.
import { fill, h } from "../dom.js";
import { kindOf, lookOf, swatch } from "../symbols.js";
import { GRADES, distance, number } from "../words.js";
import { clockText } from "./said.js";
import { serverNow } from "./clock.js";
import { chainAt } from "./posts.js";
import { Rings } from "./rings.js";
import { bandsAround, inside, nearest } from "./surroundings.js";

const LISTED = 6;
// Letters that a line of a list has room for, and those at the end of a longer name that are kept.
const ROOM = 14;
const TAIL = 6;

export class Focus {
  /** `wall` gives stage, layers, chain panel, hierarchies. */
  constructor(wall, { left, right }) {
    this.wall = wall;
    this.rings = new Rings(wall.stage.large.scene);
    this.effect = left.appendChild(h("section", { class: "part effect" }));
    this.arrivals = right.insertBefore(h("section", { class: "part arrivals" }), right.firstChild);
    this.place = null;
  }

  get open() {
    return this.place !== null;
  }

  async at(place) {
    const round = (this.round = {});
    this.place = place;
    this.asked = serverNow();
    const graded = this.wall.layers.find(({ grade }) => grade);
    const helpers = ["forces", "depots"].map((id) => this.wall.layers.find((layer) => layer.id === id)).filter(Boolean);
    this.rings.set(place, [], []);
    fill(this.arrivals, h("p", { class: "faint" }, "正在查询道路用时…"));
    fill(this.effect, h("p", { class: "faint" }, "正在查询周边风险…"));
    const stop = () => this.round !== round;
    const [around, chain, ...coming] = await Promise.all([
      bandsAround(place),
      chainAt(place).catch(() => null),
      ...helpers.map((layer) => nearest(place, layer.id).then((results) => ({ layer, results }), (error) => ({ layer, results: [], error }))),
    ]);
    if (stop()) return;
    this.around = around;
    this.coming = coming;
    this.where = chain && chain.region ? [...chain.regions].reverse().slice(-2).map(({ name }) => name).join("") : "县域以外";
    this.rings.set(place, around.bands, coming.flatMap(({ layer, results }) => results.map((result, i) => this.pick(layer, result, i))));
    this.frame();
    this.wall.showChain(chain, this.where);
    fill(this.arrivals, ...this.arrivalParts());
    if (!graded) return;
    try {
      const hit = await inside(place, around.bands, graded, LISTED);
      // Nothing near is no news: what is nearest, then.
      const next = hit.worst.length ? [] : await nearest(place, graded.id, "line");
      if (!stop()) fill(this.effect, ...this.effectParts(graded, hit, next));
    } catch (error) {
      if (!stop()) fill(this.effect, h("p", { class: "said-note" }, `周边${graded.noun}没有查到：${error.message}`));
    }
  }

  close() {
    this.place = null;
    this.round = null;
    this.rings.clear();
    fill(this.arrivals);
    fill(this.effect);
  }

  pick(layer, result, i) {
    const minutes = result.duration_s === undefined ? distance(result.distance_m) : minutesText(result.duration_s);
    const here = result.feature.geometry.coordinates;
    return {
      at: here,
      layer: layer.id,
      kind: kindOf(layer, result.feature.properties),
      rank: i + 1,
      text: minutes,
      line: result.route ? result.route.geometry.coordinates : [here, this.place],
      estimate: result.by !== "road",
    };
  }

  /** The event and those who come first, all in view. */
  frame() {
    const spots = this.coming.flatMap(({ results }) => results.map((result) => result.feature.geometry.coordinates));
    // The widest ring may reach over half the county: the next one says enough of the place.
    const wide = this.around.bands[Math.max(0, this.around.bands.length - 2)];
    const ring = wide.polygons ? wide.polygons.flatMap(([outer]) => outer) : [];
    this.wall.stage.lookAt([this.place, ...spots, ...ring]);
  }

  arrivalParts() {
    const [lon, lat] = this.place;
    const head = h("header", {}, h("h2", {}, "事件"), h("span", { class: "data-time" }, `查询 ${clockText(this.asked)}`));
    const where = h("p", { class: "event-where" }, h("b", {}, this.where), h("span", { class: "faint" }, `${lon.toFixed(5)}, ${lat.toFixed(5)}`));
    const lists = this.coming.map(({ layer, results, error }) =>
      h(
        "div",
        { class: "arrival-group" },
        h("h3", {}, swatch(lookOf(layer), 0, 18), layer.id === "forces" ? "最先到达的力量" : `最近的${layer.noun}`),
        error ? h("p", { class: "faint" }, error.message) : null,
        h("ol", {}, ...results.map((result, i) => this.arrival(layer, result, i))),
      ),
    );
    return [head, where, ...lists];
  }

  arrival(layer, result, i) {
    const road = result.by === "road";
    const timed = result.duration_s !== undefined;
    return h(
      "li",
      {},
      h("i", { class: "rank" }, String(i + 1)),
      named(result.name),
      h("b", { class: "minutes" }, timed ? minutesText(result.duration_s) : distance(result.distance_m)),
      h("span", { class: "more faint" }, [timed ? distance(result.distance_m) : null, road ? "按道路" : "直线估算", result.stale ? "超期未核实" : null].filter(Boolean).join("　")),
    );
  }

  effectParts(layer, { bands: told, worst }, next) {
    const { bands, byRoad, note } = this.around;
    const ranks = new Map(layer.fields.find(({ id }) => id === layer.grade).values.map((value) => [value.value, value.grade]));
    const gradeOf = ({ feature }) => ranks.get(feature.properties[layer.grade]) || 0;
    const rows = bands.map((band, i) => {
      const { total, people } = told[i];
      return h("tr", {}, h("th", { scope: "row" }, `${band.text}${byRoad ? "车程内" : "内"}`), h("td", {}, number(total)), h("td", {}, number(people)));
    });
    const { total, unknown, closed } = told[told.length - 1];
    const gaps = [unknown ? `${number(unknown)} 处未登记威胁人口，未计入` : null, closed ? `含已销号 ${number(closed)} 处` : null].filter(Boolean);
    const table = h("table", { class: "bands" }, h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, layer.noun), h("th", { scope: "col" }, "威胁人口"))), h("tbody", {}, ...rows));
    const row = (item, far) => {
      const { properties: p } = item.feature;
      const grade = gradeOf(item);
      return h(
        "li",
        {},
        swatch(lookOf(layer), grade, 18, kindOf(layer, p)),
        named(p.name),
        h("b", { class: "minutes" }, far),
        h("span", { class: "more faint" }, [grade ? GRADES[grade] : "未分级", Number.isFinite(p.threatened_people) ? `威胁 ${number(p.threatened_people)} 人` : "未登记威胁人口"].join("　")),
      );
    };
    const list = worst.map((item) => row(item, bands[item.band].text));
    const farther = next.map((item) => row(item, distance(item.distance_m)));
    return [
      h("header", {}, h("h2", {}, `周边${layer.noun}`), h("span", { class: "data-time" }, byRoad ? "按道路用时" : "按直线距离")),
      note ? h("p", { class: "said-note" }, note) : null,
      table,
      gaps.length ? h("p", { class: "said-note" }, gaps.join("；")) : null,
      worst.length ? h("ol", { class: "risks" }, ...list) : h("p", { class: "said-note" }, `圈内没有登记的${layer.noun}，最近的是：`),
      farther.length ? h("ol", { class: "risks" }, ...farther) : null,
      total > worst.length ? h("p", { class: "faint" }, `另有 ${number(total - worst.length)} 处`) : null,
    ];
  }
}

function minutesText(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 60 ? `${minutes} 分钟` : `${Math.floor(minutes / 60)} 时 ${minutes % 60} 分`;
}

/** A name in a line of a list; what tells long ones apart stands at their end. */
function named(name) {
  const letters = Array.from(name || "（未命名）");
  if (letters.length <= ROOM) return h("span", { class: "what", title: name }, letters.join(""));
  const [head, tail] = [letters.slice(0, -TAIL), letters.slice(-TAIL)].map((part) => h("span", {}, part.join("")));
  return h("span", { class: "what parted", title: name }, head, tail);
}
