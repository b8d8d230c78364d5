"""What changes, as it happens (server-sent events), and what has changed lately."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.types import Receive, Scope, Send

from mapsvc import changes
from mapsvc.access import digest
from mapsvc.api.layers import moment
from mapsvc.api.service import Database, Serves, Who, token_of
from mapsvc.errors import BadInput
from mapsvc.live import Feed, Follower

router = APIRouter(prefix="/api", tags=["实时"])
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "X-Content-Type-Options": "nosniff",
}
_LATELY = timedelta(hours=24)


class EventStream(Response):
    """A response that lasts: it ends with the client, the session or the process."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, ticket: bytes, after: int | None) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._feed, self._ticket, self._after = feed, ticket, after

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        with self._feed.follow(self._ticket) as follower:
            await self._serve(follower, receive, send)

    async def _serve(self, follower: Follower, receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        opening = self._feed.opening(follower, self._after)
        work = [
            asyncio.ensure_future(_send_all(opening, follower, send)),
            asyncio.ensure_future(_left(receive)),
        ]
        try:
            await asyncio.wait({*work, follower.over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def _send_all(opening: AsyncIterator[bytes], follower: Follower, send: Send) -> None:
    async for chunk in opening:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    while chunk := await follower.read():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("/events", response_class=Response)
async def events(
    request: Request,
    serves: Serves,
    _: Who,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """实时事件流（Server-Sent Events）。

    `hello`、`tick`（每 4 秒）、`feature.changed`、`upload.applied`、`upload.rolled_back`、
    `closure.changed`、`resync`（请全部重新载入）、`session.ended`。
    断开后带 Last-Event-ID（或 after）重连，不会遗漏。
    """
    token = token_of(request)
    assert token is not None  # Who has seen to it
    return EventStream(serves.feed, digest(token), _position(last_event_id, after))


@router.get("/changes")
async def lately(
    _: Who,
    db: Database,
    since: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """最近的变动，新的在前；缺省为过去 24 小时。"""
    start = moment(since) or datetime.now(UTC) - _LATELY
    return Response(await changes.recent(db, start, limit), media_type="application/json")


def _position(header: str | None, after: int | None) -> int | None:
    """Where to resume; the header is newer than the address that the browser keeps repeating."""
    if header is None or not header.strip():
        return after
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadInput("Last-Event-ID 应为之前收到的事件编号。", code="bad_event_id")
    return int(text)


@contextmanager
def ended_by_signal(feed: Feed) -> Iterator[None]:
    """While inside, a signal to stop ends the streams first.

    The server waits for open answers before it tells the application that it is over.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def early(then: Any) -> Callable[[int, Any], None]:
        def stop(number: int, stack: Any) -> None:
            loop.call_soon_threadsafe(feed.close)
            if callable(then):
                then(number, stack)

        return stop

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        signal.signal(number, early(handler))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
