"""The bundled browser files, from memory: plain, or compressed for who takes it.

Their names change with their content, so they may be kept for good. Reading them from the disk
goes through threads, piece by piece, which takes longer than all the rest of opening a page.
"""

import asyncio
import gzip
import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mapsvc.maps.assets import BUILD

_FOR_GOOD = "public, max-age=31536000, immutable"
_PACKED = {".js", ".css", ".svg", ".txt", ".json"}


class Bundle:
    """An ASGI application: `GET /<file of the folder>`; what came later is not there."""

    def __init__(self, folder: Path = BUILD) -> None:
        self._plain = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
        self._packed: dict[str, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Mounted: the path is whole, the mount's own part is its root.
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        await (await self._answer(name, request))(scope, receive, send)

    async def _answer(self, name: str, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405)
        body = self._plain.get(name)
        if body is None:
            raise HTTPException(404)
        headers = {"Cache-Control": _FOR_GOOD, "X-Content-Type-Options": "nosniff"}
        if Path(name).suffix in _PACKED:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                body = await self._compressed(name, body)
                headers["Content-Encoding"] = "gzip"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(body, media_type=kind, headers=headers)

    async def _compressed(self, name: str, body: bytes) -> bytes:
        packed = self._packed.get(name)
        if packed is None:
            packed = await asyncio.to_thread(gzip.compress, body, 6, mtime=0)
            self._packed[name] = packed
        return packed
