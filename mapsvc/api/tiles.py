"""Vector tiles."""

from datetime import datetime

from fastapi import APIRouter, Response

from mapsvc import tiles
from mapsvc.api.layers import moment
from mapsvc.api.service import Database, Serves, Who

router = APIRouter(prefix="/tiles", tags=["瓦片"])
MVT = "application/vnd.mapbox-vector-tile"


@router.get("/base/{z}/{x}/{y}.mvt")
async def ground(z: int, x: int, y: int, db: Database, _: Who) -> Response:
    """县域底图：行政区、水系、林地、道路。"""
    body = await tiles.ground(db, z, x, y)
    return Response(body, media_type=MVT, headers={"Cache-Control": "private, max-age=600"})


@router.get("/{layer}/{z}/{x}/{y}.mvt")
async def points(
    layer: str,
    z: int,
    x: int,
    y: int,
    serves: Serves,
    db: Database,
    _: Who,
    as_of: datetime | None = None,
    v: int | None = None,
) -> Response:
    """一个图层的点；低级别按格网汇总，总数不丢。v 为图层版本，带上即可长期缓存。"""
    body = await tiles.points(db, serves.catalog.layer(layer), z, x, y, moment(as_of))
    keep = "private, no-cache" if v is None else "private, max-age=86400"
    return Response(body, media_type=MVT, headers={"Cache-Control": keep})
