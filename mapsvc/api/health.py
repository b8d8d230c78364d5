"""Is the process alive, and can it serve?"""

from typing import Any

from fastapi import APIRouter, Response

from mapsvc import county
from mapsvc.api.service import Serves
from mapsvc.database import connection
from mapsvc.errors import DatabaseUnavailable

router = APIRouter(tags=["运行状态"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """进程存活。"""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(serves: Serves, response: Response) -> dict[str, Any]:
    """数据库、库结构、图层是否就绪。"""
    try:
        async with connection(serves.pool) as db:
            faults = await county.faults(db, serves.catalog)
    except DatabaseUnavailable as away:
        faults = [away.detail]
    response.status_code = 503 if faults else 200
    return {"status": "unavailable" if faults else "ok", "faults": faults}
