"""The streets of the county's seat: a small grid through its main crossing."""

from itertools import pairwise

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString

from .crossings import River, Road
from .plane import Floats, Plane

_ALONG = ("河街", "文昌路", "青岚大道", "人民路", "学府路", "建设路", "北环路")
_ACROSS = ("西环路", "古井街", "鼓楼街", "解放路", "东门街", "朝阳路", "站前路", "东环路")
_MIDDLE = (2, 3)  # the two main streets cross at the seat
_ONE_WAY = {"古井街": 1, "鼓楼街": -1, "文昌路": 1}


def streets(
    plane: Plane, seat: Floats, rivers: list[River], town: str, rng: Generator
) -> list[Road]:
    """Street lines in degrees with tags. Only the main streets bridge a river; a block whose
    other streets would cross one is left out, and so is what that cuts off."""
    angle = rng.uniform(0.1, 0.5)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    u = np.cumsum(rng.uniform(170, 300, len(_ACROSS)))
    v = np.cumsum(rng.uniform(150, 260, len(_ALONG)))
    u, v = u - u[_MIDDLE[1]], v - v[_MIDDLE[0]]
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    shift = rng.normal(0, 14, grid.shape)
    shift[_MIDDLE[1], _MIDDLE[0]] = 0.0
    xy = (grid + shift) @ axes + seat
    corner = plane.degrees(xy.reshape(-1, 2)).reshape(grid.shape)
    # The crossing at the seat is the road network's own node there.
    water = shapely.union_all([river.line for river in rivers])
    shapely.prepare(water)
    out = []
    for k, name in enumerate(_ALONG):
        out += _street(corner[:, k], name, town, water, k == _MIDDLE[0])
    for k, name in enumerate(_ACROSS):
        out += _street(corner[k], name, town, water, k == _MIDDLE[1])
    return _reached(out, corner[_MIDDLE[1], _MIDDLE[0]])


def _street(line: Floats, name: str, town: str, water: shapely.Geometry, main: bool) -> list[Road]:
    """A street without the blocks that cross water, as one line or several."""
    tags = {
        "highway": "tertiary" if main else "residential",
        "name": name,
        "maxspeed": "50" if main else "30",
        "surface": "asphalt",
        "addr:district": town,
    }
    runs: list[list[Floats]] = [[line[0]]]
    for a, b in pairwise(line):
        if main or not shapely.intersects(water, LineString([a, b])):
            runs[-1].append(b)
        else:
            runs.append([b])
    whole = len(runs) == 1
    if whole and name in _ONE_WAY:
        tags["oneway"] = "yes"
        runs = [run[:: _ONE_WAY[name]] for run in runs]
    return [Road(np.array(run), dict(tags)) for run in runs if len(run) > 1]


def _reached(lines: list[Road], start: Floats) -> list[Road]:
    """The lines that hang together with the start."""
    ends = [set(map(tuple, road.line.tolist())) for road in lines]
    known = {(float(start[0]), float(start[1]))}
    while True:
        more = set().union(*(e for e in ends if e & known), known)
        if more == known:
            return [road for road, e in zip(lines, ends, strict=True) if e & known]
        known = more
