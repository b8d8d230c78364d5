"""Where lines cross: shared vertices between roads, bridges over rivers, nodes and ways."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely import LineString, STRtree

from .model import RoadNetwork, Way
from .plane import Floats, Plane

_Spot = tuple[float, float]
_BRIDGE = {"river": 45.0, "stream": 18.0}  # half the length in metres


@dataclass(slots=True)
class Road:
    """A stretch of road in degrees (n, 2) with its OpenStreetMap tags."""

    line: Floats
    tags: dict[str, str]

    @property
    def tunnel(self) -> bool:
        """Whether it runs below the ground, and meets nothing on it."""
        return "tunnel" in self.tags


@dataclass(frozen=True, slots=True)
class River:
    """A river's line in degrees, its class (river or stream) and its name or ''."""

    line: LineString
    class_: str
    name: str


def _spots(line: Floats) -> list[_Spot]:
    return [(x, y) for x, y in line.tolist()]


def noded(lines: Sequence[Floats]) -> list[Floats]:
    """The lines in degrees with a common vertex wherever two of them cross."""
    shapes = [LineString(line) for line in lines]
    wanted: dict[int, set[_Spot]] = defaultdict(set)
    for i, j in STRtree(shapes).query(shapes, predicate="intersects").T.tolist():
        if i < j:
            meeting = shapely.get_coordinates(shapely.intersection(shapes[i], shapes[j]))
            for spot in _spots(np.round(meeting, 7)):
                wanted[i].add(spot)
                wanted[j].add(spot)
    return [_with(line, wanted.get(n, set())) for n, line in enumerate(lines)]


def _with(line: Floats, spots: Iterable[_Spot]) -> Floats:
    """The line with the spots as vertices, each in the segment that it lies on."""
    out = _spots(line)
    for spot in sorted(set(spots) - set(out)):
        p, a, b = np.array(spot), np.array(out[:-1]), np.array(out[1:])
        ab = b - a
        t = np.clip(((p - a) * ab).sum(1) / np.maximum((ab**2).sum(1), 1e-18), 0, 1)
        gap = np.hypot(*(a + t[:, None] * ab - p).T)
        out.insert(int(gap.argmin()) + 1, spot)
    return np.array(out)


def network(roads: list[Road], rivers: list[River], plane: Plane) -> RoadNetwork:
    """Nodes and ways. A bridge is a way of its own and shares no node with what it crosses."""
    meeting = Counter(spot for road in roads for spot in set(_spots(road.line)))
    tree = STRtree([river.line for river in rivers])
    pieces: list[tuple[Floats, dict[str, str]]] = []
    for road in roads:
        if road.tunnel:
            pieces.append((road.line, road.tags))
        else:
            hits = tree.query(LineString(road.line), predicate="intersects")
            near = [rivers[n] for n in sorted(hits.tolist())]
            pieces += _bridged(road, near, plane, meeting)
    number: dict[_Spot, int] = {}
    ways = [
        Way(n, tuple(number.setdefault(s, len(number) + 1) for s in _spots(line)), tags)
        for n, (line, tags) in enumerate(pieces, 1)
    ]
    nodes = {n: spot for spot, n in number.items()}
    for river in rivers:
        # Rivers get nodes of their own, even where a road vertex has the same place.
        first, spots = len(nodes) + 1, _spots(shapely.get_coordinates(river.line))
        nodes |= dict(enumerate(spots, first))
        tags = {"waterway": river.class_} | ({"name": river.name} if river.name else {})
        ways.append(Way(len(ways) + 1, tuple(range(first, first + len(spots))), tags))
    return RoadNetwork(nodes, ways)


def _bridged(
    road: Road, rivers: list[River], plane: Plane, meeting: Counter[_Spot]
) -> list[tuple[Floats, dict[str, str]]]:
    """The road cut into stretches on the ground and bridges over every river it crosses."""
    shape = LineString(road.line)
    spans: list[tuple[float, float]] = []
    metres = plane.metres(road.line)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(metres, axis=0).T))]
    flat = LineString(metres)
    fixed = [0.0, float(along[-1])] + [
        float(d) for d, s in zip(along, _spots(road.line), strict=True) if meeting[s] > 1
    ]
    for river in rivers:
        crossing = shapely.get_coordinates(shapely.intersection(shape, river.line))
        for x, y in plane.metres(crossing).tolist():
            at = float(shapely.line_locate_point(flat, shapely.Point(x, y)))
            before = max((f for f in fixed if f < at), default=0.0)
            after = min((f for f in fixed if f > at), default=float(along[-1]))
            half = _BRIDGE[river.class_]
            spans.append((at - min(half, (at - before) / 2), at + min(half, (after - at) / 2)))
    if not spans:
        return [(road.line, road.tags)]
    return _cut(road, along, _merged(spans), plane)


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if out and low <= out[-1][1] + 5:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out


def _cut(
    road: Road, along: Floats, spans: list[tuple[float, float]], plane: Plane
) -> list[tuple[Floats, dict[str, str]]]:
    metres = plane.metres(road.line)
    stops = [0.0, *(s for span in spans for s in span), float(along[-1])]
    out: list[tuple[Floats, dict[str, str]]] = []
    ends = np.column_stack([np.interp(stops, along, metres[:, k]) for k in (0, 1)])
    corner = plane.degrees(ends)
    corner[0], corner[-1] = road.line[0], road.line[-1]
    for n, (low, high) in enumerate(pairwise(stops)):
        inner = road.line[(along > low + 0.5) & (along < high - 0.5)]
        line = np.vstack([corner[n], inner, corner[n + 1]])
        extra = {"bridge": "yes", "layer": "1"} if n % 2 else {}
        out.append((line, road.tags | extra))
    return out
