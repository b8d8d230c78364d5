"""The wiring: from a seed to a county, or to a province of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from .survey import Survey
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
    order = _Order(
        "990101",
        names.county_name(0),
        (townships, villages),
        (risk_points, depots, forces),
        today,
        scenic=True,
    )
    return _county(order, plane, rng)


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
        order = _Order(
            code,
            names.county_name(n),
            (TOWNSHIPS, VILLAGES),
            (risk, store, max(0, each) - risk - store),
            today,
            scenic=False,
        )
        plane = Plane(lon, lat, _WIDTH, _HEIGHT, _COARSE)
        yield _county(order, plane, np.random.default_rng([seed, n]))


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked for: whose county, how many of what, and with a base map or without."""

    code: str
    name: str
    regions: tuple[int, int]  # townships, villages
    features: tuple[int, int, int]  # risk points, depots, forces
    today: date
    scenic: bool


def _county(order: _Order, plane: Plane, rng: Generator) -> County:
    land, stems = _land(plane, rng, *order.regions)
    dice = Dice(rng)
    found = places.found(order.code, order.name, land.terrain, land.territory, dice)
    survey = Survey(land, found, rng, dice, order.today)
    risks, stores, teams = order.features
    features: dict[str, list[Feature]] = {
        "risk_points": make_risks(survey, risks),
        "depots": make_depots(survey, stores),
        "forces": make_forces(survey, teams),
        "command_posts": command_posts(survey),
    }
    county = County(order.code, order.name, found.regions, features)
    if not order.scenic:
        return county
    shape = found.regions[0].geometry
    ground, roads = scenery.drawn(land, stems, found, shape, rng)
    return replace(county, ground=ground, relief=relief(land.terrain, shape), roads=roads)


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
