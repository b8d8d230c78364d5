// The sheet of paper: its size, its parts, and as many rows as it takes.
import { fill, h } from "../dom.js";
import { number } from "../words.js";

/** Sizes are told to the printer too; the rest of the layout is CSS, in millimetres. */
export const SIZES = { a4: "A4", a3: "A3" };
export const TURNS = { landscape: "横", portrait: "竖" };

export class Paper {
  constructor(mapElement) {
    this.title = h("h1", { contenteditable: "plaintext-only", spellcheck: "false", title: "可以改写标题" });
    this.question = h("p", { class: "question" });
    this.demo = h("b", { class: "demo", hidden: true }, "演示数据");
    this.place = h("p", { class: "place" });
    this.over = h("div", { class: "over" });
    this.degrees = h("div", { class: "degrees-box" });
    this.figure = h("figure", { class: "chart" }, this.degrees, mapElement, this.over);
    this.legend = h("ul", { class: "legend", "aria-label": "图例" });
    this.blocks = h("div", { class: "blocks" });
    this.notes = h("ul", { class: "notes" });
    this.side = h("div", { class: "side" }, this.blocks, this.notes);
    this.record = h("dl", { class: "record" });
    this.root = h(
      "main",
      { class: "paper" },
      h("header", {}, h("div", {}, this.title, this.place, this.question), this.demo),
      h("div", { class: "middle" }, h("div", { class: "left" }, this.figure, this.legend), this.side),
      h("footer", {}, this.record),
    );
    this.parts = [];
  }

  /** Blocks as blocks.js makes them. */
  setBlocks(parts) {
    this.parts = parts;
    fill(this.blocks, ...parts.map(({ root }) => root));
  }

  shape(size, turn) {
    this.root.dataset.size = size;
    this.root.dataset.turn = turn;
    pageRule(`${SIZES[size]} ${turn}`);
  }

  /** Takes rows off the longest list until nothing runs over; what is left out is said. How many of each list stay. */
  fit() {
    const { side, parts } = this;
    side.style.height = "";
    const kept = parts.map(({ rows }) => rows.length);
    const say = () => parts.forEach((part, i) => cut(part, kept[i]));
    say();
    while (side.scrollHeight > side.clientHeight) {
      const longest = Math.max(...kept);
      if (!longest) break;
      kept[kept.lastIndexOf(longest)] -= 1;
      say();
    }
    // Set for good: a printer's fonts may be a hair wider, and the map beside it must not move.
    side.style.height = `${side.offsetHeight}px`;
    return kept;
  }
}

function cut({ rows, total, rest, table }, kept) {
  if (!rest) return;
  rows.forEach((row, i) => (row.hidden = i >= kept));
  table.hidden = !kept;
  rest.hidden = total <= kept;
  rest.textContent = `${kept ? "另有" : "共"} ${number(total - kept)} 条，见表格（Excel）`;
}

/** The page's policy allows no style of its own making, but rules may be put into its style sheet. */
function pageRule(size) {
  const sheet = [...document.styleSheets].find(({ href }) => href && href.includes("/sheet-"));
  for (let i = sheet.cssRules.length - 1; i >= 0; i--) if (sheet.cssRules[i].type === CSSRule.PAGE_RULE) sheet.deleteRule(i);
  sheet.insertRule(`@page { size: ${size}; margin: 0; }`, sheet.cssRules.length);
}
