"""The squares that low zooms are made of, the tiles kept in memory: right after every change."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from mapbox_vector_tile import decode

from mapsvc import live, tiles
from mapsvc.catalog import Catalog, Layer
from mapsvc.database import Db, make_pool
from mapsvc.settings import Settings
from mapsvc.tiles import address
from tests.conftest import Signed

KEPT = "select * from feature_cell where many <> 0 order by layer, level, cell"
ADD = """insert into feature (layer, name, geom, grade)
    select case when i %% 3 = 0 then 'forces' else 'risk_points' end, 'n' || i,
        ST_Point(111 + random() * 0.5, 27.6 + random() * 0.5, 4326), nullif(i %% 5, 0)
    from generate_series(1, (%s)::int) i"""


@pytest.mark.anyio
async def test_cells_are_what_counting_anew_would_give(db: Db) -> None:
    dice = random.Random(7)
    await db.execute("select setseed(0.3)")
    changes = (
        ADD % "7 + random() * 20",
        "update feature set grade = 1 + id %% 4, version = version + 1 where {where}",
        "update feature set geom = ST_Point(112, 27, 4326), version = version + 1 where {where}",
        "update feature set name = name || 'x', version = version + 1 where {where}",
        "delete from feature where {where} and random() < 0.4",
    )
    for _ in range(40):
        statement = dice.choice(changes).format(where=f"id % {dice.randint(2, 9)} = 0")
        await db.execute(statement.replace("%%", "%").encode())
    kept = await (await db.execute(KEPT)).fetchall()
    await db.execute("select feature_cells_recounted()")
    assert kept == await (await db.execute(KEPT)).fetchall()
    assert len(kept) > 100


@pytest.mark.anyio
async def test_one_moved_point_touches_few_squares(db: Db) -> None:
    await db.execute((ADD % 1).encode())
    await db.execute("update feature set geom = ST_Point(100, 30, 4326), version = version + 1")
    touched = await (
        await db.execute("select count(*), count(*) filter (where many = 0) from feature_cell")
    ).fetchone()
    assert touched is not None
    assert touched[0] <= 15
    assert touched[1] <= 6


@pytest.mark.anyio
@pytest.mark.parametrize("place", [(0.0, 0.0), (180.0, 90.0), (-180.0, -90.0), (111.09375, 27.0)])
async def test_python_and_the_database_number_squares_alike(
    db: Db, place: tuple[float, float]
) -> None:
    for z in (3, 8, 14):
        row = await (
            await db.execute(
                "select cell_number(world_column(%s) >> %s, world_row(%s) >> %s)",
                [place[0], 31 - z, place[1], 31 - z],
            )
        ).fetchone()
        assert row == (address.number(*address.containing(*place, z)),)


@asynccontextmanager
async def kept_tiles(conninfo: str) -> AsyncIterator[tuple[tiles.TileCache, live.Feed]]:
    pool = make_pool(conninfo, Settings(pool_size=3))
    await pool.open()
    cache = tiles.TileCache(pool, pool)
    feed = live.Feed(conninfo, pool, [cache])
    async with feed.running():
        while not cache._hears:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        yield cache, feed
    await pool.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def counted(tile: tiles.Tile) -> int:
    found = decode(tile.body) if tile.body else {}
    return sum(f["properties"].get("count", 1) for c in found.values() for f in c["features"])


@pytest.fixture
def forces(catalog: Catalog) -> Layer:
    return catalog.layer("forces")


POINT = "insert into feature (layer, name, geom) values ('forces', 'p', ST_Point(%s, %s, 4326))"


@pytest.mark.anyio
async def test_a_change_drops_the_tiles_that_hold_it_and_no_other(
    conninfo: str, db: Db, forces: Layer
) -> None:
    here, there = (111.2, 27.9), (112.9, 27.9)
    await db.execute(POINT.encode(), there)
    async with kept_tiles(conninfo) as (cache, _):
        for z in (2, 9, 15):
            one, other = address.containing(*here, z), address.containing(*there, z)
            before = await cache.points(forces, z, *one)
            away = await cache.points(forces, z, *other)
            assert await cache.points(forces, z, *one) is before
            await db.execute(POINT.encode(), here)

            async def follows(
                z: int = z, one: tuple[int, int] = one, was: int = counted(before)
            ) -> bool:
                return counted(await cache.points(forces, z, *one)) == was + 1

            await until(follows)
            assert (await cache.points(forces, z, *other) is away) is (one != other)
        await db.execute("update feature set geom = ST_Point(111.2, 27.9, 4326), version = 2")
        everything = address.containing(*there, 9)

        async def empty() -> bool:
            return counted(await cache.points(forces, 9, *everything)) == 0

        await until(empty)


@pytest.mark.anyio
async def test_who_knows_of_a_newer_version_never_gets_an_older_tile(
    conninfo: str, db: Db, forces: Layer
) -> None:
    async with kept_tiles(conninfo) as (cache, _):
        at = address.containing(111.2, 27.9, 9)
        assert counted(await cache.points(forces, 9, *at)) == 0
        cache.heard = lambda *_: None  # type: ignore[method-assign]
        await db.execute(POINT.encode(), (111.2, 27.9))
        assert counted(await cache.points(forces, 9, *at)) == 0
        assert counted(await cache.points(forces, 9, *at, version=1)) == 1


@pytest.mark.anyio
async def test_nothing_is_kept_while_nothing_is_heard_and_the_cap_holds(
    conninfo: str, db: Db, forces: Layer
) -> None:
    async with kept_tiles(conninfo) as (cache, _):
        at = address.containing(111.2, 27.9, 9)
        kept = await cache.points(forces, 9, *at)
        past = await cache.points(forces, 9, *at, as_of=datetime(2020, 1, 1, tzinfo=UTC))
        assert await cache.points(forces, 9, *at) is kept
        cache.deaf()
        assert await cache.points(forces, 9, *at) is not await cache.points(forces, 9, *at)
        cache.hearing({})
        again = await cache.points(forces, 9, *at, as_of=datetime(2020, 1, 1, tzinfo=UTC))
        assert again.body == past.body
        cache._most = 1000
        for x in range(20):
            await cache.points(forces, 9, x, 0)
        assert cache._bytes <= 1000
        assert len(cache._kept) == 3


def test_a_tile_that_has_not_changed_is_not_sent_again(signed: Signed) -> None:
    client = signed("command")
    first = client.get("/tiles/depots/8/206/107.mvt")
    again = client.get(
        "/tiles/depots/8/206/107.mvt", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def frames(body: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        found.append(body[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def test_a_view_of_tiles_is_one_answer(signed: Signed) -> None:
    client = signed("command")
    places = [(827, 428), (828, 429), (828, 428), (0, 0)]
    at = ",".join(f"{x}.{y}" for x, y in places)
    for kind in ("risk_points", "base"):
        alone = [client.get(f"/tiles/{kind}/10/{x}/{y}.mvt").content for x, y in places]
        answer = client.get(f"/tiles/{kind}/10.mvts", params={"at": at})
        assert frames(answer.content) == alone
        assert any(alone)
    kept = client.get("/tiles/risk_points/10.mvts", params={"at": at, "v": 1})
    past = client.get("/tiles/risk_points/10.mvts", params={"at": at, "as_of": "2020-01-01"})
    for answer in (kept, past):
        assert "max-age=86400" in answer.headers["cache-control"]
    assert frames(past.content) == [b""] * 4


def test_a_view_survives_connections_that_died(signed_copy: Signed, demo_copy: str) -> None:
    """A database that was restarted leaves dead ones in the pool."""
    client = signed_copy("command")
    # A version not heard of yet: the answer is made anew, whatever is kept.
    ask = {"at": "827.428,828.429,828.428", "v": 2**40}
    whole = frames(client.get("/tiles/depots/10.mvts", params=ask).content)
    assert any(whole)
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    answer = client.get("/tiles/depots/10.mvts", params=ask)
    assert answer.status_code == 200, answer.text
    assert frames(answer.content) == whole


@pytest.mark.parametrize(
    "at", ["", "1", "1.2,", "1.2;3.4", "-1.2", "1024.0", ",".join(["1.1"] * 151)]
)
def test_a_view_that_is_none_is_refused(signed: Signed, at: str) -> None:
    answer = signed("command").get("/tiles/depots/10.mvts", params={"at": at})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
