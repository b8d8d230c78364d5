"""Ranking by road over HTTP against pgRouting on the same rows and what one would write by hand.

The peers are given everything but the search: their graph is in memory, the places are nodes, and
nothing is snapped, signed in for, or made into JSON.
"""

import asyncio
import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator

import networkx as nx
import numpy as np
import psycopg
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from bench import county, measure
from mapsvc import roads as room
from mapsvc.roads import loading, osm

CANDIDATES = 50
_CLASSES = ("primary", "secondary", "tertiary", "unclassified")


def drawn(side: int) -> osm.Drawn:
    """A grid of side x side junctions over the county; a tenth of the streets are one-way."""
    rng = np.random.default_rng(3)
    west, south, east, north = county.BOX
    x = np.linspace(west, east, side)[None, :] + rng.uniform(-0.2, 0.2, (side, side)) * 0.6 / side
    y = np.linspace(south, north, side)[:, None] + rng.uniform(-0.2, 0.2, (side, side)) * 0.6 / side
    spots = list(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
    made = osm.Drawn()
    for n in range(side * side):
        for other in ([n + 1] if n % side < side - 1 else []) + (
            [n + side] if n < side * (side - 1) else []
        ):
            tags = {"highway": str(rng.choice(_CLASSES))}
            if rng.random() < 0.1:
                tags["oneway"] = "yes"
            made.ways.append(
                osm.Way(len(made.ways) + 1, (n, other), (spots[n], spots[other]), tags)
            )
    return made


def load(conninfo: str, network: osm.Drawn) -> float:
    """Seconds that the load takes."""

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await loading.load(db, network, source="bench", actor="bench")

    began = time.perf_counter()
    asyncio.run(work())
    return time.perf_counter() - began


def events() -> Iterator[tuple[float, float]]:
    rng = np.random.default_rng(4)
    return itertools.cycle(map(tuple, rng.uniform((111.2, 27.7), (111.4, 27.9), (97, 2)).tolist()))


def over_http(query: str) -> Callable[[], bytes]:
    link = http.client.HTTPConnection("127.0.0.1", county.PORT)
    where = events()

    def call() -> bytes:
        lon, lat = next(where)
        link.request(
            "GET",
            f"/api/nearest?mode=road&lon={lon:.6f}&lat={lat:.6f}&{query}",
            headers={"Authorization": f"Bearer {county.TOKEN}"},
        )
        answer = link.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    return call


class Peers:
    """The same arcs in networkx, in scipy and in pgRouting; events and candidates as nodes."""

    def __init__(self, db: psycopg.Connection) -> None:
        self.db = db
        self.nodes = db.execute("select id, lon, lat from road_node order by id").fetchall()
        self.spots = np.array([(lon, lat) for _, lon, lat in self.nodes])
        arcs = np.array(db.execute("select source, target, light_s from road_arc").fetchall())
        near, far = arcs[:, 0].astype(int), arcs[:, 1].astype(int)
        count = len(self.nodes)
        # Towards the event: the graph is turned round once, as one would.
        self.matrix = csr_matrix((arcs[:, 2], (far, near)), shape=(count, count))
        self.graph = nx.DiGraph()
        self.graph.add_weighted_edges_from(
            zip(far.tolist(), near.tolist(), arcs[:, 2], strict=True)
        )
        places = db.execute("select ST_X(geom), ST_Y(geom) from feature_forces").fetchall()
        self.targets = [self._node(*place) for place in places]
        self.where = events()

    def _node(self, lon: float, lat: float) -> int:
        return int(np.hypot(*(self.spots - (lon, lat)).T).argmin())

    def event(self) -> int:
        return self._node(*next(self.where))

    def pgrouting(self) -> object:
        return self.db.execute(
            "select * from pgr_dijkstraCost('select row_number() over () id, source, target,"
            " light_s cost from road_arc', %s::bigint[], %s::bigint, true)",
            [self.targets, self.event()],
        ).fetchall()

    def networkx(self) -> object:
        found = nx.single_source_dijkstra_path_length(self.graph, self.event())
        return sorted(self.targets, key=lambda n: found.get(n, np.inf))

    def scipy(self) -> object:
        found = dijkstra(self.matrix, indices=self.event())
        return sorted(self.targets, key=lambda n: found[n])


def in_process(conninfo: str, db: psycopg.Connection) -> Callable[[], object]:
    """The room alone: snapping and the search, without HTTP."""
    rows = db.execute("select ST_X(geom), ST_Y(geom) from feature_forces").fetchall()
    places = [room.Place(*row) for row in rows]
    where = events()
    loop = asyncio.new_event_loop()
    link = loop.run_until_complete(
        psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=1)
    )
    return lambda: loop.run_until_complete(room.journeys(link, places, room.Place(*next(where))))


def _forces(db: psycopg.Connection) -> None:
    rng = np.random.default_rng(5)
    places = rng.uniform((111.15, 27.65), (111.45, 27.95), (CANDIDATES, 2))
    db.execute(
        "insert into feature (layer, name, geom, verified_at)"
        " select 'forces', '演示队伍', ST_Point(x, y, 4326), current_date"
        " from unnest(%s::float8[], %s::float8[]) t (x, y)",
        [places[:, 0].tolist(), places[:, 1].tolist()],
    )
    db.execute("analyze feature_forces")


def run() -> None:
    for side in (100, 316):
        with (
            county.database(10_000) as conninfo,
            psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as db,
            county.service(conninfo),
        ):
            db.execute("set jit = off")
            spent = load(conninfo, drawn(side))
            _forces(db)
            peers = Peers(db)
            edges = db.execute("select count(*) from road_edge").fetchone()
            assert edges is not None
            query = f"layers=forces&k={CANDIDATES}&routes=false"
            found = measure.interleaved(
                {
                    "pgr_dijkstraCost alone, all edges (floor)": peers.pgrouting,
                    "GET /api/nearest?mode=road": over_http(query),
                    "the room alone: snapping and search": in_process(conninfo, db),
                    "networkx, in process, search alone": peers.networkx,
                    "scipy, in process, search alone": peers.scipy,
                },
                times=10,
                rounds=5,
            )
            _table(
                f"Rank {CANDIDATES} by road on {edges[0]:,} edges; loaded in {spent:.1f} s", found
            )
            _check(query)


def growth() -> None:
    """Nearest by road while the layer grows tenfold on the same roads."""
    found: dict[str, float] = {}
    for count in (10_000, 100_000):
        with county.database(count) as conninfo, county.service(conninfo):
            load(conninfo, drawn(100))
            found[f"5 of {count:,} depots"] = measure.interleaved(
                {"": over_http("layers=depots&k=5&routes=false")}, times=20, rounds=5
            )[""]
    _table("Nearest 5 by road, 20,000 edges", found)


def _check(query: str) -> None:
    """All fifty are there, and by road."""
    answer = json.loads(over_http(query)())
    assert len(answer["results"]) == CANDIDATES
    assert all(r["by"] == "road" for r in answer["results"])


def _table(title: str, found: dict[str, float]) -> None:
    floor = next(iter(found.values()))
    measure.table(
        title,
        ["what", "p50 ms", "x first"],
        [[name, f"{ms:.2f}", f"{ms / floor:.2f}"] for name, ms in found.items()],
    )


if __name__ == "__main__":
    run()
    growth()
