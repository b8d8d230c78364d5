"""A typed coordinate, read."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from mapsvc import regions
from mapsvc.api.service import Database, Who
from mapsvc.coordinates import read_typed

router = APIRouter(prefix="/api/coordinates", tags=["坐标"])


@router.get("")
async def read(
    _: Who,
    db: Database,
    text: Annotated[str, Query(max_length=240, description="一个位置：经纬度、度分秒或平面坐标")],
    crs: Annotated[
        str,
        Query(
            max_length=40,
            description="wgs84、cgcs2000、gcj02、bd09、EPSG:编号；"
            "gauss 为国家2000 平面坐标，按本县所在带换算",
        ),
    ] = "wgs84",
) -> dict[str, Any]:
    """读一个手写的坐标，换算为 WGS-84；有几种可能时都列出，最可能的在前。"""
    territory = await regions.overview(db)
    return {"places": [asdict(p) for p in read_typed(text, crs, territory["bounds"])]}
