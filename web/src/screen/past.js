// 当时的图: the county as it stood at a past moment, and never mistaken for now.
import { fill, h } from "../dom.js";
import { serverNow } from "./clock.js";
import { momentText } from "./said.js";

const DAYS = 90;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export class Past {
  constructor(box, { changed, sized }) {
    Object.assign(this, { box, changed, sized });
    this.at = null;
    this.input = h("input", { type: "range", min: String(-DAYS), max: "0", step: "1", "aria-label": "日期" });
    this.said = h("output", {});
    this.input.addEventListener("input", () => this.pickDay(Number(this.input.value)));
    fill(
      box,
      h("span", { class: "slider-end" }, `${DAYS} 天前`),
      this.input,
      h("span", { class: "slider-end" }, "现在"),
      this.said,
      h("span", { class: "faint slider-keys" }, "←→ 一天　Shift+←→ 一小时　Esc 回到现在"),
    );
  }

  get open() {
    return !this.box.hidden;
  }

  toggle() {
    if (this.open) this.close();
    else this.show();
  }

  show() {
    this._open(true);
    this.say();
    this.input.focus();
  }

  close() {
    this._open(false);
    if (this.at) this.set(null);
  }

  _open(open) {
    this.box.hidden = !open;
    document.body.classList.toggle("sliding", open);
    this.sized();
  }

  /** Days before today: the end of that day; 0 is now. */
  pickDay(days) {
    if (days === 0) return this.set(null);
    const end = serverNow();
    end.setHours(23, 59, 59, 0);
    return this.set(new Date(end.getTime() + days * DAY_MS));
  }

  step(days, hours = 0) {
    if (hours) {
      const from = this.at || serverNow();
      return this.set(new Date(from.getTime() + hours * HOUR_MS));
    }
    return this.pickDay(Math.max(-DAYS, Math.min(0, this._days() + days)));
  }

  set(at) {
    this.at = at && at < serverNow() ? at : null;
    this.say();
    clearTimeout(this.timer);
    // A drag over weeks must not ask for every day in between.
    this.timer = setTimeout(() => this.changed(this.at), 180);
  }

  _days() {
    if (!this.at) return 0;
    const end = serverNow();
    end.setHours(23, 59, 59, 0);
    return -Math.round((end - this.at) / DAY_MS);
  }

  say() {
    this.input.value = String(this._days());
    this.said.textContent = this.at ? `${momentText(this.at)}` : "现在";
  }
}
