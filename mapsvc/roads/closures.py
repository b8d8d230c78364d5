"""Closed roads: drawn shapes with a reason and a time, who set them and when.

An edge is closed while a closure in force touches its line. Nothing is deleted: a closure that is
lifted ends, and stays in the record.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from psycopg import errors, sql
from shapely.geometry.base import BaseGeometry

from mapsvc import record
from mapsvc.database import Db, carry_out
from mapsvc.errors import BadInput, Conflict, Forbidden, NotFound
from mapsvc.shapes import drawn

CHANNEL = "mapsvc_closure"
POINT_RADIUS_M = 30.0
"""A point without a radius closes the road it was set on."""
MOST_RADIUS_M = 20_000.0
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for; a field that is not in `given` stays as it is."""

    given: frozenset[str]
    geometry: Any = None
    radius_m: float | None = None
    reason: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


_ON_RECORD = ("reason", "radius_m", "geometry", "starts_at", "ends_at")
_COLUMNS = sql.SQL("""
json_build_object('id', c.id, 'reason', c.reason, 'radius_m', c.radius_m,
    'geometry', ST_AsGeoJSON(c.geom, 7)::json, 'area', ST_AsGeoJSON(c.area, 6)::json,
    'starts_at', c.starts_at, 'ends_at', c.ends_at,
    'active', c.starts_at <= now() and coalesce(c.ends_at > now(), true),
    'closed_edges', (select count(*) from road_edge e where ST_Intersects(e.geom, c.area)),
    'created_at', c.created_at, 'created_by', c.created_by,
    'updated_at', c.updated_at, 'updated_by', c.updated_by, 'ended_by', c.ended_by)""")

_AREA = sql.SQL("""
case when %(radius)s::float8 is null then {geom}
    else ST_Buffer({geom}::geography, %(radius)s::float8)::geometry end""")
_GIVEN = sql.SQL("ST_SetSRID(ST_GeomFromWKB(%(wkb)s), 4326)")


_CHANGE = sql.SQL(
    "update closure set reason = %(reason)s, geom = {given}, radius_m = %(radius)s,"
    " area = {area}, starts_at = coalesce(%(starts)s, starts_at), ends_at = %(ends)s,"
    " updated_at = now(), updated_by = %(actor)s where id = %(id)s"
).format(given=_GIVEN, area=_AREA.format(geom=_GIVEN))


_END = (
    "update closure set ends_at = now(), starts_at = least(starts_at, now()),"
    " ended_by = %(actor)s, updated_at = now(), updated_by = %(actor)s where id = %(id)s"
)


async def listed(db: Db, *, active: bool) -> list[dict[str, Any]]:
    """Closures, newest first; `active`: only those in force now."""
    query = sql.SQL("select {} from closure c {} order by c.id desc limit 1000").format(
        _COLUMNS,
        sql.SQL(
            "where c.starts_at <= now() and coalesce(c.ends_at > now(), true)" if active else ""
        ),
    )
    return [row[0] for row in await (await db.execute(query)).fetchall()]


async def create(db: Db, wanted: Wanted, *, actor: str, scope: str | None) -> dict[str, Any]:
    """A new closure; raises BadInput for a shape or time that cannot be, Forbidden outside `scope`.

    It counts in every answer that starts after the commit.
    """
    shape, radius = drawn(wanted.geometry), wanted.radius_m
    if radius is None and shape.geom_type in ("Point", "MultiPoint"):
        radius = POINT_RADIUS_M
    values = {
        "reason": _reason(wanted.reason),
        "wkb": shapely.to_wkb(shape),
        "radius": _radius(radius),
        "starts": wanted.starts_at,
        "ends": wanted.ends_at,
        "actor": actor,
    }
    insert = sql.SQL(
        "insert into closure as c (reason, geom, radius_m, area, starts_at, ends_at, created_by,"
        " updated_by) values (%(reason)s, {given}, %(radius)s, {area},"
        " coalesce(%(starts)s, now()), %(ends)s, %(actor)s, %(actor)s) returning c.id"
    ).format(given=_GIVEN, area=_AREA.format(geom=_GIVEN))
    async with db.transaction():
        await _check_times(db, wanted.starts_at, wanted.ends_at)
        async with _walled():
            row = await (await db.execute(insert, values)).fetchone()
        assert row is not None
        await _require_inside(db, row[0], scope)
        return await _announced(db, row[0], "closure.created")


async def change(
    db: Db, number: int, wanted: Wanted, *, actor: str, scope: str | None
) -> dict[str, Any]:
    """Change what is given; one that has ended stays ended (Conflict)."""
    async with db.transaction():
        old = await _for_change(db, number, scope)
        was = await _told(db, number)
        shape = drawn(wanted.geometry) if "geometry" in wanted.given else old.shape
        radius = wanted.radius_m if "radius_m" in wanted.given else old.radius_m
        if radius is None and shape.geom_type in ("Point", "MultiPoint"):
            radius = POINT_RADIUS_M
        if shape.geom_type.endswith("Polygon") and "radius_m" not in wanted.given:
            radius = None
        starts = wanted.starts_at if "starts_at" in wanted.given else old.starts_at
        ends = wanted.ends_at if "ends_at" in wanted.given else old.ends_at
        await _check_times(db, starts, ends if "ends_at" in wanted.given else None)
        if ends is not None and starts is not None and ends < starts:
            raise _backwards()
        values = {
            "id": number,
            "reason": _reason(wanted.reason) if "reason" in wanted.given else old.reason,
            "wkb": shapely.to_wkb(shape),
            "radius": _radius(radius),
            "starts": starts,
            "ends": ends,
            "actor": actor,
        }
        async with _walled():
            await carry_out(db, _CHANGE, values, 1)
        await _require_inside(db, number, scope)
        return await _announced(db, number, "closure.changed", was)


