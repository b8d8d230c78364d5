"""The database: where it is, its pool, its schema's upgrade, the partitions of the layers."""

import logging
import select
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import AsyncConnection, Connection, IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mapsvc import logs, walls
from mapsvc.catalog import Catalog, Layer, LayerField
from mapsvc.cluster import Cluster, ClusterError, running
from mapsvc.errors import (
    BrokenSetup,
    DatabaseUnavailable,
    DiskFull,
    NotAsPlanned,
    ReadOnly,
    Unavailable,
)
from mapsvc.settings import Settings

log = logging.getLogger(__name__)

Db = AsyncConnection[TupleRow]


class Walled(AsyncConnection[TupleRow]):
    """A connection of the service; it knows as whom it works."""

    standing = walls.MACHINE


Pool = AsyncConnectionPool[Walled]
AS_SERVICE = f" -c role={walls.SERVICE}"

OLDEST_POSTGIS = (3, 3)
_WATCH_S = 1.0
_SCHEMA_LOCK = 0x6D617073  # "maps": one upgrade at a time


@contextmanager
def located(settings: Settings) -> Iterator[str]:
    """The database's conninfo: the one of the settings, else the embedded cluster, kept running."""
    if settings.database_url:
        yield libpq(settings.database_url)
    else:
        with running(settings.home) as cluster, _revived(cluster):
            yield libpq(cluster.dsn)


@contextmanager
def _revived(cluster: Cluster) -> Iterator[None]:
    """While inside, a cluster that was killed is started again within seconds."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WATCH_S):
            if not cluster.alive:
                try:
                    cluster.start()
                except ClusterError as failed:
                    log.error("embedded database: %s", failed)

    watcher = threading.Thread(target=watch, name="cluster-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def libpq(url: str) -> str:
    """A libpq conninfo from a URL that may be written for SQLAlchemy (`postgresql+psycopg://`)."""
    scheme, _, rest = url.partition("://")
    try:
        return make_conninfo(f"{scheme.partition('+')[0]}://{rest}" if rest else url)
    except psycopg.ProgrammingError as wrong:
        raise BrokenSetup(f"MAPSVC_DATABASE_URL 不是可用的数据库地址：{wrong}") from None


def make_pool(conninfo: str, settings: Settings) -> Pool:
    """A closed pool of autocommit connections; writes open their transaction themselves."""
    return _pool(conninfo, settings, settings.pool_size)


def make_tile_pool(conninfo: str, settings: Settings) -> Pool:
    """A small pool for tiles: planning one anew takes longer than making it."""
    size = max(1, settings.pool_size // 3)
    return _pool(conninfo, settings, size, " -c plan_cache_mode=force_generic_plan")


def _pool(conninfo: str, settings: Settings, size: int, options: str = "") -> Pool:
    timeout_ms = int(settings.statement_timeout_s * 1000)
    return _WarmestFirst(
        conninfo,
        connection_class=Walled,
        min_size=min(2, size),
        max_size=size,
        timeout=settings.pool_wait_s,
        open=False,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 1,
            "connect_timeout": 5,
            "application_name": "mapsvc",
            "options": f"-c statement_timeout={timeout_ms} -c timezone=Asia/Shanghai -c jit=off"
            f" -c idle_in_transaction_session_timeout=60s{AS_SERVICE}{options}",
        },
    )


class _WarmestFirst(AsyncConnectionPool[Walled]):
    """Hands out the connection used last: its backend still has plans and catalogue in cache.

    psycopg_pool goes round instead, so that few clients meet backends that have gone cold: half
    as long again for a nearest query. A test holds the order; should the pool's inside change, its
    own order is what is left.
    """

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, check=self._still_there, **settings)

    async def _still_there(self, db: Walled) -> None:
        """Refuse an idle connection that has died, before anybody's request runs into it.

        One that lives says nothing unasked, or little: only one that does is asked whether it is
        well. The others die with it, and are looked at before the next is handed out.
        """
        waiting = select.poll()
        waiting.register(db.pgconn.socket, select.POLLIN)
        if waiting.poll(0):
            try:
                await self.check_connection(db)
            except psycopg.Error:
                await self.check()
                raise

    async def _get_ready_connection(self, timeout: float | None) -> Walled | None:  # noqa: ASYNC109
        # The idle ones stand in the order they came back; the pool takes, and closes when it
        # shrinks, the first. Called under the pool's lock.
        idle = getattr(self, "_pool", None)
        if isinstance(idle, deque):
            idle.rotate(1)
        return await super()._get_ready_connection(timeout)


@asynccontextmanager
async def connection(pool: Pool, standing: walls.Standing | None = None) -> AsyncIterator[Db]:
    """A pooled connection; a database that is away becomes DatabaseUnavailable.

    It works as whoever is asking, unless told another `standing`.
    """
    standing = standing or walls.standing()
    try:
        async with pool.connection() as db:
            if db.standing != standing:
                await db.execute(walls.TOLD, standing)
                db.standing = standing
            if (worked := logs.backends.get()) is not None:
                worked.add(db.info.backend_pid)
            yield db
    except psycopg.errors.QueryCanceled:
        raise Unavailable(
            "查询用时过长，已停止。请缩小范围后重试。", code="query_timeout"
        ) from None
    except psycopg.errors.DiskFull:
        raise DiskFull from None
    except psycopg.errors.ReadOnlySqlTransaction:
        raise ReadOnly from None
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as away:
        # The other idle connections died with this one: drop them now, not one a request.
        await pool.check()
        raise DatabaseUnavailable(
            "暂时连不上数据库，已保存的数据不受影响。请稍候几秒再试；若持续出现，请联系系统管理员。"
        ) from away


async def carry_out(
    db: Db, statement: LiteralString | bytes | sql.Composed, values: Any, planned: int
) -> None:
    """Run a statement that must write so many rows: all of them, or NotAsPlanned ends the
    transaction that it is part of.

    Row security lets the rows of others pass in silence; here that is heard.
    """
    written = (await db.execute(statement, values)).rowcount
    if written != planned:
        raise NotAsPlanned(
            f"应写入 {planned} 处，实际只能写入 {written} 处，其余不在您的权限之内或刚被改动。"
            "没有任何改动。请刷新后重试；若再次出现，请联系系统管理员。"
        )


@asynccontextmanager
async def moment(db: Db) -> AsyncIterator[None]:
    """Several statements that see the database as of one moment; reading only.

    Inside a transaction of the caller's it changes nothing.
    """
    if db.info.transaction_status != TransactionStatus.IDLE:
        yield
        return
    usual = db.isolation_level
    await db.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        async with db.transaction():
            yield
    finally:
        await db.set_isolation_level(usual)


def upgrade(conninfo: str, catalog: Catalog) -> None:
    """Create or upgrade the schema to the newest, then partitions and views of every layer."""
    with psycopg.connect(conninfo, autocommit=True) as db:
        _check_postgis(db)
        walls.make_roles(db)
        db.execute("select pg_advisory_lock(%s)", [_SCHEMA_LOCK])
        command.upgrade(alembic_config(conninfo), "head")
        with db.transaction():
            sync_layers(db, catalog)
            walls.grant(db, [layer.partition for layer in catalog])


def alembic_config(conninfo: str) -> Config:
    """Alembic's configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["conninfo"] = conninfo
    return config


