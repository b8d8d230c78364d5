// The map's frame: degrees along its edges, a scale bar, north.
import { svg } from "./about.js";
import { barLength, metresAcross, scaleText } from "./scale.js";

const STEPS = [1 / 60, 2 / 60, 5 / 60, 10 / 60, 15 / 60, 0.5, 1, 2, 5];
const APART = 110;

function dms(value) {
  const minutes = Math.round(Math.abs(value) * 60);
  return `${Math.floor(minutes / 60)}°${String(minutes % 60).padStart(2, "0")}′`;
}

/** Ticks with degrees outside the four edges; `shift` is the width of the margin. */
export function degreesOf(map, shift) {
  const { x: wide, y: tall } = map.getSize();
  const at = (x, y) => map.containerPointToLatLng([x, y]);
  const root = svg("svg", { class: "degrees", width: wide + 2 * shift, height: tall + 2 * shift, "aria-hidden": "true" });
  const [west, east] = [at(0, tall / 2).lng, at(wide, tall / 2).lng];
  const [south, north] = [at(wide / 2, tall).lat, at(wide / 2, 0).lat];
  const step = STEPS.find((one) => (one / (east - west)) * wide >= APART) || 10;
  const line = (d) => root.append(svg("path", { d, class: "tick" }));
  const text = (x, y, said, turn) => {
    const more = turn ? { transform: `rotate(-90 ${x} ${y})` } : {};
    root.append(svg("text", { x, y, class: "degree", ...more }, said));
  };
  for (let lon = Math.ceil(west / step) * step; lon < east; lon += step) {
    const x = map.latLngToContainerPoint([at(0, 0).lat, lon]).x + shift;
    line(`M${x} ${shift - 4}V${shift}M${x} ${tall + shift}v4`);
    if (x > shift + 30 && x < wide + shift - 30) for (const y of [shift - 6, tall + shift + 12]) text(x, y, dms(lon));
  }
  for (let lat = Math.ceil(south / step) * step; lat < north; lat += step) {
    const y = map.latLngToContainerPoint([lat, west]).y + shift;
    line(`M${shift - 4} ${y}H${shift}M${wide + shift} ${y}h4`);
    if (y > shift + 30 && y < tall + shift - 30) for (const x of [shift - 6, wide + shift + 12]) text(x, y, dms(lat), true);
  }
  root.append(svg("rect", { x: shift, y: shift, width: wide, height: tall, class: "neatline" }));
  return root;
}

const PARTS = 4;

/** A bar whose length is that of its metres at the middle of the map, and the scale in figures. */
export function barOf(map, scale) {
  const metres = barLength(scale, 190);
  const units = metres / metresAcross(map.getCenter().lat, map.getZoom());
  const root = svg("svg", { class: "bar", width: units + 46, height: 38, role: "img", "aria-label": `比例尺 ${scaleText(scale)}`, "data-metres": metres, "data-units": units, "data-scale": scale });
  const one = units / PARTS;
  root.append(svg("text", { x: 10, y: 11, class: "scale" }, scaleText(scale)));
  for (let i = 0; i < PARTS; i++) root.append(svg("rect", { x: 10 + i * one, y: 18, width: one, height: 5, class: i % 2 ? "light" : "dark" }));
  const unit = metres >= 1000 ? "公里" : "米";
  const told = (share) => Number(((metres * share) / (metres >= 1000 ? 1000 : 1)).toFixed(2));
  for (const share of [0, 0.5, 1]) root.append(svg("text", { x: 10 + units * share, y: 35, class: "figure" }, share === 1 ? `${told(share)} ${unit}` : String(told(share))));
  return root;
}

export function northOf() {
  return svg("svg", { class: "north", viewBox: "0 0 24 40", width: 24, height: 40, role: "img", "aria-label": "上方为北" }, svg("path", { d: "M12 12L18.5 38L12 32Z", class: "dark" }), svg("path", { d: "M12 12L5.5 38L12 32Z", class: "light" }), svg("text", { x: 12, y: 9, class: "letter" }, "北"));
}

