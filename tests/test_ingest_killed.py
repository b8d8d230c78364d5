"""kill -9 of the parser, the service and the database in each phase: all or none, then a retry.

A real `mapsvc serve` over a cluster of its own. A lock held from aside stops an upload in the
middle of a phase, inside its transaction; whoever is to be killed is killed there.
"""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from mapsvc.ingest import scratch
from tests.aside import run
from tests.house import House, furnish
from tests.test_service import gone, until

ROWS = [[f"{i:03}", f"青山{i}号滑坡", "红", 110.05 + i / 1000, 30.05, i] for i in range(1, 31)]
NEWER = [[*row[:2], "橙", *row[3:]] for row in ROWS[5:]] + [["099", "新坡", "黄", 110.1, 30.1, 9]]
BUSY = [*ROWS, ["x"] * 6]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="mapsvc-killed-"))
    folder.chmod(0o711)
    house = House(folder, MAPSVC_POOL_WAIT_S="30")
    run(furnish(house.cluster.dsn))
    yield house
    house.close()
    shutil.rmtree(folder)


MAP = """
select layer, code, name, region_code, township_code, ST_AsText(geom), attrs::text, grade, search
from feature order by layer, code
"""
KEPT = "select id::text, status, counts::text from upload order by id"
STRAYS = """
select count(*) from upload_row where upload_id not in (select id from upload)
union all select count(*) from upload_problem where upload_id not in (select id from upload)
union all select count(*) from (select code from feature group by code having count(*) > 1) x
union all select count(*) from upload where (counts ->> 'rows')::int <> (counts ->> 'new')::int
    + (counts ->> 'changed')::int + (counts ->> 'unchanged')::int
    + (counts ->> 'rejected')::int + (counts ->> 'skipped')::int
union all select count(*) from upload u where (counts ->> 'rows')::int
    <> (select count(*) from upload_row r where r.upload_id = u.id)
"""


def stands(house: House) -> tuple[Any, ...]:
    """All that must be as before where nothing was done."""
    assert {n for (n,) in house.ask(STRAYS)} == {0}
    return house.ask(MAP), house.ask(KEPT)


def stopped_at(house: House, lock: str, work: Callable[[], Any], kill: Callable[[], None]) -> None:
    """Begin the work, wait until it stands before the lock, kill."""
    with contextlib.suppress(psycopg.OperationalError), house.db() as aside, aside.transaction():
        aside.execute(lock.encode())
        doing = work()
        waits = "select 1 from pg_locks where not granted"
        until(lambda: bool(house.ask(waits)), 120, "it did not come to the lock")
        kill()
    with contextlib.suppress(httpx.TransportError):
        answer = doing.result(120)
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "database_unavailable"
    until(lambda: not house.ask(waits), 120, "somebody still waits")


AT_ROWS = "lock table upload_row in access exclusive mode"
AT_PROBLEMS = "lock table upload_problem in access exclusive mode"
AT_LAYER = "select from layer where id = 'risk_points' for update"


@pytest.mark.parametrize("who", ["service", "database"])
def test_killed_in_each_phase_all_or_none_and_then_the_retry(house: House, who: str) -> None:
    kill = house.kill_service if who == "service" else house.kill_database
    first = house.stage(ROWS).result(120).json()
    house.send("POST", f"/api/uploads/{first['id']}/apply", json={}).result(120)
    before = stands(house)
    stopped_at(house, AT_PROBLEMS, lambda: house.stage(BUSY), kill)
    assert stands(house) == before
    staged = house.stage(NEWER).result(120).json()
    assert (staged["counts"]["changed"], staged["counts"]["new"]) == (25, 1)
    at = f"/api/uploads/{staged['id']}"
    before = stands(house)
    stopped_at(house, AT_ROWS, lambda: house.send("GET", f"{at}/preview"), kill)
    assert stands(house) == before
    stopped_at(house, AT_LAYER, lambda: house.send("POST", f"{at}/apply", json={}), kill)
    assert stands(house) == before
    assert house.send("GET", at).result(120).json()["status"] == "staged"
    applied = house.send("POST", f"{at}/apply", json={}).result(120).json()
    assert applied["status"] == "applied"
    after = stands(house)
    assert len(after[0]) == 31
    again = house.send("POST", f"{at}/apply", json={}).result(120).json()
    assert (again["status"], stands(house)) == ("applied", after)
    stopped_at(house, AT_LAYER, lambda: house.send("POST", f"{at}/rollback"), kill)
    assert stands(house) == after
    for back in (at, f"/api/uploads/{first['id']}"):
        assert house.send("POST", f"{back}/rollback").result(120).json()["status"] == "rolled_back"
    assert stands(house)[0] == []


def test_a_killed_parser_is_tried_again_and_then_told(house: House) -> None:
    before = stands(house)
    for times in (1, 2):
        with house.parsers_held():
            doing = house.stage([*ROWS, *([["x", *["y"] * 5]] * times)])
            seen: list[int] = []
            while len(seen) < times:
                seen.append(house.parser(*seen))
                os.kill(seen[-1], signal.SIGKILL)
        answer = doing.result(120)
        assert answer.status_code == (201 if times == 1 else 413), answer.text
    (kept,) = set(house.ask(KEPT)) - set(before[1])
    assert house.send("DELETE", f"/api/uploads/{kept[0]}").result(120).status_code == 204
    assert stands(house) == before


def test_a_service_killed_while_a_file_is_parsed_leaves_nothing(house: House) -> None:
    before = stands(house)
    with house.parsers_held():
        doing = house.stage(ROWS)
        pid = house.parser()
        house.kill_service()
        with contextlib.suppress(httpx.TransportError):
            doing.result(120)
    until(lambda: gone(pid), 120, "the parser outlived the service")
    assert stands(house) == before
    (left,) = (house.folder / "tmp").glob(f"{scratch.PREFIX}*")
    os.utime(left, (1, 1))
    staged = house.stage(ROWS).result(120).json()
    assert staged["counts"]["accepted"] == 30
    assert list((house.folder / "tmp").glob(f"{scratch.PREFIX}*")) == []
    assert house.send("DELETE", f"/api/uploads/{staged['id']}").result(120).status_code == 204
