"""A masked personal value, shown on purpose."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import features
from mapsvc.api.layers import feature_id_of
from mapsvc.api.service import Database, Serves, Who

router = APIRouter(prefix="/api", tags=["个人信息"])


class Wanted(BaseModel):
    """Which value of which feature."""

    model_config = ConfigDict(extra="forbid")

    layer: str = Field(max_length=60)
    id: int
    field: str = Field(max_length=60)


@router.post("/reveal")
async def reveal(
    sent: Wanted, serves: Serves, db: Database, who: Who, response: Response
) -> dict[str, Any]:
    """显示一项隐去的姓名或电话；先记入审计，再给出原值。"""
    who.require("reveals")
    layer = serves.catalog.layer(sent.layer)
    response.headers["Cache-Control"] = "no-store"
    return {"value": await features.reveal(db, layer, feature_id_of(sent.id), sent.field)}
