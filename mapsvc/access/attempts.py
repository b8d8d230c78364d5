"""Guessed passwords: each wrong one makes the next wait longer, wherever it is tried.

Counted in the database, so that all processes count together, under three keys: the account from
one address, the address, the account from all addresses that it has never signed in from. The
last keeps guesses that come from many places slow, and does not shut out the account's owner at
his usual place. Waits double and end at a setting: nothing is locked for good. A name that is no
account is counted like one, so that the answer does not tell.
"""

import hashlib
from dataclasses import dataclass

from mapsvc.database import Db
from mapsvc.errors import TooManyRequests
from mapsvc.settings import Settings

# How many times more is free for an address (many people, one proxy), for an account as a whole.
_ADDRESS, _ACCOUNT = 6, 4
_FORGOTTEN_S = 3600
_FAMILIAR_DAYS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, counted as a failure until it is told otherwise."""

    keys: tuple[str, ...]
    username: str
    address: str
    wait_s: float
    """How long the next try must wait if this one fails."""


class Waiting(TooManyRequests):
    """Too early; `first` where it is the first refusal of this wait."""

    def __init__(self, seconds: float, *, first: bool) -> None:
        super().__init__(f"登录失败次数过多，请 {_told(seconds)}后再试。", seconds)
        self.first = first


class _Early(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


_COUNTED = """
insert into attempt as a (key) values (%(key)s)
on conflict (key) do update set
    failures = case when a.last_at < clock_timestamp() - make_interval(secs => %(forgotten)s)
        then 1 else a.failures + 1 end,
    refused = 0,
    last_at = clock_timestamp(),
    free_at = clock_timestamp() + make_interval(secs => case
        when a.last_at < clock_timestamp() - make_interval(secs => %(forgotten)s)
            or a.failures < %(free)s then 0
        else least(%(most)s, power(2, least(a.failures + 1 - %(free)s, 30))) end)
    where a.free_at <= clock_timestamp()
returning extract(epoch from free_at - last_at)::float8
"""
_REFUSED = """
update attempt set refused = refused + 1 where key = %s
returning extract(epoch from free_at - clock_timestamp())::float8, refused
"""


async def begin(db: Db, settings: Settings, username: str, address: str) -> Attempt:
    """Count a try before the password is looked at; raises Waiting.

    Before, because tries that come at the same time would otherwise all be free.
    """
    free = settings.lockout_free
    name = hashlib.sha256(username.encode()).hexdigest()[:32]
    keys = {f"address {address}": free * _ADDRESS, f"both {name} {address}": free}
    if not await _is_familiar(db, username, address):
        keys[f"account {name}"] = free * _ACCOUNT
    try:
        async with db.transaction():
            # Always in this order: no two tries wait for each other.
            waits = [await _counted(db, settings, key, keys[key]) for key in sorted(keys)]
    except _Early as early:
        # What was not tried is not counted either: nobody makes another's wait longer by knocking.
        refused = await (await db.execute(_REFUSED, [early.key])).fetchone()
        seconds, times = refused or (1.0, 2)
        raise Waiting(seconds, first=times == 1) from None
    return Attempt(tuple(keys), username, address, max(waits))


async def _counted(db: Db, settings: Settings, key: str, free: int) -> float:
    """The wait after this try, in seconds; raises _Early where it comes during one."""
    values = {
        "key": key,
        "free": free,
        "most": settings.lockout_most_s,
        "forgotten": max(_FORGOTTEN_S, 2 * settings.lockout_most_s),
    }
    row = await (await db.execute(_COUNTED, values)).fetchone()
    if row is None:
        raise _Early(key)
    return float(row[0])


async def _is_familiar(db: Db, username: str, address: str) -> bool:
    cursor = await db.execute(
        "select true from familiar where username = %s and address = %s"
        " and at > now() - make_interval(days => %s)",
        [username, address, _FAMILIAR_DAYS],
    )
    return await cursor.fetchone() is not None


async def half(db: Db, attempt: Attempt) -> None:
    """The right password, and a second factor still to come: only the account here counts it."""
    await _uncount(db, [key for key in attempt.keys if not key.startswith("both ")])


async def _uncount(db: Db, keys: list[str]) -> None:
    await db.execute(
        "update attempt set failures = failures - 1, free_at = clock_timestamp()"
        " where key = any(%s)",
        [keys],
    )


async def succeeded(db: Db, attempt: Attempt) -> None:
    """It was the right password: the count of this account here ends, the others lose this try."""
    both = [key for key in attempt.keys if key.startswith("both ")]
    await db.execute("delete from attempt where key = any(%s)", [both])
    await _uncount(db, [key for key in attempt.keys if key not in both])
    await db.execute(
        "insert into familiar (username, address) values (%s, %s)"
        " on conflict (username, address) do update set at = now()",
        [attempt.username, attempt.address],
    )
    await db.execute("delete from attempt where last_at < now() - interval '1 day' or failures < 1")


def _told(seconds: float) -> str:
    return f"{seconds / 60:.0f} 分钟" if seconds > 90 else f"{max(1, round(seconds))} 秒"
