"""A second factor, and how often one may do what could be abused by doing it often."""

import time
from collections.abc import Callable

import httpx2 as httpx
import psycopg
import pyotp
import pytest
from fastapi.testclient import TestClient

from mapsvc.access import add_account
from mapsvc.errors import BrokenSetup
from tests.aside import run
from tests.conftest import PASSWORD, Make
from tests.test_record import entries

NEAREST = "/api/nearest?lon=111.2&lat=27.9&layers=depots&k=1&format=geojson"
App = Callable[..., TestClient]


@pytest.fixture(scope="module")
def place(make_database: Make, template: str) -> str:
    conninfo = make_database(template)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            for name in ("admin", "county", "planner"):
                await add_account(db, name, PASSWORD, [name])

    run(fill())
    return conninfo


def sign_in(app: TestClient, name: str, totp: str = "") -> httpx.Response:
    sent = {"username": name, "password": PASSWORD, "totp": totp}
    answer = TestClient(app.app).post("/api/session", json=sent)
    app.cookies.clear()
    return answer


def person(app: TestClient, name: str, totp: str = "") -> TestClient:
    token = sign_in(app, name, totp).json()["token"]
    return TestClient(app.app, headers={"Authorization": f"Bearer {token}"})


def enrol(client: TestClient) -> tuple[pyotp.TOTP, list[str], str]:
    """The generator, the recovery codes, and the code that set it up."""
    offered = client.post("/api/me/totp").json()
    assert offered["picture"].startswith("data:image/svg+xml")
    made = pyotp.TOTP(offered["secret"])
    sent = {"secret": offered["secret"], "code": made.now(), "password": PASSWORD}
    wrong = client.put("/api/me/totp", json=sent | {"password": "x"})
    assert wrong.json()["code"] == "password_wrong"
    wrong = client.put("/api/me/totp", json=sent | {"code": "000000x"})
    assert wrong.json()["code"] == "totp_wrong"
    return made, client.put("/api/me/totp", json=sent).json()["recovery"], sent["code"]


def later(made: pyotp.TOTP, steps: int) -> str:
    return made.at(time.time() + 30 * steps)


def test_a_code_is_asked_for_and_taken_once(place: str, make_app: App) -> None:
    app = make_app(place)
    made, recovery, used = enrol(person(app, "planner"))
    begun = len(entries(place))
    assert sign_in(app, "planner").json()["code"] == "totp_required"
    assert sign_in(app, "planner", used).json()["code"] == "totp_wrong"  # it set it up
    fresh = later(made, 1)
    assert sign_in(app, "planner", fresh).status_code == 200
    assert sign_in(app, "planner", fresh).json()["code"] == "totp_wrong"
    assert sign_in(app, "planner", recovery[0].upper()).status_code == 200
    assert sign_in(app, "planner", recovery[0]).json()["code"] == "totp_wrong"
    told = [e["action"] for e in entries(place)[begun:]]
    assert told.count("totp.recovered") == 1
    assert told.count("session.refused") == 3
    kept = str(entries(place))
    assert made.secret not in kept
    assert recovery[1] not in kept
    assert person(app, "admin").delete("/api/accounts/planner/totp").status_code == 204
    assert sign_in(app, "planner").status_code == 200


def test_codes_are_not_guessed(place: str, make_app: App) -> None:
    app = make_app(place)
    _, recovery, _ = enrol(person(app, "county"))
    tries = [sign_in(app, "county", f"{n:06}").status_code for n in range(6)]
    assert tries == [401] * 6
    with psycopg.connect(place, autocommit=True) as db:
        # No wait ends unseen.
        db.execute("update attempt set free_at = free_at + interval '1 hour'")
    assert sign_in(app, "county", "000007").status_code == 429
    assert sign_in(app, "county", recovery[0]).status_code == 429
    with psycopg.connect(place, autocommit=True) as db:
        db.execute("delete from attempt")
    other = person(app, "county", recovery[1])
    assert other.post("/api/me/totp/off", json={"password": "x"}).status_code == 422
    assert other.post("/api/me/totp/off", json={"password": PASSWORD}).status_code == 204
    assert sign_in(app, "county").status_code == 200


def test_a_role_may_be_bound_to_have_one(place: str, make_app: App) -> None:
    app = make_app(place, totp_roles="admin, county")
    assert sign_in(app, "planner").json()["owes"] is None
    admin = person(app, "admin")
    assert admin.get("/api/session").json()["owes"] == "totp"
    answer = admin.get("/api/accounts")
    assert (answer.status_code, answer.json()["code"]) == (403, "owes_totp")
    enrol(admin)
    assert admin.get("/api/accounts").status_code == 200


def test_too_often_is_told_with_when_to_come_back(place: str, make_app: App) -> None:
    app = make_app(
        place,
        rate_sign_in="7/hour",
        rate_reveal="2/hour",
        rate_export="2/hour",
        rate_upload="2/hour",
    )
    county, planner = person(app, "county"), person(app, "planner")
    for kind, ask in {
        "显示个人信息": lambda who: who.post(
            "/api/reveal", json={"layer": "depots", "id": 1, "field": "manager_phone"}
        ),
        "导出": lambda who: who.get(
            "/api/nearest?lon=111.2&lat=27.9&layers=depots&k=1&format=geojson"
        ),
        "上传": lambda who: who.post("/api/uploads", files={"file": ("x.csv", b"")}),
    }.items():
        assert [ask(county).status_code for _ in range(2)].count(429) == 0
        held = ask(county)
        assert held.status_code == 429
        assert 0 < int(held.headers["retry-after"]) <= 3600
        assert held.json()["detail"].startswith(kind)
        assert ask(planner).status_code != 429
    assert county.get("/api/layers").status_code == 200
    asked = [sign_in(app, "planner").status_code for _ in range(6)]
    assert asked == [200] * 5 + [429]


def test_a_limit_that_is_none_is_refused_at_start(place: str, make_app: App) -> None:
    with pytest.raises(BrokenSetup, match="MAPSVC_RATE_REVEAL"):
        make_app(place, rate_reveal="often")
