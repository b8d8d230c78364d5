// Which layer a file belongs to: the question where it is not plain, and the proof where it was.
import { h } from "./dom.js";
import { lookOf, swatch } from "./symbols.js";
import { plainTable } from "./uploads_lists.js";

export const AUTO = "auto";
const TITLES = {
  layer_unclear: "请选一下：这是哪一类数据？",
  layers_several: "文件里有几类数据，请选先上传哪一类",
  wrong_layer: "图层可能选错了，请核对",
};

/** The question that a refused file asks, or null; `choose(layer)` sends the same file again. */
export function layerQuestion({ body = {} }, layers, choose) {
  const { code, candidates } = body;
  if (!TITLES[code] || !candidates) return null;
  const button = (candidate) => {
    const layer = layers.find(({ id }) => id === candidate.layer);
    const proof = [
      candidate.sheets && candidate.sheets.some(Boolean) ? `工作表${candidate.sheets.map((name) => `“${name}”`).join("、")}` : null,
      ...candidate.evidence.slice(0, 3),
    ];
    return h(
      "button",
      { type: "button", class: "system", onclick: () => choose(candidate.layer) },
      layer ? swatch(lookOf(layer)) : null,
      h("span", {}, h("b", {}, candidate.title), proof.filter(Boolean).join("；") || (layer ? layer.noun : "")),
    );
  };
  return h(
    "section",
    { class: "question", "aria-labelledby": "layer-question" },
    h("h2", { id: "layer-question" }, TITLES[code]),
    h("p", {}, body.detail),
    h("p", { class: "quiet" }, "点一下就用同一份文件检查，不用再选文件；仍然不会改动数据。"),
    h("div", { class: "systems which" }, ...candidates.map(button)),
  );
}

/** How the layer was recognised; `recheck(layer)` checks the file again as another. */
export function recognised({ upload, page }, recheck) {
  const list = upload.reading.recognised || [];
  if (!list.length) return null;
  const [best] = list;
  const others = [...page.layers.values()].filter(({ id }) => id !== upload.layer);
  const select = h("select", { "aria-label": "改用的图层" }, ...others.map(({ id, title }) => h("option", { value: id }, title)));
  const go = h("button", { type: "button", class: "second small", onclick: () => recheck(select.value) }, "换成它再检查一次");
  return h(
    "details",
    { class: "told", id: "told-layer" },
    h("summary", {}, h("b", {}, "图层"), h("span", {}, `自动识别为 ${best.title}，${best.evidence[0] || ""}`)),
    plainTable(
      [
        { title: "图层", cell: (c) => h("b", {}, c.title) },
        { title: "分数", kind: "num", cell: (c) => c.score.toFixed(1) },
        { title: "依据", cell: (c) => c.evidence.join("；") || "—" },
      ],
      list,
    ),
    recheck && others.length ? h("p", { class: "recheck" }, "觉得不对？", h("span", { class: "recheck-choice" }, select, go)) : null,
  );
}
