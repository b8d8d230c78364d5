// A question that must be answered before something happens that is hard to overlook later.
import { h } from "./dom.js";

let count = 0;

/** → true where the person confirms. `must` is a sentence that has to be ticked first. */
export function ask({ title, body = [], yes, no = "不，返回", must = null }) {
  return new Promise((resolve) => {
    const id = `ask-${++count}`;
    const confirm = h("button", { type: "button", class: "primary", disabled: Boolean(must) }, yes);
    const cancel = h("button", { type: "button", class: "second" }, no);
    const tick = must ? h("input", { type: "checkbox" }) : null;
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": id },
      h("h2", { id }, title),
      ...body,
      tick ? h("label", { class: "tick" }, tick, must) : null,
      h("div", { class: "actions" }, confirm, cancel),
    );
    let answer = false;
    if (tick)
      tick.addEventListener("change", () => {
        confirm.disabled = !tick.checked;
      });
    confirm.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}
