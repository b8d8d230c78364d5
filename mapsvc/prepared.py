"""Statements that are asked over and over: prepared once a connection, one row, as it comes.

psycopg's cursor takes as much time over a small answer as the rest of the request; of it only
what the values need is used here. Answers are the column texts, undecoded: most are JSON that is
passed on.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import errors, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from mapsvc.database import Db

_MOST = 100
"""Statements kept on a connection."""
_PLACE = re.compile(rb"%(?:\((\w+)\)s|%)")

_Known = dict[tuple[bytes, tuple[int, ...]], bytes]
_numbers = count(1)
_prepared: WeakKeyDictionary[Db, _Known] = WeakKeyDictionary()


async def one_row(
    db: Db, statement: bytes, values: Mapping[str, Any], *, binary: bool = False
) -> list[bytes | None]:
    """The columns of the statement's only row, each as PostgreSQL writes it; None for null.

    `binary`: as it sends them, which for bytea is the bytes themselves. Placeholders are
    psycopg's, `%(name)s`. Its errors are psycopg's too.
    """
    text, names = _numbered(statement)
    adapt = Transformer(db)
    form = Format.BINARY if binary else Format.TEXT
    given = adapt.dump_sequence([values[name] for name in names], [PyFormat.AUTO] * len(names))
    types, formats = tuple(adapt.types or ()), adapt.formats
    async with db.lock:
        if db.info.transaction_status != TransactionStatus.IDLE:
            # A statement that is not there after all would spoil the transaction.
            db.pgconn.send_query_params(text, given, types, formats, form)
            return _only_row(await _result(db))
        name = await _name(db, text, types)
        db.pgconn.send_query_prepared(name, given, formats, form)
        result = await _result(db)
        if _error(result) == errors.InvalidSqlStatementName.sqlstate:
            # psycopg lets go of all prepared statements where it finds its own outdated.
            _prepared.pop(db, None)
            db.pgconn.send_query_prepared(await _name(db, text, types), given, formats, form)
            result = await _result(db)
    return _only_row(result)


@lru_cache(maxsize=512)
def _numbered(statement: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The statement with PostgreSQL's own placeholders, and the names in their order."""
    names: dict[str, int] = {}

    def number(place: re.Match[bytes]) -> bytes:
        if place[1] is None:
            return b"%"
        return b"$%d" % names.setdefault(place[1].decode(), len(names) + 1)

    return _PLACE.sub(number, statement), tuple(names)


async def _name(db: Db, text: bytes, types: tuple[int, ...]) -> bytes:
    """The name under which the connection has the statement, prepared now if need be."""
    known = _prepared.setdefault(db, {})
    name = known.get((text, types))
    if name is None:
        while len(known) >= _MOST:
            oldest = known.pop(next(iter(known)))
            db.pgconn.send_query_params(b"deallocate " + oldest, None)
            await _result(db)
        name = b"_asked_%d" % next(_numbers)
        db.pgconn.send_prepare(name, text, types)
        if _error(result := await _result(db)):
            raise errors.error_from_result(result)
        known[text, types] = name
    return name


async def _result(db: Db) -> PGresult:
    results: list[PGresult] = await db.wait(generators.execute(db.pgconn))
    return results[-1]


def _error(result: PGresult) -> str | None:
    """The SQLSTATE of what went wrong."""
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return None
    raised = errors.error_from_result(result)
    return raised.sqlstate or "XX000"


def _only_row(result: PGresult) -> list[bytes | None]:
    if _error(result):
        raise errors.error_from_result(result)
    assert result.ntuples == 1
    return [result.get_value(0, column) for column in range(result.nfields)]
