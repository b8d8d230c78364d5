// Which township has let which layer grow old: one small map of the county a layer. Lightness says
// it, since colours are the grades' alone.
import { fill, h } from "../dom.js";
import { sharpness } from "../sharpness.js";
import { lookOf, swatch } from "../symbols.js";
import { number } from "../words.js";
import { setLength } from "./figures.js";
import { dataTime } from "./said.js";

// Shares of a township's things that are overdue.
const STEPS = [0, 0.1, 0.25, 0.5];
const stepOf = (share) => (share > 0 ? STEPS.filter((step) => share > step).length : 0);
const NAMED = 4;

/** Township outlines in a box one unit wide, as paths. */
export function outlinesOf(collection) {
  const all = collection.features.map(({ geometry, properties }) => ({ code: properties.code, name: properties.name, rings: ringsOf(geometry) }));
  const flat = all.flatMap(({ rings }) => rings.flat());
  if (!flat.length) return null;
  const [west, east] = span(flat, 0);
  const [south, north] = span(flat, 1);
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const across = (east - west) * squeeze;
  const towns = all.map(({ code, name, rings }) => {
    const path = new Path2D();
    for (const ring of rings) {
      ring.forEach(([lon, lat], i) => {
        const [x, y] = [((lon - west) * squeeze) / across, (north - lat) / across];
        if (i) path.lineTo(x, y);
        else path.moveTo(x, y);
      });
      path.closePath();
    }
    return { code, name, path };
  });
  return { towns, tall: (north - south) / across };
}

function ringsOf(geometry) {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
}

function span(points, axis) {
  let [least, most] = [Infinity, -Infinity];
  for (const point of points) {
    least = Math.min(least, point[axis]);
    most = Math.max(most, point[axis]);
  }
  return [least, most];
}

export class Freshness {
  constructor({ box, time }) {
    this.time = time;
    this.maps = h("div", { class: "mini-maps" });
    this.key = h("div", { class: "mini-key" });
    this.names = h("p", { class: "mini-names" });
    box.append(this.maps, this.key, this.names);
    this.cells = new Map();
  }

  setOutlines(outlines) {
    this.outlines = outlines;
  }

  setLayers(layers) {
    this.cells = new Map(
      layers.map((layer) => {
        const canvas = h("canvas", { role: "img" });
        const value = h("b", { class: "figure" });
        const head = h("div", { class: "mini-head" }, swatch(lookOf(layer), 0, 14), value);
        return [layer.id, { layer, canvas, value, head, box: h("figure", {}, head, canvas) }];
      }),
    );
    fill(this.maps, ...[...this.cells.values()].map(({ box }) => box));
    fill(
      this.key,
      h("span", {}, "占比"),
      ...["0", "≤10%", "≤25%", "≤50%", ">50%"].map((text, i) => h("span", {}, h("i", { class: `shade-${i}` }), text)),
    );
  }

  update(overview) {
    this.overview = overview;
    const totals = new Map();
    for (const [id, cell] of this.cells) {
      const layer = overview.layers[id];
      if (!layer) continue;
      cell.value.textContent = number(layer.stale);
      cell.canvas.setAttribute("aria-label", `${cell.layer.title}：${layer.stale} 处超期未核实`);
      for (const [code, { stale }] of Object.entries(layer.towns)) totals.set(code, (totals.get(code) || 0) + stale);
    }
    setLength(this.maps, Object.values(overview.layers).map(({ stale }) => stale));
    this.draw();
    this._name(totals);
    this.time.textContent = `截至 ${dataTime(overview.time)}`;
  }

  _name(totals) {
    const names = new Map(((this.outlines && this.outlines.towns) || []).map(({ code, name }) => [code, name]));
    const worst = [...totals].filter(([code, stale]) => stale && names.has(code)).sort((a, b) => b[1] - a[1]);
    const whole = [...new Set(Object.values(this.overview.layers).flatMap(({ overdueTowns }) => overdueTowns))];
    // A township none of whose data was looked at in time comes before any count.
    const most = Math.min(NAMED, (whole.length ? whole : worst).length);
    const told = whole.length ? (n) => this._overdue(whole, n) : (n) => this._worst(worst.slice(0, n), names);
    // Long names leave room for fewer: each is told whole, or not.
    for (let n = most; n >= Math.min(1, most); n--) {
      fill(this.names, ...told(n));
      if (this.names.scrollWidth <= this.names.clientWidth) return;
    }
  }

  _overdue(towns, n) {
    const more = towns.length > n ? `等 ${towns.length} 个` : "";
    return [h("span", {}, h("b", {}, "整体超期"), `　${towns.slice(0, n).join("、")}${more}`)];
  }

  _worst(worst, names) {
    const told = worst.map(([code, stale]) => h("span", {}, names.get(code), " ", h("b", { class: "figure" }, number(stale))));
    return worst.length ? [h("span", { class: "faint" }, "最多"), ...told] : [this._none()];
  }

  _none() {
    return Object.values(this.overview.layers).some(({ count }) => count) ? "没有超期未核实的数据" : "没有数据";
  }

  repaint() {
    for (const { head, layer } of this.cells.values()) head.replaceChild(swatch(lookOf(layer), 0, 14), head.firstChild);
    this.draw();
  }

  draw() {
    if (!this.overview || !this.outlines) return;
    const style = getComputedStyle(document.documentElement);
    const shades = [0, 1, 2, 3, 4].map((i) => style.getPropertyValue(`--shade-${i}`).trim());
    const edge = style.getPropertyValue("--panel").trim();
    for (const [id, { canvas }] of this.cells) {
      const layer = this.overview.layers[id];
      if (layer) this._drawOne(canvas, layer.towns, shades, edge);
    }
  }

  _drawOne(canvas, towns, shades, edge) {
    const width = canvas.clientWidth;
    const ratio = Math.max(1, window.devicePixelRatio || 1, Math.min(2, sharpness()));
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(width * this.outlines.tall * ratio);
    const ctx = canvas.getContext("2d");
    ctx.scale(canvas.width, canvas.width);
    ctx.lineJoin = "round";
    for (const { code, path } of this.outlines.towns) {
      const town = towns[code];
      ctx.fillStyle = shades[town && town.count ? stepOf(town.stale / town.count) : 0];
      ctx.fill(path, "evenodd");
      ctx.lineWidth = 1.4 / width;
      ctx.strokeStyle = edge;
      ctx.stroke(path);
    }
  }
}
