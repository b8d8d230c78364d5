// A text field with suggestions below it, after the ARIA combobox pattern.
import { fill, h } from "./dom.js";

const WAIT_MS = 180;

export class Combobox {
  /** `lookup(text, signal)` → {options, say?}; `row(option)` → children; `choose(option)`. */
  constructor(box, { id, placeholder, label, lookup, row, choose }) {
    Object.assign(this, { id, lookup, row, choose });
    this.active = -1;
    this.results = [];
    this.input = h("input", {
      type: "search",
      id,
      class: "search-input",
      placeholder,
      "aria-label": label || placeholder,
      autocomplete: "off",
      spellcheck: "false",
      maxlength: "240",
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": `${id}-list`,
      "aria-autocomplete": "list",
    });
    this.list = h("ul", { id: `${id}-list`, class: "search-list", role: "listbox", "aria-label": "搜索结果", hidden: true });
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

  clear() {
    this.input.value = "";
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    const text = this.input.value.trim();
    if (!text) {
      if (this.abort) this.abort.abort();
      this.results = [];
      this.open(false);
      return;
    }
    this.timer = setTimeout(() => this.ask(text), WAIT_MS);
  }

  async ask(text) {
    if (this.abort) this.abort.abort();
    this.abort = new AbortController();
    try {
      this.show(await this.lookup(text, this.abort.signal));
    } catch (error) {
      if (error.name !== "AbortError") this.show({ options: [], say: error.message });
    }
  }

  show({ options, say }) {
    this.results = options;
    this.active = options.length ? 0 : -1;
    const said = say ? h("li", { class: "quiet", role: "presentation" }, say) : null;
    fill(this.list, ...options.map((option, i) => this.option(option, i)), said);
    this.mark();
    this.open(true);
  }

  option(option, i) {
    return h(
      "li",
      { role: "option", id: `${this.id}-${i}`, onmousedown: (event) => event.preventDefault(), onclick: () => this.take(option) },
      ...this.row(option),
    );
  }

  take(option) {
    this.open(false);
    this.choose(option, this);
  }

  mark() {
    [...this.list.children].forEach((li, i) => {
      const on = i === this.active;
      li.setAttribute("aria-selected", String(on));
      if (on && li.scrollIntoView) li.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", this.active < 0 ? "" : `${this.id}-${this.active}`);
  }

  key(event) {
    const n = this.results.length;
    if (event.key === "Escape" && !this.list.hidden) {
      // Of the list only: what stands around must not close with it.
      event.stopPropagation();
      event.preventDefault();
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
      this.take(this.results[this.active]);
    }
  }
}
