"""Whom nobody reaches in time, how far one gets, and where more should stand.

Times are those of the road network, from every suitable feature at once, as `roads.fastest` has
them. A village counts by one point inside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, identity

from mapsvc.catalog import Layer
from mapsvc.database import Db, moment
from mapsvc.errors import BadInput
from mapsvc.features import feature_json
from mapsvc.filters import ALWAYS, Filter
from mapsvc.roads import Band, Conditions, Place, Profile, each_within, fastest, reach

MOST_STARTS = 100_000
MOST_TARGETS = 100_000
MOST_LISTED = 2000
MOST_SITES = 10
MOST_CANDIDATES = 600
VILLAGES = "villages"
Weigh = Literal["people", "count"]
_PEOPLE = "threatened_people"
_SECONDS = 8.0
_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Question:
    """From which features of a layer to which targets (a layer; None: the villages), in time."""

    layer: Layer
    seconds: tuple[int, ...]
    targets: Layer | None
    risks: Layer | None
    """Where threatened people are written; None where no layer has them."""
    where: Filter = ALWAYS
    target_where: Filter = ALWAYS
    profile: Profile = "light"
    conditions: Conditions = "day"
    also: tuple[Place, ...] = ()
    area: bool = True
    weigh: Weigh = "people"
    scope: str | None = None

    @property
    def limit(self) -> int:
        return max(self.seconds)

    @property
    def noun(self) -> str:
        return self.targets.noun if self.targets else "村（社区）"


@dataclass(frozen=True, slots=True)
class Target:
    id: int | str
    place: Place
    people: float
    """Threatened; 0 where no figure is written."""


async def coverage(db: Db, ask: Question) -> dict[str, Any]:
    """The answer of `GET /api/coverage` (the API's description has its shape)."""
    async with moment(db):
        starts = await _starts(db, ask)
        targets = await _targets(db, ask)
        times = await _times(db, ask, starts, targets)
        missed = _late(times, ask.limit)
        listed = _worst_first(targets, missed, times)[:MOST_LISTED]
        told = await _features(db, ask, [targets[n] for n in listed])
        answer: dict[str, Any] = {
            "layer": ask.layer.id,
            "starts": len(starts),
            "profile": ask.profile,
            "conditions": ask.conditions,
            "seconds": sorted(ask.seconds),
            "targets": _summed(targets, times, ask.seconds)
            | {
                "unreached": [_with_time(told[targets[n].id], targets[n], times[n]) for n in listed]
            },
            "notes": _notes(ask, len(starts), int(missed.sum())),
            "asked_at": datetime.now(_CHINA).isoformat(timespec="seconds"),
        }
        if ask.area:
            answer["area"] = _collection(await _reach(db, ask, starts))
        if ask.also:
            answer["gained"] = await _gained(db, ask, targets, times)
    return answer


async def sites(db: Db, ask: Question, more: int) -> dict[str, Any]:
    """Where `more` should stand so that most (people, or targets) are reached that are not now.

    Candidates are the villages; what `also` names counts as standing already. The choice is the
    best of all choices (a maximal covering problem solved by HiGHS); of equals the fewest sites.
    """
    async with moment(db):
        starts = [*await _starts(db, ask), *ask.also]
        targets = await _targets(db, ask)
        times = await _times(db, ask, starts, targets)
        missed = np.flatnonzero(_late(times, ask.limit))
        candidates, cut = await _candidates(db)
        left = [targets[n] for n in missed]
        reaches = np.zeros((len(candidates), len(left)), dtype=bool)
        if left and candidates:
            places = [c.place for c in candidates]
            reaches = await each_within(
                db, places, [t.place for t in left], ask.limit, **_by(ask), direction="from"
            )
        weights = np.array([_weight(ask, t) for t in left])
        chosen, proved = await anyio.to_thread.run_sync(_best_sites, reaches, weights, more)
        chosen_places = [candidates[n].place for n in chosen]
        bands = await _reach(db, ask, chosen_places) if chosen and ask.area else []
    told, covered = _sites(candidates, left, reaches, chosen)
    after = times.copy()
    after[missed[covered]] = 0.0
    notes = _notes(ask, len(starts), len(left)) + cut
    if len(chosen) < more and left:
        notes.append(f"再多也没有用：{len(chosen)} 处已到达候选位置所能到达的全部{ask.noun}。")
    if not proved:
        notes.append("在限定时间内没有证明这是最好的位置，但可行。")
    return {
        "layer": ask.layer.id,
        "seconds": ask.limit,
        "more": more,
        "weigh": ask.weigh,
        "candidates": len(candidates),
        "before": _summed(targets, times, (ask.limit,)),
        "after": _summed(targets, after, (ask.limit,)),
        "also": [[p.lon, p.lat] for p in ask.also],
        "sites": told,
        "area": _collection(bands),
        "proved": proved,
        "notes": notes,
        "asked_at": datetime.now(_CHINA).isoformat(timespec="seconds"),
    }


def _by(ask: Question) -> dict[str, Any]:
    return {"profile": ask.profile, "conditions": ask.conditions}


_STARTS = """
select ST_X(p), ST_Y(p) from (
    select f.id, ST_PointOnSurface(f.geom) p from {table} f where {where} order by f.id limit {most}
) q order by id"""


async def _starts(db: Db, ask: Question) -> list[Place]:
    query = sql.SQL(_STARTS).format(
        table=sql.Identifier(ask.layer.partition),
        where=ask.where.sql,
        most=sql.Literal(MOST_STARTS + 1),
    )
    rows = await (await db.execute(query, ask.where.values)).fetchall()
    if len(rows) > MOST_STARTS:
        raise BadInput(
            f"符合条件的{ask.layer.noun}超过 {MOST_STARTS:,} 个，请用 where 缩小。",
            code="too_many_starts",
        )
    return [Place(*row) for row in rows]


# A figure that is not a number counts as none.
_FIGURE = """coalesce(case when jsonb_typeof(f.attrs -> {people}) = 'number'
    then (f.attrs ->> {people})::float8 end, 0)"""
_OF_LAYER = """
select f.id, ST_X(p), ST_Y(p), {figure}
from {table} f, lateral (select ST_PointOnSurface(f.geom) p) x
where {where} order by f.id limit {most}"""
_VILLAGES = """
select r.code, ST_X(p), ST_Y(p), coalesce(threatened, 0)
from region r cross join lateral (select ST_PointOnSurface(r.geom) p) x
left join ({risks}) t on t.region_code = r.code
where r.level = 'village' order by r.code limit {most}"""
_RISKS = "select f.region_code, sum({figure}) threatened from {table} f group by 1"


async def _targets(db: Db, ask: Question) -> list[Target]:
    figure = sql.SQL(_FIGURE).format(people=sql.Literal(_PEOPLE))
    most = sql.Literal(MOST_TARGETS + 1)
    if ask.targets is not None:
        query = sql.SQL(_OF_LAYER).format(
            figure=figure,
            table=sql.Identifier(ask.targets.partition),
            where=ask.target_where.sql,
            most=most,
        )
    else:
        risks: sql.Composable = sql.SQL("select null::text region_code, 0 threatened")
        if ask.risks is not None:
            table = sql.Identifier(ask.risks.partition)
            risks = sql.SQL(_RISKS).format(figure=figure, table=table)
        query = sql.SQL(_VILLAGES).format(risks=risks, most=most)
    rows = await (await db.execute(query, ask.target_where.values)).fetchall()
    if len(rows) > MOST_TARGETS:
        raise BadInput(
            f"目标超过 {MOST_TARGETS:,} 个，请用 target_where 缩小。", code="too_many_targets"
        )
    return [Target(row[0], Place(row[1], row[2]), float(row[3])) for row in rows]


async def _times(
    db: Db, ask: Question, starts: Sequence[Place], targets: Sequence[Target]
) -> NDArray[np.float64]:
    """Seconds to each target from whoever is there first; infinite where no road leads."""
    if not targets:
        return np.zeros(0)
    if not starts:
        return np.full(len(targets), np.inf)
    found = await fastest(db, starts, [t.place for t in targets], **_by(ask), direction="from")
    return np.array([np.inf if s is None else s for s in found])


def _late(times: NDArray[np.float64], limit: float) -> NDArray[np.bool_]:
    return ~(times <= limit)


async def _reach(db: Db, ask: Question, starts: Sequence[Place]) -> list[Band]:
    if not starts:
        return []
    return await reach(db, starts, ask.seconds, **_by(ask), direction="from")


async def _gained(
    db: Db, ask: Question, targets: Sequence[Target], times: NDArray[np.float64]
) -> dict[str, Any]:
    """What one more at each of the given places would add, all of them together."""
    more = await _times(db, ask, ask.also, targets)
    together = np.minimum(times, more)
    new = np.flatnonzero(_late(times, ask.limit) & ~_late(together, ask.limit)).tolist()
    faster = int((more < times).sum())
    out = {
        "also": [[p.lon, p.lat] for p in ask.also],
        "targets": len(new),
        "people": _plain(sum(targets[n].people for n in new)),
        "ids": [targets[n].id for n in new],
        "faster": faster,
        "after": _summed(targets, together, ask.seconds),
    }
    if ask.area:
        out["area"] = _collection(await _reach(db, ask, ask.also))
    return out


def _summed(
    targets: Sequence[Target], times: NDArray[np.float64], seconds: Sequence[int]
) -> dict[str, Any]:
    """How many targets and people are reached within each of the times, and not at all by road."""
    people = np.array([t.people for t in targets])
    bands = [
        {
            "seconds": limit,
            "reached": int((times <= limit).sum()),
            "people": _plain(float(people[times <= limit].sum())),
        }
        for limit in sorted(seconds)
    ]
    return {
        "total": len(targets),
        "people": _plain(float(people.sum())),
        "reached": bands[-1]["reached"],
        "people_reached": bands[-1]["people"],
        "bands": bands,
        "no_road": int(np.isinf(times).sum()),
    }


def _worst_first(
    targets: Sequence[Target], missed: NDArray[np.bool_], times: NDArray[np.float64]
) -> list[int]:
    return sorted(
        np.flatnonzero(missed).tolist(),
        key=lambda n: (-targets[n].people, -times[n], str(targets[n].id)),
    )


_TOLD_VILLAGE = """
select r.code, json_build_object('type', 'Feature', 'id', r.code,
    'geometry', ST_AsGeoJSON(ST_PointOnSurface(r.geom), 7)::json,
    'properties', json_build_object('code', r.code, 'name', r.name, 'level', r.level,
        'region_name', p.name))
from region r left join region p on p.code = r.parent_code where r.code = any(%(ids)s)"""


async def _features(
    db: Db, ask: Question, targets: Sequence[Target]
) -> dict[int | str, dict[str, Any]]:
    query = sql.Composed([sql.SQL(_TOLD_VILLAGE)])
    if ask.targets is not None:
        query = sql.SQL(
            "select f.id, {json} from {table} f left join region r on r.code = f.region_code"
            " where f.layer = {layer} and f.id = any(%(ids)s)"
        ).format(
            json=feature_json(ask.targets),
            table=sql.Identifier(ask.targets.partition),
            layer=sql.Literal(ask.targets.id),
        )
    values = {"ids": [t.id for t in targets], "scope": ask.scope}
    return {row[0]: row[1] for row in await (await db.execute(query, values)).fetchall()}


def _with_time(feature: dict[str, Any], target: Target, seconds: float) -> dict[str, Any]:
    fastest_s = round(float(seconds), 1) if np.isfinite(seconds) else None
    more = {"fastest_s": fastest_s, "people": _plain(target.people)}
    return feature | {"properties": feature["properties"] | more}


@dataclass(frozen=True, slots=True)
class _Candidate:
    code: str
    name: str
    place: Place


async def _candidates(db: Db) -> tuple[list[_Candidate], list[str]]:
    """The villages, each by a point inside."""
    rows = await (
        await db.execute(
            "select code, name, ST_X(p), ST_Y(p) from region,"
            " lateral (select ST_PointOnSurface(geom) p) x where level = 'village' order by code"
        )
    ).fetchall()
    made = [_Candidate(code, name, Place(lon, lat)) for code, name, lon, lat in rows]
    if len(made) <= MOST_CANDIDATES:
        return made, [] if made else ["没有载入村（社区）边界，无法给出候选位置。"]
    # Evenly through the codes: villages of every township stay.
    kept = np.unique(np.linspace(0, len(made) - 1, MOST_CANDIDATES).astype(int)).tolist()
    note = f"村（社区）有 {len(made):,} 个，候选位置取其中均匀分布的 {len(kept)} 个。"
    return [made[n] for n in kept], [note]


def _weight(ask: Question, target: Target) -> float:
    """A target without a figure still counts as one."""
    return max(1.0, target.people) if ask.weigh == "people" else 1.0


def _best_sites(
    reaches: NDArray[np.bool_], weights: NDArray[np.float64], more: int
) -> tuple[list[int], bool]:
    """At most `more` rows of `reaches` that together hold the greatest weight of columns.

    Whether it was proved to be the greatest comes with it.
    """
    useful = np.flatnonzero(reaches.any(axis=1))
    held = np.flatnonzero(reaches.any(axis=0))
    if not len(useful):
        return [], True
    matrix = csr_array(reaches[np.ix_(useful, held)].T.astype(np.float64))
    count, many = len(useful), len(held)
    # A site more must be worth something: of equals the fewest.
    price = 0.5 / (more + 1)
    cost = np.append(np.full(count, price), -weights[held])
    within = LinearConstraint(hstack([matrix, -identity(many)]).tocsr(), 0.0, np.inf)
    ones = csr_array(np.append(np.ones(count), np.zeros(many))[None, :])
    found = milp(
        cost,
        constraints=[within, LinearConstraint(ones, 0, more)],
        integrality=np.append(np.ones(count), np.zeros(many)),
        bounds=Bounds(0.0, 1.0),
        options={"time_limit": _SECONDS, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return [], False
    return useful[found.x[:count] > 0.5].tolist(), found.status == 0


def _sites(
    candidates: Sequence[_Candidate],
    left: Sequence[Target],
    reaches: NDArray[np.bool_],
    chosen: Sequence[int],
) -> tuple[list[dict[str, Any]], NDArray[np.int64]]:
    """The sites, each time the one that adds most next; the columns they reach."""
    people = np.array([t.people for t in left])
    covered = np.zeros(len(left), dtype=bool)
    rest = list(chosen)
    told: list[dict[str, Any]] = []
    while rest:
        gains = {n: reaches[n] & ~covered for n in rest}
        best = max(rest, key=lambda n: (people[gains[n]].sum(), gains[n].sum(), -n))
        rest.remove(best)
        covered |= reaches[best]
        site = candidates[best]
        told.append(
            {
                "rank": len(told) + 1,
                "name": site.name,
                "region_code": site.code,
                "lon": round(site.place.lon, 7),
                "lat": round(site.place.lat, 7),
                "alone": _counted(reaches[best], people),
                "gains": _counted(gains[best], people),
                "ids": [left[n].id for n in np.flatnonzero(gains[best]).tolist()],
            }
        )
    return told, np.flatnonzero(covered)


def _counted(which: NDArray[np.bool_], people: NDArray[np.float64]) -> dict[str, Any]:
    return {"targets": int(which.sum()), "people": _plain(float(people[which].sum()))}


def _collection(bands: Sequence[Band]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": b.geometry, "properties": {"seconds": b.seconds}}
            for b in bands
        ],
    }


def _notes(ask: Question, starts: int, missed: int) -> list[str]:
    notes = []
    if not starts:
        notes.append(f"没有符合条件的{ask.layer.noun}，所有目标都到不了。")
    if missed > MOST_LISTED:
        notes.append(f"到不了的有 {missed:,} 个，只列出其中受威胁人数最多的 {MOST_LISTED:,} 个。")
    if ask.targets is None:
        notes.append("每个村（社区）以其范围内的一个点代表；受威胁人数为村内风险点登记数之和。")
    return notes


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
