"""What is nearest."""

from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import answers, arrivals, proximity, walls
from mapsvc.api.direct import checked, parameters
from mapsvc.api.downloads import (
    FORMAT,
    PERSONAL,
    Format,
    geojson_download,
    readable_in,
    workbook_download,
)
from mapsvc.api.layers import WHERE
from mapsvc.api.service import Service, reader, service
from mapsvc.catalog import Layer
from mapsvc.coordinates import to_wgs84
from mapsvc.database import connection
from mapsvc.errors import BadInput, OutsideWorld
from mapsvc.filters import Filter, compile_for, compile_where
from mapsvc.roads import Conditions, Direction, Place, Profile

router = APIRouter(prefix="/api", tags=["就近查询"])

_OWN_WHERE = "where."
"""`where.forces=…`: the filter of one of several layers."""


class Ask(BaseModel):
    """The parameters of a nearest query."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="经度，或 crs 所指坐标系的东坐标")
    lat: float = Field(description="纬度，或 crs 所指坐标系的北坐标")
    layers: str = Field(default="", max_length=1000, description="图层，用逗号分开；缺省为全部")
    k: int = Field(default=5, ge=1, le=proximity.MOST, description="每个图层取几个")
    max_m: float | None = Field(
        default=None, gt=0, le=50_000_000, allow_inf_nan=False, description="最远多少米"
    )
    mode: Literal["line", "road"] = Field(
        default="line", description="line 按直线距离，road 按道路用时"
    )
    profile: Profile = Field(default="light", description="light 轻型车，truck 载重货车")
    conditions: Conditions = Field(default="day", description="白天、夜间、雨天、雨夜")
    direction: Direction = Field(default="to", description="to 从各点赶到此处，from 从此处前往各点")
    routes: bool = Field(default=True, description="mode=road 时给出路线和转弯说明")
    within_s: float | None = Field(
        default=None, gt=0, le=1_000_000, allow_inf_nan=False, description="多少秒内能到（road）"
    )
    stale: Literal["keep", "sink", "omit"] = Field(
        default="keep", description="超过核实期限的：照常排列、排在后面、不列出"
    )
    format: Format = Field(default="json", description=FORMAT)
    personal: bool = Field(default=False, description=PERSONAL)
    crs: str = Field(default="wgs84", max_length=20, description="所给坐标的坐标系")
    where: str | None = Field(default=None, description=WHERE)


def _described(model: type[BaseModel]) -> dict[str, Any]:
    """The model's fields as query parameters of the API description."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": part.pop("description", ""),
                "schema": part,
            }
            for name, part in schema["properties"].items()
        ]
    }


# Read by hand, and installed in front of FastAPI's routes: see mapsvc.api.direct.
@router.get("/nearest", openapi_extra=_described(Ask))
async def nearest(request: Request) -> Response:
    """离一点最近的要素，每个图层 k 个，由近到远；距离为椭球面上的米。"""
    who = await reader(request)
    serves = service(request)
    given = parameters(request)
    own = {key: given.pop(key) for key in list(given) if key.startswith(_OWN_WHERE)}
    ask = checked(Ask, given)
    lon, lat = _origin(ask)
    asked = (name.strip() for name in ask.layers.split(","))
    names = list(dict.fromkeys(name for name in asked if name)) or serves.catalog.ids
    wanted = tuple(serves.catalog.layer(name) for name in names)
    filters = _filters(wanted, ask.where, own, who.sees_personal)
    async with connection(serves.pool, walls.reading()) as db:
        scope = who.sees_personal
        if ask.format != "json":
            scope = await readable_in(db, who, "就近查询", personal=ask.personal)
        if ask.mode == "road":
            question = _question(ask, wanted, Place(lon, lat), filters, scope)
            answer = await arrivals.ranked(db, question)
            body = msgspec.json.encode(answer)
        else:
            body = await proximity.nearest(
                db,
                wanted,
                lon,
                lat,
                k=ask.k,
                max_m=ask.max_m,
                stale=ask.stale,
                scope=scope,
                filters=filters,
            )
        if ask.format == "json":
            return Response(body, media_type="application/json")
        told = _told(ask, own) | {"at": (lon, lat), "layers": names}
        about = await answers.about(db, wanted, told, who.username)
    return await _taken_along(serves, ask.format, msgspec.json.decode(body), about)


def _filters(
    wanted: tuple[Layer, ...], where: str | None, own: dict[str, str], scope: str | None
) -> dict[str, Filter]:
    """`where` for all layers, or `where.<layer>` for one of them."""
    if not own:
        return compile_for(wanted, where, scope=scope) if where is not None else {}
    if where is not None:
        raise BadInput("where 与 where.图层 不能同时使用，请只用一种。", code="two_filters")
    texts = {key.removeprefix(_OWN_WHERE): text for key, text in own.items()}
    strange = sorted(texts.keys() - {layer.id for layer in wanted})
    if strange:
        raise BadInput(
            f"where.{strange[0][:40]} 没有对应的图层；所查图层为"
            f" {'、'.join(layer.id for layer in wanted)}。",
            code="unknown_layer",
        )
    return {
        layer.id: compile_where(layer, texts.get(layer.id), scope=scope, prefix=f"where_{n}")
        for n, layer in enumerate(wanted)
    }


def _told(ask: Ask, own: dict[str, str]) -> dict[str, Any]:
    """What was asked, for the record of an answer that is taken along."""
    told = ask.model_dump(exclude_unset=True, exclude={"crs", "format", "personal"}) | {
        "mode": ask.mode
    }
    if own:
        told["where"] = {key.removeprefix(_OWN_WHERE): text for key, text in own.items()}
    return told


async def _taken_along(
    serves: Service, form: Format, answer: dict[str, Any], about: answers.About
) -> Response:
    name = ("nearest", "就近查询")
    if form == "geojson":
        return await geojson_download(answers.nearest_geojson(answer), about, *name)

    def parts() -> list[answers.Part]:
        return answers.nearest_parts(answer, serves.catalog)

    return await workbook_download(serves, parts, answer, about, name)


def _question(
    ask: Ask,
    layers: tuple[Layer, ...],
    event: Place,
    filters: dict[str, Filter],
    scope: str | None,
) -> arrivals.Question:
    return arrivals.Question(
        event,
        layers,
        ask.k,
        ask.profile,
        ask.conditions,
        ask.direction,
        ask.max_m,
        ask.within_s,
        ask.stale,
        ask.routes,
        scope,
        filters,
    )


def _origin(ask: Ask) -> tuple[float, float]:
    if ask.mode == "line" and ask.within_s is not None:
        raise BadInput(
            "within_s 只能与 mode=road 一起使用；直线查询请用 max_m 限定距离。",
            code="within_needs_road",
        )
    lon, lat = ask.lon, ask.lat
    if ask.crs != "wgs84":
        lon, lat = (float(v) for v in to_wgs84(lon, lat, ask.crs))
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise OutsideWorld(
            "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
        )
    return lon, lat
