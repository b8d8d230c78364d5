"""One position that somebody types into a field, in a system that he names."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from mapsvc.coordinates.pairs import Form, Pair, parse_pair
from mapsvc.coordinates.systems import (
    System,
    gauss_kruger_candidates,
    parse_system,
    stated_accuracy,
    to_wgs84,
)
from mapsvc.errors import BadInput, OutsideWorld

GAUSS: Final = "gauss"
"""CGCS2000 Gauss-Krüger of a zone not named: the county says which."""
_NEAR_DEG: Final = 1.0
"""So far outside the county's box a position is still taken for one of its zone."""

_FORMS: Final[dict[Form, str]] = {
    "": "",
    "decimal": "十进制度",
    "dms": "度分秒",
    "packed_dms": "连写的度分秒",
    "packed_dm": "连写的度分",
    "micro": "百万分之一度",
    "projected": "平面坐标",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A position in WGS-84 degrees, in which system it was read, and how (Chinese)."""

    lon: float
    lat: float
    title: str
    said: tuple[str, ...]


def read_typed(text: str, crs: str, county: Sequence[float] | None = None) -> list[Typed]:
    """The positions that a text may mean, the likeliest first; one, unless the zone is open.

    `crs` is what `parse_system` reads, or GAUSS; `county` its box (west, south, east, north in
    WGS-84 degrees), which tells the zone and whether a position is far away. Raises BadInput.
    """
    pair = parse_pair(text)
    if pair.problem is not None:
        raise BadInput(pair.problem.message, code=f"coordinate_{pair.problem.code}")
    if crs == GAUSS:
        return _of_some_zone(pair, county)
    system = parse_system(crs)
    if system.in_degrees and pair.form == "projected":
        raise BadInput(
            "这是以米为单位的平面坐标，请在旁边把坐标系改为“国家2000 平面坐标”。",
            code="coordinate_projected",
        )
    if not system.in_degrees and pair.form != "projected":
        raise BadInput("这是经纬度，请在旁边把坐标系改为经纬度的一种。", code="coordinate_degrees")
    return [_placed(pair, system, county)]


def _of_some_zone(pair: Pair, county: Sequence[float] | None) -> list[Typed]:
    if pair.form != "projected":
        raise BadInput("这是经纬度，请在旁边把坐标系改为经纬度的一种。", code="coordinate_degrees")
    hint = (county[0] + county[2]) / 2 if county else None
    found = gauss_kruger_candidates(np.array([pair.x]), np.array([pair.y]), hint)
    places = [_placed(pair, candidate.system, county) for candidate in found]
    near = [place for place in places if county is None or _is_near(place, county)]
    if not near:
        raise BadInput(
            "按国家2000 各带换算，都不落在本县附近。请核对坐标，没有带号的须与本县的中央经线一致。",
            code="coordinate_no_zone",
        )
    return near


def _placed(pair: Pair, system: System, county: Sequence[float] | None) -> Typed:
    lon, lat = (float(v) for v in to_wgs84(pair.x, pair.y, system))
    if not (isfinite(lon) and isfinite(lat)):
        raise OutsideWorld("换算后不在地球范围内，请核对坐标和坐标系。")
    said = [_FORMS[pair.form]]
    if pair.swapped:
        said.append("按“北、东”的先后读取" if pair.form == "projected" else "按“纬度在前”读取")
    accuracy = float(stated_accuracy(lon, system))
    if accuracy > 1:
        said.append(f"换算误差约 {accuracy:.0f} 米")
    place = Typed(round(lon, 7), round(lat, 7), system.title, tuple(said))
    if county and not _is_near(place, county):
        return Typed(place.lon, place.lat, place.title, (*said, "离本县很远，请核对"))
    return place


def _is_near(place: Typed, county: Sequence[float]) -> bool:
    west, south, east, north = county
    return bool(
        west - _NEAR_DEG <= place.lon <= east + _NEAR_DEG
        and south - _NEAR_DEG <= place.lat <= north + _NEAR_DEG
    )
