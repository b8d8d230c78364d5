"""What stands in the tables: the record, uploads, regions, roads, and who is late in checking."""

from datetime import datetime
from typing import Any

from mapsvc.database import Db

STAGED_TOO_LONG = "1 day"
RECENT = "7 days"

_RECORDED = """
select w.action, json_build_object('at', a.at, 'subject', a.subject, 'new', a.new)
from unnest(%(actions)s::text[]) w(action),
    lateral (select * from audit where action = w.action order by id desc limit 1) a
"""
_ACTIONS = ("backup.made", "backup.drilled", "record.verified", "regions.loaded", "roads.loaded")


async def recorded(db: Db) -> dict[str, dict[str, Any]]:
    """The newest entry of the record for each deed of upkeep: `{at, subject, new}`."""
    cursor = await db.execute(_RECORDED, {"actions": list(_ACTIONS)})
    return dict(await cursor.fetchall())


def record(
    state: dict[str, Any] | None, newest: dict[str, dict[str, Any]] | None
) -> dict[str, Any] | None:
    """Length of the chain, since when, and what the last verification said."""
    if state is None or "entries" not in state or newest is None:
        return None
    verified = newest.get("record.verified")
    said = (verified and verified["new"]) or {}
    since = state["since"]
    return {
        "entries": state["entries"],
        "since": since and datetime.fromisoformat(since).isoformat(timespec="seconds"),
        "verified_at": verified and verified["at"],
        "holds": said.get("holds"),
        "verified_entries": said.get("entries"),
    }


_UPLOADS = f"""
select json_build_object(
    'staged', (select count(*) from upload where status = 'staged'),
    'waiting', (select count(*) from upload where status = 'staged' and kind = 'file'
        and created_at < now() - interval '{STAGED_TOO_LONG}'),
    'waiting_since', (select min(created_at) from upload where status = 'staged'
        and kind = 'file' and created_at < now() - interval '{STAGED_TOO_LONG}'),
    'applied', count(*) filter (where status = 'applied'),
    'taken_back', count(*) filter (where status = 'rolled_back'),
    'rejected_rows', coalesce(sum((counts ->> 'rejected')::bigint), 0),
    'with_rejected', count(*) filter (where (counts ->> 'rejected')::bigint > 0),
    'refused', (select count(*) from audit where action = 'upload.refused'
        and at > now() - interval '{RECENT}'))
from upload where created_at > now() - interval '{RECENT}' and kind = 'file'
"""  # noqa: S608 only constants


async def uploads(db: Db) -> dict[str, Any] | None:
    """Files sent in the last week, what became of them, and what nobody has confirmed."""
    row = await (await db.execute(_UPLOADS)).fetchone()
    return dict(row[0]) if row else None


async def originals(db: Db) -> dict[str, int]:
    """The uploaded files that are kept, with their rows and reports: how many, how many bytes."""
    row = await (
        await db.execute(
            "select (select count(*) from upload where kind = 'file'),"
            " pg_total_relation_size('upload') + pg_total_relation_size('upload_row')"
            " + pg_total_relation_size('upload_problem')"
        )
    ).fetchone()
    return {"count": row[0], "bytes": row[1]} if row else {"count": 0, "bytes": 0}


async def sent(db: Db) -> dict[str, dict[str, str]]:
    """Region → layer → when a file of that region's was last applied."""
    cursor = await db.execute(
        "select region_code, layer, max(applied_at) from upload"
        " where status = 'applied' and kind = 'file' and region_code is not null group by 1, 2"
    )
    found: dict[str, dict[str, str]] = {}
    for region, layer, at in await cursor.fetchall():
        found.setdefault(region, {})[layer] = at.isoformat(timespec="seconds")
    return found


_REGIONS = """
select json_build_object(
    'levels', (select coalesce(json_object_agg(level, many), '{}') from
        (select level, count(*) many from region group by level) l),
    'without_villages', (select coalesce(json_agg(name order by code), '[]') from
        (select code, name from region c where level = 'county' and not exists
            (select from region v where v.level = 'village' and v.path @> array[c.code])
         order by code limit 20) x))
"""


async def regions(db: Db, newest: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    row = await (await db.execute(_REGIONS)).fetchone()
    loaded = newest.get("regions.loaded")
    if row is None:
        return None
    return dict(row[0]) | {
        "loaded_at": loaded and loaded["at"],
        "source": loaded and (loaded["new"] or {}).get("source"),
    }


async def roads(db: Db) -> dict[str, Any] | None:
    """The network in use; None where none was ever loaded."""
    row = await (
        await db.execute(
            "select json_build_object('source', source, 'loaded_at', loaded_at, 'edges', edges,"
            " 'length_km', round((length_m / 1000)::numeric, 1),"
            " 'islands', report -> 'islands', 'largest_share', report -> 'largest_share',"
            " 'age_days', extract(day from now() - loaded_at))"
            " from road_network order by id desc limit 1"
        )
    ).fetchone()
    return dict(row[0]) if row else {}


def duty(
    figures: dict[str, Any] | None, sent_at: dict[str, dict[str, str]] | None
) -> dict[str, Any] | None:
    """Who is late in checking: the county's layers, then its townships, the neediest first."""
    if figures is None:
        return None
    towns = [_town(t, (sent_at or {}).get(t["code"], {})) for t in figures["townships"]]
    towns.sort(key=lambda t: (-t["overdue"], -t["stale"], -t["empty"], t["code"]))
    return {
        "layers": [
            {k: x[k] for k in ("id", "title", "freshness_days", "count", "stale", "data_at")}
            for x in figures["layers"]
        ],
        "townships": towns,
        "elsewhere": figures["elsewhere"]["count"],
    }


def _town(town: dict[str, Any], sent_at: dict[str, str]) -> dict[str, Any]:
    parts = town["layers"]
    checked = [x["newest_verified"] for x in parts.values() if x["newest_verified"]]
    return {
        "code": town["code"],
        "name": town["name"],
        "count": town["count"],
        "stale": town["stale"],
        "overdue": sum(x["overdue"] for x in parts.values()),
        "empty": sum(not x["count"] for x in parts.values()),
        "checked": max(checked, default=None),
        "sent_at": max(sent_at.values(), default=None),
        "layers": {
            name: {k: x[k] for k in ("count", "stale", "overdue", "newest_verified")}
            | {"sent_at": sent_at.get(name)}
            for name, x in parts.items()
        },
    }
