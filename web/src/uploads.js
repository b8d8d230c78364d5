// Uploads: choose, check, read the report, apply or take back.
import { get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { moment, number } from "./words.js";

const STATUS = { staged: "待确认", applied: "已入库", rolled_back: "已撤销", failed: "未通过" };
const COUNTS = {
  rows: "总行数",
  accepted: "可入库",
  rejected: "有问题",
  skipped: "已跳过",
  new: "新增",
  changed: "修改",
  moved: "移位",
  unchanged: "无变化",
  missing: "本次缺少",
};
const SYSTEMS = { wgs84: "WGS-84", gcj02: "GCJ-02", bd09: "BD-09", "EPSG:4490": "CGCS2000", auto: "自动识别" };
const SHOWN_PROBLEMS = 200;

let layers = new Map();

export async function uploads() {
  const form = document.getElementById("upload");
  const recent = document.getElementById("recent");
  try {
    const list = await get("/api/layers");
    layers = new Map(list.map((layer) => [layer.id, layer]));
    if (form) prepare(form, list);
    await listing();
  } catch (error) {
    fill(recent, h("p", { class: "error", role: "alert" }, error.message));
  }
}

function prepare(form, list) {
  const { layer, crs, region, file } = form.elements;
  const epsg = document.getElementById("epsg");
  fill(layer, ...list.map(({ id, title }) => h("option", { value: id }, title)));
  file.addEventListener("change", () => {
    document.getElementById("picked").textContent = file.files.length ? file.files[0].name : "未选择";
  });
  crs.addEventListener("change", () => {
    epsg.hidden = crs.value !== "other";
    epsg.required = !epsg.hidden;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData();
    data.append("file", file.files[0]);
    data.append("layer", layer.value);
    const code = epsg.value.trim().replace(/^(epsg:)?/i, "EPSG:");
    data.append("crs", crs.value === "other" ? code : crs.value);
    if (region && region.value) data.append("region", region.value);
    stage(form, data);
  });
  if (region) townships(region);
}

async function townships(select) {
  const found = await get("/api/regions?level=township");
  for (const { properties, id } of found.features)
    select.append(h("option", { value: properties.code || id }, properties.name));
}

async function stage(form, data) {
  const error = form.querySelector(".error");
  const button = form.querySelector("button");
  error.hidden = true;
  button.disabled = true;
  button.textContent = "正在检查…";
  try {
    report(await send("POST", "/api/uploads", data));
    await listing();
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  } finally {
    button.disabled = false;
    button.textContent = "上传并检查";
  }
}

async function listing() {
  const { uploads: list } = await get("/api/uploads");
  const recent = document.getElementById("recent");
  if (!list.length) {
    fill(recent, h("p", { class: "quiet" }, "还没有上传过文件。"));
    return;
  }
  const head = ["文件", "图层", "状态", "可入库", "有问题", "上传人", "时间"].map((text) => h("th", { scope: "col" }, text));
  fill(recent, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...list.map(line))));
}

function line(upload) {
  const counts = upload.counts || {};
  const open = h("button", { type: "button", class: "text" }, upload.filename || "（无文件名）");
  open.addEventListener("click", async () => report(await get(`/api/uploads/${upload.id}`)));
  return h(
    "tr",
    {},
    h("td", { class: "file" }, open),
    h("td", {}, layers.has(upload.layer) ? layers.get(upload.layer).title : upload.layer),
    h("td", {}, badge(upload.status)),
    h("td", { class: "num" }, number(counts.accepted || 0)),
    h("td", { class: "num" }, number(counts.rejected || 0)),
    h("td", {}, upload.created_by || "—"),
    h("td", { class: "num" }, moment(upload.created_at)),
  );
}

const badge = (status) => h("span", { class: `status ${status}` }, STATUS[status] || status);

