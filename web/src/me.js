// One's own account: password, and where it is signed in.
import { get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { askForm, showOnce } from "./form_dialog.js";
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

const secretField = (id, words, type = "password") => [h("label", { for: id }, words), h("input", { id, type, autocomplete: type === "password" ? "current-password" : "off", maxlength: "1000" })];

async function enableSecond() {
  const offer = await send("POST", "/api/me/totp");
  const [wordLabel, word] = secretField("totp-password", "现在的密码");
  const [codeLabel, code] = secretField("totp-code", "手机上显示的六位数字", "text");
  const done = await askForm({
    title: "启用动态口令",
    body: [
      h("div", { class: "scan" }, h("img", { src: offer.picture, alt: "动态口令二维码", width: "190" }), h("p", { class: "quiet" }, "用手机应用扫描；不能扫描时，手工输入密钥：", h("code", {}, offer.secret.replace(/(.{4})/g, "$1 ").trim()))),
      codeLabel,
      code,
      wordLabel,
      word,
    ],
    yes: "启用",
    run: () => send("PUT", "/api/me/totp", { secret: offer.secret, code: code.value.replace(/\s/g, ""), password: word.value }),
  });
  if (!done) return;
  await showOnce({ title: "恢复码", words: ["手机不在身边时，每个恢复码可以代替一次动态口令。只显示这一次，请抄下收好。"], secret: done.value.recovery.join("\n") });
  location.assign(document.querySelector(".owes") ? "/" : "/me");
}

async function disableSecond() {
  const [label, word] = secretField("totp-password", "现在的密码");
  const done = await askForm({ title: "停用动态口令", body: [label, word], yes: "停用", run: () => send("POST", "/api/me/totp/off", { password: word.value }) });
  if (done) location.reload();
}

for (const [id, run] of [
  ["totp-on", enableSecond],
  ["totp-off", disableSecond],
]) {
  const button = document.getElementById(id);
  if (button) button.addEventListener("click", () => run().catch(() => null));
}

password(document.getElementById("own-password"));
sessions().catch(() => null);
