"""One's own account: its password, and where it is signed in."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from mapsvc import access
from mapsvc.api.service import Database, Serves, SignedIn, token_of

router = APIRouter(prefix="/api/me", tags=["我的账号"])


class Passwords(BaseModel):
    """The password in use and the one to use from now on."""

    model_config = ConfigDict(extra="forbid")

    old: str = Field(min_length=1, max_length=1000)
    new: str = Field(min_length=1, max_length=1000)


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
