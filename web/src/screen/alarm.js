// The one rule by which the wall moves a view by itself, and says so: a thing of the worst grade has
// come up, or has risen to it.
import { GRADES } from "../words.js";

/** The entries of a change that an alarm of this grade is about. */
export function alarming(change, grade) {
  if (!grade || change.event !== "feature.changed") return [];
  return (change.summary || []).filter(
    (item) => item.grade && item.grade <= grade && item.op !== "delete" && (item.op === "insert" || !item.old_grade || item.old_grade > item.grade),
  );
}

export function alarmWords(items, noun) {
  const [first] = items;
  const kind = first.op === "insert" ? "新增" : "升级为";
  const where = first.region_name ? `（${first.region_name}）` : "";
  const more = items.length > 1 ? `等 ${items.length} 处` : "";
  return `${kind}${GRADES[first.grade]}${noun}　${first.name || "（未命名）"}${where}${more}`;
}

/** What a change of many did to the figures, when it raised one. */
export function risen(before, after, grade) {
  const told = [];
  for (const [id, layer] of Object.entries(after.layers)) {
    const old = before.layers[id];
    if (!old) continue;
    for (let g = 1; g <= grade; g++) {
      const [from, to] = [old.grades[g] || 0, layer.grades[g] || 0];
      if (to > from) told.push({ layer: id, grade: g, from, to });
    }
  }
  return told;
}
