// What changed in the last hours, newest first; a bounded list.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { lookOf, swatch } from "../symbols.js";
import { number } from "../words.js";
import { serverNow } from "./clock.js";
import { dataTime } from "./said.js";

const HOURS = 12;
const DAYS = 14;
const KEPT = 16;
const EACH = 3;
const COUNTED = 200;
const VERBS = { insert: "新增", update: "修改", delete: "删除" };

export class Stream {
  constructor({ box, time }) {
    this.list = box.querySelector(".stream-list");
    this.time = time;
    this.entries = [];
    this.times = [];
    // The chain below takes more room or less, and other columns come with other walls.
    new ResizeObserver(() => this.tall !== this.list.clientHeight && this.draw()).observe(this.list);
  }

  setLayers(layers) {
    this.layers = new Map(layers.map((layer) => [layer.id, layer]));
  }

  async load() {
    const now = serverNow();
    const since = new Date(now - DAYS * 86_400_000).toISOString();
    const { changes } = await get(`/api/changes?since=${encodeURIComponent(since)}&limit=200`);
    this.entries = changes.flatMap((change) => this.entriesOf(change)).slice(0, KEPT);
    this.times = changes.map(({ at }) => new Date(at).getTime());
    this.draw();
  }

  add(change) {
    const fresh = this.entriesOf(change);
    this.entries = [...fresh, ...this.entries].slice(0, KEPT);
    this.times = [new Date(change.at).getTime(), ...this.times].slice(0, COUNTED);
    this.draw(fresh.length);
  }

  draw(fresh = 0) {
    this.tall = this.list.clientHeight;
    if (!this.entries.length) fill(this.list, h("li", { class: "nothing faint" }, `${DAYS} 天内没有变化`));
    else fill(this.list, ...this.entries.map((entry, i) => this.row(entry, i < fresh)));
    // Half an entry at the lower edge says nothing.
    const fits = Math.floor(this.list.clientHeight / (this.list.firstChild.offsetHeight || Infinity)) || KEPT;
    while (this.list.children.length > Math.max(1, fits)) this.list.lastChild.remove();
    const lately = this.times.filter((at) => serverNow() - at < HOURS * 3_600_000).length;
    this.time.textContent = `${HOURS} 小时内 ${lately}${lately >= COUNTED ? " 次以上" : " 次"}`;
  }

  row({ at, layer, grade, what, more }, fresh) {
    const known = layer && this.layers.get(layer);
    return h(
      "li",
      { class: fresh ? "fresh-entry" : null },
      h("time", {}, dataTime(at)),
      known ? swatch(lookOf(known), grade || 0, 18) : h("span"),
      h("span", { class: "what", title: what }, what),
      h("span", { class: "more" }, more),
    );
  }

  repaint() {
    this.draw();
  }

  /** A log entry in words; a change of many is one line. */
  entriesOf(change) {
    if (change.event === "feature.changed") return this.ofFeatures(change);
    if (change.event === "closure.changed") return [ofClosure(change)];
    return [this.ofUpload(change)];
  }

  ofFeatures({ layer, op, count, summary, at, by }) {
    const known = this.layers.get(layer);
    const noun = known ? known.noun : layer;
    if (!summary || summary.length > EACH) {
      const what = `${VERBS[op] || "变更"} ${number(count)} 处${noun}`;
      return [{ at, layer, what, more: placesOf(summary, by) }];
    }
    return summary.map((item) => ({
      at: item.at || at,
      layer,
      grade: item.grade,
      what: `${item.moved ? "移动" : VERBS[item.op] || "变更"}　${item.name || "（未命名）"}`,
      more: [item.region_name, item.by].filter(Boolean).join("　"),
    }));
  }

  ofUpload({ event, at, layer, counts, by, region_name: region }) {
    const known = this.layers.get(layer);
    const noun = known ? known.title : "";
    if (event === "upload.rolled_back") return { at, layer, what: `撤销上传　${noun}`, more: [region, by].filter(Boolean).join("　") };
    const parts = [["新增", "new"], ["修改", "changed"], ["移动", "moved"]].filter(([, key]) => counts && counts[key]);
    const what = `上传入库　${parts.map(([word, key]) => `${word} ${number(counts[key])}`).join("、") || noun}`;
    return { at, layer, what, more: [region, by].filter(Boolean).join("　") };
  }
}

function ofClosure({ at, reason, active, ends_at: ends, by }) {
  const what = active ? `封路　${reason}` : `道路恢复　${reason}`;
  return { at, what, more: [active && ends ? `预计至 ${dataTime(ends)}` : "", by].filter(Boolean).join("　") };
}

function placesOf(summary, by) {
  const regions = [...new Set((summary || []).map((item) => item.region_name).filter(Boolean))];
  const said = regions.length > 2 ? `${regions.slice(0, 2).join("、")}等 ${regions.length} 处` : regions.join("、");
  return [said, by].filter(Boolean).join("　");
}
