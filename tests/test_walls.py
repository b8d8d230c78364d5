"""The second wall by itself: what the service's database roles may, whatever the service does."""

import psycopg
import pytest

from mapsvc.access import Identity
from mapsvc.database import AS_SERVICE
from mapsvc.tables import metadata
from mapsvc.walls import GRANTS, NOBODY, TOLD, Standing
from tests.conftest import Make, own_login

TOWN, OTHER = "990101001", "990101002"
REGIONS = f"""
insert into region (code, name, level, path, geom) select code, code, 'township', array[code],
    ST_Multi(ST_MakeEnvelope(x, 27, x + 0.1, 27.1, 4326))
from (values ('{TOWN}', 111.0), ('{OTHER}', 111.1)) r(code, x)
"""
FEATURE = """insert into feature (layer, name, region_code, township_code, geom)
    values ('depots', 'n', %(region)s, %(region)s, ST_Point(111.05, 27.05, 4326))"""
UPLOAD = """insert into upload (id, layer, region_code, filename, sha256, original, status,
    declared_crs, layer_version, created_by)
    values (gen_random_uuid(), 'depots', %(region)s, 'f', '', '', 'staged', 'auto', 0, 'x')"""
CLOSURE = """insert into closure (reason, geom, area, created_by, updated_by)
    select 'r', p, p, 'x', 'x' from (select ST_PointOnSurface(geom) p from region
        where code = %(region)s) at"""
MADE = {"feature": FEATURE, "upload": UPLOAD, "closure": CLOSURE}
MAKES = {"feature": "edit", "upload": "upload", "closure": "close_roads"}


def person(role: str) -> Standing:
    return Identity("x", frozenset({role}), TOWN if role == "township" else None).standing


@pytest.fixture(scope="module")
def walled(make_database: Make, template: str) -> str:
    """A database with a feature, an upload and a closure in each of two townships."""
    conninfo = make_database(template)
    with psycopg.connect(conninfo) as db:
        db.execute(REGIONS.encode())
        for statement in MADE.values():
            for region in (TOWN, OTHER):
                db.execute(statement.encode(), {"region": region})
    return conninfo


def done(conninfo: str, standing: Standing, statement: str, region: str = "") -> int | None:
    """Rows that a statement reached, and nothing stays of it; None where it was refused."""
    with psycopg.connect(conninfo) as db:
        db.execute(TOLD, standing)
        try:
            reached = db.execute(statement.encode(), {"region": region}).rowcount
            db.execute("set constraints all immediate")
        except psycopg.errors.InsufficientPrivilege:
            return None
        finally:
            db.rollback()
        return reached


def test_every_table_has_its_grants() -> None:
    """One that stands nowhere is closed to the service."""
    assert GRANTS.keys() == metadata.tables.keys()


@pytest.mark.parametrize("table", MADE)
@pytest.mark.parametrize(
    "role", ["admin", "county", "planner", "command", "wall", "township", "auditor"]
)
def test_who_may_not_write_does_not(walled: str, table: str, role: str) -> None:
    who = Identity("x", frozenset({role}), TOWN if role == "township" else None)
    may = who.may(MAKES[table])  # type: ignore[arg-type]
    for region in (TOWN, OTHER):
        lets = may and region in (TOWN, who.scope or region)
        assert (done(walled, who.standing, MADE[table], region) == 1) == lets, region
    mine = 0 if not may else 1 if who.scope else 2
    changed = {"feature": "name = 'm'", "upload": "filename = 'm'", "closure": "reason = 'm'"}
    assert (done(walled, who.standing, f"update {table} set {changed[table]}") or 0) == mine
    deleted = done(walled, who.standing, f"delete from {table}")
    assert (deleted or 0) == (0 if table == "closure" else mine)


def test_a_township_hands_nothing_over(walled: str) -> None:
    moved = f"update {{}} set region_code = '{OTHER}' where region_code = '{TOWN}'"
    for table in ("feature", "upload"):
        assert done(walled, person("township"), moved.format(table)) is None
        assert done(walled, person("county"), moved.format(table)) == 1


def test_a_township_reads_the_countys_features_and_its_own_uploads(walled: str) -> None:
    read = {"feature": 2, "closure": 2, "upload": 1, "upload_row": 0}
    for table, rows in read.items():
        assert done(walled, person("township"), f"select from {table}") == rows
    assert done(walled, person("county"), "select from upload") == 2


@pytest.mark.parametrize("who", [NOBODY, person("auditor")])
@pytest.mark.parametrize(
    "table",
    ["feature", "feature_depots", "feature_history", "ogc.depots", "upload", "closure", "change"],
)
def test_who_reads_no_layer_reads_none(walled: str, who: Standing, table: str) -> None:
    assert done(walled, who, f"select from {table}") is None


