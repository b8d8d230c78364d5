"""What lies within a circle, an area or along a line: features, counts, people, who answers for it.

Distances are those of the ellipsoid. Edges of an area are straight in longitude and latitude, as
GeoJSON has it. Counts and sums cover everything; the list of features may end, and then says so.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import shapely
from psycopg import sql
from shapely.geometry.base import BaseGeometry

from mapsvc import command
from mapsvc.catalog import GRADES, Catalog, Layer
from mapsvc.coordinates import to_wgs84
from mapsvc.database import Db, moment
from mapsvc.errors import BadInput, OutsideWorld
from mapsvc.features import feature_text, json_text, object_text
from mapsvc.filters import ALWAYS, Filter
from mapsvc.prepared import one_row
from mapsvc.regions import LEVEL_TITLES
from mapsvc.roads.lines import metres_per_degree
from mapsvc.shapes import drawn

MOST_LISTED = 10_000
"""Features of a layer that are listed, at most; counts go beyond."""
MOST_CHAINS = 60
"""Regions whose chain of command is told one by one; beyond, the next level up is told."""
WIDEST_M = 500_000.0
WIDEST_DEGREES = 10.0
AREAS = ("Polygon", "MultiPolygon", "LineString", "MultiLineString")
# One degree is at least so many metres: of latitude, and of longitude at the equator.
_LAT_M, _LON_M = 110_574.0, 111_132.0
_RADIUS_M = 6_350_000.0
"""Of the ellipsoid, at least."""
_THREATENED = {
    "people": "threatened_people",
    "households": "threatened_households",
    "property": "threatened_property",
}
_CLOSED = "已销号"


@dataclass(frozen=True, slots=True)
class _Region:
    code: str
    name: str
    level: str
    parent_code: str | None
    path: list[str]

    def told(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "name": self.name,
            "level": self.level,
            "level_title": LEVEL_TITLES[self.level],
            "parent_code": self.parent_code,
        }


@dataclass(frozen=True, slots=True)
class Around:
    """The place that is asked about, WGS-84: a shape, and how far from it (metres) still counts.

    `point`: the shape is a point, the place a circle.
    """

    shape: BaseGeometry
    within_m: float
    point: bool

    @property
    def how(self) -> str:
        return "point" if self.point else "line" if self.within_m else "area"

    def told(self) -> dict[str, Any]:
        """As a GeoJSON feature: the shape, and how far from it (`within_m`) still counts."""
        shape = shapely.geometry.mapping(self.shape)
        properties = {"kind": "area", "within_m": self.within_m}
        return {"type": "Feature", "geometry": shape, "properties": properties}


@dataclass(frozen=True, slots=True)
class Question:
    around: Around
    layers: tuple[Layer, ...]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    scope: str | None = None
    limit: int = MOST_LISTED


def circle(lon: float, lat: float, radius_m: float, crs: str = "wgs84") -> Around:
    """BadInput for a radius that is none or goes round the world."""
    if crs != "wgs84":
        lon, lat = (float(v) for v in to_wgs84(lon, lat, crs))
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutsideWorld(
            "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
        )
    if not 0 < radius_m <= WIDEST_M:
        raise BadInput(
            f"半径应大于 0，不超过 {WIDEST_M / 1000:,.0f} 公里。", code="radius_out_of_range"
        )
    return _checked(Around(shapely.Point(lon, lat), radius_m, point=True))


def area(geometry: Any, buffer_m: float | None, crs: str = "wgs84") -> Around:
    """A polygon, or a line with the width of its corridor to each side; a polygon may have one."""
    shape = drawn(geometry, kinds=AREAS, crs=crs)
    line = shape.geom_type.endswith("LineString")
    if line and buffer_m is None:
        raise BadInput("沿线查询请给出 buffer_m：线两侧各多少米，例如 500。", code="buffer_missing")
    if buffer_m is not None and not (0 if not line else 1e-9) <= buffer_m <= WIDEST_M:
        raise BadInput(
            f"buffer_m 应大于 0，不超过 {WIDEST_M:,.0f} 米。", code="buffer_out_of_range"
        )
    return _checked(Around(shape, buffer_m or 0.0, point=False))


def _checked(around: Around) -> Around:
    west, south, east, north = _box(around)
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise BadInput("范围越过了 180° 经线或极点，请缩小。", code="area_too_large")
    own = around.shape.bounds
    if max(own[2] - own[0], own[3] - own[1]) > WIDEST_DEGREES:
        raise BadInput(
            f"图形的跨度超过 {WIDEST_DEGREES:g} 度，请缩小；若本来不大，请检查是否写错了坐标。",
            code="area_too_large",
        )
    return around


def _box(around: Around) -> tuple[float, float, float, float]:
    """Degrees around all that can be within; never too small."""
    west, south, east, north = around.shape.bounds
    if around.within_m:
        up = around.within_m / _LAT_M * 1.01
        widest = min(89.9, max(abs(south), abs(north)) + up)
        aside = around.within_m / (_LON_M * math.cos(math.radians(widest))) * 1.01
        west, south, east, north = west - aside, south - up, east + aside, north + up
    return west, south, east, north


# What was asked stands in rows, not in the conditions: planned once, and not for every circle.
_SHAPE = """
shape as materialized (select ST_SetSRID(ST_GeomFromWKB(%(wkb)s), 4326) g),
box as materialized (
    select ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326) g)"""
_DISTANCE = "ST_Distance(f.geom::geography, (select g::geography from shape))"
# A condition that holds inside, and the metres from the shape.
_INSIDE = {
    "point": ("true", _DISTANCE),
    "line": (
        "ST_DWithin(f.geom::geography, (select g::geography from shape), %(within_m)s)",
        _DISTANCE,
    ),
    "area": ("ST_Intersects((select g from shape), f.geom)", "0::float8"),
}
_HITS = """
{hits} as materialized (
    select * from (
        select f.*, {distance} d,
            current_date - coalesce(f.verified_at, f.updated_at::date) age_days
        from {table} f where f.geom && (select g from box) and {inside} and {where}
    ) f where d <= %(within_m)s
)"""
_LISTED = """
(select {order} place, f.d, f.id, {feature} feature
from (select * from {hits} order by d, id limit {limit}) f
left join region r on r.code = f.region_code)"""
_COUNTED = """
(select json_build_object('total', count(*), 'listed', least(count(*), {limit}),
    'stale', count(*) filter (where age_days > {days}){grades})::text from {hits})"""
_ENDANGERED = """
select {people} people, {households} households, {property} property, count(*) points,
    count(*) filter (where not attrs ? {field}) unknown,
    count(*) filter (where attrs ->> 'status' = {closed}) closed,
    {people_closed} closed_people
