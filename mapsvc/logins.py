"""The service's own login: from it there is no way to the owner of the tables.

Commands at the host work as the owner (`MAPSVC_DATABASE_URL`). What answers the network logs in as
`<owner>_login`, which owns nothing, inherits nothing and may take the two roles of `mapsvc.walls`
and no other: `reset role` in a statement that slipped in leads nowhere.

Where the owner may make roles, it makes the login by itself, with a password that follows from its
own and so need not be kept anywhere. Where not, the database's administrator makes it
(`MAPSVC_SERVICE_URL`), or the service logs in as the owner and only takes the roles: `/health` says
so.
"""

import hashlib
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from mapsvc.errors import BrokenSetup
from mapsvc.walls import DOOR, MADE_MEANWHILE, SERVICE

_PATIENCE_S = 5
_LONGEST_NAME = 63


class Way(NamedTuple):
    """How the service's connections log in; `why` says what keeps them from a login of their own,
    empty where nothing does.
    """

    conninfo: str
    why: str = ""


def way(conninfo: str, given: str | None = None) -> Way:
    """The login for the service of a database whose schema is there; `conninfo` is the owner's.

    `given` is one that the administrator made: BrokenSetup where it will not do.
    """
    if given is not None:
        why = _unfit(given)
        if why:
            raise BrokenSetup(f"MAPSVC_SERVICE_URL 不能用作服务的登录：{why}")
        return Way(given)
    with psycopg.connect(conninfo, autocommit=True) as db:
        name = login_of(db.info.user)
        password = _derived(db.info.password, name) if db.info.password else None
        secret = {} if password is None else {"password": password}
        own = make_conninfo(conninfo, user=name, **secret)
        why = _unfit(own)
        if why:
            why = _made(db, name, password) or _unfit(own)
    return Way(conninfo, why) if why else Way(own)


def login_of(owner: str) -> str:
    """Roles are common to all databases of a server: each owner has a login of its own."""
    return owner[: _LONGEST_NAME - len("_login")] + "_login"


def _derived(password: str, name: str) -> str:
    """Always the same, and no help to whoever would guess the owner's from it."""
    made = hashlib.scrypt(password.encode(), salt=f"mapsvc {name}".encode(), n=2**14, r=8, p=1)
    return made.hex()[:64]


_FITS = """
select pg_has_role(%(service)s, 'member') and pg_has_role(%(door)s, 'member'),
    exists (select from pg_roles r where pg_has_role(r.oid, 'member') and (r.rolsuper
        or r.rolbypassrls or r.rolcreaterole or exists (select from pg_class c
            where c.relowner = r.oid and c.relnamespace = 'public'::regnamespace)))
"""


def _unfit(conninfo: str) -> str:
    """Why this is no login for the service; empty where it is one."""
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=_PATIENCE_S) as db:
            row = db.execute(_FITS, {"service": SERVICE, "door": DOOR}).fetchone()
    except psycopg.OperationalError as refused:
        return f"无法登录（{str(refused).strip()}）"
    takes, above = row or (False, True)
    if above:
        return "这个账号拥有数据表，或能成为拥有数据表或管理角色的账号"
    return "" if takes else f"这个账号没有被授予 {SERVICE} 和 {DOOR}"


def _made(db: Connection[Any], name: str, password: str | None) -> str:
    """Make the login, or give it the password that it should have; why that cannot be."""
    login = sql.Identifier(name)
    ours = "select pg_has_role(%s, %s, 'member')"
    there = db.execute("select from pg_roles where rolname = %s", [name]).rowcount
    if there and db.execute(ours, [name, SERVICE]).fetchone() != (True,):
        return f"角色 {name} 已另有用途"
    secret: sql.Composable = sql.SQL("null")
    if password is not None:
        # Only its SCRAM verifier goes to the server: statements may stand in a log.
        scram = db.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
        secret = sql.Literal(scram.decode())
    roles = sql.SQL(", ").join([sql.Identifier(SERVICE), sql.Identifier(DOOR)])
    try:
        if not there:
            with suppress(*MADE_MEANWHILE):
                db.execute(sql.SQL("create role {} login noinherit").format(login))
            db.execute(sql.SQL("grant {} to {}").format(roles, login))
        db.execute(sql.SQL("alter role {} login noinherit password {}").format(login, secret))
    except psycopg.errors.InsufficientPrivilege:
        return f"账号 {db.info.user} 无权建立登录角色 {name}"
    with suppress(psycopg.errors.InsufficientPrivilege):
        # So that the owner sees the sessions, for the health page.
        db.execute(sql.SQL("grant {} to current_user").format(login))
    return ""
