"""Regions over a box as a province has them: counties of 60 km, townships, villages, posts.

Points are drawn in a plain grid and bent together with the borders, so that every point's village
is known and borders have many corners (about 125 a village) without a gap.
"""

from collections.abc import Iterator

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

COUNTY = 0.6
"""Degrees a side; 6 townships a side, 3 villages a side in each."""
_SIDE = {"county": 1, "township": 6, "village": 18}
_CORNERS = 31
"""Along one side of a village."""
_BEND = 0.006

Spots = NDArray[np.float64]


def bent(spots: Spots) -> Spots:
    x, y = spots[:, 0], spots[:, 1]
    return np.column_stack([x + _BEND * np.sin(40 * y), y + _BEND * np.sin(40 * x)])


def village_of(spots: Spots, box: tuple[float, ...]) -> list[str]:
    """Codes of the villages that hold the plain spots."""
    step = COUNTY / _SIDE["village"]
    most = round((box[2] - box[0]) / step) - 1
    cell = np.clip(((spots - box[:2]) / step).astype(int), 0, most)
    return [_code("village", x, y) for x, y in cell.tolist()]


def _code(level: str, x: int, y: int) -> str:
    """The code of a cell of a level's grid."""
    a = _SIDE[level]
    county = f"{x // a:02d}{y // a:02d}99"[:6] if level != "county" else f"{x:02d}{y:02d}99"
    if level == "county":
        return county
    inner = a // 6
    tx, ty = x % a // inner, y % a // inner
    township = f"{county}{tx * 6 + ty:03d}"
    if level == "township":
        return township
    return f"{township}{x % inner * inner + y % inner:03d}"


def _areas(box: tuple[float, ...]) -> Iterator[tuple[str, str, list[str], bytes]]:
    """Code, level, path, border as WKB."""
    counties = round((box[2] - box[0]) / COUNTY)
    for level, a in _SIDE.items():
        step = COUNTY / a
        many = counties * a
        corners = _CORNERS * _SIDE["village"] // a
        share = np.arange(corners) / corners
        ring = np.concatenate(
            [
                np.column_stack([share, 0 * share]),
                np.column_stack([0 * share + 1, share]),
                np.column_stack([1 - share, 0 * share + 1]),
                np.column_stack([0 * share, 1 - share]),
            ]
        )
        for x in range(many):
            for y in range(many):
                code = _code(level, x, y)
                path = [code[:n] for n in (6, 9, 12) if n <= len(code)]
                spots = bent((ring + np.array([x, y])) * step + box[:2])
                yield code, level, path, shapely.to_wkb(shapely.Polygon(spots))


def settle(db: psycopg.Connection, box: tuple[float, ...]) -> int:
    """The regions, and a command post in each; how many villages."""
    areas = list(_areas(box))
    db.execute("create temp table area (code text, level text, path text[], geom bytea)")
    with db.cursor() as cursor, cursor.copy("copy area from stdin (format binary)") as copy:
        copy.set_types(["text", "text", "text[]", "bytea"])
        for area in areas:
            copy.write_row(area)
    db.execute(
        "insert into region (code, name, level, parent_code, path, search, geom)"
        " select code, '演示' || code, level, path[cardinality(path) - 1], path, '',"
        " ST_Multi(ST_SetSRID(ST_GeomFromWKB(geom), 4326)) from area order by cardinality(path)"
    )
    levels = {"village": "村级", "township": "乡镇级", "county": "县级"}
    db.execute(
        "insert into feature (layer, code, name, region_code, township_code, geom, attrs, search,"
        " verified_at) select 'command_posts', 'Z' || code, '演示岗位' || code, code,"
        " coalesce(path[2], ''), ST_PointOnSurface(geom), jsonb_build_object('level',"
        " %s::jsonb ->> level, 'holder', '王某某', 'holder_phone', '19900000000',"
        " 'duty_phone', '0990-1234567', 'on_duty', true), '', current_date from region",
        [Jsonb(levels)],
    )
    return sum(area[1] == "village" for area in areas)
