"""Where a place gets onto the road: the nearest edge that its vehicle may use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapsvc.database import Db
from mapsvc.errors import Unavailable
from mapsvc.roads.graph import Edges, Graph, Stands
from mapsvc.roads.rules import Profile


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS-84 degrees."""

    lon: float
    lat: float


# The index walks in degrees: its nearest edge bounds the search. Inside a box of that reach the
# edges are measured in metres, on the plane that touches the ellipsoid at the place.
_SNAP = """
select p.n, e.id, e.share, e.off_m
from unnest(%(lon)s::float8[], %(lat)s::float8[], %(kx)s::float8[], %(ky)s::float8[])
        with ordinality p (lon, lat, kx, ky, n)
    cross join lateral (
        select ST_Distance(ST_Scale(r.geom, kx, ky),
            ST_SetSRID(ST_MakePoint(lon * kx, lat * ky), 4326)) m
        from (
            select geom from road_edge where {profile} and id <> all(%(closed)s::bigint[])
            order by geom <-> ST_SetSRID(ST_MakePoint(lon, lat), 4326) limit 1
        ) r
    ) reach
    cross join lateral (
        select r.id, r.off_m, ST_LineLocatePoint(line, spot) share
        from (
            select id, line, spot, ST_Distance(line, spot) off_m,
                min(ST_Distance(line, spot)) over () least
            from (
            select id, ST_Scale(geom, kx, ky) line,
                ST_SetSRID(ST_MakePoint(lon * kx, lat * ky), 4326) spot
            from road_edge
            where {profile} and id <> all(%(closed)s::bigint[])
                and geom && ST_MakeEnvelope(lon - (reach.m + 1) / kx, lat - (reach.m + 1) / ky,
                    lon + (reach.m + 1) / kx, lat + (reach.m + 1) / ky, 4326)
            ) q
        ) r
        where off_m <= least + 0.05
        order by off_m, r.id limit 8
    ) e
-- The nearest in degrees is farther in metres than the true one by 1 / cos(latitude) at most.
where reach.m <= %(most)s * 4 and e.off_m <= %(most)s"""


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
    lon = np.array([p.lon for p in places])
    lat = np.array([p.lat for p in places])
    kx, ky = metres_per_degree(lat)
    cursor = await db.execute(
        _SNAP.format(profile=profile).encode(),
        {
            "lon": lon.tolist(),
            "lat": lat.tolist(),
            "kx": kx.tolist(),
            "ky": ky.tolist(),
            "closed": (np.flatnonzero(closed) + graph.first_edge).tolist(),
            "most": most_m,
        },
    )
    rows = await cursor.fetchall()
    point = np.array([row[0] - 1 for row in rows], dtype=np.int64)
    off_m = np.full(len(places), np.inf)
    np.minimum.at(off_m, point, np.array([row[3] for row in rows], dtype=np.float64))
    # Possible only inside a transaction that sees each statement's own moment.
    if any(not 0 <= row[1] - graph.first_edge < len(graph.length_m) for row in rows):
        raise Unavailable("路网刚刚更新，请再查询一次。", code="roads_replaced")
    edge = np.array([row[1] - graph.first_edge for row in rows], dtype=np.int32)
    share = np.array([row[2] for row in rows], dtype=np.float64)
    return Stands(off_m, point, edge, share)


def metres_per_degree(lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of longitude and of latitude, on the WGS-84 ellipsoid at these latitudes."""
    phi = np.radians(np.clip(lat, -89.9, 89.9))
    north = 111132.954 - 559.822 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    east = 111412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
    return east, north
