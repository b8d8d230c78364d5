"""The road network: what is loaded, and how far one gets in so many minutes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from mapsvc import roads
from mapsvc.api.service import Database, Who
from mapsvc.errors import BadInput, OutsideWorld

router = APIRouter(prefix="/api", tags=["路网"])

MOST_BANDS = 6
LONGEST_S = 4 * 3600


@router.get("/roads")
async def roads_loaded(_: Who, db: Database) -> dict[str, Any]:
    """载入了什么路网（没有则为 null），按什么规则计算用时，可选哪些车型和条件。"""
    return await roads.summary(db)


@router.get("/coverage/rings")
async def rings(
    _: Who,
    db: Database,
    lon: Annotated[float, Query(allow_inf_nan=False)],
    lat: Annotated[float, Query(allow_inf_nan=False)],
    seconds: Annotated[str, Query(max_length=100)] = "300,600,900",
    profile: roads.Profile = "light",
    conditions: roads.Conditions = "day",
    direction: roads.Direction = "to",
) -> dict[str, Any]:
    """按用时分级的面：direction=to 为多少秒内能赶到此处的范围，from 为从此处出发能到的范围。"""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutsideWorld(
            "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
        )
    wanted = bands_of(seconds)
    found = await roads.reach(
        db,
        [roads.Place(lon, lat)],
        wanted,
        profile=profile,
        conditions=conditions,
        direction=direction,
    )
    return {
        "type": "FeatureCollection",
        "origin": [lon, lat],
        "profile": profile,
        "conditions": conditions,
        "direction": direction,
        "features": [
            {"type": "Feature", "geometry": b.geometry, "properties": {"seconds": b.seconds}}
            for b in found
        ],
    }


def bands_of(text: str) -> list[int]:
    """The seconds asked for, from the least."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) <= 6 for part in parts):
        raise BadInput("seconds 应是用逗号分开的秒数，例如 300,600,900。", code="bad_seconds")
    bands = sorted({int(part) for part in parts})
    if not 1 <= len(bands) <= MOST_BANDS or not 60 <= bands[0] <= bands[-1] <= LONGEST_S:
        raise BadInput(
            f"seconds 应有 1 至 {MOST_BANDS} 个，各在 60 至 {LONGEST_S:,} 秒之间。",
            code="bad_seconds",
        )
    return bands
