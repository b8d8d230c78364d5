"""Every request has a number, is counted and timed, and is told in the log where that matters."""

import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mapsvc import logs
from mapsvc.api import metrics
from mapsvc.record import asker

log = logging.getLogger(__name__)

SLOW_S = 2.0
_READS = ("GET", "HEAD", "OPTIONS")
# Questions too long for an address: they change nothing either, and are many.
_QUESTIONS = ("/api/within", "/api/plans")
_FAILED = 500


class Traces:
    """Plain ASGI: a middleware class of Starlette's would cost the hot routes a task each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        logs.request_id.set(number)
        logs.backends.set(set())
        began, status, streams = time.perf_counter(), _FAILED, False

        async def told(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", number.encode())]
                streams = any(
                    key == b"content-type" and value.startswith(b"text/event-stream")
                    for key, value in message["headers"]
                )
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            _account(scope, status, time.perf_counter() - began, streams=streams)


def _account(scope: Scope, status: int, seconds: float, *, streams: bool) -> None:
    # The route's pattern, not the address: a search for a name must not end up in a log.
    route = getattr(scope.get("route"), "path", "(none)")
    method = scope["method"]
    if not streams:
        metrics.seen(method, route, status, seconds)
    slow = seconds > SLOW_S and not streams
    if (method in _READS or route in _QUESTIONS) and status < _FAILED and not slow:
        return
    who = asker()
    log.log(
        logging.WARNING if slow or status >= _FAILED else logging.INFO,
        "%s %s %d in %d ms",
        method,
        route,
        status,
        round(seconds * 1000),
        # At sign-in the name is what somebody typed, perhaps a password in the wrong box.
        extra={"user": who.username if who.roles else ""},
    )
