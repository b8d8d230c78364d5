"""Plans, and the county's need cards."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import answers, planning
from mapsvc.api.downloads import FORMAT, Format, geojson_download, workbook_download
from mapsvc.api.layers import WHERE
from mapsvc.api.service import Database, Serves, Who
from mapsvc.catalog import Catalog, Layer
from mapsvc.coordinates import to_wgs84
from mapsvc.errors import BadInput, OutsideWorld
from mapsvc.filters import Filter, compile_for, compile_where
from mapsvc.roads import Conditions, Place, Profile

router = APIRouter(prefix="/api", tags=["方案"])


class NeedLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    item: str | None = Field(default=None, max_length=200, description="物资名称")
    capability: str | None = Field(default=None, max_length=200, description="救援能力")
    quantity: float = Field(allow_inf_nan=False, description="数量；能力为人数或队伍数")
    unit: str | None = Field(
        default=None, max_length=200, description="单位；能力为 人（缺省）或 支"
    )


class Wanted(BaseModel):
    """An event and what it needs."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "lon": 111.2,
                "lat": 27.9,
                "needs": [
                    {"item": "救灾帐篷", "quantity": 20, "unit": "顶"},
                    {"capability": "破拆", "quantity": 30},
                ],
                "within_s": 3600,
            }
        },
    )

    lon: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    needs: list[NeedLine] = Field(max_length=200, description="需要什么、多少")
    layers: list[str] | None = Field(default=None, max_length=100, description="从哪些图层调用")
    where: str | dict[str, str] | None = Field(
        default=None, description=f"{WHERE}；也可按图层分别写：{{图层: 条件}}"
    )
    mode: Literal["road", "line"] = Field(default="road", description="按道路或直线计算用时")
    profile: Profile = "light"
    conditions: Conditions = "day"
    objective: Literal["fewest", "earliest"] = Field(
        default="fewest", description="fewest 调用的点最少，earliest 最早到齐"
    )
    within_s: float | None = Field(
        default=None, gt=0, le=1_000_000, allow_inf_nan=False, description="多少秒内到"
    )
    stale: Literal["keep", "omit"] = Field(default="keep", description="超过核实期限的是否使用")
    routes: bool = Field(default=False, description="是否给出各点的路线")
    crs: str = Field(default="wgs84", max_length=20, description="所给坐标的坐标系")

    def event(self) -> Place:
        lon, lat = self.lon, self.lat
        if self.crs != "wgs84":
            lon, lat = (float(v) for v in to_wgs84(lon, lat, self.crs))
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise OutsideWorld(
                "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
            )
        return Place(lon, lat)

    def asked(self, event: Place) -> dict[str, Any]:
        """What was asked, for the record of an answer that is taken along."""
        plain = self.model_dump(
            exclude_none=True, exclude={"lon", "lat", "crs", "needs", "routes", "layers"}
        )
        needs = [
            f"{line.item or line.capability} {line.quantity:g} {line.unit or ''}".strip()
            for line in self.needs
        ]
        return plain | {"at": (event.lon, event.lat), "needs": needs}


@router.get("/needs")
async def needs(serves: Serves, _: Who) -> dict[str, Any]:
    """需求卡：各类事件在四个级别下需要什么；以及物资、能力的通用名称。数量由县里设定。"""
    return serves.needs.told()


@router.post("/plans", response_model=None)
async def plans(
    sent: Wanted,
    serves: Serves,
    db: Database,
    who: Who,
    form: Annotated[Format, Query(alias="format", description=FORMAT)] = "json",
) -> dict[str, Any] | Response:
    """调用方案：哪些点各出多少、何时到、为什么，还缺什么；先缺得最少，再点数最少或到得最早。"""
    layers = _layers(serves.catalog, sent.layers)
    asked = [planning.Asked(**dict(line)) for line in sent.needs]
    question = planning.Question(
        sent.event(),
        planning.resolve(asked, serves.needs),
        layers,
        _filters(layers, sent.where, who.sees_personal),
        sent.mode,
        sent.profile,
        sent.conditions,
        sent.objective,
        sent.within_s,
        sent.stale,
        sent.routes,
    )
    answer = await planning.plan(db, question)
    if form == "json":
        return answer
    told = sent.asked(question.event) | {"layers": [layer.id for layer in layers]}
    about = await answers.about(db, layers, told, who.username)
    name = ("plan", "调用方案")
    if form == "geojson":
        return await geojson_download(answers.plan_geojson(answer), about, *name)

    def parts() -> list[answers.Part]:
        return answers.plan_parts(answer, serves.catalog)

    return await workbook_download(serves, parts, answer, about, name)


def _layers(catalog: Catalog, names: list[str] | None) -> tuple[Layer, ...]:
    """Those asked for; else all that can give anything."""
    if not names:
        return tuple(layer for layer in catalog if planning.able(layer))
    layers = tuple(catalog.layer(name) for name in dict.fromkeys(names))
    for layer in layers:
        if not planning.able(layer):
            raise BadInput(
                f"“{layer.title}”没有物资清单和救援能力，不能用于方案。", code="layer_gives_nothing"
            )
    return layers


def _filters(
    layers: tuple[Layer, ...], where: str | dict[str, str] | None, scope: str | None
) -> dict[str, Filter]:
    if not isinstance(where, dict):
        return compile_for(layers, where, scope=scope)
    known = {layer.id: layer for layer in layers}
    for name in where:
        if name not in known:
            raise BadInput(
                f"where 中的图层“{name[:60]}”不在所选图层之内：{'、'.join(known)}。",
                code="unknown_layer",
            )
    return {name: compile_where(known[name], text, scope=scope) for name, text in where.items()}
