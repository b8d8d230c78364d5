"""A road network read and travelled by other code than ours: the reference of the road tests.

It reads the OpenStreetMap XML itself, keeps every drawn segment as an arc, and runs Dijkstra over
networkx. Only the speeds and the metres a segment has are taken as the product states them.
"""

import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import psycopg
import shapely
from pyproj import Geod

GEOD = Geod(ellps="WGS84")
SPEEDS = {
    "motorway": 100,
    "motorway_link": 50,
    "trunk": 70,
    "trunk_link": 45,
    "primary": 60,
    "primary_link": 40,
    "secondary": 50,
    "secondary_link": 35,
    "tertiary": 40,
    "tertiary_link": 30,
    "unclassified": 30,
    "residential": 25,
    "living_street": 15,
    "service": 15,
    "track": 12,
}


@dataclass
class Peer:
    """Segments node to node; `graph` holds the seconds of every one that may be driven."""

    spots: dict[int, tuple[float, float]] = field(default_factory=dict)
    graph: nx.DiGraph = field(default_factory=nx.DiGraph)
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    """Way, from, to."""

    def seconds(self, event: int, direction: str) -> dict[int, float]:
        """Between the event and every node that reaches it (`to`) or is reached (`from`)."""
        graph = self.graph.reverse(copy=False) if direction == "to" else self.graph
        return dict(nx.single_source_dijkstra_path_length(graph, event, weight="s"))


def read(path: Path) -> Peer:
    """The light vehicle's network of an .osm file."""
    root = ET.parse(path).getroot()
    peer = Peer()
    for node in root.iter("node"):
        peer.spots[int(node.get("id"))] = (float(node.get("lon")), float(node.get("lat")))
    ways = [(int(w.get("id")), w) for w in root.iter("way")]
    best: dict[tuple[int, int], float] = defaultdict(lambda: float("inf"))
    for number, way in ways:
        tags = {t.get("k"): t.get("v") for t in way.iter("tag")}
        if tags.get("highway") not in SPEEDS or tags.get("access") in ("no", "private"):
            continue
        nodes = [int(n.get("ref")) for n in way.iter("nd")]
        speed = float(tags.get("maxspeed") or SPEEDS[tags["highway"]])
        oneway = tags.get("oneway", "")
        if not oneway and (tags.get("junction") == "roundabout" or tags["highway"] == "motorway"):
            oneway = "yes"
        for a, b in pairwise(nodes):
            peer.segments.append((number, a, b))
            _, _, metres = GEOD.inv(*peer.spots[a], *peer.spots[b])
            seconds = metres / (speed / 3.6)
            if oneway != "-1":
                best[a, b] = min(best[a, b], seconds)
            if oneway in ("", "no", "-1"):
                best[b, a] = min(best[b, a], seconds)
    peer.graph.add_nodes_from(peer.spots)
    peer.graph.add_weighted_edges_from(((a, b, s) for (a, b), s in best.items()), weight="s")
    return peer


def from_rows(db: psycopg.Connection, shut: shapely.Geometry) -> Peer:
    """The stored network without the edges that `shut` touches, as shapely sees it."""
    peer = Peer()
    peer.spots = {n: (x, y) for n, x, y in db.execute("select id, lon, lat from road_node")}
    wkb = dict(db.execute("select id, ST_AsBinary(geom) from road_edge").fetchall())
    touched = shapely.intersects(shapely.from_wkb([bytes(b) for b in wkb.values()]), shut)
    closed = {edge for edge, hit in zip(wkb, touched.tolist(), strict=True) if hit}
    peer.graph.add_nodes_from(peer.spots)
    for edge, a, b, s in db.execute("select edge, source, target, light_s from road_arc"):
        if edge in closed or s == float("inf"):
            continue
        peer.segments.append((edge, a, b))
        if s < peer.graph.get_edge_data(a, b, {"s": float("inf")})["s"]:
            peer.graph.add_edge(a, b, s=s)
    return peer


def random_nodes(peer: Peer, count: int, seed: int) -> list[int]:
    used = sorted({n for _, a, b in peer.segments for n in (a, b)})
    return np.random.default_rng(seed).choice(used, count).tolist()
