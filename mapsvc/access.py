"""Accounts and sign-in: who is asking, in which role, for which region."""

import hashlib
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from mapsvc.database import Db
from mapsvc.errors import BadInput, Forbidden, SignInFailed

ROLES = {"admin": "系统管理员", "command": "指挥中心", "planner": "预案人员", "township": "乡镇"}
_WRITERS = ("admin", "planner", "township")
_RECHECK_S = 5.0
_hasher = PasswordHasher()
# Verified against when there is no such account, so that both refusals take the same time.
_NOBODY = _hasher.hash(secrets.token_urlsafe(12))


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person; a township account is bound to one region and those below it."""

    username: str
    role: str
    region_code: str | None

    @property
    def scope(self) -> str | None:
        """The region this person may write in; None is the whole county."""
        return self.region_code if self.role == "township" else None

    def require_writer(self) -> None:
        if self.role not in _WRITERS:
            raise Forbidden(
                f"“{ROLES[self.role]}”账号只能查看，不能修改数据。请用有权限的账号登录。"
            )

    def require_closer(self) -> None:
        """May this person close roads? The command centre may, though it edits no features."""
        if self.role not in (*_WRITERS, "command"):
            raise Forbidden("这个账号不能封路。请用有权限的账号登录。")


class Sessions:
    """Sign-in sessions; a token seen in the last seconds is not asked of the database again."""

    def __init__(self, hours: float) -> None:
        self.lifetime = timedelta(hours=hours)
        self._seen: dict[bytes, tuple[float, Identity]] = {}

    async def sign_in(self, db: Db, username: str, password: str) -> tuple[str, Identity]:
        """A new token and whose it is; SignInFailed without saying which part was wrong."""
        row = await (
            await db.execute(
                "select password_hash, role, region_code from account where username = %s",
                [username],
            )
        ).fetchone()
        kept = str(row[0]) if row else _NOBODY
        right = await anyio.to_thread.run_sync(_matches, kept, password)
        if row is None or not right:
            raise SignInFailed("用户名或密码不正确，请重新输入。")
        return await self.open(db, username), Identity(username, row[1], row[2])

    async def open(self, db: Db, username: str) -> str:
        """A bearer token for the account; only its hash is kept."""
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
                "select username, role, region_code from session join account using (username)"
                " where token_hash = %s and expires_at > now()",
                [digest(token)],
            )
        ).fetchone()
        if row is None:
            return None
        identity = Identity(*row)
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
        await db.execute("delete from session where token_hash = %s", [digest(token)])


async def still_open(db: Db, digests: Collection[bytes]) -> set[bytes]:
    """Those of the sessions that have neither ended nor expired."""
    cursor = await db.execute(
        "select token_hash from session where token_hash = any(%s) and expires_at > now()",
        [list(digests)],
    )
    return {bytes(row[0]) for row in await cursor.fetchall()}


async def add_account(
    db: Db, username: str, password: str, role: str, region_code: str | None = None
) -> None:
    """Create the account, or give an existing one this password, role and region."""
    if role not in ROLES:
        raise BadInput(f"没有角色“{role}”。可用：{'、'.join(ROLES)}。")
    if (role == "township") != (region_code is not None):
        raise BadInput("乡镇账号必须指定区域代码，其他角色不得指定。")
    hashed = await anyio.to_thread.run_sync(_hasher.hash, password)
    async with db.transaction():
        await db.execute(
            "insert into account (username, password_hash, role, region_code)"
            " values (%s, %s, %s, %s) on conflict (username) do update"
            " set password_hash = excluded.password_hash, role = excluded.role,"
            " region_code = excluded.region_code",
            [username, hashed, role, region_code],
        )
        await db.execute("delete from session where username = %s", [username])


async def accounts(db: Db) -> Sequence[Identity]:
    rows = await (
        await db.execute("select username, role, region_code from account order by role, username")
    ).fetchall()
    return [Identity(*row) for row in rows]


async def find_account(db: Db, username: str) -> Identity | None:
    row = await (
        await db.execute(
            "select username, role, region_code from account where username = %s", [username]
        )
    ).fetchone()
    return Identity(*row) if row else None


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except VerificationError:
        return False
