"""The network in memory: arrays for one shortest-path tree after another.

Read once per load of the network and process; the truth stays in the tables. Closures are edges
whose arcs cost infinitely much in one tree, so the next answer knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

from mapsvc.database import Db
from mapsvc.roads.lines import Lines
from mapsvc.roads.rules import Direction, Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Edges = NDArray[np.bool_]
"""True or false for every edge of a graph."""

_ARC = [("edge", "i8"), ("backward", "i4"), ("source", "i4"), ("target", "i4")]
_ARC_SECONDS = [("light", "f8"), ("truck", "f8")]
SCRAP_M = 2000.0
"""Roads apart from the network that are shorter than this together are left over from a drawing."""
ROUND_TRIP = 0.9
"""The share of a network that must be of one round trip before other roads count as stuck."""
_KEPT = 4
"""Graphs in memory: one a database and load; tests and reloads have several for a moment."""


@dataclass(frozen=True, slots=True)
class Stands:
    """Points on the network.

    `off_m` has an item a point: metres from the road to it, infinite where no road is near.
    `point`, `edge`, `share` have an item for every edge that the point stands on: one as a rule,
    all that meet there when it is a junction. Edges go by their place in the graph, `share` is the
    part of the edge's length before the point.
    """

    off_m: Floats
    point: NDArray[np.int64]
    edge: Ints
    share: Floats

    def __len__(self) -> int:
        return len(self.off_m)

    @classmethod
    def nowhere(cls, count: int) -> "Stands":
        """So many points that no road comes near."""
        none = np.zeros(0)
        return cls(np.full(count, np.inf), none.astype(np.int64), none.astype(np.int32), none)

    def only(self, n: int) -> "Stands":
        """One of the points."""
        own = self.point == n
        first = np.zeros(int(own.sum()), dtype=np.int64)
        return Stands(self.off_m[n : n + 1], first, self.edge[own], self.share[own])

    def and_(self, more: "Stands") -> "Stands":
        return Stands(
            np.append(self.off_m, more.off_m),
            np.append(self.point, more.point + len(self)),
            np.append(self.edge, more.edge),
            np.append(self.share, more.share),
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an edge in the order of travel: shares of its length from its start."""

    edge: int
    start: float
    end: float

    @property
    def share(self) -> float:
        return abs(self.end - self.start)


@dataclass(frozen=True, slots=True)
class Options:
    """Ways between points and the nodes around them: whose, by which arc, seconds on it.

    `share` is where on the arc's edge the point stands.
    """

    point: NDArray[np.int64]
    arc: NDArray[np.int64]
    share: Floats
    node: Ints
    seconds: Floats


@dataclass(frozen=True, slots=True)
class Tree:
    """Seconds between every node and the roots, and the neighbour on the way to them.

    Infinite beyond the limit. `before` is the number of nodes where the node is the first.
    """

    seconds: Floats
    before: Ints
    roots: Options


