"""Which region holds each point, which region a row names, how far a point lies outside.

A point on a shared border belongs to the region with the lowest code, always. Regions that were
loaded at several levels are asked from the village up; the levels above follow from the code path.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

METRES_A_DEGREE = 111_320.0
_NEAR = 0.2
"""Degrees."""
LEVELS = ("village", "township", "county", "city", "province")
_ENDINGS = (
    "镇",
    "乡",
    "街道",
    "街道办事处",
    "镇人民政府",
    "乡人民政府",
    "村",
    "村委会",
    "社区",
    "居委会",
    "社区居委会",
    "县",
    "区",
    "市",
)


_CALLED = {
    "township": ("镇", "乡", "街道", "街道办事处", "街道办"),
    "county": ("县", "区", "市", "旗"),
}


def metres_between(lon: Floats, lat: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """Distance to about 0.5 %, enough to tell systems apart."""
    east = (lon2 - lon) * np.cos(np.radians((lat + lat2) / 2))
    return np.asarray(np.hypot(east, lat2 - lat) * METRES_A_DEGREE, np.float64)


@dataclass(frozen=True, slots=True)
class Region:
    """One administrative area; `path` runs from the topmost region to itself."""

    code: str
    name: str
    level: str
    path: tuple[str, ...]
    polygon: BaseGeometry


@dataclass(frozen=True, slots=True)
class Named:
    """Codes of the regions that a row names, and what it names that is none of ours."""

    codes: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def code(self) -> str | None:
        return self.codes[0] if self.codes else None


@dataclass
class RegionIndex:
    """All regions that were loaded, ready to be asked for many points at once."""

    regions: list[Region]
    _by_name: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[tuple[str, str, str, Sequence[str], bytes]]) -> "RegionIndex":
        """From rows (code, name, level, path, WKB)."""
        polygons = shapely.from_wkb([row[4] for row in rows])
        shapely.prepare(polygons)
        return cls(
            [
                Region(code, name, level, tuple(path), polygon)
                for (code, name, level, path, _), polygon in zip(rows, polygons, strict=True)
            ]
        )

    def __post_init__(self) -> None:
        for index, region in enumerate(self.regions):
            self._by_name.setdefault((region.level, region.name), []).append(index)

    def __len__(self) -> int:
        return len(self.regions)

    @cached_property
    def by_code(self) -> dict[str, Region]:
        return {region.code: region for region in self.regions}

    @cached_property
    def top(self) -> BaseGeometry:
        """The whole territory: the union of the regions without a parent."""
        shape = shapely.union_all([r.polygon for r in self.regions if len(r.path) == 1])
        shapely.prepare(shape)
        return shape

    def area(self, code: str | None) -> BaseGeometry:
        """The polygon of a region, or the whole territory."""
        return self.by_code[code].polygon if code in self.by_code else self.top

    def township_of(self, code: str | None) -> str:
        """The township on a region's path, or '' above or without one."""
        for step in self.by_code[code].path if code in self.by_code else ():
            if self.by_code[step].level == "township":
                return step
        return ""

    def township_called(self, text: str) -> str | None:
        """The one township of that name."""
        found = self._matches("township", text)
        return self.regions[found[0]].code if len(found) == 1 else None

    def assign(self, lon: Floats, lat: Floats) -> Indices:
        """Index of the deepest region that holds each WGS-84 point, -1 for none (or NaN)."""
        found = np.full(lon.size, -1, np.int64)
        for wanted in self._by_level:
            open_rows = np.flatnonzero((found < 0) & np.isfinite(lon) & np.isfinite(lat))
            if open_rows.size:
                found[open_rows] = self._within(wanted, lon[open_rows], lat[open_rows])
        return found

    @cached_property
    def _by_level(self) -> list[Indices]:
        """Regions of each level, the deepest level first, in each the highest code first."""
        order = sorted(range(len(self.regions)), key=lambda i: self.regions[i].code, reverse=True)
        levels = [[i for i in order if self.regions[i].level == level] for level in LEVELS]
        return [np.array(wanted, np.int64) for wanted in levels if wanted]

    @cached_property
    def _boxes(self) -> Floats:
        """West, south, east and north of each region."""
        return np.asarray(shapely.bounds([r.polygon for r in self.regions]), np.float64)

    def _within(self, wanted: Indices, lon: Floats, lat: Floats) -> Indices:
        """Box cut over sorted x, then the exact test of a prepared polygon."""
        order = np.argsort(lon, kind="stable")
        x, y = lon[order], lat[order]
        held = np.full(x.size, -1, np.int64)
        west, south, east, north = self._boxes[wanted].T
        lefts, rights = np.searchsorted(x, west), np.searchsorted(x, east, side="right")
        # Highest code first: what is written last, the lowest, keeps a border point.
        for index, left, right, low, high in zip(
            *(part.tolist() for part in (wanted, lefts, rights, south, north)), strict=True
        ):
            column = y[left:right]
            rows = left + np.flatnonzero((column >= low) & (column <= high))
            if rows.size:
                inside = shapely.intersects_xy(self.regions[index].polygon, x[rows], y[rows])
                held[rows[inside]] = index
        result = np.empty_like(held)
        result[order] = held
        return result

    def named(self, county: str, township: str, village: str, code: str) -> Named:
        """The regions that a row names, by names and by code, deepest first.

        Two only where they contradict each other: neither holds the other.
        """
        names = (village, township, county)
        written = next((text for text in names if text.isdigit() and len(text) >= 6), "")
        code = code or written  # a code stands in the column of names
        by_name = self._by_names(county, township, village)
        by_code = next(
            (code[:n] for n in (len(code), 12, 9, 6) if code and code[:n] in self.by_code), None
        )
        if by_name is None or by_code is None:
            found = [c for c in (by_name, by_code) if c is not None]
        elif by_name in self.by_code[by_code].path:
            found = [by_code]
        elif by_code in self.by_code[by_name].path:
            found = [by_name]
        else:
            found = [by_name, by_code]
        return Named(tuple(found), self._unknown(county, township, code, by_code))

    def _unknown(self, county: str, township: str, code: str, by_code: str | None) -> str:
        """What a row calls its county or township although none of ours is called so."""
        for level, text in (("township", township), ("county", county)):
            names = [r.name for r in self.regions if r.level == level]
            if (
                text.endswith(_CALLED[level])
                and names
                and not self._matches(level, text)
                and not any(name in text for name in names)
            ):
                return text
        stem = code.rstrip("0")  # of a province or city, which are seldom loaded
        foreign = len(code) >= 6 and code.isdigit() and by_code is None
        return code if foreign and not any(r.code.startswith(stem) for r in self.regions) else ""

    def _by_names(self, county: str, township: str, village: str) -> str | None:
        holder: str | None = None
        for level, text in (("county", county), ("township", township), ("village", village)):
            matches = self._matches(level, text)
            if holder is not None:
                matches = [i for i in matches if holder in self.regions[i].path]
            if len(matches) == 1:
                holder = self.regions[matches[0]].code
        return holder

    def _matches(self, level: str, text: str) -> list[int]:
        if not text:
            return []
        exact = self._by_name.get((level, text))
        if exact:
            return exact
        loose = [self._by_name.get((level, text + ending), []) for ending in _ENDINGS]
        for ending in _ENDINGS:
            if text.endswith(ending):
                loose += [
                    self._by_name.get((level, text.removesuffix(ending) + other), [])
                    for other in ("", *_ENDINGS)
                ]
        return sorted({i for group in loose for i in group})

    def distances(self, lon: Floats, lat: Floats, shape: BaseGeometry) -> Floats:
        """Metres (to about 1 %) from points outside a shape to it."""
        scale = np.cos(np.radians(np.nanmean(lat))) if lat.size else 1.0
        flat = _scaled(shapely.simplify(shape, 1e-4), float(scale))
        points = shapely.points(lon * scale, lat)
        return np.asarray(shapely.distance(points, flat) * METRES_A_DEGREE, np.float64)

    def nearest(self, lon: Floats, lat: Floats) -> tuple[Indices, Floats]:
        """Index of the nearest lowest region of each point, and the metres to it (to about 1 %)."""
        parents = {r.path[-2] for r in self.regions if len(r.path) > 1}
        leaves = [i for i, r in enumerate(self.regions) if r.code not in parents]
        scale = float(np.cos(np.radians(np.nanmean(lat))))
        shapes = [_scaled(shapely.simplify(self.regions[i].polygon, 1e-4), scale) for i in leaves]
        tree = shapely.STRtree(shapes)
        points = shapely.points(lon * scale, lat)
        pairs, metres = tree.query_nearest(points, return_distance=True, all_matches=False)
        index = np.full(lon.size, -1, np.int64)
        distance = np.full(lon.size, np.nan)
        index[pairs[0]] = np.asarray(leaves, np.int64)[pairs[1]]
        distance[pairs[0]] = metres * METRES_A_DEGREE
        return index, distance

    def inside_share(self, lon: Floats, lat: Floats, targets: Sequence[str | None]) -> float:
        """Share of points within 50 m of the region that each of them belongs to."""
        groups: dict[str | None, list[int]] = defaultdict(list)
        for row, code in enumerate(targets):
            groups[code if code in self.by_code else None].append(row)
        inside = 0
        for code, rows in groups.items():
            at = np.asarray(rows)
            good = at[np.isfinite(lon[at]) & np.isfinite(lat[at])]
            inside += int(shapely.intersects_xy(self._widened(code), lon[good], lat[good]).sum())
        return inside / max(len(targets), 1)

    def any_near(self, lon: Floats, lat: Floats) -> bool:
        """Does any point lie within some 20 km of all that is loaded?"""
        west, south, east, north = self.top.bounds
        inside = (lon > west - _NEAR) & (lon < east + _NEAR)
        return bool(np.any(inside & (lat > south - _NEAR) & (lat < north + _NEAR)))

    @cached_property
    def _wide(self) -> dict[str | None, BaseGeometry]:
        return {}

    def _widened(self, code: str | None) -> BaseGeometry:
        if code not in self._wide:
            shape = shapely.buffer(self.area(code), 50 / METRES_A_DEGREE, quad_segs=2)
            shapely.prepare(shape)
            self._wide[code] = shape
        return self._wide[code]


def _scaled(shape: BaseGeometry, scale: float) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: xy * (scale, 1.0))


def spoken(metres: float) -> str:
    """A distance as people say it."""
    if not np.isfinite(metres):
        return "很远"
    return f"{metres:.0f} 米" if metres < 1000 else f"{metres / 1000:.1f} 公里"
