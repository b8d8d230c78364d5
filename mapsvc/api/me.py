"""One's own account: its password, and where it is signed in."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import access
from mapsvc.api.service import Database, Serves, SignedIn, token_of

router = APIRouter(prefix="/api/me", tags=["我的账号"])


class Passwords(BaseModel):
    """The password in use and the one to use from now on."""

    model_config = ConfigDict(extra="forbid")

    old: str = Field(min_length=1, max_length=1000)
    new: str = Field(min_length=1, max_length=1000)


class Second(BaseModel):
    """The secret that was offered, a code of it, and the password."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(min_length=1, max_length=1000)
    secret: str = Field(min_length=16, max_length=64, pattern="^[A-Z2-7]+$")
    code: str = Field(min_length=6, max_length=20)


class Own(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: str = Field(min_length=1, max_length=1000)


def own_token(request: Request) -> str:
    token = token_of(request)
    assert token is not None  # SignedIn has seen to it
    return token


@router.post("/password", status_code=204)
async def change_password(
    sent: Passwords, request: Request, serves: Serves, db: Database, person: SignedIn
) -> None:
    """修改自己的密码；其他地方的登录随即退出。"""
    await access.change_password(
        db,
        serves.settings,
        person.username,
        sent.old,
        sent.new,
        access.digest(own_token(request)),
    )
    serves.sessions.forget()


@router.get("/sessions")
async def sessions(
    request: Request, serves: Serves, db: Database, person: SignedIn
) -> dict[str, Any]:
    """自己在哪些地方登录着：时间、地址、最近使用。"""
    found = await serves.sessions.listed(db, person.username, own_token(request))
    return {"sessions": found}


@router.delete("/sessions")
async def end_others(
    request: Request, serves: Serves, db: Database, person: SignedIn
) -> dict[str, int]:
    """退出其他所有地方的登录，只留这一个。"""
    ended = await serves.sessions.end_all(db, person.username, keep=own_token(request))
    return {"ended": ended}


@router.delete("/sessions/{number}", status_code=204)
async def end_one(number: int, serves: Serves, db: Database, person: SignedIn) -> None:
    """退出自己的某一个登录。"""
    await serves.sessions.end_one(db, person.username, number)


@router.post("/totp")
async def offer_totp(person: SignedIn, response: Response) -> dict[str, str]:
    """动态口令的密钥和二维码；用它算出的口令确认之后才启用。"""
    response.headers["Cache-Control"] = "no-store"
    made = access.totp.offer(person.username, "一网四图")
    return {"secret": made.secret, "uri": made.uri, "picture": made.picture}


@router.put("/totp")
async def enable_totp(
    sent: Second, serves: Serves, db: Database, person: SignedIn, response: Response
) -> dict[str, list[str]]:
    """启用动态口令；给出一次性的恢复码，只给这一次。"""
    response.headers["Cache-Control"] = "no-store"
    codes = await access.totp.enable(db, person.username, sent.password, sent.secret, sent.code)
    serves.sessions.forget()
    return {"recovery": codes}


@router.post("/totp/off", status_code=204)
async def disable_totp(sent: Own, serves: Serves, db: Database, person: SignedIn) -> None:
    """停用动态口令。"""
    await access.require_own(db, person.username, sent.password)
    await access.totp.disable(db, person.username)
    serves.sessions.forget()
