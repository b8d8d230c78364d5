// One upload: what it would change, what is wrong in it, and what became of it.
import { Problem, call, get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { ask } from "./dialog.js";
import { recognised } from "./uploads_layer.js";
import { missingTable, plainTable, problemKinds, rowsTable } from "./uploads_lists.js";
import { ReviewMap } from "./uploads_map.js";
import { crsProblem, fileProblems, question, reading, system } from "./uploads_reading.js";
import { FATES, identity, statusOf, systemTitle, who } from "./uploads_words.js";
import { moment, number } from "./words.js";

const NAMED = 10;

export class Review {
  /** `page`: {layers, regions, writable, say, recheck(upload, {crs, layer}), leave(), changed()}. */
  constructor(box, upload, page) {
    Object.assign(this, { box, upload, page });
    this.layer = page.layers.get(upload.layer);
    this.sheets = (upload.reading.sheets || []).length;
    this.recheck = page.writable && upload.status !== "applied" ? (crs) => page.recheck(upload, { crs }) : null;
    this.relayer = this.recheck && ((layer) => page.recheck(upload, { layer }));
    this.counts = upload.counts;
    this.single = upload.kind === "edit";
  }

  close() {
    if (this.map) this.map.close();
    this.map = null;
    fill(this.box);
  }

  show() {
    const { upload } = this;
    this.alert = h("div", { class: "conflict", role: "alert", hidden: true });
    const asked = (this.asked = crsProblem(upload));
    fill(
      this.box,
      this.head(),
      this.alert,
      upload.status === "staged" ? null : this.receipt(),
      upload.status === "staged" && this.recheck ? question(this, this.recheck) : asked && h("p", { class: "error" }, asked.message),
      ...fileProblems(upload).map((p) => h("p", { class: p.severity === "error" ? "error" : "notice" }, at(p), p.message)),
      ...this.account(),
      this.work(),
      upload.status === "staged" && this.page.writable ? this.decide() : null,
    );
    this.open(this.first());
    if (this.map) this.map.open().catch((error) => this.map && (this.map.note.textContent = `地图没有打开：${error.message}`));
    this.title.focus();
  }

  /** What was read and what became of each row; a single edit has neither sheets nor rows. */
  account() {
    const sum = this.sum();
    return this.single ? [] : [h("div", { class: "folds" }, reading(this), recognised(this, this.relayer), system(this, this.recheck)), sum];
  }

  head() {
    const { upload, layer, page } = this;
    const region = upload.region ? page.regions.get(upload.region) : null;
    const facts = [layer ? layer.title : upload.layer, region ? region.properties.name : upload.region || "全县", `${who(upload.created_by, upload.created_at)} ${this.single ? "在图上改" : "上传"}`];
    this.title = h("h1", { tabindex: "-1", id: "review-title" }, upload.filename || "（无文件名）");
    const original = this.single ? null : h("a", { href: `/api/uploads/${upload.id}/original`, download: upload.filename || "upload" }, "下载原文件");
    const back = h("a", { href: "#", class: "back" }, this.single ? "← 返回" : "← 返回，上传另一份");
    return h(
      "header",
      { class: "review-head" },
      h("p", { class: "quiet" }, back, h("span", {}, facts.join(" · ")), original),
      h("div", {}, this.title, h("span", { class: `status ${upload.status}` }, statusOf(upload))),
    );
  }

  // The sum and what hangs on it

  tabs() {
    const { counts, upload } = this;
    const warned = upload.problem_groups.filter((g) => g.severity === "warning").reduce((sum, g) => sum + g.rows, 0);
    const missing = upload.status === "staged" ? counts.missing || 0 : 0;
    const parts = FATES.map(({ key, action, title }) => ({ id: action, title, count: counts[key] || 0, part: true }));
    const rest = [
      { id: "moved", title: "移动了位置", count: counts.moved || 0 },
      { id: "warning", title: "请核对", count: warned },
      { id: "missing", title: "图上有、文件中没有", count: missing },
    ];
    return [...parts, ...rest.filter(({ count }) => count && !this.asked)];
  }

  sum() {
    this.tabList = this.tabs();
    const tab = (t) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${t.id}`,
          class: `${t.part ? "part" : "more"} ${t.id}${t.count ? "" : " none"}`,
          "aria-selected": "false",
          "aria-controls": "panel",
          tabindex: "-1",
          onclick: () => this.open(t.id),
        },
        h("b", { class: "num" }, number(t.count)),
        h("span", {}, t.title),
      );
    this.tabBox = h(
      "div",
      { class: "sum-tabs", role: "tablist", "aria-label": "按去向看各行" },
      ...this.tabList.map(tab),
    );
    this.tabBox.addEventListener("keydown", (event) => this.step(event));
    const total = h("p", { class: "total" }, h("b", { class: "num" }, number(this.counts.rows || 0)), h("span", {}, "文件里的行数"));
    return h("section", { class: "sum", "aria-label": identity(this.counts) }, total, this.tabBox);
  }

  step(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const now = this.tabList.findIndex((t) => t.id === this.shown);
    const next = this.tabList[(now + moves[event.key] + this.tabList.length) % this.tabList.length];
    this.open(next.id);
    document.getElementById(`tab-${next.id}`).focus();
  }

  first() {
    const { counts } = this;
    if (counts.rejected) return "refused";
    return ["new", "changed", "unchanged", "skipped"].find((key) => counts[key]) || "new";
  }

  open(id) {
    this.shown = id;
    for (const button of this.tabBox.querySelectorAll("[role=tab]")) {
      const chosen = button.id === `tab-${id}`;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${id}`);
    fill(this.panel, ...this.content(id));
  }

  content(id) {
    const { upload, counts } = this;
    const { title, count } = this.tabList.find((t) => t.id === id);
    if (this.single && counts.deleted) return [h("p", { class: "lead-in" }, `“${upload.reading.edit.name}”从图上删除${upload.status === "rolled_back" ? "，后来又放回" : ""}。`)];
    if (!count) return [h("p", { class: "quiet" }, `没有${title}的行。`)];
    if (id === "refused") {
      const whole = fileProblems(upload).find((p) => p.severity === "error");
      const waits = "坐标系还没有确定，所以全部行暂时退回，选定后会重新检查。";
      const lead = this.asked ? waits : whole ? whole.message : "这些行不会入库，别的行不受影响。照下面说的在原文件里改好，重新上传即可；行号就是 Excel 左边的行号。";
      const none = upload.problem_groups.some((g) => g.severity === "error");
      return [h("p", { class: "lead-in" }, lead), none ? problemKinds(this, "error") : rowsTable(this, "refused", count, title)];
    }
    if (id === "warning") return [h("p", { class: "lead-in" }, "这些行可以入库，但请人看一眼。"), problemKinds(this, "warning")];
    if (id === "skipped") return [h("p", { class: "lead-in" }, "不是数据的行：空行、合计、填表说明等。"), problemKinds(this, "note")];
    if (id === "missing") return [h("p", { class: "lead-in" }, `${missingWords(this)}它们保持原样；只有勾选下面的删除并再次确认，才会删除。`), missingTable(upload)];
    const merged = id === "new" && counts.features && counts.features < counts.new + counts.changed + counts.unchanged;
    return [merged ? h("p", { class: "lead-in" }, "同一个对象的几行合并成一个。") : null, rowsTable(this, id, count, title)];
  }

  work() {
    this.panel = h("section", { class: "panel-box", id: "panel", role: "tabpanel", tabindex: "-1" });
    const { new: fresh = 0, changed = 0 } = this.counts;
    const { region } = this.upload;
    if (fresh + changed) this.map = new ReviewMap(this.upload, region ? this.page.regions.get(region) : null);
    return h("div", { class: `work${this.map ? "" : " without-map"}` }, this.panel, this.map ? this.map.element : null);
  }

  // The decision

  decide() {
    const { counts, upload } = this;
    const { new: fresh = 0, changed = 0, unchanged = 0, rejected = 0 } = counts;
    const accepted = counts.accepted || 0;
    const going = fresh + changed;
    const words = h("p", { class: "will" });
    if (this.asked) words.append("请先在上面选定坐标系。");
    else if (!accepted) words.append("没有可以入库的行。请改正文件后重新上传。");
    else if (!going) words.append("与已入库的数据完全相同，入库不会改动什么。");
    else words.append("确认后，", h("b", {}, `${number(going)} 行写入图上`), `（新增 ${number(fresh)}，修改 ${number(changed)}）`);
    if (accepted && unchanged && going) words.append(`，${number(unchanged)} 行未变`);
    if (rejected && accepted) words.append("；", h("b", {}, `${number(rejected)} 行退回，不入库`));
    if (accepted) words.append("。");
    this.remove = accepted && counts.missing ? this.removal() : null;
    this.confirm = h(
      "button",
      { type: "button", class: "primary", onclick: () => this.apply(), disabled: !accepted },
      this.confirmWords(),
    );
    return h(
      "footer",
      { class: "decide" },
      h("div", {}, words, this.remove),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "text", onclick: () => this.discard() }, "放弃"),
        h("a", { class: "second", href: `/api/uploads/${upload.id}/report.xlsx`, download: true }, "下载带批注的表格"),
        this.confirm,
      ),
    );
  }

  confirmWords() {
    const going = (this.counts.new || 0) + (this.counts.changed || 0);
    return going ? `确认入库 ${number(going)} 行` : "确认入库";
  }

  removal() {
    const { counts } = this;
    this.removing = h("input", { type: "checkbox", id: "delete-missing", disabled: Boolean(counts.rejected) });
    this.removing.addEventListener("change", () => {
      if (this.removing.checked) this.open("missing");
    });
    const why = counts.rejected ? "（有退回的行，不能同时删除，请先改正）" : "";
    return h("label", { class: "tick" }, this.removing, `同时删除图上有、文件中没有的 ${number(counts.missing)} 个${why}`);
  }

  async apply() {
    const { upload, counts } = this;
    const remove = Boolean(this.removing && this.removing.checked);
    if (remove && !(await this.sure())) return;
    this.confirm.disabled = true;
    this.confirm.textContent = "正在入库…";
    this.page.say("正在入库");
    try {
      await send("POST", `/api/uploads/${upload.id}/apply`, { mode: "valid_rows", delete_missing: remove });
      await this.again();
      this.page.say(`已入库。${identity(counts)}`);
    } catch (problem) {
      this.confirm.disabled = false;
      this.confirm.textContent = this.confirmWords();
      this.refused(problem);
    }
  }

  async sure() {
    const { upload, counts, layer } = this;
    const { features } = await get(`/api/uploads/${upload.id}/missing?limit=${NAMED}`);
    const more = counts.missing - features.length;
    const names = features.map((f) => h("li", {}, f.name, f.code ? h("span", { class: "quiet" }, `　${f.code}`) : null));
    if (more > 0) names.push(h("li", { class: "quiet" }, `……还有 ${number(more)} 个，全部列在“图上有、文件中没有”里`));
    return ask({
      title: `删除图上的 ${number(counts.missing)} 个${layer ? layer.noun : "对象"}？`,
      body: [
        h("p", {}, `${missingWords(this)}确认后会从图上删除。`),
        h("ul", { class: "names" }, ...names),
        h("p", { class: "quiet" }, "入库后发现不对，可以用“撤销”恢复。"),
      ],
      must: "我看过这份名单，这些对象确实不在了",
      yes: `入库，并删除 ${number(counts.missing)} 个`,
    });
  }

  async discard() {
    const { upload } = this;
    const sure = await ask({
      title: "放弃这次上传？",
      body: [h("p", {}, "检查结果和这份文件会从列表里删去，图上的数据不受影响。")],
      yes: "放弃这次上传",
    });
    if (!sure) return;
    try {
      await call(`/api/uploads/${upload.id}`, { method: "DELETE", headers: { "X-Requested-With": "mapsvc" } });
      this.page.leave("已放弃这次上传，数据没有改动。");
    } catch (problem) {
      this.refused(problem);
    }
  }

  get act() {
    return this.single ? "修改" : "入库";
  }

  async rollback() {
    const { upload, counts } = this;
    const sure = await ask({
      title: `撤销这次${this.act}？`,
      body: [
        this.single ? h("p", {}, `“${upload.reading.edit.name}”恢复到这次修改之前的样子。`) : h("p", {}, `图上的数据回到这次入库之前：新增的 ${number(counts.new || 0)} 行拿掉，修改的 ${number(counts.changed || 0)} 行改回原样${counts.deleted ? `，删除的 ${number(counts.deleted)} 个放回` : ""}。`),
        h("p", { class: "quiet" }, "之后又被别人改动过的，不会被覆盖；有这样的会列出来，整次都不撤销。"),
      ],
      yes: `撤销这次${this.act}`,
    });
    if (!sure) return;
    try {
      await send("POST", `/api/uploads/${upload.id}/rollback`);
      await this.again();
      this.page.say(`已撤销，数据回到这次${this.act}之前。`);
    } catch (problem) {
      this.refused(problem);
    }
  }

  async again() {
    const fresh = await get(`/api/uploads/${this.upload.id}`);
    this.close();
    this.page.changed(fresh);
  }

  /** The server said no: its words, and the list that came with them. */
  refused(problem) {
    const body = problem instanceof Problem ? problem.body : {};
    const list = body.changed || body.conflicts || [];
    const outdated = body.code === "outdated_preview";
    const title = outdated ? "预览之后，图上的数据又变了" : body.conflicts ? "不能撤销：后来又有改动" : "没有做成";
    const later = { title: "", cell: (c) => (c.upload_id ? h("a", { href: `#${c.upload_id}` }, "看那次上传") : "") };
    const columns = [
      outdated ? { title: "行", kind: "num", cell: (c) => (c.row === null ? "—" : number(c.row)) } : null,
      { title: "名称", kind: "of-name", cell: (c) => c.name || "—" },
      { title: "编号", cell: (c) => c.code || "—" },
      { title: "怎么了", cell: (c) => c.reason },
      { title: "谁", cell: (c) => c.updated_by || "—" },
      { title: "什么时候", cell: (c) => moment(c.updated_at) },
      body.conflicts ? later : null,
    ].filter(Boolean);
    fill(
      this.alert,
      h("h2", {}, title),
      h("p", {}, problem.message),
      list.length ? plainTable(columns, list) : null,
      outdated && this.recheck
        ? h("div", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: () => this.recheck(this.upload.crs.declared) }, "用同一份文件再检查一次"))
        : null,
    );
    this.alert.hidden = false;
    this.alert.tabIndex = -1;
    this.alert.focus();
    this.alert.scrollIntoView({ block: "nearest" });
  }

  // The receipt

  receipt() {
    const { upload, counts, layer, page } = this;
    const gone = upload.status === "rolled_back";
    const crs = upload.crs.used ? upload.crs.used.split("+").map((id) => systemTitle(upload, id.trim())).join("、") : "—";
    const facts = [
      [this.act, who(upload.applied_by, upload.applied_at)],
      this.single ? null : ["上传", who(upload.created_by, upload.created_at)],
      ["图层", layer ? layer.title : upload.layer],
      this.single ? null : ["坐标系", crs],
      counts.deleted && !this.single ? ["同时删除", `${number(counts.deleted)} 个`] : null,
      ["回执编号", upload.id],
    ].filter(Boolean);
    return h(
      "section",
      { class: `receipt${gone ? " gone" : ""}`, "aria-labelledby": "receipt-title" },
      h("h2", { id: "receipt-title" }, gone ? `这次${this.act}已撤销` : `${this.act}回执`),
      this.single ? null : h("p", { class: "identity num" }, identity(counts)),
      h("dl", {}, ...facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)))),
      h(
        "div",
        { class: "actions" },
        gone ? null : h("a", { class: "primary", href: `/map#&layers=${upload.layer}` }, "在地图上看"),
        h("button", { type: "button", class: "second", onclick: () => window.print() }, "打印回执"),
        this.single ? null : h("a", { class: "second", href: `/api/uploads/${upload.id}/report.xlsx`, download: true }, "下载带批注的表格"),
        !gone && page.writable ? h("button", { type: "button", class: "text", onclick: () => this.rollback() }, `撤销这次${this.act}`) : null,
      ),
    );
  }
}

function at({ sheet, column }) {
  const parts = [sheet ? `工作表“${sheet}”` : null, column ? `“${column}”列` : null].filter(Boolean);
  return parts.length ? `${parts.join("，")}：` : "";
}

function missingWords({ upload, counts, layer, page }) {
  const region = upload.region ? page.regions.get(upload.region) : null;
  const place = region ? region.properties.name : upload.region || "全县";
  return `${place}${layer ? layer.title : ""}上有 ${number(counts.missing)} 个对象，这份文件里没有。`;
}
