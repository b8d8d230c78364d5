// What an answer says on paper, as blocks of rows; rows beyond the sheet are counted, not lost.
import { h } from "../dom.js";
import { gist, gradeOf, grouped, how, main } from "../planner/near_rows.js";
import { amountOf, nameOf } from "../planner/needs.js";
import { given, how as sourceHow } from "../planner/plan_rows.js";
import { minutes } from "../planner/travel.js";
import { masked, ofPost } from "../reveal.js";
import { swatch } from "../symbols.js";
import { GRADES, age, day, distance, moment, number } from "../words.js";

/** More rows than any sheet takes are not even made. */
const MOST_ROWS = 150;

/** A table that may be cut: {root, rows, total}. */
function block(title, heads, items, row, kind = "") {
  const shown = items.slice(0, MOST_ROWS);
  const rows = shown.map((item, i) => row(item, i));
  const head = heads ? h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))) : null;
  const table = h("table", { class: `list ${kind}` }, head, h("tbody", {}, ...rows));
  const rest = h("p", { class: "rest", hidden: true });
  const root = h("section", { class: "block" }, title ? h("h2", {}, ...title) : null, rows.length ? table : h("p", { class: "none" }, "没有符合条件的"), rest);
  return { root, rows, table, total: items.length, rest };
}

const fixed = (...content) => ({ root: h("section", { class: "block" }, ...content), rows: [], total: 0 });
const cells = (...contents) => h("tr", {}, ...contents.map(([kind, ...content]) => h("td", { class: kind }, ...content)));
const mark = (text) => h("b", { class: "mark" }, text);
const small = (text) => (text ? h("small", {}, text) : null);
const dot = (grade) => (grade ? h("i", { class: `dot grade-${grade}`, title: GRADES[grade] }) : null);
const verified = (stale, days) => ["age", stale ? mark("超期") : null, age(days)];

/** Names and phones: the first person with the first phone, then other phones by what they are. `show(field)` is the text or what stands for it. */
export function contacts(layer, properties, show = ({ id }) => properties[id]) {
  const of = (type) => layer.fields.filter((field) => field.type === type && properties[field.id]);
  const [person] = of("person");
  const phones = of("phone").map((field, i) => (i === 0 && person ? [show(field)] : [`${field.title.replace(/(联系)?电话$/, "")} `, show(field)]));
  const first = [...(person ? [show(person)] : []), ...(phones.length ? [" ", ...phones[0]] : [])];
  return [first, ...phones.slice(1, 2)].filter((parts) => parts.length);
}

/** A field's text; a masked one shows itself to a reader who may and asks it to. */
const shownBy = (layer, id, properties, may) => (field) =>
  (properties.masked || []).includes(field.id) ? masked(properties[field.id], { layer: layer.id, id, field: field.id }, may, true) : properties[field.id];

const lines = (text) => text.split(" · ").map((part) => h("small", {}, part));

export function nearBlocks(answer, layers, looks, may) {
  const heads = ["序", "名称　能力　联系", answer.mode === "road" ? "用时　路程" : "直线距离　方位", "核实"];
  return grouped(answer, layers).map(({ layer, results }) =>
    block([swatch(looks.get(layer.id), 0, 18), layer.noun], heads, results, (result, i) => {
      const { properties } = result.feature;
      return cells(
        ["rank", h("i", {}, String(i + 1))],
        ["name", ...called(layer, { id: result.id, properties }, may, result.name)],
        ["num", h("b", { class: "main" }, main(result)), result.by === "estimate" ? h("small", {}, mark("直线估算")) : null, ...lines(how(result)), avoided(result)],
        verified(result.stale, result.age_days),
      );
    }),
  );
}

/** A name with what there is behind it: grade, place, abilities, whom to ring. */
function called(layer, { id, properties }, may, name = properties.name) {
  const said = contacts(layer, properties, shownBy(layer, id, properties, may));
  const grade = gradeOf(layer, properties);
  return [dot(grade), name || "（未命名）", small([grade ? GRADES[grade] : null, properties.region_name, gist(layer, properties)].filter(Boolean).join("　")), said.length ? h("small", { class: "who" }, ...said.map((parts) => h("span", {}, ...parts))) : null];
}

