// What an upload is called, counted and compared in.
import { moment, number } from "./words.js";

const STATUS = { staged: "待确认", applied: "已入库", rolled_back: "已撤销" };

/** What became of an upload, or of a single edit, which never waited. */
export function statusOf({ kind, status }) {
  return kind === "edit" && status === "applied" ? "已保存" : STATUS[status] || status;
}

// The accounting identity: rows = the sum of these, in this order.
export const FATES = [
  { key: "new", action: "new", title: "新增" },
  { key: "changed", action: "changed", title: "修改" },
  { key: "unchanged", action: "unchanged", title: "未变" },
  { key: "rejected", action: "refused", title: "退回" },
  { key: "skipped", action: "skipped", title: "略过" },
];

export const SYSTEMS = {
  auto: "自动识别",
  wgs84: "WGS-84",
  cgcs2000: "CGCS2000",
  "EPSG:4490": "CGCS2000",
  gcj02: "GCJ-02",
  bd09: "BD-09",
};

export const FROM = {
  wgs84: "手持 GPS、手机 GPS、谷歌地球，以及国土、规划和天地图的 CGCS2000 经纬度",
  gcj02: "高德地图、腾讯地图",
  bd09: "百度地图",
};

const COMMON = {
  name: "名称",
  code: "编号",
  lon: "经度",
  lat: "纬度",
  x: "横坐标",
  y: "纵坐标",
  point: "坐标",
  province: "省",
  city: "市",
  county: "县（区）",
  township: "乡镇",
  village: "村",
  region: "所属地区",
  adcode: "行政区划代码",
  verified_at: "核实日期",
  seq: "序号（不读入）",
};

export function identity(counts) {
  const parts = FATES.map(({ key, title }) => `${title} ${number(counts[key] || 0)}`);
  return `${number(counts.rows || 0)} 行 = ${parts.join(" + ")}`;
}

export const percent = (share) => {
  if (share === null || share === undefined) return "—";
  const shown = Math.round(share * 1000) / 10;
  return `${shown === 100 && share < 1 ? 99.9 : shown}%`;
};

export function systemTitle(upload, id) {
  const known = (upload.crs.evidence || []).find((e) => e.crs === id);
  return known ? known.title : SYSTEMS[id] || id;
}

export function size(bytes) {
  if (bytes < 1024 * 1024) return `${Math.max(1, Math.round(bytes / 1024))} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

export const who = (name, time) => `${name || "—"}，${moment(time)}`;

export function fieldTitle(layer, id) {
  const field = fieldOf(layer, id);
  return field ? field.title : COMMON[id] || id;
}

export function targetTitle(layer, column) {
  return column.title || (column.field ? fieldTitle(layer, column.field) : null);
}

function fieldOf(layer, id) {
  return layer ? layer.fields.find((f) => f.id === id) : null;
}

const LONGEST = 160;

const shorten = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** A stored value as one line of text. */
function said(value, field) {
  if (value === null || value === undefined || value === "") return "空";
  if (value === true || value === false) return value ? "是" : "否";
  if (Array.isArray(value)) return shorten(value.map((v) => said(v, null)).join("、")) || "空";
  if (typeof value === "object") return Object.values(value).filter((v) => v !== null && v !== "").map(String).join(" ");
  const text = typeof value === "number" ? number(value) : String(value);
  return shorten(field && field.unit ? `${text} ${field.unit}` : text);
}

/** [old, new] of a field → lists of lines that went and came. */
export function difference(layer, id, [before, after]) {
  const field = fieldOf(layer, id);
  if (!field || field.type !== "records") return { gone: [said(before, field)], came: [said(after, field)] };
  const line = (row) => field.columns.map((c) => row[c.id]).filter((v) => v !== null && v !== undefined).join(" ");
  const lines = (rows) => (rows || []).map(line);
  const [old, now] = [lines(before), lines(after)];
  return { gone: old.filter((line) => !now.includes(line)), came: now.filter((line) => !old.includes(line)) };
}
