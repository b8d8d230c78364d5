"""The county's own base map: roads, rivers, water, forest as geometry, the relief as a picture."""

from collections.abc import Iterable
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from mapsvc.database import Db


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
