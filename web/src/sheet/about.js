// What a sheet says of itself: its title, what was asked, what the drawing means, of which data.
import { h } from "../dom.js";
import { wordsOf } from "../planner/filters.js";
import { DIRECTIONS, wordOf } from "../planner/travel.js";
import { swatch } from "../symbols.js";
import { GRADES, moment } from "../words.js";

const TITLES = { near: "就近查询", within: "范围查询", plan: "调用方案", coverage: "覆盖分析" };
const said = (...texts) => texts.filter(Boolean).join("　");

export const titleOf = (county, tab) => (tab ? `${county} ${TITLES[tab.name]}` : county);

const filtersOf = (bench, ids, kept) =>
  ids
    .map((id) => [bench.byId.get(id), kept[id]])
    .filter(([layer, values]) => layer && values && wordsOf(layer, values))
    .map(([layer, values]) => `${layer.noun}：${wordsOf(layer, values)}`)
    .join("；");

/** What was asked, in words. */
export function questionOf(bench, tab) {
  if (!tab) return "";
  const { ask } = tab;
  const travel = bench.travel.words();
  const names = ask.of ? ask.of.map((id) => bench.byId.get(id).noun).join("、") : "";
  if (tab.name === "near")
    return said(
      names,
      ask.mode === "road" ? `按道路用时（${travel}，${wordOf(DIRECTIONS, ask.direction)}）` : "按直线距离",
      `每层 ${ask.k} 个`,
      ask.within && ask.mode === "road" ? `限 ${ask.within} 分钟` : null,
      filtersOf(bench, ask.of, ask.filters),
    );
  if (tab.name === "within") return said(tab.words(), names);
  if (tab.name === "plan") {
    const needs = tab.answer ? tab.answer.needs.map((need) => `${need.item || need.capability} ${need.quantity} ${need.unit}`).join("、") : "";
    return said(`需求：${needs}`, ask.mode === "road" ? `按道路用时（${travel}）` : "按直线", ask.objective === "fewest" ? "调用的点最少" : "最早到齐", ask.within ? `限 ${ask.within} 分钟` : null);
  }
  const filters = [filtersOf(bench, [ask.from], ask.filters), filtersOf(bench, [ask.to], ask.only)];
  return said(`从${bench.byId.get(ask.from).noun}到${tab.noun}`, `${ask.minutes} 分钟内`, travel, ...filters);
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(props)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const picture = (...parts) => svg("svg", { class: "sign", viewBox: "0 0 30 16", "aria-hidden": "true" }, ...parts);
const stroke = (more) => svg("path", { d: "M1 8H29", class: "ink", ...more });
const SIGNS = {
  event: () => picture(svg("circle", { cx: 15, cy: 8, r: 4.5, class: "ink" }), svg("path", { d: "M15 0v5M15 11v5M7 8h5M18 8h5", class: "ink" })),
  route: () => picture(stroke({ "stroke-width": 2.2 })),
  estimate: () => picture(stroke({ "stroke-width": 2.2, "stroke-dasharray": "5 4" })),
  closure: () => picture(svg("circle", { cx: 15, cy: 8, r: 7, class: "solid" }), svg("path", { d: "M10.5 8h9", class: "bar" })),
  area: (shade = 0.14) => picture(svg("rect", { x: 1, y: 1, width: 28, height: 14, class: "tinted ink", "fill-opacity": shade })),
  added: () => picture(svg("rect", { x: 1, y: 1, width: 28, height: 14, class: "ink", "stroke-dasharray": "5 3" })),
  site: () => picture(svg("path", { d: "M15 1l7 7-7 7-7-7z", class: "ink" }), svg("path", { d: "M15 5v6M12 8h6", class: "ink" })),
  village: () => picture(svg("circle", { cx: 15, cy: 8, r: 6, class: "ink" }), svg("circle", { cx: 15, cy: 8, r: 2.2, class: "solid" })),
};
const sign = (name, text, more) => h("li", {}, SIGNS[name](more), text);

/** A sign a band of time, as dark as it comes out where wider ones lie below it. */
function bandSigns(bands) {
  const widest = [...bands].sort((a, b) => b.seconds - a.seconds);
  let light = 1;
  return widest
    .map(({ seconds, shade }, i) => {
      light *= 1 - shade;
      const under = widest[i + 1] ? `${Math.round(widest[i + 1].seconds / 60)}–` : "";
      return sign("area", `${under}${Math.round(seconds / 60)} 分钟内`, 1 - light);
    })
    .reverse();
}

/** The marks that are on this map, and no others; `drawing` as the ink has it, `shown` layers as points. */
export function legendOf({ drawing, closures, layers, shown, looks }) {
  const found = [];
  const { event, ways = [], spots = [], areas = [], sites = [] } = drawing;
  if (event) found.push(sign("event", "查询位置"));
  const drawn = new Set([...spots.map(({ layer }) => layer), ...shown]);
  for (const layer of layers) if (drawn.has(layer.id)) found.push(h("li", {}, swatch(looks.get(layer.id), 0, 17), layer.noun));
  if (spots.some(({ layer }) => layer === null)) found.push(sign("village", "村（社区）"));
  if (layers.some(({ id, grade }) => grade && drawn.has(id)))
    found.push(h("li", { class: "grades" }, ...Object.entries(GRADES).map(([grade, name]) => h("span", {}, h("i", { class: `dot grade-${grade}` }), name))));
  if (ways.some(({ estimate, key }) => !estimate && key !== "axis")) found.push(sign("route", "道路路线"));
  if (ways.some(({ estimate, key }) => estimate && key !== "axis")) found.push(sign("estimate", "直线"));
  if (ways.some(({ key }) => key === "axis")) found.push(sign("estimate", "所画的线"));
  const bands = areas.filter(({ seconds }) => seconds);
  if (bands.length) found.push(...bandSigns(bands));
  else if (areas.length) found.push(sign("area", "查询范围"));
  if (bands.length && bands.length < areas.length) found.push(sign("added", "再设后能到的范围"));
  if (sites.length) found.push(sign("site", "再设的位置"));
  if (closures.length) found.push(sign("closure", "封路"));
  return found;
}

const MOST_CLOSURES = 4;

function closuresTold(closures) {
  const told = closures.slice(0, MOST_CLOSURES).map(({ reason, ends_at: until }) => `封路：${reason}（${until ? `至 ${moment(until)}` : "直到解除"}）`);
  return closures.length > MOST_CLOSURES ? [...told, `另有封路 ${closures.length - MOST_CLOSURES} 处，见地图。`] : told;
}

/** Notes that no answer may be without. */
export function notesOf(answer, tab, closures) {
  if (!answer) return [];
  const notes = [...closuresTold(closures), ...(answer.notes || []), ...((answer.best && answer.best.notes) || [])];
  const results = answer.results || answer.sources || [];
  if (results.some(({ by }) => by === "estimate")) notes.push("“直线估算”没有道路依据，按直线距离和约定的绕行系数估算。");
  if ([...results, ...(answer.features || []).map(({ properties }) => properties)].some(({ stale }) => stale)) notes.push("“超期”为超过核实期限，使用前请电话核实。");
  if (tab && tab.name === "within" && answer.features.length < Object.values(answer.counts).reduce((sum, { total }) => sum + total, 0)) notes.push("所列只是最近的一部分，全部见表格（Excel）。");
  return [...new Set(notes)];
}

/** [name, value] of the foot: time of data, time of asking, who asked. */
export function recordOf({ answer, layers, roads, me, time }) {
  const newest = layers.map(({ updated_at: at }) => at).sort().pop();
  const network = roads && roads.network && roads.network.loaded_at;
  const where = me.region_name ? `（${me.region_name}）` : "";
  return [
    ["数据时间", said(newest && moment(newest), network && answer && answer.mode !== "line" ? `路网 ${moment(network).slice(0, 10)}` : null)],
    ["查询时间", moment((answer && answer.asked_at) || time)],
    ["查询人", `${me.username}，${me.role_title}${where}`],
  ];
}

