"""Layers and their features, read; search by name; the county's outline and base map."""

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from mapsvc import county, features, ground, regions
from mapsvc.api.service import Database, Serves, Who
from mapsvc.coordinates import from_wgs84, to_wgs84
from mapsvc.database import connection
from mapsvc.errors import BadInput, NotFound
from mapsvc.filters import compile_where
from mapsvc.maps.basemaps import base_maps

router = APIRouter(prefix="/api", tags=["图层"])
GEOJSON = "application/geo+json"
WHERE = (
    "条件（CQL2 文本）：字段名或字段的中文名；= <> < <= > >= LIKE IN BETWEEN IS NULL AND OR NOT；"
    "stock('物资名称','单位') 未过期库存，has(字段,'某项')。例如 headcount >= 20 AND 在岗 = true"
)


@router.get("/layers")
async def layers(serves: Serves, _: Who) -> list[dict[str, Any]]:
    """全部图层：字段、数量、版本、数据时间、过期数量。"""
    # Counting may have to wait its turn; no connection is held meanwhile.
    stale = await serves.overview.stale()
    async with connection(serves.pool) as db:
        return await features.summaries(db, serves.catalog, stale)


@router.get("/layers/{layer}/features")
async def page(
    layer: str,
    request: Request,
    serves: Serves,
    db: Database,
    who: Who,
    bbox: str | None = None,
    region: Annotated[str | None, Query(max_length=30)] = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    as_of: datetime | None = None,
    crs: Annotated[str, Query(max_length=20)] = "wgs84",
    where: Annotated[str | None, Query(description=WHERE)] = None,
) -> Response:
    """按范围、区域、名称、条件查询要素；as_of 取过去某一时刻的数据。"""
    found = serves.catalog.layer(layer)
    if region is not None:
        await regions.require(db, region)
    texts, matched, after = await features.page(
        db,
        found,
        bbox=_box(bbox, crs) if bbox else None,
        region=region,
        q=q,
        as_of=moment(as_of),
        after=_after(cursor),
        limit=limit,
        scope=who.sees_personal,
        where=compile_where(found, where, scope=who.sees_personal),
    )
    rest = request.url.include_query_params(cursor=after)
    tail = {
        "numberMatched": matched,
        "numberReturned": len(texts),
        "next": f"{rest.path}?{rest.query}" if after else None,
    }
    if crs.lower() != "wgs84":
        texts = _shifted(texts, crs)
    body = ",".join(texts)
    json = msgspec.json.encode(tail).decode()[1:]
    return Response(f'{{"type":"FeatureCollection","features":[{body}],{json}', media_type=GEOJSON)


