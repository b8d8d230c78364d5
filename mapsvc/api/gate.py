"""How much a request may say before anybody reads it: address, headers, body, depth of its JSON."""

import re
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mapsvc.errors import BadInput, MapsvcError, TooLarge

LONGEST_QUERY = 16 * 1024
LONGEST_HEADERS = 32 * 1024
LARGEST_BODY = 2 * 1024 * 1024
"""Of what is not a file: a drawn border of some ten thousand corners."""
FORM = 64 * 1024
"""What a form says around its file."""
DEEPEST = 32
FILES = "/api/uploads"
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class Gate:
    """Plain ASGI; a request without a body passes after two sums."""

    def __init__(self, app: ASGIApp, upload_max_bytes: int) -> None:
        self.app = app
        self.largest_file = upload_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _measure(scope)
            heard = receive
            if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                heard = await self._body(scope, receive)
        except MapsvcError as refused:
            await _refuse(refused, scope, receive, send)
            return
        await self.app(scope, heard, send)

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        sends_file = scope["method"] == "POST" and scope["path"] == FILES
        most = self.largest_file + FORM if sends_file else LARGEST_BODY
        if _told_length(scope) > most:
            raise _too_large(most)
        return _counted(receive, most) if sends_file else await _read(receive, most)


def _measure(scope: Scope) -> None:
    if len(scope["query_string"]) + len(scope["path"]) > LONGEST_QUERY:
        raise TooLarge("网址过长。请减少条件，或改用文件上传。", code="address_too_long")
    if sum(len(key) + len(value) for key, value in scope["headers"]) > LONGEST_HEADERS:
        raise TooLarge("请求头过长。请清除本网站的 Cookie 后重试。", code="headers_too_long")


def _told_length(scope: Scope) -> int:
    for key, value in scope["headers"]:
        if key == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"请求内容超过 {most // 1024 // 1024} MB 上限。请减少内容，或拆分后分次提交。")


def _counted(receive: Receive, most: int) -> Receive:
    """The same, up to so many bytes: a file is written to disk as it comes."""
    came = 0

    async def heard() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most:
            raise HTTPException(413)  # the form's reader lets this one through
        return message

    return heard


async def _read(receive: Receive, most: int) -> Receive:
    """The whole body, read and looked at before it is understood."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        if not message.get("more_body"):
            break
    if too_deep(bytes(body)):
        raise BadInput("内容嵌套过深。请改正后重试。", code="bad_json")
    told = _once(bytes(body))

    async def heard() -> Message:
        return next(told, None) or await receive()

    return heard


def _once(body: bytes) -> Iterator[Message]:
    yield {"type": "http.request", "body": body, "more_body": False}


def too_deep(body: bytes) -> bool:
    """Does JSON nest deeper than anything that we are asked? Brackets in texts do not count."""
    depth = 0
    for mark in _MARKS.finditer(body):
        first = body[mark.start()]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif first in b"]}":
            depth -= 1
    return False


async def _refuse(refused: MapsvcError, scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse(refused.problem(), refused.status, media_type="application/problem+json")
    await answer(scope, receive, send)
