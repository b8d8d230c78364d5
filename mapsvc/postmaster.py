"""The PostgreSQL server of one folder: its programs, account, processes, settings and files.

    data/         the database files
    run/          the socket, for the server's own account and root only; there is no network port
    mapsvc.conf   our settings, rewritten at each start (sizes follow the machine's memory)
    local.conf    the administrator's own settings, read last; never written by mapsvc
    server.log    what the server says; one older part is kept as server.log.1

Nothing here locks anything: `cluster` lets one caller in at a time.
"""

import hashlib
import logging
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from mapsvc.errors import BrokenSetup

log = logging.getLogger(__name__)

PROGRAMS = ("initdb", "pg_ctl", "postgres")
LONGEST_SOCKET = 100
"""Bytes; the kernel takes 107 with the closing zero."""
WAIT_S = 300.0
"""For crash recovery of a big database, or for another who starts it."""
ROOM = 400 * 2**20
"""Bytes that a new cluster needs, with its first write-ahead log."""
LOG_LIMIT = 10 * 2**20

INSTALL = "sudo apt install postgresql-15 postgresql-15-postgis-3 postgresql-15-pgrouting"
REMEDIES = (
    ("No space left on device", "磁盘已满，请清理磁盘后重试。"),
    ("Disk quota exceeded", "磁盘配额已用完，请清理后重试。"),
    ("Read-only file system", "磁盘是只读的，请用 MAPSVC_HOME 指定一个可写的文件夹。"),
    ("Permission denied", "权限不足，请检查文件夹的属主和权限，或用 MAPSVC_HOME 换一个文件夹。"),
    ("Cannot allocate memory", "内存不足，请关闭其他程序后重试。"),
)


class ClusterError(BrokenSetup):
    """The embedded database cannot be made or started; the text says what to do."""

    code = "embedded_database"
    title = "内嵌数据库无法启动"


