"""The chain of hashes: verified, taken out as a file, cut at its old end.

Each entry's hash is SHA-256 over the hash before it (32 bytes) and the entry as text (UTF-8). The
text is JSON that the database writes, the same for the same values; a file that was taken out
holds it as it was hashed, so that anybody can verify it without this program.
"""

import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mapsvc.database import Db, moment
from mapsvc.errors import BadInput
from mapsvc.record.entries import write

LEAST_MONTHS = 6
_AT_ONCE = 5000
_LOCK = "select pg_advisory_xact_lock(1835104371, 1)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many entries hold, the first that does not, why, and the newest hash."""

    entries: int
    newest: str
    broken: int | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        return self.broken is None


@dataclass(frozen=True, slots=True)
class _Link:
    id: int
    prev: bytes
    hash: bytes
    text: str


async def _links(db: Db) -> AsyncIterator[_Link]:
    after = 0
    while True:
        cursor = await db.execute(
            "select id, prev_hash, hash, audit_text(audit) from audit where id > %s"
            " order by id limit %s",
            [after, _AT_ONCE],
        )
        rows = await cursor.fetchall()
        for number, prev, hash_, text in rows:
            yield _Link(number, bytes(prev), bytes(hash_), text)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][0]


async def _head(db: Db) -> tuple[int, bytes, int, bytes]:
    """Number of the first kept entry, the hash before it; number and hash of the newest."""
    row = await (
        await db.execute("select first_id, first_prev, last_id, last_hash from audit_head")
    ).fetchone()
    if row is None:
        raise BadInput(
            "审计链的起止记录不见了，无法校验。请从备份恢复。", code="record_head_missing"
        )
    return row[0], bytes(row[1]), row[2], bytes(row[3])


async def verify(db: Db) -> Verdict:
    """Walk the chain from its kept beginning to its end; the first entry that breaks it."""
    async with moment(db):
        first, prev, last, newest = await _head(db)
        expected = first
        async for link in _links(db):
            fault = _fault(link, expected, prev)
            if fault:
                return Verdict(expected - first, newest.hex(), expected, fault)
            expected, prev = link.id + 1, link.hash
    if (expected - 1, prev) != (last, newest):
        reason = (
            f"最新一条应是第 {last} 条，它与其后的记录已不在" if expected <= last else "末尾不符"
        )
        return Verdict(expected - first, newest.hex(), expected, reason)
    return Verdict(expected - first, newest.hex())


async def verify_on_record(db: Db) -> Verdict:
    """The same, and the outcome becomes an entry: the health page tells when it was last done."""
    verdict = await verify(db)
    told = {"holds": verdict.holds, "entries": verdict.entries}
    if not verdict.holds:
        told["broken"] = verdict.broken or 0
    await write(db, "record.verified", subject=f"{verdict.entries} 条", new=told)
    return verdict


def _fault(link: _Link, expected: int, prev: bytes) -> str:
    if link.id != expected:
        return f"第 {expected} 条不见了"
    if link.prev != prev:
        return f"第 {link.id} 条与前一条接不上"
    if hashlib.sha256(prev + link.text.encode()).digest() != link.hash:
        return f"第 {link.id} 条的内容被改动过"
    return ""


async def export(db: Db, file: Path) -> int:
    """Write every kept entry to a new file, one JSON object a line; how many there were.

    Personal values stand in it in clear (the hashes need them): the file is readable by its owner
    only. Raises FileExistsError.
    """
    many = 0
    async with moment(db):
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            async for link in _links(db):
                line = {"id": link.id, "prev_hash": link.prev.hex(), "hash": link.hash.hex()}
                out.write(msgspec.json.encode(line | {"text": link.text}) + b"\n")
                many += 1
    await write(db, "record.exported", subject=file.name, new={"entries": many})
    return many


def verify_file(file: Path) -> Verdict:
    """The same walk over a file that was taken out; raises BadInput where it is none."""
    expected, prev, many = 0, b"", 0
    with file.open("rb") as lines:
        for line in lines:
            try:
                told: dict[str, Any] = msgspec.json.decode(line)
                link = _Link(
                    told["id"],
                    bytes.fromhex(told["prev_hash"]),
                    bytes.fromhex(told["hash"]),
                    told["text"],
                )
            except (msgspec.DecodeError, KeyError, TypeError, ValueError):
                raise BadInput(
                    f"第 {many + 1} 行不是导出的审计记录。", code="not_a_record"
                ) from None
            fault = _fault(link, expected, prev) if many else _fault(link, link.id, link.prev)
            if fault:
                return Verdict(many, prev.hex(), expected if many else link.id, fault)
            expected, prev, many = link.id + 1, link.hash, many + 1
    return Verdict(many, prev.hex())


async def prune(db: Db, keep_months: int) -> int:
    """Forget entries older than so many months; what is left stays verifiable."""
    if keep_months < LEAST_MONTHS:
        raise BadInput(f"审计记录至少保留 {LEAST_MONTHS} 个月。请写 {LEAST_MONTHS} 或更大的数。")
    async with db.transaction():
        await db.execute(_LOCK)
        await db.execute("set local mapsvc.audit_prune = 'on'")
        row = await (
            await db.execute(
                "select id, hash from audit where id < coalesce((select min(id) from audit"
                " where at >= now() - make_interval(months => %s)), 9223372036854775807)"
                " order by id desc limit 1",
                [keep_months],
            )
        ).fetchone()
        if row is None:
            return 0
        gone = (await db.execute("delete from audit where id <= %s", [row[0]])).rowcount
        await db.execute(
            "update audit_head set first_id = %s, first_prev = %s", [row[0] + 1, row[1]]
        )
        told = {"entries": gone, "through": row[0], "hash": bytes(row[1]).hex()}
        await write(db, "record.pruned", subject=f"{keep_months} 个月", new=told)
    return gone
