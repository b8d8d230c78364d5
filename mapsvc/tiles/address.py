"""Where a tile is: web mercator, rows from the north."""

import math

from mapsvc.errors import BadInput

DEEPEST = 22


def require(z: int, x: int, y: int) -> None:
    """Raises BadInput where there is no such tile."""
    if not (0 <= z <= DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z):
        raise BadInput(f"没有这块瓦片：{z}/{x}/{y}。级别 0 至 {DEEPEST}，行列号须在该级范围内。")


def edges(z: int, x: int, y: int) -> dict[str, float]:
    """The tile's edges in degrees; neighbours get the very same number for the edge they share."""
    across = float(2**z)

    def lon(column: int) -> float:
        return column / across * 360 - 180

    def lat(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / across))))

    return {"west": lon(x), "east": lon(x + 1), "north": lat(y), "south": lat(y + 1)}


def containing(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile of a zoom that holds a place, as the database reckons it."""
    radians = math.radians(min(max(lat, -85.06), 85.06))
    down = (1 - math.log(math.tan(math.pi / 4 + radians / 2)) / math.pi) / 2
    last = 2**z - 1
    return (
        min(max(math.floor((lon + 180) / 360 * 2**z), 0), last),
        min(max(math.floor(down * 2**z), 0), last),
    )


def number(x: int, y: int) -> int:
    """The bits of column and row in turn, as the squares of `feature_cell` are numbered."""
    found = 0
    for bit in range(DEEPEST):
        found |= (x >> bit & 1) << 2 * bit | (y >> bit & 1) << 2 * bit + 1
    return found
