"""The rows of a draft as COPY wants them, block by block: the database works meanwhile."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from mapsvc.database import Db
from mapsvc.ingest.draft import Draft
from mapsvc.ingest.ledger import Part
from mapsvc.search_text import search_texts

COLUMNS = (
    "seq", "part", "row", "action", "lead_seq", "code", "name", "region_code", "township_code",
    "geom", "attrs", "grade", "search", "verified_at", "provenance", "raw",
)  # fmt: skip
"""Of rows that are to be compared with the map."""
KEPT_COLUMNS = (
    "seq", "sheet", "row", "action", "lead_seq", "feature_id", "code", "name",
    "region_code", "township_code", "geom", "attrs", "grade", "search", "verified_at",
    "provenance", "raw",
)  # fmt: skip
"""Of rows as an upload keeps them."""
_BLOCK = 500
"""Rows that a socket holds: the database reads them while the next are laid out."""
_PIECE = 1 << 18
_NULL = b"\\N"
_EWKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("srid", "<u4"), ("xy", "<f8", 2)])
_POINT_WITH_SRID = 0x20000001
_json = msgspec.json.Encoder()

Cells = Sequence[bytes]
"""A column of a block, each cell as COPY wants it."""


def _in_order(keys: Iterable[str]) -> list[str]:
    """As JSONB keeps them, the shortest first: it need not sort them again."""
    return sorted(keys, key=lambda key: (len(key.encode()), key))


class _Provenance(msgspec.Struct, gc=False):
    """Where a position came from: what the file says, and how it was read; keys `_in_order`."""

    form: str
    used: str | None
    raw_x: str
    raw_y: str
    swapped: bool
    declared: str


async def copy_original(db: Db, content: bytes) -> None:
    """The file itself into a table of one cell, `upload_original (content)`, gone at commit.

    Piece by piece: as a parameter it would be copied whole, into a buffer that stays.
    """
    await db.execute(
        "create temp table upload_original (content bytea) on commit drop;"
        "alter table upload_original alter column content set storage external"
    )
    statement = "copy upload_original from stdin (format binary)"
    async with db.cursor() as cursor, cursor.copy(statement) as copy:
        # Signature, flags and an empty extension; one row of one cell; the end.
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8) + (1).to_bytes(2, "big")
        await copy.write(head + len(content).to_bytes(4, "big"))
        for start in range(0, len(content), _PIECE):
            await copy.write(content[start : start + _PIECE])
        await copy.write(b"\xff\xff")


def copy_blocks(draft: Draft) -> Iterator[bytes]:
    """The rows in COPY's text format, in the order of `COLUMNS`; `part` counts from 0."""
    for place, rows in _blocks(draft):
        columns = _columns(draft, place, rows, _bearers(draft, rows))
        columns["part"] = [b"%d" % place] * len(rows)
        yield _laid(columns, COLUMNS)


def kept_blocks(draft: Draft, ids: NDArray[np.int64]) -> Iterator[bytes]:
    """The same in the order of `KEPT_COLUMNS`, where nothing is on the map: all accepted are new.

    `ids` are those of the features to come, as many as `bearers` says.
    """
    feature = np.zeros(draft.ledger.height, np.int64)
    feature[_bearers(draft, range(draft.ledger.height))] = ids
    for place, rows in _blocks(draft):
        bearing = _bearers(draft, rows)
        columns = _columns(draft, place, rows, bearing)
        for name in ("grade", "search", "verified_at"):
            column = columns[name]
            columns[name] = _spread(rows, bearing, [column[s - rows.start] for s in bearing])
        leads = (s if (lead := draft.lead[s]) is None else lead for s in rows)
        columns["feature_id"] = [
            _NULL if draft.action[s] else b"%d" % feature[lead]
            for s, lead in zip(rows, leads, strict=True)
        ]
        columns["action"] = [action or b"new" for action in columns["action"]]
        columns["sheet"] = _encoded([draft.ledger.parts[place].sheet.name]) * len(rows)
        yield _laid(columns, KEPT_COLUMNS)


def bearers(draft: Draft) -> int:
    """How many rows stand for a feature: accepted, and the first of their group."""
    return len(_bearers(draft, range(draft.ledger.height)))


def _bearers(draft: Draft, rows: range) -> list[int]:
    return [s for s in rows if not draft.action[s] and draft.lead[s] is None]


def _blocks(draft: Draft) -> Iterator[tuple[int, range]]:
    """The place of each part and its rows, some thousand at a time."""
    for place, part in enumerate(draft.ledger.parts):
        end = part.offset + part.height
        for start in range(part.offset, end, _BLOCK):
            yield place, range(start, min(start + _BLOCK, end))


def _laid(columns: dict[str, Cells], order: Sequence[str]) -> bytes:
    lines = map(b"\t".join, zip(*(columns[c] for c in order), strict=True))
    return b"\n".join(lines) + b"\n"


