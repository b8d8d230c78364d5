"""Nearest equals a brute force over the ellipsoid (pyproj's Geod), wherever it is asked."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from psycopg import sql
from pyproj import Geod
from scipy.spatial import cKDTree

from mapsvc import arrivals, features, proximity
from mapsvc.catalog import Catalog
from mapsvc.database import Db, upgrade
from mapsvc.proximity import nearest
from mapsvc.roads import Place
from tests.conftest import Make

GEOD = Geod(ellps="WGS84")
Floats = NDArray[np.float64]


@dataclass
class Crowd:
    """Points of one layer as the test knows them, apart from the database."""

    ids: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    @cached_property
    def globe(self) -> cKDTree:
        return cKDTree(_on_globe(self.lon, self.lat))

    def nearest(self, lon: float, lat: float, k: int) -> list[tuple[int, float]]:
        """By Geod, over all points that could be among the k: through the globe, with a margin.

        The straight line through a sphere gives the distance on the ellipsoid to well within 2 %.
        """
        chord, _ = self.globe.query(_on_globe(lon, lat), min(k, len(self.ids)))
        near = self.globe.query_ball_point(_on_globe(lon, lat), np.max(chord) * 1.02 + 1e-9)
        ids, n = self.ids[near], len(near)
        _, _, metres = GEOD.inv(np.full(n, lon), np.full(n, lat), self.lon[near], self.lat[near])
        order = np.lexsort((ids, metres))[:k]
        return [(int(ids[i]), float(metres[i])) for i in order]


def _on_globe(lon: float | Floats, lat: float | Floats) -> Floats:
    """Points of a sphere of radius 1, as far apart as the arc between them is long."""
    x, y = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


@pytest.fixture(scope="module")
def crowds(make_database: Make, template: str, catalog: Catalog) -> tuple[str, dict[str, Crowd]]:
    """Three layers: one over the county, one clustered, one over all of China and beyond."""
    rng = np.random.default_rng(20261122)
    conninfo = make_database(template)
    upgrade(conninfo, catalog)
    shapes = {
        "depots": (rng.uniform(111.0, 111.5, 4000), rng.uniform(27.6, 28.1, 4000)),
        "forces": (rng.normal(111.2, 0.01, 3000), rng.normal(27.9, 0.01, 3000)),
        "risk_points": (rng.uniform(73, 179, 2000), rng.uniform(-60, 85, 2000)),
    }
    made: dict[str, Crowd] = {}
    with psycopg.connect(conninfo, autocommit=True) as db:
        for layer, (lon, lat) in shapes.items():
            rows = db.execute(
                "insert into feature (layer, name, geom)"
                " select %s, 'n', ST_Point(x, y, 4326) from unnest(%s::float8[], %s::float8[])"
                " as t (x, y) returning id, ST_X(geom), ST_Y(geom)",
                [layer, lon.tolist(), lat.tolist()],
            ).fetchall()
            columns = list(zip(*rows, strict=True))
            made[layer] = Crowd(np.array(columns[0]), np.array(columns[1]), np.array(columns[2]))
        db.execute("analyze")
    return conninfo, made


async def ask(
    db: Db, catalog: Catalog, layer: str, lon: float, lat: float, k: int
) -> list[tuple[int, float]]:
    body = await nearest(db, (catalog.layer(layer),), lon, lat, k=k)
    return [(r["id"], r["distance_m"]) for r in msgspec.json.decode(body)["results"]]


def agree(found: list[tuple[int, float]], true: list[tuple[int, float]]) -> None:
    assert len(found) == len(true)
    for (found_id, found_m), (true_id, true_m) in zip(found, true, strict=True):
        assert found_m == pytest.approx(true_m, abs=0.002)
        # Two points within a millimetre may stand in either order.
        assert found_id == true_id or abs(found_m - true_m) < 0.002


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("layer", "west", "east", "south", "north", "count"),
    [
        ("depots", 111.0, 111.5, 27.6, 28.1, 4000),
        ("depots", 110.5, 112.0, 27.2, 28.5, 2000),  # across the county's edge
        ("forces", 111.15, 111.25, 27.85, 27.95, 2500),
        ("risk_points", 73, 179, -60, 85, 1500),  # far apart: boxes of thousands of kilometres
    ],
)
async def test_nearest_equals_brute_force(
    crowds: tuple[str, dict[str, Crowd]],
    catalog: Catalog,
    layer: str,
    west: float,
    east: float,
    south: float,
    north: float,
    count: int,
) -> None:
    """10,000 queries in all."""
    conninfo, known = crowds
    rng = np.random.default_rng(count)
    queries = list(
        zip(
            rng.uniform(west, east, count).tolist(),
            rng.uniform(south, north, count).tolist(),
            rng.integers(1, 12, count).tolist(),
            strict=True,
        )
    )

    async def some(part: list[tuple[float, float, int]]) -> None:
        async with await psycopg.AsyncConnection.connect(
            conninfo, autocommit=True, prepare_threshold=1
        ) as db:
            await db.execute("set jit = off")
            for lon, lat, k in part:
                agree(await ask(db, catalog, layer, lon, lat, k), known[layer].nearest(lon, lat, k))

    await asyncio.gather(*(some(queries[n::4]) for n in range(4)))


@pytest.mark.anyio
async def test_k_larger_than_the_layer_gives_all_of_it(
    crowds: tuple[str, dict[str, Crowd]], catalog: Catalog, db: Db
) -> None:
    await db.execute(
        "insert into feature (layer, name, geom) select 'depots', 'n',"
        " ST_Point(111 + i, 27 + i / 10.0, 4326) from generate_series(1, 7) i"
    )
    found = await ask(db, catalog, "depots", 111, 27, proximity.MOST)
    assert len(found) == 7
    assert [m for _, m in found] == sorted(m for _, m in found)
    assert await ask(db, catalog, "forces", 111, 27, 10) == []


@pytest.mark.anyio
async def test_layers_are_merged_in_order_and_max_m_cuts(
    crowds: tuple[str, dict[str, Crowd]], catalog: Catalog
) -> None:
    conninfo, known = crowds
    layers = tuple(catalog.layer(n) for n in ("depots", "forces"))
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        everything = msgspec.json.decode(await nearest(db, layers, 111.2, 27.9, k=50))["results"]
        near = msgspec.json.decode(await nearest(db, layers, 111.2, 27.9, k=50, max_m=600))
    true = sorted(
        m for name in ("depots", "forces") for _, m in known[name].nearest(111.2, 27.9, 50)
    )
    assert [r["distance_m"] for r in everything] == pytest.approx(true, abs=0.002)
    assert [r["distance_m"] for r in near["results"]] == pytest.approx(
        [m for m in true if m <= 600], abs=0.002
    )


@pytest.mark.anyio
async def test_bearing_is_the_geodesics(
    crowds: tuple[str, dict[str, Crowd]], catalog: Catalog
) -> None:
    conninfo, _ = crowds
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        body = await nearest(db, (catalog.layer("depots"),), 111.2, 27.9, k=30)
    for hit in msgspec.json.decode(body)["results"]:
        lon, lat = hit["feature"]["geometry"]["coordinates"]
        azimuth, _, _ = GEOD.inv(111.2, 27.9, lon, lat)
        assert hit["bearing_deg"] == pytest.approx(azimuth % 360, abs=0.1)


@pytest.mark.anyio
async def test_one_statement_and_the_index_is_walked(
    crowds: tuple[str, dict[str, Crowd]], catalog: Catalog
) -> None:
    conninfo, _ = crowds
    statement = proximity._statement((catalog.layer("depots"),), 10, "keep", shut=False)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        wanted = {"lon": 111.2, "lat": 27.9, "max_m": None, "scope": None}
        plan = await (await db.execute(b"explain " + statement, wanted)).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert text.count("feature_depots_geom_idx") == 2
    assert "Seq Scan on feature" not in text


@pytest.mark.anyio
async def test_single_features_are_found_by_their_key(
    crowds: tuple[str, dict[str, Crowd]], catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by its number, its history, those of a ranking by road: none reads the layer whole."""
    conninfo, known = crowds
    layer, number = catalog.layer("depots"), int(known["depots"].ids[7])
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        plans: list[str] = []
        usual = psycopg.AsyncConnection.execute

        async def explained(self: Db, query: Any, values: Any = None, **also: Any) -> Any:
            if self is db and "feature_depots" in (text := sql.as_string(query, self)):
                plan = await usual(self, f"explain {text}".encode(), values)
                plans.append("\n".join(row[0] for row in await plan.fetchall()))
            return await usual(self, query, values, **also)

        monkeypatch.setattr(psycopg.AsyncConnection, "execute", explained)
        await features.one(db, layer, number, None)
        await features.history(db, layer, number, None)
        await arrivals.ranked(db, arrivals.Question(Place(111.2, 27.9), (layer,), 3))
    assert len(plans) == 3
    assert not [plan for plan in plans if "Seq Scan on feature_depots" in plan]
