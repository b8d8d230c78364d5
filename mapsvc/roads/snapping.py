"""Where a place gets onto the road: the nearest edge that its vehicle may use.

Edges are compared in metres on the plane that touches the ellipsoid at the place. A place whose
nearest edge leads nowhere (a scrap of road apart from the rest, a one-way street into a dead end)
gets onto the next one that leads on, if that is not much farther: the way there is then in its
metres off the road.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mapsvc.roads.graph import Edges, Floats, Graph, Stands
from mapsvc.roads.lines import STEP_M, Lines, on_globe
from mapsvc.roads.rules import Direction, Profile

_SAME_M = 0.05
"""Edges within this of the nearest are equally near: all that meet in a junction."""
_MOST_SAME = 8
DETOUR_M = 200.0
"""So much farther than its nearest edge a place may get onto one that leads on."""
_ON_ROAD_M = 1.0
"""Who stands on a road is not moved to another."""
_FEW, _MANY = 8, 4096
_CHUNK = 4000

Use = Literal["leave", "enter"]
"""The place is left by its edge, or reached by it."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS-84 degrees."""

    lon: float
    lat: float


def uses(direction: Direction) -> tuple[Use, Use]:
    """What places and event do with their edges."""
    return ("leave", "enter") if direction == "to" else ("enter", "leave")


def snap(
    graph: Graph,
    places: Sequence[Place],
    profile: Profile,
    closed: Edges,
    most_m: float,
    use: Use,
) -> Stands:
    """Each place on its nearest usable edge, or on all that meet in the nearest point.

    A place farther than `most_m` metres from every edge stands on none. Nobody gets onto a
    `closed` edge.
    """
    spots = np.array([(p.lon, p.lat) for p in places], dtype=np.float64).reshape(-1, 2)
    wanted = graph.usable[profile] & ~closed
    parts = [
        _snapped(graph, spots[n : n + _CHUNK], wanted, graph.stuck(profile, use), most_m)
        for n in range(0, len(spots), _CHUNK)
    ]
    out = Stands.nowhere(0)
    for part in parts:
        out = out.and_(part)
    return out


def _snapped(graph: Graph, spots: Floats, wanted: Edges, stuck: Edges, most_m: float) -> Stands:
    found = _nearest(graph.lines, spots, wanted, np.full(len(spots), most_m))
    off_m = found.least(len(spots))
    apart = np.ones(len(spots), dtype=bool)
    apart[found.point[~stuck[found.edge]]] = False
    left = np.flatnonzero(apart & np.isfinite(off_m) & (off_m > _ON_ROAD_M))
    if len(left):
        most = np.minimum(off_m[left] + DETOUR_M, most_m)
        other = _nearest(graph.lines, spots[left], wanted & ~stuck, most)
        moved = left[np.unique(other.point)]
        found = found.without(moved).and_(other.of(left))
    order = np.lexsort((found.edge, found.point))
    return Stands(
        found.least(len(spots)),
        found.point[order],
        found.edge[order].astype(np.int32),
        found.share[order],
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Places on edges: which place, which edge, share of its length, metres off it."""

    point: Numbers
    edge: Numbers
    share: Floats
    off_m: Floats

    def least(self, count: int) -> Floats:
        off_m = np.full(count, np.inf)
        np.minimum.at(off_m, self.point, self.off_m)
        return off_m

    def kept(self, keep: NDArray[np.bool_] | Numbers) -> "_Found":
        return _Found(self.point[keep], self.edge[keep], self.share[keep], self.off_m[keep])

    def without(self, points: Numbers) -> "_Found":
        return self.kept(~np.isin(self.point, points))

    def of(self, numbers: Numbers) -> "_Found":
        """The same under the numbers that the places have elsewhere."""
        return _Found(numbers[self.point], self.edge, self.share, self.off_m)

    def and_(self, more: "_Found") -> "_Found":
        return _Found(
            np.append(self.point, more.point),
            np.append(self.edge, more.edge),
            np.append(self.share, more.share),
            np.append(self.off_m, more.off_m),
        )

    def nearest(self, count: int, most_m: Floats) -> "_Found":
        """An edge once for each place, those that are nearest or as near; within the limits."""
        order = np.lexsort((self.edge, self.off_m, self.point))
        pair = self.point[order] * (int(self.edge.max(initial=0)) + 1) + self.edge[order]
        _, first = np.unique(pair, return_index=True)
        one = self.kept(order[np.sort(first)])
        least = one.least(count)
        near = one.kept(
            (one.off_m <= least[one.point] + _SAME_M) & (least[one.point] <= most_m[one.point])
        )
        begin = np.searchsorted(near.point, near.point)
        return near.kept(np.arange(len(near.point)) - begin < _MOST_SAME)


def _nearest(lines: Lines, spots: Floats, wanted: Edges, most_m: Floats) -> _Found:
    """Each spot's nearest wanted edges. The nearest sample bounds how far the nearest can be."""
    globe = on_globe(spots)
    reach_m = _reach(lines, globe, wanted, most_m)
    asked = np.flatnonzero(np.isfinite(reach_m))
    # On the globe and on the plane the same metres differ by less than a hundredth.
    around = lines.tree.query_ball_point(globe[asked], reach_m[asked] * 1.01 + STEP_M / 2 + 0.1)
    counts = np.array([len(one) for one in around], dtype=np.int64)
    samples = np.concatenate([*around, []]).astype(np.int64)
    segment = lines.segment_of[samples]
    point = np.repeat(asked, counts)
    keep = wanted[lines.edge_of[segment]]
    point, segment = point[keep], segment[keep]
    share, off_m = lines.foot(spots[point], segment)
    found = _Found(point, lines.edge_of[segment].astype(np.int64), share, off_m)
    return found.nearest(len(spots), most_m)


def _reach(lines: Lines, globe: Floats, wanted: Edges, most_m: Floats) -> Floats:
    """Metres within which each spot has a wanted edge; infinite where none is near enough."""
    reach_m = np.full(len(globe), np.inf)
    left, count = np.arange(len(globe)), _FEW
    farthest = float(most_m.max(initial=0.0)) * 1.01 + STEP_M / 2 + 0.1
    total = len(lines.segment_of)
    while len(left):
        count = min(count, total)
        metres, sample = lines.tree.query(
            globe[left], k=np.arange(1, count + 1), distance_upper_bound=farthest
        )
        near = np.isfinite(metres)
        edge = lines.edge_of[lines.segment_of[np.where(near, sample, 0)]]
        reach_m[left] = np.where(near & wanted[edge], metres, np.inf).min(axis=1)
        # Who has none yet, though there are more samples than were looked at.
        left = left[np.isinf(reach_m[left]) & near.all(axis=1)] if count < total else left[:0]
        count *= 8 if count < _MANY else total
    return reach_m
