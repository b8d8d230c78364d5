"""Travel equals an independent shortest path: networkx over the file itself, closures included."""

import json
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import shapely

from mapsvc import roads
from mapsvc.database import Db
from mapsvc.roads import Place, closures, loading, osm
from tests import road_peer
from tests.aside import run
from tests.conftest import SHARED, Make

EVENTS, PLACES = 20, 50
"""1,000 pairs."""


NOWHERE = shapely.Point()


@dataclass(frozen=True)
class Town:
    """A database with a network, the file it came from, an area to close across its middle."""

    conninfo: str
    file: Path | None
    shut: shapely.Geometry

    def peer(self, shut: shapely.Geometry = NOWHERE) -> road_peer.Peer:
        """From the file where there is one. Closures shut whole edges: those come from the rows."""
        if self.file and shut.is_empty:
            return road_peer.read(self.file)
        with psycopg.connect(self.conninfo) as db:
            return road_peer.from_rows(db, shut)


@pytest.fixture(scope="module", params=["demo", "shanghai"])
def town(
    request: pytest.FixtureRequest, make_database: Make, template: str, demo_source: str
) -> Town:
    if request.param == "demo":
        return Town(make_database(demo_source), None, shapely.box(111.15, 27.85, 111.2, 27.95))
    file = SHARED / "shanghai_roads.osm"
    if not file.exists():
        pytest.skip("the Shanghai roads are not here")
    conninfo = make_database(template)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await loading.load(db, osm.read(file), source=file.name, actor="test")

    run(fill())
    return Town(conninfo, file, shapely.box(121.473, 31.228, 121.4745, 31.231))


async def compare(db: Db, peer: road_peer.Peer, direction: roads.Direction) -> None:
    nodes = road_peer.random_nodes(peer, EVENTS + PLACES, seed=7)
    events, places = nodes[:EVENTS], nodes[EVENTS:]
    there = [Place(*peer.spots[n]) for n in places]
    reached = 0
    for event in events:
        at = Place(*peer.spots[event])
        found = await roads.journeys(db, there, at, direction=direction)
        known = peer.seconds(event, direction)
        for node, journey in zip(places, found, strict=True):
            pair = (node, event)
            true = known.get(node, float("inf"))
            assert (journey.by == "road") == (true < float("inf")), pair
            if journey.by == "road":
                reached += 1
                assert journey.duration_s == pytest.approx(true, rel=1e-9, abs=1e-3), pair
                assert journey.access_m < 0.05
    assert reached > EVENTS * PLACES / 4


@pytest.mark.anyio
@pytest.mark.parametrize("direction", ["to", "from"])
async def test_a_thousand_pairs(town: Town, direction: roads.Direction) -> None:
    async with await psycopg.AsyncConnection.connect(town.conninfo, autocommit=True) as db:
        await compare(db, town.peer(), direction)


@pytest.mark.anyio
@pytest.mark.parametrize("direction", ["to", "from"])
async def test_a_thousand_pairs_around_a_closure(
    town: Town, direction: roads.Direction, make_database: Make
) -> None:
    conninfo = make_database(town.conninfo)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        made = await closures.create(
            db,
            closures.Wanted(
                frozenset(), geometry=json.loads(shapely.to_geojson(town.shut)), reason="演练"
            ),
            actor="test",
            scope=None,
        )
        assert made["closed_edges"] > 10
        await compare(db, town.peer(town.shut), direction)
