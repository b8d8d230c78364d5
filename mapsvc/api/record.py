"""The record, for the auditor: searched, paged, taken along as a workbook."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Response

from mapsvc import record
from mapsvc.access import Identity
from mapsvc.api.downloads import download
from mapsvc.api.layers import moment
from mapsvc.api.service import Database, Serves, SignedIn

router = APIRouter(prefix="/api", tags=["审计"])
MOST_ROWS = 50_000
"""A workbook of more opens too slowly; narrower questions give the rest."""

Text = Annotated[str | None, Query(max_length=100)]


async def _auditor(who: SignedIn) -> Identity:
    who.require("reads_record")
    return who


Auditor = Annotated[Identity, Depends(_auditor)]


async def _wanted(
    _: Auditor,
    q: Annotated[
        str | None, Query(max_length=100, description="对象、文件、地址、账号的一部分")
    ] = None,
    username: Text = None,
    action: Annotated[
        str | None, Query(max_length=60, description="操作，或它点号之前的一类")
    ] = None,
    layer: Text = None,
    feature: Annotated[int | None, Query(ge=1, le=2**62, description="一个要素的全部记录")] = None,
    upload: UUID | None = None,
    region: Text = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> record.Wanted:
    return record.Wanted(
        q, username, action, layer, feature, upload, region, moment(since), moment(until)
    )


Wanted = Annotated[record.Wanted, Depends(_wanted)]


@router.get("/record")
async def page(
    wanted: Wanted,
    serves: Serves,
    db: Database,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """审计记录，新的在前；个人信息已隐去。before 为上一页的 next。"""
    return await record.page(db, serves.catalog, wanted, before=before, limit=limit)


@router.get("/record.xlsx", response_class=Response)
async def workbook(wanted: Wanted, serves: Serves, db: Database) -> Response:
    """符合条件的审计记录（最新的五万条），作为表格；导出本身也记入审计。"""
    found = await record.lines(db, serves.catalog, wanted, limit=MOST_ROWS)
    await record.write(db, "record.exported", subject="表格", new={"entries": len(found)})
    content = await run_sync(record.workbook, found)
    return download(content, "record.xlsx", "审计记录.xlsx")
