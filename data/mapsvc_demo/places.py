"""The regions with codes and names, and spots inside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from . import names
from .dice import Dice
from .model import Region
from .outlines import coverage
from .plane import Floats, Ints
from .terrain import Terrain
from .territory import Territory


@dataclass(frozen=True, slots=True)
class Place:
    """A region as the features see it: where its seat is, and the shape a point must lie in.

    For townships and the county the shape is that of the village (or quarter) of their seat.
    """

    code: str
    name: str
    level: str
    parent: str | None
    address: str
    xy: tuple[float, float]
    shape: Polygon
    village: int


@dataclass(frozen=True, slots=True)
class Places:
    """The county, its townships and villages; `villages` is in the order of the territory."""

    county: Place
    townships: list[Place]
    villages: list[Place]
    regions: list[Region]

    def all(self) -> list[Place]:
        """From the county down to the last village, by code."""
        villages = sorted(self.villages, key=lambda p: p.code)
        return [self.county, *sorted(self.townships, key=lambda p: p.code), *villages]


def _township_codes(county: str, titles: list[str]) -> list[str]:
    following = {"街道": 1, "镇": 100, "乡": 200}
    codes = []
    for title in titles:
        kind = "街道" if title.endswith("街道") else title[-1]
        codes.append(f"{county}{following[kind]:03d}")
        following[kind] += 1
    return codes


def _village_titles(
    dice: Dice, territory: Territory, xy: Floats, codes: list[str]
) -> list[tuple[str, str]]:
    """Code and name of each village. In towns the seat is a 社区, in street offices most are."""
    rural, urban = names.village_names(dice), names.quarter_names(dice)
    out: list[tuple[str, str]] = [("", "")] * territory.seat.size
    for t, code in enumerate(codes):
        members = np.flatnonzero(territory.township == t)
        seat = xy[territory.capital[t]]
        members = members[np.argsort(np.hypot(*(xy[members] - seat).T), kind="stable")]
        kind = int(code[6:])
        quarters = max(1, members.size * 2 // 3) if kind < 100 else int(kind < 200)
        for n, v in enumerate(members.tolist()):
            if n < quarters:
                title = f"{next(urban)}社区" if kind < 100 else f"{next(rural)}社区"
                out[v] = (f"{code}{n + 1:03d}", title)
            else:
                out[v] = (f"{code}{200 + n - quarters:03d}", f"{next(rural)}村")
    return out


def found(code: str, name: str, terrain: Terrain, territory: Territory, dice: Dice) -> Places:
    """Draw, name and number all regions."""
    plane = terrain.plane
    xy = plane.centres(territory.seat)
    shapes = coverage(territory.labels, plane)
    titles = names.township_names(dice, territory.capital.size)
    codes = _township_codes(code, titles)
    villages = []
    for v, (vcode, vname) in enumerate(_village_titles(dice, territory, xy, codes)):
        t = int(territory.township[v])
        villages.append(
            Place(
                vcode,
                vname,
                "village",
                codes[t],
                f"{name}{titles[t]}{vname}",
                (float(xy[v, 0]), float(xy[v, 1])),
                shapes[v],
                v,
            )
        )
    townships = []
    for t, (tcode, title) in enumerate(zip(codes, titles, strict=True)):
        seat = villages[territory.capital[t]]
        townships.append(
            Place(
                tcode, title, "township", code, f"{name}{title}", seat.xy, seat.shape, seat.village
            )
        )
    seat = townships[0]
    county = Place(code, name, "county", None, name, seat.xy, seat.shape, seat.village)
    return Places(
        county, townships, villages, _regions(county, townships, villages, territory.township)
    )


def _regions(
    county: Place, townships: list[Place], villages: list[Place], owner: Ints
) -> list[Region]:
    areas = [
        _joined([villages[v].shape for v in np.flatnonzero(owner == t)])
        for t in range(len(townships))
    ]
    whole = _joined(areas)
    out = [Region(county.code, county.name, "county", None, whole)]
    out += [
        Region(p.code, p.name, "township", p.parent, area)
        for p, area in sorted(zip(townships, areas, strict=True), key=lambda pa: pa[0].code)
    ]
    out += [
        Region(p.code, p.name, "village", p.parent, p.shape)
        for p in sorted(villages, key=lambda p: p.code)
    ]
    return out


def _joined(shapes: Sequence[Polygon | MultiPolygon]) -> Polygon | MultiPolygon:
    """The union of polygons that share their borders exactly."""
    union = shapely.coverage_union_all(shapes)
    if not isinstance(union, Polygon | MultiPolygon):
        raise TypeError(f"{union.geom_type} is not an area")
    return union
