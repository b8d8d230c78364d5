"""Every door × every identity × own, foreign and missing ids; and what happens without a guard.

What is expected follows from `mapsvc.access.GRANTS` and the table in `tests.doors`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from mapsvc.access import Identity
from mapsvc.api.doors import WALL
from mapsvc.walls import Standing
from tests.conftest import PASSWORD, Signed
from tests.doors import DOORS, VALUES, routes
from tests.inside import Answer, Call, ask_all
from tests.office import OTHER, OWN, Office

TOWNS = {"A": OWN, "B": OTHER}
MISSING = {
    "feature": 2**40,
    "closure": 2**40,
    "ended": 2**40,
    "upload": "00000000-0000-4000-8000-000000000000",
    "applied": "00000000-0000-4000-8000-000000000000",
}
PARAMETERS = {"feature": "feature_id", "closure": "number", "ended": "number"}
CSV = "名称,编号,经度,纬度\n矩阵上报{0},MX-{0},{1},{2}\n"


@dataclass(frozen=True)
class Somebody:
    name: str
    token: str | None
    identity: Identity | None

    @property
    def town(self) -> str | None:
        scope = self.identity.region_code if self.identity else None
        return next((t for t, code in TOWNS.items() if code == scope), None)

    def passes(self, name: str) -> bool:
        door = DOORS[name]
        if door.opens == "anyone":
            return True
        if self.identity is None:
            return False
        if self.identity.is_wall and tuple(name.split()) not in WALL:
            return False
        return door.opens == "signed" or self.identity.may(door.opens)


@dataclass(frozen=True)
class Setting:
    office: Office
    people: list[Somebody]
    open: TestClient
    """The same service over the same database, logged in as the owner of the tables."""
    things: dict[str, dict[str, Any]]
    """By whose they are: the ids."""

    def call(self, name: str, who: Somebody, whose: str) -> Call:
        method, _, path = name.partition(" ")
        door = DOORS[name]
        values = dict(VALUES)
        if door.thing is not None:
            ids = self.things.get(whose, MISSING)
            values[PARAMETERS.get(door.thing, "upload_id")] = str(ids[door.thing])
        body, headers = door.body
        if who.token:
            headers["authorization"] = f"Bearer {who.token}"
        return Call(method, path.format(**values), door.query, body, headers, door.leaves)

    def walk(self, names: list[str], people: list[Somebody], *, both: bool = True) -> list["Step"]:
        """Ask at the doors. Do both walls stand? Else the database lets everything through."""
        asked = [
            (name, who, whose)
            for name in names
            for who in people
            for whose in (("A", "B", "missing") if DOORS[name].thing else ("",))
            if not (name == "DELETE /api/session" and who.token)
        ]
        client = self.office.signed.client if both else self.open
        with pytest.MonkeyPatch.context() as patched:
            if not both:
                patched.setattr("mapsvc.walls.standing", lambda: Standing("none"))
            answers = ask_all(client, [self.call(*a) for a in asked])
        return [Step(*a, answer) for a, answer in zip(asked, answers, strict=True)]


@dataclass(frozen=True)
class Step:
    name: str
    who: Somebody
    whose: str
    answer: Answer

    @property
    def expected(self) -> int:
        door = DOORS[self.name]
        if not self.who.passes(self.name):
            return 401 if self.who.identity is None else 403
        foreign = door.of_region and self.who.town not in (None, self.whose)
        if self.whose == "missing" or foreign:
            return 404
        if door.besides and self.who.identity and not self.who.identity.may(door.besides):
            return 403
        return door.status

    @property
    def odd(self) -> bool:
        led_on = DOORS[self.name].leads_on and self.answer.status == 303
        return self.answer.status != self.expected and not (led_on and self.expected == 200)

    def __str__(self) -> str:
        got = self.answer.status, self.answer.body[:160]
        return f"{self.who.name}: {self.name} ({self.whose}) -> {got}, not {self.expected}"


def add_people(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        for name in ("admin", "county", "wall"):
            db.execute(
                "insert into account (username, password_hash, roles)"
                " select %s, password_hash, array[%s] from account where username = 'command'",
                [f"only-{name}", name],
            )


def people(office: Office) -> Iterator[Somebody]:
    yield Somebody("nobody", None, None)
    names = [f"only-{n}" for n in ("admin", "county", "wall")]
    names += ["planner", "command", "auditor", *(f"town-{code}" for code in TOWNS.values())]
    for name in names:
        sent = {"username": name, "password": PASSWORD}
        told = office.signed.client.post("/api/session", json=sent).json()
        office.signed.client.cookies.clear()
        identity = Identity(name, frozenset(told["roles"]), told["region_code"])
        yield Somebody(name, told["token"], identity)


def _made_by(office: Office, at: list[float], town: str) -> dict[str, Any]:
    """What one township made itself: a feature, an edit, an upload, two closures."""
    client = office.signed(f"town-{town}")
    made = client.post("/api/layers/depots/features", json=office.feature(at))
    assert made.status_code == 201, made.text
    text = CSV.format(town, *at).encode()
    sent = client.post(
        "/api/uploads", files={"file": ("m.csv", text)}, data={"layer": "depots", "crs": "wgs84"}
    )
    assert sent.status_code == 201, sent.text
    point = {"geometry": {"type": "Point", "coordinates": at}, "radius_m": 5, "reason": "试"}
    closed = [client.post("/api/closures", json=point).json()["id"] for _ in range(2)]
    assert client.delete(f"/api/closures/{closed[1]}").status_code == 200
    return {
        "feature": made.json()["id"],
        "applied": made.headers["Change-Set"],
        "upload": sent.json()["id"],
        "closure": closed[0],
        "ended": closed[1],
    }


def things(office: Office) -> dict[str, dict[str, Any]]:
    places = {"A": office.own, "B": office.other}
    return {whose: _made_by(office, places[whose], town) for whose, town in TOWNS.items()}


@pytest.fixture(scope="module")
def setting(make_app: Any, make_database: Any, demo_source: str) -> Iterator[Setting]:
    conninfo = make_database(demo_source)
    add_people(conninfo)
    office = Office(Signed(make_app(conninfo)), conninfo, masked=True)

    async def book(*_: Any) -> bytes:
        return b"PK"

    # Making the workbook comes after every guard, and takes longer than all the rest.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mapsvc.ingest.report.build", book)
        as_owner = make_app(conninfo, login=conninfo)
        yield Setting(office, list(people(office)), as_owner, things(office))


def test_every_route_has_a_door(setting: Setting) -> None:
    """A route without an entry is one of which nobody has said who may pass."""
    app: Any = setting.office.signed.client.app
    assert sorted(set(routes(app.routes))) == sorted(DOORS)


@pytest.mark.parametrize("both", [True, False], ids=["both walls", "service only"])
def test_every_door_opens_to_whom_it_may(
    setting: Setting, capsys: pytest.CaptureFixture[str], both: bool
) -> None:
    few = {"nobody", "command", "auditor", f"town-{OWN}", f"town-{OTHER}"}
    everybody = [p for p in setting.people if both or p.name in few]
    steps = setting.walk(list(DOORS), everybody, both=both)
    with capsys.disabled():
        print(f"\n{len(DOORS)} doors, {len(everybody)} identities: {len(steps)} questions")
    assert "\n".join(str(s) for s in steps if s.odd) == ""
    told = {(s.name, s.who.name, s.whose): s.answer.told for s in steps}
    foreign = [
        s
        for s in steps
        if DOORS[s.name].of_region and s.who.town and s.whose not in ("missing", s.who.town)
    ]
    assert len(foreign) >= 2 * 14
    for s in foreign:
        kind = DOORS[s.name].thing or ""
        missing = str(told[s.name, s.who.name, "missing"])
        missing = missing.replace(str(MISSING[kind]), str(setting.things[s.whose][kind]))
        assert str(s.answer.told) == missing, str(s)


def _without(guard: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Take a guard of the service away; the doors that it guards, and who comes to them."""
    if guard == "right":
        monkeypatch.setattr(Identity, "require", lambda *_: None)
        names = [n for n, door in DOORS.items() if door.opens not in ("anyone", "signed")]
        return names, ["auditor", "command"]
    if guard == "sign-in":
        everybody = Identity("x", frozenset({"admin", "county", "auditor"}), None)

        async def anybody(_: Any) -> Identity:
            return everybody

        monkeypatch.setattr("mapsvc.api.service.visitor", anybody)
        return [n for n, door in DOORS.items() if door.opens != "anyone"], ["nobody"]
    monkeypatch.setattr(Identity, "scope", None)
    return [n for n, door in DOORS.items() if door.of_region], [f"town-{OWN}"]


