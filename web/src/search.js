// Search by name or pinyin initials.
import { get } from "./api.js";
import { Combobox } from "./combobox.js";
import { h } from "./dom.js";
import { latLng } from "./shift.js";

/** What the server finds for a text, as a combobox wants it. */
export async function found(text, signal) {
  const { results } = await get(`/api/search?q=${encodeURIComponent(text)}&limit=10`, { signal });
  return { options: results, say: results.length ? null : `没有找到“${text}”` };
}

/** One hit: symbol, name, what and where it is. */
export function hitRow(app, result) {
  const known = result.layer && app.scene.looks.has(result.layer);
  return [
    known ? app.popups.symbol(result.layer) : h("span", { class: "swatch region", "aria-hidden": "true" }),
    h("span", { class: "name" }, result.name),
    h("span", { class: "more" }, [result.title, result.region_name].filter(Boolean).join(" · ")),
  ];
}

export class Search {
  constructor(app, box) {
    this.app = app;
    this.field = new Combobox(box, {
      id: "search",
      placeholder: "搜索名称或拼音首字母",
      lookup: found,
      row: (result) => hitRow(app, result),
      choose: (result) => this.go(result),
    });
  }

  go(result) {
    this.field.input.value = result.name;
    const { map, popups, scene } = this.app;
    const at = latLng([result.lon, result.lat]);
    const zoom = Math.max(map.getZoom(), result.layer ? 15 : 12);
    map.setView(at, zoom, { animate: false });
    if (!result.layer) return;
    if (!scene.shown.has(result.layer)) this.app.toggle(result.layer, true);
    popups.open(result.layer, result.id, at);
  }
}
