"""What is nearest."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from mapsvc import proximity
from mapsvc.api.service import Serves, Who
from mapsvc.coordinates import to_wgs84
from mapsvc.database import connection
from mapsvc.errors import BadInput, OutsideWorld

router = APIRouter(prefix="/api", tags=["就近查询"])


@router.get("/nearest")
async def nearest(
    serves: Serves,
    who: Who,
    lon: float,
    lat: float,
    layers: Annotated[str, Query(max_length=1000)] = "",
    k: Annotated[int, Query(ge=1, le=proximity.MOST)] = 5,
    max_m: Annotated[float | None, Query(gt=0, le=50_000_000, allow_inf_nan=False)] = None,
    mode: Literal["line", "road"] = "line",
    crs: Annotated[str, Query(max_length=20)] = "wgs84",
    where: str | None = None,
) -> Response:
    """离一点最近的要素，每个图层 k 个，由近到远；距离为椭球面上的米。"""
    if mode == "road":
        raise BadInput(
            "路网查询尚不可用，请用 mode=line 查询直线距离。", code="road_mode_unavailable"
        )
    if where is not None:
        raise BadInput("条件筛选（where）尚不可用，请去掉该参数。", code="where_unavailable")
    if crs != "wgs84":
        lon, lat = (float(v) for v in to_wgs84(lon, lat, crs))
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutsideWorld("坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查是否写反。")
    names = dict.fromkeys(n.strip() for n in layers.split(",") if n.strip()) or serves.catalog.ids
    wanted = tuple(serves.catalog.layer(name) for name in names)
    async with connection(serves.pool) as db:
        body = await proximity.nearest(
            db, wanted, lon, lat, k=k, max_m=max_m, scope=who.scope
        )
    return Response(body, media_type="application/json")
