"""The installation itself: its title, whether it shows demo data, whether it can serve."""

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from mapsvc.catalog import Catalog
from mapsvc.database import Db

DEMO = "demo"
TITLE = "title"


async def read(db: Db, key: str) -> Any:
    row = await (await db.execute("select value from setting where key = %s", [key])).fetchone()
    return row[0] if row else None


async def write(db: Db, key: str, value: Any) -> None:
    await db.execute(
        "insert into setting (key, value) values (%s, %s)"
        " on conflict (key) do update set value = excluded.value",
        [key, Jsonb(value)],
    )


async def is_demo(db: Db) -> bool:
    """True once demo data was loaded: every page then says so."""
    return bool(await read(db, DEMO))


async def faults(db: Db, catalog: Catalog) -> list[str]:
    """What keeps the service from serving, in words for who runs it; empty when ready."""
    try:
        rows = await (await db.execute("select id from layer")).fetchall()
    except psycopg.errors.UndefinedTable:
        return ["数据库尚未初始化，请运行 mapsvc init。"]
    missing = [x.title for x in catalog if x.id not in {row[0] for row in rows}]
    return [f"图层“{title}”尚未建立，请运行 mapsvc init。" for title in missing]
