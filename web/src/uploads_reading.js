// What was read from the file, and the coordinate system with the proof for it.
import { h } from "./dom.js";
import { plainTable } from "./uploads_lists.js";
import { FROM, SYSTEMS, percent, systemTitle, targetTitle } from "./uploads_words.js";
import { distance, number } from "./words.js";

const LEFT_OUT = {
  sheet_hidden: "隐藏的工作表，没有读取；如需上传请取消隐藏",
  sheet_empty: "空的工作表",
  sheet_without_heading: "没有找到表头，没有读取",
  sheet_other_layer: "像是另一个图层的内容，没有读取；请用同一份文件、选那个图层再上传一次",
  sheet_added: "系统加上的说明，不是数据",
};
export const QUESTIONS = ["crs_ambiguous", "crs_unknown", "crs_contradicted", "crs_shifted"];
const BEFORE_ALL = ["column_unused", "heading_ignored", "sheet_without_heading", "sheet_hidden", "sheet_empty"];

/** Problems of the whole file that are not told in the folds. */
export const fileProblems = (upload) =>
  upload.problems.filter((p) => p.row === null && !BEFORE_ALL.includes(p.code) && !QUESTIONS.includes(p.code));

export const crsProblem = (upload) => upload.problems.find((p) => p.row === null && QUESTIONS.includes(p.code));

function fold(id, title, brief, ...body) {
  return h("details", { class: "told", id }, h("summary", {}, h("b", {}, title), h("span", {}, brief)), ...body);
}

export function reading({ upload, layer }) {
  const { sheets = [], left_out: leftOut = [], format = "", encoding } = upload.reading;
  const unused = sheets.reduce((sum, s) => sum + s.columns.filter((c) => c.heading && !c.field).length, 0);
  const rows = sheets.reduce((sum, s) => sum + s.rows, 0);
  const [only] = sheets;
  const parts = [
    sheets.length === 1 ? `${only.name ? `工作表“${only.name}”` : ""}表头在第 ${only.heading_row} 行` : `${sheets.length} 张工作表`,
    `${number(rows)} 行`,
    unused ? `${unused} 列没有用到` : "每一列都用到了",
    leftOut.length ? `${leftOut.length} 张工作表没有读` : null,
  ];
  return fold(
    "told-reading",
    "读到了什么",
    parts.filter(Boolean).join("，"),
    h("p", { class: "quiet" }, `格式 ${format}${encoding ? `，编码 ${encoding}` : ""}`),
    ...sheets.map((sheet) => columnsOf(layer, sheet)),
    leftOut.length
      ? h("ul", { class: "plain" }, ...leftOut.map((s) => h("li", {}, `工作表“${s.sheet}”：${LEFT_OUT[s.code] || "没有读取"}`)))
      : null,
  );
}

function columnsOf(layer, sheet) {
  const used = sheet.columns.filter((c) => c.field);
  const rest = sheet.columns.filter((c) => c.heading && !c.field).map((c) => c.heading);
  const pairs = used.map((c) =>
    h("li", {}, h("span", {}, c.heading || "（空）"), h("span", { class: "to", "aria-label": "读作" }, "→"), h("b", {}, targetTitle(layer, c))),
  );
  return h(
    "section",
    { class: "read-sheet" },
    h("h3", {}, `${sheet.name ? `工作表“${sheet.name}”，` : ""}表头在第 ${sheet.heading_row} 行，${number(sheet.rows)} 行`),
    h("ul", { class: "columns-read" }, ...pairs),
    rest.length ? h("p", {}, h("span", { class: "quiet" }, "没有用到的列（内容仍保留在原文件里）："), rest.join("、")) : null,
  );
}

function verdict(upload) {
  const { crs } = upload;
  if (!crs.used) return "没有确定";
  // A file with both degrees and metres has several systems.
  const names = crs.used.split("+").map((id) => systemTitle(upload, id.trim())).join("、");
  const chosen = (crs.evidence || []).find((e) => e.used && e.inside_share !== null);
  const share = chosen ? `，${percent(chosen.inside_share)} 的点落在应在的范围内` : "";
  return `${crs.declared === "auto" ? "自动识别为" : "按您选的"} ${names}${share}`;
}

