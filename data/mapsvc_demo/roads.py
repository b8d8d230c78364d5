"""Road lines: routes on the grid become smooth curves that meet in shared points."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString

from .crossings import River, Road, noded
from .outlines import smoothed
from .plane import Floats, Ints, Plane
from .routes import CLASSES, Kind, Step, routes
from .sites import Land
from .streets import streets

_SPEED = {"trunk": "80", "primary": "60", "secondary": "50"}
_TUNNELS, _COVER, _SPAN = 4, 22.0, 1500.0  # at most; metres of rock above; metres long


@dataclass(frozen=True, slots=True)
class _Piece:
    """A road from junction to junction: cells (n,), metres (n, 2), class and number."""

    cells: Ints
    xy: Floats
    kind: Kind


def roads(land: Land, rivers: list[River], town: str, rng: Generator) -> list[Road]:
    """All roads and streets of the county; where two meet they share a vertex."""
    plane = land.terrain.plane
    seat = int(land.territory.seat[land.territory.capital[0]])
    out = _bored(land, _pieces(plane, routes(land), seat))
    centre = plane.centres(np.array([seat]))[0]
    out += streets(plane, centre, rivers, town, rng)
    above = [road for road in out if not road.tunnel]
    for road, line in zip(above, noded([road.line for road in above]), strict=True):
        road.line = line
    return out


def _pieces(plane: Plane, kinds: dict[Step, Kind], seat: int) -> list[_Piece]:
    """The steps as smooth lines in metres from junction to junction, the main roads first.

    Each road is drawn through its junctions in one curve; lesser roads then end on its vertices.
    """
    near: dict[Kind, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    degree: Counter[int] = Counter()
    for (a, b), kind in sorted(kinds.items()):
        near[kind][a].append(b)
        near[kind][b].append(a)
        degree.update((a, b))
    at: dict[int, tuple[float, float]] = {}
    out: list[_Piece] = []
    for kind in sorted(near):
        known = {*at, seat}
        for cells in _strokes(near[kind], known):
            xy = plane.centres(np.array(cells))
            for k in (0, -1):
                xy[k] = at.get(cells[k], tuple(xy[k]))
            xy = smoothed(xy, (190 if kind[0] < 3 else 130) / plane.cell)
            for cell, (x, y) in zip(cells, xy.tolist(), strict=True):
                at.setdefault(cell, (x, y))
            cuts = [k for k, c in enumerate(cells) if degree[c] != 2 or k in (0, len(cells) - 1)]
            out += [
                _Piece(np.array(cells[i : j + 1]), xy[i : j + 1], kind) for i, j in pairwise(cuts)
            ]
    return out


def _strokes(near: dict[int, list[int]], known: set[int]) -> list[list[int]]:
    """The lines of one road between its ends, its forks, and the cells of better roads."""
    stops = {c for c, n in near.items() if len(n) != 2 or c in known}
    done: set[Step] = set()
    out = []
    for start in [*sorted(stops), *sorted(near)]:  # the second round finds closed loops
        for cell in near[start]:
            if (start, cell) in done:
                continue
            line = [start, cell]
            while line[-1] not in stops and line[-1] != start:
                a, b = near[line[-1]]
                line.append(b if a == line[-2] else a)
            done.update(pairwise(line))
            done.update(pairwise(reversed(line)))
            out.append(line)
    return out


def _bored(land: Land, pieces: list[_Piece]) -> list[Road]:
    """The pieces as roads; where a main road climbs over a ridge, a few straight tunnels."""
    z, plane = land.terrain.height.ravel(), land.terrain.plane
    found = []
    for n, piece in enumerate(pieces):
        height = z[piece.cells]
        for i in range(3, len(height) - 9 if piece.kind[0] < 3 else 0):
            for j in range(i + 6, min(i + 26, len(height) - 3)):
                span = float(np.hypot(*(piece.xy[j] - piece.xy[i])))
                cover = float(height[i:j].max() - max(height[i], height[j]))
                if span < _SPAN and cover > _COVER:
                    found.append((cover - span / 60, n, i, j))
    bores: dict[int, tuple[int, int]] = {}
    for _, n, i, j in sorted(found, key=lambda f: (-f[0], f[1:])):
        if n not in bores and len(bores) < _TUNNELS:
            bores[n] = (i, j)
    out = []
    for n, piece in enumerate(pieces):
        last = len(piece.xy) - 1
        i, j = bores.get(n, (0, last))
        for first, end in ((0, i), (i, j), (j, last)):
            if first < end:
                rock = {"tunnel": "yes", "layer": "-1"} if n in bores and first == i else {}
                xy = piece.xy[[first, end]] if rock else piece.xy[first : end + 1]
                line = shapely.simplify(LineString(xy), 5.0)
                out.append(
                    Road(plane.degrees(shapely.get_coordinates(line)), _tags(piece.kind) | rock)
                )
    return out


def _tags(kind: Kind) -> dict[str, str]:
    rank, ref = kind
    class_ = CLASSES[rank]
    tags = {"highway": class_}
    if ref:
        tags |= {
            "ref": ref,
            "name": {"G": "国道", "S": "省道", "X": "县道", "Y": "乡道"}[ref[0]] + ref,
        }
    if class_ in _SPEED:
        tags["maxspeed"] = _SPEED[class_]
    tags["surface"] = "asphalt" if rank < 3 else "concrete"
    return tags
