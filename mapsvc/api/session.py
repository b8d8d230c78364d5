"""Signing in and out."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from mapsvc import regions
from mapsvc.access import Identity
from mapsvc.api.service import COOKIE, Database, Serves, SignedIn, asked_by, token_of

router = APIRouter(prefix="/api/session", tags=["登录"])


class Credentials(BaseModel):
    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=1000)


@router.post("")
async def sign_in(
    given: Credentials, request: Request, response: Response, serves: Serves, db: Database
) -> dict[str, Any]:
    """用户名和密码换取令牌；同时写入页面用的 Cookie。"""
    asked_by(request, given.username)
    token, person = await serves.sessions.sign_in(db, given.username, given.password)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(serves.sessions.lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=serves.settings.cookie_secure or request.url.scheme == "https",
    )
    return {"token": token, **await _describe(db, person)}


@router.get("")
async def who_am_i(person: SignedIn, db: Database) -> dict[str, Any]:
    """我是谁：角色和所属区域。"""
    return await _describe(db, person)


@router.delete("", status_code=204)
async def sign_out(
    _: SignedIn, request: Request, response: Response, serves: Serves, db: Database
) -> None:
    """退出登录，令牌随即失效。"""
    token = token_of(request)
    if token:
        await serves.sessions.end(db, token)
    response.delete_cookie(COOKIE)


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
    }
