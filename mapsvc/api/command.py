"""The chain of command: as a tree, and for a place from the village up."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from mapsvc import command
from mapsvc.api.service import Database, Serves, Who
from mapsvc.errors import OutsideWorld

router = APIRouter(prefix="/api/command", tags=["指挥体系"])


@router.get("/tree")
async def tree(serves: Serves, db: Database, who: Who) -> dict[str, Any]:
    """指挥体系树：县、乡镇、村各岗位及其下级；上级编号有误的另列。"""
    return await command.tree(db, serves.catalog.layer(command.LAYER), who.sees_personal)


@router.get("/chain")
async def chain(
    serves: Serves,
    db: Database,
    who: Who,
    lon: Annotated[float, Query(allow_inf_nan=False)],
    lat: Annotated[float, Query(allow_inf_nan=False)],
) -> dict[str, Any]:
    """一处地点的指挥链：从村到县，依次通知谁、电话、是否在岗。"""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutsideWorld(
            "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
        )
    return await command.chain(
        db, serves.catalog.layer(command.LAYER), round(lon, 7), round(lat, 7), who.sees_personal
    )
