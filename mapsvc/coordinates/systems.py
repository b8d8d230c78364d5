"""The coordinate systems a file may be in, and the way from and to WGS-84.

Everywhere x is east or longitude and y is north or latitude, whatever the axis order that EPSG or
a surveyor's table writes down. Geographic values are degrees, projected ones metres.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError

from mapsvc.coordinates import offset
from mapsvc.coordinates.offset import Floats
from mapsvc.errors import BadInput

Many = Sequence[float] | NDArray[Any]

_NAMED: Final = {
    "wgs84": "WGS-84 经纬度",
    "gcj02": "GCJ-02(高德、腾讯地图)",
    "bd09": "BD-09(百度地图)",
    "cgcs2000": "国家2000 经纬度",
    "gcj02mercator": "GCJ-02 Web 墨卡托(高德、腾讯地图)",
}
_SPHERE: Final = 3857
_SHIFTED: Final = ("gcj02", "bd09", "gcj02mercator")
_SAME_AS: Final = {4326: "wgs84", 4490: "cgcs2000"}
_EPSG: Final = re.compile(r"(?:(?:urn:ogc:def:crs:)?epsg:(?:[\d.]*:)?)?(\d{4,6})")


class UnknownSystem(BadInput):
    """Not a coordinate system we can use; the message is Chinese and says what may be given."""

    code = "unknown_crs"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"无法识别的坐标系「{text[:40]}」。请填写 wgs84、gcj02、bd09、cgcs2000 或 "
            "EPSG:编号(例如国家2000三度带38带为 EPSG:4526)。"
        )


@dataclass(frozen=True, slots=True)
class System:
    """A coordinate system: `id` as in the API, `title` for people, `epsg` where it has a code."""

    id: str
    title: str = field(compare=False)
    epsg: int | None = field(default=None, compare=False)

    @property
    def in_degrees(self) -> bool:
        """Longitude and latitude, rather than metres east and north."""
        if self.id == "gcj02mercator":
            return False
        return self.epsg is None or bool(CRS.from_epsg(self.epsg).is_geographic)

    @property
    def of_old_datum(self) -> bool:
        """Beijing 1954 or Xi'an 1980: tens of metres off without parameters of the place."""
        return self.title.startswith(("Beijing 1954", "Xian 1980", "New Beijing"))


def parse_system(text: str) -> System:
    """Read `wgs84`, `gcj02`, `bd09`, `cgcs2000`, `EPSG:nnnn` or its URN, in any case.

    EPSG:4326 is `wgs84` and EPSG:4490 is `cgcs2000`. Raises UnknownSystem.
    """
    name = text.strip().lower()
    if name.replace("-", "") in _NAMED:
        name = name.replace("-", "")
        return System(name, _NAMED[name], {"wgs84": 4326, "cgcs2000": 4490}.get(name))
    found = _EPSG.fullmatch(name)
    if not found:
        raise UnknownSystem(text)
    code = int(found[1])
    if code in _SAME_AS:
        return parse_system(_SAME_AS[code])
    return System(f"EPSG:{code}", _gauss_kruger_title(code) or _epsg_title(code), code)


@lru_cache(maxsize=256)
def _epsg_title(code: int) -> str:
    try:
        crs = CRS.from_epsg(code)
    except CRSError:
        raise UnknownSystem(f"EPSG:{code}") from None
    if len(crs.axis_info) != 2 or not (crs.is_geographic or crs.is_projected):
        raise UnknownSystem(f"EPSG:{code}")
    return "Web 墨卡托(EPSG:3857)" if code == _SPHERE else str(crs.name)


def _gauss_kruger_title(code: int) -> str:
    """Title of the CGCS2000 Gauss-Krüger systems, empty for any other code."""
    for width, first, last, prefixed, bare in ((3, 25, 45, 4513, 4534), (6, 13, 23, 4491, 4502)):
        for zone in range(first, last + 1):
            head = f"国家2000 高斯-克吕格 {width}度带"
            if code == prefixed + zone - first:
                return f"{head} {zone}带(带号)"
            if code == bare + zone - first:
                return f"{head} 中央经线{central_meridian(width, zone)}°(无带号)"
    return ""


def central_meridian(width: int, zone: int) -> int:
    """Degrees east, for a 3 or 6 degree zone."""
    return 3 * zone if width == 3 else 6 * zone - 3


@lru_cache(maxsize=64)
def _transformer(system: System) -> Transformer:
    if system.epsg is None:
        raise UnknownSystem(system.id)
    return Transformer.from_crs(4326, system.epsg, always_xy=True)


@overload
def to_wgs84(x: float, y: float, system: str | System) -> tuple[float, float]: ...
@overload
def to_wgs84(x: Many, y: Many, system: str | System) -> tuple[Floats, Floats]: ...
def to_wgs84(x: ArrayLike, y: ArrayLike, system: str | System) -> tuple[Any, Any]:
    """Points of `system` as WGS-84 longitude and latitude in degrees, same shape as given.

    A value that is not finite, or a place that is not on the earth, comes back as NaN in both.
    Raises UnknownSystem.
    """
    east, north = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    system = parse_system(system) if isinstance(system, str) else system
    if system.id == "bd09":
        lon, lat = offset.gcj02_to_wgs84(*offset.bd09_to_gcj02(east, north))
    elif system.id == "gcj02":
        lon, lat = offset.gcj02_to_wgs84(east, north)
    elif system.id == "gcj02mercator":
        lon, lat = offset.gcj02_to_wgs84(*_unproject(east, north, _sphere()))
    elif system.id in _NAMED:
        lon, lat = east, north
    else:
        lon, lat = _unproject(east, north, system)
    return _where_finite(_on_earth(lon, lat), lon, lat)


