// The two strips that may stand above a page: demo data, and a lost connection.
import { call, link } from "./api.js";
import { h } from "./dom.js";
import { clock } from "./words.js";

const RETRY_MS = 5_000;

export function ribbon() {
  if (document.querySelector(".demo-ribbon")) return;
  document.body.append(h("div", { class: "demo-ribbon", role: "note" }, "演示数据"));
}

/** Says when the server is gone, tries until it is back, then calls `recovered`. */
export function connectionBar(recovered) {
  const text = h("span");
  const bar = h("div", { class: "connection-bar", role: "alert", hidden: true }, text);
  document.body.append(bar);
  let timer = 0;
  const retry = () => {
    timer = setTimeout(() => call("/healthz").catch(retry), RETRY_MS);
  };
  link.addEventListener("down", () => {
    text.textContent = `与服务器的连接已断开，显示的是 ${clock(link.seen)} 的数据`;
    bar.hidden = false;
    document.body.classList.add("cut-off");
    clearTimeout(timer);
    retry();
  });
  link.addEventListener("up", () => {
    bar.hidden = true;
    document.body.classList.remove("cut-off");
    clearTimeout(timer);
    Promise.resolve(recovered()).catch(() => {});
  });
}
