"""The API as programs use it: sign-in, layers, features, search, nearest, problems."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import PASSWORD, Signed

LAYERS = {"risk_points": 107, "depots": 372, "forces": 351, "command_posts": 351}


def problem(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= told.keys()
    assert (told["status"], told["code"]) == (status, code)
    assert any("\u4e00" <= ch <= "\u9fff" for ch in told["detail"])
    return str(told["detail"])


def test_nothing_is_open_but_health_and_the_login_page(signed: Signed) -> None:
    open_paths = {"/healthz", "/readyz", "/login", "/api/session", "/api/openapi.json"}
    open_paths |= {"/api/kiosk", "/api/setup"}  # they ask for a token and a printed code
    asked = 0
    for path, methods in signed.client.get("/api/openapi.json").json()["paths"].items():
        if path in open_paths:
            continue
        url = path.replace("{layer}", "depots").replace("{feature_id}", "1")
        url = url.replace("{z}/{x}/{y}", "0/0/0").replace(
            "{upload_id}", "00000000-0000-0000-0000-000000000000"
        )
        for method in methods:
            problem(signed.client.request(method, url), 401, "not_signed_in")
            asked += 1
    assert asked >= 15
    for page in ("/", "/map", "/uploads"):
        answer = signed.client.get(page, headers={"accept": "text/html"}, follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


def test_signing_in_and_out(signed: Signed) -> None:
    client = signed.client
    wrong = client.post("/api/session", json={"username": "planner", "password": "no"})
    nobody = client.post("/api/session", json={"username": "nobody", "password": "no"})
    assert problem(wrong, 401, "sign_in_failed") == problem(nobody, 401, "sign_in_failed")
    told = client.post("/api/session", json={"username": "town-990101001", "password": PASSWORD})
    assert told.json()["role"] == "township"
    assert told.json()["region_code"] == "990101001"
    cookie = told.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {told.json()['token']}"}
    assert client.get("/api/session", headers=bearer).json()["username"] == "town-990101001"
    assert client.delete("/api/session", headers=bearer).status_code == 204
    problem(client.get("/api/session", headers=bearer), 401, "not_signed_in")


def test_a_cookie_alone_cannot_change_anything(signed: Signed) -> None:
    client = signed.client
    client.post("/api/session", json={"username": "planner", "password": PASSWORD})
    assert client.get("/api/session").status_code == 200
    problem(client.delete("/api/session"), 403, "csrf")
    assert client.delete("/api/session", headers={"X-Requested-With": "m"}).status_code == 204


def test_layers_say_what_they_hold(signed: Signed) -> None:
    layers = signed("command").get("/api/layers").json()
    assert {x["id"]: x["count"] for x in layers} == LAYERS
    risk = layers[0]
    assert risk["title"] == "风险隐患图"
    assert {"geometry", "updated_at", "fields", "freshness"} <= risk.keys()
    level = next(f for f in risk["fields"] if f["id"] == "risk_level")
    assert [v["value"] for v in level["values"]] == ["重大", "较大", "一般", "低"]


def test_pages_of_features_are_whole_and_in_order(signed: Signed) -> None:
    planner = signed("planner")
    seen: list[int] = []
    url = "/api/layers/forces/features?limit=100"
    while url:
        answer = planner.get(url)
        assert answer.headers["content-type"] == "application/geo+json"
        page = answer.json()
        assert page["numberMatched"] == 351
        assert page["numberReturned"] == len(page["features"])
        seen += [f["id"] for f in page["features"]]
        url = page["next"]
    assert seen == sorted(set(seen))
    assert len(seen) == 351
    first = planner.get("/api/layers/forces/features", params={"limit": 10}).json()
    second = planner.get(
        "/api/layers/forces/features", params={"limit": 10, "cursor": first["next"]}
    ).json()
    assert [f["id"] for f in second["features"]] == seen[10:20]


def test_a_feature_has_the_contracts_shape(signed: Signed) -> None:
    planner = signed("planner")
    page = planner.get("/api/layers/risk_points/features?limit=1").json()
    feature = page["features"][0]
    assert planner.get(f"/api/layers/risk_points/features/{feature['id']}").json() == feature
    assert feature["type"] == "Feature"
    lon, lat = feature["geometry"]["coordinates"]
    assert 110 < lon < 112
    assert 27 < lat < 29
    kept = {"layer", "code", "name", "region_code", "region_name", "version", "updated_at"}
    assert kept | {"verified_at", "risk_level"} <= feature["properties"].keys()
    history = planner.get(f"/api/layers/risk_points/features/{feature['id']}/history").json()
    assert [v["version"] for v in history["versions"]] == [1]


def test_filters_by_box_region_and_name(signed: Signed) -> None:
    planner = signed("planner")
    url = "/api/layers/depots/features"
    everything = planner.get(url).json()["features"]
    west, south, east, north = 111.15, 27.8, 111.25, 27.9
    inside = planner.get(url, params={"bbox": f"{west},{south},{east},{north}"}).json()
    true = [
        f["id"]
        for f in everything
        if west <= f["geometry"]["coordinates"][0] <= east
        and south <= f["geometry"]["coordinates"][1] <= north
    ]
    assert true
    assert [f["id"] for f in inside["features"]] == true
    town = planner.get(url, params={"region": "990101001"}).json()["features"]
    assert town
    assert [f["id"] for f in town] == [
        f["id"] for f in everything if f["properties"]["region_code"].startswith("990101001")
    ]
    name = everything[5]["properties"]["name"]
    named = planner.get(url, params={"q": name}).json()["features"]
    assert everything[5]["id"] in [f["id"] for f in named]
    problem(planner.get(url, params={"region": "1"}), 404, "unknown_region")
    problem(planner.get(url, params={"bbox": "1,2,3"}), 422, "bad_input")
    problem(planner.get(url, params={"bbox": "a,b,c,d"}), 422, "bad_input")
    problem(planner.get(url, params={"bbox": "2,2,1,1"}), 422, "bad_input")
    assert planner.get(url, params={"q": "%"}).json()["numberMatched"] == 0


def test_shifted_coordinates_are_shifted_only_on_the_way_out(signed: Signed) -> None:
    planner = signed("planner")
    url = "/api/layers/depots/features"
    plain = planner.get(url, params={"limit": 20}).json()["features"]
    gcj = planner.get(url, params={"limit": 20, "crs": "gcj02"}).json()["features"]
    for a, b in zip(plain, gcj, strict=True):
        moved = [
            abs(p - q) for p, q in zip(*(f["geometry"]["coordinates"] for f in (a, b)), strict=True)
        ]
        assert 0.0005 < max(moved) < 0.01
        assert a["properties"] == b["properties"]
    utm = planner.get(url, params={"limit": 1, "crs": "EPSG:4546"}).json()["features"]
    x, y = utm[0]["geometry"]["coordinates"]
    assert 300_000 < x < 700_000
    assert 3_000_000 < y < 3_200_000
    problem(planner.get(url, params={"crs": "EPSG:1"}), 422, "unknown_crs")


def test_search_by_name_and_pinyin(signed: Signed) -> None:
    planner = signed("planner")
    for q in ("青岚县消防", "qlxxf", "QLXXF"):
        results = planner.get("/api/search", params={"q": q}).json()["results"]
        assert any(r["name"].startswith("青岚县") for r in results), q
    region = planner.get("/api/search", params={"q": "青岚街道"}).json()["results"][0]
    assert (region["layer"], region["code"]) == (None, "990101001")
    assert planner.get("/api/search", params={"q": "%%_"}).json()["results"] == []
    problem(planner.get("/api/search", params={"q": ""}), 422, "bad_parameter")


def test_nearest_answers_the_contracts_shape(signed: Signed) -> None:
    planner = signed("planner")
    answer = planner.get(
        "/api/nearest", params={"lon": 111.2, "lat": 27.9, "layers": "depots,forces", "k": 3}
    ).json()
    assert (answer["origin"], answer["mode"]) == ([111.2, 27.9], "line")
    assert len(answer["results"]) == 6
    metres = [r["distance_m"] for r in answer["results"]]
    assert metres == sorted(metres)
    hit = answer["results"][0]
    assert {"layer", "id", "name", "distance_m", "bearing_deg", "age_days", "feature"} <= hit.keys()
    one = planner.get(f"/api/layers/{hit['layer']}/features/{hit['id']}").json()
    assert hit["feature"] == one


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("lat=27", 422, "bad_parameter"),
        ("lon=x&lat=27", 422, "bad_parameter"),
        ("lon=nan&lat=27", 422, "coordinates_out_of_range"),
        ("lon=inf&lat=27", 422, "coordinates_out_of_range"),
        ("lon=27.9&lat=111.2", 422, "coordinates_out_of_range"),
        ("lon=111&lat=27&k=0", 422, "bad_parameter"),
        ("lon=111&lat=27&k=1000000", 422, "bad_parameter"),
        ("lon=111&lat=27&layers=depots,nothing", 404, "unknown_layer"),
        ("lon=111&lat=27&crs=mars", 422, "unknown_crs"),
        ("lon=111&lat=27&max_m=-1", 422, "bad_parameter"),
        ("lon=111&lat=27&mode=air", 422, "bad_parameter"),
        ("lon=111&lat=27&mode=road&profile=tank", 422, "bad_parameter"),
        ("lon=111&lat=27&mode=road&within_s=0", 422, "bad_parameter"),
        ("lon=111&lat=27&within_s=600", 422, "within_needs_road"),
        ("lon=111&lat=27&where=headcount%3E5", 422, "unknown_field"),
    ],
)
def test_nearest_refuses_in_words(signed: Signed, query: str, status: int, code: str) -> None:
    problem(signed("planner").get(f"/api/nearest?{query}"), status, code)


def test_a_shifted_origin_is_shifted_back(signed: Signed) -> None:
    planner = signed("planner")
    ask = {"layers": "depots", "k": 1}
    plain = planner.get("/api/nearest", params={"lon": 111.2, "lat": 27.9, **ask}).json()
    lon, lat = plain["results"][0]["feature"]["geometry"]["coordinates"]
    shifted = planner.get(
        "/api/layers/depots/features", params={"crs": "bd09", "bbox": "110,27,112,29"}
    ).json()["features"]
    same = next(f for f in shifted if f["id"] == plain["results"][0]["id"])
    x, y = same["geometry"]["coordinates"]
    back = planner.get("/api/nearest", params={"lon": x, "lat": y, "crs": "bd09", **ask}).json()
    assert back["results"][0]["id"] == plain["results"][0]["id"]
    assert back["results"][0]["distance_m"] < 0.1
    assert back["origin"] == pytest.approx([lon, lat], abs=1e-6)


def test_a_township_sees_personal_fields_of_its_own_only(signed: Signed) -> None:
    planner, town = signed("admin"), signed("town-990101001")
    url = "/api/layers/forces/features?limit=1000"
    full = {f["id"]: f["properties"] for f in planner.get(url).json()["features"]}
    mine = others = 0
    for feature in town.get(url).json()["features"]:
        shown, whole = feature["properties"], full[feature["id"]]
        if whole["region_code"].startswith("990101001"):
            assert shown == whole
            mine += 1
        else:
            assert set(shown.get("masked", ())) == {"leader", "leader_phone"} & whole.keys()
            assert "*" in shown.get("leader_phone", "*")
            assert "*" in shown.get("leader", "*")
            assert shown["duty_phone" if "duty_phone" in shown else "name"]
            others += 1
    assert mine > 5
    assert others > 300
    near = town.get("/api/nearest?lon=111.0&lat=27.7&k=20&layers=forces").text
    foreign = [p for p in full.values() if not p["region_code"].startswith("990101001")]
    public = {p.get("duty_phone") for p in full.values()}
    phones = {p.get("leader_phone") for p in foreign} - public - {None}
    assert len(phones) > 50
    assert not any(phone in near for phone in phones)


def test_past_moments_show_what_was(signed: Signed) -> None:
    planner = signed("planner")
    url = "/api/layers/forces/features"
    before = planner.get(url, params={"as_of": "2020-01-01T00:00:00+08:00"}).json()
    assert before["numberMatched"] == 0
    now = planner.get(url, params={"as_of": "2999-01-01T00:00:00+08:00"}).json()
    assert now["numberMatched"] == 351
    problem(planner.get(url, params={"as_of": "yesterday"}), 422, "bad_parameter")


def test_unknown_addresses_and_readiness(signed: Signed) -> None:
    planner = signed("planner")
    problem(planner.get("/api/nothing"), 404, "not_found")
    problem(planner.get("/api/layers/nothing/features"), 404, "unknown_layer")
    problem(planner.get("/api/layers/depots/features/999999999"), 404, "not_found")
    problem(planner.get(f"/api/layers/depots/features/{10**30}"), 404, "not_found")
    assert planner.get("/healthz").json() == {"status": "ok"}
    assert planner.get("/readyz").json() == {"status": "ok", "faults": []}


def test_a_database_that_is_away_is_told_and_healed(
    make_app: Callable[..., TestClient], make_database: Callable[[str | None], str]
) -> None:
    empty = make_app(make_database(None))
    answer = empty.get("/readyz")
    assert answer.status_code == 503
    assert "mapsvc init" in answer.json()["faults"][0]
    away = make_app("host=/nonexistent dbname=none", pool_wait_s=0.5)
    assert away.get("/readyz").status_code == 503
    bearer = {"Authorization": "Bearer x"}
    problem(away.get("/api/layers", headers=bearer), 503, "database_unavailable")
