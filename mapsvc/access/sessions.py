"""Sign-in sessions: opened by a password, ended by sign-out, by time, or by lying idle."""

import math
import secrets
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from mapsvc import record
from mapsvc.access import attempts, passwords, totp
from mapsvc.access.accounts import create, find_account
from mapsvc.access.passwords import digest
from mapsvc.access.rights import Debt, Identity
from mapsvc.database import Db, carry_out
from mapsvc.errors import NotFound, SignInFailed
from mapsvc.settings import Settings

_SINGLE = {"by": "统一身份"}
_RECHECK_S = 5.0
_NOTED_S = 60
"""How often it is written down that a session is in use, at most."""
_REMEMBERED = 10_000

# Pages lie idle, programs and walls do not. `%(idle)s` is null where the setting is off.
_OPEN = """s.expires_at > now() and not coalesce(a.locked, false)
    and (s.kind in ('token', 'kiosk')
        or s.seen_at > now() - coalesce(%(idle)s, interval '10 years'))"""
_IDENTIFY = f"""
select coalesce(a.username, '大屏·' || k.name), coalesce(a.roles, '{{wall}}'), a.region_code,
    s.kind, a.must_change, a.password_at + %(age)s < now(), a.totp_secret is not null,
    s.seen_at < now() - make_interval(secs => {_NOTED_S})
from session s left join account a using (username) left join kiosk k on k.id = s.kiosk_id
where s.token_hash = %(token)s and {_OPEN}
"""  # noqa: S608 only constants
_SIGNED_IN = "update account set signed_in_at = now() where username = %s"
_LISTED = f"""
select s.id, s.kind, s.address, s.agent, s.created_at, s.seen_at, s.expires_at,
    s.token_hash = %(token)s
from session s left join account a using (username)
where s.username = %(username)s and {_OPEN} order by s.seen_at desc, s.id desc
"""  # noqa: S608 only constants
_STILL_OPEN = f"""
select token_hash from session s left join account a using (username)
where token_hash = any(%(tokens)s) and {_OPEN}
"""  # noqa: S608 only constants


class _Seen(NamedTuple):
    """When the database was last asked whose token it is, what it said, and when that was use."""

    at: float
    identity: Identity
    used_at: float


