"""Who gets there first by road: the k fastest of each layer, exactly.

The straight line bounds every journey from below: no road is faster than the network's fastest
edge. So the nearest by line are timed first, and then all whose line is short enough to beat the
k-th of them, until nobody outside could.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import sql

from mapsvc import features
from mapsvc.catalog import Layer
from mapsvc.database import Db, moment
from mapsvc.filters import ALWAYS, Filter
from mapsvc.roads import Conditions, Direction, Journey, Place, Profile, Route, rules, state
from mapsvc.roads.fan import Fan, estimates
from mapsvc.roads.rules import Rules

_CHINA = ZoneInfo("Asia/Shanghai")
_ROUND = 2000
"""Features of a layer fetched in one go, at most."""
_LEAST = 64
"""Candidates timed in one round, at least."""
_LAT_M, _LON_M = 110_574.0, 111_132.0
"""One degree is at least so many metres: of latitude, and of longitude at the equator."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who comes to the event (`to`) or is reached from it (`from`), how many, and how."""

    event: Place
    layers: tuple[Layer, ...]
    k: int
    profile: Profile = "light"
    conditions: Conditions = "day"
    direction: Direction = "to"
    max_m: float | None = None
    within_s: float | None = None
    stale: features.Stale = "keep"
    routes: bool = True
    scope: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    """By layer; a layer without one is asked whole."""


@dataclass(frozen=True, slots=True)
class _Found:
    layer: Layer
    id: int
    place: Place
    journey: Journey
    at: int
    """Its place in the fan; -1 for an estimate."""

    @property
    def key(self) -> tuple[str, int]:
        return self.layer.id, self.id


@dataclass(frozen=True, slots=True)
class _Near:
    """A feature and its straight distance from the event."""

    id: int
    place: Place
    line_m: float


async def ranked(db: Db, ask: Question) -> dict[str, Any]:
    """The answer of `GET /api/nearest?mode=road` (the API's description has its shape)."""
    async with moment(db):
        return await _ranked(db, ask)


async def _ranked(db: Db, ask: Question) -> dict[str, Any]:
    roads = await state.now(db, ask.profile, ask.conditions)
    first = {x: await _nearest_in_degrees(db, ask, x, _first(ask)) for x in ask.layers}
    fan = None
    if roads is not None:
        guess_s = roads.rules.likely_s(
            max((near.line_m for batch in first.values() for near in batch), default=0.0),
            ask.conditions,
        )
        sure_s = min(guess_s, ask.within_s or np.inf)
        fan = await Fan.open(roads, ask.event, ask.direction, sure_s=sure_s)
    usual = roads.rules if roads else await rules.read(db)
    found: list[_Found] = []
    for layer in ask.layers:
        by_road = await _by_road(db, ask, layer, fan, first[layer]) if fan and fan.on_road else []
        found += by_road
        if len(by_road) < ask.k:
            found += await _by_line(db, ask, layer, usual, fan, {f.id for f in by_road})
    told = await _told(db, ask, found)
    found.sort(key=lambda f: _place_in_line(ask, f, told[f.key]))
    driven = [f for f in found if f.journey.by == "road"]
    routes, avoided = await _drawn(db, ask, fan, driven)
    guessed = [f.place for f in found if f.journey.by == "estimate"]
    blocking = await _blocking(fan, guessed)
    return {
        "origin": [ask.event.lon, ask.event.lat],
        "mode": "road",
        "profile": ask.profile,
        "conditions": ask.conditions,
        "direction": ask.direction,
        "network": roads.network if roads else None,
        "closures": avoided + [c for c in blocking if c not in avoided],
        "notes": _notes(usual, fan, len(guessed), avoided, blocking),
        "asked_at": datetime.now(_CHINA).isoformat(timespec="seconds"),
        "results": [_result(f, told[f.key], routes.get(f.key)) for f in found],
    }


async def _by_road(
    db: Db, ask: Question, layer: Layer, fan: Fan, batch: list[_Near]
) -> list[_Found]:
    """The k fastest of a layer by road, fewer where no more are reached.

    All features with a line up to `complete_m` have been timed; when nothing beyond can have a
    journey as short as the k-th, the ranking is proved.
    """
    limit = np.inf if ask.within_s is None else ask.within_s
    timed: dict[int, tuple[_Near, int]] = {}
    last: _Near | None = None
    complete_m = np.inf if ask.max_m is None and len(batch) < _first(ask) else 0.0
    while True:
        new = [near for near in batch if near.id not in timed]
        timed |= {near.id: (near, len(fan.places) + n) for n, near in enumerate(new)}
        if new:
            await fan.add([near.place for near in new])
        seconds = fan.seconds()
        order = sorted(timed, key=lambda id_: (seconds[timed[id_][1]], id_))[: ask.k]
        slowest = seconds[timed[order[-1]][1]] if len(order) == ask.k else np.inf
        if min(slowest, limit) > fan.sure_s:
            await fan.grow()
            batch = []
            continue
        needed_m = min(fan.radius_m(min(slowest, limit)), _most_m(ask))
        if complete_m >= needed_m:
            break
        # Each round shrinks what is needed, so rounds begin small and double.
        size = min(_ROUND, max(_LEAST, len(timed)))
        batch = await _within(db, ask, layer, needed_m, size, beyond=last)
        last = batch[-1] if batch else last
        complete_m = needed_m if len(batch) < size else batch[-1].line_m
    best = [timed[id_] for id_ in order if seconds[timed[id_][1]] <= min(limit, 1e12)]
    journeys = fan.journeys([at for _, at in best])
    return [
        _Found(layer, near.id, near.place, journey, at)
        for (near, at), journey in zip(best, journeys, strict=True)
    ]


