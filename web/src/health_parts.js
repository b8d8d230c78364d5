// What the parts of the health page are made of.
import { h } from "./dom.js";
import { number } from "./words.js";

const SIGNS = { well: "✓", now: "!", soon: "!", note: "i" };
const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** A sign before words that say the same: form and fill tell the level, never a colour of risk. */
export const mark = (level) => h("span", { class: `mark ${level}`, "aria-hidden": "true" }, SIGNS[level]);

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "—";
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export const at = (text) => (text ? text.slice(0, 16).replace("T", " ") : "—");
export const date = (text) => (text ? text.slice(0, 10) : "—");
export const count = (value) => (value === null || value === undefined ? "—" : number(value));

/** A part with its title and state; `wide` takes the whole width. */
export function part(found, id, title, { wide = false, aside = null } = {}, ...children) {
  const own = found.faults.filter((f) => f.section === id);
  const worst = own.length ? own[0].level : "well";
  const wrong = own.filter((f) => f.level !== "note").length;
  const state = wrong ? `${wrong} 项需要处理` : own.length ? `${own.length} 项提醒` : "正常";
  return h(
    "section",
    { class: wide ? "part wide-part" : "part", id: `part-${id}`, "aria-labelledby": `title-${id}` },
    h("header", {}, h("h2", { id: `title-${id}` }, title), aside, h("span", { class: "state" }, mark(worst), state)),
    ...children,
  );
}

/** Names and values; a value of null is left out. */
export function facts(...pairs) {
  const lines = pairs.filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "facts" }, ...lines.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export const unknown = () => h("p", { class: "quiet nothing" }, "这一部分没有查到。");

export function table(heads, rows, name) {
  return h(
    "div",
    { class: "grid-box" },
    h(
      "table",
      { class: "grid", "aria-label": name },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col", class: head.num ? "num" : null }, head.title)))),
      h("tbody", {}, ...rows),
    ),
  );
}

/** How much of a whole is taken, as a bar in ink. */
export function bar(share) {
  const fill = h("i");
  const box = h("span", { class: "bar", "aria-hidden": "true" }, fill);
  fill.style.width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
  return box;
}
