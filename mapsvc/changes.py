"""The log of what changed: read from a position on, read backwards by time, trimmed at its old end.

A position is given at commit, in the order of commits (migration 0003): whoever has read up to one
has missed nothing before it. What an entry says every reader may see; no personal field is in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from psycopg import sql

from mapsvc import county
from mapsvc.database import Db

CHANNEL = "mapsvc_change"
KEPT = timedelta(days=14)
_TRIMMED = "changes_trimmed_to"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry; `data` is its JSON on one line, with `at` and `position`."""

    position: int
    event: str
    layer: str | None
    version: int | None
    data: str


_DATA = sql.SQL("(data || jsonb_build_object('at', at, 'position', position))::text")
_COLUMNS = sql.SQL("position, event, layer, (data ->> 'version')::bigint, {}").format(_DATA)


async def bounds(db: Db) -> tuple[int, int]:
    """The newest position, and the one up to which old entries were trimmed away; 0 for none."""
    row = await (await db.execute("select coalesce(max(position), 0) from change")).fetchone()
    trimmed = int(await county.read(db, _TRIMMED) or 0)
    return max(int(row[0]) if row else 0, trimmed), trimmed


async def following(db: Db, position: int, limit: int) -> list[Change]:
    """The entries after a position, oldest first."""
    query = sql.SQL("select {} from change where position > %s order by position limit %s")
    cursor = await db.execute(query.format(_COLUMNS), [position, limit])
    return [Change(*row) for row in await cursor.fetchall()]


async def versions(db: Db) -> dict[str, int]:
    """The version of every layer as committed now."""
    return dict(await (await db.execute("select id, version from layer")).fetchall())


async def recent(db: Db, since: datetime, limit: int) -> bytes:
    """`{changes: [{position, event, at, …}], position, more}` of the log, newest first, as JSON."""
    query = sql.SQL(
        "with c as (select position, {data}::jsonb || jsonb_build_object('event', event) entry"
        " from change where at >= %(since)s and position is not null"
        " order by position desc limit %(limit)s + 1)"
        " select json_build_object('changes', coalesce((select json_agg(entry order by position"
        " desc) from (select * from c order by position desc limit %(limit)s) shown), '[]'),"
        " 'position', (select coalesce(max(position), 0) from change),"
        " 'more', (select count(*) from c) > %(limit)s, 'time', now())::text"
    ).format(data=_DATA)
    row = await (await db.execute(query, {"since": since, "limit": limit})).fetchone()
    assert row is not None
    return str(row[0]).encode()


async def trim(db: Db) -> None:
    """Forget what is older than `KEPT`, and remember up to where the log no longer reaches."""
    await db.execute("select changes_trimmed(%s)", [KEPT])


class _Named(msgspec.Struct):
    lon: float | None = None
    lat: float | None = None
    old_lon: float | None = None
    old_lat: float | None = None


class _Told(msgspec.Struct):
    count: int = 0
    summary: list[_Named] = []


def places(change: Change) -> list[tuple[float, float]] | None:
    """Where features changed, before and after; None where the entry does not name them all."""
    told = msgspec.json.decode(change.data, type=_Told)
    if len(told.summary) < told.count:
        return None
    pairs = [p for n in told.summary for p in ((n.lon, n.lat), (n.old_lon, n.old_lat))]
    return [(lon, lat) for lon, lat in pairs if lon is not None and lat is not None]
