"""Nearest 10 over HTTP against the SQL beneath it and what one would write by hand."""

import http.client
import itertools
from collections.abc import Callable

import geopandas
import numpy as np
import psycopg
import shapely

from bench import county, measure

# The bare minimum that is right in practice: more candidates than needed by degrees, re-ranked.
FLOOR = """
select id, code, name, attrs, ST_X(geom), ST_Y(geom),
    ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
from (select * from feature_depots order by geom <-> ST_Point(%(lon)s, %(lat)s, 4326) limit 40) q
order by d limit 10"""


def places() -> itertools.cycle:
    rng = np.random.default_rng(2)
    low, high = county.BOX[:2], county.BOX[2:]
    return itertools.cycle(map(tuple, rng.uniform(low, high, (997, 2)).tolist()))


def over_http(port: int) -> Callable[[], bytes]:
    link = http.client.HTTPConnection("127.0.0.1", port)
    where = places()

    def call() -> bytes:
        lon, lat = next(where)
        link.request(
            "GET",
            f"/api/nearest?lon={lon:.6f}&lat={lat:.6f}&layers=depots&k=10",
            headers={"Authorization": f"Bearer {county.TOKEN}"},
        )
        answer = link.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    return call


def in_sql(db: psycopg.Connection, statement: str) -> Callable[[], object]:
    where = places()

    def call() -> object:
        lon, lat = next(where)
        return db.execute(statement.encode(), {"lon": lon, "lat": lat}).fetchall()

    return call


def in_geopandas(db: psycopg.Connection) -> Callable[[], object]:
    rows = db.execute("select id, ST_X(geom), ST_Y(geom) from feature_depots").fetchall()
    frame = geopandas.GeoDataFrame(
        {"id": [r[0] for r in rows]},
        geometry=shapely.points([r[1] for r in rows], [r[2] for r in rows]),
        crs=4326,
    ).to_crs(4546)
    where = places()

    def call() -> object:
        point = geopandas.GeoSeries(shapely.points([next(where)]), crs=4326).to_crs(4546)
        return frame.distance(point.iloc[0]).nsmallest(10)

    return call


def run(count: int) -> None:
    with (
        county.database(count) as conninfo,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as db,
        county.service(conninfo),
        county.by_hand(conninfo),
    ):
        db.execute("set jit = off")
        db.execute("create index on feature_depots using gist ((geom::geography))")
        found = measure.interleaved(
            {
                "SQL alone, 40 by degrees re-ranked (floor)": in_sql(db, FLOOR),
                "GET /api/nearest": over_http(county.PORT),
                "hand-written endpoint, rows to dict": over_http(county.PEER_PORT),
                "geopandas distance().nsmallest(), in process": in_geopandas(db),
            },
            times=60,
            rounds=15,
        )
        floor = next(iter(found.values()))
        measure.table(
            f"Nearest 10 of {count:,} depots, one client",
            ["what", "p50 ms", "x floor"],
            [[name, f"{ms:.3f}", f"{ms / floor:.2f}"] for name, ms in found.items()],
        )
