// The command chain as a tree: of the focused place from its village up, else the county's own.
import { fill, h } from "../dom.js";
import { get } from "../api.js";
import { ofPost } from "../reveal.js";
import { dataTime } from "./said.js";

export const shortName = (name) => (name || "").replace(/应急(指挥所|指挥部|服务站)$/, "");

function person(role, name, phone) {
  if (!name && !phone) return null;
  return h("p", { class: "person" }, h("span", { class: "faint" }, role), h("b", {}, name || ""), h("span", { class: "phone" }, phone || "未登记电话"));
}

const called = (post, reveals) => ((post.masked || []).includes("holder_phone") ? ofPost(post, "holder_phone", reveals) : post.phone);

const duty = ({ on_duty: on, duty: said }) => (on === null ? null : h("span", { class: on ? "duty on" : "duty" }, said));

export class Chain {
  constructor({ box, time, head }) {
    this.time = time;
    this.title = head.querySelector("h2");
    this.body = box.querySelector(".chain-body");
    this.chain = null;
    this.reveals = false;
    get("/api/session").then(({ rights }) => (this.reveals = rights.includes("reveals")), () => {});
  }

  setTree(tree, read) {
    this.tree = tree;
    this.read = read;
    if (!this.chain) this.rest();
  }

  /** Nothing is focused: the county's post and those of its townships. */
  rest() {
    this.chain = null;
    this.title.textContent = "指挥体系";
    const top = this.tree && this.tree.top;
    if (!top) {
      fill(this.body, h("p", { class: "faint" }, "还没有指挥岗位数据"));
      return;
    }
    const below = top.children.map((post) => h("li", {}, h("span", { class: "post-name" }, shortName(post.name)), h("b", {}, post.holder || "—")));
    fill(
      this.body,
      h("div", { class: "post top" }, h("p", { class: "post-unit" }, top.name, duty(top)), ...people(top, this.reveals)),
      h("ol", { class: "below" }, ...below),
    );
    this._stamp(this.read);
  }

  /** `found` is what `/api/command/chain` says; `where` names the place. */
  show(found, where) {
    this.chain = found;
    this.title.textContent = where ? `指挥链　${where}` : "指挥链";
    const steps = found.chain.map((post) => (post.missing ? vacant(post) : step(post, this.reveals)));
    const notes = found.notes.map((text) => h("p", { class: "said-note" }, text));
    fill(this.body, steps.length ? h("ol", { class: "climb", "aria-label": "呼叫次序" }, ...steps) : null, ...notes);
    this._stamp(new Date());
  }

  _stamp(read) {
    this.time.textContent = read ? `截至 ${dataTime(read)}` : "";
  }
}

/** "站长（村委会主任）" → 站长; what does not fit the column is the one responsible. */
function roleOf({ post }) {
  const role = (post || "").split("（")[0];
  return role && role.length <= 4 ? role : "负责人";
}

function people(post, reveals) {
  return [
    person(roleOf(post), ofPost(post, "holder", reveals), called(post, reveals)),
    person("副职", ofPost(post, "deputy", reveals), ofPost(post, "deputy_phone", reveals)),
  ];
}

function step(post, reveals) {
  const own = (post.masked || []).includes("holder_phone") ? null : post.phone;
  const other = post.duty_phone && post.duty_phone !== own;
  return h(
    "li",
    { class: "post" },
    h("i", { class: "order", "aria-hidden": "true" }, String(post.order)),
    h("p", { class: "post-unit" }, post.name, duty(post)),
    ...people(post, reveals),
    other ? person("值班", "", post.duty_phone) : null,
  );
}

function vacant(post) {
  return h(
    "li",
    { class: "post vacant" },
    h("i", { class: "order", "aria-hidden": "true" }, String(post.order)),
    h("p", { class: "post-unit" }, post.region_name),
    h("p", { class: "faint" }, "没有登记指挥岗位，请呼叫上一级"),
  );
}
