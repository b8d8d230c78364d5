"""How often one may do what could be abused by doing it often; counted by account, else by address.

Each process counts for itself: with N workers a limit is at most N times what the setting says.
Wrong passwords are another matter and are counted in the database (`mapsvc.access.attempts`).
"""

import time

from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from mapsvc.errors import BrokenSetup, TooManyRequests
from mapsvc.settings import Settings

_WORDS = {
    "sign_in": "登录",
    "reveal": "显示个人信息",
    "export": "导出",
    "upload": "上传",
}
_DOORS = {
    ("POST", "/api/session"): "sign_in",
    ("POST", "/api/kiosk"): "sign_in",
    ("POST", "/api/setup"): "sign_in",
    ("GET", "/oidc/start"): "sign_in",
    ("POST", "/api/me/password"): "sign_in",
    ("POST", "/api/reveal"): "reveal",
    ("POST", "/api/uploads"): "upload",
    ("GET", "/api/record.xlsx"): "export",
    ("GET", "/api/layers/{layer}/template.xlsx"): "export",
    ("GET", "/api/uploads/{upload_id}/original"): "export",
    ("GET", "/api/uploads/{upload_id}/report.xlsx"): "export",
}
_FILES = ("xlsx", "geojson")


class Throttle:
    """The limits of the settings; `check` raises TooManyRequests where one is reached."""

    def __init__(self, settings: Settings) -> None:
        self._limits = {
            kind: _read(f"MAPSVC_RATE_{kind.upper()}", getattr(settings, f"rate_{kind}"))
            for kind in _WORDS
        }
        self._window = MovingWindowRateLimiter(MemoryStorage())

    async def check(self, request: Request, who: str) -> None:
        """Count this request as `who`'s, if it is of a kind that is counted."""
        kind = _DOORS.get((request.method, request.scope["route"].path))
        if kind is None and request.query_params.get("format") in _FILES:
            kind = "export"
        limit = self._limits.get(kind) if kind else None
        if kind is None or limit is None or await self._window.hit(limit, kind, who):
            return
        free_at = (await self._window.get_window_stats(limit, kind, who)).reset_time
        seconds = max(1, round(free_at - time.time()))
        raise TooManyRequests(f"{_WORDS[kind]}过于频繁，请 {seconds} 秒后再试。", seconds)


def _read(name: str, text: str) -> RateLimitItem | None:
    """`60/hour`, `10/minute`; nothing for no limit."""
    if not text.strip():
        return None
    try:
        return parse(text)
    except ValueError:
        raise BrokenSetup(
            f"{name} 应写成 次数/时间，例如 60/hour、10/minute；空着表示不限。"
        ) from None
