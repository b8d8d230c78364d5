// The ranked answer as rows, as a drawing, as lines of paper.
import { h } from "../dom.js";
import { masked } from "../reveal.js";
import { kindOf, swatch } from "../symbols.js";
import { age, bearing, distance, number } from "../words.js";
import { facts, walkable } from "./controls.js";
import { minutes } from "./travel.js";

const GISTS = new Set(["enum", "integer", "number", "boolean", "list", "records"]);
const PERSONS = new Set(["text", "person", "phone"]);

/** A point that stands for a shape. */
export function pointOf({ type, coordinates }) {
  let at = coordinates;
  if (type !== "Point") while (Array.isArray(at[0])) at = at[Math.floor(at.length / 2)];
  return at;
}

export const keyOf = ({ layer, id }) => `${layer}/${id}`;

export function gradeOf(layer, properties) {
  const field = layer.grade && layer.fields.find(({ id }) => id === layer.grade);
  const found = field && (field.values || []).find(({ value }) => value === properties[layer.grade]);
  return found ? found.grade : null;
}

const recordText = (row) => [row.item || Object.values(row)[0], row.quantity === undefined ? "" : ` ${number(row.quantity)}`, row.unit ? ` ${row.unit}` : ""].join("");

function gistOf(field, value) {
  if (value === undefined || value === null || value === "") return null;
  if (field.type === "records") return value.map(recordText).join("、");
  if (field.type === "list") return value.join("、");
  if (field.type === "boolean") return value ? field.title : `不${field.title}`;
  if (field.type === "integer" || field.type === "number") return `${field.title} ${number(value)}${field.unit ? ` ${field.unit}` : ""}`;
  return String(value);
}

/** What a thing can do: kind, people, abilities, stock. */
function gists(layer, properties) {
  const of = (kinds) =>
    layer.popup
      .map((id) => layer.fields.find((field) => field.id === id))
      .filter((field) => field && field.id !== layer.grade && kinds.has(field.type))
      .map((field) => gistOf(field, properties[field.id]))
      .filter(Boolean);
  const found = of(GISTS);
  return found.length > 1 ? found : [...found, ...of(PERSONS)].slice(0, 4);
}

/** The same in one line. */
export const gist = (layer, properties) => gists(layer, properties).join(" · ");

// What is no longer than this is not parted at the end of a line.
const WHOLE = 16;

/** The same for a row: a number stays with its name and unit, a dot with what it ends. */
export function gistLine(layer, properties) {
  const found = gists(layer, properties);
  const parts = found.map((text, i) => h("span", { class: text.length > WHOLE ? null : "whole" }, i < found.length - 1 ? `${text} ·` : text));
  return h("span", { class: "gist" }, ...parts.flatMap((part) => [part, " "]).slice(0, -1));
}

/** The number that decides: minutes where they are known, else the straight line. */
export const main = (result) => (result.duration_s === undefined ? distance(result.distance_m) : minutes(result.duration_s));

export function how(result) {
  if (result.duration_s === undefined) return bearing(result.bearing_deg);
  if (result.by !== "road") return `直线 ${distance(result.line_m)}`;
  const off = result.access_m >= 100 ? `离路 ${distance(result.access_m)}` : null;
  return facts(distance(result.distance_m), off);
}

/** Groups by layer with the rank inside each: [{layer, results}]. */
export function grouped(answer, layers) {
  return layers.map((layer) => ({ layer, results: answer.results.filter((result) => result.layer === layer.id) }));
}

export function drawingOf(answer, layers, at) {
  const ways = [];
  const spots = [];
  for (const { layer, results } of grouped(answer, layers))
    results.forEach((result, i) => {
      const here = pointOf(result.feature.geometry);
      const { properties } = result.feature;
      ways.push({
        key: keyOf(result),
        line: result.route ? result.route.geometry.coordinates : [here, at],
        estimate: result.by !== "road",
      });
      spots.push({ key: keyOf(result), at: here, layer: layer.id, kind: kindOf(layer, properties), grade: gradeOf(layer, properties), rank: i + 1, text: main(result) });
    });
  // The first of each layer lie on top.
  return { event: at, ways: ways.reverse(), spots };
}

/** One group; `on(result, button)` is called with a row that is opened, `stress(key | null)` with one under the pointer. */
export function group({ layer, results, sunk }, looks, { on, stress }) {
  const title = h("h3", {}, swatch(looks.get(layer.id), 0, 18), layer.noun);
  if (!results.length) return h("section", {}, title, h("p", { class: "quiet" }, layer.count ? "没有符合条件的" : "本图层暂无数据"));
  const rows = [];
  results.forEach((result, i) => {
    const before = results[i - 1];
    if (sunk && i && result.stale && !before.stale) rows.push(h("li", { class: "parting" }, "以下超期未核实"));
    rows.push(row(layer, result, i, { on, stress }));
  });
  return h("section", {}, title, walkable(h("ol", { class: "rows" }, ...rows)));
}

export function row(layer, result, i, { on, stress }) {
  const { properties } = result.feature;
  const name = result.name || "（未命名）";
  const grade = gradeOf(layer, properties);
  const button = h(
    "button",
    { type: "button", class: "row", "aria-expanded": "false", title: name },
    h("i", { class: "rank" }, String(i + 1)),
    h("span", { class: "name" }, grade ? h("i", { class: `dot grade-${grade}`, "aria-hidden": "true" }) : null, name),
    h("span", { class: "far num" }, main(result)),
    h("span", { class: "more" }, result.by === "estimate" ? h("span", { class: "mark" }, "直线估算") : null, how(result)),
    h("span", { class: result.stale ? "age stale" : "age" }, result.stale ? h("span", { class: "mark" }, "超期") : null, age(result.age_days)),
    gistLine(layer, properties),
  );
  button.addEventListener("click", () => on(result, button));
  for (const [event, key] of [["mouseenter", keyOf(result)], ["focus", keyOf(result)], ["mouseleave", null], ["blur", null]]) button.addEventListener(event, () => stress(key));
  return h("li", { "data-key": keyOf(result) }, button);
}

/** Whom to ask: names and phones, masked ones with 显示 for a reader who may. */
function asked({ id, layer: layerId, feature: { properties } }, layer, may) {
  const told = layer.fields.filter(({ type, id: field }) => (type === "person" || type === "phone") && properties[field]);
  if (!told.length) return null;
  const body = ({ id: field }) => ((properties.masked || []).includes(field) ? masked(properties[field], { layer: layerId, id, field }, may) : properties[field]);
  return h("dl", { class: "whom" }, ...told.map((field) => h("div", {}, h("dt", {}, field.title), h("dd", { class: "num" }, body(field)))));
}

/** What opens below a row: the turns, the closures gone around, whom to ask. */
export function details(result, buttons, layer, may = false) {
  const route = result.route && result.route.properties;
  const around = (route && route.closures_avoided) || result.closures_crossed || [];
  const word = route ? "绕开封路" : "直线穿过封路";
  return h(
    "div",
    { class: "details" },
    around.length ? h("p", { class: "avoided" }, `${word}：${around.map(({ reason }) => reason).join("、")}`) : null,
    route ? h("p", { class: "quiet" }, `直线 ${distance(result.line_m)}，${bearing(result.bearing_deg)}`) : null,
    route ? h("ol", { class: "turns" }, ...route.steps.map(({ text }) => h("li", {}, text))) : null,
    asked(result, layer, may),
    h("p", { class: "acts" }, ...buttons),
  );
}
