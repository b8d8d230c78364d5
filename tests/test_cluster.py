"""The private cluster on real servers: every test makes, shares, kills or revives one."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mapsvc.cluster import FALLBACK, Cluster, ClusterError, running

USER = """
import sys
from pathlib import Path
from mapsvc.cluster import running
with running(Path(sys.argv[1]), durable=False) as cluster:
    print(cluster.dsn, flush=True)
    sys.stdin.read()
"""
# It stops where the new files are there and not yet in their place.
HALF = f"""
import sys
from pathlib import Path
def rename(*_):
    print("half", flush=True)
    sys.stdin.read()
Path.rename = rename
{USER}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder open to the server's account, which pytest's own tmp_path is not under root."""
    folder = Path(tempfile.mkdtemp(prefix="mapsvc-test-"))
    folder.chmod(0o711)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def join() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start a process, in a group of its own, that uses the cluster until its input closes."""
    processes: list[subprocess.Popen[str]] = []

    def start(home: Path, program: str = USER) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(home)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, start_new_session=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.communicate(timeout=180)


def dsn_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    dsn = process.stdout.readline().strip()
    assert dsn, "the process ended before its cluster was up"
    return dsn


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=180)
    assert process.returncode == 0


def postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def write(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_new_cluster_has_what_the_service_needs(home: Path) -> None:
    with running(home, durable=False) as cluster:
        assert ask(cluster.dsn, "select postgis_lib_version()")
        assert ask(cluster.dsn, "show data_checksums") == "on"
        assert ask(cluster.dsn, "show server_encoding") == "UTF8"
        assert ask(cluster.dsn, "select show_trgm('应急物资')") != []
        write(cluster.dsn, "create database other")
        other = cluster.dsn.replace("/mapsvc?", "/other?")
        assert ask(other, "select st_distance('point(0 0)', 'point(3 4)')") == 5


def test_nobody_else_gets_in(home: Path) -> None:
    with running(home, durable=False) as cluster:
        assert ask(cluster.dsn, "show listen_addresses") == ""
        assert (home / "postgres/run").stat().st_mode & 0o777 == 0o700
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            write(cluster.dsn, "copy (select 1) to program 'true'")
        files = Path(f"/proc/{postmaster(home)}/fd").iterdir()
        held = {str(f.readlink()) for f in files}
        assert not {str(home / "postgres" / lock) for lock in ("starting", "using")} & held


def test_only_a_cluster_made_for_tests_goes_without_fsync(home: Path) -> None:
    with running(home) as cluster:
        assert ask(cluster.dsn, "show fsync") == "on"
        assert ask(cluster.dsn, "show synchronous_commit") == "on"
    with running(home, durable=False) as cluster:
        assert ask(cluster.dsn, "show fsync") == "on"
    with running(home.parent / "second", durable=False) as cluster:
        assert ask(cluster.dsn, "show fsync") == "off"


def test_administrators_settings_win(home: Path) -> None:
    with running(home, durable=False):
        (home / "postgres/local.conf").write_text("work_mem = '7MB'\n")
    with running(home, durable=False) as cluster:
        assert ask(cluster.dsn, "show work_mem") == "7MB"


def test_last_one_out_stops_the_server_and_data_stay(
    home: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    cluster = Cluster(home, durable=False)
    cluster.start()
    guest = join(home)
    assert dsn_of(guest) == cluster.dsn
    write(cluster.dsn, "create table kept as select 42 as n")
    dsn = cluster.dsn
    cluster.stop()
    assert ask(dsn, "select n from kept") == 42, "the guest still used it"
    leave(guest)
    assert not cluster.alive
    with running(home, durable=False) as again:
        assert ask(again.dsn, "select n from kept") == 42


def test_starters_at_the_same_moment_share_one_server(
    home: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    guests = [join(home) for _ in range(3)]
    assert len({dsn_of(guest) for guest in guests}) == 1
    assert not list((home / "postgres").glob("initdb-*"))
    for guest in guests:
        leave(guest)
    assert not Cluster(home).alive


def test_killed_server_is_revived_with_its_data(home: Path) -> None:
    with running(home, durable=False) as cluster:
        write(cluster.dsn, "create table kept as select 42 as n")
        os.kill(postmaster(home), signal.SIGKILL)
        until(lambda: not cluster.alive)
        cluster.start()
        assert ask(cluster.dsn, "select n from kept") == 42
        os.kill(postmaster(home), signal.SIGKILL)
        with running(home, durable=False) as other:
            assert ask(other.dsn, "select n from kept") == 42


def test_killed_server_with_a_busy_session_is_revived(home: Path) -> None:
    with running(home, durable=False) as cluster, psycopg.connect(cluster.dsn) as connection:
        connection.pgconn.send_query(b"select pg_sleep(600)")
        sleeping = "select 1 from pg_stat_activity where wait_event = 'PgSleep'"
        until(lambda: ask(cluster.dsn, sleeping) == 1)
        os.kill(postmaster(home), signal.SIGKILL)
        cluster.start()
        assert ask(cluster.dsn, "select 1") == 1
        connection.close()


def test_server_outlives_a_killed_user_and_is_used_again(
    home: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    guest = join(home)
    write(dsn_of(guest), "create table kept as select 42 as n")
    before = postmaster(home)
    guest.kill()
    guest.wait(timeout=180)
    with running(home, durable=False) as cluster:
        assert postmaster(home) == before
        assert ask(cluster.dsn, "select n from kept") == 42
    assert not cluster.alive


def test_interrupt_from_the_keyboard_stops_the_server(
    home: Path, join: Callable[[Path], subprocess.Popen[str]]
) -> None:
    guest = join(home)
    dsn_of(guest)
    os.killpg(guest.pid, signal.SIGINT)
    guest.wait(timeout=180)
    assert not Cluster(home).alive


def test_half_made_cluster_is_made_anew(
    home: Path, join: Callable[..., subprocess.Popen[str]]
) -> None:
    guest = join(home, HALF)
    assert guest.stdout
    assert guest.stdout.readline() == "half\n"
    assert list(home.glob("postgres/initdb-*/PG_VERSION"))
    os.killpg(guest.pid, signal.SIGKILL)
    guest.wait(timeout=180)
    assert not (home / "postgres/data").exists()
    with running(home, durable=False) as cluster:
        assert ask(cluster.dsn, "select postgis_lib_version()")
        assert not list(home.glob("postgres/initdb-*"))


@pytest.mark.parametrize("name", ["x" * 120, "县 应急'库,\"$(false)`", "100%?&#=图"])
def test_any_folder_will_do(home: Path, name: str) -> None:
    with running(home / name, durable=False) as cluster:
        assert ask(cluster.dsn, "select 1") == 1
        folder = Path(str(conninfo_to_dict(cluster.dsn)["host"]))
        assert folder.stat().st_mode & 0o777 == 0o700
    if home not in folder.parents:
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to the server")
def test_below_a_closed_folder_the_files_lie_in_var_lib(home: Path) -> None:
    home.mkdir(mode=0o700)
    closed = home / "closed"
    try:
        with running(closed, durable=False) as cluster:
            write(cluster.dsn, "create table kept as select 42 as n")
        assert (closed / "postgres").resolve().parent == FALLBACK
        moved = closed.rename(home / "moved")
        with running(moved, durable=False) as cluster:
            assert ask(cluster.dsn, "select n from kept") == 42
    finally:
        for link in home.glob("*/postgres"):
            shutil.rmtree(link.resolve())


def test_unusable_folder_is_refused_with_the_way_out(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(ClusterError, match="无法使用文件夹"):
        Cluster(home).start()


def test_without_a_server_there_is_no_address(home: Path) -> None:
    with pytest.raises(ClusterError, match="没有运行"):
        _ = Cluster(home).dsn
