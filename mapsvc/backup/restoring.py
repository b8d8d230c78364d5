"""Restoring: into a new database beside the present one, compared, and only then in its place.

Until the last step nothing of the present data is touched, and even then it is only renamed.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from alembic.script import ScriptDirectory
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mapsvc.backup.archive import DUMP, BackupError, Manifest, check, extract, run
from mapsvc.backup.census import PLAIN, take
from mapsvc.catalog import Catalog
from mapsvc.database import alembic_config, upgrade
from mapsvc.walls import bind_owner, make_roles

LEAVING_S = 5.0
"""A closed connection is seen off a moment later; PostgreSQL's `alter database` waits as long."""


class Restored(NamedTuple):
    manifest: Manifest
    previous: str | None
    """The database that holds what stood here before; None if there was nothing to keep."""


def drill(conninfo: str, file: Path) -> Manifest:
    """Restore into a database of its own, compare everything, drop it: does this backup work?"""
    manifest = _known(conninfo, file)
    with _beside(conninfo, manifest, file):
        return manifest


def restore(conninfo: str, catalog: Catalog, file: Path, *, keep: bool = True) -> Restored:
    """Put a backup in the place of the database. BackupError leaves all as it was.

    Nobody else may be connected: stop the service first. `keep=False` drops what stood here.
    """
    manifest = _known(conninfo, file)
    name = conninfo_to_dict(conninfo)["dbname"]
    _require_alone(conninfo, str(name))
    with _beside(conninfo, manifest, file) as fresh:
        upgrade(make_conninfo(conninfo, dbname=fresh), catalog)
        return Restored(manifest, _swap(conninfo, str(name), fresh, keep=keep))


def _known(conninfo: str, file: Path) -> Manifest:
    manifest = check(file)
    known = {r.revision for r in ScriptDirectory.from_config(alembic_config("")).walk_revisions()}
    if manifest.revision not in known:
        raise BackupError(f"{file} 由更新版本的 mapsvc 制作。请先升级 mapsvc，再恢复。")
    with psycopg.connect(conninfo) as db:
        server = db.info.server_version // 10_000
    if server < manifest.postgresql:
        raise BackupError(
            f"备份来自 PostgreSQL {manifest.postgresql}，这里是较旧的 {server}。"
            f"请安装 PostgreSQL {manifest.postgresql} 或更新的版本。"
        )
    return manifest


@contextmanager
def _beside(conninfo: str, manifest: Manifest, file: Path) -> Iterator[str]:
    """A database with the backup's content, equal to its census; dropped if it is still there."""
    fresh = f"mapsvc_restore_{secrets.token_hex(4)}"
    with _elsewhere(conninfo) as server:
        _create(server, fresh)
        try:
            _fill(make_conninfo(conninfo, dbname=fresh), manifest, file)
            yield fresh
        finally:
            _drop(server, fresh)


@contextmanager
def _elsewhere(conninfo: str) -> Iterator[Connection[Any]]:
    """A connection to the same server that sits in neither database."""
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as server:
        yield server


def _create(server: Connection[Any], name: str) -> None:
    try:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise BackupError(
            f"恢复需要新建数据库的权限。请数据库管理员执行：alter role {server.info.user} createdb;"
        ) from None


def _drop(server: Connection[Any], name: str) -> None:
    """Drop a database, whoever is in it.

    At first without force: that waits for who is just leaving and sends an autovacuum worker away.
    With force PostgreSQL refuses where there is one, unless a superuser asks.
    """
    drop = sql.SQL("drop database if exists {}").format(sql.Identifier(name))
    until = time.monotonic() + LEAVING_S
    while True:
        try:
            server.execute(drop)
            return
        except psycopg.errors.ObjectInUse:
            with suppress(psycopg.errors.InsufficientPrivilege):
                server.execute(drop + sql.SQL(" with (force)"))
                return
            if time.monotonic() > until:
                raise


