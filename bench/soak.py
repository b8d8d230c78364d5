"""A day of changes in minutes: does every wall hear each of them, and does the server stay small?

`python -m bench.soak [changes] [walls]`. Walls come and go, a bulk change falls in now and then,
tiles and figures are asked for all the while.
"""

import asyncio
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import uvloop

from bench import county, measure

_SETTLE_S = 10


@dataclass
class Wall:
    """Reads the stream; remembers the positions it heard, across its own disconnections."""

    port: int
    token: str
    heard: list[int] = field(default_factory=list)
    resyncs: int = 0

    async def live(self, dice: random.Random, patience: float) -> None:
        """Listens for a while, goes, comes back where it was."""
        while True:
            try:
                async with asyncio.timeout(dice.uniform(0.2, 1) * patience):
                    await self._listen()
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                pass

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        last = f"Last-Event-ID: {self.heard[-1]}\r\n" if self.heard else ""
        head = (
            f"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n{last}"
        )
        writer.write(f"{head}\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    self.heard.append(int(line[4:]))
                elif line.startswith(b"event: resync"):
                    self.resyncs += 1
        finally:
            writer.close()


@dataclass(frozen=True)
class Outcome:
    """Memory in MB after a fifth of the changes and at the end; walls that heard all of them."""

    early_mb: float
    late_mb: float
    changes: int
    walls: int
    complete: int


ADD = """insert into feature (layer, name, geom, grade)
    values ('depots', 'soak', ST_Point(%(x)s, %(y)s, 4326), %(g)s)"""
NEXT = "update feature set version = version + 1, updated_at = clock_timestamp()"
THIS = "where layer = 'depots' and id = %(id)s"
CHANGES = (
    ADD,
    f"{NEXT}, geom = ST_Point(%(x)s, %(y)s, 4326) {THIS}",
    f"{NEXT}, grade = %(g)s {THIS}",
    f"delete from feature {THIS}",
)
BULK = f"{NEXT} where layer = 'depots' and id %% 7 = 0"


async def soak(
    conninfo: str,
    port: int,
    pid: int,
    token: str,
    *,
    changes: int,
    walls: int,
    patience: float = 20,
    box: tuple[float, ...] = county.BOX,
    settle: float = _SETTLE_S,
) -> Outcome:
    dice = random.Random(5)
    group = [Wall(port, token) for _ in range(walls)]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        listening = [asyncio.create_task(w.live(dice, patience)) for w in group]
        while not all(w.heard for w in group):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        first = await _newest(db)
        asking = asyncio.create_task(_ask(port, token, dice, box))
        early = 0.0
        for number in range(changes):
            await _change(db, dice, box, bulk=number % 200 == 199)
            if number == changes // 5:
                early = rss_mb(pid)
        newest = await _newest(db)
        async with asyncio.timeout(settle):
            while any(w.heard[-1] < newest for w in group):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        late = rss_mb(pid)
        for task in (asking, *listening):
            task.cancel()
        await asyncio.gather(asking, *listening, return_exceptions=True)
        rows = await db.execute(
            "select position from change where position > %s order by position", [first]
        )
        true = [row[0] for row in await rows.fetchall()]
    complete = sum([p for p in w.heard if p > first] == true and not w.resyncs for w in group)
    return Outcome(early, late, len(true), walls, complete)


async def _newest(db: psycopg.AsyncConnection) -> int:
    row = await (await db.execute("select coalesce(max(position), 0) from change")).fetchone()
    return int(row[0]) if row else 0


async def _change(
    db: psycopg.AsyncConnection, dice: random.Random, box: tuple[float, ...], *, bulk: bool
) -> None:
    # Any row: a hole in the ids would make a change of nothing.
    row = await (
        await db.execute("select id from feature where layer = 'depots' order by random() limit 1")
    ).fetchone()
    values = {
        "x": dice.uniform(box[0], box[2]),
        "y": dice.uniform(box[1], box[3]),
        "g": dice.randint(1, 4),
        "id": row[0] if row else 0,
    }
    await db.execute((BULK if bulk else dice.choice(CHANGES)).encode(), values)


async def _ask(port: int, token: str, dice: random.Random, box: tuple[float, ...]) -> None:
    """What open walls ask for after changes: tiles, figures, layers, the last hours."""
    while True:
        z = dice.randint(7, 15)
        x = int((dice.uniform(box[0], box[2]) + 180) / 360 * 2**z)
        tile = f"/tiles/depots/{z}/{x}/{int(0.4194 * 2**z)}.mvt?v={dice.randint(1, 10**6)}"
        for path in (tile, tile.partition("?")[0], "/api/overview", "/api/layers", "/api/changes"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode())
            assert b" 200 " in await reader.readline()
            await reader.read()
            writer.close()
        await asyncio.sleep(0.05)


def rss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def run(changes: int = 6_000, walls: int = 60) -> None:
    with county.database(5_000) as conninfo, county.service(conninfo) as pid:
        done = uvloop.run(
            soak(conninfo, county.PORT, pid, county.TOKEN, changes=changes, walls=walls)
        )
    measure.table(
        f"{done.changes:,} changes, {done.walls} walls that come and go",
        [
            "server after a fifth, MB",
            "at the end, MB",
            "growth a 1,000 changes, MB",
            "walls that heard all",
        ],
        [
            [
                f"{done.early_mb:.1f}",
                f"{done.late_mb:.1f}",
                f"{(done.late_mb - done.early_mb) / (0.8 * done.changes / 1000):.2f}",
                f"{done.complete} of {done.walls}",
            ]
        ],
    )


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
