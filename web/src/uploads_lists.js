// Tables of an upload, a page at a time: 100,000 rows never stand in the document at once.
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { difference, fieldTitle } from "./uploads_words.js";
import { distance, number } from "./words.js";

const PAGE = 50;

/**
 * A table and the buttons to leaf through it.
 * `columns`: {title, cell(item) → node or text, kind?}; `load(cursor, limit)` → items;
 * `cursorAfter(items, cursor)` → where the next page begins; `start` is the first cursor.
 */
export class Pages {
  constructor({ columns, load, total, cursorAfter, start = -1, label, empty = "没有。" }) {
    Object.assign(this, { columns, load, total, cursorAfter, label, empty });
    this.cursors = [start];
    this.body = h("tbody");
    this.box = h(
      "div",
      { class: "table-box", tabindex: "0", role: "region", "aria-label": label },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...columns.map((c) => h("th", { scope: "col", class: c.kind }, c.title)))),
        this.body,
      ),
    );
    this.where = h("span", { class: "num", "aria-live": "polite" });
    this.back = h("button", { type: "button", class: "second small", onclick: () => this.turn(-1) }, "上一页");
    this.on = h("button", { type: "button", class: "second small", onclick: () => this.turn(1) }, "下一页");
    this.nav = h("div", { class: "leaf" }, this.where, this.back, this.on);
    this.element = h("div", { class: "pages" }, this.box, this.nav);
    this.show();
  }

  turn(step) {
    if (step < 0) this.cursors.pop();
    else this.cursors.push(this.next);
    this.show();
  }

  async show() {
    const cursor = this.cursors[this.cursors.length - 1];
    this.back.disabled = this.on.disabled = true;
    this.box.setAttribute("aria-busy", "true");
    try {
      const items = await this.load(cursor, PAGE);
      if (cursor !== this.cursors[this.cursors.length - 1]) return;
      this.next = this.cursorAfter(items, cursor);
      this._fill(items);
    } catch (error) {
      fill(this.body, this._wide(h("span", { role: "alert" }, error.message)));
    } finally {
      this.box.removeAttribute("aria-busy");
    }
  }

  _fill(items) {
    const first = (this.cursors.length - 1) * PAGE;
    const last = first + items.length;
    if (!items.length) fill(this.body, this._wide(this.empty));
    else
      fill(
        this.body,
        ...items.map((item) => h("tr", {}, ...this.columns.map((c) => h("td", { class: c.kind }, c.cell(item))))),
      );
    this.box.scrollTop = 0;
    this.nav.hidden = this.total <= PAGE && first === 0;
    this.where.textContent = `第 ${number(first + 1)}–${number(last)} 条，共 ${number(this.total)} 条`;
    this.back.disabled = first === 0;
    this.on.disabled = last >= this.total || items.length < PAGE;
  }

  _wide(content) {
    return h("tr", {}, h("td", { colspan: String(this.columns.length), class: "quiet" }, content));
  }
}

const bySeq = (items, cursor) => (items.length ? items[items.length - 1].seq : cursor);
const text = (value) => (value === null || value === undefined || value === "" ? "—" : String(value));

/** Rows of one fate; `seen` is asked to show a row's place on the map. */
export function rowsTable(review, action, total, label) {
  const { upload, sheets, layer } = review;
  const query = action ? `&action=${action}` : "";
  const columns = [
    sheets > 1 ? { title: "工作表", cell: (row) => text(row.sheet) } : null,
    review.single ? null : { title: "行", kind: "num of-row", cell: (row) => number(row.row) },
    { title: "名称", kind: "of-name", cell: (row) => named(review, row) },
    { title: "编号", kind: "of-code", cell: (row) => text(row.code) },
    action === "changed" || action === "moved"
      ? { title: "改了什么", kind: "of-change", cell: (row) => changes(layer, row) }
      : null,
  ].filter(Boolean);
  return new Pages({
    columns,
    total,
    label,
    cursorAfter: bySeq,
    load: async (after, limit) =>
      (await get(`/api/uploads/${upload.id}/rows?after=${after}&limit=${limit}${query}`)).rows,
  }).element;
}

function named(review, row) {
  if (row.lead_row !== null && row.lead_row !== undefined)
    return h("span", {}, text(row.name), h("span", { class: "quiet" }, `　并入第 ${row.lead_row} 行`));
  const drawn = (row.action === "new" || row.action === "changed") && row.lon !== null && review.map;
  if (!drawn) return text(row.name);
  return h("button", { type: "button", class: "text", title: "在图上看", onclick: () => review.map.show(row) }, text(row.name));
}

