// The state of the installation: what is to be done first, then every part; asked anew each minute.
import { get } from "./api.js";
import { copy, fill, h } from "./dom.js";
import { backups, database, storage, work } from "./health_machine.js";
import { duty, layers, regions, roads } from "./health_data.js";
import { mark } from "./health_parts.js";

const EACH_MS = 60_000;
const headline = document.getElementById("health-headline");
const time = document.getElementById("health-time");
const list = document.getElementById("health-faults");
const parts = document.getElementById("health-parts");
const copying = document.getElementById("health-copy");
const again = document.getElementById("health-again");
let support = "";
let timer = 0;

function typed(command) {
  const button = h("button", { type: "button", class: "text" }, "复制命令");
  button.addEventListener("click", () => said(button, command, "复制命令"));
  return h("p", { class: "typed" }, h("code", {}, command), button);
}

async function said(button, text, before) {
  try {
    await copy(text);
    button.textContent = "已复制";
  } catch (_) {
    button.textContent = "复制不成功";
  }
  setTimeout(() => {
    button.textContent = before;
  }, 2000);
}

function fault(one) {
  return h(
    "li",
    { class: `fault ${one.level}` },
    h("span", { class: "level" }, mark(one.level), one.level_title),
    h(
      "div",
      {},
      h("b", {}, one.what),
      h("p", {}, one.todo, " ", h("a", { href: `#part-${one.section}` }, "看详情")),
      one.command ? typed(one.command) : null,
    ),
  );
}

function show(found) {
  fill(headline, mark(found.ok ? "well" : "now"), found.headline);
  time.textContent = `${found.time.slice(0, 19).replace("T", " ")} 检查，每分钟自动再查　·　mapsvc ${found.version}`;
  fill(list, ...found.faults.map(fault));
  list.hidden = !found.faults.length;
  const made = [database, storage, backups, work, layers, duty, regions, roads].map((part) => part(found));
  fill(parts, ...made);
  parts.removeAttribute("aria-busy");
  support = found.support;
  copying.disabled = false;
}

async function check() {
  clearTimeout(timer);
  again.disabled = true;
  try {
    show(await get("/api/health"));
    document.body.classList.remove("old");
  } catch (problem) {
    // What stands below is of the last check: it stays, and the head says so.
    fill(headline, mark("now"), "这一次没有查到");
    time.textContent = `${problem.message}${support ? "　以下是上一次检查的结果。" : ""}`;
    document.body.classList.add("old");
  } finally {
    again.disabled = false;
    timer = setTimeout(check, EACH_MS);
  }
}

copying.addEventListener("click", () => said(copying, support, "复制给技术支持"));
again.addEventListener("click", check);
check();
