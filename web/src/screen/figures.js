// How much there is: each layer's count, and the graded layer's by grade.
import { fill, h } from "../dom.js";
import { lookOf, swatch } from "../symbols.js";
import { GRADES, number } from "../words.js";
import { dataTime } from "./said.js";

/** Sets a text only when it changes, and then lets the eye notice. */
export function say(element, text) {
  if (element.textContent === text) return;
  const first = element.textContent === "";
  element.textContent = text;
  if (first || !element.animate) return;
  element.animate([{ opacity: 0.2 }, { opacity: 1 }], { duration: 900, easing: "ease-out" });
}

/** Figures side by side are set as large as the longest of them has room for. */
export function setLength(box, counts) {
  box.style.setProperty("--length", Math.max(...counts.map((count) => number(count).length)));
}

class GradedRow {
  constructor(layer) {
    this.layer = layer;
    const look = lookOf(layer);
    this.count = h("b", { class: "figure" });
    this.note = h("span", { class: "row-note" });
    this.cells = new Map();
    this.bars = new Map();
    const cells = [];
    for (const [grade, name] of Object.entries(GRADES)) {
      const value = h("b", { class: "figure" });
      const bar = h("i", { class: `share grade-${grade}` });
      this.cells.set(grade, value);
      this.bars.set(grade, bar);
      cells.push(h("li", { class: `grade grade-${grade}` }, value, h("span", {}, swatch(look, Number(grade), 16), name)));
    }
    const head = h("div", { class: "row-head" }, swatch(look, 0, 20), h("h3", {}, layer.title.replace(/图$/, "")), this.note, this.count);
    this.box = h("div", { class: "layer-row graded" }, head, h("ul", { class: "grades" }, ...cells), h("div", { class: "shares", "aria-hidden": "true" }, ...this.bars.values()));
  }

  repaint() {
    const look = lookOf(this.layer);
    for (const li of this.box.querySelectorAll(".grade")) {
      const grade = Number(/grade-(\d)/.exec(li.className)[1]);
      const old = li.querySelector(".swatch");
      old.parentNode.replaceChild(swatch(look, grade, 16), old);
    }
    repaintHead(this.box, look);
  }

  update({ count, grades, at }) {
    say(this.count, number(count));
    setLength(this.count, [count]);
    setLength(this.box, [...this.cells.keys()].map((grade) => grades[grade] || 0));
    for (const [grade, value] of this.cells) {
      say(value, number(grades[grade] || 0));
      this.bars.get(grade).style.flexGrow = grades[grade] || 0;
    }
    const none = grades[0] ? `另有 ${number(grades[0])} 处未分级　` : "";
    this.note.textContent = `${none}${dataTime(at)}`;
  }
}

class PlainCell {
  constructor(layer) {
    this.layer = layer;
    this.count = h("b", { class: "figure" });
    this.note = h("span", { class: "row-note" });
    const name = h("h3", {}, layer.title.replace(/图$/, ""));
    this.box = h("div", { class: "layer-cell" }, h("div", { class: "row-head" }, swatch(lookOf(layer), 0, 20), this.count), name, this.note);
  }

  repaint() {
    repaintHead(this.box, lookOf(this.layer));
  }

  update({ count, at }) {
    say(this.count, number(count));
    this.note.textContent = dataTime(at);
  }
}

function repaintHead(box, look) {
  const old = box.querySelector(".row-head .swatch");
  old.parentNode.replaceChild(swatch(look, 0, 20), old);
}

export class Figures {
  constructor({ box, time }) {
    this.box = box;
    this.time = time;
    this.rows = new Map();
    this.list = box.appendChild(h("div", { class: "layer-rows" }));
  }

  setLayers(layers) {
    this.rows = new Map(layers.map((layer) => [layer.id, layer.grade ? new GradedRow(layer) : new PlainCell(layer)]));
    const rows = [...this.rows.values()];
    const of = (kind) => rows.filter((row) => row instanceof kind).map((row) => row.box);
    fill(this.list, ...of(GradedRow), h("div", { class: "layer-cells" }, ...of(PlainCell)));
  }

  repaint() {
    for (const row of this.rows.values()) row.repaint();
  }

  update(overview) {
    for (const [id, row] of this.rows) if (overview.layers[id]) row.update(overview.layers[id]);
    setLength(this.list, Object.values(overview.layers).map(({ count }) => count));
    this.time.textContent = `截至 ${dataTime(overview.time)}`;
  }
}
