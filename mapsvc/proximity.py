"""What is nearest, exactly: on the ellipsoid, through each layer's own index.

Two phases in one statement. The index walk orders by degrees, which is wrong by up to hundreds of
metres in the middle latitudes; but the largest true distance among its k is a bound on the k-th
true distance. Everything inside a box of that reach is then measured on the spheroid and sorted.

With a filter the walk ends after the nearest few thousand: where fewer than k of them match, the
rows that match are gathered first, and the same two phases run over those.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.features import Stale, feature_text, is_fresh, json_text, object_text
from mapsvc.filters import Filter
from mapsvc.prepared import one_row

MOST = 1000
"""Largest k."""
_WALK = 2000
"""Nearest rows looked at for those that match a filter, at least."""

# One degree is at least this many metres: of latitude, and of longitude at the equator. Smaller
# than the true lengths, so that the box is never too small.
_LAT_M = 110_574.0
_LON_M = 111_132.0

_POINT = "point as materialized (select ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) g)"

_SHUT = """
shut as materialized (
    select id, area, json_build_object('id', id, 'reason', reason, 'starts_at', starts_at,
        'ends_at', ends_at) told
    from closure where starts_at <= now() and coalesce(ends_at > now(), true)
)"""

_REACH = """
{reach} as materialized (
    select least(max(ST_Distance(q.geom::geography, (select g::geography from point))),
        %(max_m)s::float8) + 1 m
    from (select geom from {table} where {fresh}
        order by geom <-> (select g from point) limit {k}) q
)"""

# A filter's condition speaks of the row as f.
_NEAR = """
{rows} as materialized (
    select * from {table} f where {fresh} order by geom <-> (select g from point) limit {walk})"""
_MATCHING = """
{rows} as materialized (select * from {table} f where {fresh} and {where})"""
_REACH_OF_NEAR = """
{reach} as materialized (
    select least(max(ST_Distance(q.geom::geography, (select g::geography from point))),
        %(max_m)s::float8) + 1 m, count(*) many
    from (select geom from {rows} f where {where} limit {k}) q
)"""
_REACH_OF_MATCHING = """
{reach} as materialized (
    select least(max(ST_Distance(q.geom::geography, (select g::geography from point))),
        %(max_m)s::float8) + 1 m
    from (select geom from {rows} order by geom <-> (select g from point) limit {k}) q
)"""
# Fewer than k of the rows walked match, and they are not all that there are.
_FOUND = "((select many from {reach}) = {k} or (select count(*) from {rows}) < {walk})"

# At the far side of the box meridians stand closest: the cosine is taken there.
_HITS = """
(select {layer}::text layer, d, f.id, f.name, f.geom,
    degrees(ST_Azimuth((select g::geography from point), f.geom::geography)) bearing,
    current_date - coalesce(f.verified_at, f.updated_at::date) age_days, {days}::int most_days,
    {json} feature
from (
    select *, ST_Distance(geom::geography, (select g::geography from point)) d from {source} f
    where {wanted} and geom && (select ST_Expand(g,
        least(360, m / ({lon_m} * cos(radians(least(89.9, abs(ST_Y(g)) + m / {lat_m})))) * 1.01),
        m / {lat_m} * 1.01) from point, {reach})
    order by d, id limit {k}
) f left join region r on r.code = f.region_code
where d <= coalesce(%(max_m)s::float8, 'infinity'))"""

# The straight line to a hit crosses a closure.
_CROSSES = "ST_Intersects(area, ST_ShortestLine((select g from point), geom))"
_CROSSED = """(select coalesce(json_agg(told order by shut.id)::text, '[]')
    from shut where {crosses})"""
_ALL_CROSSED = """(select coalesce(json_agg(told order by id)::text, '[]')
    from shut where exists (select from hit where {crosses}))"""
_ANY_SHUT = """exists (
    select from closure where starts_at <= now() and coalesce(ends_at > now(), true))"""

_ANSWER = """
with {ctes}
select {answer}, {any_shut}, {found}
from {hits} hit"""
_RESULTS = "'[' || coalesce(string_agg({hit}, ', ' order by {sink} d, layer, id), '') || ']'"


How = Literal["plain", "walk", "gather"]
"""Without a filter; the nearest rows, then those that match; those that match, then the nearest."""


@lru_cache(maxsize=256)
def _statement(
    layers: tuple[Layer, ...],
    k: int,
    stale: Stale,
    *,
    shut: bool,
    how: How = "plain",
    conditions: tuple[str, ...] = (),
) -> bytes:
    # k stands in the text: as a parameter its plan would be made anew on every call.
    # With closures in force it is another text: without, nobody pays for them.
    ctes: list[sql.Composable] = [sql.SQL(_POINT)]
    hits: list[sql.Composable] = []
    founds: list[sql.Composable] = [sql.SQL("true")]
    for number, layer in enumerate(layers):
        names = _names(layer, number, k, stale, how, conditions)
        ctes += [sql.SQL(part).format(**names) for part in _PHASES[how]]
        hits.append(sql.SQL(_HITS).format(**names))
        if how == "walk":
            founds.append(sql.SQL(_FOUND).format(**names))
    found = sql.SQL("({})").format(sql.SQL(" union all ").join(hits))
    if shut:
        ctes += [sql.SQL(_SHUT), sql.SQL("hit as {}").format(found)]
    statement = sql.SQL(_ANSWER).format(
        ctes=sql.SQL(", ").join(ctes),
        answer=_answer(stale, shut),
        hits=sql.SQL("") if shut else found,
        any_shut=sql.SQL("false" if shut else _ANY_SHUT),
        found=sql.SQL(" and ").join(founds),
    )
    return statement.as_bytes()


def _answer(stale: Stale, shut: bool) -> sql.Composable:
    """The answer as JSON text; written as text, which takes half the time of building JSON."""
    none, crosses = sql.SQL("'[]'"), sql.SQL(_CROSSES)
    hit = object_text(
        {
            "layer": json_text("layer"),
            "id": sql.SQL("id"),
            "name": json_text("name"),
            "distance_m": sql.SQL("round(d::numeric, 3)"),
            "bearing_deg": sql.SQL("round(coalesce(bearing, 0)::numeric, 2)"),
            "age_days": sql.SQL("age_days"),
            "stale": json_text("age_days > most_days"),
            "closures_crossed": sql.SQL(_CROSSED).format(crosses=crosses) if shut else none,
            "feature": sql.SQL("feature"),
        }
    )
    sink = sql.SQL("age_days > most_days," if stale == "sink" else "")
    return object_text(
        {
            "origin": sql.SQL("json_build_array(%(lon)s::float8, %(lat)s::float8)::text"),
            "mode": sql.SQL("'\"line\"'"),
            "closures": sql.SQL(_ALL_CROSSED).format(crosses=crosses) if shut else none,
            "notes": none,
            "asked_at": json_text("now()"),
            "results": sql.SQL(_RESULTS).format(hit=hit, sink=sink),
        }
    )


_PHASES: dict[How, tuple[str, ...]] = {
    "plain": (_REACH,),
    "walk": (_NEAR, _REACH_OF_NEAR),
    "gather": (_MATCHING, _REACH_OF_MATCHING),
}


def _names(
    layer: Layer, number: int, k: int, stale: Stale, how: How, conditions: tuple[str, ...]
) -> dict[str, sql.Composable]:
    table, rows = sql.Identifier(layer.partition), sql.Identifier(f"rows_{number}")
    fresh = is_fresh(layer) if stale == "omit" else sql.SQL("true")
    where = sql.SQL(conditions[number] if conditions else "true")
    wanted = {"plain": fresh, "walk": sql.SQL("{} and {}").format(fresh, where)}
    return {
        "table": table,
        "rows": rows,
        "source": rows if how == "gather" else table,
        "reach": sql.Identifier(f"reach_{number}"),
        "k": sql.Literal(k),
        "walk": sql.Literal(max(_WALK, 20 * k)),
        "fresh": fresh,
        "where": where,
        "wanted": wanted.get(how, sql.SQL("true")),
        "layer": sql.Literal(layer.id),
        "days": sql.Literal(layer.freshness.days),
        "json": feature_text(layer),
        "lat_m": sql.Literal(_LAT_M),
        "lon_m": sql.Literal(_LON_M),
    }


async def nearest(
    db: Db,
    layers: tuple[Layer, ...],
    lon: float,
    lat: float,
    *,
    k: int,
    max_m: float | None = None,
    stale: Stale = "keep",
    scope: str | None = None,
    filters: Mapping[str, Filter] | None = None,
) -> bytes:
    """The k nearest features of each layer as the answer's JSON bytes, nearest first.

    `lon`, `lat` in WGS-84 degrees; distances in metres on the WGS-84 ellipsoid, bearings in
    degrees clockwise from north. Equal distances are ordered by layer and id. Closures that a
    straight line crosses are named with it. `filters` by layer: the k nearest that match.
    """
    values: dict[str, Any] = {"lon": lon, "lat": lat, "max_m": max_m, "scope": scope}
    conditions: tuple[str, ...] = ()
    how: How = "plain"
    if filters:
        of = [filters[layer.id] for layer in layers]
        conditions, how = tuple(f.condition for f in of), "walk"
        for one in of:
            values |= one.values
    shut = False
    while True:
        text = _statement(layers, k, stale, shut=shut, how=how, conditions=conditions)
        answer, *marks = await one_row(db, text, values)
        any_shut, found = (mark == b"t" for mark in marks)
        if found and not any_shut:
            assert answer is not None
            return answer
        shut, how = shut or any_shut, how if found else "gather"
