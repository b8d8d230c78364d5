"""Coverage: whom nobody reaches in time, and where more should stand."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import answers, coverage
from mapsvc.access import Identity
from mapsvc.api.downloads import (
    FORMAT,
    PERSONAL,
    Format,
    geojson_download,
    readable_in,
    workbook_download,
)
from mapsvc.api.layers import WHERE
from mapsvc.api.roads import bands_of
from mapsvc.api.service import Database, Serves, Service, Who
from mapsvc.catalog import Catalog, Layer
from mapsvc.coordinates import to_wgs84
from mapsvc.database import Db
from mapsvc.errors import BadInput, OutsideWorld
from mapsvc.filters import ALWAYS, compile_where
from mapsvc.roads import Conditions, Place, Profile, closures

router = APIRouter(prefix="/api/coverage", tags=["覆盖"])

MOST_ALSO = 10


class Ask(BaseModel):
    """The parameters that both questions share."""

    model_config = ConfigDict(extra="forbid")

    layer: str = Field(max_length=60, description="从哪个图层的点出发")
    targets: str = Field(
        default="risk_points",
        max_length=60,
        description="到哪里：一个图层，或 villages（村、社区）",
    )
    where: str | None = Field(default=None, description=f"出发点的{WHERE}")
    target_where: str | None = Field(default=None, description="目标的条件，写法同 where")
    profile: Profile = "light"
    conditions: Conditions = "day"
    area: bool = Field(default=True, description="是否给出能到的范围")
    also: str = Field(
        default="", max_length=1000, description="如果这些位置也有：经度,纬度;经度,纬度"
    )
    crs: str = Field(default="wgs84", max_length=20, description="also 的坐标系")
    format: Format = Field(default="json", description=FORMAT)
    personal: bool = Field(default=False, description=PERSONAL)

    def question(
        self,
        serves: Service,
        filtered_in: str | None,
        scope: str | None,
        seconds: list[int],
        **more: Any,
    ) -> coverage.Question:
        """Personal fields are asked about in `filtered_in`, answered in `scope`."""
        layer = serves.catalog.layer(self.layer)
        targets = None if self.targets == coverage.VILLAGES else serves.catalog.layer(self.targets)
        if targets is None and self.target_where is not None:
            raise BadInput("target_where 只能用于图层，不能用于 villages。", code="bad_where")
        return coverage.Question(
            layer,
            tuple(seconds),
            targets,
            _risks(serves.catalog),
            compile_where(layer, self.where, scope=filtered_in),
            compile_where(targets, self.target_where, scope=filtered_in, prefix="target")
            if targets
            else ALWAYS,
            self.profile,
            self.conditions,
            area=self.area,
            scope=scope,
            **more,
        )


class Reached(Ask):
    seconds: str = Field(default="900", max_length=100, description="多少秒内到，可用逗号分开几个")


class Sites(Ask):
    seconds: int = Field(default=900, ge=60, le=4 * 3600, description="多少秒内到")
    more: int = Field(default=1, ge=1, le=coverage.MOST_SITES, description="增设几处")
    weigh: coverage.Weigh = Field(
        default="people", description="people 按受威胁人数，count 按目标个数"
    )


@router.get("", response_model=None)
async def reached(
    ask: Annotated[Reached, Query()], serves: Serves, db: Database, who: Who
) -> dict[str, Any] | Response:
    """规定时间内谁也到不了的目标，能到的范围（按用时分级）；also 为假设增设后多到多少。"""
    also = _places(ask.also, ask.crs)
    taken = None if ask.format == "json" else "覆盖分析"
    scope = await readable_in(db, who, taken, personal=ask.personal)
    question = ask.question(serves, who.sees_personal, scope, bands_of(ask.seconds), also=also)
    answer = await coverage.coverage(db, question)
    if ask.format == "json":
        return answer
    answer["closures"] = await closures.listed(db, active=True)
    about = await _about(db, ask, question, who)
    name = ("coverage", "覆盖分析")
    if ask.format == "geojson":
        return await geojson_download(answers.coverage_geojson(answer), about, *name)

    def parts() -> list[answers.Part]:
        return answers.coverage_parts(answer, question.targets)

    return await workbook_download(serves, parts, answer, about, name)


@router.get("/sites", response_model=None)
async def sites(
    ask: Annotated[Sites, Query()], serves: Serves, db: Database, who: Who
) -> dict[str, Any] | Response:
    """再增设几处应设在哪个村（社区），各多到多少目标和人；also 视为已有。在所有选法中最优。"""
    also = _places(ask.also, ask.crs)
    taken = None if ask.format == "json" else "增设选址"
    scope = await readable_in(db, who, taken, personal=ask.personal)
    question = ask.question(
        serves, who.sees_personal, scope, [ask.seconds], weigh=ask.weigh, also=also
    )
    answer = await coverage.sites(db, question, ask.more)
    if ask.format == "json":
        return answer
    answer["closures"] = await closures.listed(db, active=True)
    about = await _about(db, ask, question, who)
    name = ("sites", "增设选址")
    if ask.format == "geojson":
        return await geojson_download(answers.sites_geojson(answer), about, *name)

    def parts() -> list[answers.Part]:
        return answers.sites_parts(answer)

    return await workbook_download(serves, parts, answer, about, name)


async def _about(db: Db, ask: Ask, question: coverage.Question, who: Identity) -> answers.About:
    asked = ask.model_dump(exclude={"crs", "area", "format", "personal"}) | {
        "also": [f"{place.lon:.7f},{place.lat:.7f}" for place in question.also]
    }
    layers = [x for x in (question.layer, question.targets) if x is not None]
    return await answers.about(db, layers, asked, who.username)


def _risks(catalog: Catalog) -> Layer | None:
    return next((x for x in catalog if any(f.id == "threatened_people" for f in x.fields)), None)


def _places(text: str, crs: str) -> tuple[Place, ...]:
    """`lon,lat;lon,lat` as places in WGS-84."""
    parts = [part for part in text.split(";") if part.strip()]
    if len(parts) > MOST_ALSO:
        raise BadInput(f"also 最多 {MOST_ALSO} 处。", code="bad_also")
    out = []
    for part in parts:
        try:
            lon, lat = (float(number) for number in part.split(","))
        except ValueError:
            raise BadInput(
                "also 应写成 经度,纬度；几处用分号隔开，例如 111.2,27.9;111.3,27.8。",
                code="bad_also",
            ) from None
        if crs != "wgs84":
            lon, lat = (float(v) for v in to_wgs84(lon, lat, crs))
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise OutsideWorld(
                "坐标超出范围：经度应在 -180 至 180，纬度应在 -90 至 90。请检查经纬度是否写反。"
            )
        out.append(Place(lon, lat))
    return tuple(out)
