"""Where a place gets onto the road: the nearest edge that its vehicle may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsvc.database import Db
from mapsvc.errors import Unavailable
from mapsvc.roads.graph import Edges, Floats, Graph, Stands
from mapsvc.roads.rules import Profile

_SAME_M = 0.05
"""Edges within this of the nearest are equally near: all that meet in a junction."""
_CLOSE_M = 150.0
"""Most places are no farther from a road: all edges of that box are measured, which is quickest."""
_AROUND_M = (250.0, 1000.0, 5000.0, 25_000.0)
"""How far is looked where the nearest edges are closed, step by step up to the limit."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS-84 degrees."""

    lon: float
    lat: float


_PLACES = """
unnest(%(lon)s::float8[], %(lat)s::float8[], %(kx)s::float8[], %(ky)s::float8[], %(n)s::int[])
    p (lon, lat, kx, ky, n)"""

# Edges around a place, measured in metres on the plane that touches the ellipsoid at the place.
_MEASURED = """
select id, line, spot, ST_Distance(line, spot) off_m
from (
    select id, ST_Scale(geom, kx, ky) line,
        ST_SetSRID(ST_MakePoint(lon * kx, lat * ky), 4326) spot
    from road_edge
    where {profile} and geom && ST_MakeEnvelope(lon - ({reach}) / kx, lat - ({reach}) / ky,
        lon + ({reach}) / kx, lat + ({reach}) / ky, 4326)
) q"""

_CLOSE = """
select p.n, e.id, e.share, e.off_m
from {places} cross join lateral (
    select id, off_m, ST_LineLocatePoint(line, spot) share
    from (select *, min(off_m) over () least from ({measured}) m) r
    where off_m <= least + %(same)s and off_m <= %(most)s order by off_m, id limit 8
) e""".replace("{places}", _PLACES).replace("{measured}", _MEASURED.replace("{reach}", "%(most)s"))

# For places farther off. The index walks in degrees: its nearest edge bounds the search. The
# nearest in degrees is farther in metres than the true one by 1 / cos(latitude) at most.
_NEAREST = """
select p.n, e.id, e.share, e.off_m
from {places}
    cross join lateral (
        select ST_Distance(ST_Scale(r.geom, kx, ky),
            ST_SetSRID(ST_MakePoint(lon * kx, lat * ky), 4326)) m
        from (select geom from road_edge where {profile}
            order by geom <-> ST_SetSRID(ST_MakePoint(lon, lat), 4326) limit 1) r
    ) reach
    cross join lateral (
        select id, off_m, ST_LineLocatePoint(line, spot) share
        from (select *, min(off_m) over () least from ({measured}) m) r
        where off_m <= least + %(same)s order by off_m, id limit 8
    ) e
where reach.m <= %(most)s * 4 and e.off_m <= %(most)s""".replace("{places}", _PLACES).replace(
    "{measured}", _MEASURED.replace("{reach}", "reach.m + 1")
)

_ALL_AROUND = """
select p.n, e.id, ST_LineLocatePoint(line, spot), off_m
from {places} cross join lateral ({measured}) e
where off_m <= %(most)s order by p.n, off_m, e.id""".replace("{places}", _PLACES).replace(
    "{measured}", _MEASURED.replace("{reach}", "%(most)s")
)


async def snap(
    db: Db,
    graph: Graph,
    places: Sequence[Place],
    profile: Profile,
    closed: Edges,
    most_m: float,
) -> Stands:
    """Each place on its nearest usable edge, or on all that meet in the nearest point.

    A place farther than `most_m` metres from every edge stands on none. Nobody gets onto a
    `closed` edge.
    """
    asked = _Asked(db, graph, places, profile)
    every = list(range(len(places)))
    rows = await asked.rows(_CLOSE, every, min(_CLOSE_M, most_m))
    farther = sorted(set(every) - {row[0] for row in rows})
    if farther:
        rows += await asked.rows(_NEAREST, farther, most_m)
    if closed.any():
        nearest, rows = rows, [row for row in rows if not closed[row[1]]]
        # Left out here and not in the statement, where a list of thousands is slow.
        left = {row[0] for row in nearest} - {row[0] for row in rows}
        for around_m in _AROUND_M:
            if not left:
                break
            found = await asked.rows(_ALL_AROUND, sorted(left), min(around_m, most_m))
            rows += _nearest_of([row for row in found if not closed[row[1]]])
            left -= {row[0] for row in rows}
            if around_m >= most_m:
                break
    rows.sort()
    point = np.array([row[0] for row in rows], dtype=np.int64)
    off_m = np.full(len(places), np.inf)
    np.minimum.at(off_m, point, np.array([row[3] for row in rows], dtype=np.float64))
    edge = np.array([row[1] for row in rows], dtype=np.int32)
    return Stands(off_m, point, edge, np.array([row[2] for row in rows], dtype=np.float64))


_Row = tuple[int, int, float, float]
"""Which place, edge by its place in the graph, share of its length, metres off it."""


class _Asked:
    """The places of one question, in the forms that the statements take."""

    def __init__(self, db: Db, graph: Graph, places: Sequence[Place], profile: Profile) -> None:
        self.db, self.graph, self.profile = db, graph, profile
        self.lon = [p.lon for p in places]
        self.lat = [p.lat for p in places]
        east, north = metres_per_degree(np.array(self.lat, dtype=np.float64))
        self.kx, self.ky = east.tolist(), north.tolist()

    async def rows(self, statement: str, which: list[int], most_m: float) -> list[_Row]:
        columns: dict[str, Any] = {
            name: [getattr(self, name)[n] for n in which] for name in ("lon", "lat", "kx", "ky")
        }
        cursor = await self.db.execute(
            statement.replace("{profile}", self.profile).encode(),
            columns | {"n": which, "most": most_m, "same": _SAME_M},
        )
        first, count = self.graph.first_edge, len(self.graph.length_m)
        found = [(row[0], row[1] - first, row[2], row[3]) for row in await cursor.fetchall()]
        # Possible only inside a transaction that sees each statement's own moment.
        if any(not 0 <= row[1] < count for row in found):
            raise Unavailable("路网刚刚更新，请再查询一次。", code="roads_replaced")
        return found


def _nearest_of(rows: list[_Row]) -> list[_Row]:
    """Of rows by place and distance those that are nearest, or as near."""
    least: dict[int, float] = {}
    for n, _, _, off_m in rows:
        least.setdefault(n, off_m)
    return [row for row in rows if row[3] <= least[row[0]] + _SAME_M]


def metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Of longitude and of latitude, on the WGS-84 ellipsoid at these latitudes."""
    phi = np.radians(np.clip(lat, -89.9, 89.9))
    north = 111132.954 - 559.822 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    east = 111412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
    return east, north
