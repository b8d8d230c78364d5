"""Accounts: made, changed, locked, listed; every deed on record, no password ever."""

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from mapsvc import record
from mapsvc.access import passwords
from mapsvc.access.rights import ROLES, Identity, in_order
from mapsvc.database import Db, carry_out
from mapsvc.errors import BadInput, Conflict, Forbidden, NotFound
from mapsvc.settings import Settings

_NAME = re.compile(r"[\w.\-]{2,40}", re.ASCII)
_ONE_ADMIN = "至少要留一个能登录的系统管理员。请先让另一个账号担任。"


async def add_account(
    db: Db,
    username: str,
    password: str,
    roles: Iterable[str],
    region_code: str | None = None,
    *,
    must_change: bool = False,
) -> None:
    """Create the account, or give an existing one this password, these roles and this region.

    `must_change`: its first sign-in leads to a new password and to nothing else.
    """
    held = _together(roles, region_code)
    kept = await passwords.hashed(password)
    async with db.transaction():
        before = await find_account(db, username)
        await carry_out(
            db,
            "insert into account (username, password_hash, roles, region_code, must_change)"
            " values (%s, %s, %s, %s, %s) on conflict (username) do update"
            " set password_hash = excluded.password_hash, roles = excluded.roles,"
            " region_code = excluded.region_code, must_change = excluded.must_change,"
            " password_at = now()",
            [username, kept, held, region_code, must_change],
            1,
        )
        await db.execute("delete from session where username = %s", [username])
        await record.write(
            db,
            "account.saved",
            subject=username,
            region=region_code,
            old={"roles": before.told} if before else None,
            new={"roles": held, "password": "已设定"},
        )


def _together(roles: Iterable[str], region_code: str | None) -> list[str]:
    """The roles in order; BadInput where they do not go together."""
    held = in_order(roles)
    unknown = set(roles) - set(held)
    if unknown or not held:
        named = f"没有角色“{'、'.join(sorted(unknown))}”" if unknown else "账号至少要有一个角色"
        raise BadInput(f"{named}。可用：{'、'.join(ROLES)}。")
    if ("township" in held) != (region_code is not None):
        raise BadInput("乡镇账号必须指定区域代码，其他角色不得指定。")
    if "township" in held and len(held) > 1:
        raise BadInput("乡镇账号只能有“乡镇”一个角色；需要其他权限时请另建账号。")
    return held


def require_name(username: str) -> None:
    """BadInput where a new account's name would be hard to type or to tell from another's."""
    if not _NAME.fullmatch(username):
        raise BadInput("用户名应为 2 到 40 个字母、数字、点、横线或下划线。", code="bad_username")


async def create(
    db: Db, username: str, roles: Iterable[str], region_code: str | None = None
) -> str:
    """A new account with a password for its first sign-in only, which is returned this once."""
    require_name(username)
    if await find_account(db, username) is not None:
        raise Conflict(f"已有账号“{username}”。请换一个用户名，或为它重设密码。")
    password = passwords.made()
    await add_account(db, username, password, roles, region_code, must_change=True)
    return password


async def create_first(db: Db, settings: Settings, code: str, username: str, password: str) -> None:
    """The first administrator, where there is no account at all and the code is the printed one.

    Raises Conflict, Forbidden, BadInput.
    """
    printed = settings.first_code.get_secret_value() if settings.first_code else ""
    if await any_account(db):
        raise Conflict("已经有账号了。请用已有的账号登录，或联系系统管理员。")
    if not printed or not secrets.compare_digest(code.strip().encode(), printed.encode()):
        raise Forbidden("一次性代码不正确。它印在启动服务的窗口里，每次启动都不同。")
    require_name(username)
    await passwords.require_good(settings, username, password)
    async with db.transaction():
        # Two who hold the code at the same moment: one of them becomes the administrator.
        await db.execute("lock table account in share row exclusive mode")
        if await any_account(db):
            raise Conflict("已经有账号了。请用已有的账号登录，或联系系统管理员。")
        await add_account(db, username, password, ["admin"])


async def any_account(db: Db) -> bool:
    row = await (await db.execute("select exists (select from account)")).fetchone()
    return bool(row and row[0])


