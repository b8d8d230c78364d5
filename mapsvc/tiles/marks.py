"""The points of a layer as vector tiles.

Up to zoom 11 the squares that the triggers keep are read (`feature_cell`): a tile costs the same
whatever number of points is in it. For the past, what has changed since is taken off them again.
Above, the points themselves are counted. A point is in exactly one tile of each zoom, so the counts
of a zoom add up.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.features import relation
from mapsvc.prepared import one_row
from mapsvc.tiles import address

SINGLE_FROM = 14
"""From this zoom on every point stands for itself."""
STORED_UP_TO = 11
MOST_SINCE = 50_000
"""More changes than these are not taken off one by one: a past map is counted anew then."""
_LEVELS = (4, 6, 8, 10, 12, 14)
_HALVINGS = 3  # a side of a tile has 2³ squares, 32 px each

_STORED = """
with cell as (
    select {cell} cell, sum(many)::int many, sum(ids)::bigint first,
        sum(columns) / sum(many) "column", sum(rows) / sum(many) "row",
        case when sum(grade1) > 0 then 1 when sum(grade2) > 0 then 2
            when sum(grade3) > 0 then 3 when sum(grade4) > 0 then 4 end grade
    from {squares}
    where layer = {layer} and level = %(level)s
        and cell >= %(first)s and cell < %(beyond)s
    group by 1 having sum(many) > 0
), mark as (
    select f.id, f.name, cell.grade, {kind} kind, case when many > 1 then many end count,
        ST_Point(floor(("column" - %(west)s) * %(scale)s), floor(("row" - %(north)s) * %(scale)s))
            geom
    from cell left join lateral {one} f on true
)"""

# The squares as they were: as they are, less what came since, and what went since is back.
_SQUARES_THEN = """(
    with since as (
        select id, grade, geom, -1 sign from {table} where updated_at > %(as_of)s and geom && {tile}
        union all
        select id, grade, geom, 1 from feature_history where layer = {layer}
            and updated_at <= %(as_of)s and valid_to > %(as_of)s and geom && {tile}
    ), spot as (
        select id, grade, sign, world_column(ST_X(at)) x, world_row(ST_Y(at)) y
        from (select id, grade, sign, case when ST_GeometryType(geom) = 'ST_Point'
            then geom else ST_PointOnSurface(geom) end at from since) placed
    ), summed as (
        select x >> (31 - %(level)s) x, y >> (31 - %(level)s) y, sum(sign) many,
            coalesce(sum(sign) filter (where grade = 1), 0) grade1,
            coalesce(sum(sign) filter (where grade = 2), 0) grade2,
            coalesce(sum(sign) filter (where grade = 3), 0) grade3,
            coalesce(sum(sign) filter (where grade = 4), 0) grade4,
            sum(sign * x) columns, sum(sign * y) rows, sum(sign * id) ids
        from spot group by 1, 2
    )
    select layer, level, cell, many, grade1, grade2, grade3, grade4, columns, rows, ids
    from feature_cell where layer = {layer} and level = %(level)s
        and cell >= %(first)s and cell < %(beyond)s
    union all
    select {layer}, %(level)s::smallint, cell_number(x, y), many, grade1, grade2, grade3, grade4,
        columns, rows, ids
    from summed
) squares"""
# A hair wider: which square holds a point is told by whole numbers, not by the tile's edges.
_TILE = """ST_MakeEnvelope(
    %(left)s - 1e-9, %(bottom)s - 1e-9, %(right)s + 1e-9, %(top)s + 1e-9, 4326)"""

# A lone point by its key; a plain join makes the planner read the whole layer.
_ONE = """(
    select id, name, attrs from {rows} f
    where many = 1 and f.layer = {layer} and f.id = first limit 1
)"""

# The planner takes four comparisons for one row in ten thousand and then sorts a million to group
# them; of a CASE it takes half. Positions are reckoned here: a projection by the library costs more
# than all the rest.
_INSIDE = """
with inside as (
    select id, name, grade, kind,
        ((lon + 180) / 360 * %(across)s - %(x)s) * 4096 px,
        ((1 - ln(tan(pi() / 4 + radians(lat) / 2)) / pi()) / 2 * %(across)s - %(y)s) * 4096 py
    from (
        select id, name, grade, {kind} kind, ST_X(geom) lon, ST_Y(geom) lat from {rows} f
        where geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
        offset 0 -- each point's place is taken out once
    ) f where case when lon >= %(west)s and lon < %(east)s and lat >= %(south)s and lat < %(north)s
        then true else false end
)"""

_MARK = """
    ST_Point(least(greatest(floor(px), 0), 4095), least(greatest(floor(py), 0), 4095)) geom"""

_SINGLE = ", mark as (select id, name, grade, kind, {mark} from inside)"

# A cell with one point is that point, and the least name of one is its name, which is sooner told
# than by looking it up again; the others lie where their points lie on average.
_CELL = """
, cell as (
    select count(*)::int many, min(id) id, min(name collate "C") "name", min(kind collate "C") kind,
        min(grade) grade, avg(px) px, avg(py) py
    from inside group by floor(px / 512), floor(py / 512)
), mark as (
    select case many when 1 then id end id, case many when 1 then name end "name", grade,
        case many when 1 then kind end kind, case when many > 1 then many end count, {mark}
    from cell
)"""


@lru_cache(maxsize=256)
def _counted(layer: Layer, single: bool, past: bool) -> bytes:
    rows, kind = relation(layer, past=past), _kind(layer)
    body = sql.SQL(_SINGLE if single else _CELL).format(mark=sql.SQL(_MARK))
    inside = sql.SQL(_INSIDE).format(rows=rows, kind=kind)
    return (inside + body + _tail(layer, single)).as_bytes()


@lru_cache(maxsize=256)
def _stored(layer: Layer, finer: bool, past: bool) -> bytes:
    body = sql.SQL(_STORED).format(
        cell=sql.SQL("cell >> 2" if finer else "cell"),
        squares=_squares_then(layer) if past else sql.SQL("feature_cell"),
        layer=sql.Literal(layer.id),
        kind=_kind(layer),
        one=_one(layer, relation(layer, past=past)),
    )
    return (body + _tail(layer, single=False)).as_bytes()


def _squares_then(layer: Layer) -> sql.Composable:
    return sql.SQL(_SQUARES_THEN).format(
        table=sql.Identifier(layer.partition),
        layer=sql.Literal(layer.id),
        tile=sql.SQL(_TILE),
    )


def _one(layer: Layer, rows: sql.Composable) -> sql.Composable:
    return sql.SQL(_ONE).format(rows=rows, layer=sql.Literal(layer.id))


def _kind(layer: Layer) -> sql.Composable:
    """Which of the layer's symbols: null where it tells no kinds apart."""
    field = layer.symbol.kind
    return sql.SQL("f.attrs->>{}").format(sql.Literal(field)) if field else sql.SQL("null::text")


