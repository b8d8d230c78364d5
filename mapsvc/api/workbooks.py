"""Workbooks to take home: the report of an upload, the template of a layer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from mapsvc.api.downloads import download, readable_in
from mapsvc.api.service import Serves, Who
from mapsvc.api.uploads import file_opened
from mapsvc.database import connection
from mapsvc.ingest import report, template

router = APIRouter(prefix="/api", tags=["数据上报"])
_FILLED = "填好的姓名、电话是否为原文（记入审计）；缺省时有权限者为原文，其余隐去"


@router.get("/uploads/{upload_id}/report.xlsx", response_class=Response)
async def report_of(upload_id: UUID, serves: Serves, who: Who) -> Response:
    """上报的工作簿本身：标出有错的单元格，每行旁边写明处理结果和改法。"""
    # The connection goes back before the workbook is made: that takes seconds.
    async with connection(serves.pool) as db:
        await file_opened(db, who, upload_id)
        source = await report.collect(db, serves.catalog, upload_id, who.scope)
    content = await report.build(source, serves.settings)
    return download(content, "report.xlsx", source.filename)


@router.get("/layers/{layer}/template.xlsx", response_class=Response)
async def template_of(
    layer: str,
    serves: Serves,
    who: Who,
    prefilled: bool = False,
    region: Annotated[str | None, Query(max_length=30)] = None,
    personal: Annotated[bool | None, Query(description=_FILLED)] = None,
) -> Response:
    """填报模板；prefilled=true 时填好本辖区现有的数据，改好后可直接上传。"""
    found = serves.catalog.layer(layer)
    async with connection(serves.pool) as db:
        taken = f"{found.title}填报表" if prefilled else None
        clear = who.may("reads_personal") if personal is None else personal
        sees = await readable_in(db, who, taken, personal=clear)
        filling = await template.collect(
            db,
            found,
            prefilled=prefilled,
            region=region or None,
            scope=who.scope,
            sees=sees,
            most=serves.settings.upload_max_rows,
        )
    content = await template.build(found, filling)
    return download(content, f"{found.id}.xlsx", f"{found.title}-{filling.title}.xlsx")
