"""Closed roads."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from mapsvc.access import Identity
from mapsvc.api.service import Database, Who
from mapsvc.roads import closures

router = APIRouter(prefix="/api/closures", tags=["封路"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Closure(BaseModel):
    """What a closure is made of."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "geometry": {"type": "Point", "coordinates": [111.2, 27.9]},
                "radius_m": 50,
                "reason": "山体滑坡",
                "ends_at": "2026-11-22T20:00:00+08:00",
            }
        },
    )

    geometry: dict[str, Any] | None = Field(default=None, description="GeoJSON 的点、线或面")
    radius_m: float | None = Field(
        default=None, allow_inf_nan=False, description="点、线周围多少米"
    )
    reason: str | None = Field(default=None, max_length=2000, description="原因")
    starts_at: datetime | None = Field(default=None, description="开始时间，缺省为现在")
    ends_at: datetime | None = Field(default=None, description="结束时间，缺省为直到解除")

    def wanted(self) -> closures.Wanted:
        return closures.Wanted(frozenset(self.model_fields_set), **dict(self))


async def _writer(who: Who) -> Identity:
    who.require("close_roads")
    return who


Writer = Annotated[Identity, Depends(_writer)]


@router.get("")
async def listed(_: Who, db: Database, active: bool = False) -> dict[str, Any]:
    """封路，最新的在前；active=true 只列现在生效的。"""
    return {"closures": await closures.listed(db, active=active)}


@router.post("", status_code=201)
async def create(who: Writer, sent: Closure, db: Database) -> dict[str, Any]:
    """新设一处封路：点（可带半径）、线或面；从下一次查询起生效，到时自动解除。"""
    return await closures.create(db, sent.wanted(), actor=who.username, scope=who.scope)


@router.patch("/{number}")
async def change(number: Number, who: Writer, sent: Closure, db: Database) -> dict[str, Any]:
    """修改一处封路：没写的不变；ends_at 写 null 表示直到解除。"""
    return await closures.change(db, number, sent.wanted(), actor=who.username, scope=who.scope)


@router.delete("/{number}")
async def end(number: Number, who: Writer, db: Database) -> dict[str, Any]:
    """解除封路；记录保留。"""
    return await closures.end(db, number, actor=who.username, scope=who.scope)
