"""The wiring: from a seed to a county, or to a province of them."""

from collections.abc import Iterator
from datetime import date

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from . import cover, names, places, scenery, territory, water
from .command import command_posts
from .depots import depots as make_depots
from .dice import Dice
from .forces import forces as make_forces
from .model import DEMO_DAY, County, Feature
from .plane import Plane
from .relief import relief
from .risks import risk_points as make_risks
from .sites import Land
from .terrain import raise_land

SEED = 990101
TOWNSHIPS, VILLAGES = 16, 334
RISK_POINTS, DEPOTS, FORCES = 107, 372, 351
_LON, _LAT = 111.2, 27.9
_WIDTH, _HEIGHT = 60_000.0, 54_000.0  # metres of land made for one county
_FINE, _COARSE = 80.0, 250.0  # metres of one cell, with scenery and without


def build(
    *,
    seed: int = SEED,
    townships: int = TOWNSHIPS,
    villages: int = VILLAGES,
    risk_points: int = RISK_POINTS,
    depots: int = DEPOTS,
    forces: int = FORCES,
    today: date = DEMO_DAY,
) -> County:
    """The demo county 青岚县 with base map, relief and roads; the same seed, the same bytes.

    Dates in the features count back from `today`.
    """
    rng = np.random.default_rng(seed)
    plane = Plane(_LON, _LAT, _WIDTH, _HEIGHT, _FINE)
    return _county("990101", names.county_name(0), plane, rng, (townships, villages),
                   (risk_points, depots, forces), today, scenic=True)


def build_province(
    *,
    counties: int = 120,
    points: int = 1_000_000,
    seed: int = SEED,
    today: date = DEMO_DAY,
) -> Iterator[County]:
    """Counties of a demo province, one at a time, with some `points` features in all.

    Every county has 16 townships, 334 villages and 351 command posts; risk points, depots and
    forces share the rest as in the single county. The counties stand on a lattice and do not
    touch. No ground, relief or roads. At most 1,980 counties.
    """
    if not 1 <= counties <= 1980:
        raise ValueError("a demo province has 1 to 1980 counties")
    across = int(np.ceil(np.sqrt(counties)))
    posts = 1 + TOWNSHIPS + VILLAGES
    shares = np.array([RISK_POINTS, DEPOTS, FORCES]) / (RISK_POINTS + DEPOTS + FORCES)
    for n in range(counties):
        each = points * (n + 1) // counties - points * n // counties - posts
        risk, store = np.rint(shares[:2] * max(0, each)).astype(int).tolist()
        row, col = divmod(n, across)
        lon = _LON + (col - (across - 1) / 2) * 0.62
        lat = _LAT + (row - (across - 1) / 2) * 0.5
        code = f"99{n // 20 + 1:02d}{n % 20 + 1:02d}"
        yield _county(code, names.county_name(n), Plane(lon, lat, _WIDTH, _HEIGHT, _COARSE),
                      np.random.default_rng([seed, n]), (TOWNSHIPS, VILLAGES),
                      (risk, store, max(0, each) - risk - store), today, scenic=False)


def _county(
    code: str, name: str, plane: Plane, rng: Generator, size: tuple[int, int],
    counts: tuple[int, int, int], today: date, *, scenic: bool,
) -> County:
    land, stems = _land(plane, rng, *size)
    dice = Dice(rng)
    found = places.found(code, name, land.terrain, land.territory, dice)
    risks, stores, teams = counts
    features: dict[str, list[Feature]] = {
        "risk_points": make_risks(rng, dice, land, found, risks, today),
        "depots": make_depots(plane, rng, dice, found, stores, today),
        "forces": make_forces(plane, rng, dice, found, teams, today),
        "command_posts": command_posts(plane, rng, dice, found, today),
    }
    county = County(code, name, found.regions, features)
    if not scenic:
        return county
    shape = found.regions[0].geometry
    ground, roads = scenery.drawn(land, stems, found, shape, rng)
    return County(code, name, found.regions, features, ground, relief(land.terrain, shape), roads)


def _land(
    plane: Plane, rng: Generator, townships: int, villages: int
) -> tuple[Land, list[water.Stem]]:
    terrain = raise_land(plane, rng)
    stems = water.stems(terrain)
    rows, cols = plane.shape
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, cols), indexing="ij")
    dams = water.dams(terrain, stems, np.hypot(x, y) < 0.72, 7)
    wet = np.zeros(plane.shape, dtype=bool)
    for dam in dams:
        wet |= dam.flooded.reshape(plane.shape)
    owned = territory.settle(terrain, rng, wet, townships, villages)
    inside = ndimage.binary_erosion(owned.labels >= 0, iterations=2)
    dry = inside & ~ndimage.binary_dilation(wet, iterations=2)
    stand = cover.forest(terrain, rng, owned.seat) & ~wet
    mines = cover.mines(terrain, rng, dry, owned.seat, 9)
    return Land(terrain, owned, stand, dams, mines), stems
