// 封路: what is closed now, a new closure drawn, one lifted.
import { get, send } from "../api.js";
import { fill, h } from "../dom.js";
import { distance, moment, number } from "../words.js";
import { Switch, amount, choice, facts, field, saying, walkable } from "./controls.js";
import { polygonsOf } from "./near.js";
import { geometryOf } from "./shapes.js";

const KINDS = [["point", "一处"], ["line", "一段"], ["polygon", "一片"]];
const REASONS = ["山体滑坡", "道路塌方", "路面积水", "桥梁损毁", "交通事故", "临时管制"];
const UNTIL = [["", "直到解除"], ["2", "2 小时"], ["6", "6 小时"], ["12", "12 小时"], ["24", "1 天"], ["72", "3 天"], ["at", "指定时间"]];
const HOUR_MS = 3_600_000;
const USUAL_M = { point: 50, line: 15 };

export class Closures {
  constructor(bench) {
    this.bench = bench;
    this.name = "closures";
    this.title = "封路";
    this.list = [];
    // Grows with every change: answers made before are then outdated.
    this.version = 0;
    this.kind = "point";
    this.radius = { ...USUAL_M };
    this.points = null;
    if (!bench.app.offline) this.build();
  }

  build() {
    this.kinds = new Switch("封什么", KINDS, this.kind, (value) => this.setKind(value));
    this.radiusSlot = h("div", {});
    this.reason = h("input", { type: "text", maxlength: "200", required: true, list: "closure-reasons", placeholder: "如 山体滑坡", "aria-label": "原因" });
    const reasons = h("datalist", { id: "closure-reasons" }, ...REASONS.map((value) => h("option", { value })));
    this.until = choice(UNTIL, "", (value) => (this.untilAt.hidden = value !== "at"));
    this.untilAt = h("input", { type: "datetime-local", "aria-label": "到什么时间", hidden: true });
    this.draw = h("button", { type: "button", class: "second", onclick: () => this.startDrawing() }, "在图上画");
    this.keep = h("button", { type: "submit", class: "primary" }, "设置封路");
    this.said = h("p", { class: "quiet", role: "status" });
    const form = h(
      "form",
      { class: "form closure-form", novalidate: true },
      h("h3", {}, "新的封路"),
      h("div", { class: "mode-row" }, this.kinds.root, this.draw),
      this.radiusSlot,
      field("原因", this.reason),
      reasons,
      field("到", this.until, this.untilAt),
      h("div", { class: "acts-row" }, this.keep, this.said),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.body = h("div", { class: "groups" });
    const own = this.bench.me.region_name ? h("p", { class: "quiet" }, `只能设在${this.bench.me.region_name}范围内。`) : null;
    form.firstChild.after(...[own].filter(Boolean));
    this.root = h("div", { class: "tab closures" }, this.may ? form : null, this.body);
    this.setKind("point");
  }

  get may() {
    return this.bench.me.rights.includes("close_roads");
  }

  setKind(kind) {
    this.kind = kind;
    this.kinds.value = kind;
    const radius = amount(this.radius[kind], { least: 1, most: 20_000, unit: "米", label: "半径" }, (value) => {
      this.radius[kind] = value || USUAL_M[kind];
      this.preview();
    });
    fill(this.radiusSlot, kind === "polygon" ? null : field(kind === "point" ? "半径" : "两侧各", radius));
    if (this.points) this.setPoints(null);
    this.say();
  }

  startDrawing() {
    this.setPoints(null);
    this.bench.drawing.start(this.kind, (points) => {
      this.setPoints(points);
      this.reason.focus();
    });
  }

  setPoints(points) {
    this.points = points;
    this.preview();
    this.say();
  }

  say(text) {
    this.said.textContent = text || (this.points ? "已画好，请填写原因。" : "");
    this.draw.textContent = this.points ? "重画" : "在图上画";
  }

  open() {
    this.load();
    this.say();
  }

  wantsPlace() {
    return false;
  }

  placed() {}

  /** The closures in force, anew; answers that did not know them become outdated. */
  async load() {
    if (this.bench.app.offline) return;
    const { closures } = await get("/api/closures?active=true");
    const before = this.list.map(({ id, updated_at: at }) => `${id} ${at}`).join();
    const after = closures.map(({ id, updated_at: at }) => `${id} ${at}`).join();
    this.list = closures;
    const changed = before !== after;
    if (changed) this.version += 1;
    this.show();
    if (changed && this.version > 1) await this.bench.closuresChanged();
  }

  preview() {
    this.show();
  }

  areas() {
    const known = this.list.map(({ id, area, geometry }) => ({ key: `closure/${id}`, polygons: polygonsOf(area), hatch: true, width: 1.6, sign: middle(geometry) }));
    return known;
  }

  show() {
    const { ink } = this.bench;
    const drawing = { areas: this.areas() };
    if (this.points) {
      const { kind, points } = this;
      if (kind === "point") drawing.areas.push({ circle: { at: points[0], radiusM: this.radius.point }, hatch: true, dash: [5, 4], sign: points[0] });
      else if (kind === "polygon") drawing.areas.push({ polygons: [[[...points, points[0]]]], hatch: true, dash: [5, 4], sign: points[0] });
      else drawing.ways = [{ key: "draft", line: points, width: 5, estimate: false }];
    }
    ink.set("closures", drawing);
    this.rows();
  }

  rows() {
    if (!this.list.length) {
      fill(this.body, saying("现在没有封路。"));
      return;
    }
    const rows = this.list.map((one) => this.row(one));
    fill(this.body, h("section", {}, h("h3", {}, `正在生效 ${number(this.list.length)} 处`), walkable(h("ol", { class: "rows plain-rows" }, ...rows))));
  }

  row(one) {
    const until = one.ends_at ? `至 ${moment(one.ends_at)}` : "直到解除";
    const what = { Point: "一处", LineString: "一段", Polygon: "一片" }[one.geometry.type] || "";
    const button = h(
      "button",
      { type: "button", class: "row closure", title: one.reason },
      h("i", { class: "barrier", "aria-hidden": "true" }),
      h("span", { class: "name" }, one.reason),
      h("span", { class: "far" }, until),
      h("span", { class: "more" }, facts(what, one.radius_m ? `半径 ${distance(one.radius_m)}` : null, `断开 ${number(one.closed_edges)} 个路段`)),
      h("span", { class: "age" }, facts(one.created_by, moment(one.created_at).slice(5))),
    );
    button.addEventListener("click", () => this.bench.frame(corners(one.area)));
    return h("li", {}, button, this.may ? this.lifting(one) : null);
  }

  /** 解除 asks once more, in its own place. */
  lifting(one) {
    const box = h("span", { class: "lifting" });
    const ask = h("button", { type: "button", class: "text", "aria-label": `解除封路：${one.reason}` }, "解除");
    const sure = h("button", { type: "button", class: "text" }, "确定解除");
    const not = h("button", { type: "button", class: "text" }, "不");
    ask.addEventListener("click", () => {
      fill(box, sure, not);
      sure.focus();
    });
    not.addEventListener("click", () => {
      fill(box, ask);
      ask.focus();
    });
    sure.addEventListener("click", () => this.lift(one));
    return fill(box, ask);
  }

  async lift(one) {
    try {
      await send("DELETE", `/api/closures/${one.id}`);
      this.bench.say(`已解除封路：${one.reason}`);
      await this.load();
    } catch (error) {
      this.say(error.message);
    }
  }

  endsAt() {
    if (!this.until.value) return null;
    if (this.until.value === "at") return this.untilAt.value ? new Date(this.untilAt.value).toISOString() : undefined;
    return new Date(Date.now() + Number(this.until.value) * HOUR_MS).toISOString();
  }

  async save() {
    const { kind, points, radius } = this;
    if (!points) return this.say("请先在图上画出封路的地方。");
    const reason = this.reason.value.trim();
    if (!reason) {
      this.say("请填写原因。");
      return this.reason.focus();
    }
    const ends = this.endsAt();
    if (ends === undefined) return this.say("请填写到什么时间。");
    const body = { geometry: geometryOf(kind, points), reason };
    if (kind !== "polygon") body.radius_m = radius[kind];
    if (ends) body.ends_at = ends;
    this.keep.disabled = true;
    try {
      const made = await send("POST", "/api/closures", body);
      this.points = null;
      this.reason.value = "";
      await this.load();
      const none = "已设置，但没有碰到任何道路，请看一看位置。";
      this.say(made.closed_edges ? `已设置，断开 ${number(made.closed_edges)} 个路段；下一次查询就会绕开。` : none);
    } catch (error) {
      this.say(error.message);
    } finally {
      this.keep.disabled = false;
    }
    return undefined;
  }

  picked() {}

  exports() {
    return null;
  }

  address() {
    return [];
  }

  restore() {}
}

/** Where the sign stands: in the middle of what was drawn. */
function middle({ type, coordinates }) {
  if (type === "Point") return coordinates;
  if (type === "LineString") return coordinates[Math.floor((coordinates.length - 1) / 2)];
  const ring = type === "Polygon" ? coordinates[0] : flatten(coordinates);
  const points = ring.slice(0, -1).length ? ring.slice(0, -1) : ring;
  const sum = points.reduce(([x, y], [lon, lat]) => [x + lon, y + lat], [0, 0]);
  return sum.map((value) => value / points.length);
}

const flatten = (nested) => (typeof nested[0] === "number" ? [nested] : nested.flatMap(flatten));
const corners = (area) => flatten(area.coordinates);
