"""What a journey depends on at this moment: network, rules, closures in force."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mapsvc.database import Db
from mapsvc.roads.graph import Edges, Graph, Ints, graph_of
from mapsvc.roads.rules import Conditions, Profile, Rules, rules_of


@dataclass(frozen=True, slots=True)
class Shut:
    """A closure in force: what the reader is told, and its edges by their place in the graph."""

    id: int
    told: dict[str, Any]
    edges: Ints

    def touches(self, edges: Collection[int]) -> bool:
        return bool(np.isin(self.edges, list(edges)).any())


@dataclass(frozen=True, slots=True)
class Roads:
    """The network as it is now, for one profile under one set of conditions.

    `top_mps` is the speed that no journey beats, conditions included.
    """

    graph: Graph
    rules: Rules
    profile: Profile
    conditions: Conditions
    closures: tuple[Shut, ...]
    network: dict[str, Any]
    top_mps: float

    @property
    def factor(self) -> float:
        return self.rules.factor(self.conditions)

    def closed(self, only: Collection[int] | None = None) -> Edges:
        """The edges of all closures, or of those with these ids."""
        shut = np.zeros(len(self.graph.length_m), dtype=bool)
        for closure in self.closures:
            if only is None or closure.id in only:
                shut[closure.edges] = True
        return shut


_NOW = """
select n.id, n.loaded_at, n.edges, n.source, n.light_mps, n.truck_mps,
    (select value from setting where key = 'travel'),
    (select coalesce(json_agg(json_build_object('id', c.id, 'reason', c.reason,
            'starts_at', c.starts_at, 'ends_at', c.ends_at, 'updated_at', c.updated_at)
            order by c.id), '[]'::json)
        from closure c where c.starts_at <= now() and coalesce(c.ends_at > now(), true))
from road_network n order by n.id desc limit 1"""

_TOUCHED = """
select c.id, e.id from closure c join road_edge e on ST_Intersects(e.geom, c.area)
where c.id = any(%s)"""


async def now(db: Db, profile: Profile, conditions: Conditions) -> Roads | None:
    """The roads at this moment; None when no network was ever loaded.

    What follows from them must be asked in the same `database.moment`: a network may be replaced.
    """
    row = await (await db.execute(_NOW)).fetchone()
    if row is None:
        return None
    number, loaded_at, edges, source, light_mps, truck_mps, own, told = row
    rules = rules_of(own)
    graph = await graph_of(db, number, loaded_at)
    top_mps = max(light_mps if profile == "light" else truck_mps, rules.offroad_mps)
    return Roads(
        graph,
        rules,
        profile,
        conditions,
        await _shut(db, graph, told),
        {"loaded_at": _iso(loaded_at), "edges": edges, "source": source},
        top_mps / rules.factor(conditions),
    )


async def _shut(db: Db, graph: Graph, told: list[dict[str, Any]]) -> tuple[Shut, ...]:
    """The closures with their edges; a closure that has not changed is not laid over again."""
    keys = {c["id"]: (int(c["id"]), c.pop("updated_at")) for c in told}
    known = {n: graph.closed_by[key] for n, key in keys.items() if key in graph.closed_by}
    new = [number for number in keys if number not in known]
    if new:
        touched: dict[int, list[int]] = {number: [] for number in new}
        for number, edge in await (await db.execute(_TOUCHED, [new])).fetchall():
            touched[number].append(edge - graph.first_edge)
        if len(graph.closed_by) > 1000:
            graph.closed_by.clear()
        for number, edges in touched.items():
            known[number] = graph.closed_by[keys[number]] = np.array(sorted(edges), dtype=np.int32)
    return tuple(Shut(c["id"], c, known[c["id"]]) for c in told)


def _iso(moment: datetime) -> str:
    return moment.isoformat()
