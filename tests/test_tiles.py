"""Tiles: every point in exactly one tile of each zoom, counts add up, the worst grade shows."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from mapbox_vector_tile import decode

from mapsvc import tiles
from mapsvc.catalog import Catalog
from mapsvc.errors import BadInput
from mapsvc.tiles import marks as making

BOX = (110.9, 27.6, 111.5, 28.2)


def covering(z: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of all tiles of a zoom that touch the box."""

    def column(lon: float) -> int:
        return int((lon + 180) / 360 * 2**z)

    def row(lat: float) -> int:
        y = math.asinh(math.tan(math.radians(lat)))
        return int((1 - y / math.pi) / 2 * 2**z)

    for x in range(column(BOX[0]), column(BOX[2]) + 1):
        for y in range(row(BOX[3]), row(BOX[1]) + 1):
            yield x, y


async def marks(conninfo: str, catalog: Catalog, layer: str, z: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        for x, y in covering(z):
            body = await tiles.points(db, catalog.layer(layer), z, x, y)
            if body:
                (content,) = decode(body).values()
                found += [
                    f["properties"] | ({"id": f["id"]} if f.get("id") else {})
                    for f in content["features"]
                ]
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("z", [5, 8, 9, 10, 11, 12, 13])
async def test_counts_add_up_at_every_low_zoom(
    demo_conninfo: str, catalog: Catalog, z: int
) -> None:
    with psycopg.connect(demo_conninfo) as db:
        depots = db.execute("select id, name, attrs->>'depot_kind' from feature_depots").fetchall()
    for layer, total in (("risk_points", 107), ("depots", 372)):
        found = await marks(demo_conninfo, catalog, layer, z)
        assert sum(m.get("count", 1) for m in found) == total
        singles = [(m["id"], m["name"], m.get("kind")) for m in found if "count" not in m]
        assert len(singles) == len(set(singles))
        assert not any(m.keys() & {"id", "name", "kind"} for m in found if "count" in m)
        assert layer != "depots" or set(singles) <= {tuple(d) for d in depots}
        assert singles or z < 10


@pytest.mark.anyio
async def test_every_point_stands_for_itself_at_high_zooms(
    demo_conninfo: str, catalog: Catalog
) -> None:
    found = await marks(demo_conninfo, catalog, "risk_points", 14)
    assert len({m["id"] for m in found}) == len(found) == 107
    with psycopg.connect(demo_conninfo) as db:
        true = dict(
            db.execute("select grade::int, count(*) from feature_risk_points group by 1").fetchall()
        )
    assert Counter(m["grade"] for m in found) == true


@pytest.mark.anyio
async def test_a_cell_shows_its_worst_grade(demo_conninfo: str, catalog: Catalog) -> None:
    found = await marks(demo_conninfo, catalog, "risk_points", 5)
    assert min(m["grade"] for m in found) == 1


@pytest.mark.anyio
async def test_points_on_a_tiles_edge_belong_to_one_tile(conninfo: str, catalog: Catalog) -> None:
    z, x, y = 13, 6625, 3435
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into feature (layer, name, geom) select 'forces', 'edge', p.geom from"
            " (select ST_Transform(ST_TileEnvelope(%s, %s, %s), 4326) g) t,"
            " lateral (select (ST_DumpPoints(g)).geom) p",
            [z, x, y],
        )
        count = db.execute("select count(*) from feature").fetchone()
    assert count == (5,)
    total = 0
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        for i in (x - 1, x, x + 1):
            for j in (y - 1, y, y + 1):
                body = await tiles.points(db, catalog.layer("forces"), z, i, j)
                for content in decode(body).values() if body else ():
                    total += sum(f["properties"].get("count", 1) for f in content["features"])
    assert total == 5


@pytest.mark.anyio
async def test_the_ground_has_its_layers(demo_conninfo: str) -> None:
    seen: Counter[str] = Counter()
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        for x, y in covering(11):
            body = await tiles.ground(db, 11, x, y)
            for name, content in decode(body).items() if body else ():
                seen[name] += len(content["features"])
        with pytest.raises(BadInput):
            await tiles.ground(db, 3, 8, 0)
    assert {"region", "region_label", "river", "water", "forest", "road"} <= seen.keys()


CHANGES = """
update feature set geom = ST_Translate(geom, 0.05, 0.02), version = version + 1,
    updated_at = clock_timestamp() where layer = 'risk_points' and id % 3 = 0;
update feature set grade = 1, version = version + 1, updated_at = clock_timestamp()
    where layer = 'risk_points' and id % 5 = 0;
delete from feature where layer = 'risk_points' and id % 7 = 0;
insert into feature (layer, code, name, geom)
    select 'risk_points', 'later' || n, '后来的点', ST_Point(111.0 + n * 0.01, 27.9, 4326)
    from generate_series(1, 20) n;
"""


def told(body: bytes) -> set[tuple[Any, ...]]:
    """What a tile says, whatever the order."""
    if not body:
        return set()
    (content,) = decode(body).values()
    return {
        (*f["geometry"]["coordinates"], *sorted(f["properties"].items()))
        for f in content["features"]
    }


@pytest.mark.anyio
async def test_a_past_moment_is_as_it_was(
    demo_copy: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = catalog.layer("risk_points")
    async with await psycopg.AsyncConnection.connect(demo_copy, autocommit=True) as db:
        wanted = [(z, x, y) for z in (5, 8, 9, 10, 11, 13) for x, y in covering(z)]
        then = [told(await tiles.points(db, layer, *at)) for at in wanted]
        moment = (await (await db.execute("select clock_timestamp()")).fetchone() or [None])[0]
        assert moment
        for _ in range(2):
            await db.execute(CHANGES.replace("'later'", f"'later{_}'").encode())
        now = [told(await tiles.points(db, layer, *at)) for at in wanted]
        past = [told(await tiles.points(db, layer, *at, as_of=moment)) for at in wanted]
        before = await tiles.points(
            db, layer, 5, *wanted[0][1:], as_of=datetime(2001, 1, 1, tzinfo=UTC)
        )
        monkeypatch.setattr(making, "MOST_SINCE", 0)
        counted = [told(await tiles.points(db, layer, *at, as_of=moment)) for at in wanted]
    assert past == then != now
    assert counted == then
    assert before == b""
