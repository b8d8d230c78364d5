// The session is over while something is being written: sign in here, and go on.
import { transport } from "../api.js";
import { fill, h } from "../dom.js";

/** → true once the same person has signed in again, false where they would rather not. */
export function signInHere(username) {
  return new Promise((resolve) => {
    const fault = h("p", { class: "edit-alert", role: "alert", hidden: true });
    const password = h("input", { type: "password", id: "again-password", autocomplete: "current-password", required: true });
    const go = h("button", { type: "submit", class: "primary" }, "登录");
    const stop = h("button", { type: "button", class: "second" }, "先不登录");
    const form = h("form", { novalidate: true }, h("p", {}, `登录已过期，请“${username}”重新输入密码。您填的内容都还在。`), h("label", { for: "again-password" }, "密码"), password, fault, h("div", { class: "actions" }, go, stop));
    const dialog = h("dialog", { class: "ask", "aria-label": "重新登录" }, h("h2", {}, "重新登录"), form);
    let signed = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      const words = await attempt(username, password.value);
      go.disabled = false;
      if (words === null) {
        signed = true;
        dialog.close();
        return;
      }
      fill(fault, words);
      fault.hidden = false;
      password.select();
    });
    stop.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(signed);
    });
    document.body.append(dialog);
    dialog.showModal();
    password.focus();
  });
}

/** null where it worked, else what is wrong. */
async function attempt(username, password) {
  try {
    const headers = { "Content-Type": "application/json", "X-Requested-With": "mapsvc" };
    const answer = await transport.fetch("/api/session", { method: "POST", headers, body: JSON.stringify({ username, password }) });
    if (answer.ok) return null;
    return (await answer.json().catch(() => ({}))).detail || "没有登录成功，请重试。";
  } catch {
    return "与服务器的连接已断开，请稍后再试。";
  }
}
