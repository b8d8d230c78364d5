"""What lies within equals a brute force over the ellipsoid and the plane; who answers is named."""

from typing import Any

import httpx2 as httpx
import msgspec
import numpy as np
import psycopg
import pytest
import shapely
from prometheus_client import generate_latest
from pyproj import Geod

from mapsvc import prepared, surroundings
from mapsvc.catalog import Catalog
from mapsvc.coordinates import from_wgs84
from mapsvc.database import Db
from tests.conftest import Signed
from tests.test_api import problem

GEOD = Geod(ellps="WGS84")
MIDDLE = (111.2, 27.85)


@pytest.fixture(scope="module")
def risks(demo_conninfo: str) -> dict[int, dict[str, Any]]:
    with psycopg.connect(demo_conninfo) as db:
        rows = db.execute(
            "select id, ST_X(geom), ST_Y(geom), attrs, grade from feature"
            " where layer = 'risk_points'"
        ).fetchall()
    return {r[0]: r[3] | {"lon": r[1], "lat": r[2], "grade": r[4]} for r in rows}


@pytest.fixture(scope="module")
def planner(signed: Signed) -> httpx.Client:
    return signed("planner")


def ask(client: httpx.Client, **sent: Any) -> Any:
    return client.post("/api/within", json=sent)


def check(answer: Any, risks: dict[int, dict[str, Any]], inside: set[int]) -> None:
    """Features, counts by grade and sums are those of the points inside."""
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert {f["id"] for f in told["features"]} == inside
    counts = told["counts"]["risk_points"]
    assert counts["total"] == counts["listed"] == len(inside)
    for rank, name in enumerate(("重大", "较大", "一般", "低"), 1):
        assert counts["grades"][name] == sum(risks[n]["grade"] == rank for n in inside)
    sums = told["threatened"]
    for part in ("people", "households", "property"):
        own = [risks[n].get(f"threatened_{part}", 0) for n in inside]
        assert sums[part] == pytest.approx(sum(own))
    assert sums["points_without_figure"] == sum("threatened_people" not in risks[n] for n in inside)
    closed = [risks[n] for n in inside if risks[n].get("status") == "已销号"]
    assert sums["closed_points"] == len(closed)
    assert sums["closed_people"] == sum(r.get("threatened_people", 0) for r in closed)


def metres(risks: dict[int, dict[str, Any]], lon: float, lat: float) -> dict[int, float]:
    at = [(r["lon"], r["lat"]) for r in risks.values()]
    _, _, m = GEOD.inv([lon] * len(at), [lat] * len(at), [p[0] for p in at], [p[1] for p in at])
    return dict(zip(risks, m, strict=True))


@pytest.mark.parametrize("radius_m", [1.0, 800.0, 3000.0, 25_000.0, 500_000.0])
def test_a_circle_is_one_on_the_ellipsoid(
    planner: httpx.Client, risks: dict[int, dict[str, Any]], radius_m: float
) -> None:
    rng = np.random.default_rng(int(radius_m))
    for lon, lat in rng.uniform((111.0, 27.6), (111.4, 28.0), (4, 2)).tolist():
        far = metres(risks, lon, lat)
        circle = {"lon": lon, "lat": lat, "radius_m": radius_m}
        answer = ask(planner, circle=circle, layers=["risk_points"])
        check(answer, risks, {n for n, m in far.items() if m <= radius_m})
        found = [f["properties"]["distance_m"] for f in answer.json()["features"]]
        assert found == sorted(found)
        assert found == pytest.approx(sorted(m for m in far.values() if m <= radius_m), abs=0.002)


def test_a_polygon_with_a_hole_and_a_multipolygon(
    planner: httpx.Client, risks: dict[int, dict[str, Any]]
) -> None:
    hole = shapely.Point(MIDDLE).buffer(0.05)
    ring = shapely.Point(MIDDLE).buffer(0.15).difference(hole)
    parts = shapely.MultiPolygon([ring, shapely.Point(MIDDLE).buffer(0.02)])
    for shape in (ring, parts):
        inside = {n for n, r in risks.items() if shape.covers(shapely.Point(r["lon"], r["lat"]))}
        answer = ask(planner, geometry=shapely.geometry.mapping(shape), layers=["risk_points"])
        check(answer, risks, inside)