async def change(
    db: Db,
    username: str,
    *,
    roles: Iterable[str] | None = None,
    region_code: str | None = None,
    locked: bool | None = None,
) -> None:
    """Other roles (with their region), or locked or not; NotFound, BadInput, Conflict."""
    async with db.transaction():
        # One change at a time: the last two administrators cannot take leave together.
        await db.execute("lock table account in share row exclusive mode")
        row = await _row(db, username)
        before = {"roles": row["roles"], "region_code": row["region_code"], "locked": row["locked"]}
        after = dict(before)
        if roles is not None:
            after |= {"roles": _together(roles, region_code), "region_code": region_code}
        if locked is not None:
            after["locked"] = locked
        if after == before:
            return
        await carry_out(
            db,
            "update account set roles = %(roles)s, region_code = %(region_code)s,"
            " locked = %(locked)s where username = %(username)s",
            after | {"username": username},
            1,
        )
        await _require_an_admin(db)
        if after["locked"]:
            await db.execute("delete from session where username = %s", [username])
        old = {name: before[name] for name in before if before[name] != after[name]}
        new = {name: after[name] for name in old}
        region = after["region_code"]
        await record.write(db, "account.changed", subject=username, region=region, old=old, new=new)


async def _require_an_admin(db: Db) -> None:
    cursor = await db.execute("select from account where 'admin' = any(roles) and not locked")
    if await cursor.fetchone() is None:
        raise Conflict(_ONE_ADMIN, code="last_admin")


async def reset(db: Db, username: str) -> str:
    """A password for one sign-in, returned this once; the old one and all sessions end."""
    password = passwords.made()
    kept = await passwords.hashed(password)
    async with db.transaction():
        await _row(db, username)
        await carry_out(
            db,
            "update account set password_hash = %s, must_change = true, password_at = now()"
            " where username = %s",
            [kept, username],
            1,
        )
        await db.execute("delete from session where username = %s", [username])
        await record.write(db, "account.reset", subject=username)
    return password


async def change_password(
    db: Db, settings: Settings, username: str, old: str, new: str, keep: bytes | None
) -> None:
    """Somebody's own password; every session but the one whose digest is `keep` ends."""
    await passwords.require_own(db, username, old)
    if old == new:
        raise BadInput("新密码与现在的相同，请换一个。", code="password_same")
    await passwords.require_good(settings, username, new)
    kept = await passwords.hashed(new)
    async with db.transaction():
        await carry_out(
            db,
            "update account set password_hash = %s, must_change = false, password_at = now()"
            " where username = %s",
            [kept, username],
            1,
        )
        await db.execute(
            "delete from session where username = %s and token_hash is distinct from %s",
            [username, keep],
        )
        await record.write(db, "account.password", subject=username)


async def accounts(db: Db) -> Sequence[Identity]:
    rows = await (
        await db.execute("select username, roles, region_code from account order by username")
    ).fetchall()
    return [Identity(name, frozenset(roles), region) for name, roles, region in rows]


async def find_account(db: Db, username: str) -> Identity | None:
    row = await (
        await db.execute("select roles, region_code from account where username = %s", [username])
    ).fetchone()
    return Identity(username, frozenset(row[0]), row[1]) if row else None


async def listed(db: Db) -> list[dict[str, Any]]:
    """Every account as its administrator sees it, times as ISO 8601."""
    cursor = await db.execute(
        "select username, roles, region_code, r.name, locked, must_change,"
        " totp_secret is not null, signed_in_at, created_at,"
        " (select count(*) from session s where s.username = a.username and expires_at > now())"
        " from account a left join region r on r.code = a.region_code order by username"
    )
    return [
        {
            "username": name,
            "roles": in_order(roles),
            "role_title": "、".join(ROLES[role] for role in in_order(roles)),
            "region_code": region,
            "region_name": region_name,
            "locked": locked,
            "must_change": must_change,
            "totp": totp,
            "signed_in_at": signed_in_at.isoformat() if signed_in_at else None,
            "created_at": created_at.isoformat(),
            "sessions": sessions,
        }
        for (
            name, roles, region, region_name, locked, must_change, totp, signed_in_at, created_at,
            sessions,
        ) in await cursor.fetchall()
    ]  # fmt: skip


async def _row(db: Db, username: str) -> dict[str, Any]:
    cursor = await db.execute(
        "select roles, region_code, locked from account where username = %s",
        [username],
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"没有账号“{username[:40]}”。")
    return dict(zip(("roles", "region_code", "locked"), row, strict=True))
