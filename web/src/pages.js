// Every plain page: sign-in and sign-out, the home page, the connection bar.
import { call, get, send } from "./api.js";
import { fill, h } from "./dom.js";
import { connectionBar } from "./status.js";
import { lookOf, swatch, useSymbols } from "./symbols.js";
import { day, moment, number } from "./words.js";

function login(form) {
  const error = form.querySelector(".error");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    button.disabled = true;
    try {
      await send("POST", "/api/session", {
        username: form.elements.username.value.trim(),
        password: form.elements.password.value,
        totp: form.elements.totp.value,
      });
      location.assign(inside(form.dataset.next));
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
      if (/^totp_/.test((problem.body || {}).code)) askSecond(form);
      else form.elements.password.select();
    } finally {
      button.disabled = false;
    }
  });
}

/** The password was right; the account has a second factor. */
function askSecond(form) {
  document.getElementById("second").hidden = false;
  form.elements.totp.value = "";
  form.elements.totp.focus();
}

/** A wall's address carries its token behind the #: exchange it for a cookie, and go there. */
async function enterAsWall(form) {
  const token = location.hash.slice("#kiosk=".length);
  history.replaceState(null, "", location.pathname + location.search);
  try {
    await send("POST", "/api/kiosk", { token });
    location.replace(inside(form.dataset.next));
  } catch (problem) {
    const error = form.querySelector(".error");
    error.textContent = problem.message;
    error.hidden = false;
  }
}

/** The first administrator of an installation that has no account yet. */
function setup(form) {
  const error = form.querySelector(".error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    const [code, username, password] = ["code", "username", "password"].map((name) => form.elements[name].value);
    try {
      await send("POST", "/api/setup", { code: code.trim(), username: username.trim(), password });
      await send("POST", "/api/session", { username: username.trim(), password });
      location.assign("/accounts");
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  });
}

/** Only an address of this site may follow a sign-in. */
function inside(next) {
  const target = new URL(next || "/", location.origin);
  return target.origin === location.origin ? target.pathname + target.search + target.hash : "/";
}

function card(layer) {
  const { days, stale } = layer.freshness;
  return h(
    "li",
    {},
    h(
      "a",
      { href: `/map#&layers=${layer.id}` },
      h("span", { class: "head" }, swatch(lookOf(layer)), h("b", {}, layer.title)),
      h("strong", { class: "num" }, number(layer.count)),
      h("span", { class: "quiet" }, layer.noun),
      h(
        "span",
        { class: "fresh" },
        layer.count ? `${day(layer.updated_at)} 更新` : "还没有数据，请先上传",
        stale ? h("b", { title: `超过 ${days} 天未核实` }, `${number(stale)} 个超期未核实`) : null,
      ),
    ),
  );
}

function picture({ relief, county }) {
  const link = document.getElementById("picture");
  if (!relief) return;
  fill(link, h("img", { src: relief.url, alt: "" }), h("span", {}, county.name || ""));
  link.hidden = false;
}

async function home(cards) {
  const [about, layers, symbols] = await Promise.all([get("/api/map"), get("/api/layers"), get("/api/symbols")]);
  useSymbols(symbols);
  document.getElementById("home-title").textContent = about.title;
  document.getElementById("home-time").textContent = `数据时间 ${moment(about.time)}`;
  picture(about);
  fill(cards, ...layers.map((layer) => card(layer)));
  cards.removeAttribute("aria-busy");
}

function start() {
  for (const button of document.querySelectorAll("[data-sign-out]"))
    button.addEventListener("click", async () => {
      await call("/api/session", { method: "DELETE", headers: { "X-Requested-With": "mapsvc" } });
      location.assign("/login");
    });
  const form = document.getElementById("login");
  if (form && location.hash.startsWith("#kiosk=")) enterAsWall(form);
  if (form) return login(form);
  const first = document.getElementById("setup");
  if (first) return setup(first);
  const cards = document.getElementById("cards");
  const load = () => (cards ? home(cards) : Promise.resolve());
  connectionBar(load);
  load().catch((problem) => {
    document.getElementById("home-time").textContent = problem.message;
  });
  return null;
}

start();