def test_a_corridor_lies_along_its_line(
    planner: httpx.Client, risks: dict[int, dict[str, Any]]
) -> None:
    line = [[111.0, 27.7], [111.2, 27.9], [111.45, 27.88]]
    width = 4000.0
    # The line in steps of about a metre: the nearest of them is the distance to a millimetre.
    steps = shapely.get_coordinates(shapely.segmentize(shapely.LineString(line), 1e-5))
    inside, edge = set(), set()
    for n, r in risks.items():
        near = np.hypot((steps[:, 0] - r["lon"]) * 0.88, steps[:, 1] - r["lat"])
        if near.min() > 0.05:
            continue
        close = steps[np.argsort(near)[:200]]
        many = [len(close)]
        _, _, m = GEOD.inv(
            np.repeat(r["lon"], many), np.repeat(r["lat"], many), close[:, 0], close[:, 1]
        )
        (edge if abs(m.min() - width) < 1 else inside if m.min() < width else set()).add(n)
    answer = ask(
        planner,
        geometry={"type": "LineString", "coordinates": line},
        buffer_m=width,
        layers=["risk_points"],
    )
    found = {f["id"] for f in answer.json()["features"]}
    assert len(inside) > 5
    assert inside <= found <= inside | edge


def test_shifted_coordinates_and_filters(
    planner: httpx.Client, risks: dict[int, dict[str, Any]]
) -> None:
    lon, lat = MIDDLE
    far = metres(risks, lon, lat)
    grave = {n for n, m in far.items() if m <= 8000 and risks[n]["risk_level"] in ("重大", "较大")}
    circle = {"lon": lon, "lat": lat, "radius_m": 8000}
    where = "风险等级 in ('红', '橙')"
    check(ask(planner, circle=circle, layers=["risk_points"], where=where), risks, grave)
    x, y = (float(v) for v in from_wgs84(lon, lat, "gcj02"))
    moved = {"lon": x, "lat": y, "radius_m": 8000}
    answer = ask(planner, circle=moved, crs="gcj02", layers=["risk_points"], where=where)
    check(answer, risks, grave)
    problem(ask(planner, circle=circle, where="风险等级 = '红'"), 422, "unknown_field")


def test_the_chain_goes_from_the_village_up(planner: httpx.Client, signed: Signed) -> None:
    circle = {"lon": MIDDLE[0], "lat": MIDDLE[1], "radius_m": 1500}
    told = ask(planner, circle=circle).json()
    levels = {r["code"]: r["level"] for r in told["regions"]}
    assert set(levels.values()) == {"village", "township", "county"}
    assert [c["region"]["level"] for c in told["chain"]] == ["village"] * len(told["chain"])
    assert {c["region"]["code"] for c in told["chain"]} == {
        code for code, level in levels.items() if level == "village"
    }
    for chain in told["chain"]:
        assert [p["level"] for p in chain["posts"]] == ["village", "township", "county"]
        assert all(p["holder_phone"] for p in chain["posts"])
    other = ask(signed("town-990101002"), circle=circle).json()
    seen = [p for c in other["chain"] for p in c["posts"] if p["level"] != "county"]
    own = [p for p in seen if str(p["region_code"]).startswith("990101002")]
    assert all("*" in p["holder_phone"] for p in seen if p not in own)
    assert all(p["duty_phone"] for p in seen)


def test_a_region_drawn_exactly_does_not_touch_its_neighbours(
    planner: httpx.Client, demo_conninfo: str
) -> None:
    with psycopg.connect(demo_conninfo) as db:
        row = db.execute(
            "select code, ST_AsGeoJSON(geom, 15)::json from region where level = 'village'"
            " order by code limit 1"
        ).fetchone()
    assert row is not None
    told = ask(planner, geometry=row[1], layers=["risk_points"]).json()
    assert [c["region"]["code"] for c in told["chain"]] == [row[0]]


