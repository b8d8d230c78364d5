"""Many tiles of one layer and zoom in one answer: a view is one request, not dozens.

The answer is a run of tiles in the order they were asked for, each after its length as four bytes,
big end first. It is sent as it is made: what is kept goes out at once.
"""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from mapsvc.errors import BadInput
from mapsvc.tiles import address
from mapsvc.tiles.cache import Tile

MOST = 150
_PLACES = re.compile(r"[0-9]{1,7}\.[0-9]{1,7}(,[0-9]{1,7}\.[0-9]{1,7})*")
_LATE_S = 0.02
"""So long a made tile may wait for company."""


def places(z: int, text: str) -> list[tuple[int, int]]:
    """Columns and rows from `825.428,825.429`; raises BadInput."""
    if not _PLACES.fullmatch(text):
        raise BadInput("at 应为以逗号分隔的“列.行”，例如 at=825.428,825.429。")
    found = [(int(x), int(y)) for x, _, y in (one.partition(".") for one in text.split(","))]
    if len(found) > MOST:
        raise BadInput(f"一次最多取 {MOST} 块瓦片，请分次获取。")
    for x, y in found:
        address.require(z, x, y)
    return found


async def packed(
    wanted: list[tuple[int, int]], tile_of: Callable[[int, int], Awaitable[Tile]]
) -> AsyncIterator[bytes]:
    """The bytes of the answer, in a few pieces."""
    ready: list[bytes] = []
    sent = time.monotonic()
    for x, y in wanted:
        body = (await tile_of(x, y)).body
        ready += (len(body).to_bytes(4, "big"), body)
        if time.monotonic() - sent > _LATE_S:
            yield b"".join(ready)
            ready.clear()
            sent = time.monotonic()
    yield b"".join(ready)
