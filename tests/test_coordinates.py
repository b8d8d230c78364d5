"""Coordinate systems against published pairs, an independent implementation and their inverses."""

import json
import warnings
from pathlib import Path

import numpy as np
import prcoords
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod, Transformer

from mapsvc.coordinates import (
    UnknownSystem,
    from_wgs84,
    gauss_kruger_candidates,
    in_china,
    offset,
    parse_system,
    stated_accuracy,
    to_wgs84,
)
from mapsvc.coordinates.china import OUTLINE

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
GEOD = Geod(ellps="WGS84")
PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "data" / "gcoord_china_cities.json"

INSIDE = {
    "北京": (116.40, 39.90), "丹东": (124.39, 40.13), "集安": (126.19, 41.13),
    "珲春": (130.36, 42.86), "绥芬河": (131.15, 44.40), "抚远": (134.29, 48.37),
    "黑河": (127.50, 50.25), "漠河": (122.54, 52.97), "满洲里": (117.45, 49.58),
    "二连浩特": (111.98, 43.65), "策克": (101.28, 42.40), "塔城": (82.98, 46.75),
    "阿拉山口": (82.57, 45.17), "霍尔果斯": (80.42, 44.21), "喀什": (75.99, 39.47),
    "塔什库尔干": (75.23, 37.77), "普兰": (81.18, 30.29), "吉隆": (85.30, 28.85),
    "樟木": (85.98, 27.99), "亚东": (88.91, 27.48), "察隅": (97.47, 28.66),
    "瑞丽": (97.85, 24.01), "打洛": (100.04, 21.69), "磨憨": (101.69, 21.19),
    "河口": (103.96, 22.53), "凭祥": (106.77, 22.10), "东兴": (107.97, 21.54),
    "三亚": (109.51, 18.25), "三沙": (112.34, 16.83), "珠海": (113.58, 22.27),
    "深圳": (114.06, 22.54), "厦门": (118.09, 24.48), "嵊泗": (122.45, 30.73),
    "长海": (122.59, 39.27), "香港": (114.17, 22.28), "澳门": (113.54, 22.19),
}  # fmt: skip
OUTSIDE = {
    "首尔": (126.98, 37.57), "平壤": (125.75, 39.02), "海参崴": (131.89, 43.12),
    "伯力": (135.07, 48.48), "赤塔": (113.50, 52.03), "乌兰巴托": (106.92, 47.92),
    "乔巴山": (114.53, 48.07), "阿拉木图": (76.95, 43.24), "比什凯克": (74.59, 42.87),
    "杜尚别": (68.78, 38.56), "吉尔吉特": (74.31, 35.92), "列城": (77.58, 34.16),
    "加德满都": (85.32, 27.72), "廷布": (89.64, 27.47), "仰光": (96.16, 16.87),
    "密支那": (97.40, 25.38), "万象": (102.60, 17.97), "琅勃拉邦": (102.14, 19.89),
    "河内": (105.85, 21.03), "海防": (106.68, 20.86), "岘港": (108.22, 16.07),
    "马尼拉": (120.98, 14.60), "台北": (121.56, 25.04), "东京": (139.69, 35.69),
    "巴黎": (2.35, 48.86),
}  # fmt: skip

LON, LAT = st.floats(70.0, 140.0), st.floats(0.0, 58.0)


def metres(a: Points, b: Points) -> NDArray[np.float64]:
    """Ellipsoidal distance of points in degrees."""
    return np.asarray(GEOD.inv(a[0], a[1], b[0], b[1])[2], np.float64)


def near_the_line(rng: np.random.Generator, count: int, spread: float) -> Points:
    """Points within `spread` degrees of the outline, on both sides."""
    at = shapely.line_interpolate_point(OUTLINE.exterior, rng.random(count), normalized=True)
    return (
        shapely.get_x(at) + rng.uniform(-spread, spread, count),
        shapely.get_y(at) + rng.uniform(-spread, spread, count),
    )


@pytest.fixture(scope="module")
def published() -> dict[str, Points]:
    if not PUBLISHED.exists():
        pytest.skip(f"published pairs not at hand: no {PUBLISHED.name} in ../shared/data")
    cities = json.loads(PUBLISHED.read_text("utf-8"))
    assert len(cities) == 664
    found = {}
    for name in ("WGS84", "GCJ02", "BD09"):
        points = np.array([city["coords"][name] for city in cities])
        found[name] = (points[:, 0], points[:, 1])
    return found


