"""NOTIFY to the last of many open walls, against bare sockets and FastAPI's own streaming."""

import asyncio
import resource
import statistics
import time
from collections.abc import Callable

import psycopg
import uvloop

from bench import county, measure

CLIENTS = (500, 1_000)
ROUNDS = 40
PLAIN_PORT = county.PORT + 1
_NOTE = b"event: note"
_CHANGED = b"event: feature.changed"


class Wall(asyncio.Protocol):
    """A client that only looks for the event it waits for, and when."""

    def __init__(self, hall: "Hall") -> None:
        self.hall = hall
        self.said = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(
            b"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            + county.TOKEN.encode()
            + b"\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        if not self.said:
            self.said = True
            self.hall.open += 1
        if self.hall.marker in data:
            self.hall.heard.append(time.perf_counter())
            if len(self.hall.heard) == self.hall.size:
                self.hall.all_heard.set()


class Hall:
    """Many walls on one server."""

    def __init__(self, size: int, marker: bytes) -> None:
        self.size, self.marker = size, marker
        self.open = 0
        self.heard: list[float] = []
        self.all_heard = asyncio.Event()
        self.walls: list[Wall] = []

    async def gather(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self.size):
            _, wall = await loop.create_connection(lambda: Wall(self), "127.0.0.1", port)
            self.walls.append(wall)
        while self.open < self.size:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)

    async def round(self, db: psycopg.AsyncConnection, statement: str) -> tuple[float, float]:
        self.heard.clear()
        self.all_heard.clear()
        begin = time.perf_counter()
        await db.execute(statement.encode())
        async with asyncio.timeout(30):
            await self.all_heard.wait()
        spent = [(t - begin) * 1000 for t in self.heard]
        return statistics.median(spent), max(spent)


LOGGED = 'insert into change (event, data) values (\'note\', \'{"layer": "depots", "ids": [1]}\')'
NOTIFIED = "notify mapsvc_change, '1'"
EDITED = (
    "update feature set version = version + 1, updated_at = clock_timestamp()"
    " where layer = 'depots' and id = (select min(id) from feature where layer = 'depots')"
)


async def _measure(conninfo: str, port: int, size: int, marker: bytes, sql: str) -> list[float]:
    """Median of the middle wall, median of the last, worst of the last; ms."""
    hall = Hall(size, marker)
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, prepare_threshold=1
    ) as db:
        await hall.gather(port)
        found = []
        for _ in range(ROUNDS):
            found.append(await hall.round(db, sql))
            await asyncio.sleep(0.02)
    for wall in hall.walls:
        wall.transport.close()
    await asyncio.sleep(0.3)
    middles, lasts = [f[0] for f in found[3:]], [f[1] for f in found[3:]]
    return [statistics.median(middles), statistics.median(lasts), max(lasts)]


def run(clients: tuple[int, ...] = CLIENTS) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with (
        county.database(1_000) as conninfo,
        county.service(conninfo),
        county.peer(["bench.live_peers", str(county.PEER_PORT)], conninfo, county.PEER_PORT),
        county.peer(
            ["uvicorn", "bench.live_peers:app", "--port", str(PLAIN_PORT), *county.QUIET],
            conninfo,
            PLAIN_PORT,
        ),
    ):
        for size in clients:
            _compare(conninfo, size)


def _compare(conninfo: str, size: int) -> None:
    ways: dict[str, Callable[[], list[float]]] = {
        name: lambda a=args: uvloop.run(_measure(conninfo, a[0], size, a[1], a[2]))
        for name, args in {
            "bare sockets, NOTIFY (floor)": (county.PEER_PORT, _NOTE, NOTIFIED),
            "FastAPI StreamingResponse, NOTIFY": (PLAIN_PORT, _NOTE, NOTIFIED),
            "GET /api/events, a row of the log": (county.PORT, _NOTE, LOGGED),
            "GET /api/events, a feature changed": (county.PORT, _CHANGED, EDITED),
        }.items()
    }
    found = {name: way() for name, way in ways.items()}
    floor = next(iter(found.values()))
    measure.table(
        f"Commit to {size:,} open walls",
        ["what", "middle wall p50 ms (x floor)", "last wall p50 ms (x floor)", "last wall, worst"],
        [
            [name, f"{a:.1f} ({a / floor[0]:.2f})", f"{b:.1f} ({b / floor[1]:.2f})", f"{c:.1f}"]
            for name, (a, b, c) in found.items()
        ],
    )


if __name__ == "__main__":
    run()
