// The place of the form: on the map, or typed in any system.
import { get } from "../api.js";
import { Combobox } from "../combobox.js";
import { fill, h } from "../dom.js";
import { choice } from "../planner/controls.js";
import { SYSTEMS, placeName, typedRow } from "../planner/place.js";
import { degrees } from "../words.js";
import { Pin, metresText, movedM } from "./pin.js";

const WAIT_MS = 250;
// What two ways of writing one place may differ by.
const SAME_M = 0.02;

export class Where {
  /** `changed()` after every move; `look()` tells the symbol to show. */
  constructor(app, { at, was, look, changed }) {
    Object.assign(this, { app, was, look, changed, at: null });
    this.pin = new Pin(app, (to, done) => this.take(to, done));
    this.name = h("b", {});
    this.numbers = h("span", { class: "num" });
    this.moved = h("p", { class: "was", "aria-live": "polite" });
    this.faults = h("div", { class: "faults", role: "alert" });
    this.hint = h("p", { class: "hint" });
    this.system = choice(SYSTEMS, "wgs84", () => this.field.input.value && this.field.later(), { "aria-label": "坐标系" });
    const box = h("div", { class: "place-field" });
    this.field = new Combobox(box, {
      id: "edit-place",
      placeholder: "输入坐标",
      label: "输入坐标，任何写法",
      lookup: (text, signal) => this.lookup(text, signal),
      row: typedRow,
      choose: ({ lon, lat, source }) => this.typed([lon, lat], source),
    });
    this.root = h("section", { class: "edit-where", "aria-label": "位置" }, h("p", { class: "spot" }, this.name, this.numbers), this.moved, h("div", { class: "place-row" }, box, this.system), this.hint, this.faults);
    if (at) this.put(at);
    else this.say();
  }

  async lookup(text, signal) {
    const crs = this.system.value;
    const { places } = await get(`/api/coordinates?text=${encodeURIComponent(text)}&crs=${crs}`, { signal });
    return { options: places.map((place) => ({ ...place, source: { text, crs } })), say: null };
  }

  typed(at, source) {
    this.field.clear();
    this.put(at);
    this.source = source;
    this.frame();
    this.changed();
  }

  /** Set the place, wherever it comes from. */
  put(at) {
    this.at = at;
    this.source = null; // what was typed, while the place is what it gave
    if (this.pin.marker) this.pin.set(at);
    else this.pin.show(at, this.was, this.look());
    this.say();
    this.learn();
  }

  take(at, done) {
    this.at = at;
    this.source = null;
    this.say();
    if (done) this.learn();
    this.changed();
  }

  get awayM() {
    return movedM(this.was, this.at);
  }

  get isMoved() {
    return this.at !== null && (this.was === null || this.awayM > SAME_M);
  }

  say() {
    this.root.classList.toggle("changed", this.isMoved && this.was !== null);
    this.numbers.textContent = this.at ? this.at.map(degrees).join(", ") : "";
    if (!this.at) this.name.textContent = "还没有位置";
    this.hint.textContent = this.at ? "拖动图上的标记；或用 Tab 选中它，按方向键一次 1 米。" : "在地图上点一下，或在上面输入坐标。";
    const back = h("button", { type: "button", class: "text", onclick: () => this.back() }, "放回原处");
    const away = this.was !== null && this.isMoved;
    fill(this.moved, ...(away ? [`离原处 ${metresText(this.awayM)}　`, back] : []));
    this.moved.hidden = !away;
  }

  back() {
    this.put(this.was);
    this.changed();
    this.field.input.focus();
  }

  /** Which village it is, once the hand has been still. */
  learn() {
    const { at } = this;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      placeName(at).then(
        (said) => at === this.at && (this.name.textContent = said),
        () => {},
      );
    }, WAIT_MS);
  }

  /** The stored place is another now. */
  rebase(was) {
    this.was = was;
    if (this.at) this.pin.show(this.at, was, this.look());
    this.say();
  }

  frame() {
    this.app.editor.frame(this.at);
  }

  complain(problems) {
    fill(this.faults, ...problems.map(({ message }) => h("p", {}, message)));
    if (problems.length) this.field.input.setAttribute("aria-invalid", "true");
    else this.field.input.removeAttribute("aria-invalid");
  }

  focus() {
    this.field.input.focus();
  }

  redraw() {
    this.pin.redraw();
  }

  close() {
    clearTimeout(this.timer);
    this.pin.remove();
  }
}
