"""Rivers along the drainage tree, and reservoirs behind dams on them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from shapely import Polygon

from .outlines import coverage, smoothed
from .plane import Floats, Ints, Mask, Plane
from .terrain import Terrain

SPRING_KM2, RIVER_KM2 = 4.0, 45.0  # drained area where a stream, and where a river begins


@dataclass(frozen=True, slots=True)
class Stem:
    """One stream from its spring to its mouth: grid cells, their line in metres, km² drained."""

    cells: Ints
    line: Floats
    km2: float
    into: int | None


@dataclass(frozen=True, slots=True)
class Dam:
    """A dam on a stream: its cell, its water level in metres, and the flooded cells."""

    cell: int
    level: float
    flooded: Mask


def stems(terrain: Terrain) -> list[Stem]:
    """All streams, the main river first. A stream ends on a vertex of the one it flows into."""
    plane, flow = terrain.plane, terrain.flow
    km2 = flow.area * plane.cell**2 / 1e6
    wet = np.flatnonzero(km2 >= SPRING_KM2)
    wet = wet[np.argsort(-km2[wet], kind="stable")]
    largest: dict[int, int] = {}  # the main feeder of each cell: first met is largest
    feeders: dict[int, list[int]] = {}
    for cell in wet.tolist():
        below = int(flow.receiver[cell])
        if below != cell:
            if below in largest:
                feeders.setdefault(below, []).append(cell)
            else:
                largest[below] = cell
    drawn: dict[int, tuple[float, float]] = {}
    found: list[Stem] = []
    heads: list[tuple[int, int | None, int | None]] = [(int(wet[0]), None, None)]
    while heads:
        head, mouth, into = heads.pop(0)
        cells = [head]
        while (above := largest.get(cells[-1])) is not None:
            cells.append(above)
        cells.reverse()
        path = np.array(cells if mouth is None else [*cells, mouth])
        line = plane.centres(path)
        if mouth is not None:
            line[-1] = drawn[mouth]
        line = smoothed(line, 240 / plane.cell)
        drawn |= {cell: (x, y) for cell, (x, y) in zip(cells, line.tolist(), strict=False)}
        found.append(Stem(path, line, float(km2[head]), into))
        for cell in reversed(cells):
            heads += [(f, cell, len(found) - 1) for f in feeders.get(cell, [])]
    return found


def dams(terrain: Terrain, rivers: list[Stem], inside: Mask, wanted: int) -> list[Dam]:
    """Up to `wanted` dams inside the county, the larger lakes first, none above another's lake."""
    plane, flow = terrain.plane, terrain.flow
    z = terrain.height.ravel()
    taken = np.zeros(z.size, dtype=bool)
    found: list[Dam] = []
    sites = [s.cells[i] for s in rivers for i in range(len(s.cells) // 3, len(s.cells) - 12, 7)]
    km2 = flow.area * plane.cell**2 / 1e6
    sites = [int(c) for c in sites if inside.flat[c] and 8 < km2[c] < 160]
    scored: list[tuple[float, int, float, Mask]] = []
    for cell in sites:
        level = float(z[cell]) + 30.0
        flooded = _flooded(terrain, cell, level)
        size = float(flooded.sum()) * plane.cell**2 / 1e6
        if 0.3 < size < 3.5 and inside.ravel()[flooded].all():
            # A good site floods much behind a narrow gap.
            gap = _gap(terrain, cell, level)
            scored.append((size / (gap + 1), cell, level, flooded))
    for _, cell, level, flooded in sorted(scored, key=lambda s: (-s[0], s[1])):
        wide = ndimage.binary_dilation(
            flooded.reshape(inside.shape), iterations=int(5000 / plane.cell)
        ).ravel()
        if not (wide & taken).any():
            taken |= flooded
            found.append(Dam(cell, level, flooded))
        if len(found) == wanted:
            break
    return found


def _flooded(terrain: Terrain, dam: int, level: float) -> Mask:
    """The cells upstream of the dam that lie below its level, joined to it."""
    receiver, z = terrain.flow.receiver, terrain.height.ravel()
    below = np.flatnonzero(z < level)
    out = np.zeros(z.size, dtype=bool)
    out[dam] = True
    # Water runs down through flooded cells only: follow the tree up, level after level.
    row, col = divmod(dam, terrain.plane.shape[1])
    reach = int(6000 / terrain.plane.cell)
    rows, cols = np.divmod(below, terrain.plane.shape[1])
    near = below[(abs(rows - row) < reach) & (abs(cols - col) < reach)]
    while True:
        more = near[out[receiver[near]] & ~out[near]]
        if not more.size:
            return out
        out[more] = True


def _gap(terrain: Terrain, dam: int, level: float) -> int:
    """Cells that a straight dam through the cell needs, along the better of two directions."""
    z, (row, col) = terrain.height, divmod(dam, terrain.plane.shape[1])
    across = z[row, max(0, col - 15) : col + 16]
    down = z[max(0, row - 15) : row + 16, col]
    return int(min((across < level).sum(), (down < level).sum()))


def lake(terrain: Terrain, dam: Dam) -> Polygon:
    """The water behind a dam in degrees, drawn four times finer than the grid."""
    plane = terrain.plane
    mask = dam.flooded.reshape(plane.shape)
    rows, cols = np.nonzero(mask)
    r0, r1, c0, c1 = rows.min() - 3, rows.max() + 4, cols.min() - 3, cols.max() + 4
    fine = 4
    height = ndimage.zoom(
        terrain.height[r0:r1, c0:c1], fine, order=3, grid_mode=True, mode="nearest"
    )
    # Below the dam the ground is lower than at it: no water leaks past.
    above = terrain.height >= terrain.height.flat[dam.cell]
    near = ndimage.binary_dilation(mask[r0:r1, c0:c1]) & above[r0:r1, c0:c1]
    wet = (height < dam.level) & near.repeat(fine, 0).repeat(fine, 1)
    patches, _ = ndimage.label(wet)
    largest = int(np.bincount(patches.ravel())[1:].argmax()) + 1
    wet = ndimage.binary_fill_holes(patches == largest)
    size = (float(c1 - c0) * plane.cell, float(r1 - r0) * plane.cell)
    middle = plane.of_rowcol(np.array([[(r0 + r1 - 1) / 2, (c0 + c1 - 1) / 2]]))
    lon, lat = plane.degrees(middle)[0]
    window = Plane(float(lon), float(lat), *size, plane.cell / fine)
    return coverage(np.where(wet, 0, -1).astype(np.int64), window, sigma=3, tolerance=8)[0]