function avoided({ route, closures_crossed: crossed }) {
  const around = (route && route.properties.closures_avoided) || [];
  const [word, found] = around.length ? ["绕开", around] : ["直线穿过", crossed || []];
  return found.length ? h("small", { class: "around" }, `${word}封路：${found.map(({ reason }) => reason).join("、")}`) : null;
}

export function planBlocks(answer) {
  const done = answer.completion_s ? `${minutes(answer.completion_s)}到齐` : "没有可调用的";
  const short = answer.shortfalls.length;
  const first = fixed(h("p", { class: "figure" }, h("b", {}, done), ` 从 ${number(answer.sources.length)} 处调用，${short ? `${short} 项不足` : "需求全部满足"}`));
  const missing = block(["不足"], ["物资或能力", "需要", "已有", "还缺", "原因"], answer.shortfalls, (line) =>
    cells(["name", nameOf(line)], ["num", number(line.needed)], ["num", number(line.found)], ["num main", amountOf({ quantity: line.missing, unit: line.unit })], ["why", line.why]),
  );
  const key = ({ layer, feature_id: id }) => `${layer}/${id}`;
  const reasons = (source) => answer.picks.filter((pick) => key(pick) === key(source)).map((pick) => `${nameOf(pick)}：${pick.reason}`);
  const places = block(["从哪里调"], ["序", "名称　出什么　联系　理由", "用时　路程", "核实"], answer.sources, (source, i) =>
    cells(
      ["rank", h("i", {}, String(i + 1))],
      ["name", source.name, h("span", { class: "gives" }, given(source)), source.duty_phone ? h("small", { class: "who" }, `值班 ${source.duty_phone}`) : null, small(reasons(source).join("；"))],
      ["num", h("b", { class: "main" }, minutes(source.duration_s)), source.by === "estimate" ? h("small", {}, mark("直线估算")) : null, ...lines(sourceHow(source))],
      verified(source.stale, source.age_days),
    ),
  );
  return short ? [first, missing, places] : [first, places];
}

export function withinBlocks(answer, layers, looks, may) {
  const found = [];
  const sum = answer.threatened;
  if (sum && sum.points) {
    const text = `威胁 ${number(sum.people || 0)} 人、${number(sum.households || 0)} 户，财产 ${number(sum.property || 0)} 万元`;
    const gap = sum.points_without_figure ? `${number(sum.points_without_figure)} 个点没有登记威胁人数，未计入` : null;
    found.push(fixed(h("p", { class: "figure" }, h("b", {}, text), small(gap))));
  }
  found.push(chains(answer.chain, may));
  for (const layer of layers) {
    const listed = answer.features.filter(({ properties }) => properties.layer === layer.id);
    const title = [swatch(looks.get(layer.id), 0, 18), layer.noun, ...counted(answer.counts[layer.id] || {})];
    if (!listed.length) found.push(fixed(h("h2", {}, ...title)));
    else {
      const one = block(title, ["名称　情况　联系", "距离", "核实"], listed, (feature) => {
        const { properties: p } = feature;
        return cells(["name", ...called(layer, feature, may)], ["num", p.distance_m ? distance(p.distance_m) : "在内"], verified(p.stale, p.age_days));
      }, "brief");
      found.push({ ...one, total: answer.counts[layer.id].total });
    }
  }
  return found.filter(Boolean);
}

/** How many of a layer, by grade, and how many are past their time. */
function counted({ total = 0, grades = {}, stale = 0 }) {
  const parts = Object.entries(GRADES).filter(([, name]) => grades[name]);
  return [
    h("b", { class: "count" }, number(total)),
    h("span", { class: "grades" }, ...parts.map(([grade, name]) => h("span", {}, dot(grade), `${name} ${number(grades[name])}`)), stale ? h("span", {}, `${number(stale)} 个超期`) : null),
  ];
}

