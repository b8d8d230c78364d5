"""The county in figures."""

from datetime import datetime

import msgspec
from fastapi import APIRouter, Response

from mapsvc.api.layers import moment
from mapsvc.api.service import Serves, Who

router = APIRouter(prefix="/api", tags=["图层"])


@router.get("/overview")
async def overview(serves: Serves, _: Who, as_of: datetime | None = None) -> Response:
    """全县数字：各图层按等级、按乡镇的数量、过期数和最近核实时间；as_of 取过去某一时刻。"""
    body = msgspec.json.encode(await serves.overview.figures(moment(as_of)))
    return Response(body, media_type="application/json")
