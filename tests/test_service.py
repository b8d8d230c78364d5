"""The whole service in a process of its own: it starts, survives its database, and stops clean."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest

from mapsvc.cluster import Cluster, ClusterError
from mapsvc.settings import PROJECT
from tests.conftest import free_port
from tests.test_live import INSERT, Stream


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def status(url: str) -> int:
    try:
        return httpx.get(url, timeout=60).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`mapsvc serve` with an embedded cluster of its own, below the project's folder."""
    home = PROJECT / f".mapsvc-test-{os.getpid()}"
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mapsvc.cli", "serve", "--port", str(port)],
        env={**os.environ, "MAPSVC_HOME": str(home), "MAPSVC_POOL_WAIT_S": "2"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: status(f"{url}/readyz") == 200, 400, "the service did not become ready")
        yield process, url
    finally:
        process.kill()
        process.wait()
        cluster = Cluster(home)
        cluster.start()
        cluster.stop()
        subprocess.run(["rm", "-rf", str(home)], check=True)


def dsn() -> str:
    return Cluster(PROJECT / f".mapsvc-test-{os.getpid()}").dsn


def signed_in() -> str:
    with psycopg.connect(dsn(), autocommit=True) as db:
        db.execute(
            "insert into account (username, password_hash, roles) values ('wall', '-', '{command}')"
        )
        db.execute(
            "insert into session (token_hash, username, expires_at)"
            " values (sha256('wall'), 'wall', now() + interval '1 hour')"
        )
    return "wall"


def postmaster(home_of: subprocess.Popen[str]) -> int:
    home = PROJECT / f".mapsvc-test-{os.getpid()}"
    folder = (home / "postgres").resolve() / "data" / "postmaster.pid"
    return int(folder.read_text().split()[0])


def answers() -> bool:
    """The new server: sessions of the old one may live on for a moment."""
    with contextlib.suppress(psycopg.OperationalError, ClusterError), psycopg.connect(dsn()) as db:
        return db.execute("select 1").fetchone() == (1,)
    return False


def gone(pid: int) -> bool:
    """No such process, or only its remains that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_survives_its_database_and_stops_clean(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = served
    first = postmaster(process)
    stream = Stream(url, signed_in(), None)
    stream.next("hello")
    os.kill(first, signal.SIGKILL)
    until(lambda: gone(first), 60, "the database did not die")
    while stream.next("tick").data["live"]:
        pass  # one may have been on its way
    until(answers, 120, "the database did not come back")
    until(lambda: status(f"{url}/readyz") == 200, 120, "the service did not heal")
    with psycopg.connect(dsn(), autocommit=True) as db:
        db.execute(INSERT.encode(), ["forces", "重启之后", 1])
    assert stream.next("feature.changed").data["summary"][0]["name"] == "重启之后1"
    second = postmaster(process)
    assert second != first
    assert httpx.get(f"{url}/login", timeout=60).status_code == 200

    process.send_signal(signal.SIGINT)
    with pytest.raises(EOFError):
        stream.next("none")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert "Cancel" not in told, "the streams did not end by themselves"
    until(lambda: gone(second), 60, "the database outlived the service")


def test_a_broken_layer_file_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('id = "x"\ntitle = 5\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mapsvc.cli", "serve"],
        env={**os.environ, "MAPSVC_LAYERS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert "bad.toml" in done.stderr
    assert "title" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unusable_database_address_is_told_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mapsvc.cli", "init"],
        env={**os.environ, "MAPSVC_DATABASE_URL": "postgresql://127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert "连不上数据库" in done.stderr
    assert "Traceback" not in done.stderr
