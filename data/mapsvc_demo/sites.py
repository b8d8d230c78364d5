"""Where each kind of hazard can stand: cells of the land that fit it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .cover import Mine
from .plane import Floats, Ints, Mask
from .terrain import Terrain
from .territory import Territory
from .water import Dam


@dataclass(frozen=True, slots=True)
class Land:
    """All that the land of a county holds before anything is named."""

    terrain: Terrain
    territory: Territory
    stand: Mask
    dams: list[Dam]
    mines: list[Mine]


def fitting(land: Land) -> dict[str, Ints]:
    """Flat cells of the county that fit each hazard type, in ascending order."""
    terrain, plane = land.terrain, land.terrain.plane
    inside = land.territory.labels >= 0
    dry = np.ones(plane.shape, dtype=bool)
    for dam in land.dams:
        dry &= ~dam.flooded.reshape(plane.shape)
    slope = terrain.slope
    km2 = terrain.flow.area.reshape(plane.shape) * plane.cell**2 / 1e6
    home = _away(plane.shape, land.territory.seat) * plane.cell
    town = _away(plane.shape, land.territory.seat[land.territory.capital]) * plane.cell
    capital = _away(plane.shape, land.territory.seat[land.territory.capital[:1]]) * plane.cell
    stream = _away(plane.shape, np.flatnonzero((km2 > 5) & (km2 < 90))) * plane.cell
    steep, flat = float(np.quantile(slope[inside], 0.7)), float(np.quantile(slope[inside], 0.35))
    fringe = ndimage.binary_dilation(land.stand, iterations=2) & ~ndimage.binary_erosion(
        land.stand, iterations=2
    )
    masks: dict[str, Mask] = {
        "滑坡": (home < 1300) & (slope > steep),
        "崩塌": (home < 1600) & (slope > steep * 1.3),
        "泥石流": (home < 1800) & (slope > steep * 0.6) & (km2 > 0.3) & (km2 < 4),
        "山洪": (home < 1400) & (stream < 250),
        "内涝": (town < 2000) & (slope < flat * 1.3),
        "森林火灾": fringe & (home < 2600),
        "危险化学品": (capital > 1200) & (capital < 6500) & (slope < flat),
        "道路交通": (home > 400) & (home < 1300) & (slope > flat) & (slope < steep),
        "房屋": home < 500,
        "其他": home < 900,
    }
    return {kind: np.flatnonzero(mask & inside & dry) for kind, mask in masks.items()}


def _away(shape: tuple[int, int], cells: Ints) -> Floats:
    """Distance in cells to the nearest of the given cells."""
    free = np.ones(shape, dtype=bool)
    free.flat[cells] = False
    out: Floats = ndimage.distance_transform_edt(free)
    return out
