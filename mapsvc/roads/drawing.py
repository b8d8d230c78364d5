"""Journeys as lines: edges cut at the places, put end to end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from mapsvc.database import Db
from mapsvc.roads.graph import Floats, Graph, Piece
from mapsvc.roads.lines import metres_per_degree


@dataclass(frozen=True, slots=True)
class Stretch:
    """An edge as it is drawn: `line` (n, 2) in WGS-84 degrees, and what it is called."""

    line: Floats
    name: str
    class_: str
    bridge: bool
    tunnel: bool
    roundabout: bool


Stretches = dict[int, Stretch]
"""By the edge's place in the graph."""


async def stretches(db: Db, graph: Graph, trails: Iterable[list[Piece]]) -> Stretches:
    """All edges that the trails use."""
    edges = sorted({piece.edge for trail in trails for piece in trail})
    if not edges:
        return {}
    async with db.cursor(binary=True) as cursor:
        await cursor.execute(
            "select id, ST_AsBinary(geom), coalesce(nullif(name, ''), ref), class,"
            " bridge, tunnel, roundabout from road_edge where id = any(%s)",
            [[graph.first_edge + e for e in edges]],
        )
        rows = await cursor.fetchall()
    lines = shapely.from_wkb([row[1] for row in rows])
    return {
        row[0] - graph.first_edge: Stretch(shapely.get_coordinates(line), *row[2:])
        for row, line in zip(rows, lines, strict=True)
    }


def drawn_line(
    start: tuple[float, float], trail: list[Piece], end: tuple[float, float], seen: Stretches
) -> dict[str, Any]:
    """The whole journey as a GeoJSON LineString, the ways to and from the road included."""
    parts = [np.array([start]), *(part_of(p, seen[p.edge].line) for p in trail), np.array([end])]
    points = np.round(np.concatenate(parts), 7)
    fresh = np.r_[True, (np.diff(points, axis=0) != 0).any(axis=1)]
    kept = points[fresh]
    line = kept if len(kept) > 1 else points[:2]
    return {"type": "LineString", "coordinates": line.tolist()}


def part_of(piece: Piece, line: Floats) -> Floats:
    """The piece's points in the order of travel."""
    if (piece.start, piece.end) == (0.0, 1.0):
        return line
    if (piece.start, piece.end) == (1.0, 0.0):
        return line[::-1]
    east, north = metres_per_degree(line[:, 1].mean(keepdims=True))
    along = np.r_[0.0, np.hypot(*(np.diff(line, axis=0) * (east[0], north[0])).T).cumsum()]
    low, high = sorted((piece.start * along[-1], piece.end * along[-1]))
    inner = line[(along > low) & (along < high)]
    ends = [[np.interp(at, along, line[:, k]) for k in (0, 1)] for at in (low, high)]
    part = np.vstack([ends[0], inner, ends[1]])
    return part if piece.start <= piece.end else part[::-1]
