// Choosing what to send: a file, its layer, its coordinate system; then how the sending goes.
import { fill, h } from "./dom.js";
import { lookOf, swatch } from "./symbols.js";
import { AUTO, layerQuestion } from "./uploads_layer.js";
import { Stopped, stage } from "./uploads_send.js";
import { size } from "./uploads_words.js";

const HELP = {
  auto: "系统看点落在哪里、和已入库的点差多少来判断；拿不准会请您选，不会猜。",
  wgs84: "手持 GPS、手机里的 GPS 工具、谷歌地球取的点。",
  "EPSG:4490": "自然资源、规划部门的经纬度，天地图取的点。",
  gcj02: "高德地图、腾讯地图上取的点。",
  bd09: "百度地图上取的点。",
  other: "六位、八位的大数是平面坐标，编号请问提供数据的单位；如 EPSG:4547 是 CGCS2000 三度带、中央经线 114°。",
};

export class Form {
  /** `page.staged(upload, file)` is called with what was checked. */
  constructor(form, page, layers) {
    Object.assign(this, { form, page, layers, file: null, stop: null });
    this.by = (id) => document.getElementById(id);
    this.error = this.by("form-error");
    this.button = form.querySelector("[type=submit]");
    this.fileBox();
    this.layerTiles();
    this.systems();
    for (const feature of page.regions.values())
      if (form.elements.region) form.elements.region.append(h("option", { value: feature.properties.code }, feature.properties.name));
    if (form.elements.region) form.elements.region.addEventListener("change", () => this.templates());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.by("stop").addEventListener("click", () => this.stop && this.stop());
  }

