"""The file of a backup.

A zip that any unpacker opens, its members stored as they are:

    manifest.json     what is inside: time, versions, the census, SHA-256 of every other member
    database.dump     pg_dump, custom format: every table, history and the uploaded files included
    layers/…          the county's layer files, symbols and need cards

It holds personal data in the clear: only its owner may read it (mode 0600).
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mapsvc.backup.census import LEFT_OUT, PLAIN, Census, sequences, take
from mapsvc.errors import BrokenSetup
from mapsvc.postmaster import REMEDIES, client_program

FORMAT = 1
MANIFEST, DUMP, LAYERS = "manifest.json", "database.dump", "layers/"
_NAMED = re.compile(r"mapsvc-\d{8}-\d{6}\.backup")
_CHUNK = 1 << 20


class BackupError(BrokenSetup):
    """A backup that cannot be made, read or restored; the text says what to do."""

    code = "backup"
    title = "备份无法完成"


class Manifest(msgspec.Struct, frozen=True):
    format: int
    made_at: datetime
    postgresql: int
    """Major version of the server it was made from."""
    revision: str
    """Of the schema; an older one is upgraded after the restore."""
    extensions: list[str]
    census: Census
    members: dict[str, str]
    """SHA-256 of every other member, in hexadecimal."""


def make(conninfo: str, layers: Path, target: Path) -> tuple[Path, Manifest]:
    """Write a backup of the database as it stands at this moment; the service may run on.

    `target` is a file that does not exist yet, or a folder, where it gets a name by its time.
    Nothing half-written bears the final name. BackupError with the cause.
    """
    file = (
        target / f"mapsvc-{datetime.now().astimezone():%Y%m%d-%H%M%S}.backup"
        if target.is_dir()
        else target
    )
    if file.exists():
        raise BackupError(f"{file} 已经存在。请换一个文件名，或指定一个文件夹。")
    try:
        with tempfile.TemporaryDirectory(prefix=".mapsvc-backup-", dir=file.parent) as work:
            manifest, parts = _collect(conninfo, layers, Path(work))
            fresh = Path(work) / "fresh"
            _pack(fresh, manifest, parts)
            check(fresh)
            os.link(fresh, file)
            _settle(file.parent)
    except FileExistsError:
        raise BackupError(f"{file} 已经存在。请换一个文件名，或指定一个文件夹。") from None
    except OSError as failed:
        raise BackupError(f"无法写入 {file}：{_remedy(str(failed))}") from None
    return file, manifest


def _collect(conninfo: str, layers: Path, work: Path) -> tuple[Manifest, dict[str, Path]]:
    """Dump and census of one and the same moment, and the layer files."""
    dump = work / DUMP
    with psycopg.connect(conninfo, options=PLAIN) as db:
        db.isolation_level = IsolationLevel.REPEATABLE_READ
        db.read_only = True
        revision = _one(db, "select version_num from alembic_version")
        snapshot = _one(db, "select pg_export_snapshot()")
        extensions = _one(db, "select array_agg(extname::text order by oid) from pg_extension")
        stood = sequences(db)
        # PostGIS brings its own table of systems, and only the administrator may write there.
        left_out = [f"--exclude-table-data={name}" for name in (*LEFT_OUT, "spatial_ref_sys")]
        wanted = ["--format=custom", f"--snapshot={snapshot}", f"--file={dump}", *left_out]
        _require_sight(db)
        run("pg_dump", conninfo, [*wanted, "--no-owner", "--no-privileges", SEES_BY_POLICY])
        census = take(db, stood)
        server = db.info.server_version // 10_000
    parts = {DUMP: dump} | {
        LAYERS + path.relative_to(layers).as_posix(): path
        for path in sorted(layers.rglob("*"))
        if path.is_file() and path.suffix in {".toml", ".svg"}
    }
    made_at = datetime.now(UTC).replace(microsecond=0)
    sums = {name: _digest(path) for name, path in parts.items()}
    return Manifest(FORMAT, made_at, server, revision, extensions, census, sums), parts


# Row security binds the owner, who sees all by a policy; pg_dump must be told that this will do.
SEES_BY_POLICY = "--enable-row-security"
_HALF_SEEN = """
select array_agg(c.oid::regclass::text order by 1) from pg_class c
where c.relkind in ('r', 'p') and row_security_active(c.oid) and not (
    exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive
        and p.polcmd in ('*', 'r') and pg_get_expr(p.polqual, p.polrelid) = 'true'
        and exists (select from unnest(p.polroles) role
            where role = 0 or pg_has_role(role, 'usage')))
    and not exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive))
