"""Accounts: passwords, waits, sessions, the first administrator, administration, on record."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from argon2 import Type, extract_parameters
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from mapsvc.access import add_account, require_good
from mapsvc.catalog import Catalog
from mapsvc.cli import app as commands
from mapsvc.errors import BadInput
from mapsvc.settings import Settings
from tests.aside import run
from tests.conftest import PASSWORD, STRONG_HASHER, Make, application
from tests.test_record import entries

OTHER = "nine-lives-of-a-river-7"


@dataclass(frozen=True)
class Office:
    """A service with a few accounts, and a second worker over the same database."""

    conninfo: str
    app: TestClient
    beside: TestClient

    def sign_in(self, name: str, word: str = PASSWORD, at: str = "10.0.0.1") -> httpx.Response:
        caller = TestClient(self.app.app, client=(at, 5000))
        return caller.post("/api/session", json={"username": name, "password": word})

    def as_(self, name: str, word: str = PASSWORD, at: str = "10.0.0.1") -> TestClient:
        token = self.sign_in(name, word, at).json()["token"]
        return TestClient(
            self.app.app, headers={"Authorization": f"Bearer {token}"}, client=(at, 5000)
        )

    def sql(self, statement: str, *values: object) -> list[Any]:
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            cursor = db.execute(statement.encode(), values)
            rows = cursor.fetchall() if cursor.description else []
        for client in (self.app, self.beside):
            client.app.state.service.sessions.forget()  # type: ignore[attr-defined]
        return rows

    def hold(self) -> None:
        """Whoever has to wait now has to wait an hour longer, so that no wait ends unseen."""
        # Who need not wait has two times that may lie some microseconds apart.
        self.sql(
            "update attempt set free_at = free_at + interval '1 hour'"
            " where free_at > last_at + interval '1 second'"
        )

    def person(self, *roles: str) -> str:
        """A new account with these roles."""
        name = f"p{self.sql('select count(*) from account')[0][0]}"

        async def work() -> None:
            async with await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True) as db:
                await add_account(db, name, PASSWORD, roles or ("planner",))

        run(work())
        return name


@pytest.fixture(scope="module")
def office(make_database: Make, template: str, catalog: Catalog) -> Iterator[Office]:
    conninfo = make_database(template)
    with (
        application(conninfo, catalog, lockout_most_s=60, pool_size=3) as app,
        application(conninfo, catalog, lockout_most_s=60, pool_size=3) as beside,
    ):
        made = Office(conninfo, app, beside)
        made.person("admin")
        yield made


BOSS = "p0"


def test_passwords_are_kept_as_argon2id_at_the_cost_of_rfc_9106() -> None:
    kept = extract_parameters(STRONG_HASHER.hash("x"))
    assert kept.type is Type.ID
    assert kept.memory_cost >= 64 * 1024
    assert kept.time_cost >= 3


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("k7#Vq!x", "password_short"),
        ("Zhang.San-2026-x", "password_name"),
        ("zhang_san99!!lake", "password_name"),
        ("qwertyuiop2026", "password_weak"),
        ("P@ssw0rd2026", "password_weak"),
        ("aaaaaaaaaaaaaaa", "password_weak"),
        (OTHER, None),
        ("青岚河边第三棵柳树", None),
    ],
)
@pytest.mark.anyio
async def test_a_new_password_is_long_not_the_name_and_not_common(
    password: str, code: str | None
) -> None:
    if code is None:
        await require_good(Settings(password_length=9), "zhangsan", password)
        return
    with pytest.raises(BadInput) as refused:
        await require_good(Settings(), "zhangsan", password)
    assert refused.value.code == code


def test_wrong_passwords_make_the_next_wait_longer_in_every_process(office: Office) -> None:
    name = office.person()
    tries = [office.sign_in(name, "wrong").status_code for _ in range(6)]
    assert tries == [401] * 6
    office.hold()
    for client in (office.app, office.beside):
        caller = TestClient(client.app, client=("10.0.0.1", 5000))
        held = caller.post("/api/session", json={"username": name, "password": PASSWORD})
        assert held.status_code == 429
        assert held.json()["code"] == "too_many_requests"
        assert 0 < int(held.headers["retry-after"]) <= 3602
    waits = []
    for _ in range(8):
        office.sql("update attempt set free_at = now()")
        assert office.sign_in(name, "wrong").status_code == 401
        ((wait,),) = office.sql(
            "select extract(epoch from max(free_at - last_at))::int from attempt"
        )
        office.hold()
        assert 0 < int(office.sign_in(name).headers["retry-after"]) <= 3600 + wait
        waits.append(wait)
    assert waits == [4, 8, 16, 32, 60, 60, 60, 60]  # the setting: never for good
    office.sql("update attempt set free_at = now()")
    assert office.sign_in(name).status_code == 200
    assert [office.sign_in(name, "wrong").status_code for _ in range(5)] == [401] * 5
    told = [(e["action"], e["new"]) for e in entries(office.conninfo) if e["subject"] == name]
    assert ("session.refused", None) in told
    assert ("session.refused", {"wait_s": 2}) in told
    assert ("session.delayed", None) in told


def test_the_answer_does_not_tell_whether_there_is_such_an_account(office: Office) -> None:
    name = office.person()

    def asked(who: str) -> list[Any]:
        answers = [office.sign_in(who, "wrong", at="10.0.1.1") for _ in range(6)]
        office.hold()
        answers.append(office.sign_in(who, "wrong", at="10.0.1.1"))
        assert answers[-1].status_code == 429
        return [{**a.json(), "detail": a.json()["detail"][:9], "retry_after": 0} for a in answers]

    assert asked(name) == asked("nobody-at-all")


def test_an_attacker_elsewhere_does_not_lock_the_owner_out(office: Office) -> None:
    name = office.person()
    assert office.sign_in(name, at="10.0.0.20").status_code == 200
    for number in range(22):  # from many addresses: only the account as a whole counts them
        assert office.sign_in(name, "wrong", at=f"10.9.{number}.1").status_code in (401, 429)
    office.hold()
    assert office.sign_in(name, at="10.9.99.1").status_code == 429
    assert office.sign_in(name, at="10.0.0.20").status_code == 200


def test_one_address_that_tries_many_accounts_waits_too(office: Office) -> None:
    for number in range(31):
        assert office.sign_in(f"guess-{number}", "Spring-2026", at="10.3.3.3").status_code == 401
    office.hold()
    assert office.sign_in(office.person(), at="10.3.3.3").status_code == 429


def test_tries_at_the_same_time_are_all_counted(office: Office) -> None:
    """The count comes before the look at the password: it is there while others still look."""
    name = office.person()
    office.sign_in(name, "wrong", at="10.0.4.4")
    counted = office.sql("select failures from attempt where key like 'both %%10.0.4.4'")
    assert counted == [(1,)]


def test_an_idle_page_is_signed_out_and_a_program_is_not(office: Office) -> None:
    name = office.person()
    page = office.as_(name)
    assert page.get("/api/session").status_code == 200
    office.sql("update session set seen_at = now() - interval '59 minutes'")
    assert page.get("/api/session").status_code == 200
    fresh = office.sql("select seen_at > now() - interval '5 minutes' from session")
    assert (True,) in fresh
    office.sql("update session set seen_at = now() - interval '61 minutes'")
    assert page.get("/api/session").status_code == 401
    office.sql("update session set kind = 'token' where username = %s", name)
    assert page.get("/api/session").status_code == 200
    office.sql("update session set expires_at = now() where username = %s", name)
    assert page.get("/api/session").status_code == 401


def test_what_a_page_asks_for_by_itself_keeps_nobody_signed_in(office: Office) -> None:
    name = office.person()
    page, unattended = office.as_(name), {"X-Unattended": "1"}
    where = "where username = %s"
    office.sql(f"update session set seen_at = now() - interval '59 minutes' {where}", name)
    lies = f"select seen_at < now() - interval '58 minutes' from session {where}"
    for path in ("/api/session", "/api/overview", "/tiles/depots.mvt", "/map"):
        page.get(path, headers=unattended)
    for path in ("/screen", "/api/relief.png"):
        assert page.get(path).status_code in (200, 404)
    reopened = {"Cookie": "mapsvc_unattended=1"}
    assert page.get("/api/layers", headers=reopened).status_code == 200
    assert office.sql(lies, name) == [(True,)]
    # Somebody is there again, although the token was looked at a moment ago.
    for headers in (unattended, {}):
        assert page.get("/api/session", headers=headers).status_code == 200
    assert office.sql(lies, name) == [(False,)]
    office.sql(f"update session set seen_at = now() - interval '59 minutes' {where}", name)
    office.sql(f"update session set kind = 'token' {where}", name)
    assert page.get("/api/session", headers=unattended).status_code == 200
    assert office.sql(lies, name) == [(False,)], "of a program it is known when it last asked"


def test_use_is_not_written_down_at_every_request(office: Office) -> None:
    name = office.person()
    page = office.as_(name)
    before = office.sql("select xmin::text, seen_at from session where username = %s", name)
    for _ in range(3):
        assert page.get("/api/session").status_code == 200
        after = office.sql("select xmin::text, seen_at from session where username = %s", name)
        assert after == before


def test_sign_out_everywhere_by_oneself_and_by_the_administrator(office: Office) -> None:
    name = office.person()
    desk, phone, lost = (office.as_(name, at=f"10.0.5.{n}") for n in range(3))
    told = desk.get("/api/me/sessions").json()["sessions"]
    assert [s["address"] for s in told] == ["10.0.5.2", "10.0.5.1", "10.0.5.0"]
    assert [s["current"] for s in told] == [False, False, True]
    assert desk.delete(f"/api/me/sessions/{told[0]['id']}").status_code == 204
    assert lost.get("/api/session").status_code == 401
    assert desk.delete(f"/api/me/sessions/{told[0]['id']}").status_code == 404
    assert desk.delete("/api/me/sessions").json() == {"ended": 1}
    assert phone.get("/api/session").status_code == 401
    assert desk.get("/api/session").status_code == 200
    boss = office.as_(BOSS)
    stranger = office.as_(office.person())
    assert stranger.post(f"/api/accounts/{name}/sign-out").status_code == 403
    mine = boss.get("/api/me/sessions").json()["sessions"][0]["id"]
    assert stranger.delete(f"/api/me/sessions/{mine}").status_code == 404
    assert boss.post(f"/api/accounts/{name}/sign-out").json() == {"ended": 1}
    assert desk.get("/api/session").status_code == 401


def test_a_reset_password_is_for_one_sign_in_only(office: Office) -> None:
    name, boss = office.person("county"), office.as_(BOSS)
    before = office.as_(name)
    once = boss.post(f"/api/accounts/{name}/reset").json()["password"]
    assert before.get("/api/session").status_code == 401
    assert office.sign_in(name).status_code == 401
    person = office.as_(name, once)
    assert person.get("/api/session").json()["owes"] == "password"
    for method, path in (("GET", "/api/layers"), ("GET", "/api/me/sessions"), ("GET", "/map")):
        answer = person.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "owes_password")
    page = person.get("/map", headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/me")
    change = "/api/me/password"
    for old, new, code in (
        ("wrong", OTHER, "password_wrong"),
        (once, once, "password_same"),
        (once, "qwertyuiop2026", "password_weak"),
    ):
        assert person.post(change, json={"old": old, "new": new}).json()["code"] == code
    assert person.post(change, json={"old": once, "new": OTHER}).status_code == 204
    assert person.get("/api/layers").status_code == 200
    kept = str(entries(office.conninfo))
    assert once not in kept
    assert OTHER not in kept


def test_an_old_password_must_be_changed(office: Office) -> None:
    name = office.person()
    person = office.as_(name)
    office.sql(
        "update account set password_at = now() - interval '89 days' where username = %s", name
    )
    assert person.get("/api/session").json()["owes"] is None
    office.sql(
        "update account set password_at = now() - interval '91 days' where username = %s", name
    )
    assert person.get("/api/session").json()["owes"] == "password"
    assert office.sign_in(name).json()["owes"] == "password"
    assert person.post("/api/me/password", json={"old": PASSWORD, "new": OTHER}).status_code == 204
    assert person.get("/api/layers").status_code == 200


def test_accounts_are_administered_on_record(office: Office) -> None:
    boss, town = office.as_(BOSS), "990101001"
    begun = len(entries(office.conninfo))
    made = boss.post("/api/accounts", json={"username": "li.si", "roles": ["planner"]}).json()
    assert office.sign_in("li.si", made["password"]).json()["owes"] == "password"
    for sent, status in (
        ({"username": "li.si", "roles": ["planner"]}, 409),
        ({"username": "<b>li</b>", "roles": ["planner"]}, 422),
        ({"username": "wang", "roles": ["boss"]}, 422),
        ({"username": "wang", "roles": ["township"], "region_code": town}, 404),
    ):
        assert boss.post("/api/accounts", json=sent).status_code == status, sent
    li = "/api/accounts/li.si"
    assert boss.patch(li, json={"roles": ["county", "auditor"]}).status_code == 204
    assert boss.patch(li, json={"locked": True}).status_code == 204
    held = office.sign_in("li.si", made["password"])
    assert (held.status_code, held.json()["code"]) == (401, "account_locked")
    assert office.sign_in("li.si", "wrong").json()["code"] == "sign_in_failed"
    assert boss.patch(li, json={"locked": False}).status_code == 204
    assert office.sign_in("li.si", made["password"]).status_code == 200
    told = {a["username"]: a for a in boss.get("/api/accounts").json()["accounts"]}["li.si"]
    assert told["roles"] == ["county", "auditor"]
    assert told["signed_in_at"]
    done = [
        (e["action"], e["username"], e["old"], e["new"])
        for e in entries(office.conninfo)[begun:]
        if e["action"].startswith("account.")
    ]
    assert done == [
        ("account.saved", BOSS, None, {"roles": ["planner"], "password": "已设定"}),
        ("account.changed", BOSS, {"roles": ["planner"]}, {"roles": ["county", "auditor"]}),
        ("account.changed", BOSS, {"locked": False}, {"locked": True}),
        ("account.changed", BOSS, {"locked": True}, {"locked": False}),
    ]


def test_the_last_administrator_stays(office: Office) -> None:
    boss = office.as_(BOSS)
    for sent in ({"locked": True}, {"roles": ["county"]}):
        answer = boss.patch(f"/api/accounts/{BOSS}", json=sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert boss.get("/api/session").json()["roles"] == ["admin"]


def test_other_rights_do_not_administer_accounts(office: Office) -> None:
    person = office.as_(office.person("county", "planner", "command", "auditor"))
    for method, path in (
        ("GET", "/api/accounts"),
        ("POST", "/api/accounts"),
        ("PATCH", f"/api/accounts/{BOSS}"),
        ("POST", f"/api/accounts/{BOSS}/reset"),
        ("POST", f"/api/accounts/{BOSS}/sign-out"),
        ("GET", "/api/kiosks"),
        ("POST", "/api/kiosks"),
        ("DELETE", "/api/kiosks/1"),
        ("GET", "/accounts"),
    ):
        sent = {"username": "x1", "roles": ["admin"], "name": "x"}
        names = {"/api/accounts": ("username", "roles"), "/api/kiosks": ("name",)}.get(path, ())
        body = {name: sent[name] for name in names} if method == "POST" else None
        body = {"locked": True} if method == "PATCH" else body
        assert person.request(method, path, json=body).status_code == 403, path


def test_the_first_administrator_has_no_default_password(
    conninfo: str, make_app: Callable[..., TestClient]
) -> None:
    shut = make_app(conninfo)
    given = {"code": "abcd-efgh-jkmn", "username": "boss", "password": OTHER}
    assert shut.post("/api/setup", json=given).status_code == 403
    app = make_app(conninfo, first_code="abcd-efgh-jkmn")
    assert app.get("/", headers={"accept": "text/html"}).url.path == "/setup"
    for wrong, status in (
        ({"code": "abcd-efgh-jkmx"}, 403),
        ({"code": ""}, 422),
        ({"password": "Password123"}, 422),
        ({"username": "a b"}, 422),
    ):
        assert app.post("/api/setup", json=given | wrong).status_code == status
    assert app.post("/api/setup", json=given).status_code == 201
    signed = app.post("/api/session", json={"username": "boss", "password": OTHER}).json()
    assert signed["roles"] == ["admin"]
    assert signed["owes"] is None
    app.cookies.clear()
    again = app.post("/api/setup", json=given | {"username": "second"})
    assert again.status_code == 409
    assert app.get("/setup", headers={"accept": "text/html"}).url.path == "/login"


def test_the_command_line_does_all_of_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSVC_DATABASE_URL", office.conninfo)

    def do(*words: str, typed: str = "", fails: bool = False) -> str:
        done = CliRunner().invoke(commands, ["user", *words], input=typed)
        assert done.exit_code == (1 if fails else 0), done.output
        return done.output

    do("add", "cli.one", "--role", "planner", typed="password12\n", fails=True)
    do("add", "cli.one", "--role", "planner", typed=f"{OTHER}\n")
    do("roles", "cli.one", "--role", "command", "--role", "auditor")
    assert "指挥中心、审计员" in do("list")
    page = office.as_("cli.one", OTHER)
    assert "1 个" in do("sign-out", "cli.one")
    office.app.app.state.service.sessions.forget()  # type: ignore[attr-defined]
    assert page.get("/api/session").status_code == 401
    do("lock", "cli.one")
    assert office.sign_in("cli.one", OTHER).status_code == 401
    do("unlock", "cli.one")
    once = do("reset", "cli.one").split("：")[1].split("　")[0]
    assert office.sign_in("cli.one", once).json()["owes"] == "password"
    assert "/screen#kiosk=wall_" in do("kiosk", "add", "走廊")
    assert "走廊" in do("kiosk", "list")
    number = office.sql("select id from kiosk where name = '走廊'")[0][0]
    do("kiosk", "revoke", str(number))
    do("kiosk", "revoke", str(number), fails=True)
