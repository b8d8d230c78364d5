// The wall's figures in one answer, shaped for the parts that show them.
import { get } from "../api.js";

const figuresOf = ({ count, stale, grades, ungraded, overdue, newest_verified: verified }) => ({
  count,
  stale,
  overdue,
  verified,
  grades: { ...(grades || {}), 0: ungraded || 0 },
});

/** {time, layers: {id: {count, stale, at, grades: {1..4, 0}, towns: {code: figures}, overdue}}} */
export async function readOverview(asOf = null) {
  const told = await get(`/api/overview${asOf ? `?as_of=${encodeURIComponent(asOf)}` : ""}`);
  const layers = {};
  for (const layer of told.layers) {
    const towns = {};
    for (const { code, layers: parts } of told.townships) towns[code] = figuresOf(parts[layer.id]);
    layers[layer.id] = {
      ...figuresOf(layer),
      at: layer.updated_at,
      version: layer.version,
      towns,
      elsewhere: told.elsewhere.layers[layer.id].count,
      overdueTowns: layer.overdue_townships.map(({ name }) => name),
    };
  }
  return { time: told.as_of || told.time, layers };
}
