"""A wall's token opens the wall and nothing else; other sites' pages open nothing."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from mapsvc.api.doors import OWING, WALL
from mapsvc.api.service import COOKIE
from mapsvc.catalog import Catalog
from tests.conftest import PASSWORD, Make, Signed, application
from tests.doors import DOORS, VALUES

OWN = {"X-Requested-With": "mapsvc"}


@pytest.fixture(scope="module")
def house(make_database: Make, demo_source: str, catalog: Catalog) -> Iterator[Signed]:
    with application(make_database(demo_source), catalog) as client:
        yield Signed(client)


def wall(house: Signed, name: str, **options: str) -> tuple[TestClient, dict[str, str]]:
    """A browser that came with a new wall's token, and what the administrator was told."""
    made = house("admin").post("/api/kiosks", json={"name": name})
    assert made.status_code == 201, made.text
    browser = TestClient(house.client.app, headers=OWN, **options)
    assert browser.post("/api/kiosk", json={"token": made.json()["token"]}).status_code == 204
    return browser, made.json()


DOORS_OF_ALL = [tuple(name.split()) for name in DOORS]


def test_a_wall_opens_its_page_and_no_other_door(house: Signed) -> None:
    browser, _ = wall(house, "指挥大厅")
    assert browser.get("/screen").status_code == 200
    told = browser.get("/api/session").json()
    assert (told["roles"], told["username"]) == (["wall"], "大屏·指挥大厅")
    shut = 0
    for method, path in DOORS_OF_ALL:
        if (method, path) in WALL or DOORS[f"{method} {path}"].opens == "anyone":
            continue
        answer = browser.request(method, fill(path))
        assert answer.status_code in (403, 422), (method, path, answer.status_code)
        if answer.status_code == 422:  # refused before anybody asked who it is
            assert answer.json()["code"] == "bad_parameter", (method, path, answer.text)
        shut += answer.status_code == 403
    assert shut > 30
    assert set(DOORS_OF_ALL) >= WALL | OWING


def fill(path: str) -> str:
    return path.format(**VALUES, feature_id="1", upload_id="00000000-0000-0000-0000-000000000000")


def test_the_token_itself_is_no_access_token(house: Signed) -> None:
    _, made = wall(house, "走廊")
    assert made["path"] == f"/screen#kiosk={made['token']}"
    for path in ("/screen", "/api/layers", "/api/session"):
        asked = TestClient(house.client.app, headers={"Authorization": f"Bearer {made['token']}"})
        assert asked.get(path).status_code == 401
        asked = TestClient(house.client.app, cookies={COOKIE: made["token"]})
        assert asked.get(path).status_code == 401


def test_what_a_wall_is_to_show_is_kept_on_the_way(house: Signed) -> None:
    shown = "/screen?rotate=county:30,four:20&full=1"
    browser = TestClient(house.client.app, headers={"accept": "text/html"})
    login = browser.get(shown)
    assert login.url.path == "/login"
    assert 'data-next="/screen?rotate=county:30,four:20&amp;full=1"' in login.text


def test_a_wall_is_listed_with_its_last_use_and_taken_back(house: Signed) -> None:
    browser, made = wall(house, "会商室")
    admin = house("admin")
    listed = {k["name"]: k for k in admin.get("/api/kiosks").json()["kiosks"]}["会商室"]
    assert listed["created_by"] == "admin"
    assert listed["used_from"] == "testclient"
    assert made["token"] not in admin.get("/api/kiosks").text
    assert admin.post("/api/kiosks", json={"name": "会商室"}).status_code == 409
    assert browser.get("/api/layers").status_code == 200
    assert admin.delete(f"/api/kiosks/{listed['id']}").status_code == 204
    assert browser.get("/api/layers").status_code == 401
    assert browser.post("/api/kiosk", json={"token": made["token"]}).status_code == 401
    record = house("auditor").get("/api/record").json()["entries"]
    told = [(e["action"], e["subject"]) for e in record]
    assert ("kiosk.issued", "会商室") in told
    assert ("kiosk.revoked", "会商室") in told
    assert made["token"] not in str(record)


ELSEWHERE = (
    {"Origin": "http://evil.example"},
    {"Origin": "http://testserver:8001"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_another_sites_page_writes_nothing(house: Signed, headers: dict[str, str]) -> None:
    browser = TestClient(house.client.app)
    given = {"username": "admin", "password": PASSWORD}
    assert browser.post("/api/session", json=given).status_code == 200
    for method, path in DOORS_OF_ALL:
        if method != "GET" and path not in ("/api/kiosk", "/api/setup", "/api/session"):
            answer = browser.request(method, fill(path), headers=headers | OWN)
            assert answer.status_code in (403, 422), (method, path)
            if answer.status_code == 403:
                assert answer.json()["code"] == "csrf"
            assert browser.request(method, fill(path)).status_code in (403, 422), (method, path)
    # The page of ours, and a program without a browser's headers.
    assert browser.delete("/api/me/sessions", headers={"Origin": "http://testserver", **OWN})
    assert browser.get("/api/session").status_code == 200


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_another_sites_page_signs_nobody_in(house: Signed, headers: dict[str, str]) -> None:
    for path, sent in (
        ("/api/session", {"username": "planner", "password": PASSWORD}),
        ("/api/kiosk", {"token": "wall_x"}),
        ("/api/setup", {"code": "x", "username": "boss", "password": "x"}),
    ):
        answer = TestClient(house.client.app).post(path, json=sent, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), path


def test_a_form_signs_nobody_in(house: Signed) -> None:
    """What a form without scripts can send, with JSON written into its one field."""
    text = f'{{"username": "planner", "password": "{PASSWORD}", "x": "="}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = TestClient(house.client.app).post(
            "/api/session", content=text, headers={"Content-Type": kind}
        )
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers


def test_the_cookie_is_for_our_pages_only(house: Signed) -> None:
    given = {"username": "planner", "password": PASSWORD}
    plain = TestClient(house.client.app).post("/api/session", json=given).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    safe = TestClient(house.client.app, base_url="https://testserver")
    assert "Secure" in safe.post("/api/session", json=given).headers["set-cookie"]
