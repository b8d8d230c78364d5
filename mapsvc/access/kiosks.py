"""Walls that stand by themselves: a long-lived token that opens `/screen` and nothing else.

The token is not a session: a wall exchanges it for a cookie once it starts, so that the token
stands in no address that a server or a proxy would log. Taking the token back ends the cookies.
"""

import re
import secrets
from datetime import timedelta
from typing import Any

from mapsvc import record
from mapsvc.access.passwords import digest
from mapsvc.database import Db
from mapsvc.errors import BadInput, Conflict, NotFound, SignInFailed

_NAME = re.compile(r"[\w\u4e00-\u9fff .()（）·\-]{1,40}")


async def add_kiosk(db: Db, name: str, *, days: int) -> str:
    """A new wall's token, returned this once; only its hash is kept."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise BadInput("大屏名称应为 1 到 40 个字，例如“指挥大厅”。", code="bad_kiosk_name")
    token = f"wall_{secrets.token_urlsafe(32)}"
    async with db.transaction():
        made = await db.execute(
            "insert into kiosk (name, token_hash, created_by, expires_at)"
            " values (%s, %s, %s, now() + %s) on conflict (name) do nothing",
            [name, digest(token), record.asker().username, timedelta(days=days)],
        )
        if not made.rowcount:
            raise Conflict(f"已有名为“{name}”的大屏。请换一个名称，或先收回原来的令牌。")
        await record.write(db, "kiosk.issued", subject=name, new={"days": days})
    return token


def kiosk_path(token: str) -> str:
    """What a wall's browser opens. What follows the # is never sent to any server."""
    return f"/screen#kiosk={token}"


async def remove_kiosk(db: Db, number: int) -> str:
    """Take the token back; every wall that came with it is signed out. The wall's name."""
    async with db.transaction():
        gone = await db.execute("delete from kiosk where id = %s returning name", [number])
        row = await gone.fetchone()
        if row is None:
            raise NotFound("没有这块大屏，可能已经收回。")
        await record.write(db, "kiosk.revoked", subject=row[0])
    return str(row[0])


async def enter(db: Db, token: str, *, agent: str = "") -> tuple[str, int]:
    """A session's token for the wall whose token this is, and how many seconds it may last."""
    cursor = await db.execute(
        "update kiosk set used_at = now(), used_from = %s where token_hash = %s"
        " and expires_at > now() returning id, name, expires_at,"
        " extract(epoch from expires_at - now())::int",
        [record.asker().ip, digest(token)],
    )
    row = await cursor.fetchone()
    if row is None:
        await record.write(db, "session.refused", subject="大屏", username="大屏")
        raise SignInFailed("大屏令牌无效、已过期或已收回。请系统管理员重新签发。")
    opened = secrets.token_urlsafe(32)
    async with db.transaction():
        await db.execute(
            "insert into session (token_hash, kiosk_id, expires_at, kind, address, agent)"
            " values (%s, %s, %s, 'kiosk', %s, %s)",
            [digest(opened), row[0], row[2], record.asker().ip, agent[:300]],
        )
        name = f"大屏·{row[1]}"
        await record.write(db, "session.opened", subject=name, username=name, roles=["wall"])
    return opened, row[3]


async def kiosks(db: Db) -> list[dict[str, Any]]:
    """Every wall's token: whose, until when, when and from where it was last in use."""
    cursor = await db.execute(
        "select k.id, k.name, k.created_at, k.created_by, k.expires_at,"
        " greatest(k.used_at, max(s.seen_at)), k.used_from"
        " from kiosk k left join session s on s.kiosk_id = k.id group by k.id order by k.name"
    )
    names = ("id", "name", "created_at", "created_by", "expires_at", "used_at", "used_from")
    return [
        {
            name: value.isoformat() if value is not None and name.endswith("_at") else value
            for name, value in zip(names, row, strict=True)
        }
        for row in await cursor.fetchall()
    ]
