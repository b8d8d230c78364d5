// The session is over while something is being written: sign in here, and go on.
import { transport } from "../api.js";
import { fill, h } from "../dom.js";

/** → true once the same person has signed in again, false where they would rather not. */
export function signInHere(username) {
  return new Promise((resolve) => {
    const fault = h("p", { class: "edit-alert", role: "alert", hidden: true });
    const password = h("input", { type: "password", id: "again-password", autocomplete: "current-password", required: true });
    const second = h("input", { type: "text", "aria-label": "动态口令", placeholder: "动态口令", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "40", hidden: true });
    const go = h("button", { type: "submit", class: "primary" }, "登录");
    const stop = h("button", { type: "button", class: "second" }, "先不登录");
    const form = h("form", { novalidate: true }, h("p", {}, `登录已过期，请“${username}”重新输入密码。您填的内容都还在。`), h("label", { for: "again-password" }, "密码"), password, second, fault, h("div", { class: "actions" }, go, stop));
    const dialog = h("dialog", { class: "ask", "aria-label": "重新登录" }, h("h2", {}, "重新登录"), form);
    let signed = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      const { words, code } = await attempt(username, password.value, second.value);
      go.disabled = false;
      if (!words) {
        signed = true;
        dialog.close();
        return;
      }
      fill(fault, words);
      fault.hidden = false;
      if (/^totp_/.test(code)) {
        second.hidden = false;
        second.value = "";
        second.focus();
      } else password.select();
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

/** Nothing where it worked, else {words, code} of what is wrong. */
async function attempt(username, password, totp) {
  try {
    const headers = { "Content-Type": "application/json", "X-Requested-With": "mapsvc" };
    const answer = await transport.fetch("/api/session", { method: "POST", headers, body: JSON.stringify({ username, password, totp }) });
    if (answer.ok) return {};
    const { detail, code } = await answer.json().catch(() => ({}));
    return { words: detail || "没有登录成功，请重试。", code };
  } catch {
    return { words: "与服务器的连接已断开，请稍后再试。" };
  }
}
