"""Vector tiles."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mapsvc.api.layers import moment
from mapsvc.api.service import Serves, Who
from mapsvc.tiles import Tile

router = APIRouter(prefix="/tiles", tags=["瓦片"])
MVT = "application/vnd.mapbox-vector-tile"


@router.get("/base/{z}/{x}/{y}.mvt")
async def ground(z: int, x: int, y: int, request: Request, serves: Serves, _: Who) -> Response:
    """县域底图：行政区、水系、林地、道路。"""
    tile = await serves.tiles.ground(z, x, y)
    return _answer(tile, "private, max-age=600", request)


@router.get("/{layer}/{z}/{x}/{y}.mvt")
async def points(
    layer: str,
    z: int,
    x: int,
    y: int,
    request: Request,
    serves: Serves,
    _: Who,
    as_of: datetime | None = None,
    v: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """一个图层的点；低级别按格网汇总，总数不丢。v 为图层版本，带上即可长期缓存。"""
    tile = await serves.tiles.points(
        serves.catalog.layer(layer), z, x, y, as_of=moment(as_of), version=v
    )
    return _answer(tile, "private, no-cache" if v is None else "private, max-age=86400", request)


def _answer(tile: Tile, keep: str, request: Request) -> Response:
    headers = {"Cache-Control": keep, "ETag": tile.etag}
    if request.headers.get("if-none-match") == tile.etag:
        return Response(status_code=304, headers=headers)
    return Response(tile.body, media_type=MVT, headers=headers)
