"""One file with a whole county in it: the map page, its code, every feature, its own base map.

The file opens from a disk without a network. The page is the map page; where that asks the
server, this one asks what lies in the file.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from mapsvc import county, features, ground, overview, regions, tiles
from mapsvc.catalog import Catalog, Layer
from mapsvc.database import Db
from mapsvc.maps.offline import page
from mapsvc.search_text import search_texts
from mapsvc.settings import Settings
from mapsvc.tiles.address import containing

GROUND_BYTES = 8_000_000
"""The base map is as fine as fits into this; closer views enlarge it."""
DEEPEST_GROUND = 13
_AT_ONCE = 5000
_NOBODY = "-"
"""No region has this code, so nothing personal is readable from it."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The file's content, the features in it by layer, the zoom its base map reaches."""

    html: bytes
    counts: dict[str, int]
    ground_zoom: int


async def whole_map(
    db: Db,
    catalog: Catalog,
    settings: Settings,
    symbols: dict[str, Any],
    *,
    personal: bool = False,
) -> Exported:
    """The county as the database stands at one moment; personal values masked unless asked for."""
    async with db.transaction():
        await db.execute("set transaction isolation level repeatable read, read only")
        found = {layer.id: await _features(db, layer, personal=personal) for layer in catalog}
        about = await _about(db)
        bounds = about["county"]["bounds"]
        base, deepest = await _ground(db, bounds) if bounds else ({}, 0)
        layers = await features.summaries(db, catalog, await overview.stale_now(db, catalog))
        data = {
            "about": about,
            "layers": layers,
            "symbols": symbols,
            "personal": personal,
            "regions": {
                level: msgspec.Raw(await regions.outlines(db, level, None))
                for level in ("county", "township")
            },
            "places": await regions.places(db),
            "features": found,
            "ground": base,
            "ground_zoom": deepest,
        }
    html = page(catalog, settings, msgspec.json.encode(data).decode()).encode()
    return Exported(html, {i: len(f["features"]) for i, f in found.items()}, deepest)


async def _about(db: Db) -> dict[str, Any]:
    """What the map page is told about the county, its relief in the answer itself."""
    territory = await regions.overview(db)
    bounds = await ground.relief_bounds(db)
    png = await ground.relief_picture(db)
    relief = None
    if bounds and png:
        picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        relief = {"url": picture, "bounds": bounds}
    return {
        "title": await county.read(db, county.TITLE) or territory["name"] or "县域",
        "demo": await county.is_demo(db),
        "county": territory,
        "relief": relief,
        "basemaps": [],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


async def _features(db: Db, layer: Layer, *, personal: bool) -> dict[str, Any]:
    """All features of a layer as GeoJSON, and beside each what it is found by."""
    texts: list[str] = []
    after: int | None = 0
    scope = None if personal else _NOBODY
    while after is not None:
        some, _, after = await features.page(db, layer, after=after, limit=_AT_ONCE, scope=scope)
        texts += some
    heads = [msgspec.json.decode(text, type=_Head).properties for text in texts]
    return {
        "features": [msgspec.Raw(text.encode()) for text in texts],
        "search": search_texts([h.name for h in heads], [h.code for h in heads]),
    }


class _Names(msgspec.Struct):
    name: str
    code: str | None = None


class _Head(msgspec.Struct):
    properties: _Names


async def _ground(db: Db, bounds: list[float]) -> tuple[dict[str, str], int]:
    """The base map's tiles over the county by `z/x/y`, and the zoom to which they reach."""
    west, south, east, north = bounds
    found: dict[str, str] = {}
    size = 0
    for z in range(DEEPEST_GROUND + 1):
        (left, top), (right, bottom) = containing(west, north, z), containing(east, south, z)
        level = {}
        for x in range(left, right + 1):
            for y in range(top, bottom + 1):
                body = await tiles.ground(db, z, x, y)
                size += len(body)
                if size > GROUND_BYTES:
                    return found, z - 1
                if body:
                    level[f"{z}/{x}/{y}"] = base64.b64encode(body).decode()
        found |= level
    return found, DEEPEST_GROUND