/** Whom to call: each post once, those of the towns first, then each village's own. */
function chains(chain, may) {
  const all = chain.map(({ region, posts }) => ({ region, posts: posts.filter(({ missing }) => !missing) })).filter(({ posts }) => posts.length);
  if (!all.length) return null;
  const towns = new Map(all.filter(({ posts }) => posts.length > 1).map(({ posts }) => [posts[1].id, posts[1]]));
  const rows = [...[...towns.values()].map((post) => ({ region: post.region_name, post })), ...all.map(({ region, posts }) => ({ region: region.name, post: posts[0] }))];
  return block(["责任链"], ["区域", "指挥岗位", "电话"], rows, ({ region, post }) => {
    const { phone, duty_phone: duty } = post;
    const hidden = may && (post.masked || []).includes("holder_phone");
    const holder = post.post || post.holder ? h("small", {}, post.post || "", " ", ofPost(post, "holder", may, true)) : null;
    return cells(["name", region], ["", post.name, holder], ["who", hidden ? ofPost(post, "holder_phone", may, true) : phone || "", duty && duty !== phone ? h("small", { class: "who" }, `值班 ${duty}`) : null]);
  });
}

export function coverageBlocks(answer, layer, proposals, names) {
  const { total, reached, people, people_reached: safe, bands, unreached } = answer.targets;
  const limit = Math.round(bands[bands.length - 1].seconds / 60);
  const noun = layer ? layer.noun : "村（社区）";
  const left = total - reached;
  const first = fixed(
    h("p", { class: "figure" }, h("b", {}, left ? `${number(left)} 个${noun} ${limit} 分钟内到不了` : `全部 ${number(total)} 个${noun}都能到`), small(`共 ${number(total)} 个${people ? `，到不了的受威胁 ${number(people - safe)} 人` : ""}，出发点 ${number(answer.starts)} 个`)),
  );
  const then = answer.gained && answer.gained.after && answer.gained.after.bands;
  const times = block(["各时限"], ["时限", "能到", "受威胁人数", then ? "再设后能到" : ""], bands, (band, i) =>
    cells(["name", `${Math.round(band.seconds / 60)} 分钟内`], ["num main", number(band.reached)], ["num", number(band.people)], ["num", then ? number(then[i].reached) : ""]));
  const best = answer.best && answer.best.sites;
  const sites = proposals.length
    ? block(["再设的位置"], ["序", "位置", best ? "多到" : ""], proposals, (at, i) => cells(["rank", h("i", {}, String(i + 1))], ["name", names[i]], ["num", best ? `${number(best[i].gains.targets)} 个，${number(best[i].gains.people)} 人` : ""]))
    : null;
  const gained = new Set(answer.gained ? answer.gained.ids : []);
  const late = block(["到不了的"], ["名称", "最快", "威胁", ""], unreached, (feature) => {
    const { properties: p } = feature;
    return cells(
      ["name", layer && dot(gradeOf(layer, p)), p.name || "（未命名）", small([p.region_name, layer && gist(layer, p)].filter(Boolean).join("　"))],
      ["num main", p.fastest_s === null || p.fastest_s === undefined ? "没有路" : minutes(p.fastest_s)],
      ["num", p.people ? `${number(p.people)} 人` : ""],
      ["age", gained.has(feature.id) ? mark("再设后能到") : null],
    );
  });
  return [first, times, sites, { ...late, total: left }].filter(Boolean);
}

/** A view without a question: what the layers on the map hold, what is closed. */
export function viewBlocks(layers, looks, closures) {
  const held = block(["图层"], ["图层", "数量", "超期", "数据时间"], layers, (layer) =>
    cells(["name", h("span", { class: "with-swatch" }, swatch(looks.get(layer.id), 0, 15), layer.title)], ["num main", number(layer.count)], ["num", number(layer.freshness.stale)], ["age", day(layer.updated_at)]));
  return closures.length ? [held, closed(closures)] : [held];
}

function closed(closures) {
  return block(["封路"], ["原因", "到", "设置"], closures, ({ reason, ends_at: until, created_by: by }) => cells(["name", reason], ["num", until ? moment(until).slice(5) : "解除为止"], ["who", by]));
}
