// What a feature says of itself: the fields its layer declares, as text and nothing but text.
import * as L from "leaflet/dist/leaflet-src.esm.js";
import { get } from "./api.js";
import { readFeature } from "./edit/editor.js";
import { fill, h } from "./dom.js";
import { masked } from "./reveal.js";
import { latLng } from "./shift.js";
import { kindOf, swatch } from "./symbols.js";
import { age, day, degrees, number } from "./words.js";

const DAY_MS = 86_400_000;

function shown(value, field) {
  if (value === null || value === undefined || value === "") return null;
  if (field.type === "boolean") return value ? "是" : "否";
  if (Array.isArray(value)) return value.join("、");
  if (typeof value === "number") return number(value) + (field.unit ? ` ${field.unit}` : "");
  return String(value) + (field.unit ? ` ${field.unit}` : "");
}

function records(rows, field) {
  const used = field.columns.filter((column) => rows.some((row) => row[column.id] !== undefined && row[column.id] !== null));
  const head = h("tr", {}, ...used.map((column) => h("th", { scope: "col" }, column.title)));
  const body = rows.map((row) =>
    h("tr", {}, ...used.map((column) => h("td", { class: column.type === "number" ? "num" : null }, shown(row[column.id], column) || "—"))),
  );
  return h("div", { class: "records", tabindex: "0" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)));
}

function chip(grade, text) {
  return h("span", { class: `chip grade-${grade || 0}` }, text);
}

function gradeOf(layer, value) {
  const field = layer.fields.find(({ id }) => id === layer.grade);
  const found = field && (field.values || []).find((v) => (v.value || v) === value);
  return found ? found.grade : null;
}

export class Popups {
  constructor(app) {
    this.app = app;
    this.popup = L.popup({ maxWidth: 380, minWidth: 300, autoPanPaddingTopLeft: [350, 24], autoPanPaddingBottomRight: [24, 40], closeButton: false });
  }

  close() {
    this.app.map.closePopup(this.popup);
  }

  show(at, ...content) {
    this.popup.setLatLng(at).setContent(h("div", { class: "card" }, ...content)).openOn(this.app.map);
  }

  async open(layerId, id, at) {
    const wait = h("p", { class: "quiet" }, "正在读取…");
    if (at) this.show(at, wait);
    try {
      const { feature, mine } = this.app.editor ? await readFeature(layerId, id) : { feature: await get(`/api/layers/${layerId}/features/${id}`) };
      const place = feature.geometry.type === "Point" ? latLng(feature.geometry.coordinates) : at;
      this.show(place, ...this.card(layerId, feature, mine));
    } catch (error) {
      if (at) this.show(at, h("p", { class: "quiet", role: "alert" }, error.message));
    }
  }

  /** A feature that came with another answer needs no second request. */
  openFeature(layerId, feature) {
    const { editor } = this.app;
    // Whose it is only the server can tell a township.
    if (editor && editor.writes && editor.me.region_code) return this.open(layerId, feature.id, latLng(feature.geometry.coordinates));
    return this.show(latLng(feature.geometry.coordinates), ...this.card(layerId, feature, Boolean(editor && editor.writes)));
  }

  list(members, at) {
    const rows = members.map(({ layer, id, name }) =>
      h("li", {}, h("button", { type: "button", class: "plain", onclick: () => this.open(layer, id, at) }, this.symbol(layer), name || "（未命名）")),
    );
    this.show(at, h("h2", {}, `此处有 ${members.length} 个点`), h("ul", { class: "members" }, ...rows));
  }

  symbol(layerId, grade, kind) {
    return swatch(this.app.scene.looks.get(layerId), grade, 18, kind);
  }

  gradeOf(layer, properties) {
    return layer.grade ? gradeOf(layer, properties[layer.grade]) : null;
  }

  /** The symbol of a feature, or of its layer where there is none yet. */
  symbolOf(layer, feature) {
    const p = feature ? feature.properties : {};
    return this.symbol(layer.id, this.gradeOf(layer, p), kindOf(layer, p));
  }

  /** `mine`: may this person change it? */
  card(layerId, feature, mine = false) {
    const layer = this.app.byId.get(layerId);
    const p = feature.properties;
    const close = h("button", { type: "button", class: "close", "aria-label": "关闭", onclick: () => this.close() }, "×");
    const head = h("header", {}, this.symbolOf(layer, feature), h("div", {}, h("p", { class: "kind" }, layer.noun), h("h2", {}, p.name || "（未命名）")), close);
    const [lon, lat] = feature.geometry.coordinates;
    const fresh = p.verified_at ? (Date.now() - new Date(p.verified_at)) / DAY_MS : null;
    const foot = h("footer", {});
    fill(
      foot,
      h("span", {}, [p.region_name, p.code].filter(Boolean).join(" · ")),
      h("span", {}, `${degrees(lon)}, ${degrees(lat)}`),
      h("span", { class: fresh === null || fresh > layer.freshness.days ? "stale" : null }, `${age(fresh)} · 更新 ${day(p.updated_at)}`),
    );
    const acts = h("p", { class: "acts" }, ...this.edits(layerId, feature.id, mine), h("button", { type: "button", class: "text", onclick: () => this.near(lon, lat) }, "以此为中心查最近"));
    return [head, this.fields(layer, p, feature.id), foot, acts];
  }

  /** What can be done to a feature; on a map in one file, nothing. */
  edits(layerId, id, mine) {
    const { editor } = this.app;
    if (!editor) return [];
    const button = (text, cls, run) => h("button", { type: "button", class: cls, onclick: () => run().catch((error) => this.app.bench.say(error.message)) }, text);
    return [mine ? button("编辑", "second", () => editor.edit(layerId, id)) : null, button("历史", "text", () => editor.history(layerId, id))];
  }

  near(lon, lat) {
    this.close();
    this.app.bench.from([lon, lat]);
  }

  fields(layer, properties, number) {
    const rows = [];
    for (const id of layer.popup) {
      const field = layer.fields.find((f) => f.id === id);
      const value = properties[id];
      if (!field || (Array.isArray(value) && !value.length)) continue;
      if (field.type === "records" && Array.isArray(value)) {
        rows.push(h("div", { class: "wide" }, h("dt", {}, field.title), h("dd", {}, records(value, field))));
        continue;
      }
      const text = shown(value, field);
      if (text === null) continue;
      const hidden = (properties.masked || []).includes(id);
      const what = { layer: layer.id, id: number, field: id };
      const body = id === layer.grade ? chip(gradeOf(layer, value), text) : hidden ? masked(text, what, this.app.reveals) : text;
      rows.push(h("div", {}, h("dt", {}, field.title), h("dd", { class: field.type === "phone" ? "phone" : null }, body)));
    }
    return rows.length ? h("dl", {}, ...rows) : h("p", { class: "quiet" }, "没有登记其他内容");
  }
}
