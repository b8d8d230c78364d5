"""The county's own base map: roads, rivers, water, forest as geometry, the relief as a picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import osmium
import shapely
from shapely.geometry.base import BaseGeometry

from mapsvc.database import Db
from mapsvc.errors import BadInput

_ROADS = frozenset(
    (
        *("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified"),
        *("motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link"),
        *("residential", "living_street", "service", "track"),
    )
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One line or area of the base map, WGS-84."""

    kind: str
    class_: str
    name: str
    geometry: BaseGeometry
    bridge: bool = False


@dataclass(frozen=True, slots=True)
class Relief:
    """A shaded picture in Web-Mercator rows, with its bounds in WGS-84 degrees."""

    png: bytes
    west: float
    south: float
    east: float
    north: float


def read_roads(path: Path) -> list[Thing]:
    """Road lines of OpenStreetMap data (`.osm`, `.osm.gz`, `.osm.pbf`); raises BadInput."""
    reader = _Roads()
    try:
        reader.apply_file(str(path), locations=True)
    except (RuntimeError, ValueError) as broken:
        raise BadInput(
            f"无法读取 {path.name}：{broken}。请提供 .osm、.osm.gz 或 .osm.pbf 文件。"
        ) from None
    return reader.things


class _Roads(osmium.SimpleHandler):
    def __init__(self) -> None:
        super().__init__()
        self.things: list[Thing] = []

    def way(self, way: Any) -> None:
        class_ = way.tags.get("highway")
        points = [(n.lon, n.lat) for n in way.nodes if n.location.valid()]
        if class_ in _ROADS and len(points) > 1:
            bridge = way.tags.get("bridge", "no") not in ("no", "")
            name = way.tags.get("name") or way.tags.get("ref") or ""
            self.things.append(
                Thing(
                    "road", class_.removesuffix("_link"), name, shapely.LineString(points), bridge
                )
            )


async def replace(db: Db, kinds: Iterable[str], things: Iterable[Thing]) -> int:
    """Put these things in the place of all of those kinds; returns how many."""
    count = 0
    async with db.transaction():
        await db.execute("delete from ground where kind = any(%s)", [list(kinds)])
        async with (
            db.cursor() as cursor,
            cursor.copy('copy ground (kind, "class", name, bridge, geom) from stdin') as copy,
        ):
            for t in things:
                wkb = shapely.to_wkb(
                    shapely.set_srid(t.geometry, 4326), hex=True, include_srid=True
                )
                await copy.write_row((t.kind, t.class_, t.name, t.bridge, wkb))
                count += 1
    return count


async def set_relief(db: Db, relief: Relief) -> None:
    await db.execute(
        "insert into relief (id, png, west, south, east, north)"
        " values ('county', %s, %s, %s, %s, %s)"
        " on conflict (id) do update set png = excluded.png, west = excluded.west,"
        " south = excluded.south, east = excluded.east, north = excluded.north",
        [relief.png, relief.west, relief.south, relief.east, relief.north],
    )


async def relief_bounds(db: Db) -> list[float] | None:
    row = await (await db.execute("select west, south, east, north from relief")).fetchone()
    return list(row) if row else None


async def relief_picture(db: Db) -> bytes | None:
    async with db.cursor(binary=True) as cursor:
        await cursor.execute("select png from relief")
        row = await cursor.fetchone()
    return bytes(row[0]) if row else None
