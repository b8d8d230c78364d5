"""Is all well with this installation, and if not, what is to be done? For whoever keeps it running.

Asked on a connection of its own: the page must open when the service's are used up. What cannot be
found out is None and never stops the rest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from anyio.to_thread import run_sync

from mapsvc import __version__
from mapsvc.catalog import Catalog
from mapsvc.database import Db, Pool
from mapsvc.errors import MapsvcError
from mapsvc.health import backups, layers, plenty, server, stored, work
from mapsvc.health.faults import Fault, headline, told
from mapsvc.health.support import as_text
from mapsvc.live import Feed
from mapsvc.overview import CHINA, Overview
from mapsvc.settings import Settings
from mapsvc.tiles import TileCache

__all__ = ["Fault", "Watched", "report"]

log = logging.getLogger(__name__)

T = TypeVar("T")
_PARTS = (
    *("server", "record", "recorded", "originals", "layers"),
    *("drift", "sent", "regions", "roads", "uploads"),
)
_CONNECT_S = 3
_ASKING_S = 6.0
_COUNTING_S = 4.0
_late: set[asyncio.Task[Any]] = set()


@dataclass(frozen=True, slots=True)
class Watched:
    """What a report is about: the parts of one running process."""

    settings: Settings
    catalog: Catalog
    pool: Pool
    overview: Overview
    feed: Feed
    tiles: TileCache


async def report(watched: Watched) -> dict[str, Any]:
    """The state of everything, the faults first; JSON-ready, without personal data.

    `{time, version, headline, ok, faults, database, storage, backups, layers, duty, regions,
    roads, work, support}`; `support` is all of it as text. A part that cannot be found out is None.
    """
    asked, duty, files, parsers = await asyncio.gather(
        _asked(watched),
        _within(_COUNTING_S, watched.overview.figures(patient=False)),
        run_sync(layers.files, watched.settings, watched.catalog),
        run_sync(work.parsers),
    )
    recorded = asked["recorded"] or {}
    kept = await backups.look(watched.settings, recorded)
    found: dict[str, Any] = {
        "time": datetime.now(CHINA).isoformat(timespec="seconds"),
        "version": __version__,
        "database": asked["server"],
        "record": asked["record"],
        "storage": await run_sync(
            plenty.look, watched.settings, watched.pool.conninfo, kept["folder"]
        ),
        "originals": asked["originals"],
        "tiles": dict(zip(("count", "bytes"), watched.tiles.holds, strict=True)),
        "backups": kept,
        "layers": layers.told(watched.catalog, files, asked["layers"], asked["drift"]),
        "duty": stored.duty(duty, asked["sent"]),
        "regions": asked["regions"],
        "roads": asked["roads"],
        "work": {
            "uploads": asked["uploads"],
            "parsers": parsers,
            "streams": {"here": watched.feed.followers, "live": watched.feed.live},
            "pool": work.pool(watched.pool),
        },
    }
    faults = told(found)
    found |= {"headline": headline(faults), "ok": not any(f.counts for f in faults)}
    found["faults"] = [f.told() for f in faults]
    found["support"] = as_text(found)
    return found


async def _asked(watched: Watched) -> dict[str, Any]:
    """What the database knows; everything None where it is away or too slow."""
    parts: dict[str, Any] = dict.fromkeys(_PARTS)
    with suppress(psycopg.Error, OSError, TimeoutError):
        async with asyncio.timeout(_ASKING_S), await _connected(watched.pool) as db:
            await _fill(db, watched.catalog, parts)
    return parts


async def _connected(pool: Pool) -> Db:
    """As the service does, with the one right that the report needs."""
    options = dict(pool.kwargs) if isinstance(pool.kwargs, dict) else {}
    options["options"] = f"{options.get('options', '')} -c mapsvc.rights=reads_health"
    more = {"connect_timeout": _CONNECT_S, "application_name": "mapsvc health"}
    db: Db = await psycopg.AsyncConnection.connect(str(pool.conninfo), **(options | more))
    return db


async def _fill(db: Db, catalog: Catalog, parts: dict[str, Any]) -> None:
    parts["server"] = await _unless_refused(server.look(db))
    # Only now: the server was asked whether it is read-only by itself.
    await db.execute("set default_transaction_read_only = on")
    parts["recorded"] = await _unless_refused(stored.recorded(db))
    parts["record"] = stored.record(parts["server"], parts["recorded"])
    parts["layers"] = await _unless_refused(layers.kept(db))
    parts["drift"] = await _unless_refused(layers.drift(db, catalog, parts["layers"] or {}))
    parts["uploads"] = await _unless_refused(stored.uploads(db))
    parts["originals"] = await _unless_refused(stored.originals(db))
    parts["sent"] = await _unless_refused(stored.sent(db))
    parts["regions"] = await _unless_refused(stored.regions(db, parts["recorded"] or {}))
    parts["roads"] = await _unless_refused(stored.roads(db))


async def _unless_refused(asking: Awaitable[T]) -> T | None:
    """None for what this account may not see, or what is not there yet; the rest goes on."""
    try:
        return await asking
    except psycopg.OperationalError:
        raise
    except psycopg.Error as refused:
        log.warning("a part of the health report is missing: %s", refused.sqlstate)
        return None


async def _within(seconds: float, asking: Coroutine[Any, Any, T]) -> T | None:
    """What comes in time. What comes too late goes on: it is kept, and the next one asks for it."""
    task = asyncio.create_task(asking)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.add_done_callback(_forgotten)
        _late.add(task)
        return None
    try:
        return task.result()
    except (MapsvcError, psycopg.Error):
        return None


def _forgotten(task: asyncio.Task[Any]) -> None:
    _late.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.warning("a count for the health report failed: %s", type(task.exception()).__name__)
