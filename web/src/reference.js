// The API as a page: what /api/openapi.json says, grouped, in plain tables.
import { get } from "./api.js";
import { fill, h } from "./dom.js";

const PLACES = { query: "查询参数", path: "地址", header: "请求头", cookie: "Cookie" };
const TYPES = { string: "文字", integer: "整数", number: "数字", boolean: "是或否", array: "列表", object: "对象" };

function resolve(schema, all) {
  if (!schema || !schema.$ref) return schema || {};
  return all.components.schemas[schema.$ref.split("/").pop()] || {};
}

function typeOf(schema, all) {
  const known = resolve(schema, all);
  if (known.anyOf) return typeOf(known.anyOf.find((part) => part.type !== "null"), all);
  if (known.enum) return known.enum.join(" | ");
  if (known.format === "binary" || known.contentMediaType) return "文件";
  return TYPES[known.type] || known.type || "—";
}

function rowsOf(operation, all) {
  const rows = (operation.parameters || []).map((p) => ({
    name: p.name,
    place: PLACES[p.in],
    type: typeOf(p.schema, all),
    required: p.required,
    fallback: p.schema && p.schema.default,
    note: p.description,
  }));
  const [kind, body] = Object.entries((operation.requestBody || {}).content || {})[0] || [];
  if (!body) return rows;
  const schema = resolve(body.schema, all);
  const place = kind === "application/json" ? "JSON 正文" : "表单";
  for (const [name, field] of Object.entries(schema.properties || {})) {
    const required = (schema.required || []).includes(name);
    rows.push({ name, place, type: typeOf(field, all), required, fallback: field.default, note: field.description });
  }
  return rows;
}

function table(rows) {
  if (!rows.length) return h("p", { class: "quiet" }, "没有参数。");
  const head = ["名称", "位置", "类型", "必填", "缺省", "说明"].map((text) => h("th", { scope: "col" }, text));
  const body = rows.map(({ name, place, type, required, fallback, note }) => {
    const usual = fallback === undefined || fallback === null || fallback === "" ? "—" : String(fallback);
    const cells = [h("code", {}, name), place, type, required ? "是" : "否", usual, note || ""];
    return h("tr", {}, ...cells.map((cell) => h("td", {}, cell)));
  });
  return h("div", { class: "table-box" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...body)));
}

function entry(method, path, operation, all) {
  return h(
    "details",
    { class: "call" },
    h(
      "summary",
      {},
      h("b", { class: `method ${method}` }, method.toUpperCase()),
      h("code", {}, path),
      h("span", {}, operation.description || operation.summary || ""),
    ),
    table(rowsOf(operation, all)),
  );
}

function intro() {
  return [
    h("h1", {}, "接口文档"),
    h("p", {}, "所有内容为 UTF-8 的 JSON。坐标为 [经度, 纬度]，WGS-84；距离为椭球面上的米；时间为带时区的 ISO 8601。出错时返回 application/problem+json，detail 用中文说明下一步怎么做。"),
    h("p", {}, "其他系统调用时，先用账号换取令牌，再放在请求头里："),
    h("pre", {}, 'POST /api/session　{"username": "…", "password": "…"}　→　{"token": "…"}\nAuthorization: Bearer <token>'),
  ];
}

async function start(root) {
  const all = await get(root.dataset.url);
  const groups = new Map();
  for (const [path, methods] of Object.entries(all.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ["其他"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(entry(method, path, operation, all));
    }
  const sections = [...groups].map(([tag, calls]) => h("section", {}, h("h2", {}, tag), ...calls));
  const raw = h("p", { class: "quiet" }, "机器可读的定义：", h("a", { href: root.dataset.url }, root.dataset.url));
  fill(root, ...intro(), ...sections, raw);
}

const root = document.getElementById("api-docs");
start(root).catch((error) => fill(root, h("p", { class: "error", role: "alert" }, error.message)));
