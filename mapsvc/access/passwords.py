"""Passwords: which are good enough, how they are kept, and those that are made for people."""

import hashlib
import re
import secrets

import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from mapsvc.database import Db
from mapsvc.errors import BadInput
from mapsvc.settings import Settings

HASHER = PasswordHasher()  # Argon2id by RFC 9106: 64 MiB, three passes
# Verified against when there is no such account, so that both refusals take the same time.
NOBODY = HASHER.hash(secrets.token_urlsafe(12))
# Without letters and digits that are taken for one another on paper or on the telephone.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_LOOKED_AT = 72  # zxcvbn's work grows with the square of the length


async def hashed(password: str) -> str:
    return await anyio.to_thread.run_sync(HASHER.hash, password)


async def matches(kept: str, password: str) -> bool:
    return await anyio.to_thread.run_sync(_matches, kept, password)


def _matches(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except VerificationError:
        return False


async def require_good(settings: Settings, username: str, password: str) -> None:
    """BadInput, in words, where the password is short, holds the name or is soon guessed."""
    least = settings.password_length
    if len(password) < least:
        raise BadInput(f"密码太短：至少 {least} 个字符。", code="password_short")
    plain, name = _folded(password), _folded(username)
    if len(name) > 2 and name in plain:
        raise BadInput("密码里不能有用户名，请换一个。", code="password_name")
    score = await anyio.to_thread.run_sync(_score, password, username)
    if score < settings.password_strength:
        raise BadInput(
            "密码太常见或太有规律，容易被猜中。可以用几个不相干的词加数字，例如一句只有自己知道的话。",
            code="password_weak",
        )


async def require_own(db: Db, username: str, password: str) -> None:
    """BadInput unless this is the account's password."""
    cursor = await db.execute("select password_hash from account where username = %s", [username])
    row = await cursor.fetchone()
    if row is None or not await matches(row[0], password):
        raise BadInput("现在的密码不正确，请重新输入。", code="password_wrong")


def digest(secret: str) -> bytes:
    """What is kept of a random secret; a password is kept by `hashed`."""
    return hashlib.sha256(secret.encode()).digest()


def _score(password: str, username: str) -> int:
    return int(zxcvbn(password[:_LOOKED_AT], user_inputs=[username, "mapsvc", "yingji"])["score"])


def _folded(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def made(groups: int = 4) -> str:
    """A random secret that can be read out: `h7km-…`, about 20 bits a group."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(groups))
