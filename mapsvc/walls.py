"""The second wall: the service's own database roles, and who is asking, told to the database.

The tables belong to whoever runs the migrations; commands at the host work as that owner, whom
row security binds too (`owner_bound`, migration 0015). The service never does: it has a login of
its own (`mapsvc.logins`), and each of its connections takes one of two roles that own nothing.

    mapsvc_service   reads the county's data and writes what the row policies let through
    mapsvc_door      somebody not signed in, or whose roles read no layer: signs in and out,
                     and an auditor reads the record

Rights and region stand in settings of the connection, `mapsvc.rights` and `mapsvc.scope`, which the
policies read (migration 0012). Triggers work as the owner: history, counts, the log of changes and
the record are written by nobody else. Against SQL of an attacker's own the settings are no wall,
the grants are.
"""

from contextlib import suppress
from contextvars import ContextVar
from typing import NamedTuple

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from mapsvc.errors import BrokenSetup

SERVICE, DOOR = "mapsvc_service", "mapsvc_door"


class Standing(NamedTuple):
    """As whom a connection works: its role, the rights that are asked of it, the region."""

    role: str
    rights: str = ""
    scope: str = ""


MACHINE = Standing(SERVICE)
"""The process itself: it reads for everybody and writes nothing."""
NOBODY = Standing(DOOR)

_standing: ContextVar[Standing] = ContextVar("standing", default=MACHINE)


def stands(as_whom: Standing) -> None:
    """From here on in this task, connections that are taken work as this person's."""
    _standing.set(as_whom)


def standing() -> Standing:
    return _standing.get()


def reading() -> Standing:
    """For what all readers are told alike and nothing is written: whoever reads is as good as the
    process itself, so that a connection need not be told anew who is asking."""
    now = standing()
    return MACHINE if now.role == SERVICE else now


TOLD = (
    "select set_config('role', %s, false), set_config('mapsvc.rights', %s, false),"
    " set_config('mapsvc.scope', %s, false)"
)

_ALL = "select, insert, update, delete"
GRANTS: dict[str, tuple[str, str]] = {
    "account": (_ALL, "select, insert, update"),
    "attempt": (_ALL, _ALL),
    "audit": ("select", "select"),
    "audit_draft": ("insert", "insert"),
    "audit_head": ("", ""),
    "change": ("select", ""),
    "closure": ("select, insert, update", ""),
    "familiar": (_ALL, _ALL),
    "feature": (_ALL, ""),
    "feature_cell": ("select", ""),
    "feature_history": ("select", ""),
    "ground": ("select", ""),
    "kiosk": (_ALL, "select, update"),
    "layer": ("select", "select (id)"),
    "region": ("select", "select"),
    "relief": ("select", ""),
    "road_arc": ("select", ""),
    "road_edge": ("select", ""),
    "road_network": ("select", ""),
    "road_node": ("select", ""),
    "session": (_ALL, _ALL),
    "setting": ("select", "select"),
    "upload": (_ALL, ""),
    "upload_problem": ("select, insert, delete", ""),
    "upload_row": ("select, insert, delete", ""),
}
"""What each role may do with every table; a new one stands here or nobody but the owner sees it."""


MADE_MEANWHILE = (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation)


def make_roles(db: Connection[TupleRow]) -> None:
    """The two roles, which the present account may take; BrokenSetup tells who must make them."""
    try:
        for role in (SERVICE, DOOR):
            name = sql.Identifier(role)
            if not db.execute("select from pg_roles where rolname = %s", [role]).rowcount:
                with suppress(*MADE_MEANWHILE):
                    db.execute(sql.SQL("create role {} nologin").format(name))
            if not _takes(db, name):
                db.execute(sql.SQL("grant {} to current_user").format(name))
                db.execute(sql.SQL("set role {}").format(name))
                db.execute("reset role")
    except psycopg.errors.InsufficientPrivilege as refused:
        raise BrokenSetup(
            f"数据库缺少角色 {SERVICE} 和 {DOOR}，且当前账号无权建立：{refused}。"
            f"请数据库管理员执行：create role {SERVICE} nologin; create role {DOOR} nologin;"
            f" grant {SERVICE}, {DOOR} to {db.info.user};"
        ) from None


def _takes(db: Connection[TupleRow], name: sql.Identifier) -> bool:
    try:
        db.execute(sql.SQL("set role {}").format(name))
    except psycopg.errors.InsufficientPrivilege:
        return False
    db.execute("reset role")
    return True


def bind_owner(db: Connection[TupleRow]) -> None:
    """Row security on every guarded table binds the owner, who works by a policy of his own.

    Nothing happens where that is so already, or where the schema is older than this.
    """
    there = db.execute("select to_regprocedure('public.owner_bound()') is not null").fetchone()
    if there and there[0]:
        db.execute("select public.owner_bound()")


def grant(db: Connection[TupleRow], partitions: list[str]) -> None:
    """Give the roles what they need and nothing else; triggers work as the owner."""
    both = sql.SQL(", ").join([sql.Identifier(SERVICE), sql.Identifier(DOOR)])
    db.execute(sql.SQL("grant usage on schema public, ogc to {}").format(both))
    tables = [(name, *rights) for name, rights in GRANTS.items()]
    tables += [(partition, "select", "") for partition in partitions]
    for name, *rights in tables:
        table = sql.Identifier(name)
        db.execute(sql.SQL("revoke all on table {} from {}").format(table, both))
        for role, right in zip((SERVICE, DOOR), rights, strict=True):
            if right:
                given = sql.SQL("grant {} on table {} to {}")
                db.execute(given.format(_words(right), table, sql.Identifier(role)))
    db.execute(sql.SQL("grant select on all tables in schema ogc to mapsvc_service"))
    db.execute(sql.SQL("grant usage on all sequences in schema public to {}").format(both))
    db.execute(_AS_OWNER)
    bind_owner(db)


def _words(right: str) -> sql.Composable:
    wanted = right.split(", ")
    return sql.SQL(", ").join([sql.SQL(word) for word in _PRIVILEGES if word in wanted])


_PRIVILEGES = ("select (id)", "select", "insert", "update", "delete")

# Whatever a trigger writes no role writes by itself. The path is fixed: nothing that somebody puts
# in front of it is called by the owner's leave.
_AS_OWNER = """
do $$
declare
    found regprocedure;
begin
    for found in
        select p.oid from pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.prorettype = 'trigger'::regtype
            and pg_has_role(p.proowner, 'usage') and (not p.prosecdef or p.proconfig is null)
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    loop
        execute format('alter function %s security definer set search_path = public, pg_temp',
            found);
    end loop;
end $$
"""
