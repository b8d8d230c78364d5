"""What grows and what is dug: forests on the slopes, mines and quarries on some of them."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage
from shapely import Polygon

from .outlines import coverage
from .plane import Floats, Ints, Mask, Plane
from .terrain import Terrain, noise


@dataclass(frozen=True, slots=True)
class Mine:
    """A mine: its grid cell, what it is, and its radius in metres."""

    cell: int
    product: str
    radius: float


def forest(terrain: Terrain, rng: Generator, seats: Ints) -> Mask:
    """Where forest stands (rows, cols): on slopes and heights, away from the villages."""
    plane = terrain.plane
    steep = ndimage.gaussian_filter(terrain.slope, 320 / plane.cell)
    high = ndimage.gaussian_filter(terrain.height, 320 / plane.cell)
    clear = np.zeros(plane.shape)
    clear.flat[seats] = 1.0
    clear = ndimage.gaussian_filter(clear, 480 / plane.cell) * (480 / plane.cell) ** 2 * 2 * np.pi
    score = 5 * steep + high / 900 + 0.3 * noise(rng, plane.shape, 14, 4) - 0.7 * clear
    out: Mask = score > np.quantile(score, 0.56)
    out = ndimage.binary_opening(out, iterations=max(1, round(160 / plane.cell)))
    closed: Mask = ndimage.binary_closing(out, iterations=max(1, round(160 / plane.cell)))
    return closed


def woods(stand: Mask, inside: Mask, plane: Plane) -> list[Polygon]:
    """Forests of a square kilometre and more as polygons in degrees, the largest first."""
    patches, _ = ndimage.label(stand & inside)
    size = np.bincount(patches.ravel()) * plane.cell**2 / 1e6
    kept = np.flatnonzero(size >= 1.0)
    kept = kept[kept > 0]
    number = np.full(size.size, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    shapes = coverage(number[patches], plane, sigma=2.0, tolerance=15.0)
    return sorted(shapes.values(), key=lambda s: -s.area)


def mines(terrain: Terrain, rng: Generator, inside: Mask, seats: Ints, wanted: int) -> list[Mine]:
    """Mines on slopes, one to three kilometres from the next village seat, far apart."""
    plane = terrain.plane
    settled = np.ones(plane.shape, dtype=bool)
    settled.flat[seats] = False
    away = ndimage.distance_transform_edt(settled) * plane.cell
    fit = inside & (terrain.slope > 0.16) & (terrain.slope < 0.5) & (away > 700) & (away < 3000)
    cells = rng.permutation(np.flatnonzero(ndimage.binary_erosion(fit | (away < 3000)) & fit))
    products = (
        "石灰岩矿",
        "采石场",
        "萤石矿",
        "铅锌矿",
        "砂石场",
        "高岭土矿",
        "锰矿",
        "页岩砖厂取土场",
    )
    found: list[Mine] = []
    taken: list[tuple[float, float]] = []
    for cell, (x, y) in zip(cells.tolist(), plane.centres(cells).tolist(), strict=True):
        if all(np.hypot(x - u, y - v) > 5000 for u, v in taken):
            product = products[len(found) % len(products)]
            found.append(Mine(cell, product, float(rng.uniform(110, 260))))
            taken.append((x, y))
        if len(found) == wanted:
            break
    return found


def pit(mine: Mine, plane: Plane, rng: Generator) -> Polygon:
    """The uneven outline of a mine in degrees."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.full(40, mine.radius)
    for wave in range(2, 6):
        radius = radius * (
            1 + rng.normal(0, 0.28 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
        )
    ring: Floats = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    xy = plane.centres(np.array([mine.cell])) + ring * np.array([1.25, 0.8])
    return Polygon(plane.degrees(xy))
