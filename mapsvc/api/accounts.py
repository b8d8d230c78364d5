"""Accounts and walls, for whoever administers them; no password but a new one is ever answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import access, regions
from mapsvc.access import Identity
from mapsvc.api.service import Database, Serves, SignedIn

router = APIRouter(prefix="/api", tags=["账号管理"])
Roles = Annotated[list[str], Field(max_length=10)]


async def administrator(person: SignedIn) -> Identity:
    person.require("manages_accounts")
    return person


Admin = Annotated[Identity, Depends(administrator)]


class NewAccount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=100)
    roles: Roles
    region_code: str | None = Field(default=None, max_length=12)


class Change(BaseModel):
    """Roles come with their region; what is not sent stays."""

    model_config = ConfigDict(extra="forbid")

    roles: Roles | None = None
    region_code: str | None = Field(default=None, max_length=12)
    locked: bool | None = None


class NewKiosk(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=40)


@router.get("/accounts")
async def accounts(_: Admin, db: Database) -> dict[str, Any]:
    """全部账号和可用的角色。"""
    return {"accounts": await access.listed(db), "roles": access.ROLES}


@router.post("/accounts", status_code=201)
async def add(sent: NewAccount, _: Admin, db: Database, response: Response) -> dict[str, str]:
    """新建账号；一次性密码只在这里给出一次，首次登录后必须更换。"""
    if sent.region_code is not None:
        await regions.require(db, sent.region_code)
    response.headers["Cache-Control"] = "no-store"
    password = await access.create(db, sent.username, sent.roles, sent.region_code)
    return {"username": sent.username, "password": password}


@router.patch("/accounts/{username}", status_code=204)
async def change(username: str, sent: Change, _: Admin, serves: Serves, db: Database) -> None:
    """修改角色和区域，停用或恢复。"""
    if sent.region_code is not None:
        await regions.require(db, sent.region_code)
    await access.change(
        db, username, roles=sent.roles, region_code=sent.region_code, locked=sent.locked
    )
    serves.sessions.forget()


@router.post("/accounts/{username}/reset")
async def reset(
    username: str, _: Admin, serves: Serves, db: Database, response: Response
) -> dict[str, str]:
    """重设密码：给出一个一次性密码，原来的登录全部退出。"""
    response.headers["Cache-Control"] = "no-store"
    password = await access.reset(db, username)
    serves.sessions.forget()
    return {"username": username, "password": password}


@router.post("/accounts/{username}/sign-out")
async def sign_out(username: str, _: Admin, serves: Serves, db: Database) -> dict[str, int]:
    """退出这个账号的全部登录。"""
    return {"ended": await serves.sessions.end_all(db, username)}


@router.delete("/accounts/{username}/totp", status_code=204)
async def forget_totp(username: str, _: Admin, serves: Serves, db: Database) -> None:
    """手机丢了：停用这个账号的动态口令，由本人重新设置。"""
    await access.totp.disable(db, username)
    serves.sessions.forget()


@router.get("/kiosks")
async def kiosks(_: Admin, db: Database) -> dict[str, Any]:
    """已签发的大屏令牌：名称、期限、最近使用。"""
    return {"kiosks": await access.kiosks(db)}


@router.post("/kiosks", status_code=201)
async def add_kiosk(
    sent: NewKiosk, _: Admin, serves: Serves, db: Database, response: Response
) -> dict[str, str]:
    """签发大屏令牌；只给出这一次。用法：大屏的浏览器打开 path。"""
    response.headers["Cache-Control"] = "no-store"
    token = await access.add_kiosk(db, sent.name, days=serves.settings.kiosk_days)
    return {"name": sent.name, "token": token, "path": access.kiosk_path(token)}


@router.delete("/kiosks/{number}", status_code=204)
async def remove_kiosk(number: int, _: Admin, serves: Serves, db: Database) -> None:
    """收回大屏令牌；用它打开的大屏随即退出。"""
    await access.remove_kiosk(db, number)
    serves.sessions.forget()
