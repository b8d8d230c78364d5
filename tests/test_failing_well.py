"""A full disk, a read-only database, an exhausted pool, a query too long: told, and then healed."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from mapsvc.postmaster import Postmaster
from tests.aside import run
from tests.conftest import PATIENCE_S
from tests.house import House, furnish
from tests.test_ingest_killed import STRAYS
from tests.test_service import status, until

ROWS = [[f"{i:04}", f"山{i}", "红", 110.01 + i / 40_000, 30.05, i] for i in range(4000)]
FEW = ROWS[:5]
NEAR = "/api/nearest?lon=110.1&lat=30.1&layers=risk_points"


@contextlib.contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own, so that it can be full."""
    folder.mkdir()
    size = f"size={megabytes}m,mode=711"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="mapsvc-failing-"))
    folder.chmod(0o711)
    with (
        _small_disk(folder / "home", 600),
        _small_disk(folder / "tmp", 8),
        (folder / "log").open("w") as log,
    ):
        house = House(
            folder,
            log,
            MAPSVC_POOL_SIZE="3",
            MAPSVC_STATEMENT_TIMEOUT_S="4",
            MAPSVC_METRICS_TOKEN="metrics",
        )
        run(furnish(house.cluster.dsn))
        first = house.stage(FEW).result(120).json()
        applied = house.send("POST", f"/api/uploads/{first['id']}/apply", json={}).result(120)
        assert applied.json()["status"] == "applied"
        yield house
        house.close()
    shutil.rmtree(folder)


@contextlib.contextmanager
def _full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    for _ in range(100):  # the database may give something back meanwhile
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"0" * 65_536):
                pass
        if shutil.disk_usage(disk).free < 65_536:
            break
    try:
        yield
    finally:
        filler.unlink()


def _told(answer: httpx.Response, code: str) -> None:
    """In words, without a long wait, with the number by which the log tells more."""
    assert answer.status_code == 503, answer.text
    assert answer.elapsed.total_seconds() < PATIENCE_S
    problem = answer.json()
    assert problem["code"] == code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "。" in problem["detail"]


def _whole(house: House) -> None:
    """As before: nothing half-written; and it serves again without having been restarted."""
    assert {n for (n,) in house.ask(STRAYS)} == {0}
    serves = lambda: house.send("GET", NEAR).result(120).status_code == 200  # noqa: E731
    until(serves, 120, "it does not serve again")
    assert len(house.send("GET", NEAR).result(120).json()["results"]) == 5
    staged = house.stage(FEW).result(120)
    assert staged.status_code == 201, staged.text
    assert staged.json()["counts"]["unchanged"] == 5
    house.send("DELETE", f"/api/uploads/{staged.json()['id']}").result(120)


def test_a_full_disk_below_the_database(house: House) -> None:
    with psycopg.connect(_superuser(house), autocommit=True) as db:
        # Neither a log file to be begun nor a checkpoint to be made while the disk is full.
        db.execute("select pg_switch_wal()")
        db.execute("checkpoint")
    with _full(house.home):
        _told(house.stage(ROWS).result(120), "disk_full")
        assert house.send("GET", NEAR).result(120).status_code == 200
    _whole(house)


def test_a_full_disk_below_the_service(house: House) -> None:
    with _full(house.folder / "tmp"):
        _told(house.stage(ROWS * 20).result(120), "disk_full")
    _whole(house)


def test_a_read_only_database(house: House) -> None:
    with psycopg.connect(_superuser(house), autocommit=True) as db:
        try:
            db.execute("alter system set default_transaction_read_only = on")
            db.execute("select pg_reload_conf()")
            _until_read_only(house, "on")
            _told(house.stage(FEW).result(120), "read_only")
            assert house.send("GET", NEAR).result(120).status_code == 200
        finally:
            db.execute("set default_transaction_read_only = off")
            db.execute("alter system reset default_transaction_read_only")
            db.execute("select pg_reload_conf()")
    _until_read_only(house, "off")
    _whole(house)


def _superuser(house: House) -> str:
    return Postmaster((house.home / "postgres").resolve(), durable=True).url("postgres", "postgres")


def _until_read_only(house: House, wanted: str) -> None:
    shown = "show default_transaction_read_only"
    until(lambda: house.ask(shown) == [(wanted,)], 120, "the setting did not arrive")


def test_an_exhausted_pool_and_a_query_that_takes_too_long(house: House) -> None:
    with house.db() as aside, aside.transaction():
        aside.execute("lock table feature in access exclusive mode")
        codes: list[str] = []
        # Once is enough where nobody else has the machine: four ask at once and three get through.
        while len(codes) < 40 and {*codes} != {"database_unavailable", "query_timeout"}:
            for answer in [house.send("GET", NEAR) for _ in range(4)]:
                codes.append(answer.result(120).json()["code"])
                _told(answer.result(), codes[-1])
        assert {*codes} == {"database_unavailable", "query_timeout"}
        assert status(f"{house.url}/readyz") in (200, 503)
    _whole(house)


def test_the_log_tells_the_same_number_and_nothing_personal(house: House) -> None:
    bearer = {"Authorization": "Bearer clerk"}
    with house.db() as db:
        db.execute("alter table feature rename column attrs to gone")
    try:
        failed = httpx.get(
            house.url + "/api/layers/risk_points/features?q=13812345678", headers=bearer, timeout=60
        )
    finally:
        with house.db() as db:
            db.execute("alter table feature rename column gone to attrs")
    assert failed.status_code == 500
    number = failed.json()["request_id"]
    lines: list[dict[str, Any]] = []
    about: list[dict[str, Any]] = []

    def told_by_both() -> bool:
        # The answer may be here before the server has told where the fault came from.
        whole = (house.folder / "log").read_text().split("\n")[:-1]
        lines[:] = [json.loads(line) for line in whole]
        about[:] = [line for line in lines if line["request_id"] == number]
        return {line["logger"] for line in about} == {"mapsvc.api.traces", "uvicorn.error"}

    until(told_by_both, 60, "the log does not tell of the fault")
    assert any("psycopg.errors.UndefinedColumn 42703" in line.get("exc_info", "") for line in about)
    assert not any("13812345678" in json.dumps(line) for line in lines)
    # The database's log calls its process by the same number: that leads from either to the other.
    server_log = (house.home / "postgres").resolve() / "server.log"
    told = [line for line in server_log.read_text().splitlines() if " ERROR: " in line]
    worked = {f"[{pid}]" for line in about for pid in line["db"].split()}
    assert any(pid in line and "attrs" in line for pid in worked for line in told)


def test_metrics_count_requests_by_route_for_those_who_may(house: House) -> None:
    def metrics(token: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{house.url}/metrics", headers=bearer, timeout=60)

    house.send("GET", NEAR).result(120)
    assert metrics("clerk").status_code == 403
    assert metrics("nobody").status_code == 401
    live = "mapsvc_feed_live 1.0"
    until(lambda: live in metrics("metrics").text.splitlines(), 120, "the feed does not come back")
    lines = metrics("metrics").text.splitlines()
    counted = 'mapsvc_request_seconds_count{method="GET",route="/api/nearest",status="200"}'
    assert any(line.startswith(counted) for line in lines)
    assert 'mapsvc_pool_connections{state="max"} 3.0' in lines
