// What a form holds: every field as the text that one types, so that nothing is rounded or guessed here.

const NAME = { id: "name", title: "名称", type: "text", required: true };
const CODE = { id: "code", title: "编号", type: "text" };
export const VERIFIED = { id: "verified_at", title: "核实日期", type: "date", note: "最近一次到现场或打电话核实的日期" };

/** The fields of a layer's form, in the order in which they are filled in. */
export const formFields = (layer) => [NAME, CODE, ...layer.fields, VERIFIED];

/** A stored value as one would type it; records as rows of such texts. */
export function typed(value, field) {
  if (field.type === "records") return (value || []).map((row) => field.columns.map(({ id }) => typed(row[id], {})));
  if (value === null || value === undefined) return "";
  if (value === true || value === false) return value ? "是" : "否";
  return Array.isArray(value) ? value.join("、") : String(value);
}

/** What was typed as it is sent: the server reads it as it reads a cell; empty clears. */
export function sent(value, field) {
  if (field.type !== "records") return value.trim() === "" ? null : value;
  const rows = value.filter((row) => row.some((text) => text.trim()));
  const pairs = (row) => field.columns.map(({ id }, i) => [id, row[i]]).filter(([, text]) => text.trim());
  return rows.map((row) => Object.fromEntries(pairs(row)));
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A typed value in one line. */
export function line(value, field) {
  if (field.type === "records") return value.map((row) => row.filter(Boolean).join(" ")).filter(Boolean).join("；") || "空";
  return value.trim() === "" ? "空" : value + (field.unit ? ` ${field.unit}` : "");
}
