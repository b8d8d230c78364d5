"""How the service logs in: by itself where that can be; where not, as the owner, and says so."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mapsvc import access
from mapsvc.catalog import Catalog
from mapsvc.database import AS_SERVICE, upgrade
from mapsvc.errors import BrokenSetup
from mapsvc.logins import login_of, way
from tests.aside import run
from tests.conftest import PASSWORD, Signed, application

Foreign = Callable[[str], str]


@pytest.fixture
def dba(server_conninfo: str) -> Iterator[psycopg.Connection]:
    """The county's database administrator."""
    with psycopg.connect(make_conninfo(server_conninfo, user="postgres"), autocommit=True) as db:
        yield db


@pytest.fixture
def foreign(dba: psycopg.Connection, server_conninfo: str) -> Iterator[Foreign]:
    """Makes an owner with these powers and an empty database of his; both are gone at the end."""
    with ExitStack() as made:
        yield lambda powers: made.enter_context(_owned(dba, server_conninfo, powers))


@contextmanager
def _owned(dba: psycopg.Connection, server: str, powers: str) -> Iterator[str]:
    name = f"t_county_{os.getpid()}"
    here, login = sql.Identifier(name), sql.Identifier(login_of(name))

    def do(statement: str) -> None:
        dba.execute(sql.SQL(statement).format(here, login))

    do("drop database if exists {0} with (force)")
    do("drop role if exists {0}, {1}")
    do(f"create role {{0}} login {powers}")
    do("create database {0} owner {0}")
    yield make_conninfo(server, dbname=name, user=name)
    do("drop database {0} with (force)")
    do("drop role if exists {1}, {0}")


def test_an_owner_who_may_make_roles_makes_the_login(
    foreign: Foreign, dba: psycopg.Connection, catalog: Catalog
) -> None:
    conninfo = make_conninfo(foreign("createrole"), password="the owner's")
    upgrade(conninfo, catalog)
    found = way(conninfo)
    assert not found.why
    assert way(conninfo) == found
    told = conninfo_to_dict(found.conninfo)
    assert told["user"] == login_of(str(conninfo_to_dict(conninfo)["user"]))
    assert "owner" not in str(told["password"])
    kept = dba.execute("select rolpassword from pg_authid where rolname = %s", [told["user"]])
    assert str(kept.fetchone()).startswith("('SCRAM-SHA-256$")
    with psycopg.connect(found.conninfo, options=AS_SERVICE) as db:
        assert db.execute("select count(*) from feature").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(sql.SQL("set role {}").format(sql.Identifier(told["user"][:-6])))


def test_where_there_is_only_the_owners_login_it_works_and_health_says_so(
    foreign: Foreign, dba: psycopg.Connection, catalog: Catalog
) -> None:
    conninfo = foreign("")
    owner = sql.Identifier(str(conninfo_to_dict(conninfo)["user"]))
    with pytest.raises(BrokenSetup, match="grant mapsvc_service, mapsvc_door to"):
        upgrade(conninfo, catalog)
    dba.execute(sql.SQL("grant mapsvc_service, mapsvc_door to {}").format(owner))
    upgrade(conninfo, catalog)
    found = way(conninfo)
    assert found.conninfo == conninfo
    assert "无权建立登录角色" in found.why

    async def clerk() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await access.add_account(db, "clerk", PASSWORD, ["county"])

    run(clerk())
    with application(conninfo, catalog, login=found.conninfo) as client:
        report = Signed(client)("clerk").get("/api/health").json()
    assert "shared_login" in {fault["id"] for fault in report["faults"]}
    assert report["record"]["entries"] > 0

    with pytest.raises(BrokenSetup, match="拥有数据表"):
        way(conninfo, conninfo)
    with pytest.raises(BrokenSetup, match="无法登录"):
        way(conninfo, make_conninfo(conninfo, user="nobody_at_all"))
    # What the installation guide asks of the database's administrator.
    name = login_of(str(conninfo_to_dict(conninfo)["user"]))
    dba.execute(sql.SQL("create role {} login noinherit").format(sql.Identifier(name)))
    given = make_conninfo(conninfo, user=name)
    with pytest.raises(BrokenSetup, match="没有被授予"):
        way(conninfo, given)
    assert "另有用途" in way(conninfo).why
    roles = sql.SQL("grant mapsvc_service, mapsvc_door to {}").format(sql.Identifier(name))
    dba.execute(roles)
    assert way(conninfo, given).conninfo == way(conninfo).conninfo == given
