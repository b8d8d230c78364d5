"""The county in figures: counts by layer, grade and township, and how fresh they are.

Counting reads every row of a layer, so its outcome is kept until the layer's version or the day
changes. Where counting takes long it is not done again at once: who needs the newest waits for it
together with all others who do. Every figure says of which version and of what time it is.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import sql

from mapsvc.catalog import GRADES, Catalog, Layer
from mapsvc.database import Db, Pool, connection
from mapsvc.features import relation

CHINA = ZoneInfo("Asia/Shanghai")
Head = tuple[int, int, datetime]
Heads = dict[str, Head]
_QUICK_S = 0.1
_REST = 2.0
"""A count that takes long is repeated after that many times its own duration at the earliest."""
_PAST_KEPT = 64

_COUNT = """
select township_code, grade, count(*),
    count(*) filter (where coalesce(verified_at, updated_at::date) < %(day)s::date - {days}::int),
    max(verified_at), max(updated_at), max(coalesce(verified_at, updated_at::date))
from {rows} f group by 1, 2
"""


@dataclass(slots=True)
class Figures:
    """What is known of some rows of a layer; `checked` is the newest day of a verification."""

    count: int = 0
    stale: int = 0
    grades: dict[int | None, int] | None = None
    verified: date | None = None
    updated: datetime | None = None
    checked: date | None = None

    def add(self, other: "Figures") -> None:
        self.count += other.count
        self.stale += other.stale
        self.grades = dict(self.grades or {})
        for grade, count in (other.grades or {}).items():
            self.grades[grade] = self.grades.get(grade, 0) + count
        self.verified = max(filter(None, (self.verified, other.verified)), default=None)
        self.updated = max(filter(None, (self.updated, other.updated)), default=None)
        self.checked = max(filter(None, (self.checked, other.checked)), default=None)

    def told(self, layer: Layer, day: date) -> dict[str, Any]:
        grades = self.grades or {}
        return {
            "count": self.count,
            "grades": {str(g): grades.get(g, 0) for g in GRADES} if layer.grade else None,
            "ungraded": grades.get(None, 0) if layer.grade else None,
            "stale": self.stale,
            "newest_verified": self.verified and self.verified.isoformat(),
            "newest_updated": self.updated and self.updated.isoformat(),
            "overdue": self.checked is not None
            and (day - self.checked).days > layer.freshness.days,
        }


@dataclass(slots=True)
class _Counted:
    version: int
    day: date
    at: datetime
    by_township: dict[str, Figures]
    took_s: float
    ready_at: float

    def total(self) -> Figures:
        whole = Figures()
        for part in self.by_township.values():
            whole.add(part)
        return whole


class Overview:
    """Counts the layers of one catalog; one count at a time for each."""

    def __init__(self, pool: Pool, catalog: Catalog) -> None:
        self._pool = pool
        self._catalog = catalog
        self._now: dict[str, _Counted] = {}
        self._past: OrderedDict[tuple[str, datetime], _Counted] = OrderedDict()
        # The walls all ask the same at the same time: told once.
        self._told: tuple[Any, dict[str, Any]] = (None, {})
        self._turn = {layer.id: asyncio.Lock() for layer in catalog}

    async def figures(
        self, as_of: datetime | None = None, *, patient: bool = True
    ) -> dict[str, Any]:
        """`{time, as_of, layers: [...], townships: [...], elsewhere}`; as_of: as things stood then.

        A township is `overdue` in a layer when even its newest verification is too old.
        `patient=False` does not wait for a count that takes long: the last one will do.
        """
        now = datetime.now(CHINA)
        if as_of is not None and as_of >= now:
            as_of = None
        async with connection(self._pool) as db:
            heads = await _heads(db)
            towns = await _townships(db)
        counted = {
            x.id: await self._counted(x, heads[x.id][0], as_of, patient=patient)
            for x in self._catalog
        }
        key = (as_of, tuple(c.at for c in counted.values()), tuple(heads.items()), tuple(towns))
        if key != self._told[0]:
            self._told = (key, self._tell(counted, None if as_of else heads, towns))
        return {
            "time": now.isoformat(timespec="seconds"),
            "as_of": as_of and as_of.isoformat(),
            **self._told[1],
        }

    def _tell(
        self, counted: dict[str, _Counted], heads: Heads | None, towns: dict[str, str]
    ) -> dict[str, Any]:
        return {
            "grades": {str(g): title for g, title in GRADES.items()},
            "layers": [
                _layer(x, counted[x.id], heads[x.id] if heads else None, towns)
                for x in self._catalog
            ],
            "townships": [
                {"code": code, "name": name, **self._township(counted, code)}
                for code, name in towns.items()
            ],
            "elsewhere": self._township(counted, ""),
        }

    async def stale(self) -> dict[str, int]:
        """How many features of each layer are due for verification, known within a second or so."""
        async with connection(self._pool) as db:
            heads = await _heads(db)
        return {
            x.id: (await self._counted(x, heads[x.id][0], None, patient=False)).total().stale
            for x in self._catalog
        }

    def _township(self, counted: dict[str, _Counted], code: str) -> dict[str, Any]:
        layers = {}
        whole = Figures()
        for layer in self._catalog:
            found = counted[layer.id].by_township.get(code, Figures())
            layers[layer.id] = found.told(layer, counted[layer.id].day)
            whole.add(found)
        return {"count": whole.count, "stale": whole.stale, "layers": layers}

    async def _counted(
        self, layer: Layer, version: int, as_of: datetime | None, *, patient: bool = True
    ) -> _Counted:
        known = self._known(layer.id, version, as_of, patient)
        if known is not None:
            return known
        async with self._turn[layer.id]:
            # Somebody else may have counted while we waited.
            known = self._known(layer.id, version, as_of, patient)
            if known is not None:
                return known
            await asyncio.sleep(self._rest(layer.id) if as_of is None else 0)
            async with connection(self._pool) as db:
                counted = await _count(db, layer, as_of)
            if as_of is None:
                self._now[layer.id] = counted
            else:
                self._past[layer.id, as_of] = counted
                while len(self._past) > _PAST_KEPT:
                    self._past.popitem(last=False)
            return counted

    def _known(
        self, layer_id: str, version: int, as_of: datetime | None, patient: bool
    ) -> _Counted | None:
        if as_of is not None:
            return self._past.get((layer_id, as_of))
        known = self._now.get(layer_id)
        if known is None or known.day != datetime.now(CHINA).date():
            return None
        new_enough = known.version >= version or (not patient and self._rest(layer_id) > 0)
        return known if new_enough else None

    def _rest(self, layer_id: str) -> float:
        """Seconds until it may be counted again."""
        known = self._now.get(layer_id)
        if known is None or known.took_s < _QUICK_S:
            return 0.0
        return max(0.0, known.ready_at + _REST * known.took_s - time.monotonic())


async def stale_now(db: Db, catalog: Catalog) -> dict[str, int]:
    """How many features of each layer are due for verification, counted now."""
    return {x.id: (await _count(db, x, None)).total().stale for x in catalog}


async def _heads(db: Db) -> Heads:
    """Version, count and time of the last change of every layer."""
    rows = await (
        await db.execute("select id, version, feature_count, updated_at from layer")
    ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def _townships(db: Db) -> dict[str, str]:
    rows = await (
        await db.execute("select code, name from region where level = 'township' order by code")
    ).fetchall()
    return dict(rows)


async def _count(db: Db, layer: Layer, as_of: datetime | None) -> _Counted:
    begin = time.monotonic()
    day = (as_of or datetime.now(CHINA)).astimezone(CHINA).date()
    # The version is read first: the count may know more than it says, never less.
    version = (await _heads(db))[layer.id][0]
    at = datetime.now(CHINA)
    query = sql.SQL(_COUNT).format(
        rows=relation(layer, past=as_of is not None), days=sql.Literal(layer.freshness.days)
    )
    found = await (await db.execute(query, {"day": day, "as_of": as_of})).fetchall()
    by_township: dict[str, Figures] = {}
    for township, grade, count, stale, verified, updated, checked in found:
        part = Figures(count, stale, {grade: count}, verified, updated, checked)
        by_township.setdefault(township, Figures()).add(part)
    ready = time.monotonic()
    return _Counted(version, day, as_of or at, by_township, ready - begin, ready)


def _layer(
    layer: Layer,
    counted: _Counted,
    head: Head | None,
    towns: dict[str, str],
) -> dict[str, Any]:
    whole = counted.total()
    return {
        "id": layer.id,
        "title": layer.title,
        "noun": layer.noun,
        "freshness_days": layer.freshness.days,
        **whole.told(layer, counted.day),
        "updated_at": (head[2] if head else whole.updated or counted.at).isoformat(),
        "version": counted.version if head else None,
        "data_at": counted.at.isoformat(timespec="seconds"),
        "overdue_townships": _overdue(layer, counted, towns),
    }


def _overdue(layer: Layer, counted: _Counted, towns: dict[str, str]) -> list[dict[str, str]]:
    overdue: Iterable[str] = (
        code
        for code, part in counted.by_township.items()
        if part.checked and (counted.day - part.checked).days > layer.freshness.days
    )
    return [{"code": code, "name": towns[code]} for code in sorted(overdue) if code in towns]
