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
    'schema', (select version_num from alembic_version),
    'bytes', pg_database_size(current_database()),
    'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
    'connections_most', current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int,
    'oldest_s', (select extract(epoch from max(clock_timestamp() - query_start))
        from pg_stat_activity where datname = current_database() and state = 'active'
        and backend_type = 'client backend' and pid <> pg_backend_pid()),
    'waiting', (select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock'),
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
    at = db.info.get_parameters()
    return dict(row[0]) | {
        "schema_expected": await run_sync(newest_schema),
        # For commands to type; no password.
        "connect": " ".join(f"{k}={at[k]}" for k in ("host", "port", "user", "dbname") if k in at),
    }


@cache
def newest_schema() -> str:
    """The revision that this program was written for."""
    return str(ScriptDirectory.from_config(alembic_config("")).get_current_head())