async def _by_line(
    db: Db, ask: Question, layer: Layer, usual: Rules, fan: Fan | None, known: set[int]
) -> list[_Found]:
    """Estimates for the nearest by line that no road leads to, to make up the k."""
    rest: list[_Near] = []
    last: _Near | None = None
    most_m = _most_m(ask)
    if ask.within_s is not None:
        most_m = min(most_m, usual.estimated_m(ask.within_s, ask.conditions))
    else:
        # Without a limit every feature that a road leads to is known: so many lines are enough.
        enough = await _nearest_in_degrees(db, ask, layer, ask.k + len(known))
        most_m = min(most_m, max((near.line_m for near in enough), default=0.0) + 1)
    while len(rest) < ask.k - len(known):
        batch = await _within(db, ask, layer, most_m, _ROUND, beyond=last)
        new = [near for near in batch if near.id not in known]
        if fan and fan.on_road and ask.within_s is not None:
            await fan.grow()
            await fan.add([near.place for near in new])
            seconds = fan.seconds()[len(fan.places) - len(new) :]
            new = [near for near, s in zip(new, seconds, strict=True) if np.isinf(s)]
        rest += new
        if len(batch) < _ROUND:
            break
        last = batch[-1]
    rest = rest[: ask.k - len(known)]
    guesses = estimates(usual, [n.place for n in rest], ask.event, ask.conditions)
    return [
        _Found(layer, n.id, n.place, journey, -1) for n, journey in zip(rest, guesses, strict=True)
    ]


def _first(ask: Question) -> int:
    """How many are timed before anything is known; a layer with fewer is known whole."""
    return 2 * ask.k + 8


def _most_m(ask: Question) -> float:
    return 25_000_000.0 if ask.max_m is None else ask.max_m


_NEAREST = """
select id, ST_X(p), ST_Y(p), d from (
    select id, ST_PointOnSurface(geom) p,
        ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
    from {table} f where {fresh} and {where}
    order by geom <-> ST_Point(%(lon)s, %(lat)s, 4326) limit %(count)s
) q where d <= %(most)s order by d, id"""

_WITHIN = """
select id, ST_X(p), ST_Y(p), d from (
    select id, ST_PointOnSurface(geom) p,
        ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
    from {table} f where {fresh} and {where}
        and geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
) q where d <= %(most)s and (d, id) > (%(beyond)s, %(beyond_id)s) order by d, id limit %(count)s"""


async def _nearest_in_degrees(db: Db, ask: Question, layer: Layer, count: int) -> list[_Near]:
    return await _asked(db, _NEAREST, layer, ask, count=count)


async def _within(
    db: Db, ask: Question, layer: Layer, most_m: float, count: int, *, beyond: _Near | None = None
) -> list[_Near]:
    """The nearest up to a length of line, after the one given; at most `count`."""
    lat = most_m / _LAT_M * 1.01
    widest = min(89.9, abs(ask.event.lat) + lat)
    lon = min(360.0, most_m / (_LON_M * np.cos(np.radians(widest))) * 1.01)
    box = {
        "west": ask.event.lon - lon,
        "east": ask.event.lon + lon,
        "south": ask.event.lat - lat,
        "north": ask.event.lat + lat,
    }
    after = (beyond.line_m, beyond.id) if beyond else (-1.0, 0)
    limits = {"count": count, "most": most_m, "beyond": after[0], "beyond_id": after[1]}
    return await _asked(db, _WITHIN, layer, ask, **limits, **box)


async def _asked(db: Db, text: str, layer: Layer, ask: Question, **values: float) -> list[_Near]:
    where = ask.filters.get(layer.id, ALWAYS)
    statement = _statement(text, layer, ask.stale == "omit", where.condition)
    event = {"lon": ask.event.lon, "lat": ask.event.lat, "most": _most_m(ask)}
    rows = await (await db.execute(statement, event | values | where.values)).fetchall()
    return [_Near(row[0], Place(row[1], row[2]), row[3]) for row in rows]


@lru_cache(maxsize=256)
def _statement(text: str, layer: Layer, fresh: bool, where: str) -> bytes:
    return (
        sql.SQL(text)
        .format(
            table=sql.Identifier(layer.partition),
            fresh=features.is_fresh(layer) if fresh else _TRUE,
            where=sql.SQL(where),
        )
        .as_bytes()
    )


_TRUE = sql.SQL("true")


