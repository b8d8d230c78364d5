"""GPX: waypoints as points; tracks and routes as lines, each a row, so that none is lost."""

from collections.abc import Iterator
from typing import Any

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.kml import Position, keep, line, point
from mapsvc.ingest.markup import local, steps, words
from mapsvc.ingest.wire import Limits, Message, Refused, SheetStart

_ROWS = ("wpt", "trk", "rte")
_POINTS = ("trkpt", "rtept")
_NESTED = ("trkseg", "rtept", "link")


def gpx(text: str, limits: Limits) -> Iterator[Message]:
    """One sheet: row 0 is the column names, the n-th waypoint, track or route is row n."""
    names: dict[str, None] = {"name": None}
    rows: list[dict[str, str]] = []
    shapes: list[bytes] = [b""]
    for event, tag, element in steps(text):
        if event == "start" or tag not in _ROWS:
            continue
        if len(rows) >= limits.rows:
            raise Refused("too_many_rows", limit=limits.rows)
        rows.append(_values(element))
        names |= dict.fromkeys(rows[-1])
        at = [p for e in element.iter() if local(e.tag) in _POINTS for p in _position(e)]
        shapes.append(line(at) if tag != "wpt" else point(_position(element)))
        element.clear()
    if len(names) > limits.columns:
        raise Refused("too_many_columns", limit=limits.columns)
    yield SheetStart(name="", visible=True, crs="EPSG:4326", shapes=True)
    table = [list(names), *([row.get(name, "") for name in names] for row in rows)]
    yield from blocks(enumerate(table), limits, iter(shapes))


def _values(element: Any) -> dict[str, str]:
    values: dict[str, str] = {}
    for child in element:
        inner = list(child.iter())[1:] if local(child.tag) == "extensions" else [child]
        for leaf in inner:
            if not len(leaf) and local(leaf.tag) not in _NESTED and words(leaf):
                keep(values, local(leaf.tag), words(leaf))
    return values


def _position(element: Any) -> list[Position]:
    try:
        return [(float(element.get("lon", "")), float(element.get("lat", "")))]
    except ValueError:
        return []
