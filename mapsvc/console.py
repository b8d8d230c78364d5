"""What every command needs: settings, layers, a database that is ready, and words for failures."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import psycopg
import typer

from mapsvc import record
from mapsvc.catalog import Catalog, load_catalog
from mapsvc.cluster import ClusterError
from mapsvc.database import Db, located, upgrade
from mapsvc.errors import MapsvcError
from mapsvc.settings import Settings

T = TypeVar("T")


@contextmanager
def told() -> Iterator[None]:
    """Expected failures as one sentence; Ctrl-C and SIGTERM as a quiet end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    except (MapsvcError, ClusterError) as error:
        for c in getattr(error, "extra", {}).get("candidates", ()):
            typer.echo(
                f"  --layer {c['layer']:<16}{c['title']}　{'；'.join(c['evidence'])}", err=True
            )
        refuse(getattr(error, "detail", str(error)))
    except psycopg.OperationalError as error:
        refuse(f"连不上数据库：{error}")
    except KeyboardInterrupt:
        typer.echo("已停止。")


def refuse(words: str) -> NoReturn:
    typer.secho(f"错误：{words}", fg=typer.colors.RED, err=True)
    raise typer.Exit(1)


@contextmanager
def ready() -> Iterator[tuple[Settings, Catalog, str]]:
    """Settings, layers and a database at the newest schema."""
    with told():
        settings = Settings()
        catalog = load_catalog(settings.layers)
        with located(settings) as conninfo:
            upgrade(conninfo, catalog)
            yield settings, catalog, conninfo


def run(conninfo: str, work: Callable[[Db], Awaitable[T]]) -> T:
    record.asking(record.Asker(os.environ.get("USER", "cli"), ("命令行",), "本机"))

    async def inside() -> T:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            return await work(db)

    return asyncio.run(inside())
