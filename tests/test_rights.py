"""One table says what each role may do, and every door asks it."""

import psycopg
import pytest

from mapsvc.access import GRANTS, ROLES, Identity, add_account, find_account
from mapsvc.errors import BadInput
from tests.aside import run
from tests.conftest import Signed

TOWN = "990101001"


def person(*roles: str) -> Identity:
    return Identity("somebody", frozenset(roles), TOWN if "township" in roles else None)


def test_duties_are_separate() -> None:
    assert set(GRANTS) == set(ROLES)
    assert not GRANTS["admin"] & {"edit", "upload", "close_roads", "reads_personal", "reads_record"}
    assert GRANTS["auditor"] == {"reads_record"}
    for role in set(ROLES) - {"admin"}:
        assert "manages_accounts" not in GRANTS[role], role
    for role in set(ROLES) - {"auditor"}:
        assert "reads_record" not in GRANTS[role], role


def test_several_roles_may_what_any_of_them_may() -> None:
    both = person("admin", "county")
    assert both.may("edit")
    assert both.may("manages_accounts")
    assert both.title == "系统管理员、县级数据管理"
    assert not person("admin").may("edit")


def test_who_reads_personal_values_and_where() -> None:
    assert person("county").sees_personal is None
    assert person("township").sees_personal == TOWN
    for role in ("admin", "planner", "command", "wall", "auditor"):
        assert person(role).sees_personal == "", role


@pytest.mark.parametrize(
    ("username", "roles"),
    [
        ("admin", ["admin", "county"]),
        ("auditor", ["auditor"]),
        ("command", ["command"]),
        (f"town-{TOWN}", ["township"]),
    ],
)
def test_the_session_tells_the_roles(signed: Signed, username: str, roles: list[str]) -> None:
    told = signed(username).get("/api/session").json()
    assert told["roles"] == roles
    assert set(told["rights"]) == {right for role in roles for right in GRANTS[role]}


@pytest.mark.parametrize(
    "path",
    [
        "/api/layers",
        "/api/layers/depots/features",
        "/api/nearest?lon=111.2&lat=27.9",
        "/tiles/depots/8/207/107.mvt",
        "/api/uploads",
        "/api/events",
        "/map",
        "/screen",
    ],
)
def test_an_auditor_reads_no_layer(signed: Signed, path: str) -> None:
    answer = signed("auditor").get(path)
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


def test_roles_that_do_not_go_together_are_refused(conninfo: str) -> None:
    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            for roles, region in (
                (["boss"], None),
                ([], None),
                (["township"], None),
                (["county"], TOWN),
                (["township", "county"], TOWN),
            ):
                with pytest.raises(BadInput):
                    await add_account(db, "x", "a password", roles, region)
            await add_account(db, "x", "a password", ["county", "admin"])
            found = await find_account(db, "x")
            assert found is not None
            assert found.told == ["admin", "county"]

    run(work())
