"""A never-seen tile and a kept one, against raw ST_AsMVT, a stored grid, and tipg if installed."""

import http.client
import importlib.util
import itertools
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import psycopg

from bench import county, measure
from mapsvc.catalog import load_catalog
from mapsvc.settings import PROJECT
from mapsvc.tiles import marks

PROVINCE = (108.5, 25.0, 114.0, 30.0)
ZOOMS = (6, 8, 9, 10, 11, 12, 13, 14)
TIPG_PORT = county.PORT + 2
VIEW = 24

# What one would write by hand: all points of the tile, and nothing stored beside the features.
PLAIN = """
select ST_AsMVT(t, 'depots', 4096, 'geom') from (
    select id, name, grade, ST_AsMVTGeom(ST_Transform(geom, 3857), e, 4096, 0, true) geom
    from feature_depots, (select ST_TileEnvelope(%(z)s, %(x)s, %(y)s) e) b
    where geom && ST_Transform(e, 4326)) t"""
NARROW = PLAIN.replace("feature_depots", "narrow").replace("name, ", "")
# 64 squares a side, as fine as a screen's pixels allow.
LIVE = """
with m as (
    select grade, ST_Transform(geom, 3857) g, ST_XMin(e) w, ST_YMin(e) s, ST_XMax(e) - ST_XMin(e) d
    from narrow, (select ST_TileEnvelope(%(z)s, %(x)s, %(y)s) e) b
    where geom && ST_Transform(e, 4326)
), c as (
    select count(*) count, min(grade) grade, avg(ST_X(g)) x, avg(ST_Y(g)) y, min(w) w, min(s) s,
        min(d) d from m group by floor((ST_X(g) - w) / d * 64), floor((ST_Y(g) - s) / d * 64)
)
select ST_AsMVT(t, 'depots', 4096, 'geom') from (
    select count, grade, ST_Point((x - w) / d * 4096, 4096 - (y - s) / d * 4096) geom from c) t"""
STORED = """
select ST_AsMVT(t, 'depots', 4096, 'geom') from (
    select many count, grade, ST_Point((x - %(w)s) * %(k)s, (y - %(n)s) * %(k)s) geom
    from {grid} where z = %(z)s and tx = %(x)s and ty = %(y)s) t"""


def prepare(db: psycopg.Connection) -> None:
    """What the best hand-written SQL would keep: a narrow copy, and grids of two finenesses."""
    db.execute("create table narrow as select id, grade, geom from feature_depots")
    db.execute("create index on narrow using gist (geom)")
    for side in (8, 64):
        bits = side.bit_length() - 1
        db.execute(
            f"create table grid{side} as select z, tx, ty, count(*) many, min(grade) grade,"
            " avg(x) x, avg(y) y from (select z, x, y, grade, x >> (31 - z) tx, y >> (31 - z) ty,"
            f" x >> ({31 - bits} - z) cx, y >> ({31 - bits} - z) cy from (select grade,"
            " world_column(ST_X(geom)) x, world_row(ST_Y(geom)) y from narrow) p,"
            " unnest(array[6, 8, 9, 10, 11]) z) q group by z, tx, ty, cx, cy".encode()
        )
        db.execute(f"create index on grid{side} (z, tx, ty)".encode())
    db.execute("vacuum analyze")


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(y * 2**z)


def places(z: int, box: tuple[float, ...]) -> Iterator[tuple[int, int]]:
    """Tiles all over the box, hardly one twice."""
    rng = np.random.default_rng(z)
    while True:
        yield tile_of(*rng.uniform(box[:2], box[2:]).tolist(), z)


def few(z: int, box: tuple[float, ...]) -> Iterator[tuple[int, int]]:
    """The same few tiles again and again."""
    return itertools.cycle(itertools.islice(places(z, box), 5))


def views(z: int, box: tuple[float, ...]) -> Iterator[str]:
    """Tiles all over the box again, as many at a time as a screen shows."""
    where = places(z, box)
    while True:
        yield ",".join(f"{x}.{y}" for x, y in itertools.islice(where, VIEW))


def values(z: int, x: int, y: int) -> dict[str, float]:
    size = 2.0 ** (31 - z)
    return {"z": z, "x": x, "y": y, "w": x * size, "n": y * size, "k": 4096 / size}


def in_sql(db: psycopg.Connection, statement: str, z: int, box: tuple[float, ...]) -> Callable:
    where = places(z, box)

    def call() -> object:
        return db.execute(statement, values(z, *next(where)), binary=True).fetchone()

    return call


def ours_in_sql(db: psycopg.Connection, z: int, box: tuple[float, ...]) -> Callable:
    layer = load_catalog(PROJECT / "layers").layer("depots")
    where = places(z, box)
    db.execute("set plan_cache_mode = force_generic_plan")

    def call() -> object:
        return db.execute(*marks.statement(layer, z, *next(where)), binary=True).fetchone()

    return call


