// Questions with fields, and secrets that are shown once.
import { copy, fill, h } from "./dom.js";

/** Opens a form; `run` does the deed and may refuse in words, which stay beside the fields. */
export function askForm({ title, body, yes, run }) {
  return new Promise((resolve) => {
    const fault = h("p", { class: "error", role: "alert", hidden: true });
    const go = h("button", { type: "submit", class: "primary" }, yes);
    const stop = h("button", { type: "button", class: "second" }, "取消");
    const form = h("form", { novalidate: true }, ...body, fault, h("div", { class: "actions" }, go, stop));
    const dialog = h("dialog", { class: "ask", "aria-label": title }, h("h2", {}, title), form);
    let done = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      fault.hidden = true;
      try {
        done = { value: await run() };
        dialog.close();
      } catch (problem) {
        fill(fault, problem.message);
        fault.hidden = false;
      }
      go.disabled = false;
    });
    stop.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Shows what is never shown again, until the person says that it is taken down. */
export function showOnce({ title, words, secret, yes = "已记下" }) {
  return new Promise((resolve) => {
    const taken = h("button", { type: "button", class: "second" }, "复制");
    taken.addEventListener("click", async () => {
      await copy(secret).then(
        () => fill(taken, "已复制"),
        () => fill(taken, "请手工选取"),
      );
    });
    const close = h("button", { type: "button", class: "primary" }, yes);
    const box = h("div", { class: secret.length > 40 ? "secret long" : "secret" }, h("code", {}, secret), taken);
    const dialog = h("dialog", { class: "ask", "aria-label": title }, h("h2", {}, title), ...words.map((text) => h("p", { class: "quiet" }, text)), box, h("div", { class: "actions" }, close));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
  });
}
