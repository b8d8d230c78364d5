// 范围: what lies in a circle, an area, along a line; who is in danger, who answers for it.
import { send } from "../api.js";
import { fill, h } from "../dom.js";
import { LayerChips, Switch, amount, facts, field, saying } from "./controls.js";
import { whole } from "./near.js";
import { along, geometryOf, pointsOf, pointsText } from "./shapes.js";
import { countsTable, lists, responsible, spotsOf, threatened } from "./within_rows.js";

const KINDS = [["circle", "圆"], ["polygon", "多边形"], ["line", "沿线"]];
const LISTED = 200;

export class Within {
  constructor(bench) {
    this.bench = bench;
    this.name = "within";
    this.title = "范围";
    this.answer = null;
    this.ask = { kind: "circle", radius: 3000, buffer: 500, points: [], of: bench.layers.map(({ id }) => id) };
    this.build();
  }

  build() {
    const { ask, bench } = this;
    this.kinds = new Switch("形状", KINDS, ask.kind, (value) => this.setKind(value));
    this.draw = h("button", { type: "button", class: "second", onclick: () => this.startDrawing() }, "在图上画");
    this.chips = new LayerChips(bench.layers, bench.looks, (ids) => {
      ask.of = ids;
      this.again();
    });
    this.chips.set(ask.of);
    this.placeSlot = h("div", {});
    this.sizeSlot = h("div", {});
    this.said = h("p", { class: "quiet" });
    this.body = h("div", { class: "groups", "aria-label": "范围内" });
    const head = h("div", { class: "form" }, h("div", { class: "mode-row" }, this.kinds.root, this.draw), this.placeSlot, this.said, this.sizeSlot, this.chips.root);
    this.root = h("div", { class: "tab within" }, head, this.body);
    this.fillSize();
  }

  fillSize() {
    const { ask } = this;
    const put = (name) => (value) => {
      ask[name] = value || ask[name];
      this.again();
    };
    const radius = () => field("半径", amount(ask.radius, { least: 1, most: 500_000, unit: "米", label: "半径" }, put("radius")));
    const buffer = () => field("两侧各", amount(ask.buffer, { least: 1, most: 500_000, unit: "米", label: "两侧各多少米" }, put("buffer")));
    fill(this.sizeSlot, ask.kind === "circle" ? radius() : ask.kind === "line" ? buffer() : null);
    this.draw.hidden = ask.kind === "circle";
    this.placeSlot.hidden = ask.kind !== "circle";
    this.saySize();
  }

  saySize() {
    const { kind, points } = this.ask;
    const drawn = points.length ? (kind === "line" ? along(points) : `${points.length} 个顶点`) : "";
    this.said.hidden = kind === "circle";
    this.said.textContent = drawn || (kind === "line" ? "在图上画一条线，如河道、道路。" : "在图上画出范围。");
    this.draw.textContent = drawn ? "重画" : "在图上画";
  }

  setKind(kind) {
    Object.assign(this.ask, { kind, points: [] });
    this.answer = null;
    this.bench.drawing.cancel();
    this.fillSize();
    this.again();
    if (kind !== "circle") this.startDrawing();
  }

  startDrawing() {
    const { ask, bench } = this;
    bench.drawing.start(ask.kind === "line" ? "line" : "polygon", (points) => {
      ask.points = points;
      this.saySize();
      this.again();
      bench.body.focus({ preventScroll: true });
    });
  }

  again() {
    this.bench.save();
    return this.run();
  }

  open() {
    this.placeSlot.append(this.bench.place.root);
    if (!this.answer || (this.ask.kind === "circle" && this.answer.at !== this.bench.at)) this.run();
  }

  wantsPlace() {
    return this.ask.kind === "circle";
  }

  placed() {
    return this.run();
  }

  /** The question as the API wants it; null while the shape is not there. */
  question() {
    const { ask, bench } = this;
    if (!ask.of.length) return null;
    if (ask.kind === "circle") {
      if (!bench.at) return null;
      const [lon, lat] = bench.at;
      return { circle: { lon, lat, radius_m: ask.radius }, layers: ask.of, limit: LISTED };
    }
    if (!ask.points.length) return null;
    const geometry = geometryOf(ask.kind, ask.points);
    return { geometry, ...(ask.kind === "line" ? { buffer_m: ask.buffer } : {}), layers: ask.of, limit: LISTED };
  }

