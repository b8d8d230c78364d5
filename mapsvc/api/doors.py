"""Which doors stand open to whom, before any right is asked: walls, debtors, other sites' pages."""

from urllib.parse import urlsplit

from fastapi import Request

from mapsvc.access import Identity
from mapsvc.errors import Forbidden, Owing
from mapsvc.settings import Settings

# What `/screen` asks for. A wall's cookie opens these and nothing else.
WALL = frozenset(
    {
        ("GET", "/screen"),
        ("GET", "/api/session"),
        ("DELETE", "/api/session"),
        ("GET", "/api/map"),
        ("GET", "/api/layers"),
        ("GET", "/api/symbols"),
        ("GET", "/api/regions"),
        ("GET", "/api/relief.png"),
        ("GET", "/api/overview"),
        ("GET", "/api/events"),
        ("GET", "/api/changes"),
        ("GET", "/api/command/tree"),
        ("GET", "/api/command/chain"),
        ("GET", "/api/nearest"),
        ("POST", "/api/within"),
        ("GET", "/api/coverage/rings"),
        ("GET", "/tiles/base/{z}/{x}/{y}.mvt"),
        ("GET", "/tiles/base/{z}.mvts"),
        ("GET", "/tiles/{layer}/{z}/{x}/{y}.mvt"),
        ("GET", "/tiles/{layer}/{z}.mvts"),
    }
)
# What an account that owes a new password or a second factor may do.
OWING = frozenset(
    {
        ("GET", "/me"),
        ("GET", "/api/session"),
        ("DELETE", "/api/session"),
        ("POST", "/api/me/password"),
        ("POST", "/api/me/totp"),
        ("PUT", "/api/me/totp"),
    }
)
# What pages ask for by themselves, without any header of ours: it keeps nobody signed in.
UNATTENDED = frozenset({"/screen", "/api/events", "/api/relief.png"})
REOPENED = "mapsvc_unattended"
"""A page that opened itself anew leaves this cookie for some seconds."""
DEBTS = {
    "password": "密码需要更换后才能继续。请在“我的账号”设一个新密码。",
    "totp": "您的角色必须启用动态口令后才能继续。请在“我的账号”完成设置。",
}


def require_open(request: Request, person: Identity) -> None:
    """Forbidden where this door is not for a wall, Owing where there is something to do first."""
    if not (person.is_wall or person.owes):
        return
    door = (request.method, request.scope["route"].path)
    if person.owes and door not in OWING:
        raise Owing(DEBTS[person.owes], code=f"owes_{person.owes}")
    if person.is_wall and door not in WALL:
        raise Forbidden("大屏令牌只能用于大屏页面。请用个人账号登录。", code="forbidden")


def is_use(request: Request) -> bool:
    """Does somebody stand behind this request? Our pages say where nobody has touched them for a
    minute; programs are not asked.
    """
    route = getattr(request.scope.get("route"), "path", "")
    said = "x-unattended" in request.headers or REOPENED in request.cookies
    return not said and route not in UNATTENDED


def require_own_page(request: Request, settings: Settings) -> None:
    """Forbidden unless a page of ours sent this: another site's cannot set the header, and its
    browser names it as the origin. Programs that send a bearer token are not asked.
    """
    if "x-requested-with" not in request.headers:
        raise Forbidden("请求缺少 X-Requested-With 头，已拒绝。请从系统页面操作。", code="csrf")
    require_own_origin(request, settings)


def require_own_origin(request: Request, settings: Settings) -> None:
    """Forbidden where the browser says that another site's page sent this request."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site in ("same-origin", "none") and (origin is None or _is_ours(request, settings, origin)):
        return
    raise Forbidden(
        "请求来自别的网站，已拒绝。请从系统页面操作；"
        "若一直出现，请系统管理员设置 MAPSVC_PUBLIC_URL。",
        code="csrf",
    )


def _is_ours(request: Request, settings: Settings, origin: str) -> bool:
    # The scheme is not compared: a proxy in front may speak HTTPS where we hear HTTP.
    if settings.public_url is not None and origin == settings.public_url.rstrip("/"):
        return True
    return urlsplit(origin).netloc == request.headers.get("host", "")
