"""Small road maps drawn by hand, as OpenStreetMap files; metres from a corner, not degrees."""

from dataclasses import dataclass, field
from pathlib import Path

import osmium
from osmium.osm import mutable

from mapsvc.roads import Place

LON, LAT = 111.0, 28.0
EAST, NORTH = 98_355.0, 110_840.0
"""Metres of a degree there."""


@dataclass
class Sketch:
    """Nodes by letter, ways as words of letters, restrictions as (kind, from, via, to)."""

    nodes: dict[str, tuple[float, float]]
    ways: dict[str, dict[str, str]]
    bans: list[tuple[str, str, str, str]] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """Further tags of every restriction."""
    node_tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def at(self, node: str) -> Place:
        x, y = self.nodes[node]
        return Place(round(LON + x / EAST, 7), round(LAT + y / NORTH, 7))

    def write(self, path: Path) -> Path:
        number = {letter: n for n, letter in enumerate(self.nodes, 1)}
        of_way = {word: n for n, word in enumerate(self.ways, 1)}
        path.unlink(missing_ok=True)
        with osmium.SimpleWriter(str(path)) as writer:
            for letter, n in number.items():
                place = self.at(letter)
                writer.add_node(
                    mutable.Node(
                        id=n,
                        version=1,
                        location=(place.lon, place.lat),
                        tags=self.node_tags.get(letter, {}),
                    )
                )
            for word, tags in self.ways.items():
                letters = word.split(":")[0]
                writer.add_way(
                    mutable.Way(
                        id=of_way[word],
                        version=1,
                        nodes=[number[c] for c in letters],
                        tags={"highway": "primary"} | tags,
                    )
                )
            for n, (kind, from_way, via, to_way) in enumerate(self.bans, 1):
                through = ("w", of_way[via]) if via in of_way else ("n", number[via])
                writer.add_relation(
                    mutable.Relation(
                        id=n,
                        version=1,
                        tags={"type": "restriction", "restriction": kind} | self.more,
                        members=[
                            ("w", of_way[from_way], "from"),
                            (*through, "via"),
                            ("w", of_way[to_way], "to"),
                        ],
                    )
                )
        return path