@overload
def from_wgs84(lon: float, lat: float, system: str | System) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: Many, lat: Many, system: str | System) -> tuple[Floats, Floats]: ...
def from_wgs84(lon: ArrayLike, lat: ArrayLike, system: str | System) -> tuple[Any, Any]:
    """WGS-84 longitude and latitude in degrees as x (east), y (north) of `system`.

    NaN where the input is not finite, not on the earth, or `system` cannot express it.
    Raises UnknownSystem.
    """
    east, north = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    system = parse_system(system) if isinstance(system, str) else system
    good = _on_earth(east, north)
    if system.id in _SHIFTED:
        x, y = offset.wgs84_to_gcj02(east, north)
        if system.id == "bd09":
            x, y = offset.gcj02_to_bd09(x, y)
        elif system.id == "gcj02mercator":
            x, y = _project(x, y, _sphere())
    elif system.id in _NAMED:
        x, y = east, north
    else:
        x, y = _project(east, north, system)
    return _where_finite(good, x, y)


def _sphere() -> System:
    return parse_system(f"EPSG:{_SPHERE}")


def _project(lon: Floats, lat: Floats, system: System) -> tuple[Floats, Floats]:
    x, y = _transformer(system).transform(lon.ravel(), lat.ravel())
    return np.reshape(x, lon.shape), np.reshape(y, lon.shape)


def _unproject(x: Floats, y: Floats, system: System) -> tuple[Floats, Floats]:
    """NaN also where the place found does not project back: PROJ wraps wild metres round."""
    a, b = x.ravel(), y.ravel()
    lon, lat = _transformer(system).transform(a, b, direction=TransformDirection.INVERSE)
    back_x, back_y = _transformer(system).transform(lon, lat)
    with np.errstate(invalid="ignore"):
        good = np.hypot(back_x - a, back_y - b) <= 1.0
    lon, lat = np.where(good, lon, np.nan), np.where(good, lat, np.nan)
    return lon.reshape(x.shape), lat.reshape(x.shape)


def _on_earth(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    return np.asarray((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))


def _where_finite(good: NDArray[np.bool_], a: Floats, b: Floats) -> tuple[Floats, Floats]:
    good = good & np.isfinite(a) & np.isfinite(b)
    # [()] turns a 0-d array into a plain float and leaves the others alone
    return np.where(good, a, np.nan)[()], np.where(good, b, np.nan)[()]


def stated_accuracy(lon: ArrayLike, system: str | System) -> Floats:
    """Metres that 95 % of converted points stay within, from the conversion alone.

    The open GCJ-02 formula follows the official one less well west of 105°E (docs/coordinates.md).
    """
    system = parse_system(system) if isinstance(system, str) else system
    where = np.asarray(lon, np.float64)
    if system.id in _SHIFTED:
        return np.where(where < 105.0, 8.0, 2.1)
    return np.full(where.shape, 0.0 if system.id == "wgs84" else 0.5)


@dataclass(frozen=True, slots=True)
class GaussKruger:
    """A system that two columns may be in."""

    system: System
    swapped: bool  # the first column holds the north value
    share: float  # of the rows with two finite values, those that fit


# Half the width of a zone and its tolerated overlap, degrees; easting without prefix, metres.
_ZONES: Final = (
    (3, range(25, 46), 4513, 4534, 2.0, 250_000.0, 750_000.0),
    (6, range(13, 24), 4491, 4502, 3.5, 120_000.0, 880_000.0),
)
_NORTH: Final = (1.99e6, 5.95e6)


def gauss_kruger_candidates(
    x: ArrayLike, y: ArrayLike, lon_hint: float | None
) -> list[GaussKruger]:
    """The CGCS2000 Gauss-Krüger systems two columns (metres) may be in, best share first.

    Judged by magnitude in both column orders. `lon_hint` is the county's longitude in degrees;
    zones that do not fit it are left out, and without it an easting that carries no zone prefix
    has no candidate, because the central meridian is not in the data. Several remain possible
    (a 3° and a 6° zone without prefix look alike): choose by where the points land.
    """
    a, b = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    found: list[GaussKruger] = []
    for swapped, east, north in ((False, a, b), (True, b, a)):
        possible = east[(north >= _NORTH[0]) & (north <= _NORTH[1])]
        if possible.size:
            found += _by_easting(possible, a.size, swapped, lon_hint)
    return sorted(found, key=lambda c: -c.share)


def _by_easting(east: Floats, rows: int, swapped: bool, hint: float | None) -> list[GaussKruger]:
    found: list[GaussKruger] = []
    meridians: set[int] = set()
    for width, zones, prefixed, bare, reach, low, high in _ZONES:
        for zone in zones:
            meridian = central_meridian(width, zone)
            if hint is not None and abs(hint - meridian) > reach:
                continue
            codes = [(prefixed + zone - zones.start, zone * 1e6)]
            if hint is not None and meridian not in meridians:  # 6° repeats every second 3° one
                codes.append((bare + zone - zones.start, 0.0))
                meridians.add(meridian)
            for code, shift in codes:
                fits = int(np.sum((east >= low + shift) & (east <= high + shift)))
                if fits:
                    system = parse_system(f"EPSG:{code}")
                    found.append(GaussKruger(system, swapped, fits / rows))
    return found
