"""Shapes that people draw or programs send: GeoJSON that has been checked.

Hostile until checked: types, numbers, counts, rings that cross themselves. What passes is WGS-84.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from mapsvc.coordinates import to_wgs84
from mapsvc.errors import BadInput, OutsideWorld

MOST_POINTS = 10_000
_DEPTHS = {
    "Point": 0,
    "LineString": 1,
    "MultiPoint": 1,
    "Polygon": 2,
    "MultiLineString": 2,
    "MultiPolygon": 3,
}
"""Lists around each position."""


def drawn(
    geometry: Any, *, kinds: Collection[str] = tuple(_DEPTHS), crs: str = "wgs84"
) -> BaseGeometry:
    """The shape in WGS-84 degrees; BadInput or OutsideWorld says what is wrong with it."""
    kind = str(geometry.get("type")) if isinstance(geometry, dict) else ""
    if kind not in kinds:
        raise BadInput(f"geometry 应是 GeoJSON，类型为 {'、'.join(kinds)}。", code="bad_geometry")
    _check_numbers(geometry.get("coordinates"), _DEPTHS[kind])
    try:
        shape = shapely.force_2d(shapely.geometry.shape(geometry))
    except (shapely.errors.ShapelyError, ValueError, TypeError, IndexError, AttributeError):
        raise BadInput(
            "图形不完整：点数不够或坐标写法有误。请重新绘制。", code="bad_geometry"
        ) from None
    if shape.is_empty:
        raise BadInput("图形是空的，请重新绘制。", code="bad_geometry")
    if shapely.get_num_coordinates(shape) > MOST_POINTS:
        raise BadInput(f"图形的点太多，请简化到 {MOST_POINTS:,} 个以内。", code="bad_geometry")
    if crs != "wgs84":
        shape = shapely.transform(shape, lambda at: _in_wgs84(at, crs))
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise OutsideWorld(
            "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
        )
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        _, found, place = reason.partition("[")
        where = f"（在 {place.rstrip(']')} 附近）" if found else ""
        raise BadInput(
            f"图形自相交或不合规{where}。请重新绘制，边线不要交叉。",
            code="bad_geometry",
        )
    if shape.geom_type.endswith("LineString") and shape.length == 0:
        raise BadInput("线的两端是同一个点，请改用点加半径。", code="bad_geometry")
    return shape


def _in_wgs84(at: NDArray[np.float64], crs: str) -> NDArray[np.float64]:
    xs, ys = to_wgs84(at[:, 0], at[:, 1], crs)
    if not np.isfinite(xs).all():
        raise OutsideWorld("坐标超出所填坐标系的范围。请检查坐标系和坐标的顺序。")
    return np.column_stack([xs, ys])


def _check_numbers(coordinates: Any, depth: int) -> None:
    """Positions, finite, below as many lists as the type has."""
    level: list[Any] = [coordinates]
    for _ in range(depth):
        if not all(isinstance(item, list) and item for item in level):
            break
        level = [i for item in level for i in item]
    if all(isinstance(at, list) and 2 <= len(at) <= 4 for at in level) and all(
        type(n) in (int, float) and abs(n) < 1e9 for at in level for n in at
    ):
        return
    raise BadInput("图形坐标的写法有误，应为 [经度, 纬度] 的数组。", code="bad_geometry")
