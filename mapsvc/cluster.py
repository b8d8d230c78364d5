"""The private PostgreSQL cluster: made, started, shared and stopped by mapsvc itself.

Everything lies in one folder, `<home>/postgres` (see `postmaster`). Two lock files there hold the
order; they are flocks, so they vanish with their process, however it ends. `starting` is held
alone while the server is made, started or stopped; `using` is shared by every process that uses
the server. Who can turn `using` into an exclusive lock was the last, and stops the server.

Commands sign in as role `mapsvc`, which owns database `mapsvc` and may create databases but is no
superuser; the service as `mapsvc_login`, which owns nothing (`mapsvc.logins`). SQL that slips in
cannot read files or run programs. Extensions live in `template1` too, so a database made by
`mapsvc` has them.
"""

import fcntl
import logging
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from mapsvc.postmaster import (
    INSTALL,
    WAIT_S,
    ClusterError,
    Postmaster,
    digest,
    explain,
    patiently,
    postgres_account,
)

__all__ = ["Cluster", "ClusterError", "running"]

log = logging.getLogger(__name__)

REQUIRED = ("postgis", "pg_trgm", "btree_gist")
OPTIONAL = ("pgrouting",)
_ROLES = {
    "mapsvc": "login createdb",
    "mapsvc_service": "nologin",
    "mapsvc_door": "nologin",
    "mapsvc_login": "login noinherit",
}
FALLBACK = Path("/var/lib/mapsvc")
PASSING = {None, "57P01", "57P02", "57P03", "55006"}
"""States that pass by waiting: no connection, going down, starting, template1 in use."""


class Cluster:
    """One private cluster; any number of processes may each hold one object for it.

    `durable=False` makes a new cluster without fsync, for tests; one made durable stays so.
    Every method may raise ClusterError.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = Path(home).resolve()
        self._durable = durable
        self._server = Postmaster((self.home / "postgres").resolve(), durable=durable)
        self._using: int | None = None

    @property
    def dsn(self) -> str:
        """libpq URL of database `mapsvc`, over the socket of the running server."""
        return self._server.url("mapsvc", "mapsvc")

    @property
    def alive(self) -> bool:
        """Does the server run? Cheap enough to ask every second."""
        return self._server.pid is not None

    def start(self) -> None:
        """Make what is missing, start or join the server, and hold it until `stop`.

        May be called again at any time: that revives a server which died meanwhile.
        """
        try:
            self._server = Postmaster(_settle(self.home), durable=self._durable)
            with self._alone():
                self._join()
        except OSError as refused:
            raise ClusterError(f"无法使用文件夹 {self.home}。{explain(str(refused))}") from None

    def stop(self) -> None:
        """Let go; the last to do so stops the server. Without `start` it does nothing."""
        if self._using is None:
            return
        with self._alone():
            self._leave()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fd = _open(self._server.base / "starting")
        try:
            patiently(lambda: _try_lock(fd), "另一个 mapsvc 进程一直在启动数据库，等待超时。")
            yield
        finally:
            os.close(fd)

    def _join(self) -> None:
        joining = self._using is None
        if self._using is None:
            self._using = _open(self._server.base / "using")
            fcntl.flock(self._using, fcntl.LOCK_SH)
        try:
            self._bring_up()
        except BaseException:
            if joining:
                self._leave()
            raise

    def _leave(self) -> None:
        if self._using is None:
            return
        try:
            if _try_lock(self._using):
                self._server.stop()
        finally:
            os.close(self._using)
            self._using = None

    def _bring_up(self) -> None:
        if not self._server.data.exists():
            self._server.create()
        began = time.monotonic()
        patience = 3.0
        while True:
            if not self.alive:
                self._server.start()
            try:
                return self._furnish()
            except psycopg.Error as refused:
                waited = time.monotonic() - began
                if refused.sqlstate not in PASSING or waited > WAIT_S:
                    words = self._server.last_words()
                    raise ClusterError(f"数据库没有应答。{explain(str(refused))}{words}") from None
            if waited > patience:
                log.info("正在等待数据库恢复（已 %.0f 秒）……", waited)
                patience += 10
            time.sleep(0.1)

    def _admin(self, database: str) -> psycopg.Connection:
        try:
            url = self._server.url("postgres", database)
        except ClusterError as gone:
            raise psycopg.OperationalError(gone.detail) from None
        return psycopg.connect(url, autocommit=True, connect_timeout=10)

    def _furnish(self) -> None:
        """Role, database and extensions; any step may be found done, or cut short before."""
        with self._admin("postgres") as server:
            for role, how in _ROLES.items():
                if not server.execute("select from pg_roles where rolname = %s", [role]).rowcount:
                    make = sql.SQL("create role {} {}").format(sql.Identifier(role), sql.SQL(how))
                    server.execute(make)
            server.execute("grant mapsvc_service, mapsvc_door to mapsvc, mapsvc_login")
            server.execute("grant mapsvc_login to mapsvc")
            if not server.execute("select from pg_database where datname = 'mapsvc'").rowcount:
                with self._admin("template1") as template:
                    _add_extensions(template, _missing_extensions(template))
                server.execute("create database mapsvc owner mapsvc")
        with self._admin("mapsvc") as database:
            missing = _missing_extensions(database)
            if missing:
                with self._admin("template1") as template:
                    _add_extensions(template, missing)
                _add_extensions(database, missing)


@contextmanager
def running(home: Path, *, durable: bool = True) -> Iterator[Cluster]:
    """A cluster that runs for as long as the block does (longer, if others use it too)."""
    cluster = Cluster(home, durable=durable)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _settle(home: Path) -> Path:
    """The cluster's folder, real and made.

    Below a folder closed to the server's account (root's home, say) it is a link to a folder in
    /var/lib/mapsvc; the link stays with the project when that is moved.
    """
    base = home / "postgres"
    root = os.geteuid() == 0
    home.mkdir(parents=True, exist_ok=True)
    if root and not os.path.lexists(base) and not _reachable(home, postgres_account()):
        FALLBACK.mkdir(exist_ok=True)
        FALLBACK.chmod(0o711)
        with suppress(FileExistsError):
            base.symlink_to(FALLBACK / digest(home))
    base = base.resolve()
    if not base.exists():
        base.mkdir(exist_ok=True)
        base.chmod(0o711 if root else 0o700)
    return base


def _reachable(folder: Path, account: pwd.struct_passwd) -> bool:
    test = subprocess.run(
        ["/usr/bin/test", "-x", folder],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return test.returncode == 0


def _open(path: Path) -> int:
    """A descriptor for locking, never inherited by children; the caller closes it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _missing_extensions(database: psycopg.Connection) -> list[str]:
    wanted = [*REQUIRED, *OPTIONAL]
    query = "select name, installed_version from pg_available_extensions where name = any(%s)"
    available: dict[str, str | None] = dict(database.execute(query, [wanted]).fetchall())
    absent = [name for name in REQUIRED if name not in available]
    if absent:
        raise ClusterError(f"PostgreSQL 缺少扩展 {'、'.join(absent)}。请先安装：{INSTALL}")
    for name in OPTIONAL:
        if name not in available:
            log.warning("没有扩展 %s，按道路计算的功能不可用。安装：%s", name, INSTALL)
    return [name for name in wanted if name in available and available[name] is None]


def _add_extensions(database: psycopg.Connection, names: list[str]) -> None:
    for name in names:
        create = sql.SQL("create extension if not exists {}").format(sql.Identifier(name))
        database.execute(create)