def test_the_whole_county_is_told_by_township(planner: httpx.Client) -> None:
    told = ask(planner, circle={"lon": 111.2, "lat": 27.85, "radius_m": 60_000}, limit=5).json()
    assert {c["region"]["level"] for c in told["chain"]} == {"township"}
    assert any("按乡镇" in note for note in told["notes"])
    # The list ends, and says so; the counts do not.
    assert any("只列出最近的 5 个" in note for note in told["notes"])
    layers = planner.get("/api/layers").json()
    assert {k: v["total"] for k, v in told["counts"].items()} == {
        x["id"]: x["count"] for x in layers
    }
    assert len(told["features"]) == 5 * len(layers)


CIRCLE = surroundings.circle(*MIDDLE, 1500.0)


@pytest.mark.anyio
async def test_one_statement_and_the_chain_follows_every_change(
    demo_copy: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = (catalog.layer("risk_points"), catalog.layer("depots"))
    ask = surroundings.Question(CIRCLE, layers)
    asked: list[Db] = []
    usual = psycopg.AsyncConnection.execute

    async def execute(self: Db, query: Any, *more: Any, **also: Any) -> Any:
        asked.append(self)
        return await usual(self, query, *more, **also)

    async def one_row(db: Db, *more: Any) -> Any:
        asked.append(db)
        return await prepared.one_row(db, *more)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", execute)
    monkeypatch.setattr(surroundings, "one_row", one_row)

    async def told(db: Db) -> tuple[Any, int]:
        asked.clear()
        found = msgspec.json.decode(await surroundings.within(db, catalog, ask))
        return found, asked.count(db)  # other applications of this process ask too

    async with await psycopg.AsyncConnection.connect(demo_copy, autocommit=True) as db:
        first, many = await told(db)
        assert many > 1
        again, many = await told(db)
        assert many == 1
        assert again["chain"] == first["chain"] != []
        post = first["chain"][0]["posts"][0]
        await db.execute(
            'update feature set attrs = attrs || \'{"holder": "演示新人"}\''
            " where layer = 'command_posts' and id = %s",
            [post["id"]],
        )
        changed, many = await told(db)
        assert many > 1
        assert changed["chain"][0]["posts"][0]["holder"] == "演示新人"
        await db.execute("update region set name = '改名村' where code = %s", [post["region_code"]])
        renamed, many = await told(db)
        assert many > 1
        assert renamed["chain"][0]["region"]["name"] == "改名村"
        assert (await told(db))[1] == 1


@pytest.mark.parametrize("radius_m", [700.0, 3000.0, 20_000.0, 150_000.0])
def test_the_regions_touched_are_those_of_the_ellipsoid(
    planner: httpx.Client, demo_conninfo: str, radius_m: float
) -> None:
    rng = np.random.default_rng(int(radius_m))
    query = (
        "select code from region where"
        " ST_DWithin(geom::geography, ST_Point(%s, %s, 4326)::geography, %s)"
    )
    with psycopg.connect(demo_conninfo) as db:
        for lon, lat in rng.uniform((110.8, 27.5), (111.6, 28.2), (6, 2)).tolist():
            circle = {"lon": lon, "lat": lat, "radius_m": radius_m}
            told = ask(planner, circle=circle, layers=["forces"], limit=0).json()
            true = {row[0] for row in db.execute(query, [lon, lat, radius_m])}
            assert {r["code"] for r in told["regions"]} == true


def test_nothing_there_is_an_honest_answer(planner: httpx.Client) -> None:
    told = ask(planner, circle={"lon": 100.0, "lat": 20.0, "radius_m": 3000}).json()
    assert told["features"] == told["regions"] == told["chain"] == []
    assert all(c["total"] == 0 for c in told["counts"].values())
    assert told["threatened"]["people"] == 0
    assert "不在已载入的行政区内" in told["notes"][0]
    none = ask(planner, circle={"lon": 111.2, "lat": 27.9, "radius_m": 9}, layers=["forces"]).json()
    assert none["threatened"] is None


RING = [[111.0, 27.5], [111.2, 27.5], [111.2, 27.7], [111.0, 27.5]]
FAR = [[0, 0], [999, 0], [999, 1], [0, 0]]
ROUND = [[179, 1], [-179, 1], [-179, 2], [179, 1]]
LONG = [[i / 1e5, 1] for i in range(20_000)]
HERE = {"lon": 111, "lat": 27, "radius_m": 9}
BOW = [[111.0, 27.5], [111.2, 27.7], [111.2, 27.5], [111.0, 27.7], [111.0, 27.5]]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({}, 422, "one_shape_needed"),
        ({"circle": {"lon": 111, "lat": 27}}, 422, "bad_parameter"),
        ({"circle": {"lon": 111, "lat": 27, "radius_m": 0}}, 422, "radius_out_of_range"),
        ({"circle": {"lon": 111, "lat": 27, "radius_m": 1e9}}, 422, "radius_out_of_range"),
        ({"circle": {"lon": 27, "lat": 111, "radius_m": 9}}, 422, "coordinates_out_of_range"),
        ({"circle": {"lon": 179.9, "lat": 27, "radius_m": 90_000}}, 422, "area_too_large"),
        ({"circle": {"lon": 111, "lat": 89.9, "radius_m": 90_000}}, 422, "area_too_large"),
        ({"circle": HERE, "buffer_m": 9}, 422, "one_shape_needed"),
        ({"circle": HERE, "crs": "mars"}, 422, "unknown_crs"),
        ({"circle": HERE, "layers": ["x"]}, 404, "unknown_layer"),
        ({"circle": HERE, "where": "x"}, 422, "unknown_field"),
        ({"circle": HERE, "limit": 10**6}, 422, "bad_parameter"),
        ({"geometry": {"type": "Polygon", "coordinates": [BOW]}}, 422, "bad_geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": [RING[:2]]}}, 422, "bad_geometry"),
        ({"geometry": {"type": "Polygon", "coordinates": "x"}}, 422, "bad_geometry"),
        ({"geometry": {"type": "Polygon"}}, 422, "bad_geometry"),
        ({"geometry": {"type": "Point", "coordinates": [111, 27]}}, 422, "bad_geometry"),
        ({"geometry": {"type": ["Polygon"], "coordinates": [RING]}}, 422, "bad_geometry"),
        ({"geometry": {"type": "LineString", "coordinates": RING[:2]}}, 422, "buffer_missing"),
        (
            {"geometry": {"type": "LineString", "coordinates": RING[:2]}, "buffer_m": 0},
            422,
            "buffer_out_of_range",
        ),
        (
            {"geometry": {"type": "Polygon", "coordinates": [ROUND]}},
            422,
            "area_too_large",
        ),
        (
            {"geometry": {"type": "Polygon", "coordinates": [FAR]}},
            422,
            "coordinates_out_of_range",
        ),
        (
            {"geometry": {"type": "LineString", "coordinates": LONG}, "buffer_m": 9},
            422,
            "bad_geometry",
        ),
        ({"circle": HERE, "what": 1}, 422, "bad_parameter"),
        ([], 422, "bad_parameter"),
    ],
)
def test_refused_in_words(planner: httpx.Client, sent: Any, status: int, code: str) -> None:
    problem(planner.post("/api/within", json=sent), status, code)


def test_thousands_of_corners_are_fine(
    planner: httpx.Client, risks: dict[int, dict[str, Any]]
) -> None:
    around = np.linspace(0, 2 * np.pi, 9000, endpoint=False)
    wave = 0.1 + 0.02 * np.sin(around * 700)
    ring = np.column_stack([111.2 + wave * np.cos(around), 27.85 + wave * np.sin(around)])
    shape = shapely.Polygon(ring)
    inside = {n for n, r in risks.items() if shape.covers(shapely.Point(r["lon"], r["lat"]))}
    answer = ask(planner, geometry=shapely.geometry.mapping(shape), layers=["risk_points"])
    check(answer, risks, inside)


def test_what_is_sent_must_be_json(planner: httpx.Client) -> None:
    for kind, body in (("text/plain", "{}"), ("application/json", "{"), ("application/json", "")):
        answer = planner.post("/api/within", content=body, headers={"Content-Type": kind})
        assert problem(answer, answer.status_code, "bad_parameter")
    assert planner.get("/api/within").status_code == 405
    assert planner.head("/api/nearest").status_code == 405
    ask(planner, circle={"lon": 111.2, "lat": 27.85, "radius_m": 100})
    assert b'route="/api/within"' in generate_latest()
