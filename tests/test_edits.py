"""Single edits over the API: values, places, versions, history, hostile bodies."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from mapsvc.access import add_account
from mapsvc.catalog import Catalog, Layer
from mapsvc.coordinates import from_wgs84
from mapsvc.ingest.entry import read_entry
from mapsvc.search_text import search_text
from tests.aside import run
from tests.conftest import PASSWORD, Signed
from tests.office import OTHER, OUTSIDE, OWN, Office, faults, patch, url
from tests.test_api import problem


@pytest.fixture(scope="module")
def office(
    make_app: Callable[..., TestClient],
    make_database: Callable[[str | None], str],
    demo_source: str,
) -> Office:
    conninfo = make_database(demo_source)
    return Office(Signed(make_app(conninfo)), conninfo)


WRITTEN = {
    "risk_points": (
        {
            "risk_level": "红色",
            "hazard_type": "山体滑坡",
            "threatened_people": "1,200人",
            "threatened_property": "30000元",
            "responsible_phone": "138 0013 8000／0731-5551234",
            "found_on": "2024年5月1日",
            "status": "销号",
            "measures": "  ",
        },
        {
            "risk_level": "重大",
            "hazard_type": "滑坡",
            "threatened_people": 1200,
            "threatened_property": 3,
            "responsible_phone": "13800138000、0731-5551234",
            "found_on": "2024-05-01",
            "status": "已销号",
        },
        1,
    ),
    "depots": (
        {
            "depot_kind": "防汛",
            "area": 120.5,
            "items": [
                {"item": "帐篷", "quantity": "20", "unit": "顶", "expires": "2027.1.5"},
                {"item": "沙袋", "quantity": 500},
            ],
            "manager": "李　四",
            "duty_phone": 13900139000,
        },
        {
            "depot_kind": "防汛抗旱",
            "area": 120.5,
            "items": [
                {"item": "帐篷", "quantity": 20, "unit": "顶", "expires": "2027-01-05"},
                {"item": "沙袋", "quantity": 500},
            ],
            "manager": "李 四",
            "duty_phone": "13900139000",
        },
        None,
    ),
    "forces": (
        {
            "force_type": "民兵",
            "headcount": 30,
            "capabilities": ["水上救援", "破拆", "破拆"],
            "equipment": "冲锋舟 2艘；水泵3台",
            "on_duty": True,
        },
        {
            "force_type": "基干民兵",
            "headcount": 30,
            "capabilities": ["水上救援", "破拆"],
            "equipment": [
                {"item": "冲锋舟", "quantity": 2, "unit": "艘"},
                {"item": "水泵", "quantity": 3, "unit": "台"},
            ],
            "on_duty": True,
        },
        None,
    ),
    "command_posts": (
        {"level": "村", "holder": "张三", "holder_phone": "13700137000", "unit": "某村"},
        {"level": "村级", "holder": "张三", "holder_phone": "13700137000", "unit": "某村"},
        None,
    ),
}


@pytest.mark.parametrize("layer", WRITTEN)
def test_a_feature_is_added_typed_and_placed(office: Office, layer: str) -> None:
    given, stored, grade = WRITTEN[layer]
    version, count = office.layer(layer)
    sent = office.feature(**given, verified_at="2026/11/20")
    answer = office.planner.post(f"/api/layers/{layer}/features", json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["location"] == url(made)
    assert office.planner.get(answer.headers["location"]).json() == made
    shown = made["properties"]
    assert {k: v for k, v in shown.items() if k in given} == stored
    assert made["geometry"] == sent["geometry"]
    assert (shown["version"], shown["verified_at"]) == (1, "2026-11-20")
    assert shown["region_code"].startswith(OWN)
    (row,) = office.ask(
        "select township_code, grade, search, updated_by, upload_id, provenance from feature"
        " where layer = %s and id = %s",
        layer,
        made["id"],
    )
    assert row[:2] == (OWN, grade)
    assert row[2] == search_text(shown["name"], shown["code"])
    assert row[3] == "planner"
    assert office.planner.get(f"/api/uploads/{row[4]}").json()["kind"] == "edit"
    assert row[5]["form"] == "edit"
    assert office.layer(layer) == (version + 1, count + 1)


@pytest.mark.parametrize("layer", WRITTEN)
def test_what_was_read_and_is_sent_back_changes_nothing(office: Office, layer: str) -> None:
    given, _, _ = WRITTEN[layer]
    made = office.add(layer, **given)
    first = office.planner.get(f"/api/layers/{layer}/features?limit=1").json()["features"][0]
    before = office.layer(layer)
    for feature in (made, first):
        for sent in (feature, {}, {"properties": None}):
            answer = patch(office.planner, feature, **sent)
            assert answer.status_code == 200, answer.text
            assert answer.json() == feature
            assert answer.headers["etag"] == f'"{feature["properties"]["version"]}"'
    assert office.layer(layer) == before


def test_absent_stays_null_clears_and_a_point_moves(office: Office) -> None:
    made = office.add(
        risk_level="低", threatened_people=5, address="村口", verified_at="2026-01-01"
    )
    assert made["properties"]["version"] == 1
    answer = patch(
        office.planner,
        made,
        geometry={"type": "Point", "coordinates": office.other},
        properties={"risk_level": "重大", "address": None, "verified_at": None, "code": None},
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    shown = answer.json()["properties"]
    assert shown["region_code"].startswith(OTHER)
    assert (shown["risk_level"], shown["threatened_people"]) == ("重大", 5)
    assert "address" not in shown
    assert (shown["verified_at"], shown["code"]) == (None, None)
    assert shown["name"] == made["properties"]["name"]
    (row,) = office.ask(
        "select township_code, grade, updated_by, search from feature where id = %s", made["id"]
    )
    assert row[:3] == (OTHER, 1, "planner")
    assert made["properties"]["code"].lower() not in row[3]


def test_history_and_past_moments_after_edits(office: Office) -> None:
    made = office.add("forces", headcount=1)
    where = url(made)
    second = patch(office.planner, made, properties={"headcount": 2}).json()
    third = patch(office.admin, second, properties={"headcount": 3, "name": "改名"}).json()
    gone = office.planner.delete(where, headers={"If-Match": '"3"'})
    assert (gone.status_code, gone.content) == (204, b"")
    problem(office.planner.get(where), 404, "not_found")
    versions = office.planner.get(f"{where}/history").json()["versions"]
    assert [(v["version"], v["by"], v["ended_by"]) for v in versions] == [
        (3, "admin", "delete"),
        (2, "planner", "update"),
        (1, "admin", "update"),
    ]
    assert [v["feature"] for v in versions] == [third, second, made]
    assert versions[1]["valid_to"] == versions[0]["valid_from"]
    assert office.ask(
        "select changed_by from feature_history where id = %s and version = 3", made["id"]
    ) == [("planner",)]
    page = "/api/layers/forces/features"
    for version in versions:
        at = datetime.fromisoformat(version["valid_from"])
        then = office.planner.get(page, params={"as_of": at.isoformat(), "limit": 10000}).json()
        assert version["feature"] in then["features"]
        earlier = (at - timedelta(microseconds=1)).isoformat()
        then = office.planner.get(page, params={"as_of": earlier, "limit": 10000}).json()
        assert version["feature"] not in then["features"]
    now = office.planner.get(page, params={"limit": 10000}).json()["features"]
    assert made["id"] not in [f["id"] for f in now]


WRONG = [
    ("risk_points", {"name": None}, "name", "name_missing"),
    ("risk_points", {"name": "—"}, "name", "name_missing"),
    ("risk_points", {"name": "长" * 101}, "name", "too_long"),
    ("risk_points", {"name": ["甲"]}, "name", "not_text"),
    ("risk_points", {"code": "1.38E+10"}, "code", "lost_digits"),
    ("risk_points", {"code": True}, "code", "not_text"),
    ("risk_points", {"verified_at": "2026-02-30"}, "verified_at", "not_a_date"),
    ("risk_points", {"verified_at": 45000}, "verified_at", "date_serial"),
    ("risk_points", {"risk_level": "特别大"}, "risk_level", "not_in_list"),
    ("risk_points", {"threatened_people": 1.5}, "threatened_people", "not_an_integer"),
    ("risk_points", {"threatened_people": -1}, "threatened_people", "too_small"),
    ("risk_points", {"threatened_people": 10**30}, "threatened_people", "not_a_number"),
    ("risk_points", {"threatened_people": "很多"}, "threatened_people", "not_a_number"),
    ("risk_points", {"threatened_people": False}, "threatened_people", "not_text"),
    ("risk_points", {"responsible_phone": "12"}, "responsible_phone", "not_a_phone"),
    ("risk_points", {"monitor_person": "王五13800138000"}, "monitor_person", "person_with_phone"),
    ("risk_points", {"measures": "#REF!"}, "measures", "formula_error"),
    ("risk_points", {"measures": "多" * 2001}, "measures", "too_long"),
    ("risk_points", {"measures": {"a": 1}}, "measures", "not_text"),
    ("risk_points", {"threatened": 1}, "threatened", "unknown_property"),
    ("risk_points", {"version": 99}, "version", "read_only"),
    ("risk_points", {"region_code": OTHER}, "region_code", "read_only"),
    ("forces", {"on_duty": "或许"}, "on_duty", "not_boolean"),
    ("forces", {"capabilities": [["甲"]]}, "capabilities", "not_a_list"),
    ("forces", {"capabilities": {"甲": 1}}, "capabilities", "not_a_list"),
    ("forces", {"equipment": "若干"}, "equipment", "record_unreadable"),
    ("depots", {"items": {"item": "帐篷"}}, "items", "not_records"),
    ("depots", {"items": ["帐篷"]}, "items[0]", "not_records"),
    ("depots", {"items": [{"item": "帐篷"}]}, "items[0].quantity", "record_incomplete"),
    ("depots", {"items": [{"quantity": 1}]}, "items[0].item", "record_incomplete"),
    ("depots", {"items": [{"item": "床", "quantity": "些"}]}, "items[0].quantity", "not_a_number"),
    ("depots", {"items": [{"item": "床", "quantity": [1]}]}, "items[0].quantity", "not_text"),
    ("depots", {"items": [{"item": "床", "quantity": 1, "色": 1}]}, "items[0].色",
     "unknown_property"),
    ("depots", {"items": [{"item": "床", "quantity": 1}] * 2001}, "items", "too_many"),
    ("depots", {"items": [{"item": "床", "quantity": 1}, {"item": "被", "quantity": 1,
                "expires": "明年"}]}, "items[1].expires", "not_a_date"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "given", "field", "code"), WRONG)
def test_a_wrong_value_is_refused_with_its_field(
    office: Office, layer: str, given: dict[str, Any], field: str, code: str
) -> None:
    made = office.add(layer)
    before = office.layer(layer)
    assert faults(patch(office.planner, made, properties=given)) == [(field, code)]
    new = office.feature(**given)
    assert faults(office.planner.post(f"/api/layers/{layer}/features", json=new)) == [(field, code)]
    assert office.layer(layer) == before


def test_all_problems_come_at_once(office: Office) -> None:
    sent = office.feature(at=OUTSIDE, risk_level="极高", threatened_people="许多", 颜色="红")
    del sent["properties"]["name"]
    answer = office.planner.post("/api/layers/risk_points/features", json=sent)
    assert sorted(faults(answer)) == [
        ("coordinates", "outside_county"),
        ("name", "name_missing"),
        ("risk_level", "not_in_list"),
        ("threatened_people", "not_a_number"),
        ("颜色", "unknown_property"),
    ]
    told = {p["field"]: p for p in answer.json()["problems"]}
    assert told["risk_level"]["value"] == "极高"
    assert "重大、较大、一般、低" in told["risk_level"]["message"]
    assert "risk_level（风险等级）" in told["颜色"]["message"]


def test_words_are_those_of_an_upload(office: Office) -> None:
    rows = "名称,经度,纬度,风险等级,发现时间\n甲,110.2,27.9,极高,2024年\n"
    staged = office.planner.post(
        "/api/uploads",
        files={"file": ("台账.csv", rows.encode())},
        data={"layer": "risk_points", "crs": "wgs84"},
    ).json()
    sent = office.feature(at=OUTSIDE, name="甲", risk_level="极高", found_on="2024年")
    answer = office.planner.post("/api/layers/risk_points/features", json=sent)
    uploaded = {p["code"]: p["message"] for p in staged["problems"] if p["severity"] == "error"}
    assert {p["code"]: p["message"] for p in answer.json()["problems"]} == uploaded
    assert len(uploaded) == 3


def test_a_point_outside_says_how_far(office: Office) -> None:
    made = office.add()
    answer = patch(office.planner, made, geometry={"type": "Point", "coordinates": OUTSIDE})
    assert faults(answer) == [("coordinates", "outside_county")]
    (true,) = office.ask(
        "select min(ST_Distance(geom::geography, ST_Point(%s, %s, 4326)::geography)) / 1000"
        " from region",
        *OUTSIDE,
    )
    (told,) = answer.json()["problems"]
    spoken = float(told["message"].split("约 ")[1].split(" 公里")[0])
    assert spoken == pytest.approx(true[0], rel=0.02)
    assert told["value"] == "110.2，27.9"


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        (None, "coordinates_missing"),
        ([111.2, 27.9], "coordinates_unreadable"),
        ({"type": "Point"}, "coordinates_unreadable"),
        ({"type": "Point", "coordinates": [111.2]}, "coordinates_unreadable"),
        ({"type": "Point", "coordinates": ["111.2", "27.9"]}, "coordinates_unreadable"),
        ({"type": "Point", "coordinates": [True, 27.9]}, "coordinates_unreadable"),
        ({"type": "Point", "coordinates": [[111.2, 27.9]]}, "coordinates_unreadable"),
        ({"type": [], "coordinates": [111.2, 27.9]}, "coordinates_unreadable"),
        ({"type": "Circle", "coordinates": [111.2, 27.9]}, "coordinates_unreadable"),
        ({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}, "not_a_point"),
        ({"type": "Polygon", "coordinates": []}, "not_a_point"),
        ({"type": "Point", "coordinates": [27.9, 111.2]}, "not_a_place"),
        ({"type": "Point", "coordinates": [0, 0]}, "not_a_place"),
        ({"type": "Point", "coordinates": [520000.0, 3090000.0]}, "not_a_place"),
        ({"type": "Point", "coordinates": [1e308, 10**300]}, "not_a_place"),
    ],
)
def test_a_geometry_that_is_no_point_is_refused(office: Office, geometry: Any, code: str) -> None:
    sent = office.feature() | {"geometry": geometry}
    answer = office.planner.post("/api/layers/depots/features", json=sent)
    assert faults(answer) == [("coordinates", code)]
    made = office.add("depots")
    assert faults(patch(office.planner, made, geometry=geometry)) == [("coordinates", code)]


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4546"])
def test_coordinates_in_another_system(office: Office, crs: str) -> None:
    x, y = from_wgs84(*office.own, crs)
    sent = office.feature(at=[float(x), float(y), 12.5])
    made = office.planner.post("/api/layers/depots/features", json=sent, params={"crs": crs})
    assert made.status_code == 201, made.text
    near = 0.02 if crs.startswith("EPSG") else 2e-7
    assert made.json()["geometry"]["coordinates"] == pytest.approx([x, y], abs=near)
    stored = office.planner.get(made.headers["location"]).json()
    assert stored["geometry"]["coordinates"] == pytest.approx(office.own, abs=2e-7)
    (row,) = office.ask("select provenance from feature where id = %s", stored["id"])
    assert (row[0]["declared"], float(row[0]["raw_x"])) == (crs, float(x))
    again = office.planner.patch(
        url(stored), json=made.json(), params={"crs": crs}, headers={"If-Match": '"1"'}
    )
    assert again.headers["etag"] == '"1"'
    stale = office.planner.patch(
        url(stored), json={}, params={"crs": crs}, headers={"If-Match": '"7"'}
    )
    assert stale.json()["current"] == made.json()
    unknown = office.planner.post("/api/layers/depots/features?crs=mars", json=sent)
    problem(unknown, 422, "unknown_crs")


def test_where_a_position_came_from_outlives_other_edits(office: Office) -> None:
    made = office.add()
    office.ask(
        "update feature set version = 2, updated_at = clock_timestamp(),"
        ' provenance = \'{"form": "dms", "raw_x": "111°12′"}\' where id = %s returning id',
        made["id"],
    )

    def provenance() -> Any:
        return office.ask("select provenance from feature where id = %s", made["id"])[0][0]

    second = patch(office.planner, made, 2, properties={"address": "村口"}).json()
    kept = {"form": "edit", "position": {"form": "dms", "raw_x": "111°12′"}}
    assert provenance() == kept
    third = patch(office.planner, second, properties={"address": "村尾"}).json()
    assert provenance() == kept
    east, north = (str(v) for v in from_wgs84(*office.other, "gcj02"))
    words = {"text": f"{east}，{north}", "crs": "gcj02"}
    point = {"type": "Point", "coordinates": office.other}
    fourth = patch(office.planner, third, geometry=point, typed=words).json()
    said = {"raw_x": words["text"], "raw_y": "", "declared": "gcj02", "used": "gcj02"}
    assert provenance() == said | {"form": "edit"}
    third = patch(office.planner, fourth, typed=words, geometry=made["geometry"]).json()
    assert provenance()["declared"] == "wgs84"
    patch(office.planner, third, geometry={"type": "Point", "coordinates": office.other})
    assert provenance()["raw_x"] == str(office.other[0])


def test_a_feature_that_is_known_already_is_not_sent_again(office: Office) -> None:
    made = office.add()
    first = office.planner.get(url(made))
    assert first.headers["etag"] == '"1"'
    for known in ('"1"', 'W/"1"', '"0", "1"', "*"):
        again = office.planner.get(url(made), headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == '"1"'
    patch(office.planner, made, properties={"address": "新址"})
    changed = office.planner.get(url(made), headers={"If-None-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "bad_json"),
        (b"[]", 422, "bad_json"),
        (b"null", 422, "bad_json"),
        (b'{"properties":{"name":NaN}}', 422, "bad_json"),
        (b'{"properties":{"name":1e999}}', 422, "bad_json"),
        (b'{"properties":{"name":"\\ud800"}}', 422, "bad_json"),
        (b'{"properties":{"name":"\xff"}}', 422, "bad_json"),
        (b'{"properties":' + b"[" * 100_000, 422, "bad_json"),
        (b'{"properties":{"name":' + b"[" * 9 + b"]" * 9 + b"}}", 422, "bad_json"),
        (b'{"properties":{"name":"' + b"x" * 1024 * 1024 + b'"}}', 413, "too_large"),
        (b'{"type":"FeatureCollection"}', 422, "not_a_feature"),
        (b'{"properties":[]}', 422, "not_a_feature"),
        (b'{"name":"\xe7\x94\xb2"}', 422, "not_a_feature"),
        (b'{"id":5}', 422, "not_a_feature"),
    ],
)
def test_hostile_bodies(office: Office, content: bytes, status: int, code: str) -> None:
    made = office.add()
    headers = {"If-Match": '"1"'}
    problem(office.planner.patch(url(made), content=content, headers=headers), status, code)
    created = office.planner.post("/api/layers/risk_points/features", content=content)
    problem(created, status, code)
    assert office.planner.get(url(made)).json() == made


def test_invisible_characters_and_mark_up_are_only_text(office: Office) -> None:
    made = office.add(name="泵\u0000站\u200b<b>{{7*7}}</b>", address="=cmd|' /C calc'!A0")
    shown = made["properties"]
    assert shown["name"] == "泵站<b>{{7*7}}</b>"
    assert shown["address"].endswith("calc'!A0")


def test_too_many_properties_are_refused_shortly(office: Office) -> None:
    many = {f"字段{i}": 1 for i in range(20_000)}
    answer = office.planner.post("/api/layers/depots/features", json=office.feature(**many))
    assert faults(answer) == [("properties", "too_many")]
    some = {f"字段{i}": 1 for i in range(300)}
    answer = office.planner.post("/api/layers/depots/features", json=office.feature(**some))
    assert len(faults(answer)) == 100
    assert "300 处" in answer.json()["detail"]


def test_unknown_layers_and_wild_numbers(office: Office) -> None:
    problem(office.planner.post("/api/layers/nothing/features", json={}), 404, "unknown_layer")
    wild = {"id": 10**30, "properties": {"layer": "depots", "version": 1}}
    problem(patch(office.planner, wild, properties={}), 404, "not_found")


def test_a_required_field_and_records_of_any_columns(catalog: Catalog) -> None:
    """A layer of somebody's own: required fields, records of which no column is required."""
    declared = json.loads(catalog.layer("depots").model_dump_json())
    for f in declared["fields"]:
        f["required"] = f["id"] in ("address", "items")
        for column in f["columns"]:
            column["required"] = False
    own = Layer.model_validate(declared)

    def read(whole: bool, **given: Any) -> Any:
        entry = read_entry(own, given, whole=whole)
        return entry.attrs if not entry.problems else [(p.field, p.code) for p in entry.problems]

    missing = [("address", "required_missing"), ("items", "required_missing")]
    assert sorted(read(True, name="甲")) == missing
    assert read(False) == {}
    assert read(False, address=None) == missing[:1]
    for nothing in (None, [], [{}], [{}, {"item": ""}], [{"item": "—"}], "无"):
        assert read(False, items=nothing) == missing[1:]
    assert read(False, items=[{"quantity": 2}, {}, {"item": "甲"}]) == {
        "items": [{"quantity": 2}, {"item": "甲"}]
    }
    assert read(True, name="甲", address="村口", items=[{"unit": "顶"}]) == {
        "address": "村口",
        "items": [{"unit": "顶"}],
    }


def test_without_regions_a_point_is_taken_as_it_is(
    conninfo: str, make_app: Callable[..., TestClient]
) -> None:
    run(_add_planner(conninfo))
    client = Signed(make_app(conninfo))("planner")
    point = {"type": "Point", "coordinates": [110.2, 27.9]}
    sent = {"type": "Feature", "geometry": point, "properties": {"name": "无界"}}
    answer = client.post("/api/layers/depots/features", json=sent)
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["region_code"] is None
    sent["geometry"] = {"type": "Point", "coordinates": [2.3, 48.8]}
    assert faults(client.post("/api/layers/depots/features", json=sent)) == [
        ("coordinates", "not_a_place")
    ]


async def _add_planner(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        await add_account(db, "planner", PASSWORD, ["county"])
