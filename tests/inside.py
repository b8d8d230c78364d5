"""The application asked from inside, without a server: a plain call of its ASGI face."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.testclient import TestClient


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The body as whoever compares two answers sees it: without the number of the request."""
        try:
            told = json.loads(self.body)
        except ValueError:
            return self.body
        if isinstance(told, dict):
            told.pop("request_id", None)
        return told


@dataclass(frozen=True)
class Call:
    """A request; a stream is left as soon as it has said something."""

    method: str
    path: str
    query: dict[str, Any] | None = None
    body: bytes = b""
    headers: dict[str, str] | None = None
    leaves: bool = False


async def _ask(app: Any, call: Call) -> Answer:
    sent: list[dict[str, Any]] = []
    over, asked = asyncio.Event(), False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": call.body, "more_body": False}
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and (
            call.leaves or not message.get("more_body")
        ):
            over.set()

    headers = {"host": "testserver", **(call.headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.path,
        "raw_path": quote(call.path).encode(),
        "root_path": "",
        "query_string": urlencode(call.query or {}).encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "state": {},
    }
    try:
        await app(scope, receive, send)
    except Exception:
        # The server's outermost layer answers first and raises then, for its log.
        if not sent:
            raise
    start = next(m for m in sent if m["type"] == "http.response.start")
    body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    told = {k.decode("latin-1"): v.decode("latin-1") for k, v in start["headers"]}
    return Answer(start["status"], told, body)


def ask_all(client: TestClient, calls: list[Call]) -> list[Answer]:
    """The answers, one after another, in the loop in which the application lives."""

    async def work() -> list[Answer]:
        return [await _ask(client.app, call) for call in calls]

    assert client.portal is not None
    return client.portal.call(work)
