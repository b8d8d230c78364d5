// The answer of a coverage question as figures, as a list, as a drawing.
import { h } from "../dom.js";
import { kindOf } from "../symbols.js";
import { number } from "../words.js";
import { facts, walkable } from "./controls.js";
import { SHADES, bandAreas, polygonsOf } from "./near.js";
import { gistLine, gradeOf, pointOf } from "./near_rows.js";
import { minutes } from "./travel.js";

const SHOWN = 20;
const NAMED = 40;

const keyOf = (feature) => `unreached/${feature.id}`;
// Rounded up: who is late by seconds must not seem to be in time.
const late = ({ fastest_s: seconds }) => (seconds === null || seconds === undefined ? "没有路" : minutes(Math.ceil(seconds / 60) * 60));

/** How many are left out: the figure that all is about. */
export function headline({ targets, gained, starts }, noun, limit) {
  const { total, reached, people, people_reached: safe } = targets;
  const left = total - reached;
  const after = gained && gained.after ? total - gained.after.reached : left;
  const title = left ? h("b", { class: "num" }, after === left ? number(left) : `${number(left)} → ${number(after)}`) : null;
  return h(
    "section",
    { class: "headline" },
    h("p", { class: "figure" }, title || h("b", {}, "全部能到"), left ? h("span", {}, `个${noun} ${limit} 分钟内到不了`) : h("span", {}, `${number(total)} 个${noun}，${limit} 分钟内`)),
    h("p", { class: "quiet" }, facts(`共 ${number(total)} 个`, people ? `到不了的受威胁 ${number(people - safe)} 人` : null, `出发点 ${number(starts)} 个`)),
  );
}

/** A line a time band, shaded as on the map; the last is what no band reaches. */
export function bandsTable({ targets, gained }, limit) {
  const { total, bands, people } = targets;
  if (!total) return null;
  const after = gained && gained.after && gained.after.bands;
  const line = (key, name, count, more, heads) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("i", { class: `shade shade-${key}`, "aria-hidden": "true" }), name),
      h("td", { class: "track" }, bar(count, more, total, key)),
      h("td", { class: "num total" }, number(count), more ? h("span", { class: "gain" }, `${more > 0 ? "+" : "−"}${number(Math.abs(more))}`) : null),
      h("td", { class: "num" }, people ? `${number(heads)} 人` : ""),
    );
  const rows = bands.map((band, i) => line(bands.length - 1 - i + (SHADES.length - bands.length), `${Math.round(band.seconds / 60)} 分钟内`, band.reached, after ? after[i].reached - band.reached : 0, band.people));
  const last = bands[bands.length - 1];
  const fewer = after ? last.reached - after[after.length - 1].reached : 0;
  return h(
    "table",
    { class: "bands", "aria-label": "各时限内能到的个数" },
    h("tbody", {}, ...rows, line("none", `超过 ${limit} 分钟`, total - last.reached, fewer, people - last.people)),
  );
}

/** Widths go by attribute: the page allows no inline styles. */
function bar(count, more, total, key) {
  const rect = (kind, x, width) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ class: kind, x: `${x}%`, width: `${width}%`, height: "100%" })) part.setAttribute(name, value);
    return part;
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("aria-hidden", "true");
  const share = (value) => (value / total) * 100;
  svg.append(rect(`part part-${key}`, 0, share(count)));
  if (more) svg.append(rect("part part-more", share(Math.min(count, count + more)), share(Math.abs(more))));
  return svg;
}

/** Whom nobody reaches: most people first, as the server ranked them. */
export function unreached(answer, layer, acts) {
  const { total, reached, unreached: found } = answer.targets;
  if (!found.length) return null;
  const gained = new Set(answer.gained ? answer.gained.ids : []);
  const all = total - reached;
  const box = h("ol", { class: "rows plain-rows" }, ...found.slice(0, SHOWN).map((one) => row(one, layer, gained, acts)));
  const section = h("section", {}, h("h3", {}, "到不了的", h("span", { class: "quiet num" }, number(all))), walkable(box));
  if (found.length > SHOWN) {
    const more = h("button", { type: "button", class: "text more-rows" }, `再列出 ${number(found.length - SHOWN)} 个`);
    more.addEventListener("click", () => {
      box.append(...found.slice(SHOWN).map((one) => row(one, layer, gained, acts)));
      more.remove();
    });
    section.append(more);
  }
  return section;
}

function row(feature, layer, gained, { open, stress }) {
  const { properties: p } = feature;
  const grade = layer && gradeOf(layer, p);
  const key = keyOf(feature);
  const button = h(
    "button",
    { type: "button", class: "row", title: p.name },
    h("span", { class: "name" }, grade ? h("i", { class: `dot grade-${grade}`, "aria-hidden": "true" }) : null, p.name || "（未命名）"),
    h("span", { class: "far num" }, p.fastest_s ? `最快 ${late(p)}` : late(p)),
    h("span", { class: "more" }, facts(p.region_name, p.people ? `威胁 ${number(p.people)} 人` : null)),
    h("span", { class: "age" }, gained.has(feature.id) ? h("span", { class: "mark" }, "再设后能到") : null),
    layer ? gistLine(layer, p) : null,
  );
  button.addEventListener("click", () => open(feature));
  for (const [event, on] of [["mouseenter", key], ["focus", key], ["mouseleave", null], ["blur", null]]) button.addEventListener(event, () => stress(on));
  return h("li", { "data-key": key }, button);
}

/** Bands, what the new ones would add, who is left out, where the new ones stand. */
export function coverageDrawing(answer, layer, places) {
  const gained = new Set(answer.gained ? answer.gained.ids : []);
  const found = answer.targets.unreached;
  const named = found.length <= NAMED;
  const spots = found.map((feature) => ({
    key: keyOf(feature),
    at: pointOf(feature.geometry),
    layer: layer ? layer.id : null,
    kind: layer && kindOf(layer, feature.properties),
    grade: layer && gradeOf(layer, feature.properties),
    text: named && !gained.has(feature.id) ? late(feature.properties) : null,
    solved: gained.has(feature.id),
    circled: !gained.has(feature.id),
  }));
  const last = answer.gained && answer.gained.area && [...answer.gained.area.features].sort((a, b) => b.properties.seconds - a.properties.seconds)[0];
  const added = last ? [{ polygons: polygonsOf(last.geometry), shade: 0.06, width: 1.8, dash: [6, 4] }] : [];
  return {
    areas: [...bandAreas(answer.area ? answer.area.features : []).map(({ polygons, shade, seconds }) => ({ polygons, shade, seconds, plain: true })), ...added],
    spots,
    sites: places.map((at, i) => ({ key: `site/${i}`, at, text: String(i + 1) })),
  };
}

/** What the map has to show: all that is reached and all that is not. */
export function cornersOf(answer) {
  const reached = answer.area ? answer.area.features.flatMap(({ geometry }) => polygonsOf(geometry).flatMap(([ring]) => ring)) : [];
  const points = [...reached, ...answer.targets.unreached.map(({ geometry }) => pointOf(geometry))];
  if (!points.length) return [];
  const side = (axis, pick) => points.reduce((found, point) => pick(found, point[axis]), points[0][axis]);
  return [[side(0, Math.min), side(1, Math.min)], [side(0, Math.max), side(1, Math.max)]];
}
