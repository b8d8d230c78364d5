"""The pool's order and the prepared statements, which lean on psycopg's inner parts."""

from typing import Any

import psycopg
import pytest

from mapsvc.database import connection, make_pool
from mapsvc.prepared import one_row
from mapsvc.settings import Settings

pytestmark = pytest.mark.anyio


async def test_the_pool_hands_out_the_connection_used_last(demo_conninfo: str) -> None:
    pool = make_pool(demo_conninfo, Settings(pool_size=3))
    async with pool:
        three = [await pool.getconn() for _ in range(3)]
        for one in three:
            await pool.putconn(one)
        again = [await pool.getconn() for _ in range(3)]
        assert again == three[::-1]
        # When it shrinks it lets go of the one that was idle longest.
        for one in three:
            await pool.putconn(one)
        warm = await pool.getconn()
        await pool.putconn(warm)
        idle: Any = pool._pool
        assert warm is three[-1]
        assert list(idle) == three


async def test_a_connection_that_died_while_idle_is_not_handed_out(demo_conninfo: str) -> None:
    async with make_pool(demo_conninfo, Settings(pool_size=3)) as pool:
        three = [await pool.getconn() for _ in range(3)]
        pids = [one.info.backend_pid for one in three]
        for one in three:
            await pool.putconn(one)
        async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
            await db.execute(
                "select pg_terminate_backend(p, 60000) from unnest(%s::int[]) p", [pids]
            )
        for _ in range(5):
            async with connection(pool) as db:
                assert db.info.backend_pid not in pids
                assert await (await db.execute("select 1")).fetchone() == (1,)


async def test_a_row_as_the_database_writes_it(demo_conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        query = b"select %(n)s::int + %(n)s, %(t)s::text || '%%', %(x)s::text, %(b)s::bytea"
        values = {"n": 2, "t": "演示", "x": None, "b": b"\x00"}
        row = [b"4", "演示%".encode(), None, rb"\x00"]
        assert await one_row(db, query, values) == row
        # Other types, no longer prepared, inside a transaction: the same.
        assert await one_row(db, query, values | {"n": 2_000_000})
        await db.execute("deallocate all")
        assert await one_row(db, query, values) == row
        async with db.transaction():
            assert await one_row(db, query, values) == row
        assert await one_row(db, query, values) == row


async def test_many_statements_push_out_the_oldest(demo_conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        for number in [*range(102), 0]:
            assert await one_row(db, b"select %d" % number, {}) == [b"%d" % number]
        kept = await db.execute("select count(*) from pg_prepared_statements")
        assert await kept.fetchone() == (100,)


async def test_errors_are_psycopgs(demo_conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await one_row(db, b"select 1 / %(n)s::int", {"n": 0})
        with pytest.raises(psycopg.errors.UndefinedTable):
            await one_row(db, b"select * from no_such_table", {})
        await db.execute("set statement_timeout = 50")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await one_row(db, b"select pg_sleep(60)", {})
        await db.execute("set statement_timeout = 0")
        assert await one_row(db, b"select 1", {}) == [b"1"]
        with pytest.raises(psycopg.OperationalError):
            await one_row(db, b"select pg_terminate_backend(pg_backend_pid())", {})