class Postmaster:
    """The server of the files below `base`, an existing folder given by its real path.

    `durable=False` makes new files without fsync, for tests: the choice is written into them when
    they are made, so what was made durable stays durable whoever starts it.
    """

    def __init__(self, base: Path, *, durable: bool) -> None:
        self.base = base
        self.data = base / "data"
        self._durable = durable

    @property
    def pid(self) -> int | None:
        """None if it does not run. The pid file alone is not believed: a zombie or, after a
        restart of the machine, a stranger may bear its number.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if _is_server(pid, self.data) else None

    def url(self, role: str, database: str) -> str:
        """libpq URL over the socket that the server says it has."""
        try:
            folder = (self.data / "postmaster.pid").read_text().split("\n")[4]
        except (OSError, IndexError):
            raise ClusterError("内嵌数据库没有运行。") from None
        return f"postgresql://{role}@/{database}?host={quote(os.fsencode(folder))}&port=5432"

    def create(self) -> None:
        """initdb in a folder of its own, renamed when complete: a half-made one never counts."""
        log.info("正在创建数据库（%s）……", self.base)
        free = shutil.disk_usage(self.base).free
        if free < ROOM:
            raise ClusterError(
                f"{self.base} 所在磁盘只剩 {free >> 20} MB，至少需要 {ROOM >> 20} MB。"
                "请清理磁盘，或用 MAPSVC_HOME 换一个文件夹。"
            )
        for left_over in self.base.glob("initdb-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        program = _programs(None) / "initdb"
        fresh = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.base))
        self._hand_over(fresh)
        command: list[str | Path] = [program, "-D", fresh.name, "-U", "postgres"]
        # The characters' classes are not those of C: there pg_trgm finds no trigrams in Chinese.
        # Their order is the same in both, and C has it in half the time: indexes feel it.
        command += ["--data-checksums", "-E", "UTF8", "--locale=C.UTF-8", "--lc-collate=C"]
        command += ["--auth-local=trust", "--auth-host=reject"]
        command += [] if self._durable else ["--no-sync"]
        made = self._run(command)
        if made.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ClusterError(f"创建数据库失败。{explain(made.stdout)}")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude '../mapsvc.conf'\ninclude_if_exists '../local.conf'\n")
            if not self._durable:
                conf.write("fsync = off\nfull_page_writes = off\n")
        fresh.rename(self.data)

    def start(self) -> None:
        """Start it, over the wreck of a killed one if need be; it may still be recovering."""
        self._clear_wreck()
        server_log = self.base / "server.log"
        if server_log.exists() and server_log.stat().st_size > LOG_LIMIT:
            server_log.replace(self.base / "server.log.1")
        os.close(os.open(server_log, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        self._hand_over(server_log)
        fresh = self.base / "mapsvc.conf.new"
        fresh.write_text(_configuration(self._socket_folder()), encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(self.base / "mapsvc.conf")
        started = self._pg_ctl("start", "-l", server_log.name)
        # Another may have come first: the orphan of a starter that was killed.
        if started.returncode and self.pid is None:
            raise ClusterError(f"数据库启动失败。{explain(started.stdout)}{self.last_words()}")

    def stop(self) -> None:
        """Fast: open transactions are rolled back, everything committed is on the disk."""
        if self.pid is not None:
            stopped = self._pg_ctl("stop", "-m", "fast")
            if stopped.returncode:
                log.warning("数据库没有正常关闭：%s", stopped.stdout.strip())

    def last_words(self) -> str:
        """The end of the server's log, to show below an error."""
        try:
            lines = (self.base / "server.log").read_text("utf-8", "replace").splitlines()[-8:]
        except OSError:
            return ""
        return "\n数据库日志的最后几行：\n" + "\n".join(lines) if lines else ""

    def _pg_ctl(self, *what: str) -> subprocess.CompletedProcess[str]:
        version = (self.data / "PG_VERSION").read_text().strip()
        program = _programs(version) / "pg_ctl"
        # pg_ctl makes a shell line of it, so only a plain path is shown in full (`ps` has it then).
        data = self.data if re.fullmatch(r"[\w/.+=-]+", str(self.data)) else self.data.name
        return self._run([program, "-D", data, "-w", "-s", "-t", f"{WAIT_S:.0f}", *what])

    def _run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program of the server's as its account, in `base`; both output streams as text."""
        account = self._account()
        return subprocess.run(
            command,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            cwd=self.base,
            env={"PATH": f"{Path(command[0]).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )

    def _account(self) -> pwd.struct_passwd | None:
        """Whom to become: nobody else unless root, then the owner of the files or postgres."""
        owner = self.data.stat().st_uid if self.data.exists() else None
        if os.geteuid() == 0:
            return pwd.getpwuid(owner) if owner else postgres_account()
        if owner not in (None, os.geteuid()):
            raise ClusterError(
                f"{self.data} 属于另一个用户（uid {owner}）。请以该用户或 root 身份运行，"
                "或用 MAPSVC_HOME 换一个文件夹。"
            )
        return None

    def _hand_over(self, path: Path) -> None:
        account = self._account()
        if account:
            os.chown(path, account.pw_uid, account.pw_gid)

    def _clear_wreck(self) -> None:
        """After a kill -9 of the postmaster: end its orphans, then drop the files that name it."""
        wreck = self.data / "postmaster.pid"
        if not wreck.exists():
            return
        log.warning("数据库上次没有正常关闭，正在恢复……")
        for pid in _servers(self.data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        patiently(
            lambda: not _servers(self.data), "上次的数据库进程无法结束，请重启计算机。", seconds=30
        )
        folder = self._socket_folder()
        for stale in (wreck, folder / ".s.PGSQL.5432", folder / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)

    def _socket_folder(self) -> Path:
        """A folder for the socket, ours alone; outside of `base` if that path will not do."""
        folder = self.base / "run"
        name = os.fsencode(folder / ".s.PGSQL.5432")
        if len(name) > LONGEST_SOCKET or re.search(rb"['\",\\]", name):
            tail = f"mapsvc-{os.geteuid()}-{digest(self.base)}"
            folder = Path("/run" if os.geteuid() == 0 else tempfile.gettempdir()) / tail
        account = self._account()
        folder.mkdir(mode=0o700, exist_ok=True)
        if account and folder.lstat().st_uid == 0:
            os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)
        owner = folder.lstat().st_uid
        # In a shared folder such as /tmp another user may have been there first.
        if owner != (account.pw_uid if account else os.geteuid()) or folder.is_symlink():
            raise ClusterError(f"{folder} 属于另一个用户。请删除它，或把 TMPDIR 设为别的文件夹。")
        folder.chmod(0o700)
        return folder


def _is_server(pid: int, data: Path) -> bool:
    """Is it a live postgres process of this cluster? All of them stand in its data folder."""
    try:
        name, state = Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
        return (
            name == "postgres"
            and state.split()[0] not in "ZX"
            and Path(f"/proc/{pid}/cwd").readlink() == data
        )
    except OSError:
        return False


def _servers(data: Path) -> list[int]:
    pids = (int(p.name) for p in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if _is_server(pid, data)]


def postgres_account() -> pwd.struct_passwd:
    """The unprivileged account that root's server runs as."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ClusterError(f"没有系统用户 postgres。请先安装 PostgreSQL：{INSTALL}") from None


def _programs(version: str | None) -> Path:
    """Folder of the server's programs: of this major version, or else the newest with PostGIS."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"),
        key=lambda folder: int(re.match(r"\d+", folder.parent.name)[0]),  # type: ignore[index]
        reverse=True,
    )
    on_path = [shutil.which("pg_config"), shutil.which("postgres")]
    folders += [Path(found).resolve().parent for found in on_path if found]
    whole = [f for f in folders if all(os.access(f / p, os.X_OK) for p in PROGRAMS)]
    if not whole:
        raise ClusterError(f"没有找到 PostgreSQL 服务器程序。请先安装：{INSTALL}")
    if version is None:
        return next((f for f in whole if _ships_postgis(f)), whole[0])
    for folder in whole:
        if re.search(rf" {re.escape(version)}\b", _output(folder / "postgres", "--version")):
            return folder
    raise ClusterError(
        f"现有数据由 PostgreSQL {version} 创建，但本机没有这个版本。请安装："
        f"sudo apt install postgresql-{version} postgresql-{version}-postgis-3"
    )


def client_program(name: str, version: int) -> Path:
    """`pg_dump` or `pg_restore` for a server of this major version; a newer one serves as well."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda f: int(f.parent.name)
    )
    for folder in folders:
        if int(folder.parent.name) >= version and os.access(folder / name, os.X_OK):
            return folder / name
    found = shutil.which(name)
    if found is None:
        raise ClusterError(
            f"没有找到 {name}。请先安装：sudo apt install postgresql-client-{version}"
        )
    return Path(found)


def _ships_postgis(folder: Path) -> bool:
    if not (folder / "pg_config").exists():
        return False
    share = _output(folder / "pg_config", "--sharedir").strip()
    return Path(share, "extension", "postgis.control").exists()


def _output(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _memory() -> int:
    """Bytes of memory that this machine or container has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def _configuration(socket_folder: Path) -> str:
    memory = _memory() >> 20
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder),
        "port": "5432",
        # Every worker of the service holds up to two pools; commands come on top.
        "max_connections": "300",
        "shared_buffers": f"{min(max(memory // 8, 64), 2048)}MB",
        "effective_cache_size": f"{max(memory // 2, 128)}MB",
        "maintenance_work_mem": f"{min(max(memory // 16, 64), 512)}MB",
        "work_mem": f"{min(max(memory // 256, 4), 32)}MB",
        "random_page_cost": "1.1",
        "jit": "off",
        "max_wal_size": "2GB",
        "wal_compression": "on",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] %d ",
        "log_checkpoints": "off",
        # A failed statement may hold a person's name and telephone number.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    with suppress(OSError):
        # Containers often have 64 MB here, and then parallel queries fail.
        shared = os.statvfs("/dev/shm")  # noqa: S108
        if shared.f_blocks * shared.f_frsize < 256 * 2**20:
            settings["dynamic_shared_memory_type"] = "mmap"
    head = "# 由 mapsvc 在每次启动时重写；自己的设置请写入同一文件夹的 local.conf。\n"
    return head + "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def digest(path: Path) -> str:
    """A short name for a folder, the same at every start."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def explain(output: str) -> str:
    """The remedy for a known cause, and the program's own words."""
    remedy = next((words for cause, words in REMEDIES if cause in output), "")
    return f"{remedy}（{output.strip()[-600:]}）"


def patiently(done: Callable[[], bool], too_late: str, *, seconds: float = WAIT_S) -> None:
    """Ask until it is done; ClusterError with these words when time is up."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise ClusterError(too_late)
        time.sleep(0.02)
