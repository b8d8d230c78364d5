// What is nearest to a place: a list by layer, and lines on the map.
import L from "leaflet";
import { get } from "./api.js";
import { copy, fill, h } from "./dom.js";
import { latLng } from "./shift.js";
import { kindOf, swatch } from "./symbols.js";
import { age, bearing, degrees, distance } from "./words.js";

const EACH = 3;

export class Nearest {
  constructor(app) {
    this.app = app;
    this.marks = L.layerGroup();
    this.title = h("h2", { id: "nearest-title", tabindex: "-1" }, "就近查询");
    this.where = h("div", { class: "where" });
    this.body = h("div", { class: "groups" });
    const close = h("button", { type: "button", class: "close", "aria-label": "关闭就近查询", onclick: () => this.close() }, "×");
    this.pane = document.body.appendChild(
      h("aside", { class: "sheet nearest", "aria-labelledby": "nearest-title", hidden: true }, h("header", {}, this.title, close), this.where, this.body),
    );
    this.pane.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  close() {
    this.pane.hidden = true;
    document.body.classList.remove("with-nearest");
    this.origin = null;
    this.marks.remove();
  }

  async from(origin) {
    this.origin = origin;
    this.answers = [];
    this.pane.hidden = false;
    document.body.classList.add("with-nearest");
    this.app.popups.close();
    this.sayWhere();
    const layers = this.app.shown();
    if (!layers.length) {
      fill(this.body, h("p", { class: "quiet" }, "没有打开的图层。请先在左侧打开图层。"));
      this.redraw();
      return;
    }
    fill(this.body, h("p", { class: "quiet" }, "正在查询…"));
    this.redraw();
    const [lon, lat] = origin;
    const answers = await Promise.all(
      layers.map((layer) =>
        get(`/api/nearest?lon=${lon.toFixed(7)}&lat=${lat.toFixed(7)}&layers=${layer.id}&k=${EACH}`).then(
          ({ results }) => ({ layer, results }),
          (error) => ({ layer, results: [], error }),
        ),
      ),
    );
    if (this.origin !== origin) return;
    this.answers = answers;
    fill(this.body, ...answers.map((answer) => this.group(answer)));
    this.redraw();
    this.frame();
  }

  /** Bring the place and all that was found into the free part of the map. */
  frame() {
    const spots = this.answers.flatMap(({ results }) => results.map((r) => latLng(r.feature.geometry.coordinates)));
    if (!spots.length) return;
    const wide = window.innerWidth > 720;
    this.app.map.flyToBounds(L.latLngBounds([latLng(this.origin), ...spots]), {
      paddingTopLeft: wide ? [350, 50] : [20, 20],
      paddingBottomRight: wide ? [360, 50] : [20, window.innerHeight * 0.48],
      maxZoom: 15,
      duration: 0.5,
    });
  }

  sayWhere() {
    const text = this.origin.map(degrees).join(", ");
    const said = h("span", { class: "num" }, text);
    const button = h("button", { type: "button", class: "text" }, "复制");
    button.addEventListener("click", async () => {
      button.textContent = await copy(text).then(() => "已复制", () => "复制失败");
      setTimeout(() => (button.textContent = "复制"), 1600);
    });
    fill(this.where, h("span", { class: "quiet" }, "经度, 纬度（WGS-84）"), said, button);
  }

  group({ layer, results, error }) {
    const look = this.app.scene.looks.get(layer.id);
    const symbol = swatch(look);
    const title = h("h3", {}, symbol, layer.noun);
    if (error) return h("section", {}, title, h("p", { class: "quiet", role: "alert" }, error.message));
    if (!results.length) return h("section", {}, title, h("p", { class: "quiet" }, "本图层暂无数据"));
    return h("section", {}, title, h("ol", {}, ...results.map((result) => this.row(layer, result))));
  }

  row(layer, result) {
    const name = result.name || "（未命名）";
    const stale = result.age_days === null || result.age_days > layer.freshness.days;
    const grade = this.gradeOf(layer, result);
    const button = h(
      "button",
      { type: "button", class: "plain", title: name },
      grade ? h("i", { class: `dot grade-${grade}`, "aria-hidden": "true" }) : null,
      h("span", { class: "name" }, name),
      h("span", { class: "far num" }, distance(result.distance_m)),
      h("span", { class: "more" }, bearing(result.bearing_deg)),
      h("span", { class: stale ? "more stale" : "more" }, age(result.age_days)),
    );
    button.addEventListener("click", () => this.app.popups.openFeature(layer.id, result.feature));
    for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]])
      button.addEventListener(event, () => this.stress(result, on));
    return h("li", {}, button);
  }

  gradeOf(layer, result) {
    if (!layer.grade) return null;
    const field = layer.fields.find(({ id }) => id === layer.grade);
    const value = result.feature.properties[layer.grade];
    const found = (field.values || []).find((v) => v.value === value);
    return found ? found.grade : null;
  }

  stress(result, on) {
    const line = this.lines && this.lines.get(result);
    if (line && line.getElement()) line.getElement().classList.toggle("stressed", on);
  }

  redraw() {
    this.marks.clearLayers();
    this.lines = new Map();
    if (!this.origin) return;
    this.marks.addTo(this.app.map);
    const here = latLng(this.origin);
    const renderer = (this.renderer = this.renderer || L.svg({ pane: "marks", padding: 0.5 }));
    for (const { layer, results } of this.answers || [])
      for (const result of results) {
        const there = latLng(result.feature.geometry.coordinates);
        const line = L.polyline([here, there], { renderer, className: "ray", interactive: false });
        this.lines.set(result, line);
        this.marks.addLayer(line).addLayer(this.mark(layer, result, there));
      }
    const pin = L.divIcon({ className: "pin", iconSize: [22, 22], html: h("i") });
    this.marks.addLayer(L.marker(here, { icon: pin, pane: "marks", interactive: false, keyboard: false }));
  }

  mark(layer, result, at) {
    const look = this.app.scene.looks.get(layer.id);
    const grade = this.gradeOf(layer, result);
    const html = swatch(look, grade, 20, kindOf(layer, result.feature.properties));
    const icon = L.divIcon({ className: "found", iconSize: [26, 26], html });
    return L.marker(at, { icon, pane: "marks", interactive: false, keyboard: false });
  }
}