def _check_postgis(db: Connection[TupleRow]) -> None:
    try:
        for extension in ("postgis", "pg_trgm"):
            db.execute(
                sql.SQL("create extension if not exists {}").format(sql.Identifier(extension))
            )
    except psycopg.Error as refused:
        raise BrokenSetup(
            f"数据库缺少扩展，且当前账号无权安装：{refused}。"
            "请数据库管理员在该库中执行：create extension postgis; create extension pg_trgm;"
        ) from None
    row = db.execute("select postgis_lib_version()").fetchone()
    version = str(row[0]) if row else "0.0"
    if tuple(int(n) for n in version.split(".")[:2]) < OLDEST_POSTGIS:
        raise BrokenSetup(f"PostGIS 版本为 {version}，需要 3.3 或更新。请升级后重试。")


def sync_layers(db: Connection[TupleRow], catalog: Catalog) -> None:
    """A partition, a row and a typed view for every layer of the catalog; nothing is dropped."""
    db.execute("create schema if not exists ogc")
    for layer in catalog:
        db.execute("insert into layer (id) values (%s) on conflict do nothing", [layer.id])
        db.execute(
            sql.SQL("create table if not exists {} partition of feature for values in ({})").format(
                sql.Identifier(layer.partition), sql.Literal(layer.id)
            )
        )
        view = sql.Identifier("ogc", layer.id)
        db.execute(sql.SQL("drop view if exists {}").format(view))
        db.execute(sql.SQL("create view {} as {}").format(view, _view(layer)))


_SQL_TYPES = {
    "integer": "bigint",
    "number": "double precision",
    "date": "date",
    "boolean": "boolean",
}


def _view(layer: Layer) -> sql.Composable:
    """Declared fields as typed columns; `geom` stays the raw column so that its index is used."""
    fields = [sql.SQL(", {} as {}").format(_typed(f), sql.Identifier(f.id)) for f in layer.fields]
    return sql.SQL(
        "select id, code, name, region_code, township_code, version, updated_at, verified_at, geom"
        "{} from feature where layer = {}"
    ).format(sql.Composed(fields), sql.Literal(layer.id))


def _typed(field: LayerField) -> sql.Composable:
    if field.type in ("records", "list"):
        return sql.SQL("attrs -> {}").format(sql.Literal(field.id))
    cast = _SQL_TYPES.get(field.type, "text")
    return sql.SQL("(attrs ->> {})::{}").format(sql.Literal(field.id), sql.SQL(cast))


def sqlalchemy_url(conninfo: str) -> str:
    """The same database for SQLAlchemy, which Alembic needs."""
    parts: dict[str, Any] = conninfo_to_dict(conninfo)
    query = "&".join(f"{k}={v}" for k, v in parts.items() if v is not None)
    return f"postgresql+psycopg:///?{query}"
