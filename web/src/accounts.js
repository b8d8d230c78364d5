// The administrator's page: who may sign in, in which roles; walls that stand by themselves.
import { get, send } from "./api.js";
import { ask } from "./dialog.js";
import { fill, h } from "./dom.js";
import { askForm, showOnce } from "./form_dialog.js";
import { moment } from "./words.js";

const rows = document.getElementById("account-rows");
const count = document.getElementById("account-count");
const find = document.getElementById("account-find");
const walls = document.getElementById("kiosk-rows");
const state = { accounts: [], roles: {}, regions: null };

const ABOUT = {
  admin: "管理账号和设置；不改业务数据",
  county: "全县数据：修改、上传、查看个人信息",
  planner: "就近、方案、覆盖；修改和上传，个人信息已隐去",
  command: "查看全部，设置封路",
  wall: "只能打开大屏页面",
  township: "查看全县，填报本乡镇",
  auditor: "只看审计记录",
};

const text = (words, run) => h("button", { type: "button", class: "text", onclick: run }, words);

function states(account) {
  const told = [];
  if (account.locked) told.push(h("span", { class: "state strong" }, "已停用"));
  if (account.must_change) told.push(h("span", { class: "state" }, "待改密码"));
  if (account.totp) told.push(h("span", { class: "state" }, "动态口令"));
  if (account.sessions) told.push(h("span", { class: "state" }, `登录中 ${account.sessions}`));
  return told.length ? told : ["—"];
}

function row(account) {
  const where = account.region_name ? ` · ${account.region_name}` : "";
  return h(
    "tr",
    { class: account.locked ? "off" : null, "data-account": account.username },
    h("td", {}, h("b", {}, account.username)),
    h("td", {}, account.role_title + where),
    h("td", {}, ...states(account)),
    h("td", { class: "time" }, account.signed_in_at ? moment(account.signed_in_at) : "从未"),
    h(
      "td",
      { class: "deeds" },
      text("改角色", () => changeRoles(account)),
      text("重设密码", () => reset(account)),
      text(account.locked ? "恢复" : "停用", () => lock(account)),
      text("退出登录", () => signOut(account)),
      account.totp ? text("停用动态口令", () => forgetSecond(account)) : null,
    ),
  );
}

function draw() {
  const wanted = find.value.trim();
  const shown = state.accounts.filter((a) => [a.username, a.role_title, a.region_name || ""].some((words) => words.includes(wanted)));
  fill(rows, ...shown.map(row));
  const { length } = state.accounts;
  count.textContent = wanted ? `${length} 个账号，符合的 ${shown.length} 个` : `${length} 个账号`;
}

async function load() {
  try {
    const { accounts, roles } = await get("/api/accounts");
    state.accounts = accounts;
    state.roles = roles;
    draw();
  } catch (problem) {
    count.textContent = problem.message;
  }
}

async function towns() {
  if (!state.regions) {
    const { features } = await get("/api/regions?level=township");
    state.regions = features.map(({ properties }) => properties);
  }
  return state.regions;
}

/** The fields of roles and region, and what they say. */
async function roleFields(held = [], region = null) {
  const boxes = Object.entries(state.roles).map(([role, title]) => {
    const box = h("input", { type: "checkbox", value: role, checked: held.includes(role) });
    return { box, line: h("label", {}, box, title, h("span", { class: "quiet" }, ABOUT[role] || "")) };
  });
  const select = h("select", { id: "account-region" }, h("option", { value: "" }, "请选择"), ...(await towns()).map(({ code, name }) => h("option", { value: code, selected: code === region }, name)));
  const place = h("div", { hidden: true }, h("label", { for: "account-region" }, "乡镇"), select);
  const follow = () => {
    place.hidden = !boxes.some(({ box }) => box.value === "township" && box.checked);
  };
  for (const { box } of boxes) box.addEventListener("change", follow);
  follow();
  return {
    body: [h("fieldset", { class: "roles" }, ...boxes.map(({ line }) => line)), place],
    read: () => ({ roles: boxes.filter(({ box }) => box.checked).map(({ box }) => box.value), region_code: place.hidden ? null : select.value || null }),
  };
}

const once = (username, password) =>
  showOnce({
    title: `${username} 的一次性密码`,
    words: ["只显示这一次。请当面或电话告诉本人；首次登录后必须更换。"],
    secret: password,
  });

