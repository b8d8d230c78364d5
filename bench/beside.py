"""What an upload costs those beside it: memory, the others' answers, and its clerk's patience."""

import asyncio
import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import psycopg
from shapely import to_wkb

from bench import county, measure
from mapsvc.ingest.assign import RegionIndex
from mapsvc.regions import Region, load

Call = Callable[[], object]

_EVERY = 0.02
"""Seconds between two looks at memory, and between two questions."""


class _Watch:
    """Looks at something again and again, in a thread, while another call runs."""

    def __init__(self, look: Callable[[], float]) -> None:
        self.seen: list[float] = []
        self._look, self._ended = look, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.wait(_EVERY):
            self.seen.append(self._look())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def memory(service: int, call: Call) -> int:
    """MB by which the service and its children together rise above what the service held."""
    before = _held(service)
    with _Watch(lambda: _held(service) + sum(map(_held, _children(service)))) as watch:
        call()
    return int(max(watch.seen) - before)


def _held(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(t.split()[1]) / 1024 for t in lines if t.startswith("VmRSS")), 0)


def _children(pid: int) -> list[int]:
    """The parsers. A child just forked, not yet a program, shows its parent's memory once more."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [
                int(child)
                for child in (task / "children").read_text().split()
                if "mapsvc.ingest.read" in Path(f"/proc/{child}/cmdline").read_text()
            ]
        except OSError:
            continue
    return found


def _nearest() -> Callable[[], float]:
    """Milliseconds of one question of somebody else, over a connection of his own."""
    link = http.client.HTTPConnection("127.0.0.1", county.PORT)
    headers = {"Authorization": f"Bearer {county.TOKEN}"}

    def ask() -> float:
        begin = time.perf_counter()
        link.request("GET", "/api/nearest?lon=111.3&lat=27.8&k=10&layers=depots", headers=headers)
        answer = link.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return (time.perf_counter() - begin) * 1000

    return ask


def others(call: Call) -> tuple[list[float], list[float]]:
    """Milliseconds of `nearest` for somebody else: with nothing beside it, and during the call."""
    ask = _nearest()
    with _Watch(ask) as quiet:
        time.sleep(3)
    with _Watch(ask) as busy:
        call()
    return quiet.seen, busy.seen


def run(
    files: dict[str, bytes],
    small: bytes,
    regions: Sequence[Region],
    send: Callable[[bytes], Call],
    preview: Callable[[bytes], Call],
) -> None:
    """`send` uploads and applies a file over HTTP, `preview` shows what it would change."""
    rises: dict[str, int] = {}
    for name, content in files.items():
        # Each over a service just started: what was freed once is held already.
        with _fresh(regions) as pid:
            rises[name] = memory(pid, send(content))
    with _fresh(regions):
        quiet, busy = others(send(files["xlsx"]))
        call, spent = preview(small), []
        for _ in range(5):
            begin = time.perf_counter()
            call()
            spent.append((time.perf_counter() - begin) * 1000)
    measure.table(
        "Beside an upload of a large ledger",
        ["what", ""],
        [
            *([f"memory above idle, service + parser, {n}", f"{mb} MB"] for n, mb in rises.items()),
            _answers("alone", quiet),
            _answers("during the upload", busy),
            [
                "1,000 rows of xlsx from sending to the preview",
                f"{statistics.median(spent):.0f} ms",
            ],
            ["villages of 10,000 points", f"{_villages(regions):.1f} ms"],
        ],
    )


@contextmanager
def _fresh(regions: Sequence[Region]) -> Iterator[int]:
    with county.database(10_000) as conninfo:
        asyncio.run(_load(conninfo, regions))
        with county.service(conninfo) as pid:
            yield pid


async def _load(conninfo: str, regions: Sequence[Region]) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        await load(db, list(regions))


def _answers(when: str, seen: list[float]) -> list[str]:
    p95 = statistics.quantiles(seen, n=20)[-1]
    return [
        f"another user's 10 nearest, {when}: p50 / p95 / slowest of {len(seen)}",
        f"{statistics.median(seen):.1f} / {p95:.1f} / {max(seen):.1f} ms",
    ]


def _villages(regions: Sequence[Region], count: int = 10_000) -> float:
    """Milliseconds to find the village of each point (median)."""
    above = {r.code: r.parent_code for r in regions}
    rows = [(r.code, r.name, r.level, _path(r.code, above), to_wkb(r.geometry)) for r in regions]
    index = RegionIndex.of(rows)
    at = np.random.default_rng(2).uniform(county.BOX[:2], county.BOX[2:], (count, 2))
    return measure.p50(lambda: index.assign(at[:, 0], at[:, 1]), 20)


def _path(code: str, above: dict[str, str | None]) -> list[str]:
    parent = above[code]
    return [*(_path(parent, above) if parent else []), code]
