// Townships side by side: how many risk points of which grade. The chart library comes by itself.
import { h } from "../dom.js";
import { dataTime } from "./said.js";

export class Bars {
  constructor({ box, time }, source) {
    this.element = box.querySelector(".chart");
    this.box = box;
    this.time = time;
    this.source = source;
    window.addEventListener("resize", () => this.resize());
  }

  update(overview, layers, outlines) {
    const graded = layers.find(({ grade }) => grade);
    this.box.hidden = !graded || !outlines;
    if (this.box.hidden) return;
    const { towns } = overview.layers[graded.id];
    const rows = outlines.towns.map(({ code, name }) => ({ name, ...(towns[code] || { count: 0, grades: {} }) }));
    const rank = ({ grades, count }) => [...[1, 2, 3, 4].map((grade) => grades[grade] || 0), count].map((n) => String(n).padStart(7, "0")).join("");
    this.rows = rows.sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
    this.time.textContent = `截至 ${dataTime(overview.time)}`;
    this.draw();
  }

  draw() {
    if (!this.rows) return;
    if (!window.mapsvc.charts) {
      this.fetch();
      return;
    }
    // A chart started in a hidden box would have no size.
    if (!this.element.offsetHeight) return;
    this.chart = this.chart || window.mapsvc.charts.townBars(this.element);
    // The figures above may have taken a line more.
    const tall = this.element.offsetHeight;
    if (this.tall && this.tall !== tall) this.chart.fit();
    this.tall = tall;
    this.chart.update(this.rows);
  }

  fetch() {
    if (this.asked) return;
    this.asked = true;
    // The map comes first; reading the library and drawing with it are two tasks.
    window.addEventListener("mapsvc-charts", () => requestIdleCallback(() => this.draw(), { timeout: 300 }), { once: true });
    requestIdleCallback(() => document.body.append(h("script", { src: this.source })), { timeout: 1500 });
  }

  repaint() {
    if (this.chart) this.chart.repaint();
  }

  resize() {
    if (this.chart && this.element.offsetHeight) this.chart.resize();
    else this.draw();
  }
}
