// The name under the pointer.
import { h } from "./dom.js";
import { GRADES, number } from "./words.js";

export class Hover {
  constructor(app) {
    this.app = app;
    this.tip = app.map.getContainer().appendChild(h("div", { class: "tip", role: "tooltip", hidden: true }));
    this.frame = 0;
    app.map.on("mousemove", (event) => {
      this.event = event;
      this.frame = this.frame || requestAnimationFrame(() => this.look());
    });
    app.map.on("mouseout movestart zoomstart", () => this.hide());
  }

  look() {
    this.frame = 0;
    const { containerPoint } = this.event;
    const item = this.app.scene.at(containerPoint);
    const container = this.app.map.getContainer();
    container.classList.toggle("over-item", Boolean(item));
    if (!item || this.app.bench.drawing.active) return this.hide();
    this.tip.textContent = this.words(item);
    this.tip.hidden = false;
    const left = Math.min(containerPoint.x + 14, container.clientWidth - this.tip.offsetWidth - 8);
    this.tip.style.transform = `translate(${left}px, ${containerPoint.y + 16}px)`;
  }

  words(item) {
    if (item.count === 1 && item.members) return item.members[0].name || "（未命名）";
    const parts = Object.entries(item.layers).map(
      ([layer, count]) => `${this.app.byId.get(layer).noun} ${number(count)}`,
    );
    if (item.grade) parts.push(`最高等级 ${GRADES[item.grade]}`);
    return parts.join(" · ");
  }

  hide() {
    this.tip.hidden = true;
    this.app.map.getContainer().classList.remove("over-item");
  }
}
