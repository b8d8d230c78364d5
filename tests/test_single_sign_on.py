"""Single sign-on against a real small provider (oidc-provider-mock, on this machine)."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import oidc_provider_mock
import psycopg
import pytest
from fastapi.testclient import TestClient

from mapsvc.access import add_account
from mapsvc.api.service import COOKIE
from tests.aside import run
from tests.conftest import PASSWORD, Make
from tests.test_record import entries

App = Callable[..., TestClient]
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    people = [
        oidc_provider_mock.User(sub=f"subject-{name}", claims={"preferred_username": name})
        for name in ("planner", "stranger", "gone")
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def place(make_database: Make, template: str) -> str:
    conninfo = make_database(template)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await add_account(db, "planner", PASSWORD, ["planner"])
            await add_account(db, "gone", PASSWORD, ["planner"])
            await db.execute("update account set locked = true where username = 'gone'")

    run(fill())
    return conninfo


@pytest.fixture(scope="module")
def app(place: str, make_app: App, provider: str) -> TestClient:
    return make_app(place, oidc_issuer=provider, oidc_client_id="mapsvc", oidc_client_secret="s")


def depart(app: TestClient, go_on: str = "/map") -> tuple[TestClient, str]:
    """A browser of its own, and the provider's address that it is sent to."""
    browser = TestClient(app.app, follow_redirects=False)
    sent = browser.get(f"/oidc/start?next={go_on}")
    assert sent.status_code == 303
    return browser, sent.headers["location"]


def authorize(url: str, name: str) -> str:
    """What the provider's page does when the person signs in there: the way back."""
    answer = httpx.post(url, data={"sub": f"subject-{name}"}, timeout=60)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def test_somebody_comes_in_by_the_provider(app: TestClient, place: str, provider: str) -> None:
    assert "统一身份登录" in app.get("/login", headers=HTML).text
    browser, url = depart(app)
    asked = parse_qs(urlsplit(url).query)
    assert url.startswith(provider)
    assert asked["code_challenge_method"] == ["S256"]
    kept = json.loads(base64.urlsafe_b64decode(browser.cookies["mapsvc_oidc"]))
    proof = hashlib.sha256(kept["verifier"].encode()).digest()
    assert asked["code_challenge"] == [base64.urlsafe_b64encode(proof).decode().rstrip("=")]
    assert asked["nonce"][0] != asked["state"][0]
    came = browser.get(authorize(url, "planner"))
    assert (came.status_code, came.headers["location"]) == (303, "/map")
    assert browser.get("/api/session").json()["username"] == "planner"
    assert browser.get("/api/me/sessions").json()["sessions"][0]["kind"] == "single"
    told = entries(place)[-1]
    assert (told["action"], told["username"]) == ("session.opened", "planner")
    assert told["new"] == {"by": "统一身份"}


def test_only_accounts_that_there_are_come_in(app: TestClient, place: str) -> None:
    for name, code in (("stranger", "oidc_unknown"), ("gone", "account_locked")):
        browser, url = depart(app)
        answer = browser.get(authorize(url, name))
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert COOKIE not in browser.cookies
        assert entries(place)[-1]["action"] == "session.refused"


def test_newcomers_get_a_role_only_where_it_is_set(
    place: str, make_app: App, provider: str
) -> None:
    open_ = make_app(
        place,
        oidc_issuer=provider,
        oidc_client_id="mapsvc",
        oidc_client_secret="s",
        oidc_newcomers="command",
    )
    browser, url = depart(open_)
    assert browser.get(authorize(url, "stranger")).status_code == 303
    assert browser.get("/api/session").json()["roles"] == ["command"]
    saved = [e for e in entries(place) if e["action"] == "account.saved"][-1]
    assert saved["subject"] == "stranger"


def test_state_nonce_and_code_are_good_once_and_here_only(app: TestClient) -> None:
    mine, url = depart(app)
    back = authorize(url, "planner")
    other, url2 = depart(app)
    # Somebody's way back in another's browser: he would be signed in as the other.
    assert other.get(back).json()["code"] == "oidc_state"
    assert TestClient(app.app).get(back).json()["code"] == "oidc_state"
    assert mine.get(back.replace("code=", "code=x")).json()["code"] == "oidc_refused"
    # The right state with the code of another journey: its nonce is not ours.
    state = parse_qs(urlsplit(url).query)["state"][0]
    foreign = parse_qs(urlsplit(authorize(url2, "planner")).query)["code"][0]
    assert mine.get(f"/oidc/back?state={state}&code={foreign}").json()["code"] == "oidc_refused"
    assert mine.get(back).status_code == 303
    assert mine.get(back).json()["code"] == "oidc_state"  # used up: the cookie is gone


def test_the_way_on_stays_on_this_site(app: TestClient) -> None:
    for aim in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        browser, url = depart(app, aim)
        assert browser.get(authorize(url, "planner")).headers["location"] == "/"


def test_without_a_provider_there_is_no_such_door(place: str, make_app: App) -> None:
    plain = make_app(place)
    assert "统一身份登录" not in plain.get("/login", headers=HTML).text
    assert plain.get("/oidc/start").status_code == 404
    away = make_app(place, oidc_issuer="http://127.0.0.1:9", oidc_client_id="x")
    answer = away.get("/oidc/start", headers=HTML)
    assert answer.status_code == 503
    assert "用户名和密码" in answer.text