"""


def _require_sight(db: Connection[Any]) -> None:
    """BackupError where row security would hide rows: the dump and its census would agree on it."""
    row = db.execute(_HALF_SEEN).fetchone()
    if row and row[0]:
        raise BackupError(
            f"账号 {db.info.user} 只能看到这些表的一部分：{'、'.join(row[0])}。"
            "请用数据表属主的账号备份；刚升级过的，请先运行 mapsvc init。"
        )


def _one(db: Connection[Any], query: str) -> Any:
    row = db.execute(query.encode()).fetchone()
    if row is None:
        raise BackupError("数据库还没有建立，没有可以备份的内容。请先运行 mapsvc init。")
    return row[0]


def _pack(file: Path, manifest: Manifest, parts: dict[str, Path]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
            for name, path in parts.items():
                archive.write(path, name)
        out.flush()
        os.fsync(out.fileno())


def _settle(folder: Path) -> None:
    """A file's name is on disk only with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(file: Path) -> Manifest:
    """Read all of it and compare every checksum; BackupError for what is damaged or unknown."""
    with opened(file) as archive:
        manifest = _manifest(archive, file)
        present = set(archive.namelist()) - {MANIFEST}
        if present != manifest.members.keys():
            odd = "、".join(sorted(present ^ manifest.members.keys())[:5])
            raise BackupError(f"备份 {file} 缺少或多出内容：{odd}。请改用另一份备份。")
        for name, expected in manifest.members.items():
            with archive.open(name) as member:
                if _sum(member) != expected:
                    raise BackupError(f"备份 {file} 已损坏（{name}）。请改用另一份备份。")
    return manifest


@contextmanager
def opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        raise BackupError(f"{file} 不是 mapsvc 的备份，或已损坏。") from None
    except OSError as failed:
        raise BackupError(f"无法读取 {file}：{_remedy(str(failed))}") from None


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    except (KeyError, msgspec.DecodeError):
        raise BackupError(f"{file} 不是 mapsvc 的备份，或已损坏。") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{file} 由更新版本的 mapsvc 制作。请用那个版本恢复。")
    return manifest


def extract(file: Path, member: str, to: Path) -> None:
    with opened(file) as archive, archive.open(member) as inside, to.open("wb") as out:
        shutil.copyfileobj(inside, out, _CHUNK)


def unpack_layers(file: Path, folder: Path) -> list[Path]:
    """The layer files of a backup, written into a folder that is new or empty."""
    with opened(file) as archive:
        names = [n for n in _manifest(archive, file).members if n.startswith(LAYERS)]
        folder.mkdir(parents=True, exist_ok=True)
        root = folder.resolve()
        if any(root.iterdir()):
            raise BackupError(f"文件夹 {folder} 不是空的。请换一个空文件夹。")
        written = []
        for name in names:
            path = (root / name.removeprefix(LAYERS)).resolve()
            if not path.is_relative_to(root):
                raise BackupError(f"备份 {file} 中有不安全的文件名：{name}。")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
            written.append(path)
    return written


def retire(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest `keep` backups that were named by their time; those deleted."""
    ours = sorted(p for p in folder.iterdir() if _NAMED.fullmatch(p.name))
    gone = ours[: max(0, len(ours) - keep)]
    for path in gone:
        path.unlink()
    return gone


def run(program: str, conninfo: str, arguments: Sequence[str]) -> str:
    """A PostgreSQL client program for this database; the password goes by the environment."""
    with psycopg.connect(conninfo) as db:
        path = client_program(program, db.info.server_version // 10_000)
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    secret = {"PGPASSWORD": parts.pop("password")} if "password" in parts else {}
    done = subprocess.run(
        [path, f"--dbname={make_conninfo(**parts)}", *arguments],
        env={**os.environ, "LC_ALL": "C.UTF-8", **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{program} 没有完成。{_remedy(done.stderr)}")
    return done.stdout


def _remedy(output: str) -> str:
    words = next((words for cause, words in REMEDIES if cause in output), "")
    return f"{words}（{output.strip()[-600:]}）"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return _sum(stream)


def _sum(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    # A damaged member of a zip ends early or fails its CRC: either way the sum is another.
    with suppress(zipfile.BadZipFile):
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
