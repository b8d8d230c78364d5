// The left side: who and where, search, layers with their legend, base maps.
import { send } from "./api.js";
import { fill, h } from "./dom.js";
import { lookOf, swatch } from "./symbols.js";
import { GRADES, day, number } from "./words.js";

export class Panel {
  constructor(app, me) {
    this.app = app;
    this.rows = new Map();
    this.searchBox = h("div", { class: "search", role: "search" });
    this.layers = h("ul", { class: "layers" });
    this.legend = h("section", { class: "legend", "aria-label": "风险等级图例" });
    this.bases = h("fieldset", { class: "bases" }, h("legend", {}, "底图"));
    const fold = h("button", { type: "button", class: "fold", "aria-expanded": "true", "aria-controls": "panel-body" }, "收起");
    this.body = h(
      "div",
      { class: "panel-body", id: "panel-body" },
      this.searchBox,
      h("section", { "aria-labelledby": "layers-title" }, h("h2", { id: "layers-title" }, "图层"), this.adding(), this.layers),
      this.legend,
      this.bases,
    );
    fold.addEventListener("click", () => this.fold(fold));
    this.root = document.body.appendChild(
      h(
        "aside",
        { class: "sheet panel", "aria-label": "地图面板" },
        h("header", {}, h("div", {}, h("h1", {}, app.about.title), h("p", {}, app.about.county.name || "")), fold),
        this.body,
        this.foot(me),
      ),
    );
    this.fillBases();
  }

  /** For those who may write: a point that no map shows yet. */
  adding() {
    const { editor } = this.app;
    return editor && editor.writes ? h("button", { type: "button", class: "text add", onclick: () => editor.add(null) }, "新增一个点") : null;
  }

  fold(button) {
    const folded = this.root.classList.toggle("folded");
    button.textContent = folded ? "展开" : "收起";
    button.setAttribute("aria-expanded", String(!folded));
  }

  foot(me) {
    if (me.offline) return h("footer", {}, h("span", { class: "who" }, me.offline));
    const who = [me.role_title, me.region_name || me.username].filter(Boolean).join(" · ");
    const out = h("button", { type: "button", class: "text", onclick: () => signOut() }, "退出");
    return h("footer", {}, h("span", { class: "who" }, who), h("nav", { "aria-label": "页面" }, h("a", { href: "/" }, "首页"), h("a", { href: "/uploads" }, "上传")), out);
  }

  setLayers(layers) {
    fill(this.layers, ...layers.map((layer) => this.row(layer)));
    const graded = layers.some((layer) => layer.grade);
    this.legend.hidden = !graded;
    const first = layers.find((layer) => layer.grade);
    const entry = (grade, text) => h("li", {}, first && swatch(lookOf(first), grade, 16), text);
    fill(
      this.legend,
      h("h2", {}, "风险等级"),
      h("ul", {}, ...Object.entries(GRADES).map(([grade, text]) => entry(grade, text)), entry(0, "未分级")),
    );
  }

  row(layer) {
    const button = h("button", { type: "button", role: "switch", "aria-checked": "false", class: "layer" });
    button.addEventListener("click", () => this.app.toggle(layer.id, button.getAttribute("aria-checked") !== "true"));
    this.rows.set(layer.id, button);
    return h("li", {}, button);
  }

  update(layers) {
    for (const layer of layers) {
      const button = this.rows.get(layer.id);
      if (!button) continue;
      const look = this.app.scene.looks.get(layer.id);
      const symbol = swatch(look);
      fill(
        button,
        symbol,
        h("span", { class: "title" }, layer.title),
        h("span", { class: "count num" }, number(layer.count)),
        h("span", { class: "fresh" }, ...freshness(layer)),
        h("i", { class: "knob", "aria-hidden": "true" }),
      );
    }
  }

  setShown(id, on) {
    this.rows.get(id).setAttribute("aria-checked", String(on));
  }

  fillBases() {
    const { baseMaps } = this.app.shell;
    for (const { id, name } of baseMaps) {
      const input = h("input", { type: "radio", name: "base", value: id, onchange: () => this.app.useBase(id) });
      this.bases.append(h("label", {}, input, h("span", {}, name)));
    }
    this.bases.hidden = baseMaps.length < 2;
  }

  setBase(id) {
    for (const input of this.bases.querySelectorAll("input")) input.checked = input.value === id;
  }
}

function freshness({ count, noun, updated_at: updated, freshness: { days, stale } }) {
  if (!count) return [`还没有${noun}，可在“上传”中导入`];
  const parts = [`${day(updated)} 更新`];
  if (stale) parts.push(" · ", h("b", { title: `超过 ${days} 天未核实` }, `${number(stale)} 个超期未核实`));
  return parts;
}

async function signOut() {
  await send("DELETE", "/api/session");
  location.assign("/login");
}
