// The upload page: choose and send a file, the recent uploads, and one upload by its address (#id).
import { call, get, link } from "./api.js";
import { fill, h } from "./dom.js";
import "./pages.js";
import { useSymbols } from "./symbols.js";
import { Form } from "./uploads_form.js";
import { Review } from "./uploads_review.js";
import { stage } from "./uploads_send.js";
import { statusOf } from "./uploads_words.js";
import { moment, number } from "./words.js";

const ID = /^#([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

class UploadPage {
  constructor() {
    this.start = document.getElementById("start");
    this.box = document.getElementById("review");
    this.writable = !this.start.hasAttribute("data-look-only");
    this.layers = new Map();
    this.regions = new Map();
    this.review = null;
    this.file = null;
    this.kind = "";
    this.kinds = document.getElementById("kinds-of-record");
    this.choice();
  }

  async open() {
    const [layers, regions, symbols] = await Promise.all([
      get("/api/layers"),
      get("/api/regions?level=township"),
      get("/api/symbols"),
    ]);
    useSymbols(symbols);
    this.layers = new Map(layers.map((layer) => [layer.id, layer]));
    this.regions = new Map(regions.features.map((f) => [f.properties.code, f]));
    if (this.writable) this.form = new Form(document.getElementById("upload"), this, layers);
    window.addEventListener("hashchange", () => this.route());
    link.addEventListener("up", () => !this.review && this.listing().catch(() => {}));
    await this.route();
  }

  /** Files and single edits stand in one list; one may ask for either. */
  choice() {
    const kinds = [["", "全部"], ["file", "文件"], ["edit", "图上的修改"]];
    const button = ([kind, text]) => h("button", { type: "button", "aria-pressed": String(kind === this.kind), onclick: () => this.only(kind) }, text);
    fill(this.kinds, ...kinds.map(button));
  }

  only(kind) {
    this.kind = kind;
    this.choice();
    this.listing().catch((problem) => this.say(problem.message));
  }

  say(words) {
    document.getElementById("say").textContent = words;
  }

  async route() {
    const found = ID.exec(location.hash);
    if (!found) return this.home();
    if (this.review && this.review.upload.id === found[1]) return null;
    try {
      this.show(await get(`/api/uploads/${found[1]}`));
    } catch (problem) {
      this.home(problem.message);
    }
    return null;
  }

  async home(words = "") {
    if (this.review) this.review.close();
    this.review = null;
    this.box.hidden = true;
    this.start.hidden = false;
    document.title = "上传 · 一网四图";
    window.scrollTo(0, 0);
    this.say(words);
    if (this.form && words) this.form.fail(words);
    try {
      await this.listing();
    } catch (problem) {
      fill(document.getElementById("recent"), h("p", { class: "error", role: "alert" }, problem.message));
    }
  }

  show(upload) {
    if (this.review) this.review.close();
    this.start.hidden = true;
    this.box.hidden = false;
    document.title = `${upload.filename || "上传"} · 一网四图`;
    if (location.hash !== `#${upload.id}`) history.pushState(null, "", `#${upload.id}`);
    window.scrollTo(0, 0);
    this.review = new Review(this.box, upload, this);
    this.review.show();
  }

  changed(upload) {
    this.review = null;
    this.show(upload);
  }

  leave(words) {
    history.pushState(null, "", "/uploads");
    this.home();
    this.say(words);
  }

  /** A file was checked: show it, keep the file for another check of it. */
  staged(upload, file) {
    this.file = { id: upload.id, file };
    this.show(upload);
    const { counts } = upload;
    this.say(`检查完成。可入库 ${number(counts.accepted || 0)} 行，退回 ${number(counts.rejected || 0)} 行。`);
  }

  /** The same file once more: in another system or layer, or against the map as it is now. */
  async recheck(upload, { crs = upload.crs.declared, layer = upload.layer }) {
    const box = h("p", { class: "wait", role: "status" }, "正在用同一份文件重新检查…");
    this.box.prepend(box);
    for (const button of this.box.querySelectorAll("button")) button.disabled = true;
    const choice = { layer, crs, region: upload.region };
    const hear = ({ phase }) => {
      box.textContent = phase === "sending" ? "正在传送…" : "正在用同一份文件重新检查…";
    };
    try {
      const file = await this.fileOf(upload);
      const fresh = await stage(file, choice, hear);
      // What the new check replaces need not stay in the list.
      if (upload.status === "staged") await drop(upload.id);
      history.replaceState(null, "", `#${fresh.id}`);
      this.staged(fresh, file);
    } catch (problem) {
      box.remove();
      for (const button of this.box.querySelectorAll("button")) button.disabled = false;
      this.review.refused(problem);
    }
  }

  /** The file as it was checked: what the server kept, or what is still at hand here. */
  async fileOf(upload) {
    const held = this.file && this.file.id === upload.id ? this.file.file : null;
    if (held && (await held.slice(0, 1).arrayBuffer().catch(() => null))) return held;
    const kept = await (await call(`/api/uploads/${upload.id}/original`)).blob();
    return new File([kept], upload.filename || "upload");
  }

  async listing() {
    const { uploads } = await get(`/api/uploads${this.kind ? `?kind=${this.kind}` : ""}`);
    const recent = document.getElementById("recent");
    this.kinds.hidden = !uploads.length && !this.kind;
    if (!uploads.length && this.kind) {
      fill(recent, h("p", { class: "quiet" }, "没有。"));
      return;
    }
    if (!uploads.length) {
      const steps = ["检查：读到了什么、哪几行有问题，一次全列出来", "预览：新增、修改、移动的点，在图上和表里都看得见", "确认入库：有问题的行退回，不影响别的行；以后可以撤销"];
      fill(recent, h("p", { class: "quiet" }, "还没有上传过文件。上传之后："), h("ol", { class: "steps" }, ...steps.map((text) => h("li", {}, text))));
      return;
    }
    const head = ["文件或修改", "状态", "新增", "修改", "退回", "上传"].map((text, i) =>
      h("th", { scope: "col", class: i > 1 && i < 5 ? "num" : null }, text),
    );
    fill(recent, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...uploads.map((u) => this.line(u)))));
  }

  line(upload) {
    const counts = upload.counts || {};
    const layer = this.layers.get(upload.layer);
    const region = this.regions.get(upload.region);
    const place = [layer ? layer.title : upload.layer, region ? region.properties.name : null].filter(Boolean).join(" · ");
    const count = (value) => h("td", { class: "num" }, value ? number(value) : "—");
    return h(
      "tr",
      {},
      h("td", { class: "file" }, h("a", { href: `#${upload.id}` }, upload.filename || "（无文件名）"), h("p", { class: "quiet" }, place)),
      h("td", {}, h("span", { class: `status ${upload.status}` }, statusOf(upload))),
      count(counts.new),
      count(counts.changed),
      count(counts.rejected),
      h("td", { class: "by" }, upload.created_by || "—", h("p", { class: "quiet num" }, moment(upload.created_at))),
    );
  }
}

const drop = (id) => call(`/api/uploads/${id}`, { method: "DELETE", headers: { "X-Requested-With": "mapsvc" } }).catch(() => null);

const page = new UploadPage();
page.open().catch((problem) => {
  fill(document.getElementById("recent"), h("p", { class: "error", role: "alert" }, problem.message));
});
