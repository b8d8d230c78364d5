// Layers and their files, who is late in checking, regions and roads.
import { h } from "./dom.js";
import { at, bar, count, date, facts, mark, part, size, table, unknown } from "./health_parts.js";
import { number } from "./words.js";

const STATES = { in_use: "在用", changed: "已修改，重启后生效", new: "新增，重启后生效", broken: "写错了" };
const LEVELS = { province: "省", city: "市", county: "县（区）", township: "乡镇", village: "村" };

function drift(file) {
  if (file.looked_at === null) return "没有查到";
  const wrong = [
    ...Object.entries(file.unknown).map(([key, many]) => `多出 ${key}（${number(many)}）`),
    ...Object.entries(file.outside).map(([title, many]) => `${title} 不在取值内（${number(many)}）`),
  ];
  const looked = file.looked_at < file.count ? `抽查 ${number(file.looked_at)} 个` : "全部";
  return wrong.length ? `${wrong.join("，")}` : `一致（${looked}）`;
}

function file(one) {
  const odd = one.state !== "in_use";
  const state = h("td", {}, odd ? mark(one.state === "broken" ? "now" : "soon") : null, STATES[one.state]);
  const name = h("td", {}, one.title ? h("b", {}, one.title) : null, h("span", { class: "quiet path" }, one.file));
  const hash = h("td", { class: "path quiet", title: one.sha256 }, one.sha256.slice(0, 10));
  if (!one.title) return h("tr", {}, name, state, h("td", { colspan: 5 }, one.fault), hash);
  return h(
    "tr",
    {},
    name,
    state,
    h("td", { class: "num" }, count(one.count)),
    h("td", { class: "num" }, size(one.bytes)),
    h("td", {}, `${one.fields} 个，个人信息 ${one.personal} 个`),
    h("td", {}, `${one.freshness_days} 天`),
    h("td", {}, drift(one)),
    hash,
  );
}

export function layers(found) {
  const heads = [{ title: "图层" }, { title: "文件" }, { title: "点位", num: true }, { title: "大小", num: true }, { title: "字段" }, { title: "核实期" }, { title: "数据与文件" }, { title: "SHA-256" }];
  return part(found, "layers", "图层", { wide: true }, table(heads, found.layers.files.map(file), "图层文件"));
}

function cell(one) {
  if (!one.count) return h("td", { class: "num quiet" }, "没有点位");
  const text = one.stale ? [h("b", {}, number(one.stale)), h("span", { class: "quiet" }, ` / ${number(one.count)}`)] : [h("span", { class: "quiet" }, `0 / ${number(one.count)}`)];
  const told = `最近核实 ${date(one.newest_verified)}，最近上报 ${date(one.sent_at)}`;
  return h("td", { class: "num", title: told }, one.overdue ? h("span", { class: "late" }, "全部超期 ") : null, ...text);
}

function town(one, ids) {
  const share = one.count ? one.stale / one.count : 0;
  return h(
    "tr",
    {},
    h("td", {}, h("b", {}, one.name)),
    ...ids.map((id) => cell(one.layers[id])),
    h("td", { class: "num" }, h("b", {}, number(one.stale)), h("span", { class: "quiet" }, ` / ${number(one.count)}`)),
    h("td", {}, bar(share), h("span", { class: "quiet" }, ` ${Math.round(share * 100)}%`)),
    h("td", {}, date(one.checked)),
    h("td", {}, one.sent_at ? date(one.sent_at) : h("span", { class: "quiet" }, "没有上报过")),
  );
}

function whole(told) {
  const stale = told.layers.reduce((sum, x) => sum + x.stale, 0);
  const many = told.layers.reduce((sum, x) => sum + x.count, 0);
  return h(
    "tr",
    { class: "whole" },
    h("td", {}, "全县"),
    ...told.layers.map((x) => h("td", { class: "num" }, `${number(x.stale)} / ${number(x.count)}`)),
    h("td", { class: "num" }, `${number(stale)} / ${number(many)}`),
    h("td", {}, bar(many ? stale / many : 0), ` ${many ? Math.round((stale / many) * 100) : 0}%`),
    h("td", {}),
    h("td", {}),
  );
}

export function duty(found) {
  const told = found.duty;
  if (!told) return part(found, "duty", "核实责任", { wide: true }, unknown());
  const heads = [
    { title: "乡镇" },
    ...told.layers.map((x) => ({ title: `${x.title}（${x.freshness_days} 天）`, num: true })),
    { title: "合计", num: true },
    { title: "超期占比" },
    { title: "最近核实" },
    { title: "最近上报" },
  ];
  const ids = told.layers.map((x) => x.id);
  const rows = [whole(told), ...told.townships.map((one) => town(one, ids))];
  const aside = h("span", { class: "quiet aside" }, "超期未核实 / 点位数，最需要催办的在前");
  const outside = told.elsewhere ? h("p", { class: "quiet nothing" }, `另有 ${number(told.elsewhere)} 个点位不在任何乡镇内。`) : null;
  return part(found, "duty", "各乡镇核实责任", { wide: true, aside }, table(heads, rows, "各乡镇核实责任"), outside);
}

export function regions(found) {
  const told = found.regions;
  if (!told) return part(found, "regions", "行政区", {}, unknown());
  const levels = Object.keys(LEVELS).filter((level) => told.levels[level]);
  return part(
    found,
    "regions",
    "行政区",
    {},
    facts(
      ["数量", levels.map((level) => `${LEVELS[level]} ${number(told.levels[level])}`).join("　") || "没有"],
      ["载入于", at(told.loaded_at)],
      ["来自", told.source || "—"],
      ["村级边界", told.without_villages.length ? `没有：${told.without_villages.join("、")}` : levels.includes("county") ? "齐全" : null],
    ),
  );
}

export function roads(found) {
  const told = found.roads;
  if (!told) return part(found, "roads", "路网", {}, unknown());
  if (!told.edges) return part(found, "roads", "路网", {}, h("p", { class: "quiet nothing" }, "还没有载入路网。"));
  const pieces = told.islands === 1 ? "连成一片" : `${number(told.islands)} 片，最大的占全长 ${Math.round(told.largest_share * 100)}%`;
  return part(
    found,
    "roads",
    "路网",
    {},
    facts(["规模", `${number(told.edges)} 个路段，${number(told.length_km)} 公里`], ["连通", pieces], ["载入于", `${at(told.loaded_at)}（${told.age_days} 天前）`], ["来自", told.source]),
  );
}
