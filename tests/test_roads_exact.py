"""Travel equals an independent shortest path: networkx over the file itself, closures included."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import shapely

from mapsvc import roads
from mapsvc.database import Db
from mapsvc.roads import Place, loading, osm
from mapsvc_demo import build, write_roads
from tests import road_peer
from tests.conftest import SHARED, Make

EVENTS, PLACES = 20, 50
"""1,000 pairs."""


@dataclass(frozen=True)
class Town:
    conninfo: str
    file: Path
    shut: shapely.Geometry
    """An area to close, across the middle of the network."""


@pytest.fixture(scope="module", params=["demo", "shanghai"])
def town(
    request: pytest.FixtureRequest,
    make_database: Make,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    if request.param == "demo":
        file = tmp_path_factory.mktemp("roads") / "demo.osm"
        write_roads(build(), file)
        shut = shapely.box(111.15, 27.85, 111.2, 27.95)
    else:
        file = SHARED / "shanghai_roads.osm"
        if not file.exists():
            pytest.skip("the Shanghai roads are not here")
        shut = shapely.box(121.472, 31.224, 121.476, 31.236)
    conninfo = make_database(template)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await loading.load(db, osm.read(file), source=file.name, actor="test")

    asyncio.run(fill())
    return Town(conninfo, file, shut)


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
        await compare(db, road_peer.read(town.file), direction)
