// One key a view; "?" says which.
import { h } from "../dom.js";

const TEXT_FIELDS = new Set(["TEXTAREA", "SELECT"]);

export class Keys {
  /** actions: [{key, name, about, run}]; the first of several keys is the one shown. */
  constructor(actions, row) {
    this.byKey = new Map();
    this.row = row;
    for (const action of actions) for (const key of action.key) this.byKey.set(key.toLowerCase(), action);
    this.buttons = new Map();
    for (const action of actions) {
      if (!action.name) continue;
      const button = h("button", { type: "button", title: action.about, onclick: () => action.run() }, h("kbd", {}, label(action)), action.name);
      this.buttons.set(action.view || action.name, button);
      row.append(button);
    }
    this.help = helpOf(actions, () => this.toggleHelp());
    document.body.append(this.help);
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (TEXT_FIELDS.has(event.target.tagName) && event.key !== "Escape") return;
    if (event.key === "?" || (event.key === "Escape" && !this.help.hidden)) {
      this.toggleHelp();
      return;
    }
    const action = this.byKey.get(event.key.toLowerCase());
    if (!action || action.run(event) === false) return;
    event.preventDefault();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
  }

  mark(view) {
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === view));
  }
}

const label = ({ key }) => (key[0] === "escape" ? "Esc" : key[0].toUpperCase());

function helpOf(actions, close) {
  return h(
    "div",
    { class: "help", role: "dialog", "aria-label": "按键说明", hidden: true, onclick: close },
    h("h2", {}, "按键"),
    h("dl", {}, ...actions.filter(({ about }) => about).map((action) => h("div", {}, h("dt", {}, h("kbd", {}, label(action))), h("dd", {}, action.about)))),
    h("p", {}, "无人值守：/screen?rotate=county:30,four:20,risk_points:20&theme=light"),
  );
}
