// A plan as rows, as a drawing, as lines of paper.
import { h } from "../dom.js";
import { age, distance, number } from "../words.js";
import { facts, walkable } from "./controls.js";
import { amountOf, nameOf } from "./needs.js";
import { minutes } from "./travel.js";

export const sourceKey = ({ layer, feature_id: id }) => `${layer}/${id}`;

export function planDrawing(answer, at) {
  const ways = answer.sources.map((source) => ({
    key: sourceKey(source),
    line: source.route ? source.route.geometry.coordinates : [[source.lon, source.lat], at],
    estimate: source.by !== "road",
  }));
  const spots = answer.sources.map((source, i) => ({ key: sourceKey(source), at: [source.lon, source.lat], layer: source.layer, rank: i + 1, text: minutes(source.duration_s) }));
  return { event: at, ways: ways.reverse(), spots };
}

/** The sentence that is read first. */
export function headline(answer) {
  const met = answer.needs.filter(({ found, quantity }) => found >= quantity).length;
  const done = answer.completion_s ? `${minutes(answer.completion_s)}到齐` : "没有可调用的";
  const short = answer.shortfalls.length;
  return h(
    "section",
    { class: "headline" },
    h("p", { class: "figure" }, h("b", {}, done), h("span", { class: "quiet" }, `从 ${number(answer.sources.length)} 处调用`)),
    h("p", {}, short ? `${met} 项满足，${short} 项不足` : `${met} 项需求全部满足`),
  );
}

/** What is missing: calm, and above everything else. */
export function shortfalls(answer) {
  if (!answer.shortfalls.length) return null;
  const rows = answer.shortfalls.map((line) =>
    h(
      "li",
      {},
      h("span", { class: "name" }, nameOf(line)),
      h("span", { class: "far num" }, `缺 ${amountOf({ quantity: line.missing, unit: line.unit })}`),
      h("span", { class: "why" }, line.found ? `需 ${number(line.needed)}，有 ${number(line.found)}。${line.why}` : line.why),
    ),
  );
  return h("section", { class: "shortfalls" }, h("h3", {}, `不足 ${rows.length} 项`), h("ul", {}, ...rows));
}

export function sources(answer, acts) {
  if (!answer.sources.length) return null;
  return h("section", {}, h("h3", {}, "从哪里调"), walkable(h("ol", { class: "rows" }, ...answer.sources.map((source, i) => row(answer, source, i, acts)))));
}

export const how = (source) => (source.by === "road" ? distance(source.distance_m) : `直线 ${distance(source.distance_m)}`);
export const given = (source) => source.gives.map((line) => `${nameOf(line)} ${amountOf(line)}`).join("、");

function row(answer, source, i, { on, stress }) {
  const key = sourceKey(source);
  const button = h(
    "button",
    { type: "button", class: "row", "aria-expanded": "false", title: source.name },
    h("i", { class: "rank" }, String(i + 1)),
    h("span", { class: "name" }, source.name),
    h("span", { class: "far num" }, minutes(source.duration_s)),
    h("span", { class: "more" }, source.by === "estimate" ? h("span", { class: "mark" }, "直线估算") : null, facts(how(source), source.region_name)),
    h("span", { class: source.stale ? "age stale" : "age" }, source.stale ? h("span", { class: "mark" }, "超期") : null, age(source.age_days)),
    h("span", { class: "gives" }, given(source)),
  );
  button.addEventListener("click", () => on(source, button));
  for (const [event, on_] of [["mouseenter", key], ["focus", key], ["mouseleave", null], ["blur", null]]) button.addEventListener(event, () => stress(on_));
  return h("li", { "data-key": key }, button);
}

/** Why this source: a reason a line, and whom to ring. */
export function reasons(answer, source, buttons) {
  const own = answer.picks.filter((pick) => sourceKey(pick) === sourceKey(source));
  const route = source.route && source.route.properties;
  return h(
    "div",
    { class: "details" },
    ...own.map((pick) => h("p", { class: "reason" }, h("b", {}, `${nameOf(pick)} ${amountOf(pick)}`), `　${pick.reason}`)),
    source.duty_phone ? h("p", {}, "值班电话 ", h("b", { class: "num" }, source.duty_phone)) : null,
    route && route.steps ? h("ol", { class: "turns" }, ...route.steps.map(({ text }) => h("li", {}, text))) : null,
    h("p", { class: "acts" }, ...buttons),
  );
}