def _tail(layer: Layer, single: bool) -> sql.Composable:
    return sql.SQL(" select ST_AsMVT(mark, {}, 4096, 'geom', {}) from mark").format(
        sql.Literal(layer.id), sql.Literal("id") if single else sql.Literal(None)
    )


async def points(
    db: Db, layer: Layer, z: int, x: int, y: int, as_of: datetime | None = None
) -> bytes:
    """One MVT of a layer: `{id, name, grade?, kind?}` for a point, `{count, grade?}` for a cell."""
    count = z > STORED_UP_TO
    if as_of is not None and not count:
        found = await db.execute(*_much_since(layer, as_of))
        (count,) = await found.fetchone() or (True,)
    text, values = statement(layer, z, x, y, as_of, count=count)
    (tile,) = await one_row(db, text, values, binary=True)
    return tile or b""


def _much_since(layer: Layer, as_of: datetime) -> tuple[sql.Composed, Mapping[str, object]]:
    """Has so much changed since that counting all is less work than taking that off?"""
    text = sql.SQL(
        "select count(*) > {most} from"
        " (select from {table} where updated_at > %(as_of)s limit {most} + 1) since"
    ).format(most=sql.Literal(MOST_SINCE), table=sql.Identifier(layer.partition))
    return text, {"as_of": as_of}


def statement(
    layer: Layer,
    z: int,
    x: int,
    y: int,
    as_of: datetime | None = None,
    *,
    count: bool = False,
) -> tuple[bytes, Mapping[str, object]]:
    """The one statement that makes a tile, and its values; `count`: the points, not the squares."""
    address.require(z, x, y)
    edges = address.edges(z, x, y)
    if z <= STORED_UP_TO and not count:
        level = next(n for n in _LEVELS if n >= z + _HALVINGS)
        text = _stored(layer, level > z + _HALVINGS, as_of is not None)
        squares = _squares(z, x, y, level)
        if as_of is None:
            return text, squares
        sides = zip(("left", "right", "top", "bottom"), edges.values(), strict=True)
        return text, {"as_of": as_of, **squares, **dict(sides)}
    where = {"x": x, "y": y, "across": float(2**z), "as_of": as_of, **edges}
    return _counted(layer, z >= SINGLE_FROM, as_of is not None), where


def _squares(z: int, x: int, y: int, level: int) -> dict[str, float]:
    """The squares of a level that make up a tile: one run of numbers."""
    size = 2.0 ** (31 - z)
    inside = 2 * (level - z)
    first = address.number(x, y) << inside
    return {
        "level": level,
        "first": first,
        "beyond": first + (1 << inside),
        "west": x * size,
        "north": y * size,
        "scale": 4096 / size,
    }
