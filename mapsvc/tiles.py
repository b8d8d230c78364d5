"""Vector tiles: points of a layer, aggregated at low zooms with right counts; the county's ground.

A tile owns its west and south edge and not its east and north one, so every point is in exactly
one tile and the counts of a zoom add up.
"""

import math
from datetime import datetime
from functools import lru_cache

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.errors import BadInput
from mapsvc.features import relation

DEEPEST = 22
SINGLE_FROM = 14
"""From this zoom on every point stands for itself."""
_CELLS = 8  # a side of a tile: cells of 32 px

# The planner takes four comparisons for one row in ten thousand and then sorts a million to group
# them; of a CASE it takes half.
_INSIDE = """
with inside as (
    select * from (
        select id, name, grade, {kind} kind, ST_X(geom) lon, ST_Y(geom) lat from {rows} f
        where geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
        offset 0 -- each point's place is taken out once
    ) f where case when lon >= %(west)s and lon < %(east)s and lat >= %(south)s and lat < %(north)s
        then true else false end
)"""

_MARK = """
    ST_AsMVTGeom(ST_Transform(ST_Point(lon, lat, 4326), 3857),
        ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 0, false) geom"""

_SINGLE = ", mark as (select id, name, grade, kind, {mark} from inside)"

# A cell with one point is that point; the others lie where their points lie on average.
_CELL = """
, cell as (
    select count(*)::int many, min(id) first, min(grade) grade, avg(lon) lon, avg(lat) lat
    from inside
    group by floor((lon - %(west)s) / (%(east)s - %(west)s) * {cells}),
        floor((lat - %(south)s) / (%(north)s - %(south)s) * {cells})
), mark as (
    select f.id, f.name, cell.grade, {kind} kind, case when many > 1 then many end count, {mark}
    from cell left join {rows} f on many = 1 and f.id = first and f.layer = {layer}
)"""


@lru_cache(maxsize=256)
def _points(layer: Layer, single: bool, past: bool) -> bytes:
    rows = relation(layer, past=past)
    mark = sql.SQL(_MARK)
    # Which of the layer's symbols: null where it tells no kinds apart.
    field = layer.symbol.kind
    kind = sql.SQL("f.attrs->>{}").format(sql.Literal(field)) if field else sql.SQL("null::text")
    if single:
        body = sql.SQL(_SINGLE).format(mark=mark)
    else:
        body = sql.SQL(_CELL).format(
            rows=rows, mark=mark, kind=kind, cells=sql.Literal(_CELLS), layer=sql.Literal(layer.id)
        )
    tail = sql.SQL(" select ST_AsMVT(mark, {}, 4096, 'geom', {}) from mark").format(
        sql.Literal(layer.id), sql.Literal("id") if single else sql.Literal(None)
    )
    return (sql.SQL(_INSIDE).format(rows=rows, kind=kind) + body + tail).as_bytes()


async def points(
    db: Db, layer: Layer, z: int, x: int, y: int, as_of: datetime | None = None
) -> bytes:
    """One MVT of a layer: `{id, name, grade?, kind?}` for a point, `{count, grade?}` for a cell."""
    _check(z, x, y)
    statement = _points(layer, z >= SINGLE_FROM, as_of is not None)
    where = {"z": z, "x": x, "y": y, "as_of": as_of, **_edges(z, x, y)}
    async with db.cursor(binary=True) as cursor:
        await cursor.execute(statement, where)
        row = await cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""


def _edges(z: int, x: int, y: int) -> dict[str, float]:
    """The tile's edges in degrees; neighbours get the very same number for the edge they share."""

    across = float(2**z)

    def lon(column: int) -> float:
        return column / across * 360 - 180

    def lat(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / across))))

    return {"west": lon(x), "east": lon(x + 1), "north": lat(y), "south": lat(y + 1)}


_GROUND = """
with tile as materialized (
    select e, ST_Transform(ST_Expand(e, m * 64), 4326) g, m, m / 111320.0 / 2 as deg
    from (select e, (ST_XMax(e) - ST_XMin(e)) / 256 m
        from (select ST_TileEnvelope(%(z)s, %(x)s, %(y)s) e) a) b
), regions as (
    select r.code, r.name, r.level,
        ST_AsMVTGeom(ST_Transform(ST_Simplify(r.geom, deg, true), 3857), e, 4096, 64) geom
    from region r, tile
    where r.geom && tile.g and (level <> 'village' or %(z)s >= 12)
), labels as (
    select r.code, r.name, r.level,
        ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(r.geom), 3857), e, 4096, 2048) geom
    from region r, tile where r.geom && tile.g
        and (level <> 'village' or %(z)s >= 12) and (level <> 'township' or %(z)s >= 9)
), things as (
    select kind, class, name, bridge,
        ST_AsMVTGeom(ST_Transform(ST_Simplify(k.geom, deg, true), 3857), e, 4096, 64) geom
    from ground k, tile where k.geom && tile.g
        and (kind <> 'road' or %(z)s >= 13 or class in ('motorway', 'trunk', 'primary')
            or (%(z)s >= 10 and class in ('secondary', 'tertiary')) or %(z)s >= 12)
        and (class <> 'stream' or %(z)s >= 11)
)
select (select coalesce(ST_AsMVT(t, 'region'), '') from regions t)
    || (select coalesce(ST_AsMVT(t, 'region_label'), '') from labels t)
    || (select coalesce(ST_AsMVT(t, 'forest'), '') from things t where kind = 'forest')
    || (select coalesce(ST_AsMVT(t, 'water'), '') from things t where kind = 'water')
    || (select coalesce(ST_AsMVT(t, 'river'), '') from things t where kind = 'river')
    || (select coalesce(ST_AsMVT(t, 'mine'), '') from things t where kind = 'mine')
    || (select coalesce(ST_AsMVT(t, 'road'), '') from things t where kind = 'road')
"""


async def ground(db: Db, z: int, x: int, y: int) -> bytes:
    """The county's own base map as MVT: regions, their labels, forest, water, rivers, roads."""
    _check(z, x, y)
    async with db.cursor(binary=True) as cursor:
        await cursor.execute(_GROUND, {"z": z, "x": x, "y": y})
        row = await cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""


def _check(z: int, x: int, y: int) -> None:
    if not (0 <= z <= DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z):
        raise BadInput(f"没有这块瓦片：{z}/{x}/{y}。级别 0 至 {DEEPEST}，行列号须在该级范围内。")