from {hits}"""
_TOLD = """(select json_build_object('people', sum(people), 'households', sum(households),
    'property', sum(property), 'points', sum(points), 'points_without_figure', sum(unknown),
    'closed_points', sum(closed), 'closed_people', sum(closed_people))::text
    from ({endangered}) e)"""
_FEATURES = """
(select '[' || coalesce(string_agg(feature, ', ' order by d, place, id), '') || ']'
from ({listed}) l)"""

# Regions of which a part lies within, the smallest first. For a circle measured on the plane that
# touches the ellipsoid there, which is a hundred times quicker; where that is too close to call
# (`doubt`, a share of the radius), the ellipsoid decides.
_REGIONS = """
(select coalesce(json_agg(json_build_array(code, name, level, parent_code, path)
    order by cardinality(path) desc, code), '[]')
from {regions} r where r.geom && (select g from box) and {touched})"""
_NEAR = "ST_DWithin(r.geom::geography, (select g::geography from shape), %(within_m)s)"
_PLANAR = """(select *, ST_Distance(ST_Scale(geom, %(kx)s, %(ky)s),
    (select ST_Scale(g, %(kx)s, %(ky)s) from shape)) m from region
    where geom && (select g from box) offset 0)"""
_TOUCHED = {
    "point": f"""case when m <= %(within_m)s * (1 - %(doubt)s) then true
        when m > %(within_m)s * (1 + %(doubt)s) then false else {_NEAR} end""",
    "line": _NEAR,
    "area": """(ST_Intersects((select g from shape), r.geom)
        and not ST_Touches((select g from shape), r.geom))""",
}
# What the kept chains of command depend on.
_VERSIONS = """json_build_array((select version from layer where id = {posts}),
    (select value from setting where key = 'region_version'))"""
_ANSWER = """
with {ctes}
select {answer}, {totals}, {regions}, {versions}"""


@lru_cache(maxsize=256)
def _statement(
    layers: tuple[Layer, ...], how: str, conditions: tuple[str, ...], limit: int
) -> bytes:
    ctes: list[sql.Composable] = [sql.SQL(_SHAPE)]
    listed, endangered, totals = [], [], []
    counts: dict[str, sql.Composable] = {}
    for number, layer in enumerate(layers):
        names = _names(layer, number, how, conditions[number], limit)
        ctes.append(sql.SQL(_HITS).format(**names))
        listed.append(sql.SQL(_LISTED).format(**names))
        counts[layer.id] = sql.SQL(_COUNTED).format(**names)
        totals.append(sql.SQL("(select count(*) from {hits})").format(**names))
        if _endangers(layer):
            endangered.append(_threat(layer, names))
    union = sql.SQL(" union all ")
    told: sql.Composable = sql.SQL("'null'")
    if endangered:
        told = sql.SQL(_TOLD).format(endangered=union.join(endangered))
    answer = object_text(
        {
            "type": sql.Literal('"FeatureCollection"'),
            "features": sql.SQL(_FEATURES).format(listed=union.join(listed)),
            "counts": object_text(counts),
            "threatened": told,
            "asked_at": json_text("now()"),
        }
    )
    statement = sql.SQL(_ANSWER).format(
        ctes=sql.SQL(", ").join(ctes),
        answer=answer,
        totals=sql.SQL("json_build_array({})").format(sql.SQL(", ").join(totals)),
        regions=sql.SQL(_REGIONS).format(
            regions=sql.SQL(_PLANAR if how == "point" else "region"),
            touched=sql.SQL(_TOUCHED[how]),
        ),
        versions=sql.SQL(_VERSIONS).format(posts=sql.Literal(command.LAYER)),
    )
    return statement.as_bytes()


def _names(
    layer: Layer, number: int, how: str, condition: str, limit: int
) -> dict[str, sql.Composable]:
    inside, distance = _INSIDE[how]
    more = {
        "distance_m": sql.SQL("round(f.d::numeric, 3)"),
        "age_days": sql.SQL("f.age_days"),
        "stale": json_text(f"f.age_days > {layer.freshness.days}"),
    }
    return {
        "hits": sql.Identifier(f"hits_{number}"),
        "table": sql.Identifier(layer.partition),
        "order": sql.Literal(number),
        "days": sql.Literal(layer.freshness.days),
        "inside": sql.SQL(inside),
        "distance": sql.SQL(distance),
        "where": sql.SQL(condition),
        "grades": _grades(layer),
        "limit": sql.Literal(limit),
        "feature": feature_text(layer, more),
    }


def _grades(layer: Layer) -> sql.Composable:
    if layer.grade is None:
        return sql.SQL("")
    parts = [
        sql.SQL("{}, count(*) filter (where grade = {})").format(sql.Literal(name), rank)
        for rank, name in GRADES.items()
    ]
    return sql.SQL(
        ", 'grades', json_build_object({}), 'ungraded', count(*) filter (where grade is null)"
    ).format(sql.SQL(", ").join(parts))


def _endangers(layer: Layer) -> bool:
    return any(f.id == _THREATENED["people"] for f in layer.fields)


def _threat(layer: Layer, names: Mapping[str, sql.Composable]) -> sql.Composable:
    known = {f.id for f in layer.fields}

    def total(name: str, when: str = "true") -> sql.Composable:
        return sql.SQL(
            "coalesce(sum((attrs ->> {0})::float8)"
            " filter (where jsonb_typeof(attrs -> {0}) = 'number' and " + when + "), 0)"
        ).format(sql.Literal(name), closed=sql.Literal(_CLOSED))

    sums = {part: total(name if name in known else "") for part, name in _THREATENED.items()}
    return sql.SQL(_ENDANGERED).format(
        **sums,
        people_closed=total(_THREATENED["people"], "attrs ->> 'status' = {closed}"),
        field=sql.Literal(_THREATENED["people"]),
        closed=sql.Literal(_CLOSED),
        hits=names["hits"],
    )


async def within(db: Db, catalog: Catalog, ask: Question) -> bytes:
    """The answer of `POST /api/within` as JSON bytes: features nearest first, then who answers.

    One statement, unless posts or regions have changed since this process read them.
    """
    filters = [ask.filters.get(layer.id, ALWAYS) for layer in ask.layers]
    conditions = tuple(f.condition for f in filters)
    statement = _statement(ask.layers, ask.around.how, conditions, ask.limit)
    values = _values(ask.around) | {"scope": ask.scope}
    for one in filters:
        values |= one.values
    answer = await _answered(db, statement, values)
    book: command.Book | None = None
    leaves, notes = _leaves(answer.touched)
    ways = _ways(answer.touched, leaves)
    if ways and command.LAYER in catalog.ids:
        book = command.kept(command.edition(db, answer.versions, ways, ask.scope))
        if book is None:
            async with moment(db):
                answer = await _answered(db, statement, values)
                leaves, notes = _leaves(answer.touched)
                ways = _ways(answer.touched, leaves)
                wanted = command.edition(db, answer.versions, ways, ask.scope)
                book = await command.read_book(db, catalog.layer(command.LAYER), wanted)
    chains = [book.told(way) for way in ways] if book else []
    told = {
        "regions": [r.told() for r in answer.touched],
        "chain": [c.text for c in chains],
        "notes": [
            *_notes(ask, answer),
            *(notes if book else []),
            *dict.fromkeys(note for c in chains for note in c.vacant),
            *dict.fromkeys(note for c in chains for note in c.duty),
        ],
    }
    return answer.text[:-1] + b"," + msgspec.json.encode(told)[1:]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Features and counts as JSON; totals by layer; regions, smallest first; posts' edition."""

    text: bytes
    totals: list[int]
    touched: list[_Region]
    versions: list[Any]