def _steps(
    setting: Setting, guard: str, monkeypatch: pytest.MonkeyPatch, *, both: bool
) -> list[Step]:
    names, people = _without(guard, monkeypatch)
    return setting.walk(names, [p for p in setting.people if p.name in people], both=both)


GUARDS = ["right", "sign-in", "region"]


@pytest.mark.parametrize("guard", GUARDS)
def test_no_guard_can_be_missing_unnoticed(
    setting: Setting, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it every door that it guards answers otherwise than the matrix wants."""
    steps = _steps(setting, guard, monkeypatch, both=False)
    noticed = {s.name for s in steps if s.odd}
    assert not {s.name for s in steps} - noticed


NOTHING_OF_THE_COUNTY = {
    # Pages without data, and the layer files' own words.
    "GET /", "GET /guide", "GET /guide/{name}", "GET /api/docs", "GET /map", "GET /sheet",
    "GET /screen", "GET /uploads", "GET /record", "GET /api/needs", "GET /api/symbols",
    "GET /me", "POST /api/me/totp", "GET /api/session", "DELETE /api/session",
    "GET /api/coordinates", "GET /api/regions",
    "GET /api/layers/{layer}/template.xlsx",
    # Kept in memory for all who read; only the service stands before them.
    "GET /tiles/base/{z}/{x}/{y}.mvt", "GET /tiles/base/{z}.mvts", "GET /tiles/{layer}/{z}.mvts",
    "GET /tiles/{layer}/{z}/{x}/{y}.mvt", "GET /api/events", "GET /api/overview",
    # Already applied: nothing is written, and the command centre may read what is told.
    "POST /api/uploads/{upload_id}/apply",
    # To sign people in, the service reads every account and ends sessions.
    "GET /accounts", "GET /api/accounts", "GET /api/kiosks",
    "POST /api/accounts/{username}/sign-out", "DELETE /api/accounts/{username}/totp",
    # Figures for its keeper, read by the process itself: only the service stands before them.
    "GET /health", "GET /api/health",
    # Counts of requests.
    "GET /metrics",
    # Row security leaves nothing in them.
    "GET /api/record", "GET /api/record.xlsx",
}  # fmt: skip


def reads(step: Step) -> bool:
    return step.who.name == "command" and DOORS[step.name].opens == "read"


@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_the_database_holds(
    setting: Setting, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = _steps(setting, guard, monkeypatch, both=True)
    stopped = [s for s in steps if s.expected in (401, 403, 404) and not reads(s)]
    leaks = {s.name for s in stopped if s.answer.status < 300}
    assert sorted(leaks - NOTHING_OF_THE_COUNTY) == []
    told = [s.answer.told for s in stopped if s.name == "GET /api/record" and s.answer.status < 300]
    assert all(t["matched"] == 0 for t in told)


def test_what_the_service_would_let_through_is_not_written(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real writes by whoever may not, with the service's own guards gone."""
    office, theirs = setting.office, setting.things["B"]
    town, command = office.signed(f"town-{OWN}"), office.signed("command")
    at = f"/api/layers/depots/features/{theirs['feature']}"
    counts = "select (select count(*) from feature), (select count(*) from closure), (select count(*) from upload), (select max(version) from feature where id = %s)"  # noqa: E501
    before = office.ask(counts, theirs["feature"])
    _without("right", monkeypatch)
    _without("region", monkeypatch)
    seen = {"If-Match": '"1"'}
    body = {"properties": {"name": "改了名"}}
    point = {"geometry": {"type": "Point", "coordinates": office.other}, "reason": "试"}
    refused = [
        town.patch(at, json=body, headers=seen),
        town.delete(at, headers=seen),
        town.post("/api/layers/depots/features", json=office.feature(office.other)),
        town.post("/api/closures", json=point),
        town.delete(f"/api/closures/{theirs['closure']}"),
        town.post(f"/api/uploads/{theirs['upload']}/apply", json={}),
        town.post(f"/api/uploads/{theirs['applied']}/rollback"),
        town.delete(f"/api/uploads/{theirs['upload']}"),
        command.post("/api/layers/depots/features", json=office.feature(office.own)),
        command.patch(at, json=body, headers=seen),
        command.post(f"/api/uploads/{theirs['upload']}/apply", json={}),
        command.post(f"/api/uploads/{theirs['applied']}/rollback"),
        office.signed("only-wall").post("/api/closures", json=point),
    ]
    assert [a.status_code for a in refused if a.status_code not in (403, 404, 409)] == []
    assert office.ask(counts, theirs["feature"]) == before
