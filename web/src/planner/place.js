// Where it happened: by a click, by name, by a coordinate in any system.
import { Problem, get } from "../api.js";
import { Combobox } from "../combobox.js";
import { copy, fill, h } from "../dom.js";
import { found, hitRow } from "../search.js";
import { degrees } from "../words.js";
import { choice } from "./controls.js";

export const SYSTEMS = [
  ["wgs84", "WGS-84"],
  ["cgcs2000", "国家2000"],
  ["gauss", "国家2000 平面"],
  ["gcj02", "高德、腾讯"],
  ["bd09", "百度"],
];
// A coordinate and no name: digits and the signs and letters written with them.
const LIKE_COORDINATE = /\d[\d.,，°度′'\s]{4,}|东经|北纬|\d\s*[NESW]\b/i;

/** The place of a page: a field to enter it, and a line that says where it is. */
export class Place {
  /** `changed([lon, lat])` is called when somebody enters a place here. */
  constructor(app, changed) {
    this.app = app;
    this.said = h("div", { class: "where", "aria-live": "polite" });
    const systems = app.offline ? SYSTEMS.slice(0, 1) : SYSTEMS;
    this.system = choice(systems, "wgs84", () => this.field.input.value && this.field.later());
    this.system.setAttribute("aria-label", "坐标系");
    const box = h("div", { class: "place-field" });
    this.field = new Combobox(box, {
      id: "place",
      placeholder: app.offline ? "名称或拼音首字母" : "坐标，或名称、拼音首字母",
      label: "位置：坐标、名称或拼音首字母",
      lookup: (text, signal) => this.lookup(text, signal),
      row: (option) => (option.typed ? typedRow(option) : hitRow(app, option)),
      choose: (option) => this.take(option, changed),
    });
    this.root = h("div", { class: "place" }, h("div", { class: "place-row" }, box, app.offline ? null : this.system), this.said);
    this.say(null);
  }

  async lookup(text, signal) {
    if (this.app.offline || !LIKE_COORDINATE.test(text)) return found(text, signal);
    try {
      const query = `text=${encodeURIComponent(text)}&crs=${this.system.value}`;
      const typed = await get(`/api/coordinates?${query}`, { signal });
      return { options: typed.places.map((place) => ({ typed: true, ...place })), say: null };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // It may have been a name with digits after all.
      const { options } = await found(text, signal);
      return options.length ? { options } : { options: [], say: error.message };
    }
  }

  take(option, changed) {
    this.field.clear();
    changed([option.lon, option.lat]);
  }

  /** Says where `at` is: degrees, then the village as soon as it is known. */
  say(at) {
    this.at = at;
    if (!at) {
      fill(this.said, h("p", { class: "quiet" }, "在地图上点一下，或在上面输入。"));
      return;
    }
    const text = at.map(degrees).join(", ");
    const button = h("button", { type: "button", class: "text" }, "复制");
    button.addEventListener("click", async () => {
      button.textContent = await copy(text).then(() => "已复制", () => "复制失败");
      setTimeout(() => (button.textContent = "复制"), 1600);
    });
    const name = this.app.offline ? null : h("b", { class: "where-name" });
    const { editor } = this.app;
    const add = editor && editor.writes ? h("button", { type: "button", class: "text", onclick: () => editor.add(at) }, "在此新增") : null;
    fill(this.said, name, h("span", { class: "num", title: "经度, 纬度（WGS-84）" }, text), button, add);
    if (!name) return;
    placeName(at).then(
      (said) => at === this.at && (name.textContent = said),
      () => {},
    );
  }
}

/** The town and village a place lies in. */
export async function placeName([lon, lat]) {
  const { regions } = await get(`/api/command/chain?lon=${lon.toFixed(7)}&lat=${lat.toFixed(7)}`);
  return regions.length ? [...regions].reverse().slice(-2).map(({ name }) => name).join("") : "县域以外";
}

/** One reading of a typed coordinate. */
export function typedRow({ lon, lat, said, title }) {
  return [
    h("span", { class: "swatch pinned", "aria-hidden": "true" }),
    h("span", { class: "name num" }, `${degrees(lon)}, ${degrees(lat)}`),
    h("span", { class: "more" }, [title, ...said].join(" · ")),
  ];
}
