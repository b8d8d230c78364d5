"""Personal values are masked for everyone without the right, and a mask never becomes data."""

import io
import json
from typing import Any

import openpyxl
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsvc.masking import looks_masked, masked, phones_masked
from tests.conftest import Signed
from tests.office import OTHER, OWN, Office, url

MASKS = [
    ("13812345678", "phone", "138****5678"),
    ("0739-1234567", "phone", "0739-*****67"),
    ("010-12345678", "phone", "010-*****78"),
    ("12345678", "phone", "****78"),
    ("119", "phone", "****19"),
    ("13812345678、0739-1234567", "phone", "138****5678、0739-*****67"),
    ("张三", "person", "张**"),
    ("欧阳锋", "person", "欧**"),
    ("张三、李四", "person", "张**、李**"),
    (["张三", "李四"], "list", ["张**", "李**"]),
    (35, "integer", "**"),
    (None, "phone", None),
]


@pytest.mark.parametrize(("value", "kind", "shown"), MASKS)
def test_masks(value: Any, kind: Any, shown: Any) -> None:
    assert masked(value, kind) == shown


def test_no_phone_is_left_in_any_text() -> None:
    text = "张三 13812345678 或 139-1234-5678，0739-1234567；编号 990101001201、1234567890123"
    assert phones_masked(text) == (
        "张三 138****5678 或 139****5678，0739-*****67；编号 990101001201、1234567890123"
    )


@pytest.fixture(scope="module")
def pure(make_database: Any, template: str) -> Any:
    with psycopg.connect(make_database(template), autocommit=True) as db:
        yield db


PARTS = st.one_of(
    st.from_regex(r"[01][0-9]{2,11}(-[0-9]{3,8})?", fullmatch=True), st.text(max_size=6)
)


