"""All journeys between one event and any number of places, from one shortest-path tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from mapsvc.database import Db
from mapsvc.roads.directions import Step, Walk, steps_of
from mapsvc.roads.drawing import Stretches, drawn_line, stretches
from mapsvc.roads.graph import Edges, Floats, Options, Piece, Stands, Tree
from mapsvc.roads.lines import metres_per_degree
from mapsvc.roads.rules import Conditions, Direction, Rules
from mapsvc.roads.snapping import Place, snap, uses
from mapsvc.roads.state import Roads

_GEOD = Geod(ellps="WGS84")
_DEGREE_M = 111_700.0
"""No degree of latitude is longer."""
_FEW = 300
_DIRECT, _NONE, _ON_FOOT = -1, -2, -3
"""Choices that are no option: along one edge without a node between; none at all; off the road."""


@dataclass(frozen=True, slots=True)
class Journey:
    """From a place to the event, or back. `access_m` lies off the road and is in time and distance.

    Who is nearer to the event than either is to the road goes there straight: all is access then.

    `by` estimate: there is no way by road; the distance is then the straight line.
    """

    duration_s: float
    distance_m: float
    by: Literal["road", "estimate"]
    access_m: float


@dataclass(frozen=True, slots=True)
class Route:
    """A journey drawn: `geometry` is a GeoJSON LineString in WGS-84, from place to place."""

    duration_s: float
    distance_m: float
    access_m: float
    geometry: dict[str, Any]
    steps: list[Step]
    closures_avoided: list[dict[str, Any]]


def line_m(places: Sequence[Place], to: Place) -> Floats:
    """Straight metres on the ellipsoid."""
    lon, lat = np.array([p.lon for p in places]), np.array([p.lat for p in places])
    _, _, metres = _GEOD.inv(lon, lat, np.full(len(lon), to.lon), np.full(len(lat), to.lat))
    return np.asarray(metres, dtype=np.float64)


def estimates(
    rules: Rules, places: Sequence[Place], to: Place, conditions: Conditions
) -> list[Journey]:
    """Straight lines, with the time that the rules allow for a way nobody knows."""
    lines = line_m(places, to).tolist()
    return [Journey(rules.estimate_s(m, conditions), m, "estimate", 0.0) for m in lines]


@dataclass(frozen=True, slots=True)
class Best:
    """For each place: seconds on the road, and which of the options (or _DIRECT, _NONE)."""

    seconds: Floats
    choice: NDArray[np.int64]
    options: Options
    direct: dict[int, Piece]


class Fan:
    """Journeys `to` the event or `from` it; places may be added, the tree stays.

    Seconds inside are those of a dry day; the factor of the conditions is applied at the way out.
    """

    def __init__(
        self,
        roads: Roads,
        event: Place,
        at: Stands,
        direction: Direction,
        closed: Edges,
        limit: float,
    ) -> None:
        self.roads, self.event, self.at, self.direction = roads, event, at, direction
        self.closed = closed
        self.places: list[Place] = []
        self.stands = Stands.nowhere(0)
        self.line_m = np.zeros(0)
        self.tree, self._limit = self._grown(limit), limit

    def _grown(self, limit: float) -> Tree:
        graph, profile = self.roads.graph, self.roads.profile
        ends = graph.entering if self.direction == "to" else graph.leaving
        roots = ends(self.at, profile)
        return graph.tree(roots, profile, self.direction, self.closed, limit)

    @classmethod
    async def open(
        cls,
        roads: Roads,
        event: Place,
        direction: Direction,
        closed: Edges | None = None,
        sure_s: float = np.inf,
    ) -> "Fan":
        """The tree of the event; `closed` else what is closed now.

        Journeys of more than `sure_s` seconds are unknown until the tree is grown.
        """
        shut = roads.closed() if closed is None else closed
        most = roads.rules.offroad_most
        limit = sure_s / roads.factor

        def grown() -> "Fan":
            at = snap(roads.graph, [event], roads.profile, shut, most, uses(direction)[1])
            return cls(roads, event, at, direction, shut, limit)

        return await anyio.to_thread.run_sync(grown)

    @property
    def sure_s(self) -> float:
        """Journeys up to so many seconds are known; others seem to lead nowhere."""
        return self._limit * self.roads.factor

    async def grow(self) -> None:
        """Know all journeys."""
        if np.isfinite(self._limit):
            self.tree = await anyio.to_thread.run_sync(lambda: self._grown(np.inf))
            self._limit = np.inf
            self.__dict__.pop("best", None)

    @property
    def on_road(self) -> bool:
        """Is the event near enough to a road?"""
        return len(self.at.edge) > 0

    async def add(self, places: Sequence[Place]) -> None:
        """More places; each gets its stand on the road."""
        new = Stands.nowhere(len(places))
        if self.on_road:
            roads, use = self.roads, uses(self.direction)[0]
            most = roads.rules.offroad_most
            asked = (roads.graph, places, roads.profile, self.closed, most, use)
            # A few are done sooner than a thread takes over.
            few = len(places) <= _FEW
            new = snap(*asked) if few else await anyio.to_thread.run_sync(snap, *asked)
        self.stands = self.stands.and_(new)
        self.places += places
        self.line_m = np.append(self.line_m, line_m(places, self.event) if places else [])
        self.__dict__.pop("best", None)

    def seconds(self) -> Floats:
        """By road, conditions and the way off the road included; infinite where no road leads, or
        none within `sure_s`."""
        access = self._access_m / self.roads.rules.offroad_mps
        return (self.best.seconds + access) * self.roads.factor

    def journeys(self, which: Sequence[int] | None = None) -> list[Journey]:
        """Of these places, else of all; an estimate where no road leads."""
        chosen = np.arange(len(self.places)) if which is None else np.array(which, dtype=np.int64)
        seconds, access = self.seconds()[chosen], self._access_m[chosen]
        metres = self._lengths(chosen) + access
        lines = self.line_m[chosen]
        out = []
        for k in range(len(chosen)):
            if np.isfinite(seconds[k]):
                out.append(Journey(float(seconds[k]), float(metres[k]), "road", float(access[k])))
            else:
                line = float(lines[k])
                guess = self.roads.rules.estimate_s(line, self.roads.conditions)
                out.append(Journey(guess, line, "estimate", 0.0))
        return out

    def _lengths(self, which: NDArray[np.int64]) -> Floats:
        """Metres on the road; 0 where no road leads."""
        reached = np.flatnonzero(self.best.choice[which] > _NONE)
        trunk = Trunk(self, which[reached])
        beyond = trunk.metres()
        out = np.zeros(len(which))
        out[reached] = [trunk.length(n, beyond) for n in which[reached].tolist()]
        return out

    def radius_m(self, seconds: float) -> float:
        """No place farther than this in a straight line has a journey of so many seconds by road.

        What is left after the event's own way to the road is spent at top speed at most; and all
        that it reaches lies along an edge from a node reached in time, or off the road from there.
        """
        rules, off_m = self.roads.rules, float(self.at.off_m[0])
        on_foot = min(rules.offroad_most, seconds / self.roads.factor * rules.offroad_mps) + 1
        left = seconds / self.roads.factor - off_m / rules.offroad_mps
        if left < 0:
            return on_foot
        fastest = off_m + left * self.roads.top_mps * self.roads.factor
        graph = self.roads.graph
        own = float(graph.length_m[self.at.edge].max(initial=0.0))
        on_road = max(off_m + own, self._reached_m(left))
        walked = min(rules.offroad_most, left * rules.offroad_mps)
        return max(on_foot, min(fastest, on_road + walked) * 1.001 + 1)

    def _reached_m(self, left: float) -> float:
        """The straight distance of the farthest point of road reached in so many dry seconds."""
        graph, spent = self.roads.graph, self.tree.seconds[:-1]
        nodes = np.flatnonzero((spent <= left) & np.isfinite(spent))
        if not len(nodes):
            return 0.0
        lon, lat = graph.lon[nodes], graph.lat[nodes]
        # At the latitude nearest to the equator, so that no line is taken too short.
        widest = min(float(np.abs(lat).min()), abs(self.event.lat))
        east, _ = metres_per_degree(np.array([widest]))
        dx, dy = (lon - self.event.lon) * east, (lat - self.event.lat) * _DEGREE_M
        top_mps = self.roads.top_mps * self.roads.factor
        along = np.minimum(graph.longest_at[nodes], (left - spent[nodes]) * top_mps)
        return float((np.hypot(dx, dy) + along).max())

    @property
    def _access_m(self) -> Floats:
        both_ends = self.stands.off_m + self.at.off_m[0]
        return np.where(self.best.choice == _ON_FOOT, self.line_m, both_ends)

    @cached_property
    def best(self) -> Best:
        graph, profile = self.roads.graph, self.roads.profile
        ends = graph.leaving if self.direction == "to" else graph.entering
        options = ends(self.stands, profile)
        total = self.tree.seconds[options.node] + options.seconds
        total[total > self._limit] = np.inf  # there might be a faster way, by a node not reached
        seconds = np.full(len(self.stands), np.inf)
        choice = np.full(len(self.stands), _NONE, dtype=np.int64)
        order = np.lexsort((total, options.point))
        point, first = np.unique(options.point[order], return_index=True)
        chosen = order[first]
        reached = np.isfinite(total[chosen])
        seconds[point[reached]] = total[chosen][reached]
        choice[point[reached]] = chosen[reached]
        direct: dict[int, Piece] = {}
        for n in np.unique(self.stands.point[np.isin(self.stands.edge, self.at.edge)]).tolist():
            pair = (self.stands, n, self.at, 0)
            if self.direction == "from":
                pair = (self.at, 0, self.stands, n)
            along, piece = graph.direct(*pair, profile)
            if piece is not None and along <= min(seconds[n], self._limit):
                seconds[n], choice[n], direct[n] = along, _DIRECT, piece
        straight = self._nearer_than_the_road()
        seconds[straight], choice[straight] = 0.0, _ON_FOOT
        return Best(seconds, choice, options, direct)

    def _nearer_than_the_road(self) -> NDArray[np.bool_]:
        if not self.on_road:
            return np.zeros(len(self.stands), dtype=bool)
        road_m = np.maximum(self.stands.off_m, self.at.off_m[0])
        near: NDArray[np.bool_] = self.line_m < road_m
        return near & (self.line_m <= self.roads.rules.offroad_most)

    def trails(self, which: NDArray[np.int64]) -> list[list[Piece]]:
        """The journeys of some places, edge by edge as travelled; empty where no road is used."""
        trunk = Trunk(self, which)
        return [trunk.pieces(n) for n in which.tolist()]

    async def routes(self, db: Db, which: Sequence[int]) -> list[Route | None]:
        """The journeys of some places drawn and in words; None where no road leads."""
        chosen = np.array(which, dtype=np.int64)
        trails = self.trails(chosen)
        seen = await stretches(db, self.roads.graph, trails)
        avoided = await self.avoided(chosen)
        journeys = self.journeys(which)
        out: list[Route | None] = []
        for n, trail, ids, journey in zip(which, trails, avoided, journeys, strict=True):
            out.append(self._route(n, trail, journey, seen, ids) if journey.by == "road" else None)
        return out

    def _route(
        self, n: int, trail: list[Piece], journey: Journey, seen: Stretches, avoided: set[int]
    ) -> Route:
        place, off_m = self.places[n], float(self.stands.off_m[n])
        ends = [(place, off_m), (self.event, float(self.at.off_m[0]))]
        if self.direction == "from":
            ends.reverse()
        (start, start_off), (end, end_off) = ends
        pace = self.roads.rules.offroad_mps / self.roads.factor
        if not trail:
            start_off, end_off = 0.0, journey.access_m
        walks = Walk(start_off, start_off / pace), Walk(end_off, end_off / pace)
        return Route(
            journey.duration_s,
            journey.distance_m,
            journey.access_m,
            drawn_line((start.lon, start.lat), trail, (end.lon, end.lat), seen),
            steps_of(trail, seen, self.roads, *walks),
            [c.told for c in self.roads.closures if c.id in avoided],
        )

    async def blocking(self, places: Sequence[Place]) -> set[int]:
        """The closures that journeys of these places would have to cross: why no road leads."""
        shut = [c for c in self.roads.closures if len(c.edges)]
        if not shut or not places:
            return set()
        none = np.zeros_like(self.closed)
        fan = await Fan.open(self.roads, self.event, self.direction, none)
        await fan.add(places)
        edges = {p.edge for trail in fan.trails(np.arange(len(places))) for p in trail}
        return {c.id for c in shut if c.touches(edges)}

    async def avoided(self, which: NDArray[np.int64]) -> list[set[int]]:
        """For each of the places the ids of the closures that its journey goes around.

        With no closure at all the journey would cross some; with those it would cross others, and
        so on, until it crosses none: each of them made a difference.
        """
        found: list[set[int]] = [set() for _ in which]
        known: set[int] = set()
        shut = [c for c in self.roads.closures if len(c.edges)]
        # Nothing takes longer without the closures.
        known_s = self.seconds()[which]
        enough = float(known_s[np.isfinite(known_s)].max(initial=0.0)) + 1
        while shut and self.on_road and len(known) < len(shut):
            fan = await Fan.open(
                self.roads,
                self.event,
                self.direction,
                self.roads.closed(known),
                enough,
            )
            await fan.add([self.places[n] for n in which.tolist()])
            new: set[int] = set()
            for mine, trail in zip(found, fan.trails(np.arange(len(which))), strict=True):
                edges = [piece.edge for piece in trail]
                crossed = {c.id for c in shut if c.id not in known and c.touches(edges)}
                mine.update(crossed)
                new |= crossed
            if not new:
                break
            known |= new
        return found


class Trunk:
    """The part of the tree between some places and the event: each node's arc towards the root."""

    def __init__(self, fan: Fan, which: NDArray[np.int64]) -> None:
        self.fan = fan
        tree, best = fan.tree, fan.best
        root = len(tree.seconds) - 1
        self._above: dict[int, int] = {}
        for choice in best.choice[which].tolist():
            node = int(best.options.node[choice]) if choice >= 0 else root
            while node != root and node not in self._above:
                self._above[node] = above = int(tree.before[node])
                node = above
        inner = [(n, above) for n, above in self._above.items() if above != root]
        lower = np.array([n for n, _ in inner], dtype=np.int32)
        upper = np.array([above for _, above in inner], dtype=np.int32)
        ends = (lower, upper) if fan.direction == "to" else (upper, lower)
        graph, profile = fan.roads.graph, fan.roads.profile
        arcs = graph.arcs_between(*ends, profile, fan.closed)
        self._arc: dict[int, int] = dict(zip(lower.tolist(), arcs.tolist(), strict=True))
        self._root_of = {n: self._entry(n) for n, above in self._above.items() if above == root}

    def _entry(self, node: int) -> int:
        """The fastest of the event's own options at a node."""
        roots = self.fan.tree.roots
        here = np.flatnonzero(roots.node == node)
        return int(here[np.argmin(roots.seconds[here])])

    def metres(self) -> dict[int, float]:
        """Metres on the road between each node of the trunk and the event."""
        graph, seconds = self.fan.roads.graph, self.fan.tree.seconds
        nodes = np.fromiter(self._above, dtype=np.int64, count=len(self._above))
        found: dict[int, float] = {}
        for n in nodes[np.argsort(seconds[nodes], kind="stable")].tolist():
            if n in self._arc:
                edge = graph.arc_edge[self._arc[n]]
                found[n] = found[self._above[n]] + float(graph.length_m[edge])
            else:
                end = self._end_piece(self._root_of[n])
                found[n] = end.share * float(graph.length_m[end.edge])
        return found

    def _end_piece(self, option: int) -> Piece:
        """The event's own edge, by one of the ways into it or out of it."""
        fan, roots = self.fan, self.fan.tree.roots
        return fan.roads.graph.piece(
            int(roots.arc[option]), float(roots.share[option]), entering=fan.direction == "to"
        )

    def _own_piece(self, choice: int) -> Piece:
        """The edge of the place itself."""
        fan, options = self.fan, self.fan.best.options
        return fan.roads.graph.piece(
            int(options.arc[choice]),
            float(options.share[choice]),
            entering=fan.direction == "from",
        )

    def pieces(self, n: int) -> list[Piece]:
        """The journey of one place."""
        fan, graph = self.fan, self.fan.roads.graph
        choice = int(fan.best.choice[n])
        if choice in (_NONE, _ON_FOOT):
            return []
        if choice == _DIRECT:
            return [fan.best.direct[n]]
        options = fan.best.options
        out = [self._own_piece(choice)]
        node = int(options.node[choice])
        while node in self._arc:
            arc = self._arc[node]
            out.append(graph.piece(arc, 0.0 if graph.arc_backward[arc] else 1.0, entering=True))
            node = self._above[node]
        out.append(self._end_piece(self._root_of[node]))
        return out if fan.direction == "to" else out[::-1]

    def length(self, n: int, beyond: dict[int, float]) -> float:
        """Metres on the road of one place's journey, with the `metres` of the nodes."""
        length_m, best = self.fan.roads.graph.length_m, self.fan.best
        choice = int(best.choice[n])
        if choice == _DIRECT:
            return best.direct[n].share * float(length_m[best.direct[n].edge])
        own = self._own_piece(choice)
        return own.share * float(length_m[own.edge]) + beyond[int(best.options.node[choice])]