async def end(db: Db, number: int, *, actor: str, scope: str | None) -> dict[str, Any]:
    """Lift the closure now; doing so again changes nothing."""
    async with db.transaction():
        if not (await _for_change(db, number, scope, ended=True)).over:
            was = await _told(db, number)
            await carry_out(db, _END, {"id": number, "actor": actor}, 1)
            return await _announced(db, number, "closure.ended", was)
        return await _told(db, number)


@dataclass(frozen=True, slots=True)
class _Kept:
    reason: str
    shape: BaseGeometry
    radius_m: float | None
    starts_at: datetime
    ends_at: datetime | None
    over: bool


async def _for_change(db: Db, number: int, scope: str | None, *, ended: bool = False) -> _Kept:
    row = await (
        await db.execute(
            "select reason, ST_AsBinary(geom), radius_m, starts_at, ends_at,"
            " coalesce(ends_at <= now(), false) from closure where id = %s for update",
            [number],
        )
    ).fetchone()
    if row is None or not await _inside(db, number, scope):
        raise NotFound(f"没有编号为 {number} 的封路。", code="unknown_closure")
    shape: Any = shapely.from_wkb(bytes(row[1]))
    kept = _Kept(row[0], shape, *row[2:])
    if kept.over and not ended:
        raise Conflict("这条封路已经结束，不能再修改。如需再次封闭，请新建一条。")
    return kept


async def _inside(db: Db, number: int, scope: str | None) -> bool:
    if scope is None:
        return True
    row = await (
        await db.execute(
            "select ST_Covers(r.geom, c.area) from closure c, region r"
            " where c.id = %s and r.code = %s",
            [number, scope],
        )
    ).fetchone()
    return bool(row and row[0])


_OUTSIDE = "封路范围超出了本乡镇。请缩小范围，或请县级人员设置。"


@asynccontextmanager
async def _walled() -> AsyncIterator[None]:
    """The database looks at the place too, and before we do."""
    try:
        yield
    except errors.InsufficientPrivilege:
        raise Forbidden(_OUTSIDE) from None


async def _require_inside(db: Db, number: int, scope: str | None) -> None:
    if not await _inside(db, number, scope):
        raise Forbidden(_OUTSIDE)


async def _announced(
    db: Db, number: int, action: str, was: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The closure as it now is, told to who listens and put on record."""
    await db.execute("select pg_notify(%s, %s)", [CHANNEL, str(number)])
    told = await _told(db, number)
    kept = {name: told[name] for name in _ON_RECORD}
    before = {name: was[name] for name in _ON_RECORD} if was else None
    await record.write(db, action, subject=number, old=before, new=kept)
    return told


async def _told(db: Db, number: int) -> dict[str, Any]:
    row = await (
        await db.execute(
            sql.SQL("select {} from closure c where c.id = %s").format(_COLUMNS), [number]
        )
    ).fetchone()
    assert row is not None
    return dict(row[0])


def _reason(text: str | None) -> str:
    reason = (text or "").strip()
    if not reason:
        raise BadInput("请填写封路原因，例如“山体滑坡”。", code="reason_missing")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"封路原因过长，请不要超过 {LONGEST_REASON} 字。")
    return reason


def _radius(radius_m: float | None) -> float | None:
    if radius_m is None:
        return None
    if not 1 <= radius_m <= MOST_RADIUS_M:
        raise BadInput(f"半径应在 1 至 {MOST_RADIUS_M:,.0f} 米之间。", code="radius_out_of_range")
    return radius_m


async def _check_times(db: Db, starts: datetime | None, ends: datetime | None) -> None:
    for moment in (starts, ends):
        if moment is not None and moment.tzinfo is None:
            raise BadInput(
                "时间缺少时区，请写成 2026-11-22T08:00:00+08:00。", code="time_zone_missing"
            )
    if starts is not None and ends is not None and ends < starts:
        raise _backwards()
    if ends is not None:
        row = await (await db.execute("select %s <= now()", [ends])).fetchone()
        if row and row[0]:
            raise BadInput("结束时间已经过去，请填写今后的时间。", code="ends_in_the_past")


def _backwards() -> BadInput:
    return BadInput("结束时间早于开始时间，请检查。", code="ends_before_start")


def in_words(closures: Sequence[dict[str, Any]]) -> str:
    """For the notes of an answer."""
    return "、".join(dict.fromkeys(str(c["reason"]) for c in closures))