class Graph:
    """A loaded network. Arcs are sorted by edge, forward ones first."""

    def __init__(
        self,
        first_edge: int,
        nodes: Floats,
        length_m: Floats,
        arcs: NDArray[Any],
        lines: Lines,
    ) -> None:
        self.first_edge = first_edge
        self.lon, self.lat = nodes[:, 0].copy(), nodes[:, 1].copy()
        self.length_m = length_m
        self.lines = lines
        self.arc_edge = (arcs["edge"] - first_edge).astype(np.int32)
        self.arc_backward = arcs["backward"].astype(bool)
        self.source = arcs["source"].astype(np.int32)
        self.target = arcs["target"].astype(np.int32)
        self.cost: dict[Profile, Floats] = {
            "light": arcs["light"].astype(np.float64),
            "truck": arcs["truck"].astype(np.float64),
        }
        self.arcs_of = np.searchsorted(self.arc_edge, np.arange(len(length_m) + 1))
        self._sides = {
            "from": _Side(self, self.source, self.target),
            "to": _Side(self, self.target, self.source),
        }
        self.closed_by: dict[tuple[int, Any], Ints] = {}
        """Edges of the closures that were asked about, by their number and time of change."""
        self._stuck: dict[Profile, dict[str, Edges]] = {}

    @cached_property
    def usable(self) -> dict[Profile, Edges]:
        """The edges that each vehicle may use, in one direction at least."""
        out: dict[Profile, Edges] = {}
        for profile, cost in self.cost.items():
            out[profile] = np.zeros(len(self.length_m), dtype=bool)
            out[profile][self.arc_edge[np.isfinite(cost)]] = True
        return out

    def stuck(self, profile: Profile, use: Literal["leave", "enter"]) -> Edges:
        """Edges from which (`leave`) or to which (`enter`) no way leads into (from) the network.

        The network is its largest part in which one gets from everywhere to everywhere. A part
        apart from it counts as a network of its own when it is long enough.
        """
        if profile not in self._stuck:
            self._stuck[profile] = self._find_stuck(profile)
        return self._stuck[profile][use]

    def _find_stuck(self, profile: Profile) -> dict[str, Edges]:
        usable = self.usable[profile]
        arcs = np.flatnonzero(np.isfinite(self.cost[profile]))
        if not len(arcs):
            return {"leave": usable, "enter": usable}
        source, target, edge = self.source[arcs], self.target[arcs], self.arc_edge[arcs]
        ways = csr_matrix((np.ones(len(arcs)), (source, target)), shape=(self.nodes, self.nodes))
        _, round_trip = connected_components(ways, connection="strong")
        _, island = connected_components(ways, connection="weak")
        inner = round_trip[source] == round_trip[target]
        length = np.bincount(round_trip[source], self.length_m[edge] * inner)
        middle = int(np.flatnonzero(round_trip == length.argmax())[0])
        together = np.bincount(island[source], self.length_m[edge], island.max() + 1)
        apart = (island != island[middle]) & (together[island] / 2 >= SCRAP_M)
        if length.max() < ROUND_TRIP * together[island[middle]]:
            # Few roads are of one round trip: it says nothing, all that hangs together is good.
            apart |= island == island[middle]
        out: dict[str, Edges] = {}
        for use, matrix, ends in (("leave", ways.T.tocsr(), target), ("enter", ways, source)):
            reached = apart.copy()
            reached[breadth_first_order(matrix, middle, return_predecessors=False)] = True
            out[use] = usable.copy()
            out[use][edge[reached[ends]]] = False
        return out

    @property
    def nodes(self) -> int:
        return len(self.lon)

    @cached_property
    def longest_at(self) -> Floats:
        """The longest edge at each node, metres."""
        longest = np.zeros(self.nodes)
        for ends in (self.source, self.target):
            np.maximum.at(longest, ends, self.length_m[self.arc_edge])
        return longest

    def leaving(self, stands: Stands, profile: Profile) -> Options:
        """How one gets from the points to the ends of their edges."""
        point, share, arc = self._arcs_at(stands)
        part = np.where(self.arc_backward[arc], share, 1 - share)
        return self._passable(point, arc, share, self.target[arc], part, profile)

    def entering(self, stands: Stands, profile: Profile) -> Options:
        """How one gets from the ends of their edges to the points."""
        point, share, arc = self._arcs_at(stands)
        part = np.where(self.arc_backward[arc], 1 - share, share)
        return self._passable(point, arc, share, self.source[arc], part, profile)

    def _arcs_at(self, stands: Stands) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
        first = self.arcs_of[stands.edge]
        count = self.arcs_of[stands.edge + 1] - first
        within = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count)
        arc = np.repeat(first, count) + within
        return np.repeat(stands.point, count), np.repeat(stands.share, count), arc

    def _passable(
        self,
        point: NDArray[np.int64],
        arc: NDArray[np.int64],
        share: Floats,
        node: Ints,
        part: Floats,
        profile: Profile,
    ) -> Options:
        cost = self.cost[profile][arc]
        keep = np.isfinite(cost)
        return Options(point[keep], arc[keep], share[keep], node[keep], cost[keep] * part[keep])

    def direct(
        self, here: Stands, n: int, there: Stands, m: int, profile: Profile
    ) -> tuple[float, Piece | None]:
        """The fastest way from a point to another on one and the same edge, if there is one."""
        best, found = np.inf, None
        for i in np.flatnonzero(here.point == n):
            for j in np.flatnonzero((there.point == m) & (there.edge == here.edge[i])):
                piece = Piece(int(here.edge[i]), float(here.share[i]), float(there.share[j]))
                seconds = self.along(piece.edge, piece.start, piece.end, profile)
                if seconds < best:
                    best, found = seconds, piece
        return best, found

    def tree(
        self,
        roots: Options,
        profile: Profile,
        direction: Direction,
        closed: Edges,
        limit: float = np.inf,
    ) -> Tree:
        """The shortest-path tree towards (`to`) or away from the roots; exact within the limit."""
        side = self._sides[direction]
        cost = np.append(side.cost[profile], roots.seconds)
        if closed.any():
            cost[: len(side.edge)][closed[side.edge]] = np.inf
        matrix = csr_matrix(
            (
                cost,
                np.append(side.column, roots.node),
                np.append(side.row, len(cost)).astype(np.int32),
            ),
            shape=(self.nodes + 1, self.nodes + 1),
        )
        seconds, before = dijkstra(
            matrix, indices=self.nodes, return_predecessors=True, limit=limit
        )
        return Tree(seconds, before, roots)

    def along(self, edge: int, start: float, end: float, profile: Profile) -> float:
        """Seconds along one edge between two shares of it; infinite against a one-way."""
        if start == end:
            return 0.0
        arcs = np.arange(self.arcs_of[edge], self.arcs_of[edge + 1])
        arcs = arcs[self.arc_backward[arcs] == (end < start)]
        cost = self.cost[profile][arcs[:1]]
        return float(cost[0]) * abs(end - start) if len(cost) else np.inf

    def along_each(self, edge: Ints, start: Floats, end: Floats, profile: Profile) -> Floats:
        """`along` for many."""
        forward, backward = self._both_ways[profile]
        cost = np.where(end < start, backward[edge], forward[edge])
        part = np.abs(end - start)
        return np.where(part > 0, cost * np.maximum(part, 1e-12), 0.0)

    @cached_property
    def _both_ways(self) -> dict[Profile, tuple[Floats, Floats]]:
        """Seconds of every edge forward and backward; infinite where it may not be driven."""
        out: dict[Profile, tuple[Floats, Floats]] = {}
        for profile, cost in self.cost.items():
            both = np.full(len(self.length_m), np.inf), np.full(len(self.length_m), np.inf)
            for seconds, ours in zip(both, (~self.arc_backward, self.arc_backward), strict=True):
                # Of several (after banned turns) the first stays.
                arcs = np.flatnonzero(ours)[::-1]
                seconds[self.arc_edge[arcs]] = cost[arcs]
            out[profile] = both
        return out

    def piece(self, arc: int, share: float, *, entering: bool) -> Piece:
        """An arc from its first node up to a share of its edge, or from there to its last node."""
        first = 1.0 if self.arc_backward[arc] else 0.0
        edge = int(self.arc_edge[arc])
        return Piece(edge, first, share) if entering else Piece(edge, share, 1.0 - first)

    def arcs_between(
        self, sources: Ints, targets: Ints, profile: Profile, closed: Edges
    ) -> NDArray[np.int64]:
        """The fastest open arc from each source to the target beside it."""
        side = self._sides["from"]
        first, end = side.row[sources], side.row[sources + 1]
        best = np.full(len(sources), -1, dtype=np.int64)
        least = np.full(len(sources), np.inf)
        for k in range(int((end - first).max(initial=0))):
            place = np.minimum(first + k, end - 1)
            arc = side.arc[place]
            cost = np.where(
                (self.target[arc] == targets) & ~closed[self.arc_edge[arc]],
                self.cost[profile][arc],
                np.inf,
            )
            better = cost < least
            best[better], least[better] = arc[better], cost[better]
        return best

    @cached_property
    def _edges_at(self) -> NDArray[np.int64]:
        """For every node how many edges end where it stands."""
        spots = np.column_stack([self.lon, self.lat])
        _, spot = np.unique(spots, axis=0, return_inverse=True)
        spot = spot.reshape(-1).astype(np.int64)
        ends = np.concatenate([spot[self.source], spot[self.target]])
        pairs = np.unique(ends * len(self.length_m) + np.tile(self.arc_edge, 2))
        return np.bincount(pairs // len(self.length_m), minlength=len(spots))[spot]

    def forks_after(self, piece: Piece) -> bool:
        """Does more than one road go on where the piece ends?"""
        arc = self.arcs_of[piece.edge]
        ahead = bool(self.arc_backward[arc]) == (piece.end < piece.start)
        return bool(self._edges_at[(self.target if ahead else self.source)[arc]] > 2)


class _Side:
    """Arcs grouped by the node at one end, for trees in one direction."""

    def __init__(self, graph: Graph, near: Ints, far: Ints) -> None:
        self.arc = np.argsort(near, kind="stable")
        self.row = np.searchsorted(near[self.arc], np.arange(graph.nodes + 1)).astype(np.int32)
        self.column = far[self.arc]
        self.edge = graph.arc_edge[self.arc]
        self.cost = {profile: cost[self.arc] for profile, cost in graph.cost.items()}


_graphs: dict[tuple[str, str, int, Any], Graph] = {}


async def graph_of(db: Db, network: int, loaded_at: Any) -> Graph:
    """The graph of a network, read from the tables unless this process has it already.

    To be asked within the `moment` in which the network was seen.
    """
    key = (f"{db.info.host}:{db.info.port}", db.info.dbname, network, loaded_at)
    if key not in _graphs:
        made = await _read(db)
        while len(_graphs) >= _KEPT:
            _graphs.pop(next(iter(_graphs)))
        _graphs[key] = made
    return _graphs[key]


async def _read(db: Db) -> Graph:
    row = await (
        await db.execute("select first_edge from road_network order by id desc limit 1")
    ).fetchone()
    assert row is not None
    nodes = await _columns(
        db, "select lon, lat from road_node order by id", [("lon", "f8"), ("lat", "f8")]
    )
    edges = await _columns(db, "select length_m from road_edge order by id", [("length_m", "f8")])
    arcs = await _columns(
        db,
        "select edge, (not forward)::int, source, target, light_s, truck_s"
        " from road_arc order by edge, forward desc, source",
        _ARC + _ARC_SECONDS,
    )
    return Graph(
        int(row[0]),
        np.column_stack([nodes["lon"], nodes["lat"]]),
        edges["length_m"].astype(np.float64),
        arcs,
        await _lines(db),
    )


async def _lines(db: Db) -> Lines:
    async with db.cursor(binary=True) as cursor:
        await cursor.execute("select ST_AsBinary(geom) from road_edge order by id")
        shapes = shapely.from_wkb([row[0] for row in await cursor.fetchall()])
    spots, edge = shapely.get_coordinates(shapes, return_index=True)
    return Lines(spots, edge)


async def _columns(db: Db, query: str, columns: list[tuple[str, str]]) -> NDArray[Any]:
    """Rows of numbers by binary COPY, which numpy reads without a Python object a value."""
    content = bytearray()
    async with (
        db.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format binary)".encode()) as copy,
    ):
        async for block in copy:
            content += block
    layout = np.dtype([("fields", ">i2"), *_binary(columns)])
    # A header of 19 bytes, then the rows, then two bytes as the end's mark.
    return np.frombuffer(bytes(content[19:-2]), dtype=layout)


def _binary(columns: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, kind in columns:
        yield f"{name}_bytes", ">i4"
        yield name, f">{kind}"
