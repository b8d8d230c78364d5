"""What the live stream is measured against: bare sockets, and the way tutorials show it.

`python -m bench.live_peers PORT` is the floor: one LISTEN, one write a socket, no HTTP server.
`uvicorn bench.live_peers:app` is FastAPI's StreamingResponse with a queue for each client.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import psycopg
import uvloop
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

CHANNEL = "mapsvc_change"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
FRAME = b'id: 1\nevent: note\ndata: {"layer": "depots", "ids": [1]}\n\n'


async def notifications() -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(
        os.environ["MAPSVC_DATABASE_URL"], autocommit=True
    ) as db:
        await db.execute(f"listen {CHANNEL}")
        async for _ in db.notifies():
            yield


class Bare(asyncio.Protocol):
    everyone: ClassVar[set[asyncio.Transport]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(HEAD)
        if b"/healthz" in data:
            self.transport.close()
        else:
            self.everyone.add(self.transport)

    def connection_lost(self, _: Exception | None) -> None:
        self.everyone.discard(self.transport)


async def bare(port: int) -> None:
    await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=1024)
    async for _ in notifications():
        for transport in Bare.everyone:
            transport.write(FRAME)


queues: "set[asyncio.Queue[bytes]]" = set()


async def spread() -> None:
    async for _ in notifications():
        for queue in queues:
            queue.put_nowait(FRAME)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(spread())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/events")
async def events() -> StreamingResponse:
    async def frames() -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(256)
        queues.add(queue)
        try:
            yield b": hello\n\n"
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)

    return StreamingResponse(frames(), media_type="text/event-stream")


if __name__ == "__main__":
    uvloop.run(bare(int(sys.argv[1])))
