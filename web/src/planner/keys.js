// Keys of the planner's page; "?" lists them.
import { h } from "../dom.js";

const FIELDS = new Set(["INPUT", "TEXTAREA", "SELECT"]);

export class Keys {
  constructor(app) {
    this.app = app;
    const { bench } = app;
    this.actions = [
      ...bench.tabs.map((tab, i) => ({ key: String(i + 1), about: tab.title, run: () => this.tab(tab.name) })),
      { key: "/", about: "搜索", run: () => document.getElementById("search").focus() },
      { key: "g", about: "输入位置或坐标", run: () => this.place() },
      ...(app.editor && app.editor.writes ? [{ key: "n", about: "在地图中心加一个点", run: () => app.editor.addHere() }] : []),
      { key: "m", about: "到地图：方向键移动，+ − 缩放，回车以中心为位置", run: () => app.map.getContainer().focus() },
      ...(app.offline ? [] : [{ key: "p", about: "打印当前结果", run: () => this.print() }]),
    ];
    const told = [
      ...this.actions,
      { key: "↑ ↓", about: "在结果中移动，回车展开" },
      { key: "Esc", about: "取消绘制、收起面板" },
      { key: "?", about: "本说明" },
    ];
    const rows = told.map(({ key, about }) => h("div", {}, h("dt", {}, h("kbd", {}, key.length === 1 ? key.toUpperCase() : key)), h("dd", {}, about)));
    this.close = h("button", { type: "button", class: "close", "aria-label": "关闭按键说明", onclick: () => this.help(false) }, "×");
    this.box = document.body.appendChild(h("div", { class: "keys-help", role: "dialog", "aria-label": "按键说明", hidden: true }, h("header", {}, h("h2", {}, "按键"), this.close), h("dl", {}, ...rows)));
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && this.help(false));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = FIELDS.has(event.target.tagName) && event.target.type !== "radio" && event.target.type !== "checkbox";
    if (typing) return;
    if (event.key === "?" || event.key === "？") {
      event.preventDefault();
      this.help(this.box.hidden);
      return;
    }
    if (event.key === "Escape" && this.app.bench.drawing.active) {
      this.app.bench.drawing.cancel();
      return;
    }
    // The questions wait while something is written.
    if (this.app.editor && this.app.editor.active) return;
    const action = this.actions.find(({ key }) => key === event.key.toLowerCase());
    if (!action) return;
    event.preventDefault();
    action.run();
  }

  help(on) {
    this.box.hidden = !on;
    if (on) {
      this.before = document.activeElement;
      this.close.focus();
    } else if (this.before) this.before.focus();
  }

  tab(name) {
    this.app.bench.choose(name);
    this.app.bench.buttons.get(name).focus();
  }

  place() {
    const { bench } = this.app;
    if (!bench.tab || !bench.tab.wantsPlace()) bench.choose("near");
    document.getElementById("place").focus();
  }

  print() {
    const { bench } = this.app;
    const ways = bench.tab && bench.tab.exports();
    if (ways && ways.sheet) bench.print();
  }
}
