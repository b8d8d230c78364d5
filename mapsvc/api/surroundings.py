"""What lies around a place, in an area, along a line."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import answers, surroundings, walls
from mapsvc.access import Identity
from mapsvc.api.direct import checked, parameters, sent
from mapsvc.api.downloads import (
    FORMAT,
    PERSONAL,
    Format,
    geojson_download,
    readable_in,
    workbook_download,
)
from mapsvc.api.layers import GEOJSON, WHERE
from mapsvc.api.service import Serves, Service, Who, reader, service
from mapsvc.database import connection
from mapsvc.errors import BadInput
from mapsvc.filters import compile_for

router = APIRouter(prefix="/api", tags=["周边"])


class Circle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lon: float = Field(allow_inf_nan=False, description="经度，或 crs 所指坐标系的东坐标")
    lat: float = Field(allow_inf_nan=False, description="纬度，或 crs 所指坐标系的北坐标")
    radius_m: float = Field(allow_inf_nan=False, description="半径，椭球面上的米")


class Wanted(BaseModel):
    """A circle, or a GeoJSON shape."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"circle": {"lon": 111.2, "lat": 27.9, "radius_m": 3000}}},
    )

    circle: Circle | None = None
    geometry: dict[str, Any] | None = Field(
        default=None, description="GeoJSON 的 Polygon、MultiPolygon、LineString、MultiLineString"
    )
    buffer_m: float | None = Field(
        default=None, allow_inf_nan=False, description="线两侧（面四周）各多少米"
    )
    layers: list[str] | None = Field(default=None, max_length=100, description="图层；缺省为全部")
    where: str | None = Field(default=None, description=WHERE)
    crs: str = Field(default="wgs84", max_length=20, description="所给坐标的坐标系")
    limit: int = Field(
        default=surroundings.MOST_LISTED,
        ge=0,
        le=surroundings.MOST_LISTED,
        description="每个图层最多列出几个；数量和人数总是全部的",
    )

    def around(self) -> surroundings.Around:
        if (self.circle is None) == (self.geometry is None):
            raise BadInput("请给出 circle 或 geometry 之一。", code="one_shape_needed")
        if self.circle is not None:
            if self.buffer_m is not None:
                raise BadInput("圆已有半径，请去掉 buffer_m。", code="one_shape_needed")
            circle = self.circle
            return surroundings.circle(circle.lon, circle.lat, circle.radius_m, self.crs)
        return surroundings.area(self.geometry, self.buffer_m, self.crs)

    def asked(self, around: surroundings.Around) -> dict[str, Any]:
        """What was asked, for the record of an answer that is taken along."""
        plain = self.model_dump(exclude_none=True, exclude={"circle", "geometry", "crs"})
        if around.point:
            middle, metres = around.shape.centroid, around.within_m
            return plain | {"at": (middle.x, middle.y), "shape": f"半径 {metres:g} 米的圆"}
        line = around.shape.geom_type.endswith("LineString")
        return plain | {"shape": "沿线" if line else "多边形"}


@router.post("/within")
async def within(
    wanted: Wanted,
    serves: Serves,
    who: Who,
    form: Annotated[Format, Query(alias="format", description=FORMAT)] = "json",
    personal: Annotated[bool, Query(description=PERSONAL)] = False,
) -> Response:
    """圆、面、沿线范围内的全部要素：按图层和等级计数，威胁人数合计，涉及的区域和责任链。"""
    return await _answer(wanted, serves, who, form, personal=personal)


class Taken(BaseModel):
    """How the answer is taken along."""

    form: Format = Field(default="json", alias="format")
    personal: bool = False


async def within_directly(request: Request) -> Response:
    """The same, read by hand: see mapsvc.api.direct."""
    who = await reader(request)
    taken = checked(Taken, parameters(request))
    wanted = await sent(Wanted, request)
    return await _answer(wanted, service(request), who, taken.form, personal=taken.personal)


async def _answer(
    asked: Wanted, serves: Service, who: Identity, form: Format, *, personal: bool
) -> Response:
    names = list(dict.fromkeys(asked.layers)) if asked.layers else serves.catalog.ids
    layers = tuple(serves.catalog.layer(name) for name in names)
    filters = compile_for(layers, asked.where, scope=who.sees_personal)
    around = asked.around()
    async with connection(serves.pool, walls.reading()) as db:
        taken = None if form == "json" else "范围查询"
        scope = await readable_in(db, who, taken, personal=personal)
        ask = surroundings.Question(around, layers, filters, scope, asked.limit)
        body = await surroundings.within(db, serves.catalog, ask)
        if form == "json":
            return Response(body, media_type=GEOJSON)
        told = asked.asked(ask.around) | {"layers": names}
        about = await answers.about(db, layers, told, who.username)
    answer = msgspec.json.decode(body)
    name = ("within", "范围查询")
    if form == "geojson":
        return await geojson_download(
            answers.within_geojson(answer, ask.around.told()), about, *name
        )

    def parts() -> list[answers.Part]:
        return answers.within_parts(answer, serves.catalog)

    return await workbook_download(serves, parts, answer, about, name)