def test_published_pairs(published: dict[str, Points]) -> None:
    wgs, gcj, bd = published["WGS84"], published["GCJ02"], published["BD09"]
    assert metres(from_wgs84(*wgs, "gcj02"), gcj).max() <= 0.75
    assert metres(to_wgs84(*gcj, "gcj02"), wgs).max() <= 0.75
    assert metres(offset.gcj02_to_bd09(*gcj), bd).max() <= 0.02
    assert metres(offset.bd09_to_gcj02(*bd), gcj).max() <= 0.02
    assert metres(from_wgs84(*wgs, "bd09"), bd).max() <= 0.75


def test_published_cities_are_inside(published: dict[str, Points]) -> None:
    assert in_china(*published["WGS84"]).all()


@pytest.mark.parametrize(("place", "point"), INSIDE.items())
def test_inside(place: str, point: tuple[float, float]) -> None:
    assert in_china(*point), place


@pytest.mark.parametrize(("place", "point"), OUTSIDE.items())
def test_outside_is_not_shifted(place: str, point: tuple[float, float]) -> None:
    assert not in_china(*point), place
    assert from_wgs84(*point, "gcj02") == point


def test_outline_is_one_simple_ring() -> None:
    assert OUTLINE.is_valid
    assert not OUTLINE.interiors


def test_agrees_with_an_independent_implementation() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(98, 122, 2000), rng.uniform(24, 42, 2000)
    inside = in_china(lon, lat)
    lon, lat = lon[inside], lat[inside]
    gcj_lon, gcj_lat = from_wgs84(lon, lat, "gcj02")
    bd_lon, bd_lat = from_wgs84(lon, lat, "bd09")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.array([prcoords.wgs_gcj((b, a)) for a, b in zip(lon, lat, strict=True)])
        baidu = np.array([prcoords.gcj_bd((b, a)) for b, a in theirs])
        back = np.array(
            [prcoords.gcj_wgs_bored((b, a)) for a, b in zip(gcj_lon, gcj_lat, strict=True)]
        )
    assert metres((gcj_lon, gcj_lat), (theirs[:, 1], theirs[:, 0])).max() < 1e-6
    assert metres((bd_lon, bd_lat), (baidu[:, 1], baidu[:, 0])).max() < 1e-6
    assert metres((lon, lat), (back[:, 1], back[:, 0])).max() < 0.01  # theirs stops early


def _round_trip(lon: float, lat: float, system: str) -> float:
    back = to_wgs84(*from_wgs84(lon, lat, system), system)
    return float(GEOD.inv(lon, lat, *back)[2])


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
@settings(deadline=None)
@given(lon=LON, lat=LAT)
@example(lon=105.0, lat=35.0)  # the square root in the formula has its cusp here
@example(lon=105.0 + 1e-13, lat=35.0)
@example(lon=105.0 - 3e-9, lat=29.0)
def test_round_trip_anywhere(system: str, lon: float, lat: float) -> None:
    place = shapely.Point(lon, lat)
    ambiguous = not in_china(lon, lat) and OUTLINE.distance(place) < 0.02
    if not ambiguous:
        assert _round_trip(lon, lat, system) <= 1e-5


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
@settings(deadline=None)
@given(
    where=st.floats(0, 1),
    dx=st.floats(-1e-3, 1e-3) | st.floats(-1e-9, 1e-9) | st.just(0.0),
    dy=st.floats(-1e-3, 1e-3) | st.floats(-1e-9, 1e-9) | st.just(0.0),
)
def test_inside_points_at_the_very_line_round_trip(
    system: str, where: float, dx: float, dy: float
) -> None:
    at = OUTLINE.exterior.interpolate(where, normalized=True)
    lon, lat = at.x + dx, at.y + dy
    if in_china(lon, lat):
        assert _round_trip(lon, lat, system) <= 1e-5


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
def test_round_trip_in_bulk(system: str) -> None:
    """Every inside point, and every outside point farther than 1 km from the line."""
    rng = np.random.default_rng(2)
    everywhere = rng.uniform(70, 140, 200_000), rng.uniform(0, 58, 200_000)
    line = near_the_line(rng, 50_000, 0.03)
    lon, lat = np.concatenate([everywhere[0], line[0]]), np.concatenate([everywhere[1], line[1]])
    error = metres(to_wgs84(*from_wgs84(lon, lat, system), system), (lon, lat))
    inside = in_china(lon, lat)
    # degrees to a nearest point are not metres: 0.0161° is 1 km of longitude at 56°N
    far = shapely.distance(OUTLINE, shapely.points(lon, lat)) > 0.0161
    assert inside.sum() > 50_000
    assert (~inside & far).sum() > 50_000
    assert error[inside].max() <= 1e-5
    assert error[~inside & far].max() <= 1e-5