_TOLD = """
select {layer}::text, f.id, json_build_object('name', f.name,
    'line_m', ST_Distance(f.geom::geography, e), 'bearing', degrees(ST_Azimuth(e,
        ST_PointOnSurface(f.geom)::geography)),
    'age_days', current_date - coalesce(f.verified_at, f.updated_at::date), 'feature', {json})
from {table} f cross join (select ST_Point(%(lon)s, %(lat)s, 4326)::geography e) event
    left join region r on r.code = f.region_code
where f.layer = {layer} and f.id = any(%({ids})s)"""


async def _told(
    db: Db, ask: Question, found: Sequence[_Found]
) -> dict[tuple[str, int], dict[str, Any]]:
    """What is shown of each: name, line, bearing, age, whether stale, the feature."""
    layers = {f.layer.id: f.layer for f in found}
    if not found:
        return {}
    parts = [
        sql.SQL(_TOLD).format(
            layer=sql.Literal(layer.id),
            table=sql.Identifier(layer.partition),
            json=features.feature_json(layer),
            ids=sql.SQL(f"ids_{n}"),
        )
        for n, layer in enumerate(layers.values())
    ]
    values: dict[str, Any] = {"lon": ask.event.lon, "lat": ask.event.lat, "scope": ask.scope}
    for n, name in enumerate(layers):
        values[f"ids_{n}"] = [f.id for f in found if f.layer.id == name]
    rows = await (await db.execute(sql.SQL(" union all ").join(parts), values)).fetchall()
    told = {(row[0], row[1]): row[2] for row in rows}
    for (name, _), one in told.items():
        one["stale"] = one["age_days"] > layers[name].freshness.days
    return told


def _place_in_line(ask: Question, found: _Found, told: dict[str, Any]) -> tuple[Any, ...]:
    sunk = ask.stale == "sink" and told["stale"]
    journey = found.journey
    return journey.by != "road", sunk, journey.duration_s, found.layer.id, found.id


async def _drawn(
    db: Db, ask: Question, fan: Fan | None, driven: Sequence[_Found]
) -> tuple[dict[tuple[str, int], Route], list[dict[str, Any]]]:
    """The routes where wanted, and all closures that any of the journeys goes around."""
    if fan is None or not driven:
        return {}, []
    which = [f.at for f in driven]
    if not ask.routes:
        ids = set().union(*await fan.avoided(np.array(which)))
        return {}, [c.told for c in fan.roads.closures if c.id in ids]
    routes = {
        f.key: route
        for f, route in zip(driven, await fan.routes(db, which), strict=True)
        if route is not None
    }
    avoided = {c["id"]: c for route in routes.values() for c in route.closures_avoided}
    return routes, [avoided[n] for n in sorted(avoided)]


async def _blocking(fan: Fan | None, places: list[Place]) -> list[dict[str, Any]]:
    """The closures without which a road would lead to these places."""
    if fan is None:
        return []
    ids = await fan.blocking(places)
    return [c.told for c in fan.roads.closures if c.id in ids]


def _notes(
    usual: Rules,
    fan: Fan | None,
    guessed: int,
    avoided: list[dict[str, Any]],
    blocking: list[dict[str, Any]],
) -> list[str]:
    """What the reader must know of this answer."""
    notes = []
    if fan is None:
        notes.append("尚未载入路网，以下均为直线估算。请管理员运行 mapsvc roads load 载入路网。")
    elif not fan.on_road:
        most = usual.offroad_most / 1000
        notes.append(f"所查位置 {most:g} 公里内没有可通行的道路，以下均为直线估算。")
    elif guessed:
        notes.append(f"有 {guessed} 个没有道路可到，列在最后，为直线估算。")
    if guessed:
        notes.append(f"估算方法：{usual.estimate_words}。")
    if avoided:
        notes.append(f"路线已绕开封路：{_reasons(avoided)}。")
    if blocking:
        notes.append(f"因封路而没有道路可到：{_reasons(blocking)}。")
    return notes


def _reasons(closures: list[dict[str, Any]]) -> str:
    return "、".join(dict.fromkeys(str(c["reason"]) for c in closures))


def _result(found: _Found, told: dict[str, Any], route: Route | None) -> dict[str, Any]:
    journey = found.journey
    result = {
        "layer": found.layer.id,
        "id": found.id,
        "name": told["name"],
        "distance_m": round(journey.distance_m, 1),
        "line_m": round(told["line_m"], 3),
        "bearing_deg": round(told["bearing"] or 0.0, 2),
        "duration_s": round(journey.duration_s, 1),
        "by": journey.by,
        "access_m": round(journey.access_m, 1),
        "age_days": told["age_days"],
        "stale": told["stale"],
        "feature": told["feature"],
    }
    if route is not None:
        result["route"] = {
            "type": "Feature",
            "geometry": route.geometry,
            "properties": {
                "distance_m": round(route.distance_m, 1),
                "duration_s": round(route.duration_s, 1),
                "steps": [asdict(step) for step in route.steps],
                "closures_avoided": route.closures_avoided,
            },
        }
    return result