@settings(max_examples=150, deadline=None)
@given(
    value=st.recursive(
        st.one_of(st.lists(PARTS, max_size=3).map("、".join), st.integers(), st.booleans()),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
    kind=st.sampled_from(["phone", "person", "text", "list"]),
)
def test_the_database_masks_as_we_do(pure: Any, value: Any, kind: Any) -> None:
    text = json.dumps(value)
    if "\\u0000" in text or "\\ud" in text:
        return  # no JSON text of PostgreSQL's
    row = pure.execute("select personal_masked(%s::jsonb, %s)", [text, kind]).fetchone()
    assert row[0] == masked(value, kind)


PHONE, MASK = "13812345678", "138****5678"


@pytest.fixture(scope="module")
def office(make_app: Any, make_database: Any, demo_source: str) -> Office:
    conninfo = make_database(demo_source)
    return Office(Signed(make_app(conninfo)), conninfo, masked=True)


@pytest.fixture
def person(office: Office) -> dict[str, Any]:
    """A risk point of the own township with a responsible person."""
    return office.add(responsible_person="张三", responsible_phone=PHONE)


def shown(client: Any, feature: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(url(feature)).json()["properties"])


def test_who_sees_what(office: Office, person: dict[str, Any]) -> None:
    other = office.signed(f"town-{OTHER}")
    for client in (office.admin, office.town):
        seen = shown(client, person)
        assert (seen["responsible_phone"], seen["responsible_person"]) == (PHONE, "张三")
        assert "masked" not in seen
    for client in (office.planner, office.command, other):
        seen = shown(client, person)
        assert (seen["responsible_phone"], seen["responsible_person"]) == (MASK, "张**")
        assert seen["masked"] == ["responsible_person", "responsible_phone"]


def test_a_mask_sent_back_changes_nothing(office: Office, person: dict[str, Any]) -> None:
    seen = office.planner.get(url(person)).json()
    seen["properties"]["address"] = "新地址"
    answer = office.planner.patch(url(person), json=seen, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert answer.json()["properties"]["responsible_phone"] == MASK
    now = shown(office.admin, person)
    assert (now["responsible_phone"], now["responsible_person"]) == (PHONE, "张三")
    assert now["address"] == "新地址"
    assert "masked" not in now
    for wrong in ({"responsible_phone": "139****0000"}, {"monitor_person": "王**"}):
        refused = office.planner.patch(
            url(person), json={"properties": wrong}, headers={"If-Match": '"2"'}
        )
        assert refused.status_code == 422
        assert refused.json()["problems"][0]["code"] == "masked_value"
    stale = office.planner.patch(
        url(person),
        json={"properties": {"responsible_phone": "13900139000"}},
        headers={"If-Match": '"1"'},
    )
    assert stale.status_code == 412
    assert stale.json()["current"]["properties"]["responsible_phone"] == MASK
    assert PHONE not in stale.text
    replaced = office.planner.patch(
        url(person),
        json={"properties": {"responsible_phone": "13900139000"}},
        headers={"If-Match": '"2"'},
    )
    assert replaced.json()["properties"]["responsible_phone"] == "139****9000"
    assert shown(office.admin, person)["responsible_phone"] == "13900139000"
    new = office.feature(responsible_person="王**")
    assert office.planner.post("/api/layers/risk_points/features", json=new).status_code == 422


def test_nobody_asks_about_what_he_may_not_read(office: Office, person: dict[str, Any]) -> None:
    where = f"responsible_phone = '{PHONE}'"
    for client in (office.planner, office.command, office.town):
        for ask in ("/api/layers/risk_points/features", "/api/nearest"):
            more = {"lon": 111.2, "lat": 27.9, "layers": "risk_points"} if "near" in ask else {}
            answer = client.get(ask, params={"where": where, **more})
            assert (answer.status_code, answer.json()["code"]) == (403, "personal_field")
    found = office.admin.get("/api/layers/risk_points/features", params={"where": where})
    assert found.json()["numberMatched"] >= 1
    for text in (PHONE, "张三"):
        answer = office.planner.get("/api/layers/risk_points/features", params={"q": text})
        assert answer.json()["numberMatched"] == 0


def workbook(client: Any, **asked: Any) -> bytes:
    answer = client.get(
        "/api/layers/risk_points/template.xlsx", params={"prefilled": True, "region": OWN, **asked}
    )
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def test_a_prefilled_form_with_masks_comes_back_unchanged(
    office: Office, person: dict[str, Any]
) -> None:
    content = workbook(office.town, personal=False)
    assert PHONE not in cells(content)
    assert MASK in cells(content)
    staged = office.town.post(
        "/api/uploads",
        files={"file": ("回填.xlsx", content)},
        data={"layer": "risk_points", "crs": "wgs84"},
    ).json()
    counts = staged["counts"]
    assert counts["unchanged"] == counts["rows"] > 5, staged["problems"][:3]
    # Its own people are the township's to correct: without a word it gets them in clear.
    assert PHONE in cells(workbook(office.town))
    assert PHONE not in cells(workbook(office.planner))
    refused = office.planner.get(
        "/api/layers/risk_points/template.xlsx", params={"prefilled": True, "personal": True}
    )
    assert refused.status_code == 403


def cells(content: bytes) -> set[str]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {
        str(cell)
        for sheet in book.worksheets
        for row in sheet.iter_rows(values_only=True)
        for cell in row
        if cell is not None
    }


def upload(client: Any, *rows: tuple[str, ...]) -> dict[str, Any]:
    text = "\n".join(",".join(row) for row in rows)
    answer = client.post(
        "/api/uploads",
        files={"file": ("改.csv", text.encode())},
        data={"layer": "risk_points", "crs": "wgs84"},
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_an_uploaded_mask_is_the_stored_value_or_nobody(
    office: Office, person: dict[str, Any]
) -> None:
    lon, lat = map(str, office.own)
    code, name = person["properties"]["code"], person["properties"]["name"]
    head = ("编号", "名称", "经度", "纬度", "防灾责任人", "责任人电话", "详细地址")
    staged = upload(
        office.planner,
        head,
        (code, name, lon, lat, "张**", MASK, "改过的地址"),
        ("N-1", "新点", lon, lat, "李**", "", ""),
        (person["properties"]["code"] + "x", "另一点", lon, lat, "李四", "139****1111", ""),
    )
    assert (staged["counts"]["changed"], staged["counts"]["rejected"]) == (1, 2)
    assert [p["code"] for p in staged["problems"]].count("masked_value") == 2
    preview = office.planner.get(f"/api/uploads/{staged['id']}/preview").json()
    assert list(preview["features"][0]["properties"]["changes"]) == ["address"]
    office.planner.post(f"/api/uploads/{staged['id']}/apply", json={})
    now = shown(office.admin, person)
    assert (now["responsible_phone"], now["address"]) == (PHONE, "改过的地址")


def test_an_upload_tells_others_no_person(office: Office, person: dict[str, Any]) -> None:
    lon, lat = map(str, office.own)
    code, name = person["properties"]["code"], person["properties"]["name"]
    staged = upload(
        office.town,
        ("编号", "名称", "经度", "纬度", "防灾责任人", "责任人电话"),
        (code, name, lon, lat, "钱七 13900001111", "13911112222"),
        (code + "y", "另一点", lon, lat, "孙八", "1391111333"),
        (code + "z", name, lon, lat, "孙九", "13911114444"),
    )
    own = office.town.get(f"/api/uploads/{staged['id']}").text
    assert "13900001111" in own
    for part in ("", "/rows", "/problems", "/preview"):
        told = office.planner.get(f"/api/uploads/{staged['id']}{part}")
        assert told.status_code == 200
        for raw in ("13900001111", "13911112222", "1391111333", PHONE, "钱七", "孙八"):
            assert raw not in told.text, (part, raw)
    for part in ("/original", "/report.xlsx"):
        told = office.planner.get(f"/api/uploads/{staged['id']}{part}")
        assert (told.status_code, told.json()["code"]) == (403, "personal_file")
        assert office.town.get(f"/api/uploads/{staged['id']}{part}").status_code == 200


@pytest.mark.parametrize("form", ["xlsx", "geojson"])
def test_what_is_taken_along_is_masked_unless_asked_for(
    office: Office, person: dict[str, Any], form: str
) -> None:
    lon, lat = office.own
    ask = {"lon": lon, "lat": lat, "layers": "risk_points", "k": 50, "format": form}
    kept = office.admin.get("/api/nearest", params=ask).content
    clear = office.admin.get("/api/nearest", params={**ask, "personal": True}).content
    read = cells if form == "xlsx" else bytes.decode
    assert PHONE not in str(read(kept))
    assert PHONE in str(read(clear))
    (entry,) = office.ask(
        "select action, username, subject from audit where action = 'personal.exported'"
        " order by id desc limit 1"
    )
    assert entry == ("personal.exported", "admin", "就近查询")
    refused = office.planner.get("/api/nearest", params={**ask, "personal": True})
    assert refused.status_code == 403


def test_stars_are_told_from_data() -> None:
    assert looks_masked("张**")
    assert looks_masked("138＊＊＊＊5678")
    assert not looks_masked("3*4")


def test_revealing_is_deliberate_and_on_record(office: Office, person: dict[str, Any]) -> None:
    ask = {"layer": "risk_points", "id": person["id"], "field": "responsible_phone"}
    answer = office.planner.post("/api/reveal", json=ask)
    assert answer.json() == {"value": PHONE}
    assert answer.headers["Cache-Control"] == "no-store"
    (entry,) = office.ask(
        "select username, layer, subject, new ->> 'field', position('138' in new::text) > 0"
        " from audit where action = 'personal.revealed' order by id desc limit 1"
    )
    assert entry == ("planner", "risk_points", str(person["id"]), "responsible_phone", False)
    assert office.planner.post("/api/reveal", json=ask | {"field": "address"}).status_code == 422
    assert office.planner.post("/api/reveal", json=ask | {"id": 10**9}).status_code == 404
    many = office.ask("select count(*) from audit where action = 'personal.revealed'")
    for client in (office.town, office.signed(f"town-{OTHER}"), office.signed("auditor")):
        assert client.post("/api/reveal", json=ask).status_code == 403
    assert office.ask("select count(*) from audit where action = 'personal.revealed'") == many
