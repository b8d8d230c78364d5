// The auditor's page: who did what, when, from where; searched, paged from the newest back.
import { get } from "./api.js";
import { fill, h } from "./dom.js";

const form = document.getElementById("record-find");
const body = document.getElementById("record-rows");
const count = document.getElementById("record-count");
const more = document.getElementById("record-more");
const book = document.getElementById("record-book");
let next = null;

function asked() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    if (!text) continue;
    if (name === "since") query.set(name, `${text}T00:00:00+08:00`);
    else if (name === "until") query.set(name, dayAfter(text));
    else query.set(name, text);
  }
  return query;
}

/** The end of a day: the beginning of the one after it. */
function dayAfter(day) {
  const date = new Date(`${day}T00:00:00+08:00`);
  return new Date(date.getTime() + 86_400_000).toISOString();
}

const moment = (text) => text.slice(0, 19).replace("T", " ");

function shown(value, name, titles) {
  if (name === "field") return titles[value] || value;
  if (typeof value === "boolean") return value ? "是" : "否";
  if (value === null || value === undefined) return "（无）";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const TITLES = {
  name: "名称", code: "编号", region_code: "所属区域", lon: "经度", lat: "纬度", verified_at: "核实日期", field: "字段",
  reason: "原因", radius_m: "半径（米）", geometry: "位置", starts_at: "开始", ends_at: "结束", roles: "角色", password: "密码",
  rows: "行数", accepted: "可用", rejected: "退回", new: "新增", changed: "修改", moved: "移动", unchanged: "未变", skipped: "略过",
  missing: "文件中没有", deleted: "删除", features: "要素", delete_missing: "删除文件中没有的", crs: "申报坐标系", used: "使用坐标系",
  entries: "条数", nodes: "路口", edges: "路段", regions: "行政区", codes: "代码", event: "事件", count: "数量", by: "操作人",
  folder: "文件夹", bytes: "字节", keep: "保留份数", source: "来自文件", holds: "完好", broken: "第一条不符的",
};

function changes({ old, new: now, titles }) {
  const names = [...new Set([...Object.keys(old || {}), ...Object.keys(now || {})])];
  if (!names.length) return null;
  const rows = names.slice(0, 40).map((name) => [
    h("dt", {}, titles[name] || TITLES[name] || name),
    h("dd", {}, ...(old && name in old ? [h("del", {}, shown(old[name], name, titles)), now ? " → " : null] : []), now && name in now ? h("ins", {}, shown(now[name], name, titles)) : null),
  ]);
  return h("details", {}, h("summary", {}, old && now ? "原值 → 新值" : old ? "原值" : "内容"), h("dl", {}, ...rows.flat()));
}

function row(entry) {
  const about = [entry.layer_title, entry.subject, entry.region_name].filter(Boolean).join(" · ");
  return h(
    "tr",
    {},
    h("td", { class: "num" }, String(entry.id)),
    h("td", { class: "at" }, moment(entry.at)),
    h("td", {}, entry.username || "—", h("br"), h("span", { class: "quiet" }, entry.roles_title)),
    h("td", {}, entry.ip || "—"),
    h("td", {}, entry.action_title),
    h("td", { class: "what" }, about || "—", changes(entry), entry.sha256 ? h("p", { class: "quiet", title: entry.sha256 }, `文件 SHA-256 ${entry.sha256.slice(0, 16)}…`) : null),
  );
}

async function load(before) {
  const query = asked();
  book.href = `/api/record.xlsx?${query}`;
  if (before) query.set("before", before);
  try {
    const { entries, matched, next: rest } = await get(`/api/record?${query}`);
    if (!before) fill(body);
    body.append(...entries.map(row));
    next = rest;
    more.hidden = rest === null;
    count.textContent = matched ? `共 ${matched.toLocaleString("zh-CN")} 条` : "没有符合条件的记录，请放宽条件。";
  } catch (error) {
    count.textContent = error.message;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  load(null);
});
form.addEventListener("reset", () => setTimeout(() => load(null)));
more.addEventListener("click", () => load(next));
load(null);
