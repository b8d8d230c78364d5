"""Single sign-on: to the provider and back."""

import base64
import json
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from mapsvc import walls
from mapsvc.access.single import Journey
from mapsvc.api.service import Serves, Service, address_of, asked_by
from mapsvc.api.session import give_cookie
from mapsvc.database import connection
from mapsvc.errors import NotFound, SignInFailed

router = APIRouter(prefix="/oidc", include_in_schema=False)
_JOURNEY = "mapsvc_oidc"
_MINUTES = 10
# Who comes for the first time signs in and is given an account, where the settings say so.
_RECEPTION = walls.Standing(walls.DOOR, "manages_accounts")
Text = Annotated[str, Query(max_length=4000)]
Next = Annotated[str, Query(alias="next", max_length=500)]


@router.get("/start")
async def start(
    request: Request,
    serves: Serves,
    go_on: Annotated[str, Query(alias="next", max_length=500)] = "/",
) -> RedirectResponse:
    """To the provider; what proves the way back stays in a cookie of ten minutes."""
    _require_on(serves)
    await serves.throttle.check(request, address_of(request))
    url, journey = await serves.single.begin(_back(request, serves))
    answer = RedirectResponse(url, 303)
    kept = json.dumps(asdict(journey) | {"next": inside(go_on)}).encode()
    answer.set_cookie(
        _JOURNEY,
        base64.urlsafe_b64encode(kept).decode(),
        max_age=_MINUTES * 60,
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=serves.settings.cookie_secure or request.url.scheme == "https",
    )
    return answer


@router.get("/back")
async def back(
    request: Request,
    serves: Serves,
    state: Text = "",
    code: Text = "",
    error: Text = "",
) -> RedirectResponse:
    """From the provider: a session for the account that it names."""
    _require_on(serves)
    asked_by(request, "统一身份")
    if error or not code:
        raise SignInFailed(
            "统一身份平台没有放行。请重新登录，或用用户名和密码登录。", code="oidc_denied"
        )
    journey, go_on = _kept(request)
    name = await serves.single.finish(_back(request, serves), journey, state, code)
    asked_by(request, name)
    agent = request.headers.get("user-agent", "")
    async with connection(serves.pool, _RECEPTION) as db:
        token, _ = await serves.sessions.sign_in_named(db, name, agent=agent)
    answer = RedirectResponse(go_on, 303)
    give_cookie(answer, request, serves, token, int(serves.sessions.lifetime.total_seconds()))
    answer.delete_cookie(_JOURNEY, path="/oidc")
    return answer


def inside(target: str) -> str:
    """The address if it is one of this site, else the home page."""
    own = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if own else "/"


def _require_on(serves: Service) -> None:
    if serves.single.name is None:
        raise NotFound("没有设置统一身份登录。")


def _back(request: Request, serves: Service) -> str:
    public = serves.settings.public_url
    return f"{public.rstrip('/')}/oidc/back" if public else str(request.url_for("back"))


def _kept(request: Request) -> tuple[Journey, str]:
    try:
        told = json.loads(base64.urlsafe_b64decode(request.cookies.get(_JOURNEY, "")))
        return Journey(told["state"], told["nonce"], told["verifier"]), inside(told["next"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SignInFailed(
            "这次登录已过期，或不是从登录页开始的。请重新登录。", code="oidc_state"
        ) from None
