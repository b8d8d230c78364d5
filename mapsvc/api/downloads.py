"""Answers and workbooks as downloads."""

from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import quote

import anyio.to_thread
import msgspec
from fastapi import Response

from mapsvc import answers, record
from mapsvc.access import NOWHERE, Identity
from mapsvc.api.service import Service
from mapsvc.database import Db

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GEOJSON = "application/geo+json"
Format = Literal["json", "geojson", "xlsx"]
PERSONAL = "带走的表格或数据是否含姓名、电话原文（须有权限，记入审计）；缺省隐去"
FORMAT = "答案的形式：json，geojson（带回 GIS），xlsx（表格，另附查询说明）"


async def readable_in(
    db: Db, who: Identity, taken_along: str | None, *, personal: bool
) -> str | None:
    """The region whose personal values an answer shows in clear, None for the whole county.

    What is taken along (`taken_along` says what) shows them nowhere unless the reader has the
    right and asks for it; that is put on record. Raises Forbidden.
    """
    if taken_along is None:
        return who.sees_personal
    if not personal:
        return NOWHERE
    who.require("reads_personal")
    await record.write(db, "personal.exported", subject=taken_along, region=who.scope)
    return who.sees_personal


def download(content: bytes, plain: str, name: str, kind: str = XLSX) -> Response:
    """A download; the name in Chinese for browsers that read RFC 5987, and one in ASCII."""
    named = f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(
        content,
        media_type=kind,
        headers={
            "Content-Disposition": f"attachment; {named}",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def geojson_download(
    answer: dict[str, Any], about: answers.About, plain: str, title: str
) -> Response:
    """A FeatureCollection that says beside its features where it comes from."""
    content = await anyio.to_thread.run_sync(msgspec.json.encode, answer | about.told())
    return download(content, f"{plain}.geojson", f"{title}.geojson", GEOJSON)


async def workbook_download(
    serves: Service,
    parts: Callable[[], Sequence[answers.Part]],
    answer: dict[str, Any],
    about: answers.About,
    name: tuple[str, str],
) -> Response:
    """The parts and what was asked as an xlsx; `name`: in ASCII and in Chinese, without ending."""

    def made() -> bytes:
        return answers.workbook(parts(), answer, about, serves.catalog)

    content = await anyio.to_thread.run_sync(made)
    return download(content, f"{name[0]}.xlsx", f"{name[1]}.xlsx")
