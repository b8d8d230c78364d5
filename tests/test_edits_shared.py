"""Single edits by several people: rights, codes, two at once, uploads before and after."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from fastapi.testclient import TestClient

from mapsvc.ingest import edits
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


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_the_version_must_be_named_and_right(office: Office, method: str) -> None:
    made = office.add(risk_level="低", responsible_person="李四")
    sent = {"properties": {"risk_level": "一般"}}

    def ask(**headers: str) -> Any:
        return office.town.request(method, url(made), json=sent, headers=headers)

    problem(ask(), 428, "if_match_required")
    for bad in ("1", "*", 'W/"1"', '"one"', '"1", "2"', '""', '"-1"',
                '"99999999999999999999"'):  # fmt: skip
        problem(ask(**{"If-Match": bad}), 422, "if_match_malformed")
    now = patch(office.admin, made, properties={"risk_level": "较大"}).json()
    stale = ask(**{"If-Match": '"1"'})
    told = problem(stale, 412, "version_conflict")
    assert "第 1 版" in told
    assert "第 2 版" in told
    assert stale.json()["yours"] == (sent if method == "PATCH" else None)
    assert stale.json()["current"] == now
    assert stale.json()["versions"] == {"yours": 1, "current": 2}
    assert office.town.get(url(made)).json() == now
    assert ask(**{"If-Match": '"2"'}).status_code in (200, 204)


def test_who_may_write_where(office: Office) -> None:
    """Roles × own, foreign and missing features × every way to write."""
    missing = {"id": 4_000_000_000, "properties": {"layer": "risk_points", "version": 1}}
    town = (201, 404, 404)
    expected = {"admin": (201, 201, 404), "planner": (201, 201, 404), f"town-{OWN}": town}
    for name, codes in {**expected, "command": (403, 403, 403)}.items():
        client = office.signed(name)
        features = [office.add(at=office.own), office.add(at=office.other), missing]
        for feature, code in zip(features, codes, strict=True):
            done = code == 201
            changed = patch(client, feature, properties={"address": "改"})
            assert changed.status_code == (200 if done else code), (name, feature)
            seen = {"If-Match": '"2"' if done else '"1"'}
            gone = client.delete(url(feature), headers=seen)
            assert gone.status_code == (204 if done else code), (name, feature)
            left = office.admin.get(url(feature)).status_code
            assert left == (404 if done or feature is missing else 200)
        created = client.post("/api/layers/risk_points/features", json=office.feature())
        assert created.status_code == (403 if name == "command" else 201)
    anyone = TestClient(office.signed.client.app)
    problem(anyone.post("/api/layers/risk_points/features", json={}), 401, "not_signed_in")


def test_a_feature_says_what_one_may_do_with_it(office: Office) -> None:
    own, foreign = office.add(at=office.own), office.add(at=office.other)
    everything = "GET, PATCH, DELETE"
    for client, told in (
        (office.town, (everything, "GET")),
        (office.planner, (everything, everything)),
        (office.command, ("GET", "GET")),
    ):
        assert tuple(client.get(url(f)).headers["Allow"] for f in (own, foreign)) == told


def test_a_foreign_feature_answers_as_a_missing_one(office: Office) -> None:
    foreign = office.add(at=office.other)
    gone = office.add(at=office.other)
    assert office.admin.delete(url(gone), headers={"If-Match": '"1"'}).status_code == 204
    for version in (1, 7):
        answers = [
            [
                patch(office.town, f, version, properties={"name": ""}),
                office.town.delete(url(f), headers={"If-Match": f'"{version}"'}),
            ]
            for f in (foreign, gone)
        ]
        for one, other in zip(*answers, strict=True):
            assert problem(one, 404, "not_found").replace(str(foreign["id"]), "#") == problem(
                other, 404, "not_found"
            ).replace(str(gone["id"]), "#")
            assert one.json().keys() == other.json().keys()
    assert office.admin.get(url(foreign)).json() == foreign


def test_a_township_stays_on_its_own_ground(office: Office) -> None:
    made = office.add()
    moved = patch(office.town, made, geometry={"type": "Point", "coordinates": office.other})
    new = office.feature(at=office.other)
    created = office.town.post("/api/layers/risk_points/features", json=new)
    (neighbours,) = office.ask(
        "select array_agg(name || code) || array_agg(name) || array_agg(code) from region"
        " where %s = any(path) and level <> 'county'",
        OTHER,
    )
    for answer in (moved, created):
        assert faults(answer) == [("coordinates", "outside_region")]
        assert "青岚街道" in answer.text
        assert not any(name in answer.text for name in neighbours[0])
    outside = patch(office.town, made, geometry={"type": "Point", "coordinates": OUTSIDE})
    assert faults(outside) == [("coordinates", "outside_region")]
    assert office.admin.get(url(made)).json() == made


def test_a_code_is_given_once_in_a_township(office: Office) -> None:
    first = office.add(code="同号")
    path = "/api/layers/risk_points/features"
    twin = office.planner.post(path, json=office.feature(code="同号"))
    assert "“同号”" in problem(twin, 409, "code_taken")
    elsewhere = office.planner.post("/api/layers/depots/features", json=office.feature(code="同号"))
    assert elsewhere.status_code == 201
    other = office.add(code="同号", at=office.other)
    point = {"type": "Point", "coordinates": office.own}
    problem(patch(office.planner, other, geometry=point), 409, "code_taken")
    third = office.add()
    wide = patch(office.planner, third, properties={"code": "同 号"})
    problem(wide, 409, "code_taken")
    for feature in (first, other, third):
        assert office.planner.get(url(feature)).json() == feature


@pytest.fixture(scope="module")
def live(serve: Callable[..., str], office: Office) -> Callable[[str], httpx.Client]:
    """Clients of a real server, for requests that run together."""
    base = serve(office.conninfo)

    def sign_in(username: str) -> httpx.Client:
        told = httpx.post(
            f"{base}/api/session", json={"username": username, "password": PASSWORD}, timeout=60
        ).json()
        bearer = {"Authorization": f"Bearer {told['token']}"}
        return httpx.Client(base_url=base, headers=bearer, timeout=60)

    return sign_in


def at_once(*asked: Callable[[], Any]) -> list[Any]:
    """All requests together; their answers."""
    gate = threading.Barrier(len(asked))

    def run(ask: Callable[[], Any]) -> Any:
        gate.wait()
        return ask()

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(run, asked))


Live = Callable[[str], httpx.Client]


def test_of_two_edits_of_one_version_exactly_one_wins(office: Office, live: Live) -> None:
    planner, admin, town = live("planner"), live("admin"), live(f"town-{OWN}")
    for _ in range(10):
        made = office.add()
        answers = at_once(
            partial(patch, planner, made, properties={"address": "甲"}),
            partial(patch, admin, made, properties={"address": "乙"}),
            partial(town.delete, url(made), headers={"If-Match": '"1"'}),
        )
        (winner,) = (a for a in answers if a.status_code in (200, 204))
        changed = winner.status_code == 200
        lost = [a for a in answers if a is not winner]
        assert [a.status_code for a in lost] == [412 if changed else 404] * 2
        if changed:
            assert [a.json()["current"] for a in lost] == [winner.json()] * 2
        versions = office.admin.get(f"{url(made)}/history").json()["versions"]
        assert len(versions) == (2 if changed else 1)


def test_of_two_new_features_with_one_code_exactly_one_stays(office: Office, live: Live) -> None:
    path = "/api/layers/forces/features"
    clients = [live("planner"), live("admin")]
    _, before = office.layer("forces")
    for n in range(5):
        sent = office.feature(code=f"抢号{n}")
        answers = at_once(*(partial(c.post, path, json=sent) for c in clients))
        assert sorted(a.status_code for a in answers) == [201, 409]
    assert office.layer("forces")[1] == before + 5


def test_edits_of_many_at_once_are_all_counted(office: Office, live: Live) -> None:
    made = [office.add("depots") for _ in range(8)]
    version, count = office.layer("depots")
    answers = at_once(
        *(partial(patch, live("planner"), feature, properties={"area": 9}) for feature in made)
    )
    assert [a.status_code for a in answers] == [200] * 8
    assert office.layer("depots") == (version + 8, count)


def test_an_edit_waits_for_an_upload_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = office.add()
    monkeypatch.setattr(edits, "PATIENCE", "50ms")
    with psycopg.connect(office.conninfo) as applying:
        applying.execute("select pg_advisory_xact_lock(hashtext('mapsvc.apply.risk_points'))")
        answer = patch(office.planner, made, properties={"address": "等"})
        problem(answer, 503, "layer_busy")
        other = office.planner.post("/api/layers/depots/features", json=office.feature())
        assert other.status_code == 201
    assert patch(office.planner, made, properties={"address": "等"}).status_code == 200


def upload(office: Office, rows: str) -> str:
    staged = office.planner.post(
        "/api/uploads",
        files={"file": ("台账.csv", ("编号,名称,经度,纬度,威胁人口\n" + rows).encode())},
        data={"layer": "risk_points", "crs": "wgs84"},
    ).json()
    assert staged["counts"]["rejected"] == 0, staged
    return f"/api/uploads/{staged['id']}"


def test_an_edit_stands_in_the_way_of_an_earlier_uploads_rollback(office: Office) -> None:
    lon, lat = office.own
    staged = upload(office, f"U1,上传一,{lon},{lat},7\nU2,上传二,{lon},{lat},8\n")
    assert office.planner.post(f"{staged}/apply", json={}).status_code == 200
    found = office.planner.get("/api/layers/risk_points/features?q=上传一").json()["features"]
    edited = patch(office.town, found[0], properties={"threatened_people": 9}).json()
    refused = office.planner.post(f"{staged}/rollback")
    problem(refused, 409, "rollback_blocked")
    assert [c["name"] for c in refused.json()["conflicts"]] == ["上传一"]
    assert office.planner.get(url(edited)).json() == edited
    (row,) = office.ask("select upload_id, updated_by from feature where id = %s", edited["id"])
    assert row[1] == f"town-{OWN}"
    later = refused.json()["conflicts"][0]["upload_id"]
    assert later == str(row[0])
    assert office.planner.post(f"/api/uploads/{later}/rollback").status_code == 200
    assert office.planner.post(f"{staged}/rollback").status_code == 200
    problem(office.planner.get(url(edited)), 404, "not_found")


def test_an_edit_outdates_a_preview(office: Office) -> None:
    lon, lat = office.own
    made = office.add(code="U9", name="先有")
    staged = upload(office, f"U9,先有,{lon},{lat},70\n")
    patch(office.planner, made, properties={"threatened_people": 3})
    problem(office.planner.post(f"{staged}/apply", json={}), 409, "outdated_preview")
