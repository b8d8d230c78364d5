"""From a grid of labels to polygons that share their borders exactly."""

from collections import defaultdict

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString, Polygon

from .plane import Floats, Ints, Plane


def smoothed(line: Floats, sigma: float) -> Floats:
    """A line (n, 2) smoothed along itself; an open line keeps its ends, a ring stays closed."""
    if len(line) < 4 or sigma <= 0:
        return line
    if np.array_equal(line[0], line[-1]):
        ring = ndimage.gaussian_filter1d(line[:-1], sigma, axis=0, mode="wrap")
        return np.vstack([ring, ring[:1]])
    # Reflecting through the ends (and not in a mirror) keeps the direction there, too.
    pad = min(len(line) - 1, int(4 * sigma) + 1)
    before = 2 * line[0] - line[pad:0:-1]
    after = 2 * line[-1] - line[-2 : -pad - 2 : -1]
    out: Floats = ndimage.gaussian_filter1d(np.vstack([before, line, after]), sigma, axis=0)
    out = out[pad:-pad]
    out[0], out[-1] = line[0], line[-1]
    return out


def borders(labels: Ints) -> list[Floats]:
    """The lines between different labels of a grid, from junction to junction.

    Each is (n, 2) in fractional (row, column) of cell corners: -0.5 is the outer edge.
    """
    padded = np.pad(labels, 1, constant_values=-1)
    r, c = np.nonzero(padded[:, :-1] != padded[:, 1:])  # wall to the right of (r, c)
    upright = np.stack([np.column_stack([r, c + 1]), np.column_stack([r + 1, c + 1])], axis=1)
    r, c = np.nonzero(padded[:-1] != padded[1:])
    level = np.stack([np.column_stack([r + 1, c]), np.column_stack([r + 1, c + 1])], axis=1)
    walls = np.concatenate([upright, level]).astype(np.float64) - 1.5
    merged = shapely.line_merge(shapely.union_all(shapely.linestrings(walls)))
    return [shapely.get_coordinates(part) for part in shapely.get_parts(merged)]


def _eased(lines: list[Floats]) -> list[Floats]:
    """Move each junction towards the lines that meet in it: no right angles from the grid."""
    near: dict[tuple[float, float], list[Floats]] = defaultdict(list)
    for line in lines:
        step = min(3, len(line) // 2)
        near[tuple(line[0])].append(line[step])
        near[tuple(line[-1])].append(line[-1 - step])
    out = []
    for line in lines:
        ends = np.array(
            [np.mean([line[k], np.mean(near[tuple(line[k])], axis=0)], axis=0) for k in (0, -1)]
        )
        out.append(np.vstack([ends[:1], line[1:-1], ends[1:]]))
    return out


def coverage(
    labels: Ints, plane: Plane, *, sigma: float = 1.6, tolerance: float = 3.0
) -> dict[int, Polygon]:
    """One polygon in degrees for each label >= 0; each label must be one 4-connected patch.

    Borders are smoothed over `sigma` cells and thinned to `tolerance` metres, each once for both
    of its sides, so the polygons neither overlap nor leave gaps. Smoothing that would tear a
    narrow neck is taken back step by step; raw cell edges always succeed.
    """
    raw = borders(labels)
    eased = _eased(raw)
    wanted = np.unique(labels[labels >= 0])
    for strength in (sigma, sigma / 2, sigma / 4, 0.0):
        lines, thin = (eased, tolerance) if strength else (raw, 0.0)
        rings = [_drawn(line, plane, strength, thin) for line in lines]
        found = _matched(rings, labels, plane)
        if len(found) == wanted.size and shapely.coverage_is_valid(list(found.values())):
            return found
    raise ValueError("the labels are not connected patches")


def _drawn(line: Floats, plane: Plane, sigma: float, tolerance: float) -> LineString:
    drawn = LineString(plane.of_rowcol(smoothed(line, sigma)))
    if tolerance:
        drawn = shapely.simplify(drawn, tolerance)
    return LineString(plane.degrees(shapely.get_coordinates(drawn)))


def _matched(rings: list[LineString], labels: Ints, plane: Plane) -> dict[int, Polygon]:
    """The polygons between the lines, each under the label that most of its cells carry."""
    faces: NDArray[np.object_] = shapely.get_parts(shapely.polygonize(rings))
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    found: dict[int, Polygon] = {}
    for face, label in zip(faces, labels.ravel()[plane.cells(plane.metres(inner))], strict=True):
        if label >= 0:
            if int(label) in found:
                return {}
            found[int(label)] = face
    return dict(sorted(found.items()))
