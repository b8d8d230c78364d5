"""Points inside villages: near a seat, or on chosen cells of the land."""

import numpy as np
import shapely
from numpy.random import Generator

from .places import Place, Places
from .plane import Floats, Ints, Plane


def beside(plane: Plane, rng: Generator, hosts: list[Place], near: float, far: float) -> Floats:
    """One point in degrees (n, 2) for each host, `near` to `far` metres from its seat and
    strictly inside its village. Where the village is too narrow the point moves to the seat."""
    shapes = np.array([h.shape for h in hosts], dtype=object)
    seats = np.array([h.xy for h in hosts], dtype=np.float64).reshape(-1, 2)
    shapely.prepare(shapes)
    out = plane.degrees(seats)
    todo = np.arange(len(hosts))
    for attempt in range(8):
        angle = rng.uniform(0, 2 * np.pi, todo.size)
        reach = rng.uniform(near, far, todo.size) * 0.75**attempt
        offset = np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]
        tried = plane.degrees(seats[todo] + offset)
        good = shapely.contains_xy(shapes[todo], tried[:, 0], tried[:, 1])
        out[todo[good]] = tried[good]
        todo = todo[~good]
    return out


def on_cells(
    plane: Plane, rng: Generator, places: Places, labels: Ints, cells: Ints
) -> tuple[Floats, Ints, Ints]:
    """The cells' middles, shifted within the cell, in degrees, with village and cell of each.

    A cell whose point falls outside its village's smoothed border is left out.
    """
    xy = plane.centres(cells) + rng.uniform(-0.45, 0.45, (cells.size, 2)) * plane.cell
    lonlat = plane.degrees(xy)
    village = labels.ravel()[cells]
    shapes = np.array([p.shape for p in places.villages], dtype=object)
    shapely.prepare(shapes)
    good = shapely.contains_xy(shapes[village], lonlat[:, 0], lonlat[:, 1])
    return lonlat[good], village[good], cells[good]
