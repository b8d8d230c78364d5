// The parts of the page and where they stand; each is filled by the module of its name.
import { h } from "../dom.js";

function section(name, title, ...content) {
  const time = h("span", { class: "data-time" });
  const head = h("header", {}, h("h2", { id: `${name}-title` }, title), time);
  const box = h("section", { class: `part ${name}`, "aria-labelledby": `${name}-title` }, head, ...content);
  return { box, time, head };
}

export function buildFrame(shell) {
  const parts = {
    county: h("h1", { class: "county" }, "　"),
    title: h("span", { class: "wall-title" }),
    demo: h("span", { class: "demo-ribbon", role: "note", hidden: true }, "演示数据"),
    view: h("strong", { class: "view-name" }),
    plan: h("span", { class: "view-plan" }),
    feed: h("div", { class: "feed", role: "status" }),
    day: h("span", { class: "day" }),
    clock: h("time", { class: "clock" }),
    figures: section("figures", "四图总览"),
    towns: section("towns", "各乡镇风险隐患点", h("div", { class: "chart", role: "img", "aria-label": "各乡镇风险隐患点数量，按等级" })),
    fresh: section("fresh", "超期未核实"),
    stream: section("stream", "最近变化", h("ol", { class: "stream-list", "aria-live": "polite" })),
    chain: section("chain", "指挥体系", h("div", { class: "chain-body" })),
    banner: h("div", { class: "banner", role: "alert", hidden: true }),
    legend: h("div", { class: "map-legend" }),
    note: h("div", { class: "map-note" }),
    keys: h("nav", { class: "key-row", "aria-label": "视图" }),
    kinds: h("ul", { class: "kinds", hidden: true }),
    slider: h("div", { class: "slider", hidden: true }),
  };
  parts.towns.head.insertBefore(h("span", { class: "faint head-note" }, "重大在前"), parts.towns.time);
  parts.large = h("div", { class: "pane large" }, h("div", { class: "pane-map" }, shell.map.getContainer()));
  parts.small = new Map();
  const grid = h("div", { class: "four" });
  for (const [id, [map]] of Object.entries(shell.small)) {
    const pane = h("div", { class: "pane small" }, h("div", { class: "pane-map" }, map.getContainer()), h("div", { class: "pane-title" }));
    parts.small.set(id, pane);
    grid.append(pane);
  }
  parts.bar = h(
    "header",
    { class: "bar" },
    h("div", { class: "bar-name" }, parts.county, parts.title, parts.demo),
    h("div", { class: "bar-view" }, parts.view, parts.plan),
    h("div", { class: "bar-state" }, parts.feed, h("div", { class: "bar-time" }, parts.day, parts.clock)),
  );
  parts.stage = h("div", { class: "stage" }, parts.large, grid, parts.kinds, parts.banner, parts.slider);
  parts.foot = h("footer", { class: "foot" }, parts.legend, parts.note, parts.keys);
  parts.left = h("div", { class: "column left" }, parts.figures.box, parts.towns.box, parts.fresh.box);
  parts.right = h("div", { class: "column right" }, parts.stream.box, parts.chain.box);
  const middle = h("main", { class: "middle" }, parts.stage, parts.foot);
  document.body.prepend(h("div", { class: "screen" }, parts.bar, parts.left, middle, parts.right));
  return parts;
}
