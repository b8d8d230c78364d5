"""Signing in and out."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from mapsvc import access, regions
from mapsvc.access import Identity
from mapsvc.api import doors
from mapsvc.api.service import (
    COOKIE,
    Database,
    Serves,
    Service,
    SignedIn,
    address_of,
    asked_by,
    token_of,
)

router = APIRouter(prefix="/api", tags=["登录"])


class Credentials(BaseModel):
    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=1000)
    totp: str = Field(default="", max_length=40)
    """动态口令或恢复码，启用了的账号才需要。"""


class Kiosk(BaseModel):
    token: str = Field(min_length=1, max_length=200)


class First(Credentials):
    code: str = Field(min_length=1, max_length=100)


@router.post("/session")
async def sign_in(
    given: Credentials, request: Request, response: Response, serves: Serves, db: Database
) -> dict[str, Any]:
    """用户名和密码换取令牌；同时写入页面用的 Cookie。"""
    doors.require_own_origin(request, serves.settings)
    asked_by(request, given.username)
    await serves.throttle.check(request, address_of(request))
    agent = request.headers.get("user-agent", "")
    token, person = await serves.sessions.sign_in(
        db, given.username, given.password, given.totp, agent=agent
    )
    give_cookie(response, request, serves, token, int(serves.sessions.lifetime.total_seconds()))
    return {"token": token, **await _describe(db, person)}


@router.post("/kiosk", status_code=204)
async def enter(
    given: Kiosk, request: Request, response: Response, serves: Serves, db: Database
) -> None:
    """大屏令牌换取大屏页面用的 Cookie；令牌本身不能当作访问令牌。"""
    doors.require_own_origin(request, serves.settings)
    asked_by(request, "大屏")
    await serves.throttle.check(request, address_of(request))
    agent = request.headers.get("user-agent", "")
    token, seconds = await access.enter(db, given.token, agent=agent)
    give_cookie(response, request, serves, token, seconds)


@router.post("/setup", status_code=201)
async def first_account(
    given: First, request: Request, serves: Serves, db: Database
) -> dict[str, str]:
    """用启动时打印的一次性代码建立第一个系统管理员；已有账号时不可用。"""
    doors.require_own_origin(request, serves.settings)
    asked_by(request, given.username)
    await serves.throttle.check(request, address_of(request))
    await access.create_first(db, serves.settings, given.code, given.username, given.password)
    return {"username": given.username}


@router.get("/session")
async def who_am_i(person: SignedIn, db: Database) -> dict[str, Any]:
    """我是谁：角色和所属区域。"""
    return await _describe(db, person)


@router.delete("/session", status_code=204)
async def sign_out(
    _: SignedIn, request: Request, response: Response, serves: Serves, db: Database
) -> None:
    """退出登录，令牌随即失效。"""
    token = token_of(request)
    if token:
        await serves.sessions.end(db, token)
    response.delete_cookie(COOKIE)


def give_cookie(
    response: Response, request: Request, serves: Service, token: str, seconds: int
) -> None:
    """The session as a cookie that no script reads; where it came over TLS, only over TLS."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=serves.settings.cookie_secure or request.url.scheme == "https",
    )


async def _describe(db: Database, person: Identity) -> dict[str, Any]:
    name = await regions.require(db, person.region_code) if person.region_code else None
    return {
        "username": person.username,
        "role": person.role,
        "roles": person.told,
        "role_title": person.title,
        "rights": person.rights,
        "region_code": person.region_code,
        "region_name": name,
        "owes": person.owes,
    }