function changes(layer, row) {
  if (row.lead_row !== null && row.lead_row !== undefined) return "—";
  const found = Object.entries(row.changes || {}).map(([id, pair]) => {
    const { gone, came } = difference(layer, id, pair);
    return h(
      "li",
      {},
      h("span", { class: "field" }, fieldTitle(layer, id)),
      ...gone.map((line) => h("del", {}, line)),
      h("span", { class: "to" }, "→"),
      ...came.map((line) => h("ins", {}, line)),
    );
  });
  if (row.moved_m !== null && row.moved_m !== undefined)
    found.unshift(h("li", {}, h("b", {}, `移动 ${row.moved_m < 10 ? row.moved_m.toFixed(1) + " 米" : distance(row.moved_m)}`)));
  return h("ul", { class: "changes" }, ...found);
}

/** Problems of one severity, by kind: how many, and their rows on demand. */
export function problemKinds(review, severity) {
  const groups = review.upload.problem_groups.filter((group) => group.severity === severity);
  if (!groups.length) return h("p", { class: "quiet" }, "没有。");
  return h("ul", { class: "kinds" }, ...groups.map((group) => kind(review, group)));
}

const brief = (value) => (value.length > 24 ? `${value.slice(0, 24)}…` : value);

let folds = 0;

function kind(review, group) {
  const id = `kind-${++folds}`;
  const open = h("button", { type: "button", class: "second small", "aria-expanded": "false", "aria-controls": id }, "看这些行");
  const rows = h("div", { id, hidden: true });
  open.addEventListener("click", () => {
    const shut = !rows.hidden;
    rows.hidden = shut;
    open.textContent = shut ? "看这些行" : "收起";
    open.setAttribute("aria-expanded", String(!shut));
    if (shut) fill(rows);
    else fill(rows, problemRows(review, group));
  });
  return h(
    "li",
    {},
    h(
      "div",
      { class: "kind" },
      h("p", { class: "many" }, h("b", { class: "num" }, number(group.rows)), " 行"),
      h(
        "div",
        {},
        group.column ? h("p", { class: "quiet" }, `“${group.column}”列`) : null,
        h("p", {}, group.message),
        group.values && group.column ? h("p", { class: "quiet" }, `写的是：${group.values.slice(0, 4).map(brief).join("、")}${group.values.length > 4 ? "……" : ""}`) : null,
      ),
      open,
    ),
    rows,
  );
}

function problemRows(review, group) {
  const { upload, sheets } = review;
  const query = `code=${encodeURIComponent(group.code)}&column=${encodeURIComponent(group.column || "")}`;
  const columns = [
    sheets > 1 ? { title: "工作表", cell: (p) => text(p.sheet) } : null,
    { title: "行", kind: "num of-row", cell: (p) => number(p.row) },
    { title: "列", kind: "of-column", cell: (p) => text(p.column) },
    { title: "文件里写的", kind: "of-value", cell: (p) => text(p.value) },
    { title: "问题和改法", kind: "of-message", cell: (p) => p.message },
  ].filter(Boolean);
  return new Pages({
    columns,
    total: group.problems,
    label: group.message,
    cursorAfter: bySeq,
    load: async (after, limit) =>
      (await get(`/api/uploads/${upload.id}/problems?${query}&after=${after}&limit=${limit}`)).problems,
  }).element;
}

/** Features in scope that the file does not name. */
export function missingTable(upload) {
  return new Pages({
    columns: [
      { title: "名称", kind: "of-name", cell: (f) => text(f.name) },
      { title: "编号", kind: "of-code", cell: (f) => text(f.code) },
    ],
    total: upload.counts.missing,
    label: "文件中没有的对象",
    start: 0,
    cursorAfter: (items, offset) => offset + items.length,
    load: async (offset, limit) =>
      (await get(`/api/uploads/${upload.id}/missing?offset=${offset}&limit=${limit}`)).features,
  }).element;
}

/** A short list that came with an answer. */
export function plainTable(columns, items) {
  const head = h("tr", {}, ...columns.map((c) => h("th", { scope: "col" }, c.title)));
  const body = items.map((item) => h("tr", {}, ...columns.map((c) => h("td", { class: c.kind }, c.cell(item)))));
  return h("div", { class: "table-box", tabindex: "0" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)));
}