def _fill(conninfo: str, manifest: Manifest, file: Path) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        make_roles(db)  # row policies name them
        for extension in manifest.extensions:
            _extend(db, extension)
    with tempfile.TemporaryDirectory(prefix="mapsvc-restore-") as work:
        dump, contents = Path(work) / DUMP, Path(work) / "contents"
        try:
            extract(file, DUMP, dump)
        except OSError as failed:
            raise BackupError(f"临时文件夹放不下备份（{failed.strerror}）。请清理磁盘。") from None
        listed = run("pg_restore", conninfo, ["--list", str(dump)]).splitlines()
        for part in _in_order(listed):
            contents.write_text("\n".join(part))
            wanted = ["--exit-on-error", "--no-owner", "--no-privileges", "--jobs=2"]
            run("pg_restore", conninfo, [*wanted, f"--use-list={contents}", str(dump)])
    with psycopg.connect(conninfo, autocommit=True) as db:
        bind_owner(db)
    with psycopg.connect(conninfo, options=PLAIN) as db:
        wrong = manifest.census.differences(take(db))
        db.rollback()
    if wrong:
        raise BackupError(f"恢复出的数据与备份时不一致：{'、'.join(wrong)}。没有改动现有数据。")
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute("analyze")


def _in_order(listed: list[str]) -> Iterator[list[str]]:
    """The contents of a dump in two parts: row security comes last, for it binds the owner, whose
    foreign keys are looked at before.

    Extensions are there already, and belong to the administrator. The owner's policies name him;
    here it may be another.
    """
    mine = [x for x in listed if " EXTENSION " not in x and " owner_works " not in x]
    walls = [x for x in mine if " POLICY " in x or " ROW SECURITY " in x]
    yield [x for x in mine if x not in walls]
    yield walls


def _extend(db: Connection[Any], extension: str) -> None:
    try:
        db.execute(sql.SQL("create extension if not exists {}").format(sql.Identifier(extension)))
    except psycopg.Error as refused:
        raise BackupError(
            f"数据库缺少扩展 {extension}（{refused}）。请数据库管理员在 template1 中执行："
            f"create extension {extension};"
        ) from None


def _require_alone(conninfo: str, name: str) -> None:
    others = "select from pg_stat_activity where datname = %s and backend_type = 'client backend'"
    until = time.monotonic() + LEAVING_S
    with _elsewhere(conninfo) as server:
        while server.execute(others, [name]).fetchone():
            if time.monotonic() > until:
                raise BackupError(
                    "还有程序连着数据库。请先停止服务（和其他 mapsvc 命令），再恢复。"
                )
            time.sleep(0.1)


def _swap(conninfo: str, name: str, fresh: str, *, keep: bool) -> str | None:
    """Rename both; the name under which what stood here is kept, if it is."""
    kept = f"{name}_before_{datetime.now().astimezone():%Y%m%d%H%M%S}"
    rename = sql.SQL("alter database {} rename to {}")
    with _elsewhere(conninfo) as server:
        try:
            server.execute(rename.format(sql.Identifier(name), sql.Identifier(kept)))
        except psycopg.errors.ObjectInUse:
            raise BackupError("还有程序连着数据库。请先停止服务，再恢复。") from None
        try:
            server.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
        except psycopg.Error:
            server.execute(rename.format(sql.Identifier(kept), sql.Identifier(name)))
            raise
        if keep and not _empty(make_conninfo(conninfo, dbname=kept)):
            return kept
        _drop(server, kept)
    return None


def _empty(conninfo: str) -> bool:
    """Nothing but what `mapsvc init` makes: no regions, accounts, features or uploads."""
    tables = ("region", "account", "feature", "upload")
    with psycopg.connect(conninfo) as db:
        for table in tables:
            there = db.execute("select to_regclass(%s)", [table]).fetchone()
            query = sql.SQL("select exists (select from {})").format(sql.Identifier(table))
            if there and there[0] and db.execute(query).fetchone() == (True,):
                return False
    return True