async function add() {
  const name = h("input", { id: "account-name", maxlength: "40", autocomplete: "off", spellcheck: "false" });
  const { body, read } = await roleFields();
  const done = await askForm({
    title: "新建账号",
    body: [h("label", { for: "account-name" }, "用户名"), name, h("label", {}, "角色"), ...body],
    yes: "新建",
    run: () => send("POST", "/api/accounts", { username: name.value.trim(), ...read() }),
  });
  if (!done) return;
  load();
  await once(done.value.username, done.value.password);
}

const at = (account) => `/api/accounts/${encodeURIComponent(account.username)}`;

async function changeRoles(account) {
  const { body, read } = await roleFields(account.roles, account.region_code);
  const done = await askForm({ title: `${account.username} 的角色`, body, yes: "保存", run: () => send("PATCH", at(account), read()) });
  if (done) load();
}

async function reset(account) {
  const done = await askForm({
    title: `重设 ${account.username} 的密码`,
    body: [h("p", { class: "quiet" }, "原来的密码随即失效，这个账号在各处的登录全部退出。")],
    yes: "重设",
    run: () => send("POST", `${at(account)}/reset`),
  });
  if (!done) return;
  load();
  await once(account.username, done.value.password);
}

async function lock(account) {
  const locked = !account.locked;
  const words = locked ? "停用后不能登录，各处的登录全部退出；账号和以往的记录都保留，可随时恢复。" : "恢复后可用原来的密码登录。";
  const done = await askForm({
    title: `${locked ? "停用" : "恢复"} ${account.username}`,
    body: [h("p", { class: "quiet" }, words)],
    yes: locked ? "停用" : "恢复",
    run: () => send("PATCH", at(account), { locked }),
  });
  if (done) load();
}

async function forgetSecond(account) {
  const sure = await ask({ title: `停用 ${account.username} 的动态口令`, body: [h("p", { class: "quiet" }, "本人的手机丢失或更换时使用；之后只凭密码登录，可由本人重新启用。")], yes: "停用" });
  if (!sure) return;
  await send("DELETE", `${at(account)}/totp`).catch(() => null);
  load();
}

async function signOut(account) {
  const sure = await ask({ title: `退出 ${account.username} 的全部登录`, body: [h("p", { class: "quiet" }, "这个账号在各处的登录都会退出，可以重新登录。")], yes: "退出" });
  if (!sure) return;
  await send("POST", `${at(account)}/sign-out`).catch((problem) => {
    count.textContent = problem.message;
  });
  load();
}

function wall(kiosk) {
  return h(
    "tr",
    {},
    h("td", {}, h("b", {}, kiosk.name)),
    h("td", { class: "time" }, `${moment(kiosk.created_at)} ${kiosk.created_by}`),
    h("td", { class: "time" }, kiosk.expires_at.slice(0, 10)),
    h("td", { class: "time" }, kiosk.used_at ? `${moment(kiosk.used_at)} ${kiosk.used_from}` : "还没有用过"),
    h("td", { class: "deeds" }, text("收回", () => revoke(kiosk))),
  );
}

async function loadWalls() {
  const { kiosks } = await get("/api/kiosks");
  fill(walls, ...(kiosks.length ? kiosks.map(wall) : [h("tr", {}, h("td", { colspan: "5", class: "quiet" }, "还没有签发。"))]));
}

async function addWall() {
  const name = h("input", { id: "kiosk-name", maxlength: "40", autocomplete: "off", placeholder: "例如：指挥大厅" });
  const done = await askForm({ title: "签发大屏令牌", body: [h("label", { for: "kiosk-name" }, "大屏名称"), name], yes: "签发", run: () => send("POST", "/api/kiosks", { name: name.value }) });
  if (!done) return;
  loadWalls();
  await showOnce({
    title: `${done.value.name}的打开地址`,
    words: ["只显示这一次。把它设为大屏浏览器的主页；令牌在 # 之后，不会传到服务器日志里。"],
    secret: location.origin + done.value.path,
  });
}

async function revoke(kiosk) {
  const sure = await ask({ title: `收回“${kiosk.name}”的令牌`, body: [h("p", { class: "quiet" }, "这块大屏随即退出，需要重新签发才能再用。")], yes: "收回" });
  if (!sure) return;
  await send("DELETE", `/api/kiosks/${kiosk.id}`).catch(() => null);
  loadWalls();
}

find.addEventListener("input", draw);
document.getElementById("account-add").addEventListener("click", add);
document.getElementById("kiosk-add").addEventListener("click", addWall);
load();
loadWalls().catch((problem) => fill(walls, h("tr", {}, h("td", { colspan: "5", class: "quiet" }, problem.message))));
