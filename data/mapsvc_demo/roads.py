"""Road lines: routes on the grid become smooth curves that meet in shared points."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString

from .crossings import noded
from .outlines import smoothed
from .plane import Floats, Ints
from .routes import CLASSES, Route, routes
from .sites import Land
from .streets import streets

_SPEED = {"trunk": "80", "primary": "60", "secondary": "50"}
_TUNNELS, _COVER, _SPAN = 4, 30.0, 1500.0  # at most; metres of rock above; metres long
_Kind = tuple[int, str]


@dataclass(slots=True)
class Road:
    """A stretch of road in degrees (n, 2) with its OpenStreetMap tags."""

    line: Floats
    tags: dict[str, str]

    @property
    def tunnel(self) -> bool:
        """Whether it runs below the ground, and meets nothing on it."""
        return "tunnel" in self.tags


def roads(land: Land, rivers: list[LineString], town: str, rng: Generator) -> list[Road]:
    """All roads and streets of the county; where two meet they share a vertex."""
    plane = land.terrain.plane
    chains = _chains(routes(land), land.territory.seat)
    bores = _bores(land, chains)
    out: list[Road] = []
    for n, (cells, kind) in enumerate(chains):
        out += _stretches(land, cells, kind, bores.get(n))
    seat = plane.centres(land.territory.seat[land.territory.capital[:1]])[0]
    out += [Road(line, tags) for line, tags in streets(plane, seat, rivers, town, rng)]
    above = [road for road in out if not road.tunnel]
    for road, line in zip(above, noded([road.line for road in above]), strict=True):
        road.line = line
    return out


def _chains(found: list[Route], seats: Ints) -> list[tuple[Ints, _Kind]]:
    """The routes' cells as lines from junction to junction, each of one class and number."""
    kinds: dict[tuple[int, int], _Kind] = {}
    for route in found:
        cells = route.cells.tolist()
        for a, b in zip(cells, cells[1:], strict=False):
            step = (min(a, b), max(a, b))
            kinds[step] = min(kinds.get(step, (9, "")), (route.rank, route.ref))
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in sorted(kinds):
        near[a].append(b)
        near[b].append(a)

    def kind(a: int, b: int) -> _Kind:
        return kinds[min(a, b), max(a, b)]

    fixed = set(seats.tolist())
    ends = [c for c, n in near.items()
            if len(n) != 2 or c in fixed or kind(c, n[0]) != kind(c, n[1])]
    stops, done = set(ends), set()
    out: list[tuple[Ints, _Kind]] = []
    for start in sorted(ends):
        for cell in near[start]:
            if (start, cell) in done:
                continue
            line = [start, cell]
            while line[-1] not in stops:
                a, b = near[line[-1]]
                line.append(b if a == line[-2] else a)
            done |= {(start, cell), (line[-1], line[-2])}
            out.append((np.array(line, dtype=np.int64), kind(start, cell)))
    return out


def _bores(land: Land, chains: list[tuple[Ints, _Kind]]) -> dict[int, tuple[int, int]]:
    """For a few main roads over a ridge: the first and last vertex of a tunnel through it."""
    z, plane = land.terrain.height.ravel(), land.terrain.plane
    found = []
    for n, (cells, (rank, _)) in enumerate(chains):
        if rank > 2:
            continue
        xy, height = plane.centres(cells), z[cells]
        for i in range(4, len(cells) - 12):
            for j in range(i + 8, min(i + 26, len(cells) - 4)):
                span = float(np.hypot(*(xy[j] - xy[i])))
                if 400 < span < _SPAN:
                    cover = float(height[i:j].max() - max(height[i], height[j]))
                    found.append((cover - span / 60, n, i, j))
    out: dict[int, tuple[int, int]] = {}
    for cover, n, i, j in sorted(found, key=lambda f: (-f[0], f[1:])):
        if cover > _COVER and n not in out and len(out) < _TUNNELS:
            out[n] = (i, j)
    return out


def _stretches(
    land: Land, cells: Ints, kind: _Kind, bore: tuple[int, int] | None
) -> list[Road]:
    """A chain as smooth road, cut in three where a tunnel takes out its middle."""
    plane = land.terrain.plane
    xy = plane.centres(cells)
    if bore:
        i, j = bore
        xy[i : j + 1] = np.linspace(xy[i], xy[j], j + 1 - i)
    xy = smoothed(xy, (200 if kind[0] < 3 else 130) / plane.cell)
    cuts = [(0, len(xy) - 1)]
    if bore:
        xy[i : j + 1] = np.linspace(xy[i], xy[j], j + 1 - i)
        cuts = [(0, i), (i, j), (j, len(xy) - 1)]
    out = []
    for first, last in cuts:
        line = shapely.simplify(LineString(xy[first : last + 1]), 5.0)
        tags = _tags(kind)
        if bore == (first, last):
            tags |= {"tunnel": "yes", "layer": "-1"}
        out.append(Road(plane.degrees(shapely.get_coordinates(line)), tags))
    return out


def _tags(kind: _Kind) -> dict[str, str]:
    rank, ref = kind
    class_ = CLASSES[rank]
    tags = {"highway": class_}
    if ref:
        tags |= {"ref": ref, "name": {"G": "国道", "S": "省道", "X": "县道", "Y": "乡道"}[ref[0]] + ref}
    if class_ in _SPEED:
        tags["maxspeed"] = _SPEED[class_]
    tags["surface"] = "asphalt" if rank < 3 else "concrete"
    return tags