function report(upload) {
  const box = document.getElementById("result");
  const counts = upload.counts || {};
  const message = h("p", { class: "error", role: "alert", hidden: true });
  const tiles = Object.keys(COUNTS)
    .filter((key) => counts[key] !== undefined)
    .map((key) => h("div", { class: key }, h("dt", {}, COUNTS[key]), h("dd", { class: "num" }, number(counts[key]))));
  fill(
    box,
    h("header", {}, h("h2", {}, upload.filename || "检查结果"), badge(upload.status)),
    ...system(upload.crs),
    h("dl", { class: "counts" }, ...tiles),
    message,
    h("div", { class: "actions" }, ...actions(upload, message)),
    ...problems(upload.problems || [], upload.problem_count),
  );
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function system(crs) {
  if (!crs) return [];
  const titles = new Map((crs.evidence || []).map((e) => [e.crs, e.title]));
  const name = (value) => titles.get(value) || SYSTEMS[value] || value;
  const shares = (crs.evidence || [])
    .filter((e) => typeof e.inside_share === "number")
    .map((e) => `${name(e.crs)} ${Math.round(e.inside_share * 100)}%`);
  const verdict = !crs.used ? "未能确定" : crs.declared === "auto" ? `自动识别为 ${name(crs.used)}` : `按声明使用 ${name(crs.used)}`;
  return [
    h("p", {}, `坐标系：${verdict}`),
    shares.length ? h("p", { class: "hint" }, `按各坐标系，落在辖区内的点：${shares.join(" · ")}`) : null,
  ];
}

function actions(upload, message) {
  const act = (text, kind, url, body, question) => {
    const button = h("button", { type: "button", class: kind }, text);
    button.addEventListener("click", async () => {
      if (question && !window.confirm(question)) return;
      button.disabled = true;
      message.hidden = true;
      try {
        await send("POST", url, body);
        report(await get(`/api/uploads/${upload.id}`));
        await listing();
      } catch (problem) {
        message.textContent = problem.message;
        message.hidden = false;
        button.disabled = false;
      }
    });
    return button;
  };
  const accepted = (upload.counts || {}).accepted || 0;
  const url = `/api/uploads/${upload.id}`;
  const writable = Boolean(document.getElementById("upload"));
  const found = [];
  if (writable && upload.status === "staged" && accepted)
    found.push(act(`确认入库（${number(accepted)} 行）`, "primary", `${url}/apply`, { mode: "valid_rows" }));
  if (upload.status === "staged" && !accepted)
    found.push(h("p", { class: "quiet" }, "没有可入库的行。请按下面的说明改正后重新上传。"));
  if (writable && upload.status === "applied")
    found.push(act("撤销", "second", `${url}/rollback`, undefined, "撤销后，图层回到这次入库之前。确定撤销？"));
  if (upload.status === "applied") found.push(h("a", { href: `/map#&layers=${upload.layer}` }, "在地图上看"));
  return found;
}

function problems(list, total = list.length) {
  if (!list.length) return [h("p", { class: "quiet" }, "没有发现问题。")];
  const columns = { sheet: "工作表", row: "行", column: "列", message: "问题", value: "值" };
  const empty = (value) => value === null || value === undefined || value === "";
  const keys = Object.keys(columns).filter((key) => key !== "sheet" || list.some((p) => !empty(p.sheet)));
  const shown = list.slice(0, SHOWN_PROBLEMS);
  const cell = (value, key) => h("td", { class: `of-${key}` }, empty(value) ? "—" : String(value));
  const table = h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...keys.map((key) => h("th", { scope: "col" }, columns[key])))),
    h("tbody", {}, ...shown.map((problem) => h("tr", {}, ...keys.map((key) => cell(problem[key], key))))),
  );
  const more = total > shown.length ? `，这里列出前 ${shown.length} 个` : "";
  return [h("h3", {}, `${number(total)} 个问题${more}`), h("div", { class: "table-box", tabindex: "0" }, table)];
}