def over_http(port: int, path: str, where: Iterator[Any], z: int) -> Callable:
    """`path` with {x} and {y} of a tile, or {at} of many."""
    link = http.client.HTTPConnection("127.0.0.1", port)

    def call() -> object:
        at = next(where)
        x, y = at if isinstance(at, tuple) else (0, 0)
        link.request(
            "GET",
            path.format(z=z, x=x, y=y, at=at),
            headers={"Authorization": f"Bearer {county.TOKEN}"},
        )
        answer = link.getresponse()
        body = answer.read()
        assert answer.status in (200, 204), body
        return body

    return call


def has_tipg() -> bool:
    return importlib.util.find_spec("tipg") is not None


@contextmanager
def tipg(conninfo: str) -> Iterator[int | None]:
    """tipg over the typed views, where it is installed (`uv pip install tipg`); else nothing."""
    if not has_tipg():
        yield None
        return
    os.environ["TIPG_MAX_FEATURES_PER_TILE"] = "2000000"
    command = ["uvicorn", "bench.tipg_peer:app", "--port", str(TIPG_PORT), *county.QUIET]
    with county.peer(command, conninfo, TIPG_PORT):
        yield TIPG_PORT


def run(count: int = 1_000_000, box: tuple[float, ...] = PROVINCE) -> None:
    with (
        county.database(count, box) as conninfo,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as db,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as own,
        county.service(conninfo),
        tipg(conninfo) as tipg_port,
    ):
        db.execute("set jit = off")
        prepare(db)
        for z in ZOOMS:
            _compare(db, own, z, box, tipg_port)
        _compare_past(db, own, box)


def _compare(
    db: psycopg.Connection,
    own: psycopg.Connection,
    z: int,
    box: tuple[float, ...],
    tipg_port: int | None,
) -> None:
    times = {6: 6, 8: 10, 9: 20}.get(z, 60)
    best = {"all points": PLAIN, "all points, narrow table": NARROW, "64x64 grid live": LIVE}
    if z <= 11:
        best["64x64 grid stored"] = STORED.format(grid="grid64")
        best["8x8 grid stored, without names"] = STORED.format(grid="grid8")
    calls = {name: in_sql(db, sql, z, box) for name, sql in best.items()}
    calls["ours, SQL alone"] = ours_in_sql(own, z, box)
    ours = "/tiles/depots/{z}/{x}/{y}.mvt"
    # A version that nobody has heard of is made anew each time.
    calls["GET /healthz"] = over_http(county.PORT, "/healthz", few(z, box), z)
    calls["GET /tiles, never seen"] = over_http(
        county.PORT, ours + "?v=999999999", places(z, box), z
    )
    calls["GET /tiles, kept"] = over_http(county.PORT, ours, few(z, box), z)
    many = over_http(county.PORT, "/tiles/depots/{z}.mvts?v=999999999&at={at}", views(z, box), z)
    calls[f"GET /tiles, a view of {VIEW}, never seen, a tile"] = many
    if tipg_port:
        path = "/collections/ogc.depots/tiles/WebMercatorQuad/{z}/{x}/{y}"
        calls["tipg, all points"] = over_http(tipg_port, path, places(z, box), z)
    found = measure.interleaved(calls, times=times, rounds=3)
    found = {name: ms / VIEW if "a view" in name else ms for name, ms in found.items()}
    floor = min(found[name] for name in best if "8x8" not in name)
    measure.table(
        f"Tile of zoom {z}",
        ["what", "p50 ms", "x best SQL"],
        [[name, f"{ms:.3f}", f"{ms / floor:.2f}"] for name, ms in found.items()],
    )


CHANGED = """
update feature set geom = ST_Translate(geom, 0.01, 0), version = version + 1,
    updated_at = clock_timestamp() where layer = 'depots' and id % 200 = 0"""


def _compare_past(db: psycopg.Connection, own: psycopg.Connection, box: tuple[float, ...]) -> None:
    """A moment since which one point in 200 has moved: counted anew, and as today's less that."""
    (moment,) = db.execute("select clock_timestamp()").fetchone() or (None,)
    db.execute(CHANGED)
    db.execute("vacuum analyze feature_depots")
    own.execute("set plan_cache_mode = auto")
    layer = load_catalog(PROJECT / "layers").layer("depots")
    rows = []
    for z in (5, 6, 8, 9, 10, 11):
        where = places(z, box)

        def call(count: bool, z: int = z, where: Iterator[tuple[int, int]] = where) -> object:
            at = next(where)
            return own.execute(
                *marks.statement(layer, z, *at, as_of=moment, count=count), binary=True
            ).fetchone()

        found = measure.interleaved(
            {"counted": partial(call, True), "ours": partial(call, False)}, times=6, rounds=3
        )
        share = found["counted"] / found["ours"]
        rows.append([str(z), f"{found['counted']:.0f}", f"{found['ours']:.1f}", f"{share:.1f}x"])
    measure.table("A past tile", ["zoom", "points counted ms", "ours ms", "times"], rows)


if __name__ == "__main__":
    run()
