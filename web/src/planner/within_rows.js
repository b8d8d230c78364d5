// What a range answer shows: figures, people, chain, lists.
import { h } from "../dom.js";
import { ofPost } from "../reveal.js";
import { kindOf, swatch } from "../symbols.js";
import { GRADES, age, distance, number } from "../words.js";
import { facts, walkable } from "./controls.js";
import { gistLine, gradeOf, pointOf } from "./near_rows.js";

const SHOWN = 20;
const ENOUGH_ON_MAP = 60;

const keyOf = (feature) => `${feature.properties.layer}/${feature.id}`;

export function spotsOf(answer, layers) {
  const spots = answer.features.map((feature) => {
    const layer = layers.find(({ id }) => id === feature.properties.layer);
    return { key: keyOf(feature), at: pointOf(feature.geometry), layer: layer.id, kind: kindOf(layer, feature.properties), grade: gradeOf(layer, feature.properties) };
  });
  // Many are on the map already, as points of their layer.
  return spots.length > ENOUGH_ON_MAP ? [] : spots;
}

export function threatened(sum) {
  if (!sum || !sum.points) return null;
  const figure = (value, unit, name) => h("div", {}, h("dt", {}, name), h("dd", {}, h("b", { class: "num" }, number(value || 0)), h("span", {}, unit)));
  const gaps = [
    sum.points_without_figure ? `${number(sum.points_without_figure)} 个点没有登记威胁人口，未计入` : null,
    sum.closed_points ? `另有 ${number(sum.closed_points)} 个已销号` : null,
  ].filter(Boolean);
  return h(
    "section",
    { class: "figures" },
    h("dl", {}, figure(sum.people, "人", "威胁人口"), figure(sum.households, "户", "威胁户数"), figure(sum.property, "万元", "威胁财产")),
    gaps.length ? h("p", { class: "note" }, gaps.join("；")) : null,
  );
}

export function countsTable(counts, layers, looks) {
  const graded = layers.find(({ grade }) => grade);
  const rows = layers.map((layer) => {
    const { total = 0, grades = {}, stale = 0 } = counts[layer.id] || {};
    const parts = Object.entries(GRADES).filter(([, name]) => grades[name]);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("span", { class: "with-swatch" }, swatch(looks.get(layer.id), 0, 16), layer.noun)),
      h("td", { class: "num total" }, number(total)),
      h("td", { class: "grades" }, ...parts.map(([grade, name]) => h("span", { class: "grade-count", title: name }, h("i", { class: `dot grade-${grade}` }), `${name} ${number(grades[name])}`))),
      h("td", { class: "num" }, stale ? `${number(stale)} 超期` : ""),
    );
  });
  return h("table", { class: "counts", "aria-label": `范围内数量${graded ? "，按等级" : ""}` }, h("tbody", {}, ...rows));
}

/** The chain of command of each region touched, from the village up. */
export function responsible(chain, may = false) {
  if (!chain.length) return null;
  const one = ({ region, posts }) =>
    h(
      "details",
      { class: "chain" },
      h("summary", {}, h("b", {}, region.name), h("span", { class: "quiet" }, region.level_title)),
      h("ol", {}, ...posts.map((one) => post(one, may))),
    );
  const title = h("summary", {}, h("b", {}, "责任链"), h("span", { class: "quiet" }, `涉及 ${number(chain.length)} 个${chain[0].region.level_title}`));
  return h("section", {}, h("details", { class: "chain chains", open: chain.length < 4 }, title, ...chain.map(one)));
}

function post(one, may) {
  const { name, post: title, phone, duty_phone: dutyPhone, missing, level_title: level } = one;
  const hidden = may && (one.masked || []).includes("holder_phone");
  const duty = dutyPhone ? `值班 ${dutyPhone}` : null;
  if (missing) return h("li", { class: "quiet" }, `${level || ""}没有登记指挥岗位`);
  return h(
    "li",
    {},
    h("span", { class: "name" }, name),
    h("span", { class: "quiet" }, title || "", " ", ofPost(one, "holder", may)),
    h("span", { class: "num phone" }, ...(hidden ? [ofPost(one, "holder_phone", may), duty ? ` · ${duty}` : ""] : [facts(phone, phone === dutyPhone ? null : duty)])),
  );
}

/** A list a layer; `open(layerId, feature)` shows one, `stress(key | null)` marks it on the map. */
export function lists(answer, layers, looks, acts) {
  return layers
    .map((layer) => ({ layer, found: answer.features.filter((feature) => feature.properties.layer === layer.id) }))
    .filter(({ found }) => found.length)
    .map(({ layer, found }) => list(layer, found, (answer.counts[layer.id] || {}).total, looks, acts));
}

function list(layer, found, total, looks, acts) {
  const title = h("h3", {}, swatch(looks.get(layer.id), 0, 18), layer.noun, h("span", { class: "quiet num" }, number(total)));
  const rows = found.slice(0, SHOWN).map((feature) => row(layer, feature, acts));
  const box = h("ol", { class: "rows plain-rows" }, ...rows);
  const section = h("section", {}, title, walkable(box));
  if (found.length > SHOWN) {
    const more = h("button", { type: "button", class: "text more-rows" }, `再列出 ${number(found.length - SHOWN)} 个`);
    more.addEventListener("click", () => {
      box.append(...found.slice(SHOWN).map((feature) => row(layer, feature, acts)));
      more.remove();
    });
    section.append(more);
  }
  if (total > found.length) section.append(h("p", { class: "note" }, `还有 ${number(total - found.length)} 个未列出，请导出 Excel。`));
  return section;
}

function row(layer, feature, { open, stress }) {
  const { properties: p } = feature;
  const grade = gradeOf(layer, p);
  const key = keyOf(feature);
  const button = h(
    "button",
    { type: "button", class: "row", title: p.name },
    h("span", { class: "name" }, grade ? h("i", { class: `dot grade-${grade}`, "aria-hidden": "true" }) : null, p.name || "（未命名）"),
    h("span", { class: "far num" }, p.distance_m ? distance(p.distance_m) : ""),
    h("span", { class: "more" }, facts(p.region_name, p.threatened_people ? `威胁 ${number(p.threatened_people)} 人` : null)),
    h("span", { class: p.stale ? "age stale" : "age" }, p.stale ? h("span", { class: "mark" }, "超期") : null, age(p.age_days)),
    gistLine(layer, p),
  );
  button.addEventListener("click", () => open(layer.id, feature));
  for (const [event, on] of [["mouseenter", key], ["focus", key], ["mouseleave", null], ["blur", null]]) button.addEventListener(event, () => stress(on));
  return h("li", { "data-key": key }, button);
}