def _columns(draft: Draft, place: int, rows: range, bearing: list[int]) -> dict[str, Cells]:
    at = slice(rows.start, rows.stop)
    part, checked = draft.ledger.parts[place], draft.checked
    first = rows.start - part.offset + part.heading.first
    names, codes = checked.names[at], checked.codes[at]
    graded = checked.fields.get(draft.layer.grade or "", [])[at] or [None] * len(rows)
    grades = {value: b"%d" % grade for value, grade in draft.layer.grades.items()}
    _, _, keys = checked.keys[place]
    return {
        "seq": [b"%d" % seq for seq in rows],
        "row": [b"%d" % number for number in part.sheet.numbers[first : first + len(rows)]],
        "action": _encoded(draft.action[at]),
        "lead_seq": [_NULL if lead is None else b"%d" % lead for lead in draft.lead[at]],
        "code": _encoded(codes),
        "name": _encoded(names),
        "region_code": _encoded(draft.region[at]),
        "township_code": _encoded(draft.township[at]),
        "geom": _spread(rows, bearing, _geometries(draft, bearing)),
        "attrs": _spread(rows, bearing, _attributes(draft, bearing, keys)),
        "grade": [grades[value] if value else _NULL for value in graded],
        "search": _encoded(search_texts([name or "" for name in names], codes)),
        "verified_at": _encoded(checked.verified[at]),
        "provenance": _spread(rows, bearing, _provenance(draft, bearing), b"{}"),
        "raw": _raw(draft, part, rows),
    }


def _spread(rows: range, bearing: list[int], values: Cells, empty: bytes = _NULL) -> Cells:
    """Values of some rows as a column of all of them."""
    if len(bearing) == len(rows):
        return values
    column = [empty] * len(rows)
    for seq, value in zip(bearing, values, strict=True):
        column[seq - rows.start] = value
    return column


def _encoded(texts: Sequence[str | None]) -> list[bytes]:
    """As COPY wants them: None is null, and what would end a cell or a row is escaped."""
    whole = [text or "" for text in texts]
    together = "\x00".join(whole)  # which no text holds: PostgreSQL could not keep it
    for mark, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        if mark in together:
            together = together.replace(mark, escape)
    cells = together.encode().split(b"\x00")
    if None in texts:
        cells = [_NULL if t is None else c for t, c in zip(texts, cells, strict=True)]
    return cells


def _geometries(draft: Draft, bearing: list[int]) -> Cells:
    """EWKB in hexadecimal digits; points are laid out at once."""
    at = np.array(bearing, np.int64)
    points = np.zeros(len(bearing), _EWKB_POINT)
    points["order"], points["kind"], points["srid"] = 1, _POINT_WITH_SRID, 4326
    points["xy"] = np.column_stack((draft.located.lon[at], draft.located.lat[at]))
    digits, width = points.tobytes().hex().encode(), 2 * _EWKB_POINT.itemsize
    cells = [digits[i : i + width] for i in range(0, len(digits), width)]
    shapes = draft.located.shapes
    for position, seq in enumerate(bearing if shapes else ()):
        if seq in shapes:
            shape = shapely.set_srid(shapes[seq], 4326)
            cells[position] = shapely.to_wkb(shape, hex=True, include_srid=True).encode()
    return cells


def _attributes(draft: Draft, bearing: list[int], keys: Sequence[str]) -> Cells:
    """JSON of the fields that have a value. A field of the sheet that has none is cleared."""
    if not keys:
        return [b"{}"] * len(bearing)
    ordered = _in_order(keys)
    columns = (draft.checked.fields[key] for key in ordered)
    shape = _shape(tuple(ordered))
    return _lines(map(shape, *([column[seq] for seq in bearing] for column in columns)))


@lru_cache(64)
def _shape(keys: tuple[str, ...]) -> Any:
    """A record with these keys, of which those without a value are left out."""
    # Numbered names: a field may be called as Python's own words are.
    fields = [(f"f{n}", Any, None) for n in range(len(keys))]
    renamed = {f"f{n}": key for n, key in enumerate(keys)}
    return msgspec.defstruct("Attributes", fields, rename=renamed, omit_defaults=True, gc=False)


def _provenance(draft: Draft, bearing: list[int]) -> Cells:
    at = draft.located
    return _lines(
        _Provenance(at.form[s], at.used[s], *at.raw[s], bool(at.swapped[s]), at.declared)
        for s in bearing
    )


def _lines(records: Iterator[Any]) -> Cells:
    """Each record as JSON, in which a backslash is the one thing that COPY reads otherwise."""
    return _json.encode_lines(records).replace(b"\\", b"\\\\").split(b"\n")[:-1]


def _raw(draft: Draft, part: Part, rows: range) -> Cells:
    """The row's cells as they were; rows that say nothing beyond their fields need none."""
    said = part.has_unused
    if not said and not any(draft.action[rows.start : rows.stop]):
        return [b"[]"] * len(rows)
    start = rows.start - part.offset
    cells = zip(rows, part.raw(start, start + len(rows)), strict=True)
    return _lines(row if said or draft.action[seq] else () for seq, row in cells)
