"""The database server: versions, room, connections, what runs too long, what autovacuum misses."""

from functools import cache
from typing import Any

from alembic.script import ScriptDirectory
from anyio.to_thread import run_sync

from mapsvc.database import Db, alembic_config

# Dead rows that autovacuum should long have cleared away: more than a fifth, and not few.
_LOOK = """
select json_build_object(
    'postgresql', current_setting('server_version'),
    'postgis', (select extversion from pg_extension where extname = 'postgis'),
    'pgrouting', (select extversion from pg_extension where extname = 'pgrouting'),
    'owner', (select relowner::regrole::text from pg_class where oid = 'public.layer'::regclass),
    'own_login', not pg_has_role(session_user,
        (select relowner from pg_class where oid = 'public.layer'::regclass), 'member'),
    'bytes', pg_database_size(current_database()),
    'connections_most', current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int,
    'read_only', pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on',
    'started_at', pg_postmaster_start_time(),
    'swept_at', (select max(last_autovacuum) from pg_stat_user_tables),
    'unswept', (select coalesce(json_agg(json_build_object('table', relname, 'dead', n_dead_tup)
            order by n_dead_tup desc), '[]')
        from (select * from pg_stat_user_tables where n_dead_tup > 50000
            and n_dead_tup > n_live_tup / 2 order by n_dead_tup desc limit 5) t),
    'wraparound', (select age(datfrozenxid) > 1000000000 from pg_database
        where datname = current_database()),
    'archiving', (select json_build_object('on', current_setting('archive_mode') <> 'off',
            'archived_at', last_archived_time, 'failed_at', last_failed_time,
            'failing', last_failed_time is not null
                and last_failed_time > coalesce(last_archived_time, '-infinity'))
        from pg_stat_archiver))
"""


async def look(db: Db) -> dict[str, Any] | None:
    row = await (await db.execute(_LOOK)).fetchone()
    if row is None:
        return None
    found = dict(row[0])
    at = db.info.get_parameters() | {"user": found.pop("owner")}
    # For commands to type; no password.
    found["connect"] = " ".join(
        f"{k}={at[k]}" for k in ("host", "port", "user", "dbname") if k in at
    )
    found["schema_expected"] = await run_sync(newest_schema)
    return await _state(db) | found


async def _state(db: Db) -> dict[str, Any]:
    """What only the owner sees, from a function of its own; nothing but an old version where the
    schema is older than that function.
    """
    there = await db.execute("select to_regprocedure('public.service_state()') is not null")
    if await there.fetchone() != (True,):
        return {"schema": "旧", "connections": 0, "oldest_s": None, "waiting": 0}
    row = await (await db.execute("select public.service_state()")).fetchone()
    return dict(row[0]) if row else {}


@cache
def newest_schema() -> str:
    """The revision that this program was written for."""
    return str(ScriptDirectory.from_config(alembic_config("")).get_current_head())
