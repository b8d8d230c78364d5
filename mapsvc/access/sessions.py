"""Accounts and their sign-in sessions."""

import hashlib
import secrets
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from mapsvc import record
from mapsvc.access.rights import ROLES, Identity, in_order
from mapsvc.database import Db
from mapsvc.errors import BadInput, SignInFailed

_RECHECK_S = 5.0
_hasher = PasswordHasher()
# Verified against when there is no such account, so that both refusals take the same time.
_NOBODY = _hasher.hash(secrets.token_urlsafe(12))


class Sessions:
    """Sign-in sessions; a token seen in the last seconds is not asked of the database again."""

    def __init__(self, hours: float) -> None:
        self.lifetime = timedelta(hours=hours)
        self._seen: dict[bytes, tuple[float, Identity]] = {}

    async def sign_in(self, db: Db, username: str, password: str) -> tuple[str, Identity]:
        """A new token and whose it is; SignInFailed without saying which part was wrong."""
        row = await (
            await db.execute(
                "select password_hash, roles, region_code from account where username = %s",
                [username],
            )
        ).fetchone()
        kept = str(row[0]) if row else _NOBODY
        right = await anyio.to_thread.run_sync(_matches, kept, password)
        if row is None or not right:
            # What is no account may be a password that went into the wrong box.
            known = username if row else f"{username[:1]}**（没有这个账号）"
            await record.write(db, "session.refused", subject=known, username=known)
            raise SignInFailed("用户名或密码不正确，请重新输入。")
        person = _identity(username, *row[1:])
        async with db.transaction():
            token = await self._opened(db, username)
            await record.write(db, "session.opened", subject=username, roles=person.told)
        return token, person

    async def open(self, db: Db, username: str) -> str:
        """A bearer token for the account without its password; only its hash is kept."""
        async with db.transaction():
            token = await self._opened(db, username)
            await record.write(db, "token.issued", subject=username)
        return token

    async def _opened(self, db: Db, username: str) -> str:
        token = secrets.token_urlsafe(32)
        await db.execute(
            "insert into session (token_hash, username, expires_at) values (%s, %s, now() + %s)",
            [digest(token), username, self.lifetime],
        )
        return token

    async def identify(self, db: Db, token: str) -> Identity | None:
        """Whose token it is, or None when unknown, ended or expired."""
        row = await (
            await db.execute(
                "select username, roles, region_code from session join account using (username)"
                " where token_hash = %s and expires_at > now()",
                [digest(token)],
            )
        ).fetchone()
        if row is None:
            return None
        identity = _identity(*row)
        if len(self._seen) > 10_000:
            self._seen.clear()
        self._seen[digest(token)] = (time.monotonic(), identity)
        return identity

    def recent(self, token: str) -> Identity | None:
        """The identity if the token was verified within the last few seconds."""
        seen = self._seen.get(digest(token))
        if seen is None or time.monotonic() - seen[0] > _RECHECK_S:
            return None
        return seen[1]

    async def end(self, db: Db, token: str) -> None:
        self._seen.pop(digest(token), None)
        async with db.transaction():
            gone = await db.execute(
                "delete from session where token_hash = %s returning username", [digest(token)]
            )
            if row := await gone.fetchone():
                await record.write(db, "session.closed", subject=row[0])


async def still_open(db: Db, digests: Collection[bytes]) -> set[bytes]:
    """Those of the sessions that have neither ended nor expired."""
    cursor = await db.execute(
        "select token_hash from session where token_hash = any(%s) and expires_at > now()",
        [list(digests)],
    )
    return {bytes(row[0]) for row in await cursor.fetchall()}


async def add_account(
    db: Db, username: str, password: str, roles: Iterable[str], region_code: str | None = None
) -> None:
    """Create the account, or give an existing one this password, these roles and this region."""
    held = in_order(roles)
    unknown = set(roles) - set(held)
    if unknown or not held:
        named = f"没有角色“{'、'.join(sorted(unknown))}”" if unknown else "账号至少要有一个角色"
        raise BadInput(f"{named}。可用：{'、'.join(ROLES)}。")
    if ("township" in held) != (region_code is not None):
        raise BadInput("乡镇账号必须指定区域代码，其他角色不得指定。")
    if "township" in held and len(held) > 1:
        raise BadInput("乡镇账号只能有“乡镇”一个角色；需要其他权限时请另建账号。")
    hashed = await anyio.to_thread.run_sync(_hasher.hash, password)
    async with db.transaction():
        before = await find_account(db, username)
        await db.execute(
            "insert into account (username, password_hash, roles, region_code)"
            " values (%s, %s, %s, %s) on conflict (username) do update"
            " set password_hash = excluded.password_hash, roles = excluded.roles,"
            " region_code = excluded.region_code",
            [username, hashed, held, region_code],
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


async def accounts(db: Db) -> Sequence[Identity]:
    rows = await (
        await db.execute("select username, roles, region_code from account order by username")
    ).fetchall()
    return [_identity(*row) for row in rows]


async def find_account(db: Db, username: str) -> Identity | None:
    row = await (
        await db.execute(
            "select username, roles, region_code from account where username = %s", [username]
        )
    ).fetchone()
    return _identity(*row) if row else None


def _identity(username: str, roles: Iterable[str], region_code: str | None) -> Identity:
    return Identity(username, frozenset(roles), region_code)


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except VerificationError:
        return False