async def _answered(db: Db, statement: bytes, values: dict[str, Any]) -> _Answer:
    text, *more = await one_row(db, statement, values)
    assert text is not None
    totals, regions, versions = (msgspec.json.decode(part or b"[]") for part in more)
    return _Answer(text, totals, [_Region(*r) for r in regions], versions)


def _values(around: Around) -> dict[str, Any]:
    box = dict(zip(("west", "south", "east", "north"), _box(around), strict=True))
    values: dict[str, Any] = {"within_m": around.within_m, **box}
    # A point's WKB is written by hand: shapely sets up a writer each time, for a tenth of the time
    # that the whole answer takes.
    if around.point:
        lon, lat, *_ = around.shape.bounds
        return values | {"wkb": struct.pack("<BIdd", 1, 1, lon, lat)} | _plane(lat, around.within_m)
    return values | {"wkb": shapely.to_wkb(around.shape)}


def _plane(lat: float, within_m: float) -> dict[str, float]:
    """Metres of a degree at the point, and how far off the plane may be, as a share of the radius.

    Meridians draw nearer to each other by the tangent of the latitude; towards the poles the plane
    is not asked.
    """
    east, north = metres_per_degree(np.array([lat]))
    angle = within_m / _RADIUS_M
    doubt = (
        0.002 + 2 * angle * (math.tan(math.radians(abs(lat))) + angle)
        if abs(lat) < 75
        else math.inf
    )
    return {"kx": float(east[0]), "ky": float(north[0]), "doubt": min(doubt, 1e6)}