def test_near_the_line_the_shifted_reading_wins() -> None:
    """An outside point that shares its place with a shifted one moves by that shift only."""
    lon, lat = near_the_line(np.random.default_rng(3), 100_000, 0.006)
    back = to_wgs84(*from_wgs84(lon, lat, "gcj02"), "gcj02")
    moved = metres(back, (lon, lat)) > 1e-5
    assert moved.any()
    assert not in_china(lon[moved], lat[moved]).any()
    assert in_china(back[0][moved], back[1][moved], slack=True).all()
    assert metres(back, (lon, lat)).max() < 1000


@pytest.mark.parametrize(
    ("system", "east", "north"),
    [
        ("EPSG:4547", 352_789.76, 3_127_059.33),
        ("epsg:4526", 38_352_789.76, 3_127_059.33),
        ("EPSG:4490", 112.5, 28.25),
        ("cgcs2000", 112.5, 28.25),
        ("EPSG:4326", 112.5, 28.25),
    ],
)
def test_known_places(system: str, east: float, north: float) -> None:
    x, y = from_wgs84(112.5, 28.25, system)
    assert (x, y) == pytest.approx((east, north), abs=0.01)
    assert to_wgs84(x, y, system) == pytest.approx((112.5, 28.25), abs=1e-9)


def test_web_mercator_against_its_closed_form() -> None:
    x, y = from_wgs84(112.5, 28.25, "EPSG:3857")
    assert x == pytest.approx(6378137 * np.radians(112.5))
    assert y == pytest.approx(6378137 * np.arctanh(np.sin(np.radians(28.25))))


@settings(deadline=None)
@given(lon=st.floats(73.6, 136.4), lat=st.floats(17.0, 54.0))
def test_every_gauss_kruger_code_has_the_meridian_its_title_says(lon: float, lat: float) -> None:
    zone = round(lon / 3)
    with_prefix = from_wgs84(lon, lat, f"EPSG:{4513 + zone - 25}")
    without = from_wgs84(lon, lat, f"EPSG:{4534 + zone - 25}")
    assert with_prefix[0] - without[0] == pytest.approx(zone * 1e6)
    own = f"+proj=tmerc +lon_0={3 * zone} +x_0=500000 +ellps=GRS80"
    plain = Transformer.from_crs(4326, own, always_xy=True).transform(lon, lat)
    assert without == pytest.approx(plain, abs=0.01)
    assert f"{zone}带" in parse_system(f"EPSG:{4513 + zone - 25}").title
    assert f"{3 * zone}°" in parse_system(f"EPSG:{4534 + zone - 25}").title
    six = round((lon + 3) / 6)
    if 13 <= six <= 23:
        wide = from_wgs84(lon, lat, f"EPSG:{4491 + six - 13}")
        bare = from_wgs84(lon, lat, f"EPSG:{4502 + six - 13}")
        assert wide[0] - bare[0] == pytest.approx(six * 1e6)
        assert f"{6 * six - 3}°" in parse_system(f"EPSG:{4502 + six - 13}").title


def test_systems_have_ids_and_titles() -> None:
    assert parse_system(" GCJ-02 ").id == "gcj02"
    assert parse_system("urn:ogc:def:crs:EPSG::4490").id == "cgcs2000"
    assert parse_system("EPSG:32649").epsg == 32649
    assert parse_system("urn:ogc:def:crs:EPSG:6.9:32649").epsg == 32649
    assert parse_system("4547").id == "EPSG:4547"
    assert parse_system("EPSG:4526").title == "国家2000 高斯-克吕格 3度带 38带(带号)"
    assert parse_system("epsg:4547").title == "国家2000 高斯-克吕格 3度带 中央经线114°(无带号)"
    assert parse_system("EPSG:2383").title.startswith("Xian 1980")


@pytest.mark.parametrize(
    "text", ["", "mars", "EPSG:", "EPSG:999999", "EPSG:5773", "EPSG:4978", "+proj=merc", "4547\x00"]
)
def test_unknown_systems_are_refused_in_chinese(text: str) -> None:
    with pytest.raises(UnknownSystem, match="无法识别的坐标系"):
        to_wgs84(1.0, 1.0, text)


@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09", "cgcs2000", "EPSG:4547"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_a_place_is_nan(system: str, bad: float) -> None:
    for function in (to_wgs84, from_wgs84):
        for point in ((bad, 30.0), (112.0, bad)):
            x, y = function(np.array([point[0], 114.0]), np.array([point[1], 30.0]), system)
            assert np.isnan([x[0], y[0]]).all()
    assert np.isfinite(from_wgs84([114.0], [30.0], system)).all()


