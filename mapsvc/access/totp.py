"""A second factor (TOTP, RFC 6238): set up with the password, never the same code twice.

Recovery codes, each good once, are for the day when the telephone is lost.
"""

import secrets
import time
from dataclasses import dataclass

import pyotp
import segno

from mapsvc import record
from mapsvc.access import passwords
from mapsvc.access.passwords import digest
from mapsvc.database import Db, carry_out
from mapsvc.errors import BadInput

_STEP_S = 30
_DRIFT = 1  # steps that a telephone's clock may be off, either way
_RECOVERY = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret that is nobody's until a code of it comes back; `picture` is an SVG data address."""

    secret: str
    uri: str
    picture: str


def offer(username: str, issuer: str) -> Offer:
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)
    picture = segno.make(uri, error="m").svg_data_uri(scale=5, border=3)
    return Offer(secret, uri, picture)


async def is_on(db: Db, username: str) -> bool:
    cursor = await db.execute(
        "select from account where username = %s and totp_secret is not null", [username]
    )
    return await cursor.fetchone() is not None


async def enable(db: Db, username: str, password: str, secret: str, code: str) -> list[str]:
    """Keep the secret for whoever knows the password and has a code of it; the recovery codes."""
    await passwords.require_own(db, username, password)
    step = _step_of(secret, code)
    if step is None:
        raise BadInput("动态口令不正确。请核对手机时间后，用最新的口令再试。", code="totp_wrong")
    codes = [passwords.made(3) for _ in range(_RECOVERY)]
    async with db.transaction():
        await carry_out(
            db,
            "update account set totp_secret = %s, totp_step = %s, recovery = %s"
            " where username = %s",
            [secret, step, [_kept(c) for c in codes], username],
            1,
        )
        await record.write(db, "totp.enabled", subject=username)
    return codes


async def disable(db: Db, username: str) -> None:
    """Forget the second factor; nothing happens where there is none."""
    async with db.transaction():
        gone = await db.execute(
            "update account set totp_secret = null, recovery = '{}'"
            " where username = %s and totp_secret is not null",
            [username],
        )
        if gone.rowcount:
            await record.write(db, "totp.disabled", subject=username)


async def takes(db: Db, username: str, secret: str, code: str) -> bool:
    """Is this a code of now that was not used before, or a recovery code that is left?"""
    step = _step_of(secret, code)
    if step is not None:
        # One statement: of two that come with the same code, one finds it used.
        used = await db.execute(
            "update account set totp_step = %s where username = %s and totp_step < %s",
            [step, username, step],
        )
        return used.rowcount == 1
    kept = _kept(code)
    async with db.transaction():
        used = await db.execute(
            "update account set recovery = array_remove(recovery, %s)"
            " where username = %s and %s = any(recovery)",
            [kept, username, kept],
        )
        if used.rowcount:
            await record.write(db, "totp.recovered", subject=username, username=username)
    return used.rowcount == 1


def _step_of(secret: str, code: str) -> int | None:
    """The thirty seconds whose code this is, if they are about now."""
    given = "".join(code.split())
    now = int(time.time()) // _STEP_S
    try:
        made = pyotp.TOTP(secret)
        for step in range(now - _DRIFT, now + _DRIFT + 1):
            if secrets.compare_digest(made.generate_otp(step).encode(), given.encode()):
                return step
    except ValueError:  # what came back was no secret of ours
        return None
    return None


def _kept(code: str) -> bytes:
    return digest("".join(code.split()).lower())
