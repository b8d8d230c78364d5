"""Uploads: stage, look, apply, take back."""

from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile
from pydantic import BaseModel

from mapsvc.access import Identity
from mapsvc.api.service import Database, Serves, Service, Who
from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.errors import Forbidden, TooLarge
from mapsvc.ingest import hidden, record, uploads

router = APIRouter(prefix="/api/uploads", tags=["数据上报"])


Limit = Annotated[int, Query(ge=1, le=10_000)]


class Choice(BaseModel):
    mode: Literal["valid_rows", "all_or_nothing"] = "valid_rows"
    delete_missing: bool = False


async def _sender(who: Who) -> Identity:
    who.require("upload")
    return who


Sender = Annotated[Identity, Depends(_sender)]


async def _hiding(
    serves: Service, db: Db, upload_id: UUID, who: Identity, *, own: bool = False
) -> Layer | None:
    """The upload's layer where personal values are to be hidden from this reader.

    `own`: what is told stands in the file, so whoever sent it may see it.
    """
    if who.may("reads_personal"):
        return None
    return await hidden.layer_of(
        db, serves.catalog, upload_id, who.scope, who.username if own else None
    )


async def file_opened(db: Db, who: Identity, upload_id: UUID) -> None:
    """The whole file goes out, names and phones in it: to whom it may, and on record."""
    if not who.may("reads_personal"):
        await hidden.require_own_file(db, upload_id, who.scope, who.username)
    await hidden.taken_out(db, upload_id, who.scope)


@router.post("", status_code=201)
async def stage(
    serves: Serves,
    db: Database,
    who: Sender,
    file: Annotated[UploadFile, File()],
    layer: Annotated[str, Form()] = "auto",
    region: Annotated[str | None, Form()] = None,
    crs: Annotated[str, Form(max_length=30)] = "auto",
) -> dict[str, Any]:
    """读入文件、检查、与现有数据比对；确认之前不改动任何数据。"""
    if who.scope is not None and region not in (None, "", who.scope):
        raise Forbidden("只能上报本辖区的数据。")
    limit = serves.settings.upload_max_bytes
    content = await file.read(limit + 1)
    if len(content) > limit:
        raise TooLarge(f"文件超过 {limit // 1024 // 1024} MB 上限。请拆分后分次上报。")
    return await uploads.stage(
        db,
        serves.catalog,
        serves.settings,
        filename=file.filename or "",
        content=content,
        layer_id=layer,
        declared_crs=crs,
        region_code=who.scope or region or None,
        actor=who.username,
    )


@router.get("")
async def listing(db: Database, who: Who, kind: record.Kind | None = None) -> dict[str, Any]:
    """最近的上报和单点修改，新的在前；kind=file 只要文件，kind=edit 只要单点修改。"""
    return {"uploads": await uploads.listing(db, who.scope, kind=kind)}


@router.get("/{upload_id}")
async def one(upload_id: UUID, serves: Serves, db: Database, who: Who) -> dict[str, Any]:
    """一次上报：坐标系、计数、问题。"""
    answer = await uploads.get(db, upload_id, who.scope)
    layer = await _hiding(serves, db, upload_id, who, own=True)
    return hidden.told(answer, layer) if layer else answer


@router.delete("/{upload_id}", status_code=204)
async def discard(upload_id: UUID, db: Database, who: Sender) -> None:
    """放弃一次没有入库的上报；已入库的用撤销。"""
    await record.discard(db, upload_id, who.scope, who.username)


@router.get("/{upload_id}/rows")
async def rows(
    upload_id: UUID,
    serves: Serves,
    db: Database,
    who: Who,
    after: int = -1,
    limit: Limit = 1000,
    action: record.Action | None = None,
) -> dict[str, Any]:
    """文件的每一行和它的去向；after 为上一页最后的 seq，action 只取一种去向。"""
    found = await record.rows(db, upload_id, who.scope, after=after, limit=limit, action=action)
    layer = await _hiding(serves, db, upload_id, who)
    return {"rows": hidden.rows(found, layer) if layer else found}


@router.get("/{upload_id}/problems")
async def problems(
    upload_id: UUID,
    serves: Serves,
    db: Database,
    who: Who,
    after: int = -1,
    limit: Limit = 1000,
    code: Annotated[str | None, Query(max_length=60)] = None,
    column: Annotated[str | None, Query(max_length=1000)] = None,
) -> dict[str, Any]:
    """全部问题，按行的顺序；after 为上一页最后的 seq，code 和 column 只取一类。"""
    found = await record.problems(
        db, upload_id, who.scope, after=after, limit=limit, code=code, column=column
    )
    layer = await _hiding(serves, db, upload_id, who, own=True)
    return {"problems": hidden.problems(found, layer) if layer else found}


@router.get("/{upload_id}/missing")
async def missing(
    upload_id: UUID,
    db: Database,
    who: Who,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Limit = 200,
) -> dict[str, Any]:
    """图上有、文件中没有的对象；只有勾选删除才会删除。"""
    found = await record.missing(db, upload_id, who.scope, offset=offset, limit=limit)
    return {"features": found}


@router.get("/{upload_id}/preview")
async def preview(upload_id: UUID, serves: Serves, db: Database, who: Who) -> dict[str, Any]:
    """与现有数据的差异（GeoJSON）。"""
    found = await uploads.preview(db, upload_id, who.scope)
    layer = await _hiding(serves, db, upload_id, who)
    return hidden.preview(found, layer) if layer else found


@router.get("/{upload_id}/original")
async def original(upload_id: UUID, db: Database, who: Who) -> Response:
    """上报的原文件。"""
    await file_opened(db, who, upload_id)
    name, content = await uploads.original(db, upload_id, who.scope)
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.post("/{upload_id}/apply")
async def apply(
    upload_id: UUID, choice: Choice, serves: Serves, db: Database, who: Sender
) -> dict[str, Any]:
    """确认入库，一个事务内完成；重复确认不会再次改动。"""
    await uploads.get(db, upload_id, who.scope)
    return await uploads.apply(
        db,
        serves.catalog,
        upload_id,
        mode=choice.mode,
        delete_missing=choice.delete_missing,
        actor=who.username,
    )


@router.post("/{upload_id}/rollback")
async def rollback(upload_id: UUID, db: Database, who: Sender) -> dict[str, Any]:
    """撤销一次上报，恢复到上报之前。"""
    await uploads.get(db, upload_id, who.scope)
    return await uploads.rollback(db, upload_id, who.username)