  area() {
    const { ask, bench } = this;
    if (ask.kind === "circle") return bench.at ? [{ circle: { at: bench.at, radiusM: ask.radius }, shade: 0.1, dash: [6, 4] }] : [];
    if (!ask.points.length) return [];
    if (ask.kind === "line") return [{ corridor: { line: ask.points, metres: ask.buffer }, shade: 0.16 }];
    return [{ polygons: [[[...ask.points, ask.points[0]]]], shade: 0.1, dash: [6, 4] }];
  }

  /** Drawn at once, before the answer is there. */
  drawing() {
    const { ask, bench } = this;
    const event = ask.kind === "circle" ? bench.at : null;
    const axis = ask.kind === "line" && ask.points.length ? [{ key: "axis", line: ask.points, estimate: true }] : [];
    return { event, areas: this.area(), ways: axis };
  }

  async run() {
    const { bench } = this;
    const round = (this.round = {});
    const question = this.question();
    bench.ink.set(this.name, this.drawing());
    if (!question) {
      this.answer = null;
      fill(this.body, this.ask.of.length ? null : saying("请至少选一个图层。"));
      bench.answered();
      return;
    }
    if (!this.answer) fill(this.body, saying("正在查询…"));
    try {
      const answer = await send("POST", "/api/within", question);
      if (round !== this.round) return;
      this.answer = { ...answer, at: bench.at };
      this.show();
    } catch (error) {
      if (round !== this.round) return;
      this.answer = null;
      fill(this.body, saying(error.message, true));
    }
    bench.answered();
  }

  layers() {
    return this.bench.layers.filter(({ id }) => this.ask.of.includes(id));
  }

  show() {
    const { answer, bench } = this;
    const drawing = this.drawing();
    bench.ink.set(this.name, { ...drawing, spots: spotsOf(answer, this.layers()) });
    const acts = { open: (layer, feature) => bench.app.popups.openFeature(layer, feature), stress: (key) => bench.stress(key) };
    fill(
      this.body,
      ...answer.notes.map((text) => h("p", { class: "note" }, text)),
      threatened(answer.threatened),
      countsTable(answer.counts, this.layers(), bench.looks),
      responsible(answer.chain, bench.app.reveals),
      ...lists(answer, this.layers(), bench.looks, acts),
    );
    bench.frame(this.corners());
    const total = Object.values(answer.counts).reduce((sum, { total: count }) => sum + count, 0);
    bench.say(`范围内 ${total} 个`);
  }

  corners() {
    const { ask, bench } = this;
    const reach = (ask.kind === "circle" ? ask.radius : ask.kind === "line" ? ask.buffer : 0) / 111_195;
    const points = ask.kind === "circle" ? [bench.at] : ask.points;
    const across = reach / Math.cos((points[0][1] * Math.PI) / 180);
    return points.flatMap(([lon, lat]) => [[lon - across, lat - reach], [lon + across, lat + reach]]);
  }

  picked(key) {
    const item = [...this.body.querySelectorAll("li[data-key]")].find(({ dataset }) => dataset.key === key);
    if (item) item.querySelector(".row").click();
  }

  /** The shape in words, for paper. */
  words() {
    const { ask } = this;
    if (ask.kind === "circle") return `半径 ${ask.radius} 米的圆`;
    if (ask.kind === "line") return facts(`沿线两侧各 ${ask.buffer} 米`, along(ask.points));
    return "所画多边形";
  }

  exports() {
    if (!this.answer) return null;
    // A file holds all of it.
    const file = (format) => () => this.bench.download(`/api/within?format=${format}`, { ...this.question(), limit: undefined });
    return { xlsx: file("xlsx"), geojson: file("geojson"), sheet: true };
  }

  address() {
    const { ask } = this;
    return [
      ["shape", ask.kind],
      ["r", ask.kind === "circle" ? ask.radius : null],
      ["buf", ask.kind === "line" ? ask.buffer : null],
      ["pts", ask.points.length ? pointsText(ask.points) : null],
      ["of", ask.of.join(",")],
    ];
  }

  restore(said) {
    const { ask, bench } = this;
    if (KINDS.some(([kind]) => kind === said.get("shape"))) ask.kind = said.get("shape");
    ask.radius = whole(said.get("r"), 500_000) || ask.radius;
    ask.buffer = whole(said.get("buf"), 500_000) || ask.buffer;
    ask.points = pointsOf(said.get("pts"));
    if (said.has("of")) ask.of = said.get("of").split(",").filter((id) => bench.byId.has(id));
    this.kinds.value = ask.kind;
    this.chips.set(ask.of);
    this.fillSize();
  }
}
