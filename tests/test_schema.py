"""The migrations build what the tables say, and the triggers keep every version."""

import psycopg
import pytest
from alembic import command
from psycopg.conninfo import conninfo_to_dict

from mapsvc.catalog import Catalog
from mapsvc.database import Db, alembic_config, libpq, upgrade
from mapsvc.errors import BrokenSetup


def test_migrations_build_the_tables(conninfo: str) -> None:
    command.check(alembic_config(conninfo))


def test_upgrade_twice_changes_nothing(conninfo: str, catalog: Catalog) -> None:
    upgrade(conninfo, catalog)
    upgrade(conninfo, catalog)


def test_sqlalchemy_urls_are_understood() -> None:
    parts = conninfo_to_dict(libpq("postgresql+psycopg://u@h:5433/d"))
    assert parts == {"user": "u", "host": "h", "port": "5433", "dbname": "d"}
    with pytest.raises(BrokenSetup, match="MAPSVC_DATABASE_URL"):
        libpq("nonsense://x y")


INSERT = """insert into feature (layer, name, geom, attrs)
    select 'depots', 'n' || i, ST_Point(111 + i * 0.001, 27, 4326), '{}'
    from generate_series(1, %s) i"""


async def versions(db: Db) -> tuple[int, int]:
    row = await (
        await db.execute("select version, feature_count from layer where id = 'depots'")
    ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.anyio
async def test_layer_version_and_count_follow_every_statement(db: Db) -> None:
    await db.execute(INSERT, [10])
    assert await versions(db) == (1, 10)
    await db.execute("update feature set name = 'x', version = version + 1 where layer = 'depots'")
    assert await versions(db) == (2, 10)
    await db.execute("delete from feature where name = 'x' and id % 2 = 0")
    assert await versions(db) == (3, 5)
    await db.execute("delete from feature where name = 'nobody'")
    assert await versions(db) == (3, 5)


@pytest.mark.anyio
async def test_old_versions_are_kept_whole(db: Db) -> None:
    await db.execute(INSERT, [1])
    await db.execute(
        "update feature set name = 'second', version = 2, updated_at = clock_timestamp(),"
        " updated_by = 'me'"
    )
    await db.execute("select set_config('mapsvc.actor', 'you', false)")
    await db.execute("delete from feature")
    rows = await (
        await db.execute(
            "select name, version, op, changed_by, valid_to > updated_at from feature_history"
            " order by version"
        )
    ).fetchall()
    assert rows == [("n1", 1, "update", "me", True), ("second", 2, "delete", "you", True)]


@pytest.mark.anyio
async def test_a_commit_is_announced_with_the_layers_version(conninfo: str, db: Db) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as listener:
        await listener.execute("listen mapsvc_layer")
        async with db.transaction():
            await db.execute(INSERT, [3])
            heard = [n async for n in listener.notifies(timeout=0.3)]
            assert heard == []
        heard = [n async for n in listener.notifies(timeout=60, stop_after=1)]
    assert [n.payload for n in heard] == ["depots:1"]


@pytest.mark.anyio
async def test_typed_views_keep_the_spatial_index(db: Db) -> None:
    await db.execute(INSERT, [5000])
    await db.execute("analyze")
    plan = await (
        await db.execute(
            "explain select * from ogc.depots"
            " where geom && ST_MakeEnvelope(111.1, 26.9, 111.11, 27.1, 4326)"
        )
    ).fetchall()
    assert "feature_depots_geom_idx" in "\n".join(row[0] for row in plan)
    types = dict(
        await (
            await db.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                " where attrelid = 'ogc.risk_points'::regclass"
            )
        ).fetchall()
    )
    assert types["threatened_people"] == "bigint"
    assert types["threatened_property"] == "double precision"
    assert types["found_on"] == "date"
    assert types["risk_level"] == "text"
