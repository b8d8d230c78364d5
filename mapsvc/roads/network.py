"""From drawn ways to a network: edges between forks, arcs by direction, banned turns, islands.

Ways join only in a node that both name, so a bridge stays apart from what runs below it. Edges
are also cut where they grow long: a closure shuts whole edges, and one slide must not shut the
whole valley.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapsvc.errors import BadInput
from mapsvc.roads.osm import Ban, Drawn, Spot, Way
from mapsvc.roads.rules import Rules
from mapsvc.roads.tags import Traffic, traffic

Floats = NDArray[np.float64]
LONGEST_M = 250.0
"""An edge grows no longer, unless two neighbouring points of the drawing stand farther apart."""
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Edge:
    """A stretch of one way between two nodes of the network, WGS-84."""

    way: Way
    traffic: Traffic
    source: int
    target: int
    spots: tuple[Spot, ...]
    length_m: float


@dataclass(slots=True)
class Arc:
    """An edge in one direction; seconds by profile, infinite where it may not go."""

    edge: int
    forward: bool
    source: int
    target: int
    light_s: float
    truck_s: float


@dataclass(slots=True)
class Network:
    """Nodes and edges are numbered from 0, by `spots` and `edges`; `island` 1 is the largest."""

    number: dict[int, int] = field(default_factory=dict)
    """OpenStreetMap's node id to ours."""
    spots: list[Spot] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    arcs: list[Arc] = field(default_factory=list)
    island: list[int] = field(default_factory=list)
    report: dict[str, float] = field(default_factory=dict)


def build(drawn: Drawn, rules: Rules) -> Network:
    """The network that the drawn roads make; raises BadInput when nothing can be driven on."""
    open_ways = [(way, traffic(way.tags, rules)) for way in drawn.ways]
    open_ways = [(way, t) for way, t in open_ways if any((*t.light, *t.truck))]
    if not open_ways:
        raise BadInput("文件中没有车辆可以通行的道路。请确认提取的数据包含 highway 道路。")
    made = Network()
    _add_edges(made, open_ways, {ban.via for ban in drawn.bans}, drawn.barred)
    _add_arcs(made)
    nodes = len(made.spots)
    honoured, left_out = _ban_turns(made, drawn.bans)
    length = np.array([e.length_m for e in made.edges])
    islands, share = _find_islands(made, nodes, length)
    made.report = {
        "ways": len(drawn.ways),
        "ways_closed": len(drawn.ways) - len(open_ways),
        "edges": len(made.edges),
        "nodes": nodes,
        "length_km": round(float(length.sum()) / 1000, 1),
        "oneway_edges": sum(0.0 in e.traffic.light for e in made.edges),
        "bridges": sum(tagged(way, "bridge") for way, _ in open_ways),
        "tunnels": sum(tagged(way, "tunnel") for way, _ in open_ways),
        "barriers": len(drawn.barred & made.number.keys()),
        "islands": islands,
        "largest_share": round(share, 4),
        "turn_bans": honoured,
        "turn_bans_left_out": drawn.bans_left_out + left_out,
    }
    return made


def tagged(way: Way, key: str) -> bool:
    """Is it a bridge, a tunnel?"""
    return way.tags.get(key, "no") not in ("no", "")


def _runs(way: Way) -> Iterator[tuple[list[int], list[Spot]]]:
    """The way's nodes without repeats, broken where the file lacks a node."""
    nodes: list[int] = []
    spots: list[Spot] = []
    for node, spot in zip(way.nodes, way.spots, strict=True):
        if spot is None:
            if len(nodes) > 1:
                yield nodes, spots
            nodes, spots = [], []
        elif not nodes or nodes[-1] != node:
            nodes.append(node)
            spots.append(spot)
    if len(nodes) > 1:
        yield nodes, spots


def _add_edges(
    made: Network, ways: list[tuple[Way, Traffic]], vias: set[int], barred: set[int]
) -> None:
    runs = [(way, t, *run) for way, t in ways for run in _runs(way)]
    used: Counter[int] = Counter()
    for _, _, nodes, _ in runs:
        used.update(nodes)
        used.update((nodes[0], nodes[-1]))
    used.update({node: 2 for node in vias | barred if node in used})
    steps = _steps([spots for *_, spots in runs])
    number = made.number
    at = 0
    for way, t, nodes, spots in runs:
        metres = steps[at : at + len(nodes) - 1]
        at += len(nodes)
        for first, last in _cuts([used[n] > 1 for n in nodes], metres):
            ends = []
            for k in (first, last):
                # Every edge that ends at a barrier ends there alone.
                if nodes[k] not in number or nodes[k] in barred:
                    number[nodes[k]] = len(made.spots)
                    made.spots.append(spots[k])
                ends.append(number[nodes[k]])
            made.edges.append(
                Edge(
                    way,
                    t,
                    ends[0],
                    ends[1],
                    tuple(spots[first : last + 1]),
                    max(sum(metres[first:last]), 0.001),
                )
            )


