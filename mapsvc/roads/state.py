"""What a journey depends on at this moment: network, rules, closures in force."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mapsvc.database import Db
from mapsvc.roads.graph import Graph, graph_of
from mapsvc.roads.rules import Conditions, Profile, Rules, rules_of


@dataclass(frozen=True, slots=True)
class Shut:
    """A closure in force: what the reader is told, and its edges by their place in the graph."""

    id: int
    told: dict[str, Any]
    edges: frozenset[int]


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

    def closed(self, only: Collection[int] | None = None) -> frozenset[int]:
        """The edges of all closures, or of those with these ids."""
        chosen = (c.edges for c in self.closures if only is None or c.id in only)
        return frozenset().union(*chosen)


_NOW = """
select n.id, n.loaded_at, n.edges, n.source, n.first_edge, n.light_mps, n.truck_mps,
    (select value from setting where key = 'travel'),
    (select coalesce(json_agg(json_build_object('id', c.id, 'reason', c.reason,
            'starts_at', c.starts_at, 'ends_at', c.ends_at, 'edges', (
                select coalesce(array_agg(e.id), '{}') from road_edge e
                where ST_Intersects(e.geom, c.area))) order by c.id), '[]'::json)
        from closure c
        where c.starts_at <= now() and coalesce(c.ends_at > now(), true))
from road_network n order by n.id desc limit 1"""


async def now(db: Db, profile: Profile, conditions: Conditions) -> Roads | None:
    """The roads at this moment; None when no network was ever loaded."""
    row = await (await db.execute(_NOW)).fetchone()
    if row is None:
        return None
    number, loaded_at, edges, source, first, light_mps, truck_mps, own, closures = row
    rules = rules_of(own)
    told_network = {"loaded_at": _iso(loaded_at), "edges": edges, "source": source}
    return Roads(
        await graph_of(db, number, loaded_at),
        rules,
        profile,
        conditions,
        tuple(Shut(c["id"], c, frozenset(e - first for e in c.pop("edges"))) for c in closures),
        told_network,
        max(light_mps if profile == "light" else truck_mps, rules.offroad_mps)
        / rules.factor(conditions),
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat()