class Sessions:
    """Sign-in sessions; a token seen in the last seconds is not asked of the database again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.lifetime = timedelta(hours=settings.session_hours)
        self._seen: dict[bytes, _Seen] = {}

    async def sign_in(
        self, db: Db, username: str, password: str, code: str = "", *, agent: str = ""
    ) -> tuple[str, Identity]:
        """A new token and whose it is; SignInFailed without saying which part was wrong.

        TooManyRequests after too many failures, before the password is looked at.
        """
        attempt = await self._begun(db, username)
        row = await (
            await db.execute(
                "select password_hash, roles, region_code, locked, must_change,"
                " password_at + %s < now(), totp_secret from account where username = %s",
                [self._age, username],
            )
        ).fetchone()
        right = await passwords.matches(str(row[0]) if row else passwords.NOBODY, password)
        if row is None or not right:
            await self._refused(db, attempt, known=row is not None)
            raise SignInFailed("用户名或密码不正确，请重新输入。")
        if row[3]:
            await self._refused(db, attempt, known=True)
            raise SignInFailed("这个账号已停用，请联系系统管理员。", code="account_locked")
        if row[6] is not None:
            await self._require_second(db, attempt, row[6], code)
        roles = frozenset(row[1])
        owes = self._debt("page", roles, changes=row[4], old=row[5], has_totp=row[6] is not None)
        person = Identity(username, roles, row[2], owes)
        async with db.transaction():
            await attempts.succeeded(db, attempt)
            await carry_out(db, _SIGNED_IN, [username], 1)
            token = await self._opened(db, username, "page", agent)
            await record.write(db, "session.opened", subject=username, roles=person.told)
        return token, person

    async def sign_in_named(
        self, db: Db, username: str, *, agent: str = ""
    ) -> tuple[str, Identity]:
        """A session for the account that a provider of identities names; SignInFailed."""
        person = await find_account(db, username)
        newcomers = self._settings.oidc_newcomers
        if person is None and newcomers:
            await create(db, username, [newcomers])
            person = await find_account(db, username)
        locked = await (
            await db.execute("select locked from account where username = %s", [username])
        ).fetchone()
        if person is None or (locked and locked[0]):
            name = _hidden(username) if person is None else username
            await record.write(db, "session.refused", subject=name, username=name, new=_SINGLE)
            if person is None:
                raise SignInFailed(
                    "您还没有本系统的账号，请联系系统管理员开设。", code="oidc_unknown"
                )
            raise SignInFailed("这个账号已停用，请联系系统管理员。", code="account_locked")
        async with db.transaction():
            await carry_out(db, _SIGNED_IN, [username], 1)
            token = await self._opened(db, username, "single", agent)
            await record.write(
                db, "session.opened", subject=username, roles=person.told, new=_SINGLE
            )
        return token, person

    async def _require_second(
        self, db: Db, attempt: attempts.Attempt, secret: str, code: str
    ) -> None:
        if not code.strip():
            await attempts.half(db, attempt)
            raise SignInFailed("请输入手机上的动态口令。", code="totp_required")
        if not await totp.takes(db, attempt.username, secret, code):
            await self._refused(db, attempt, known=True)
            raise SignInFailed("动态口令不正确或已用过。请等下一个口令再试。", code="totp_wrong")

    async def _begun(self, db: Db, username: str) -> attempts.Attempt:
        try:
            return await attempts.begin(db, self._settings, username, record.asker().ip)
        except attempts.Waiting as waiting:
            if waiting.first:
                known = await _told(db, username)
                await record.write(db, "session.delayed", subject=known, username=known)
            raise

    async def _refused(self, db: Db, attempt: attempts.Attempt, *, known: bool) -> None:
        name = attempt.username if known else _hidden(attempt.username)
        wait = {"wait_s": round(attempt.wait_s)} if attempt.wait_s else None
        await record.write(db, "session.refused", subject=name, username=name, new=wait)

    async def open(self, db: Db, username: str) -> str:
        """A bearer token for the account without its password; only its hash is kept."""
        async with db.transaction():
            token = await self._opened(db, username, "token", "")
            await record.write(db, "token.issued", subject=username)
        return token

    async def _opened(self, db: Db, username: str, kind: str, agent: str) -> str:
        token = secrets.token_urlsafe(32)
        await db.execute(
            "insert into session (token_hash, username, expires_at, kind, address, agent)"
            " values (%s, %s, now() + %s, %s, %s, %s)",
            [digest(token), username, self.lifetime, kind, record.asker().ip, agent[:300]],
        )
        await db.execute("delete from session where expires_at < now()")
        return token

    async def identify(self, db: Db, token: str, *, used: bool = True) -> Identity | None:
        """Whose token it is, or None when unknown, ended, expired or idle for too long.

        Not `used` is what a page asks for by itself: its session goes on lying idle.
        """
        known = digest(token)
        values = {"token": known, "idle": self.idle, "age": self._age}
        row = await (await db.execute(_IDENTIFY, values)).fetchone()
        if row is None:
            return None
        roles = frozenset(row[1])
        owes = self._debt(row[3], roles, changes=row[4], old=row[5], has_totp=row[6])
        identity = Identity(row[0], roles, row[2], owes)
        if row[7] and (used or row[3] in ("token", "kiosk")):
            await db.execute("update session set seen_at = now() where token_hash = %s", [known])
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        now, before = time.monotonic(), self._seen.get(known)
        used_at = now if used else before.used_at if before else -math.inf
        self._seen[known] = _Seen(now, identity, used_at)
        return identity

    def recent(self, token: str, *, used: bool = True) -> Identity | None:
        """The identity if the token was verified within the last few seconds, and this use of it
        need not be written down.
        """
        seen, now = self._seen.get(digest(token)), time.monotonic()
        if seen is None or now - seen.at > _RECHECK_S:
            return None
        return None if used and now - seen.used_at > _NOTED_S else seen.identity

    def forget(self) -> None:
        """Ask the database again, about everybody: somebody's rights or sessions have changed."""
        self._seen.clear()

    def remembered(self, token: str) -> Identity | None:
        """Whose token it was when the database was last asked; for when it cannot be asked."""
        seen = self._seen.get(digest(token))
        if seen is None or time.monotonic() - seen.at > self.lifetime.total_seconds():
            return None
        return seen.identity

    async def end(self, db: Db, token: str) -> None:
        self._seen.pop(digest(token), None)
        async with db.transaction():
            gone = await db.execute(
                "delete from session where token_hash = %s returning username", [digest(token)]
            )
            if row := await gone.fetchone():
                await record.write(db, "session.closed", subject=row[0] or "大屏")

    async def end_all(self, db: Db, username: str, *, keep: str | None = None) -> int:
        """Sign the account out everywhere, but for the session of the token `keep`; how many."""
        kept = digest(keep) if keep else None
        async with db.transaction():
            gone = await db.execute(
                "delete from session where username = %s and token_hash is distinct from %s",
                [username, kept],
            )
            if gone.rowcount:
                ended = {"sessions": gone.rowcount}
                await record.write(db, "session.closed_all", subject=username, new=ended)
        self.forget()
        return gone.rowcount

    async def end_one(self, db: Db, username: str, number: int) -> None:
        """End one of the account's sessions by its number; NotFound where it has none such."""
        async with db.transaction():
            gone = await db.execute(
                "delete from session where username = %s and id = %s", [username, number]
            )
            if not gone.rowcount:
                raise NotFound("没有这个登录，可能已经退出。")
            await record.write(db, "session.closed", subject=username, new={"number": number})
        self.forget()

    async def listed(self, db: Db, username: str, current: str) -> Sequence[dict[str, Any]]:
        """The account's open sessions, the last used first; `current` is the asker's token."""
        cursor = await db.execute(
            _LISTED,
            {"token": digest(current), "username": username, "idle": self.idle},
        )
        names = ("id", "kind", "address", "agent", "created_at", "seen_at", "expires_at", "current")
        return [
            {
                name: value.isoformat() if name.endswith("_at") else value
                for name, value in zip(names, row, strict=True)
            }
            for row in await cursor.fetchall()
        ]

    def _debt(
        self, kind: str, roles: frozenset[str], *, changes: bool, old: bool, has_totp: bool
    ) -> Debt | None:
        # Who came by single sign-on, or with a token made at the host, gave no password of ours.
        if kind != "page":
            return None
        if changes or old:
            return "password"
        return "totp" if not has_totp and roles & self._settings.totp_required else None

    @property
    def idle(self) -> timedelta | None:
        """How long a page may ask for nothing; None for as long as its session lives."""
        minutes = self._settings.idle_minutes
        return timedelta(minutes=minutes) if minutes else None

    @property
    def _age(self) -> timedelta | None:
        days = self._settings.password_days
        return timedelta(days=days) if days else None


async def still_open(
    db: Db, digests: Collection[bytes], idle: timedelta | None = None
) -> set[bytes]:
    """Those of the sessions that have neither ended nor expired nor lain idle for so long."""
    cursor = await db.execute(_STILL_OPEN, {"tokens": list(digests), "idle": idle})
    return {bytes(row[0]) for row in await cursor.fetchall()}


async def _told(db: Db, username: str) -> str:
    """The name as it may stand on record: what is no account may be a mistyped password."""
    cursor = await db.execute("select from account where username = %s", [username])
    return _hidden(username) if await cursor.fetchone() is None else username


def _hidden(username: str) -> str:
    return f"{username[:1]}**（没有这个账号）"
