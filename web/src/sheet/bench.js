// The workbench's questions without its page: an address in, the same answer and drawing out.
import { h } from "../dom.js";
import { Closures } from "../planner/closures.js";
import { Coverage } from "../planner/coverage.js";
import { Ink } from "../planner/ink.js";
import { Near } from "../planner/near.js";
import { Plan } from "../planner/plan.js";
import { Travel } from "../planner/travel.js";
import { Within } from "../planner/within.js";

const TABS = [Near, Within, Plan, Coverage];
const nothing = () => {};

export class Bench {
  /** `facts`: {layers, roads, me} as the server told them. */
  constructor(scene, { layers, roads, me }) {
    this.app = { scene, offline: false, shown: () => layers.filter(({ id }) => scene.shown.has(id)), popups: {}, search: {} };
    this.me = me;
    this.layers = layers;
    this.byId = new Map(layers.map((layer) => [layer.id, layer]));
    this.byRoad = Boolean(roads && roads.network);
    this.at = null;
    this.ink = new Ink(scene);
    this.drawing = { active: false, cancel: nothing, start: nothing };
    this.travel = new Travel();
    this.place = { root: h("div", {}) };
    this.closures = new Closures(this);
    for (const act of ["answered", "save", "frame", "say", "stress", "pin", "closuresChanged"]) this[act] = nothing;
  }

  get looks() {
    return this.app.scene.looks;
  }

  /** Asks what the address says; returns the tab that did, or null where it says none. */
  async ask(said) {
    await this.closures.load();
    const at = (said.get("at") || "").split(",").map(Number);
    if (at.length === 2 && Math.abs(at[0]) <= 180 && Math.abs(at[1]) <= 90) this.at = at;
    this.travel.restore(said);
    const found = said.get("tab") === "closures" ? null : TABS.map((Tab) => new Tab(this)).find(({ name }) => name === said.get("tab"));
    this.ink.show([found ? found.name : "", "closures"]);
    if (!found) return null;
    await found.restore(said);
    await found.run();
    return found;
  }

  /** Why there is no answer, in the tab's own words. */
  refusal(tab) {
    return tab.answer ? null : tab.body.textContent || "还没有可以打印的结果，请先在地图上查询。";
  }
}