@router.get("/layers/{layer}/features/{feature_id}")
async def one(
    layer: str,
    feature_id: int,
    serves: Serves,
    db: Database,
    who: Who,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """一个要素；ETag 是它的版本号，Allow 是来人可以对它做的事。"""
    found = serves.catalog.layer(layer)
    body = await features.one(db, found, feature_id_of(feature_id), who.sees_personal)
    head = msgspec.json.decode(body, type=_Headed).properties
    headers = feature_headers(head.version)
    mine = who.may("edit") and await regions.within(db, head.region_code, who.scope)
    headers["Allow"] = "GET, PATCH, DELETE" if mine else "GET"
    if if_none_match is not None and _names(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=GEOJSON)


@router.get("/layers/{layer}/features/{feature_id}/history")
async def history(layer: str, feature_id: int, serves: Serves, db: Database, who: Who) -> Response:
    """一个要素的全部版本，新的在前。"""
    found = serves.catalog.layer(layer)
    body = await features.history(db, found, feature_id_of(feature_id), who.sees_personal)
    return Response(body, media_type="application/json")


@router.get("/symbols")
async def symbols(serves: Serves, _: Who) -> dict[str, Any]:
    """地图符号：每个图层、每种类型的图形，颜色只由风险等级决定。"""
    return serves.symbols


@router.get("/search")
async def search(
    serves: Serves,
    db: Database,
    _: Who,
    q: Annotated[str, Query(min_length=1, max_length=60)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> dict[str, Any]:
    """按名称、编号或拼音首字母查找点位和行政区。"""
    return {"results": await features.find(db, serves.catalog, q, limit) if q.strip() else []}


@router.get("/map")
async def map_facts(serves: Serves, db: Database, _: Who) -> dict[str, Any]:
    """地图所需：县域范围、地形图、可选底图、是否演示数据。"""
    territory = await regions.overview(db)
    bounds = await ground.relief_bounds(db)
    return {
        "title": await county.read(db, county.TITLE) or territory["name"] or "县域",
        "demo": await county.is_demo(db),
        "county": territory,
        "relief": {"url": "/api/relief.png", "bounds": bounds} if bounds else None,
        "basemaps": [b.as_json() for b in base_maps(serves.settings)],
        "approval": serves.settings.map_approval,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@router.get("/regions")
async def outlines(
    db: Database,
    _: Who,
    level: Annotated[str, Query(pattern="^(province|city|county|township|village)$")] = "township",
    region: Annotated[str | None, Query(max_length=30)] = None,
) -> Response:
    """某一级行政区的边界。"""
    return Response(await regions.outlines(db, level, region), media_type=GEOJSON)


@router.get("/relief.png")
async def relief(db: Database, _: Who) -> Response:
    """地形晕渲图。"""
    png = await ground.relief_picture(db)
    if png is None:
        raise NotFound("没有载入地形图。")
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})


def _box(text: str, crs: str) -> features.BBox:
    try:
        w, s, e, n = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            "bbox 应为四个数字：西,南,东,北，例如 bbox=111.0,27.5,111.5,28.0。"
        ) from None
    if not (w <= e and s <= n):
        raise BadInput("bbox 的顺序应为 西,南,东,北，且西≤东、南≤北。")
    xs, ys = to_wgs84([w, e, w, e], [s, n, n, s], crs)
    box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
    if not all(isfinite(value) for value in box):
        raise BadInput("bbox 超出地球范围，经度 -180 至 180，纬度 -90 至 90。")
    return box


def _shifted(texts: list[str], crs: str) -> list[str]:
    """The same features with their points in another system; stored points stay WGS-84."""
    found = [msgspec.json.decode(text) for text in texts]
    points = [f["geometry"]["coordinates"] for f in found]
    xs, ys = from_wgs84([p[0] for p in points], [p[1] for p in points], crs)
    for feature, x, y in zip(found, xs, ys, strict=True):
        feature["geometry"]["coordinates"] = [round(float(x), 7), round(float(y), 7)]
    return [msgspec.json.encode(f).decode() for f in found]


def moment(as_of: datetime | None) -> datetime | None:
    return as_of.replace(tzinfo=UTC) if as_of and as_of.tzinfo is None else as_of


def _after(cursor: str | None) -> int:
    """Where to go on: the number, or the `next` address that held it."""
    if cursor is None:
        return 0
    if "?" in cursor:
        cursor = parse_qs(urlsplit(cursor).query).get("cursor", [""])[0]
    if not cursor.isdigit():
        raise BadInput("cursor 应为上一页返回的 next。")
    return feature_id_of(int(cursor))


def feature_id_of(number: int) -> int:
    """The number, kept within what the database can hold."""
    return max(-1, min(number, 2**62))


def feature_headers(version: int) -> dict[str, str]:
    """The version as ETag; what is seen depends on who asks, so it is asked again each time."""
    return {
        "ETag": f'"{version}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Cookie",
    }


def _names(if_none_match: str, etag: str) -> bool:
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in known or "*" in known


class _Head(msgspec.Struct):
    version: int
    region_code: str | None


class _Headed(msgspec.Struct):
    properties: _Head