/** The proof as a table of numbers; `recheck(crs)` checks the file again in another system. */
export function system({ upload }, recheck) {
  const other = recheck ? h("p", { class: "recheck" }, "觉得不对？", choice(upload, recheck)) : null;
  return fold("told-crs", "坐标系", verdict(upload), evidence(upload), other);
}

function evidence(upload) {
  const list = upload.crs.evidence || [];
  if (!list.length) return h("p", { class: "quiet" }, "没有可用来判断的坐标。");
  return plainTable(
    [
      { title: "如果按", cell: (e) => h("b", {}, e.title) },
      { title: "落在应在范围内的点", kind: "num", cell: (e) => percent(e.inside_share) },
      { title: "认出的已入库对象", kind: "num", cell: (e) => `${number(e.matched)} 个` },
      { title: "与它们相差（中位数）", kind: "num", cell: (e) => (e.median_shift_m === null ? "—" : distance(e.median_shift_m)) },
      { title: "", cell: (e) => (e.used ? "采用" : "") },
    ],
    list,
  );
}

function choice(upload, recheck) {
  const select = h(
    "select",
    { "aria-label": "改用的坐标系" },
    ...["auto", ...known(upload)].map((id) => h("option", { value: id }, systemTitle(upload, id))),
  );
  const go = h("button", { type: "button", class: "second small" }, "换成它再检查一次");
  go.addEventListener("click", () => recheck(select.value));
  return h("span", { class: "recheck-choice" }, select, go);
}

const known = (upload) => [...new Set([...(upload.crs.evidence || []).map((e) => e.crs), ...Object.keys(SYSTEMS).slice(1)])]
  .filter((id) => id !== "EPSG:4490");

/** By the shift from enough known points, else by the share inside. */
const likely = (e) => (e.matched >= 3 && e.median_shift_m !== null ? 2 - e.median_shift_m / 1e6 : e.inside_share || 0);

const nowhere = (list) => list.length > 0 && list.every((e) => e.inside_share !== null && e.inside_share < 0.1);

/** The question that stands before everything else: which system? Big plain buttons. */
export function question({ upload }, recheck) {
  const asked = crsProblem(upload);
  if (!asked) return null;
  const settled = asked.code === "crs_ambiguous" || asked.code === "crs_unknown";
  const list = [...(upload.crs.evidence || [])].sort((a, b) => likely(b) - likely(a));
  const button = (e) => {
    const fits = [
      e.inside_share === null ? null : `${percent(e.inside_share)} 的点落在应在的范围内`,
      e.matched && e.median_shift_m !== null ? `与已入库的 ${number(e.matched)} 个相差 ${distance(e.median_shift_m)}` : null,
    ];
    return h(
      "button",
      { type: "button", class: "system", disabled: e.crs === upload.crs.declared, onclick: () => recheck(e.crs) },
      h("b", {}, e.crs === upload.crs.declared ? `${e.title}（刚才选的）` : e.title),
      h("span", {}, FROM[e.crs] || "平面坐标（米）"),
      h("span", { class: "num" }, fits.filter(Boolean).join("；")),
    );
  };
  return h(
    "section",
    { class: "question", "aria-labelledby": "question-title" },
    h("h2", { id: "question-title" }, settled ? "请选一下：这些坐标是从哪里来的？" : "坐标系可能选错了，请核对"),
    h("p", {}, asked.message),
    nowhere(list) ? h("p", {}, h("b", {}, "按哪一种算，点都几乎不在应在的范围内。请先核对：文件是不是传错了，所属乡镇选对了没有。")) : null,
    h("p", { class: "quiet" }, "点一下就用同一份文件重新检查，不用再选文件；仍然不会改动数据。"),
    h("div", { class: "systems" }, ...list.map(button)),
    list.length ? null : h("p", {}, choice(upload, recheck)),
  );
}
