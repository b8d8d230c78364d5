"""Vector tiles."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from mapsvc.api.direct import checked, parameters
from mapsvc.api.layers import moment
from mapsvc.api.service import Serves, Who, reader, service
from mapsvc.tiles import Tile, is_settled, pack

router = APIRouter(prefix="/tiles", tags=["瓦片"])
MVT = "application/vnd.mapbox-vector-tile"
_GROUND = "private, max-age=600"
Places = Annotated[
    str, Query(max_length=2500, description="列.行，以逗号分隔，例如 825.428,825.429")
]
Moment = Annotated[datetime | None, Query(description="过去的某一时刻")]
Version = Annotated[int | None, Query(ge=0, le=2**62, description="图层版本，带上即可长期缓存")]


@router.get("/base/{z}/{x}/{y}.mvt")
async def ground(z: int, x: int, y: int, request: Request, serves: Serves, _: Who) -> Response:
    """县域底图：行政区、水系、林地、道路。"""
    tile = await serves.tiles.ground(z, x, y)
    return _answer(tile, _GROUND, request)


@router.get("/base/{z}.mvts", response_class=Response)
async def ground_pack(z: int, at: Places, serves: Serves, _: Who) -> Response:
    """县域底图的多块瓦片：依次为四字节长度（高位在前）和瓦片。"""
    return await _pack(pack.packed(pack.places(z, at), partial(serves.tiles.ground, z)), _GROUND)


@router.get("/{layer}/{z}.mvts", response_class=Response)
async def points_pack(
    layer: str,
    z: int,
    at: Places,
    serves: Serves,
    _: Who,
    as_of: Moment = None,
    v: Version = None,
) -> Response:
    """一个图层的多块瓦片：依次为四字节长度（高位在前）和瓦片。"""
    as_of = moment(as_of)
    tile_of = partial(serves.tiles.points, serves.catalog.layer(layer), z, as_of=as_of, version=v)
    return await _pack(pack.packed(pack.places(z, at), tile_of), _keep(v, as_of))


@router.get("/{layer}/{z}/{x}/{y}.mvt")
async def points(
    layer: str,
    z: int,
    x: int,
    y: int,
    request: Request,
    serves: Serves,
    _: Who,
    as_of: Moment = None,
    v: Version = None,
) -> Response:
    """一个图层的点；低级别按格网汇总，总数不丢。"""
    as_of = moment(as_of)
    tile = await serves.tiles.points(serves.catalog.layer(layer), z, x, y, as_of=as_of, version=v)
    return _answer(tile, _keep(v, as_of), request)


class _Ask(BaseModel):
    as_of: datetime | None = None
    v: int | None = Field(None, ge=0, le=2**62)


async def points_directly(request: Request) -> Response:
    """`points`, installed in front of FastAPI's routes: see mapsvc.api.direct."""
    who, serves = await reader(request), service(request)
    place = request.path_params
    z, x, y = place["z"], place["x"], place["y"]
    if place["layer"] == "base":
        return await ground(z, x, y, request, serves, who)
    ask = checked(_Ask, parameters(request))
    return await points(place["layer"], z, x, y, request, serves, who, ask.as_of, ask.v)


def _keep(version: int | None, as_of: datetime | None) -> str:
    stays = version is not None if as_of is None else is_settled(as_of)
    return "private, max-age=86400" if stays else "private, no-cache"


def _answer(tile: Tile, keep: str, request: Request) -> Response:
    headers = {"Cache-Control": keep, "ETag": tile.etag}
    if request.headers.get("if-none-match") == tile.etag:
        return Response(status_code=304, headers=headers)
    return Response(tile.body, media_type=MVT, headers=headers)


async def _pack(chunks: AsyncIterator[bytes], keep: str) -> Response:
    # What fails before the first piece is still answered in words.
    first = await anext(chunks)

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(
        all_of_them(), media_type="application/octet-stream", headers={"Cache-Control": keep}
    )
