// One's own account: password, and where it is signed in.
import { get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { moment } from "./words.js";

const KINDS = { page: "网页或程序", single: "统一身份登录", token: "访问令牌" };

/** "Chrome 120 · Windows" of a browser's long name for itself. */
function device({ agent, kind }) {
  const browser = /(Edg|Firefox|Chrome|Safari)\/(\d+)/.exec(agent) || [];
  const system = /Windows|Mac OS X|Android|iPhone|Linux/.exec(agent);
  const name = browser[1] && `${browser[1].replace("Edg", "Edge")} ${browser[2]}`;
  return [name || KINDS[kind] || kind, system && system[0]].filter(Boolean).join(" · ");
}

function row(session, again) {
  const end = async () => {
    await send("DELETE", `/api/me/sessions/${session.id}`).catch(() => null);
    again();
  };
  return h(
    "tr",
    {},
    h("td", {}, h("b", {}, device(session)), session.current ? h("span", { class: "quiet" }, "　本次") : null),
    h("td", {}, session.address || "本机"),
    h("td", { class: "time" }, moment(session.created_at)),
    h("td", { class: "time" }, moment(session.seen_at)),
    h("td", { class: "deeds" }, session.current ? null : h("button", { type: "button", class: "text", onclick: end }, "退出")),
  );
}

async function sessions() {
  const body = document.getElementById("sessions");
  if (!body) return;
  const found = (await get("/api/me/sessions")).sessions;
  fill(body, ...found.map((session) => row(session, sessions)));
  const others = document.getElementById("end-others");
  others.hidden = found.length < 2;
  others.onclick = async () => {
    await send("DELETE", "/api/me/sessions").catch(() => null);
    sessions();
  };
}

function password(form) {
  const fault = form.querySelector(".error");
  const said = form.querySelector(".said");
  const { old, again } = form.elements;
  const fresh = form.elements.new;
  const refuse = (words) => {
    fault.textContent = words;
    fault.hidden = false;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.hidden = said.hidden = true;
    if (fresh.value !== again.value) return refuse("两次写的新密码不一样，请再写一次。");
    try {
      await send("POST", "/api/me/password", { old: old.value, new: fresh.value });
    } catch (problem) {
      return refuse(problem.message);
    }
    if (document.querySelector(".owes")) return location.assign("/");
    form.reset();
    said.textContent = "密码已更换，其他地方的登录已退出。";
    said.hidden = false;
    return sessions();
  });
}

password(document.getElementById("own-password"));
sessions().catch(() => null);