def test_the_record_is_read_by_the_auditor_alone_and_changed_by_nobody(walled: str) -> None:
    assert (done(walled, person("auditor"), "select from audit") or 0) > 0
    for role in ("admin", "county", "planner", "command", "wall", "township"):
        assert done(walled, person(role), "select from audit") == 0
    for role in ("auditor", "county"):
        for statement in (
            "update audit set username = 'x'",
            "delete from audit",
            "truncate audit",
            "insert into audit select * from audit",
            "update audit_head set last_id = 0",
            "select from audit_draft",
            "delete from audit_draft",
            "alter table audit disable trigger all",
        ):
            assert done(walled, person(role), statement) is None, statement


@pytest.mark.parametrize(
    "statement",
    [
        "insert into feature_history select * from feature_history",
        "update feature_depots set name = 'x'",
        "update ogc.depots set name = 'x'",
        "delete from change",
        "update layer set version = 0",
        "update region set name = 'x'",
        "insert into setting values ('x', '1')",
        "alter table feature disable row level security",
        "create table public.mine (x int)",
    ],
)
def test_what_only_the_owner_writes(walled: str, statement: str) -> None:
    assert done(walled, person("county"), statement) is None


def test_the_services_roles_are_bound_by_row_security(walled: str) -> None:
    """They own nothing, are nobody else as well, and stand above no policy."""
    with psycopg.connect(walled) as db:
        free = db.execute(
            "select rolname from pg_roles"
            " where rolname in ('mapsvc_service', 'mapsvc_door', 'mapsvc_login')"
            " and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb"
            " or pg_has_role(oid, current_user, 'member')"
            " or exists (select from pg_class where relowner = pg_roles.oid))"
        ).fetchall()
    assert free == []


ROLE = "select current_user"


def test_from_the_services_login_no_way_leads_to_the_owner(walled: str) -> None:
    """What a statement that slipped in could try, on a connection as the pool makes it."""
    with psycopg.connect(own_login(walled), options=AS_SERVICE, autocommit=True) as db:
        db.execute(TOLD, person("township"))
        for statement in CLIMBS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement.encode())
        for leave in ("reset role", "reset all", "discard all", "reset session authorization"):
            db.execute(TOLD, person("township"))
            db.execute(leave.encode())
            assert db.execute(ROLE).fetchone() == ("mapsvc_service",), leave
        db.execute("set role none")
        assert db.execute(ROLE).fetchone() == ("mapsvc_login",)
        for table in metadata.tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(f"select from {table}".encode())
        db.execute(TOLD, person("township"))
        assert db.execute("select from upload").rowcount == 1
        assert db.execute("update feature set name = name").rowcount == 1


CLIMBS = (
    "set role mapsvc",
    "set role postgres",
    "set session authorization mapsvc",
    "set session authorization postgres",
    "set session_replication_role = replica",
    "alter table feature disable row level security",
    "alter table feature no force row level security",
    "alter table audit disable trigger all",
    "drop policy feature_update on feature",
    "create policy mine on feature using (true)",
    "alter policy feature_update on feature using (true)",
    "select owner_bound()",
    "grant mapsvc to mapsvc_login",
    "alter role mapsvc_service bypassrls",
    "alter role mapsvc_login superuser",
    "alter function mapsvc_may(text[]) stable",
    "create extension dblink",
    "copy (select 1) to program 'true'",
    "select pg_read_file('PG_VERSION')",
)


def test_row_security_binds_the_owner_too(walled: str) -> None:
    with psycopg.connect(walled) as db:
        guarded = db.execute(
            "select relname, relforcerowsecurity from pg_class where relrowsecurity order by 1"
        ).fetchall()
        assert {name for name, _ in guarded} == {
            *("account", "kiosk", "audit", "feature", "closure"),
            *("upload", "upload_row", "upload_problem"),
        }
        assert all(forced for _, forced in guarded)
        for work in ("update upload set filename = filename", "select from audit"):
            reached = db.execute(work.encode()).rowcount
            assert reached >= 2
            table = work.split()[1] if "update" in work else "audit"
            db.execute(f"drop policy owner_works on {table}".encode())
            assert db.execute(work.encode()).rowcount == 0
            db.execute("select owner_bound()")
            assert db.execute(work.encode()).rowcount == reached
        db.rollback()


def test_reading_by_place_keeps_the_spatial_index(walled: str) -> None:
    """Row security must not cost the index: its operators are not leakproof."""
    with psycopg.connect(walled) as db:
        db.execute(TOLD, person("township"))
        db.execute("set local enable_seqscan = off")
        for condition in (
            "where geom && ST_MakeEnvelope(111, 27, 111.01, 27.01, 4326)",
            "order by geom <-> ST_Point(111, 27, 4326) limit 3",
        ):
            plan = db.execute(f"explain select id from feature_depots {condition}".encode())
            assert "geom_idx" in "\n".join(row[0] for row in plan)
            plan = db.execute(f"explain select id from feature {condition}".encode())
            assert "geom_idx" in "\n".join(row[0] for row in plan)
