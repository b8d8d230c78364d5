"""OpenStreetMap data as it was drawn: the ways that carry vehicles, and the banned turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osmium

from mapsvc.errors import BadInput

CLASSES = frozenset(
    (
        *("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified"),
        *("motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"),
        *("residential", "living_street", "service", "track"),
    )
)
_ACCESS = ("motorcar", "motor_vehicle", "vehicle", "access")
_CLOSED = ("no", "private")
_BLOCKS = ("bollard", "block", "jersey_barrier", "debris", "log", "cycle_barrier", "planter")
Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Way:
    """One road way: node ids in order, where each stands (lon, lat), and the tags.

    A node that the file does not hold has None for its place.
    """

    id: int
    nodes: tuple[int, ...]
    spots: tuple[Spot | None, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ban:
    """A turn restriction: `only` allows nothing but from → to, else from → to is what is banned."""

    from_ways: tuple[int, ...]
    via: int
    to_ways: tuple[int, ...]
    only: bool


@dataclass(slots=True)
class Drawn:
    """What a file holds of roads."""

    ways: list[Way] = field(default_factory=list)
    bans: list[Ban] = field(default_factory=list)
    barred: set[int] = field(default_factory=set)
    """Nodes that no vehicle passes: bollards, blocks, gates that are closed to it."""
    bans_left_out: int = 0
    """Restrictions over via ways, for some hours or for other vehicles only, or incomplete."""


def read(path: Path) -> Drawn:
    """The roads of a file (`.osm`, `.osm.gz`, `.osm.pbf`); raises BadInput."""
    reader = _Reader()
    # Untagged nodes, nearly all of a file, never come to Python.
    tagged = osmium.filter.EmptyTagFilter()
    tagged.enable_for(osmium.osm.NODE)
    try:
        for thing in osmium.FileProcessor(str(path)).with_locations().with_filter(tagged):
            if isinstance(thing, osmium.osm.Way):
                reader.way(thing)
            elif isinstance(thing, osmium.osm.Node):
                reader.node(thing)
            elif isinstance(thing, osmium.osm.Relation):
                reader.relation(thing)
    except (RuntimeError, ValueError) as broken:
        raise BadInput(
            f"无法读取 {path.name}：{broken}。请提供 .osm、.osm.gz 或 .osm.pbf 文件。"
        ) from None
    return reader.drawn


class _Reader:
    def __init__(self) -> None:
        self.drawn = Drawn()

    def node(self, node: Any) -> None:
        tags = node.tags
        if "barrier" not in tags or tags.get("emergency") in ("yes", "designated"):
            return
        access = next((tags[key] for key in _ACCESS if key in tags), "")
        if access in _CLOSED or (tags["barrier"] in _BLOCKS and not access):
            self.drawn.barred.add(node.id)

    def way(self, way: Any) -> None:
        if way.tags.get("highway") not in CLASSES or way.tags.get("area") == "yes":
            return
        nodes, spots = [], []
        for n in way.nodes:
            nodes.append(n.ref)
            spots.append((n.lon, n.lat) if n.location.valid() else None)
        if len(nodes) > 1:
            tags = {tag.k: tag.v for tag in way.tags}
            self.drawn.ways.append(Way(way.id, tuple(nodes), tuple(spots), tags))

    def relation(self, relation: Any) -> None:
        tags = relation.tags
        if tags.get("type") != "restriction":
            return
        kind = tags.get("restriction", "")
        spared = set(tags.get("except", "").replace(" ", "").split(";"))
        members = [(m.role, m.type, m.ref) for m in relation.members]
        starts = tuple(ref for role, type_, ref in members if (role, type_) == ("from", "w"))
        ends = tuple(ref for role, type_, ref in members if (role, type_) == ("to", "w"))
        via = [ref for role, type_, ref in members if (role, type_) == ("via", "n")]
        through_way = any((role, type_) == ("via", "w") for role, type_, _ in members)
        usable = kind.startswith(("no_", "only_")) and starts and ends and len(via) == 1
        if not usable or through_way or spared & {"motorcar", "motor_vehicle", "vehicle"}:
            self.drawn.bans_left_out += 1
            return
        self.drawn.bans.append(Ban(starts, via[0], ends, kind.startswith("only_")))