def _steps(lines: Iterable[list[Spot]]) -> list[float]:
    """Metres on the ellipsoid from each point to the next, over all lines in one go."""
    flat = np.array([spot for line in lines for spot in line])
    lon, lat = flat[:, 0], flat[:, 1]
    _, _, metres = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return [*np.asarray(metres).tolist(), 0.0]


def _cuts(fork: list[bool], metres: list[float]) -> Iterator[tuple[int, int]]:
    """First and last position of every edge in a run."""
    first, length = 0, 0.0
    for k, step in enumerate(metres, 1):
        if k - 1 > first and length + step > LONGEST_M:
            yield first, k - 1
            first, length = k - 1, 0.0
        length += step
        if fork[k]:
            yield first, k
            first, length = k, 0.0


def _add_arcs(made: Network) -> None:
    for number, e in enumerate(made.edges):
        for forward, k in ((True, 0), (False, 1)):
            light, truck = e.traffic.light[k], e.traffic.truck[k]
            if light or truck:
                ends = (e.source, e.target) if forward else (e.target, e.source)
                made.arcs.append(
                    Arc(
                        number,
                        forward,
                        *ends,
                        e.length_m / light if light else np.inf,
                        e.length_m / truck if truck else np.inf,
                    )
                )


def _ban_turns(made: Network, bans: list[Ban]) -> tuple[int, int]:
    """Give every arc that ends in a banned turn a node of its own, from which the rest goes on.

    Whoever arrives by that arc stands on that node, and nothing leads from it but what is allowed:
    no chain of other arcs can get round the ban. Returns how many bans hold, how many were left out
    because the way passes through the node and the turn is ambiguous.
    """
    into: dict[int, list[int]] = defaultdict(list)
    out: dict[int, list[int]] = defaultdict(list)
    for n, arc in enumerate(made.arcs):
        into[arc.target].append(n)
        out[arc.source].append(n)
    barred: dict[int, set[int]] = defaultdict(set)
    honoured = left_out = 0
    for ban in bans:
        via = made.number.get(ban.via)
        turns = _turns(made, ban, into[via], out[via]) if via is not None else set()
        if turns is None:
            left_out += 1
            continue
        honoured += bool(turns)
        for arrival, departure in turns:
            barred[arrival].add(departure)
    plain = list(made.arcs)
    before = {arrival: plain[arrival].target for arrival in barred}
    for arrival, node in before.items():
        plain[arrival].target = len(made.spots)
        made.spots.append(made.spots[node])
    for arrival, node in before.items():
        for n in out[node]:
            if n not in barred[arrival]:
                a = plain[n]
                copy = Arc(a.edge, a.forward, plain[arrival].target, a.target, a.light_s, a.truck_s)
                made.arcs.append(copy)
    return honoured, left_out


def _turns(made: Network, ban: Ban, into: list[int], out: list[int]) -> set[tuple[int, int]] | None:
    """The banned pairs of arrival and departure; None where the ways leave open which are meant."""
    turns: set[tuple[int, int]] = set()
    for from_way in ban.from_ways:
        arrivals = [n for n in into if made.edges[made.arcs[n].edge].way.id == from_way]
        if not arrivals:
            continue
        departures = [n for n in out if made.edges[made.arcs[n].edge].way.id in ban.to_ways]
        if len(arrivals) > 1 or len(departures) > len(ban.to_ways) or (ban.only and not departures):
            return None
        meant = set(out) - set(departures) if ban.only else set(departures)
        turns |= {(arrivals[0], n) for n in meant}
    return turns


def _find_islands(made: Network, nodes: int, length: Floats) -> tuple[int, float]:
    """Number the parts that hang together, the longest first; their count, the longest's share."""
    a = [e.source for e in made.edges]
    b = [e.target for e in made.edges]
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(nodes, nodes))
    count, part = connected_components(graph, directed=False)
    sums = np.bincount(part[a], weights=length, minlength=count)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-sums, kind="stable")] = np.arange(1, count + 1)
    made.island = rank[part[a]].tolist()
    return int(count), float(sums.max() / length.sum())
