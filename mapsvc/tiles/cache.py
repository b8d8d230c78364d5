"""Tiles kept in memory until a change touches them.

A change of few points drops the tiles that hold them, one a zoom; a change of many drops the
layer's. While no changes can be heard nothing is kept. A tile that was being made when a change
came is handed to those who asked before, and made again for the next.
"""

import asyncio
import time
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mapsvc.catalog import Layer
from mapsvc.database import Db, Pool, connection
from mapsvc.errors import DatabaseUnavailable
from mapsvc.tiles import address
from mapsvc.tiles.land import ground
from mapsvc.tiles.marks import points
from mapsvc.walls import MACHINE

MOST_BYTES = 64 * 1024 * 1024
_OVERHEAD = 300
_SETTLED = timedelta(minutes=10)
"""What is older than any transaction no longer changes."""
_GROUND_S = 60.0
# A hair more than the rounding of the places that a change names.
_MARGIN = 1.5e-7

Place = tuple[float, float]
Key = tuple[str, int, int, int, datetime | None]
Make = Callable[[Db], Awaitable[bytes]]


def is_settled(as_of: datetime) -> bool:
    """Is the moment so long ago that what was so then will not be told otherwise?"""
    return as_of < datetime.now(UTC) - _SETTLED


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's bytes and a short digest of them."""

    body: bytes
    etag: str
    made_at: float

    @classmethod
    def of(cls, body: bytes) -> "Tile":
        return cls(body, f'"{zlib.crc32(body):08x}-{len(body):x}"', time.monotonic())


class TileCache:
    """One a process; `heard`, `deaf` and `hearing` are told by who listens to the database."""

    def __init__(self, pool: Pool, past: Pool, most_bytes: int = MOST_BYTES) -> None:
        self._pool = pool
        self._past = past
        self._most = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, Tile] = OrderedDict()
        self._making: dict[Key, asyncio.Task[Tile]] = {}
        self._versions: dict[str, int] = {}
        self._hears = False

    @property
    def holds(self) -> tuple[int, int]:
        """How many tiles are kept, and how many bytes they take."""
        return len(self._kept), self._bytes

    def hearing(self, versions: dict[str, int]) -> None:
        """From now on every change is told; these are the layers' versions."""
        self._versions = dict(versions)
        self._hears = True

    def deaf(self) -> None:
        """Changes may be missed: what is kept cannot be trusted."""
        self._hears = False
        self._kept.clear()
        self._making.clear()
        self._bytes = 0

    def heard(self, layer_id: str, version: int, places: Iterable[Place] | None) -> None:
        """A layer has changed, at these places (WGS-84) or, for None, anywhere."""
        self._versions[layer_id] = max(version, self._versions.get(layer_id, 0))
        if places is None:
            for key in [
                k for k in (*self._kept, *self._making) if k[0] == layer_id and k[4] is None
            ]:
                self._drop(key)
            return
        for lon, lat in places:
            for z in range(address.DEEPEST + 1):
                corners = {
                    address.containing(lon + dx, lat + dy, z)
                    for dx in (-_MARGIN, _MARGIN)
                    for dy in (-_MARGIN, _MARGIN)
                }
                for x, y in corners:
                    self._drop((layer_id, z, x, y, None))

    async def points(
        self,
        layer: Layer,
        z: int,
        x: int,
        y: int,
        *,
        as_of: datetime | None = None,
        version: int | None = None,
    ) -> Tile:
        """The tile of a layer, at least as new as the version that the asker has heard of."""
        address.require(z, x, y)
        key = (layer.id, z, x, y, as_of)

        async def make(db: Db) -> bytes:
            return await points(db, layer, z, x, y, as_of)

        if as_of is not None:
            keep = is_settled(as_of)
        else:
            keep = self._hears and (version or 0) <= self._versions.get(layer.id, 0)
        return await self._get(key, make, keep=keep)

    async def ground(self, z: int, x: int, y: int) -> Tile:
        """The county's base map; what was loaded anew shows within a minute."""
        address.require(z, x, y)
        key = ("", z, x, y, None)

        async def make(db: Db) -> bytes:
            return await ground(db, z, x, y)

        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept.made_at > _GROUND_S:
            self._drop(key)
        return await self._get(key, make, keep=True)

    async def _get(self, key: Key, make: Make, *, keep: bool) -> Tile:
        if not keep:
            return await self._made(key, make)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._fill(key, make))
        # Who asked first may leave; the others still wait for the same tile.
        return await asyncio.shield(making)

    async def _fill(self, key: Key, make: Make) -> Tile:
        try:
            tile = await self._made(key, make)
        finally:
            current = self._making.get(key) is asyncio.current_task()
            if current:
                del self._making[key]
        if current:
            self._keep(key, tile)
        return tile

    async def _made(self, key: Key, make: Make) -> Tile:
        # One plan fits all tiles of today; what a past one costs hangs on its zoom.
        pool = self._pool if key[4] is None else self._past
        try:
            async with connection(pool, MACHINE) as db:
                return Tile.of(await make(db))
        except DatabaseUnavailable:
            # A database that was restarted leaves dead connections behind; the next one lives.
            async with connection(pool, MACHINE) as db:
                return Tile.of(await make(db))

    def _keep(self, key: Key, tile: Tile) -> None:
        self._kept[key] = tile
        self._bytes += len(tile.body) + _OVERHEAD
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body) + _OVERHEAD

    def _drop(self, key: Key) -> None:
        self._making.pop(key, None)
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body) + _OVERHEAD
