// Search by name or pinyin initials: a combobox after the ARIA pattern.
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { latLng } from "./shift.js";

const WAIT_MS = 180;

export class Search {
  constructor(app, box) {
    this.app = app;
    this.active = -1;
    this.results = [];
    this.input = h("input", {
      type: "search",
      id: "search",
      class: "search-input",
      placeholder: "搜索名称或拼音首字母",
      "aria-label": "搜索名称或拼音首字母",
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": "search-list",
      "aria-autocomplete": "list",
    });
    this.list = h("ul", { id: "search-list", class: "search-list", role: "listbox", "aria-label": "搜索结果", hidden: true });
    box.append(this.input, this.list);
    this.input.addEventListener("input", () => this.later());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("focus", () => this.results.length && this.open(true));
    this.input.addEventListener("blur", () => setTimeout(() => this.open(false), 150));
  }

  open(on) {
    this.list.hidden = !on;
    this.input.setAttribute("aria-expanded", String(on));
  }

  later() {
    clearTimeout(this.timer);
    const q = this.input.value.trim();
    if (!q) {
      this.results = [];
      this.open(false);
      return;
    }
    this.timer = setTimeout(() => this.ask(q), WAIT_MS);
  }

  async ask(q) {
    if (this.abort) this.abort.abort();
    this.abort = new AbortController();
    try {
      const { results } = await get(`/api/search?q=${encodeURIComponent(q)}&limit=10`, { signal: this.abort.signal });
      this.show(results, q);
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }

  say(text) {
    this.results = [];
    fill(this.list, h("li", { class: "quiet", role: "presentation" }, text));
    this.open(true);
  }

  show(results, q) {
    if (!results.length) return this.say(`没有找到“${q}”`);
    this.results = results;
    this.active = 0;
    fill(this.list, ...results.map((result, i) => this.option(result, i)));
    this.mark();
    this.open(true);
  }

  option(result, i) {
    const known = result.layer && this.app.scene.looks.has(result.layer);
    return h(
      "li",
      { role: "option", id: `search-${i}`, onmousedown: (event) => event.preventDefault(), onclick: () => this.go(result) },
      known ? this.app.popups.symbol(result.layer) : h("span", { class: "swatch region", "aria-hidden": "true" }),
      h("span", { class: "name" }, result.name),
      h("span", { class: "more" }, [result.title, result.region_name].filter(Boolean).join(" · ")),
    );
  }

  mark() {
    [...this.list.children].forEach((li, i) => {
      const on = i === this.active;
      li.setAttribute("aria-selected", String(on));
      if (on && li.scrollIntoView) li.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", this.active < 0 ? "" : `search-${this.active}`);
  }

  key(event) {
    const n = this.results.length;
    if (event.key === "Escape") {
      this.open(false);
      return;
    }
    if (!n) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.open(true);
      this.active = (this.active + (event.key === "ArrowDown" ? 1 : n - 1)) % n;
      this.mark();
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.go(this.results[this.active]);
    }
  }

  go(result) {
    this.open(false);
    this.input.value = result.name;
    const { map, popups, scene } = this.app;
    const at = latLng([result.lon, result.lat]);
    const zoom = Math.max(map.getZoom(), result.layer ? 15 : 12);
    map.setView(at, zoom, { animate: false });
    if (!result.layer) return;
    if (!scene.shown.has(result.layer)) this.app.toggle(result.layer, true);
    popups.open(result.layer, result.id, at);
  }
}
