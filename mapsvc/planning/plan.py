"""A plan: which places give how much of what an event needs, arriving when, and what is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import anyio.to_thread
import numpy as np

from mapsvc.catalog import Layer
from mapsvc.database import Db, moment
from mapsvc.features import Stale
from mapsvc.filters import Filter
from mapsvc.planning import sources, words
from mapsvc.planning.needs import Need, merged
from mapsvc.planning.solve import Objective, Problem, Solution, solve
from mapsvc.planning.sources import Source, Way
from mapsvc.roads import Conditions, Place, Profile, rules, state
from mapsvc.roads.fan import Fan, estimates
from mapsvc.roads.state import Roads

MOST_SOLVED = 600
"""Places that are chosen from. Beyond, the nearest and, line by line, the best stocked are."""
_STOCKED = 150
_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Question:
    """An event, what it needs, and how it may be met."""

    event: Place
    needs: Sequence[Need]
    layers: tuple[Layer, ...]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    mode: Literal["road", "line"] = "road"
    profile: Profile = "light"
    conditions: Conditions = "day"
    objective: Objective = "fewest"
    within_s: float | None = None
    stale: Stale = "keep"
    routes: bool = False


@dataclass(slots=True)
class Work:
    """All that the answer is told from."""

    needs: list[Need]
    ways: list[Way]
    """In time, in the order of arrival."""
    late: list[Way]
    solution: Solution
    notes: list[str]


async def plan(db: Db, ask: Question) -> dict[str, Any]:
    """The answer of `POST /api/plans` (the API's description has its shape)."""
    async with moment(db):
        found = await sources.find(
            db, ask.layers, ask.filters, ask.event, ask.needs, fresh=ask.stale == "omit"
        )
        needs, notes = _with_units(ask.needs, found.sources)
        chosen_from, cut = _candidates(found, needs)
        roads = await state.now(db, ask.profile, ask.conditions) if ask.mode == "road" else None
        fan, ways = await _ways(db, ask, roads, chosen_from)
        limit = np.inf if ask.within_s is None else ask.within_s
        timely = [w for w in ways if w.journey.duration_s <= limit]
        late = [w for w in ways if w.journey.duration_s > limit]
        problem = _problem(needs, timely)
        solution = await anyio.to_thread.run_sync(solve, problem, ask.objective)
        work = Work(needs, timely, late, solution, [*notes, *cut])
        routes = await _routes(db, ask, fan, work)
        usual = roads.rules if roads else await rules.read(db)
    guessed = [w for n, w in enumerate(timely) if n in solution.chosen and _guess(w)]
    work.notes += words.travel_notes(ask.mode, roads is not None, len(guessed), usual)
    work.notes += words.closing_notes(solution.proved)
    return _told(ask, work, found.sources, roads, routes)


def _guess(way: Way) -> bool:
    return way.journey.by == "estimate"


def _with_units(needs: Sequence[Need], found: Sequence[Source]) -> tuple[list[Need], list[str]]:
    """Items asked for without a unit get the one most places store them in."""
    out, notes = [], []
    for need in needs:
        if need.what == "capability" or need.unit is not None:
            out.append(need)
            continue
        places = Counter(u for s in found for u in s.units(need) if s.stock(need, u).good > 0)
        if not places:
            out.append(need)
            continue
        most = max(places.values())
        unit = min(u for u, count in places.items() if count == most)
        out.append(replace(need, unit=unit))
        if len(places) > 1:
            notes.append(f"“{need.name}”未写单位，按多数储备点所用的“{unit or '无单位'}”计。")
    return merged(out), notes


def _candidates(found: sources.Found, needs: Sequence[Need]) -> tuple[list[Source], list[str]]:
    """The sources that can be promised; of too many the nearest and the best stocked."""
    able = [s for s in found.sources if any(s.offers(n) for n in needs)]
    notes = [
        f"{layer.title}中有所需物资或能力的超过 {sources.MOST:,} 处，只考虑最近的这些。"
        for layer in found.cut
    ]
    if len(able) <= MOST_SOLVED:
        return able, notes
    by_line = sorted(able, key=lambda s: (s.line_m, s.layer.id, s.id))
    kept = {id(s) for s in by_line[: MOST_SOLVED - _STOCKED]}
    for need in needs:
        best = sorted(able, key=lambda s: (-s.offers(need), s.line_m, s.layer.id, s.id))
        kept |= {id(s) for s in best[: _STOCKED // len(needs)]}
    notes.append(
        f"可用的共 {len(able):,} 处，方案在直线最近的 {MOST_SOLVED - _STOCKED} 处和各项数量最多的"
        f"若干处（共 {len(kept)} 处）中求得最优；再远的小库未计入。"
    )
    return [s for s in able if id(s) in kept], notes


async def _ways(
    db: Db, ask: Question, roads: Roads | None, found: Sequence[Source]
) -> tuple[Fan | None, list[Way]]:
    """Each source's journey; the earliest first, whom no road leads from behind equals."""
    places = [s.place for s in found]
    fan = None
    if roads is None:
        usual = await rules.read(db)
        journeys = estimates(usual, places, ask.event, ask.conditions) if places else []
    else:
        fan = await Fan.open(roads, ask.event, "to")
        await fan.add(places)
        journeys = fan.journeys()
    ways = [Way(s, j, n) for n, (s, j) in enumerate(zip(found, journeys, strict=True))]
    ways.sort(key=lambda w: (w.journey.duration_s, _guess(w), w.source.layer.id, w.source.id))
    return fan, ways


def _problem(needs: Sequence[Need], ways: Sequence[Way]) -> Problem:
    offered = [[w.source.offers(need) for need in needs] for w in ways]
    return Problem(
        np.array(offered, dtype=np.float64).reshape(len(ways), len(needs)),
        np.array([need.quantity for need in needs]),
        tuple(need.kind for need in needs),
        np.array([float(w.source.people or 0) for w in ways]),
        np.array([w.journey.duration_s for w in ways]),
        np.array([_guess(w) for w in ways], dtype=bool),
    )


async def _routes(db: Db, ask: Question, fan: Fan | None, work: Work) -> dict[int, dict[str, Any]]:
    """The drawn way of each chosen place that a road leads from, by its place in `ways`."""
    if fan is None or not ask.routes:
        return {}
    driven = [n for n in work.solution.chosen if not _guess(work.ways[n])]
    drawn = await fan.routes(db, [work.ways[n].at for n in driven])
    return {
        n: {
            "type": "Feature",
            "geometry": route.geometry,
            "properties": {
                "distance_m": round(route.distance_m, 1),
                "duration_s": round(route.duration_s, 1),
                "steps": [asdict(step) for step in route.steps],
                "closures_avoided": route.closures_avoided,
            },
        }
        for n, route in zip(driven, drawn, strict=True)
        if route is not None
    }


def _told(
    ask: Question,
    work: Work,
    found: Sequence[Source],
    roads: Roads | None,
    routes: Mapping[int, dict[str, Any]],
) -> dict[str, Any]:
    chosen = work.solution.chosen
    given = work.solution.given
    times = [work.ways[n].journey.duration_s for n in chosen]
    totals = given.sum(axis=0)
    return {
        "origin": [ask.event.lon, ask.event.lat],
        "mode": ask.mode,
        "profile": ask.profile,
        "conditions": ask.conditions,
        "objective": ask.objective,
        "within_s": ask.within_s,
        "network": roads.network if roads else None,
        "closures": [c.told for c in roads.closures] if roads else [],
        "needs": [
            _line(need) | {"quantity": _plain(need.quantity), "found": _plain(float(total))}
            for need, total in zip(work.needs, totals, strict=True)
        ],
        "picks": [
            _pick(work, n, line)
            for line in range(len(work.needs))
            for n in chosen
            if given[n, line] > 0
        ],
        "sources": [_source(work, n, routes.get(n)) for n in chosen],
        "shortfalls": [
            _line(need)
            | {
                "needed": _plain(need.quantity),
                "found": _plain(float(total)),
                "missing": _plain(need.quantity - float(total)),
                "why": words.why_missing(need, found, work.late, ask.within_s),
            }
            for need, total in zip(work.needs, totals, strict=True)
            if total < need.quantity
        ],
        "completion_s": round(max(times), 1) if times else None,
        "proved": work.solution.proved,
        "notes": work.notes,
        "asked_at": datetime.now(_CHINA).isoformat(timespec="seconds"),
    }


def _line(need: Need) -> dict[str, Any]:
    return {need.what: need.name, "unit": need.unit or ""}


def _place(way: Way) -> dict[str, Any]:
    source, journey = way.source, way.journey
    return {
        "layer": source.layer.id,
        "feature_id": source.id,
        "name": source.name,
        "region_name": source.region_name,
        "lon": round(source.place.lon, 7),
        "lat": round(source.place.lat, 7),
        "distance_m": round(journey.distance_m, 1),
        "duration_s": round(journey.duration_s, 1),
        "by": journey.by,
        "age_days": source.age_days,
        "stale": source.stale,
    }


def _pick(work: Work, n: int, line: int) -> dict[str, Any]:
    way, need = work.ways[n], work.needs[line]
    in_stock = way.source.offers(need)
    if need.kind == "people":
        in_stock = float(way.source.people or 0)
    rivals = [w for w in work.ways if w.source.offers(need) > 0]
    served = int((work.solution.given[n] > 0).sum())
    quantity = float(work.solution.given[n, line])
    return (
        _place(way)
        | _line(need)
        | {
            "quantity": _plain(quantity),
            "in_stock": _plain(in_stock),
            "reason": words.reason(
                way, need, quantity, rank=rivals.index(way) + 1, of=len(rivals), served=served
            ),
        }
    )


def _source(work: Work, n: int, route: dict[str, Any] | None) -> dict[str, Any]:
    way = work.ways[n]
    lines = [
        _line(need) | {"quantity": _plain(float(amount))}
        for need, amount in zip(work.needs, work.solution.given[n], strict=True)
        if amount > 0
    ]
    told = _place(way) | {"duty_phone": way.source.duty_phone, "gives": lines}
    return told | ({"route": route} if route else {})


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else round(number, 6)
