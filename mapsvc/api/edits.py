"""Single edits: a feature added, changed or deleted by hand."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from mapsvc.access import Identity
from mapsvc.api.layers import GEOJSON, feature_headers, feature_id_of
from mapsvc.api.service import Database, Serves, Who
from mapsvc.errors import BadInput, PreconditionMissing, TooLarge
from mapsvc.ingest import edits

router = APIRouter(prefix="/api/layers/{layer}/features", tags=["单点修改"])

CHANGE_SET = "Change-Set"
"""Response header: the id under /api/uploads by which the edit is taken back."""
LARGEST = 1024 * 1024
DEEPEST = 8
_FEATURE = {
    "requestBody": {
        "required": True,
        "content": {
            GEOJSON: {
                "example": {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [111.2, 27.9]},
                    "properties": {"code": "A-07", "name": "名称"},
                }
            }
        },
    }
}


async def _writer(who: Who) -> Identity:
    who.require("edit")
    return who


async def _version(if_match: Annotated[str | None, Header(max_length=100)] = None) -> int:
    """The version that the person saw, from `If-Match: "<version>"`."""
    if if_match is None:
        raise PreconditionMissing(
            '请求缺少 If-Match 头。请先读取这一条，把它的版本号写成 If-Match: "版本号" 再提交，'
            "以免覆盖别人刚做的修改。"
        )
    found = re.fullmatch(r'\s*"([0-9]{1,9})"\s*', if_match)
    if found is None:
        raise BadInput(
            'If-Match 应是带双引号的版本号，例如 If-Match: "3"。', code="if_match_malformed"
        )
    return int(found[1])


async def _body(request: Request) -> Any:
    """The JSON that was sent; read before a database connection is taken."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST:
            raise TooLarge("内容超过 1 MB。请减少文字后再保存；大量数据请用文件上传。")
    try:
        sent = msgspec.json.decode(bytes(content))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        sent = None
    if not isinstance(sent, dict) or _depth(sent) > DEEPEST:
        raise BadInput("内容不是有效的 JSON 对象，或嵌套过深。请改正后重试。", code="bad_json")
    return sent


def _depth(value: Any) -> int:
    """Levels of nesting, at most one more than the limit."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        parts = [v.values() if isinstance(v, dict) else v for v in level]
        level = [p for part in parts for p in part if isinstance(p, dict | list)]
        depth += 1
    return depth


Writer = Annotated[Identity, Depends(_writer)]
Version = Annotated[int, Depends(_version)]
Body = Annotated[Any, Depends(_body)]
Crs = Annotated[str, Query(max_length=20)]


@router.post("", status_code=201, openapi_extra=_FEATURE)
async def create(
    layer: str,
    who: Writer,
    sent: Body,
    serves: Serves,
    db: Database,
    crs: Crs = "wgs84",
) -> Response:
    """新增一个要素（GeoJSON Feature）；检查与文件上报相同。"""
    found = serves.catalog.layer(layer)
    saved = await edits.create(
        db,
        found,
        sent,
        crs=crs,
        actor=who.username,
        scope=who.scope,
        sees=who.sees_personal,
    )
    headers = feature_headers(saved.version)
    headers["Location"] = f"/api/layers/{found.id}/features/{saved.id}"
    headers[CHANGE_SET] = str(saved.upload)
    return Response(saved.body, 201, headers, media_type=GEOJSON)


@router.patch("/{feature_id}", openapi_extra=_FEATURE)
async def change(
    layer: str,
    feature_id: int,
    who: Writer,
    version: Version,
    sent: Body,
    serves: Serves,
    db: Database,
    crs: Crs = "wgs84",
) -> Response:
    """修改一个要素：没写的不变，写 null 的清空，写 geometry 的移动。"""
    saved = await edits.change(
        db,
        serves.catalog.layer(layer),
        feature_id_of(feature_id),
        version,
        sent,
        crs=crs,
        actor=who.username,
        scope=who.scope,
        sees=who.sees_personal,
    )
    headers = feature_headers(saved.version)
    if saved.upload is not None:
        headers[CHANGE_SET] = str(saved.upload)
    return Response(saved.body, 200, headers, media_type=GEOJSON)


@router.delete("/{feature_id}", status_code=204)
async def remove(
    layer: str, feature_id: int, who: Writer, version: Version, serves: Serves, db: Database
) -> Response:
    """删除一个要素；历史版本保留。"""
    found = serves.catalog.layer(layer)
    number = feature_id_of(feature_id)
    kept = await edits.remove(
        db,
        found,
        number,
        version,
        actor=who.username,
        scope=who.scope,
        sees=who.sees_personal,
    )
    return Response(status_code=204, headers={CHANGE_SET: str(kept)})