def _notes(ask: Question, answer: _Answer) -> list[str]:
    cut = [
        f"{layer.title}共 {total:,} 个，只列出最近的 {ask.limit:,} 个"
        for layer, total in zip(ask.layers, answer.totals, strict=True)
        if total > ask.limit
    ]
    notes = [f"{'；'.join(cut)}；数量和人数是全部的。"] if cut else []
    if not answer.touched:
        notes.append("所画范围不在已载入的行政区内，无法给出责任链。")
    return notes


def _ways(touched: list[_Region], leaves: list[_Region]) -> list[list[dict[str, Any]]]:
    """Of each leaf itself and the regions above it."""
    known = {r.code: r for r in touched}
    return [[known[c].told() for c in reversed(r.path) if c in known] for r in leaves]


def _leaves(touched: list[_Region]) -> tuple[list[_Region], list[str]]:
    """The smallest regions touched; of too many the next level up, which a note says."""
    known = {r.code: r for r in touched}
    above = {r.parent_code for r in touched}
    leaves = [r for r in touched if r.code not in above]
    count = len(leaves)
    while len(leaves) > MOST_CHAINS:
        up = {r.parent_code if r.parent_code in known else r.code for r in leaves}
        if up == {r.code for r in leaves}:
            break
        leaves = [r for r in touched if r.code in up]
    if len(leaves) == count:
        return leaves, []
    level = LEVEL_TITLES[leaves[0].level]
    return leaves, [f"范围涉及 {count} 个基层区域，责任链按{level}列出；缩小范围可看到村（社区）。"]