def test_degrees_off_the_earth_are_nan() -> None:
    assert np.isnan(to_wgs84(500.0, 30.0, "wgs84")).all()
    assert np.isnan(to_wgs84(112.5, 95.0, "gcj02")).all()


def test_shapes_and_inputs_are_kept() -> None:
    lon, lat = np.full((2, 3), 112.5), np.full((2, 3), 28.25)
    for system in ("gcj02", "bd09", "cgcs2000", "EPSG:4547"):
        x, y = from_wgs84(lon, lat, system)
        assert x.shape == y.shape == (2, 3)
        assert isinstance(from_wgs84(112.5, 28.25, system)[0], float)
        assert from_wgs84([], [], system)[0].shape == (0,)
    assert (lon == 112.5).all()


def test_long_arrays_equal_short_ones() -> None:
    rng = np.random.default_rng(4)
    lon, lat = rng.uniform(75, 134, 50_001), rng.uniform(18, 53, 50_001)
    whole = from_wgs84(lon, lat, "bd09")
    tail = from_wgs84(lon[-3:], lat[-3:], "bd09")
    np.testing.assert_array_equal(np.array(whole)[:, -3:], np.array(tail))


def test_stated_accuracy_follows_the_longitude() -> None:
    assert stated_accuracy(np.array([100.0, 110.0]), "gcj02").tolist() == [8.0, 2.1]
    assert stated_accuracy(100.0, "wgs84") == 0


@pytest.mark.parametrize(
    ("x", "y", "hint", "expected"),
    [
        (38_352_789.76, 3_127_059.33, None, {("EPSG:4526", False)}),
        (3_127_059.33, 38_352_789.76, None, {("EPSG:4526", True)}),
        (38_352_789.76, 3_127_059.33, 112.5, {("EPSG:4526", False)}),
        (38_352_789.76, 3_127_059.33, 118.0, set()),
        (19_646_000.0, 3_127_059.33, 112.5, {("EPSG:4497", False)}),
        (352_789.76, 3_127_059.33, None, set()),
        (352_789.76, 3_127_059.33, 112.9, {("EPSG:4547", False), ("EPSG:4546", False)}),
        (
            3_127_059.33,
            352_789.76,
            114.4,
            {("EPSG:4547", True), ("EPSG:4508", True), ("EPSG:4509", True)},
        ),
        (1_161_903.0, 395_232.0, 116.3, set()),
        (112.5, 28.25, 112.5, set()),
        (24_352_789.0, 3_127_059.33, None, set()),
    ],
)
def test_gauss_kruger_candidates(
    x: float, y: float, hint: float | None, expected: set[tuple[str, bool]]
) -> None:
    found = gauss_kruger_candidates(x, y, hint)
    assert {(c.system.id, c.swapped) for c in found} == expected
    assert all(c.share == 1 for c in found)


def test_gauss_kruger_candidates_of_a_column_with_two_zones_and_gaps() -> None:
    east = np.array([38_352_789.0, 38_500_000.0, 37_600_000.0, np.nan])
    north = np.array([3_127_059.0, 3_127_059.0, 3_127_059.0, 3_127_059.0])
    found = [(c.system.id, round(c.share, 2)) for c in gauss_kruger_candidates(east, north, None)]
    assert found == [("EPSG:4526", 0.67), ("EPSG:4525", 0.33)]


@settings(deadline=None)
@given(lon=st.floats(74.0, 135.0), lat=st.floats(18.2, 53.5), drift=st.floats(-0.4, 0.4))
def test_the_true_zone_is_among_the_candidates(lon: float, lat: float, drift: float) -> None:
    """A point within 1.5° of its meridian, the county's longitude up to 0.4° away."""
    zone = round(lon / 3)
    for code in (4513 + zone - 25, 4534 + zone - 25):
        x, y = from_wgs84(lon, lat, f"EPSG:{code}")
        straight = gauss_kruger_candidates(x, y, lon + drift)
        turned = gauss_kruger_candidates(y, x, lon + drift)
        assert (f"EPSG:{code}", False) in {(c.system.id, c.swapped) for c in straight}
        assert (f"EPSG:{code}", True) in {(c.system.id, c.swapped) for c in turned}


@pytest.mark.parametrize(
    ("system", "degrees"),
    [("wgs84", True), ("gcj02", True), ("bd09", True), ("cgcs2000", True), ("EPSG:3857", False)]
    + [(f"EPSG:{code}", False) for code in range(4491, 4555)],
)
def test_degrees_or_metres(system: str, degrees: bool) -> None:
    assert parse_system(system).in_degrees is degrees
