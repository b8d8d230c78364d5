// The tiles of a layer, made from its features as the server makes them: cells, then single points.
import Pbf from "pbf";

const EXTENT = 4096;
const CELLS = 8;
const SINGLE_FROM = 14;

/** Column and row of the world, 0..1 from the west and from the north. */
function world([lon, lat]) {
  const slope = Math.tan(Math.PI / 4 + (Math.min(Math.max(lat, -85.06), 85.06) * Math.PI) / 360);
  return [(lon + 180) / 360, (1 - Math.log(slope) / Math.PI) / 2];
}

const worse = (a, b) => (a && b ? Math.min(a, b) : a || b);

export class LayerTiles {
  constructor(layer, features) {
    this.id = layer.id;
    const field = layer.fields.find(({ id }) => id === layer.grade);
    const grades = new Map(field ? field.values.map(({ value, grade }) => [value, grade]) : []);
    const points = features.map((feature) => {
      const [x, y] = world(feature.geometry.coordinates);
      const { properties } = feature;
      const grade = grades.get(properties[layer.grade]) || 0;
      return { id: feature.id, name: properties.name, grade, kind: properties[layer.symbol.kind], x, y };
    });
    // By column: a tile's points are one run, whatever the number of all.
    this.points = points.sort((a, b) => a.x - b.x);
    this.columns = Float64Array.from(this.points, ({ x }) => x);
  }

  tile(z, x, y) {
    const inside = this.inside(2 ** z, x, y);
    return encode(this.id, z >= SINGLE_FROM ? inside.map(single) : cells(inside));
  }

  /** The points of a tile, in its own units. */
  inside(across, x, y) {
    const found = [];
    for (let i = firstFrom(this.columns, x / across); i < this.points.length; i++) {
      const point = this.points[i];
      const [px, py] = [(point.x * across - x) * EXTENT, (point.y * across - y) * EXTENT];
      if (px >= EXTENT) break;
      if (px >= 0 && py >= 0 && py < EXTENT) found.push({ ...point, px, py });
    }
    return found;
  }
}

function firstFrom(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function single({ id, name, grade, kind, px, py }) {
  return { px, py, properties: { id, name, grade: grade || undefined, kind } };
}

function cells(points) {
  const side = EXTENT / CELLS;
  const byCell = new Map();
  for (const point of points) {
    const key = Math.floor(point.px / side) * CELLS + Math.floor(point.py / side);
    const cell = byCell.get(key);
    if (!cell) byCell.set(key, { count: 1, px: point.px, py: point.py, grade: point.grade, first: point });
    else {
      cell.count++;
      cell.px += point.px;
      cell.py += point.py;
      cell.grade = worse(cell.grade, point.grade);
    }
  }
  return [...byCell.values()].map(({ count, px, py, grade, first }) =>
    count === 1
      ? single(first)
      : { px: px / count, py: py / count, properties: { count, grade: grade || undefined } },
  );
}

/** One layer of points as a Mapbox vector tile. */
function encode(name, marks) {
  if (!marks.length) return new Uint8Array(0);
  const pbf = new Pbf();
  pbf.writeMessage(3, writeLayer, { name, marks });
  return pbf.finish();
}

function writeLayer({ name, marks }, pbf) {
  const keys = new Map();
  const values = new Map();
  pbf.writeVarintField(15, 2);
  pbf.writeStringField(1, name);
  for (const mark of marks) pbf.writeMessage(2, writeMark, { mark, keys, values });
  for (const key of keys.keys()) pbf.writeStringField(3, key);
  for (const value of values.keys()) pbf.writeMessage(4, writeValue, value);
  pbf.writeVarintField(5, EXTENT);
}

const place = (known, value) => known.get(value) ?? known.set(value, known.size).get(value);

function writeMark({ mark: { px, py, properties }, keys, values }, pbf) {
  const tags = [];
  for (const [key, value] of Object.entries(properties))
    if (value !== undefined && value !== null) tags.push(place(keys, key), place(values, value));
  pbf.writePackedVarint(2, tags);
  pbf.writeVarintField(3, 1);
  // One "move to" (command 1, once), then the zigzag of both numbers.
  pbf.writePackedVarint(4, [9, Math.floor(px) * 2, Math.floor(py) * 2]);
}

function writeValue(value, pbf) {
  if (typeof value === "string") pbf.writeStringField(1, value);
  else pbf.writeVarintField(5, value);
}