  fileBox() {
    const drop = this.by("drop");
    const input = this.by("file");
    for (const id of ["choose", "choose-again"]) this.by(id).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files.length) this.take(input.files[0]);
      input.value = "";
    });
    // A file dropped beside the box must not open in its place.
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
    drop.addEventListener("dragover", () => drop.classList.add("over"));
    drop.addEventListener("dragleave", (event) => {
      if (!drop.contains(event.relatedTarget)) drop.classList.remove("over");
    });
    drop.addEventListener("drop", (event) => {
      drop.classList.remove("over");
      const { files } = event.dataTransfer;
      if (files.length > 1) this.fail("一次请只放一个文件；几个 Shapefile 文件请先打成一个 zip。");
      else if (files.length) this.take(files[0]);
    });
  }

  take(file) {
    if (this.stop) return;
    this.file = file;
    this.error.hidden = true;
    this.by("layer-asked").hidden = true;
    this.by("picked").textContent = file.name;
    this.by("picked-size").textContent = size(file.size);
    this.shown();
    this.page.say(`已选择 ${file.name}`);
  }

  shown() {
    this.form.querySelector(".drop-empty").hidden = Boolean(this.file);
    this.form.querySelector(".drop-chosen").hidden = !this.file;
    this.by("drop").classList.toggle("full", Boolean(this.file));
  }

  layerTiles() {
    const tile = (layer) => {
      const input = h("input", { type: "radio", name: "layer", value: layer.id });
      input.addEventListener("change", () => this.templates());
      return h("label", { class: "tile" }, input, swatch(lookOf(layer)), h("span", {}, h("b", {}, layer.title), h("span", { class: "quiet" }, layer.noun)));
    };
    const auto = h("input", { type: "radio", name: "layer", value: AUTO, checked: true });
    auto.addEventListener("change", () => this.templates());
    const words = h("span", {}, h("b", {}, "让系统识别"), h("span", { class: "quiet" }, "看表头和内容；看不准会请您选"));
    fill(this.by("layers"), h("label", { class: "tile whole" }, auto, words), ...this.layers.map(tile));
  }

  layer() {
    return this.form.querySelector("[name=layer]:checked").value;
  }

  /** The server asks which layer it is: the answer sends the same file again. */
  ask(question) {
    const box = this.by("layer-asked");
    fill(box, question);
    box.hidden = false;
    box.querySelector("button").focus();
    box.scrollIntoView({ block: "nearest" });
  }

  templates() {
    const id = this.layer();
    const region = this.form.elements.region ? this.form.elements.region.value : "";
    const prefilled = `/api/layers/${id}/template.xlsx?prefilled=true${region ? `&region=${encodeURIComponent(region)}` : ""}`;
    const box = this.by("templates");
    box.hidden = id === AUTO;
    fill(
      box,
      "手边没有表？",
      h("a", { href: `/api/layers/${id}/template.xlsx`, download: true }, "下载空白模板"),
      h("a", { href: prefilled, download: true }, "下载本辖区现有数据"),
      "，改好再传上来。",
    );
  }

  systems() {
    const { crs } = this.form.elements;
    const epsg = this.by("epsg");
    const help = () => {
      epsg.hidden = crs.value !== "other";
      this.by("crs-help").textContent = HELP[crs.value];
    };
    crs.addEventListener("change", () => {
      help();
      if (!epsg.hidden) epsg.focus();
    });
    help();
  }

  /** What is still missing, in words; or what to send. */
  choice() {
    const { crs, region } = this.form.elements;
    const epsg = this.by("epsg");
    if (!this.file) return this.fail("请先选择文件，或把文件拖进来。", this.by("choose"));
    let system = crs.value;
    if (system === "other") {
      const digits = /^(epsg:)?\s*(\d{4,6})$/i.exec(epsg.value.trim());
      if (!digits) return this.fail("请填写 EPSG 编号，是四到六位数字，如 EPSG:4547。", epsg);
      system = `EPSG:${digits[2]}`;
    }
    return { layer: this.layer(), crs: system, region: region ? region.value : "" };
  }

  fail(words, focus = null) {
    this.error.textContent = words;
    this.error.hidden = false;
    if (focus) focus.focus();
    return null;
  }

  async submit() {
    if (this.stop) return;
    this.error.hidden = true;
    this.by("layer-asked").hidden = true;
    const choice = this.choice();
    if (!choice) return;
    const { file } = this;
    let asked = null;
    this.begin();
    try {
      const upload = await stage(file, choice, (how) => this.hear(how), (stop) => {
        this.stop = stop;
      });
      this.file = null;
      this.shown();
      this.page.staged(upload, file);
    } catch (problem) {
      asked = layerQuestion(problem, this.layers, (layer) => {
        this.form.querySelector(`[name=layer][value=${layer}]`).checked = true;
        this.templates();
        this.submit();
      });
      if (problem instanceof Stopped) this.fail("已停止，数据没有改动。");
      else if (!asked) this.fail(problem.message);
      this.error.scrollIntoView({ block: "nearest" });
    } finally {
      this.end();
    }
    if (asked) this.ask(asked);
  }

  begin() {
    this.stop = () => {};
    this.began = Date.now();
    this.button.hidden = true;
    this.by("sending").hidden = false;
    this.by("stop").focus();
    this.clock = setInterval(() => {
      const seconds = Math.floor((Date.now() - this.began) / 1000);
      this.by("elapsed").textContent = seconds > 2 ? `已用 ${seconds} 秒` : "";
    }, 500);
  }

  hear({ phase, share }) {
    const bar = this.by("progress");
    if (phase === "sending") {
      const percent = Math.floor(share * 100);
      bar.value = percent;
      this.by("phase").textContent = `正在传送 ${percent}%`;
      this.by("doing").textContent = `${this.file.name}，共 ${size(this.file.size)}`;
      if (percent === 0) this.page.say("正在传送");
      return;
    }
    bar.removeAttribute("value");
    this.by("phase").textContent = "正在检查";
    this.by("doing").textContent = "读出表格，认出每一列，核对坐标和行政区，再与已入库的数据逐行比较。十万行约需半分钟。";
    this.page.say("文件已传完，正在检查");
  }

  end() {
    clearInterval(this.clock);
    this.stop = null;
    this.button.hidden = false;
    this.by("sending").hidden = true;
    this.by("elapsed").textContent = "";
  }
}
