"""A coordinate typed into the page's field: every system, every refusal in words."""

import pytest

from mapsvc.coordinates import GAUSS, from_wgs84, read_typed
from mapsvc.errors import BadInput
from tests.conftest import Signed

COUNTY = (110.8, 27.5, 111.6, 28.2)
HERE = (111.2, 27.9)


@pytest.mark.parametrize("system", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4525", "EPSG:4546"])
def test_the_same_place_in_every_system(system: str) -> None:
    x, y = from_wgs84(*HERE, system)
    [read] = read_typed(f"{x:.7f}, {y:.7f}", system, COUNTY)
    assert (read.lon, read.lat) == pytest.approx(HERE, abs=2e-7)


@pytest.mark.parametrize(
    "text",
    [
        "东经111°12′00″ 北纬27°54′00″",
        "北纬27度54分，东经111度12分",
        "27.9 111.2",
        "１１１．２，２７．９",
    ],
)
def test_the_spellings_that_people_use(text: str) -> None:
    [read] = read_typed(text, "wgs84", COUNTY)
    assert (read.lon, read.lat) == pytest.approx(HERE)
    assert read.title == "WGS-84 经纬度"


@pytest.mark.parametrize("code", ["EPSG:4525", "EPSG:4546"])
def test_the_county_tells_the_zone(code: str) -> None:
    x, y = from_wgs84(*HERE, code)
    for text in (f"{x:.2f} {y:.2f}", f"{y:.2f} {x:.2f}"):
        [best, *others] = read_typed(text, GAUSS, COUNTY)
        assert (best.lon, best.lat) == pytest.approx(HERE, abs=2e-7)
        assert all(COUNTY[0] - 1 <= o.lon <= COUNTY[2] + 1 for o in others)


@pytest.mark.parametrize(
    ("text", "crs", "words"),
    [
        ("", "wgs84", "没有填写坐标"),
        ("111.2", "wgs84", "只填了一个"),
        ("枫木镇", "wgs84", "坐标"),
        ("东经111°72′ 北纬27°54′", "wgs84", "无法识别为坐标"),
        ("37519000 3087000", "wgs84", "平面坐标"),
        ("111.2 27.9", GAUSS, "经纬度"),
        ("519000 4987000", GAUSS, "不落在本县附近"),
        ("111.2 27.9", "mars", "无法识别的坐标系"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, crs: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_typed(text, crs, COUNTY)


def test_a_place_far_away_is_doubted() -> None:
    [read] = read_typed("116.4 39.9", "wgs84", COUNTY)
    assert read.said[-1] == "离本县很远，请核对"


def test_over_the_api(signed: Signed) -> None:
    client = signed("planner")
    places = client.get("/api/coordinates", params={"text": "27.9, 111.2"}).json()["places"]
    assert [(p["lon"], p["lat"]) for p in places] == [(111.2, 27.9)]
    assert "按“纬度在前”读取" in places[0]["said"]
    refused = client.get("/api/coordinates", params={"text": "1112, 27.9"})
    assert refused.status_code == 422
    assert refused.json()["detail"].endswith("。")
