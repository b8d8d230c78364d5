"""A real `mapsvc serve` over a cluster of its own, with a clerk; both may be killed or starved."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import httpx2 as httpx
import psycopg
import shapely

from mapsvc import regions
from mapsvc.cluster import Cluster, ClusterError
from mapsvc.settings import PROJECT
from tests.conftest import free_port
from tests.test_ingest_flow import WEST, csv_of
from tests.test_service import gone, status, until

# The service as ever, but for the Python that its parsers run in.
SERVICE = """
import sys, types
from mapsvc.ingest import sandbox
sandbox.sys = types.SimpleNamespace(executable=sys.argv.pop(1))
from mapsvc.cli import app
app(prog_name="mapsvc")
"""


class House:
    """The service and its database, either of which may be killed and comes back."""

    def __init__(self, folder: Path, log: IO[str] | None = None, **settings: str) -> None:
        self.folder, self.home, self.settings, self.log = folder, folder / "home", settings, log
        self.cluster = Cluster(self.home)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.asking = ThreadPoolExecutor(4)
        self._holds = folder / "parsers-wait"
        self.process = self._serve()

    def _serve(self) -> subprocess.Popen[bytes]:
        (self.folder / "tmp").mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, self._gate(), "serve", "--port", self.url[-5:]],
            env={
                **os.environ,
                "MAPSVC_HOME": str(self.home),
                "TMPDIR": str(self.folder / "tmp"),
                "MAPSVC_POOL_WAIT_S": "2",
                **self.settings,
            },
            cwd=PROJECT,
            stderr=self.log,
            start_new_session=True,
        )
        until(lambda: status(f"{self.url}/readyz") == 200, 400, "the service did not get ready")
        return process

    def _gate(self) -> Path:
        """A Python for the parsers that waits at first while the parsers are held."""
        gate = self.folder / "python"
        gate.write_text(
            f"#!/bin/sh\nwhile [ -e {self._holds} ]; do sleep 0.05; done\n"
            f'exec {sys.executable} "$@"\n'
        )
        gate.chmod(0o755)
        return gate

    @contextlib.contextmanager
    def parsers_held(self) -> Iterator[None]:
        """Parsers that are started now wait until the end of the block: none ends unseen."""
        self._holds.touch()
        try:
            yield
        finally:
            self._holds.unlink()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.cluster.start()
        self.cluster.stop()
        self.asking.shutdown()

    def db(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.cluster.dsn, autocommit=True)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.db() as db:
            return db.execute(query.encode()).fetchall()

    def send(self, method: str, path: str, **more: Any) -> Future[httpx.Response]:
        headers = {"Authorization": "Bearer clerk"}
        return self.asking.submit(
            httpx.request, method, self.url + path, headers=headers, timeout=120, **more
        )

    def stage(self, rows: list[list[Any]]) -> Future[httpx.Response]:
        form = {"layer": "risk_points", "crs": "wgs84", "region": WEST}
        return self.send("POST", "/api/uploads", data=form, files={"file": csv_of(rows)})

    def kill_service(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._serve()

    def kill_database(self) -> None:
        pid = int(
            ((self.home / "postgres").resolve() / "data/postmaster.pid").read_text().split()[0]
        )
        os.kill(pid, signal.SIGKILL)
        until(lambda: gone(pid), 60, "the database did not die")
        until(self._answers, 120, "the database did not heal")
        until(lambda: status(f"{self.url}/readyz") == 200, 120, "the service did not heal")

    def _answers(self) -> bool:
        """The new server: sessions of the old one may live on for a moment."""
        with contextlib.suppress(psycopg.OperationalError, ClusterError):
            return bool(self.ask("select 1"))
        return False

    def parser(self, *but: int) -> int:
        """The one that is there now, or comes; none of those that were seen before."""
        until(lambda: bool(set(self._parsers()) - set(but)), 120, "no parser was started")
        (pid,) = set(self._parsers()) - set(but)
        return pid

    def _parsers(self) -> list[int]:
        return [
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if _parent(folder) == self.process.pid and b"mapsvc.ingest.read" in _command(folder)
        ]


def _parent(process: Path) -> int:
    with contextlib.suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(process: Path) -> bytes:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


async def furnish(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as db:
        box = shapely.box
        await regions.load(
            db,
            [
                regions.Region("990101", "云岭县", "county", None, box(110.0, 30.0, 110.4, 30.2)),
                regions.Region(WEST, "西山镇", "township", "990101", box(110.0, 30.0, 110.2, 30.2)),
            ],
        )
        await db.execute(
            "insert into account (username, password_hash, roles)"
            " values ('clerk', '-', '{planner}')"
        )
        await db.execute(
            "insert into session (token_hash, username, expires_at)"
            " values (sha256('clerk'), 'clerk', now() + interval '1 hour')"
        )
