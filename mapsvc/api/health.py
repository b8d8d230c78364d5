"""Is the process alive, and can it serve?"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from mapsvc import county, health
from mapsvc.access import Identity
from mapsvc.api import doors
from mapsvc.api.service import Serves, identity, service, token_of
from mapsvc.database import connection
from mapsvc.errors import DatabaseUnavailable

router = APIRouter(tags=["运行状态"])
_PATIENCE_S = 3.0


async def _keeper(request: Request) -> Identity:
    """Who is asking, if it is somebody who keeps the service running; else Forbidden.

    With the database away, whoever was known to this process before: that is when it is needed.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            person = await identity(request)
    except (TimeoutError, DatabaseUnavailable):
        token = token_of(request)
        known = service(request).sessions.remembered(token) if token else None
        if known is None:
            raise DatabaseUnavailable(
                "暂时连不上数据库，无法核对您的身份。请在服务器上查看数据库是否运行。"
            ) from None
        person = known
        doors.require_open(request, person)
    person.require("reads_health")
    return person


Keeper = Annotated[Identity, Depends(_keeper)]


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


@router.get("/api/health")
async def report(serves: Serves, _: Keeper) -> dict[str, Any]:
    """系统状态：需要处理的事项，数据库、磁盘、备份、图层、核实责任、行政区、路网、作业。"""
    return await health.report(
        health.Watched(
            settings=serves.settings,
            catalog=serves.catalog,
            pool=serves.pool,
            overview=serves.overview,
            feed=serves.feed,
            tiles=serves.tiles,
        )
    )
