"""A database with as many features as asked, in the embedded cluster, and a service over it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from bench import parishes
from mapsvc.catalog import load_catalog
from mapsvc.cluster import running
from mapsvc.database import upgrade
from mapsvc.settings import PROJECT

PORT = int(os.environ.get("BENCH_PORT", "8399"))
PEER_PORT = PORT - 1
BOX = (111.0, 27.5, 111.6, 28.1)
TOKEN, TOWN_TOKEN = "bench", "bench-town"
QUIET = ["--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "65"]


@contextmanager
def database(count: int, box: tuple[float, ...] = BOX, *, settled: bool = False) -> Iterator[str]:
    """`count` depots over a county of 60 km (or a box), 80 % in clusters; dropped afterwards.

    `settled`: as dense as in the county wherever it is asked, in regions that have command posts.
    """
    with running(Path(".mapsvc-bench")) as cluster:
        name = f"bench_{os.getpid()}_{count}"
        with psycopg.connect(cluster.dsn, autocommit=True) as db:
            db.execute(f"create database {name}".encode())
        conninfo = make_conninfo(cluster.dsn, dbname=name)
        try:
            upgrade(conninfo, load_catalog(PROJECT / "layers"))
            with psycopg.connect(conninfo, autocommit=True) as db:
                _fill(db, count, box, settled)
            yield conninfo
        finally:
            _drop(cluster.dsn, name)


def _drop(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as db:
        for _ in range(60):
            try:
                db.execute(f"drop database {name} with (force)".encode())
                return
            except psycopg.errors.InsufficientPrivilege:
                time.sleep(1)  # an autovacuum worker is in it, and is not ours to end


def province(count: int) -> tuple[float, ...]:
    """A box of whole counties in which `count` features stand as densely as 10,000 in one."""
    side = parishes.COUNTY * max(1, round((count / 10_000) ** 0.5))
    return (108.5, 25.0, 108.5 + side, 25.0 + side) if side > parishes.COUNTY else BOX


def _fill(db: psycopg.Connection, count: int, box: tuple[float, ...], settled: bool) -> None:
    rng = np.random.default_rng(1)
    villages = parishes.settle(db, box) if settled else 0
    many = max(200, villages * 200 // 324)
    centres = rng.uniform(box[:2], box[2:], (many, 2))
    clustered = centres[rng.integers(0, many, count)] + rng.normal(0, 0.008, (count, 2))
    spread = rng.uniform(box[:2], box[2:], (count, 2))
    points = np.where(rng.random((count, 1)) < 0.8, clustered, spread)
    village = parishes.village_of(points, box) if settled else [None] * count
    if settled:
        points = parishes.bent(np.clip(points, box[:2], box[2:]))
    attrs = {
        "depot_kind": "综合库",
        "level": "村级",
        "address": "演示县演示镇演示村一组 12 号",
        "area": 120,
        "manager": "王某某",
        "manager_phone": "19900000000",
        "duty_phone": "0990-1234567",
        "items": [{"item": "编织袋", "quantity": 500, "unit": "条"}],
    }
    db.execute("create temp table draft (n int, x float8, y float8, village text)")
    with db.cursor() as cursor, cursor.copy("copy draft from stdin") as copy:
        for number, ((x, y), code) in enumerate(zip(points.tolist(), village, strict=True)):
            copy.write_row((number, x, y, code))
    db.execute(
        "insert into feature (layer, code, name, region_code, township_code, geom, attrs, search,"
        " verified_at) select 'depots', 'D' || n, '演示储备点' || n, village,"
        " coalesce(left(village, 9), ''), ST_Point(x, y, 4326), %s, '', current_date from draft",
        [Jsonb(attrs)],
    )
    sign_in(db)
    db.execute("vacuum analyze")


def sign_in(db: psycopg.Connection) -> None:
    """A planner whose token is TOKEN; where there are regions, a township with TOWN_TOKEN."""
    db.execute(
        "insert into account (username, password_hash, roles, region_code)"
        " select 'bench', '-', '{planner}'::text[], null"
        " union all (select 'town', '-', '{township}', code from region"
        " where level = 'township' order by code limit 1)"
    )
    db.execute(
        "insert into session (token_hash, username, expires_at)"
        " select sha256(token::bytea), username, now() + interval '1 day' from account"
        " join (values ('bench', %s), ('town', %s)) t (username, token) using (username)",
        [TOKEN, TOWN_TOKEN],
    )


@contextmanager
def service(conninfo: str) -> Iterator[int]:
    """`mapsvc serve` over the database, on PORT; gives its process id."""
    with peer(["mapsvc.cli", "serve", "--port", str(PORT)], conninfo, PORT) as pid:
        yield pid


@contextmanager
def by_hand(conninfo: str) -> Iterator[None]:
    """The hand-written endpoint over the same database, on PEER_PORT."""
    uvicorn = ["uvicorn", "bench.by_hand:app", "--port", str(PEER_PORT)]
    with peer([*uvicorn, *QUIET], conninfo, PEER_PORT):
        yield


@contextmanager
def peer(module: list[str], conninfo: str, port: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module], env={**os.environ, "MAPSVC_DATABASE_URL": conninfo}
    )
    try:
        for _ in range(1200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                    break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{module[0]} did not become ready")
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)
