"""A single edit is a change set: it stands in the record, and is taken back exactly."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Signed
from tests.office import OTHER, Office, patch, url
from tests.test_api import problem


@pytest.fixture(scope="module")
def office(
    make_app: Callable[..., TestClient],
    make_database: Callable[[str | None], str],
    demo_source: str,
) -> Office:
    conninfo = make_database(demo_source)
    return Office(Signed(make_app(conninfo)), conninfo)


def edits(client: Any) -> list[dict[str, Any]]:
    return list(client.get("/api/uploads?kind=edit").json()["uploads"])


def newest(client: Any) -> str:
    return f"/api/uploads/{edits(client)[0]['id']}"


_STANDS = """
select code, name, region_code, township_code, geom, attrs, grade, search, verified_at, provenance,
    upload_id
from feature where id = %s
"""


def test_a_change_is_recorded_and_taken_back_exactly(office: Office) -> None:
    made = office.add(risk_level="低", address="村口")
    before = office.ask(_STANDS, made["id"])
    sent = {
        "geometry": {"type": "Point", "coordinates": office.other},
        "properties": {"risk_level": "重大", "address": None, "name": f"改名{made['id']}"},
    }
    answer = patch(office.planner, made, **sent)
    changed = answer.json()
    told = edits(office.planner)[0]
    assert answer.headers["Change-Set"] == told["id"]
    assert told["edit"] == {
        "action": "changed",
        "feature_id": made["id"],
        "name": changed["properties"]["name"],
        "code": made["properties"]["code"],
    }
    assert (told["status"], told["created_by"]) == ("applied", "planner")
    counts = told["counts"]
    assert (counts["rows"], counts["changed"], counts["moved"]) == (1, 1, 1)
    where = f"/api/uploads/{told['id']}"
    (row,) = office.planner.get(f"{where}/rows").json()["rows"]
    assert row["changes"]["risk_level"] == ["低", "重大"]
    assert row["changes"]["address"] == ["村口", None]
    assert row["moved_m"] > 100
    assert office.planner.get(f"{where}/original").json() == sent
    problem(office.planner.get(f"{where}/report.xlsx"), 404, "no_workbook")
    (seen,) = office.planner.get(f"{where}/preview").json()["features"]
    assert seen["properties"]["from"]["coordinates"] == office.own
    assert office.planner.post(f"{where}/apply", json={}).json()["status"] == "applied"
    assert office.planner.post(f"{where}/rollback").json()["status"] == "rolled_back"
    assert office.ask(_STANDS, made["id"]) == before
    versions = office.planner.get(f"{url(made)}/history").json()["versions"]
    assert [v["version"] for v in versions] == [3, 2, 1]
    assert versions[1]["upload_id"] == told["id"]
    assert office.planner.post(f"{where}/rollback").json()["status"] == "rolled_back"
    assert office.ask(_STANDS, made["id"]) == before


def test_what_was_added_goes_and_what_was_deleted_returns(office: Office) -> None:
    answer = office.planner.post("/api/layers/depots/features", json=office.feature())
    added = answer.json()
    assert newest(office.planner).endswith(answer.headers["Change-Set"])
    assert office.planner.post(f"{newest(office.planner)}/rollback").status_code == 200
    problem(office.planner.get(url(added)), 404, "not_found")
    made = office.add("depots", items=[{"item": "帐篷", "quantity": 3}])
    before = office.ask(_STANDS, made["id"])
    gone = office.planner.delete(url(made), headers={"If-Match": '"1"'})
    told = edits(office.planner)[0]
    assert gone.headers["Change-Set"] == told["id"]
    assert (told["edit"]["action"], told["counts"]["deleted"]) == ("deleted", 1)
    assert office.planner.post(f"/api/uploads/{told['id']}/rollback").status_code == 200
    assert office.ask(_STANDS, made["id"]) == before


def test_a_later_edit_stands_in_the_way(office: Office) -> None:
    made = office.add(address="一")
    second = patch(office.planner, made, properties={"address": "二"}).json()
    first_edit = newest(office.planner)
    patch(office.planner, second, properties={"address": "三"})
    refused = office.planner.post(f"{first_edit}/rollback")
    problem(refused, 409, "rollback_blocked")
    assert [c["id"] for c in refused.json()["conflicts"]] == [made["id"]]
    assert office.planner.post(f"{newest(office.planner)}/rollback").status_code == 200
    assert office.planner.post(f"{first_edit}/rollback").status_code == 200
    assert office.planner.get(url(made)).json()["properties"]["address"] == "一"


def test_each_township_has_its_own_record(office: Office) -> None:
    made = office.add(at=office.own)
    patch(office.town, made, properties={"address": "镇里改的"})
    own = newest(office.town)
    neighbour = office.signed(f"town-{OTHER}")
    assert own not in [f"/api/uploads/{e['id']}" for e in edits(neighbour)]
    problem(neighbour.post(f"{own}/rollback"), 404, "unknown_upload")
    problem(office.command.post(f"{own}/rollback"), 403, "forbidden")
    kinds = {u["kind"] for u in office.town.get("/api/uploads").json()["uploads"]}
    assert kinds == {"edit"}
    assert office.town.get("/api/uploads?kind=file").json()["uploads"] == []
    assert office.town.post(f"{own}/rollback").status_code == 200


def test_what_changes_nothing_leaves_no_record(office: Office) -> None:
    made = office.add(address="村口")
    count = len(edits(office.planner))
    same = patch(office.planner, made, properties={"address": "村口"})
    assert same.status_code == 200
    assert "Change-Set" not in same.headers
    assert len(edits(office.planner)) == count


PATH = "/api/layers/depots/features"


def test_a_twin_is_refused_as_an_upload_would_take_it(office: Office) -> None:
    first = office.add("depots", name="同名库", code=None)
    again = office.feature(name="同名库", code=None)
    told = problem(office.planner.post(PATH, json=again), 409, "name_taken")
    assert "“同名库”（没有编号）" in told
    twin = office.planner.post(PATH, json=again).json()["twin"]
    assert twin == {"layer": "depots", "id": first["id"]}
    spelt = office.feature(name="同 名　库\u200b", code=None)
    problem(office.planner.post(PATH, json=spelt), 409, "name_taken")
    problem(office.planner.post(PATH, json=office.feature(name="同名库")), 409, "name_taken")
    coded = office.add("depots", name="有号库", code="H-1")
    bare = office.feature(name="有号库", code=None)
    assert "编号“H-1”" in problem(office.planner.post(PATH, json=bare), 409, "name_taken")
    lower = office.feature(name="别的库", code="h-1")
    problem(office.planner.post(PATH, json=lower), 409, "code_taken")
    other = office.planner.post(PATH, json=office.feature(name="有号库", code="H-2"))
    assert other.status_code == 201
    far = office.feature(name="同名库", code=None, at=office.other)
    assert office.planner.post(PATH, json=far).status_code == 201
    bare_name = {"properties": {"name": "同名库", "code": None}}
    problem(patch(office.planner, coded, **bare_name), 409, "name_taken")
    kept = patch(office.planner, first, properties={"address": "只改地址"})
    assert kept.status_code == 200
