// Two states of a feature beside each other, field by field.
import { h } from "../dom.js";
import { difference, fieldTitle } from "../uploads_words.js";
import { degrees } from "../words.js";
import { metresText, movedM } from "./pin.js";
import { formFields, same } from "./values.js";

const SAME_M = 0.02;

export const spot = (feature) => feature.geometry.coordinates.map(degrees).join(", ");

/** [{title, gone, came}] of what differs, the place first; a missing state has nothing. */
export function differences(layer, before, after) {
  const was = before ? before.properties : {};
  const now = after ? after.properties : {};
  const found = formFields(layer)
    .map(({ id }) => ({ id, pair: [empty(was[id]), empty(now[id])] }))
    .filter(({ pair }) => !same(...pair))
    .map(({ id, pair }) => ({ title: fieldTitle(layer, id), ...difference(layer, id, pair) }));
  if (was.region_name !== now.region_name && before && after) found.unshift({ title: "所属地区", gone: [was.region_name || "空"], came: [now.region_name || "空"] });
  const metres = before && after ? movedM(before.geometry.coordinates, after.geometry.coordinates) : 0;
  if (metres > SAME_M) found.unshift({ title: "位置", moved: `移动 ${metresText(metres)}`, gone: [spot(before)], came: [spot(after)] });
  return found;
}

const empty = (value) => (value === undefined || value === "" || (Array.isArray(value) && !value.length) ? null : value);

/** `both`: old → new; else only what is there. */
export function differenceList(found, both = true) {
  const rows = found.map((one) => h("div", {}, h("dt", {}, one.title), h("dd", {}, ...(one.moved ? move(one) : change(one, both)))));
  return h("dl", { class: "edit-changes" }, ...rows);
}

const arrow = () => h("span", { class: "to", "aria-label": "改为" }, "→");

const move = ({ moved, gone, came }) => [h("ins", {}, moved), h("span", { class: "quiet num" }, gone[0], arrow(), came[0])];

function change({ gone, came }, both) {
  return [...(both ? [...gone.map((text) => h("del", {}, text)), arrow()] : []), ...came.map((text) => h("ins", {}, text))];
}
