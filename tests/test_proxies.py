"""Whose word counts about where a request came from: a named proxy's, and nobody else's."""

from typing import Any

import psycopg
import pytest
import uvicorn
from fastapi.testclient import TestClient

from mapsvc import cli
from mapsvc.access import add_account
from tests.aside import run
from tests.conftest import PASSWORD
from tests.test_record import entries

PROXY, NETWORK, ELSEWHERE = "10.9.0.1", "192.168.7.0/24", "10.8.0.8"


@pytest.fixture(scope="module")
def conninfo(make_database: Any, template: str) -> str:
    conninfo = str(make_database(template))

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await add_account(db, "clerk", PASSWORD, ["county"])

    run(fill())
    return conninfo


@pytest.fixture(scope="module")
def served(make_app: Any, conninfo: str) -> Any:
    """The application inside the server, as `mapsvc serve` sets it up with these proxies."""
    told: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(uvicorn, "run", lambda _, **how: told.update(how))
        cli._run_server(f"{PROXY},{NETWORK}", "127.0.0.1", 1, 1)
    told.pop("factory")
    config = uvicorn.Config(make_app(conninfo, rate_sign_in="6/hour").app, **told)
    config.load()
    return config.loaded_app


def sign_in(served: Any, sender: str, forwarded: str, word: str = PASSWORD) -> Any:
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    browser = TestClient(served, client=(sender, 5000), headers=headers)
    return browser.post("/api/session", json={"username": "clerk", "password": word})


@pytest.mark.parametrize(
    ("sender", "forwarded", "believed"),
    [
        (PROXY, "203.0.113.1", "203.0.113.1"),
        ("192.168.7.77", "203.0.113.2", "203.0.113.2"),
        # What its client wrote in front of the proxy's own word is not the proxy's word.
        (PROXY, "1.2.3.4, 203.0.113.3", "203.0.113.3"),
        (ELSEWHERE, "203.0.113.4", ELSEWHERE),
        ("192.168.8.1", "127.0.0.1", "192.168.8.1"),
    ],
)
def test_only_a_named_proxy_is_believed(
    served: Any, conninfo: str, sender: str, forwarded: str, believed: str
) -> None:
    answer = sign_in(served, sender, forwarded)
    assert answer.status_code == 200
    assert ("Secure" in answer.headers["set-cookie"]) == (sender != believed)
    assert entries(conninfo)[-1]["ip"] == believed
    assert sign_in(served, sender, forwarded, "wrong").status_code == 401
    with psycopg.connect(conninfo) as db:
        found = db.execute("select address from session order by id desc limit 1").fetchone()
        keys = db.execute("select key from attempt").fetchall()
    assert found == (believed,)
    assert (f"address {believed}",) in keys
    assert believed == forwarded or (f"address {forwarded}",) not in keys


def test_limits_count_by_the_address_that_is_believed(served: Any) -> None:
    """Whoever makes up a new address with every try stays one sender."""
    asked = [sign_in(served, "10.8.0.9", f"203.0.113.{n}").status_code for n in range(100, 107)]
    assert asked == [200] * 6 + [429]
    asked = [sign_in(served, PROXY, f"203.0.113.{n}").status_code for n in range(100, 107)]
    assert asked == [200] * 7
