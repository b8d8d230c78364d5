"""The rows of a draft as COPY wants them, block by block: the database works meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import shapely

from mapsvc.ingest.draft import Draft
from mapsvc.search_text import search_texts

COLUMNS = (
    "seq", "part", "row", "action", "lead_seq", "code", "name", "region_code", "township_code",
    "geom", "attrs", "grade", "search", "verified_at", "provenance", "raw",
)  # fmt: skip
_BLOCK = 5000
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_EWKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("srid", "<u4"), ("xy", "<f8", 2)])
_POINT_WITH_SRID = 0x20000001
_json = msgspec.json.Encoder()


class _Provenance(msgspec.Struct):
    """Where a position came from: what the file says, and how it was read."""

    raw_x: str
    raw_y: str
    form: str
    declared: str
    used: str | None
    swapped: bool


def copy_blocks(draft: Draft) -> Iterator[bytes]:
    """The rows in COPY's text format, in the order of `COLUMNS`; `part` counts from 0."""
    for place, (part, (_, _, keys)) in enumerate(
        zip(draft.ledger.parts, draft.checked.keys, strict=True)
    ):
        numbers = part.numbers
        for start in range(0, part.height, _BLOCK):
            stop = min(start + _BLOCK, part.height)
            rows = range(part.offset + start, part.offset + stop)
            columns = _columns(draft, rows, keys)
            columns["part"] = [str(place)] * len(rows)
            columns["row"] = list(map(str, numbers[start:stop]))
            columns["raw"] = _escaped(_raw(draft, rows, part.raw(start, stop), part.has_unused))
            lines = map("\t".join, zip(*(columns[c] for c in COLUMNS), strict=True))
            yield ("\n".join(lines) + "\n").encode()


def _columns(draft: Draft, rows: range, keys: Sequence[str]) -> dict[str, list[str]]:
    at = slice(rows.start, rows.stop)
    checked = draft.checked
    graded = checked.fields.get(draft.layer.grade or "", [])[at] or [None] * len(rows)
    grades = draft.layer.grades
    # The rows that stand for a feature: accepted, and the first of their group.
    carries = [s for s in rows if not draft.action[s] and draft.lead[s] is None]
    names, codes = checked.names[at], checked.codes[at]
    return {
        "seq": list(map(str, rows)),
        "action": draft.action[at],
        "lead_seq": [_NULL if lead is None else str(lead) for lead in draft.lead[at]],
        "code": _escaped(codes),
        "name": _escaped(names),
        "region_code": _escaped(draft.region[at]),
        "township_code": _escaped(draft.township[at]),
        "geom": _escaped(_spread(rows, carries, _geometries(draft, carries))),
        "attrs": _escaped(_spread(rows, carries, _attributes(draft, carries, keys))),
        "grade": [str(grades[value]) if value else _NULL for value in graded],
        "search": _escaped(search_texts([name or "" for name in names], codes)),
        "verified_at": _escaped(checked.verified[at]),
        "provenance": _escaped(_spread(rows, carries, _provenance(draft, carries), "{}")),
    }


def _spread(
    rows: range, carries: list[int], values: list[str], empty: str | None = None
) -> Sequence[str | None]:
    """Values of some rows as a column of all of them."""
    if len(carries) == len(rows):
        return values
    column = [empty] * len(rows)
    for seq, value in zip(carries, values, strict=True):
        column[seq - rows.start] = value
    return column


def _escaped(texts: Sequence[str | None]) -> list[str]:
    """As COPY wants them: None is null, and what would end a cell or a row is escaped."""
    together = "".join([text for text in texts if text is not None])
    if any(mark in together for mark in "\\\t\n\r"):
        texts = [None if text is None else text.translate(_ESCAPES) for text in texts]
    return [_NULL if text is None else text for text in texts]


def _geometries(draft: Draft, carries: list[int]) -> list[str]:
    """EWKB in hexadecimal digits; points are laid out at once."""
    at = np.array(carries, np.int64)
    points = np.zeros(len(carries), _EWKB_POINT)
    points["order"], points["kind"], points["srid"] = 1, _POINT_WITH_SRID, 4326
    points["xy"] = np.column_stack((draft.located.lon[at], draft.located.lat[at]))
    digits, width = points.tobytes().hex(), 2 * _EWKB_POINT.itemsize
    texts = [digits[i : i + width] for i in range(0, len(digits), width)]
    shapes = draft.located.shapes
    for position, seq in enumerate(carries if shapes else ()):
        if seq in shapes:
            shape = shapely.set_srid(shapes[seq], 4326)
            texts[position] = shapely.to_wkb(shape, hex=True, include_srid=True)
    return texts


def _attributes(draft: Draft, carries: list[int], keys: Sequence[str]) -> list[str]:
    """JSON of the fields that have a value. A field of the sheet that has none is cleared."""
    columns = [draft.checked.fields[key] for key in keys]
    # Numbered names: a field may be called as Python's own words are.
    fields = [(f"f{n}", Any, None) for n in range(len(keys))]
    renamed = {f"f{n}": key for n, key in enumerate(keys)}
    shape: Any = msgspec.defstruct("Attributes", fields, rename=renamed, omit_defaults=True)
    return _lines([shape(*[column[seq] for column in columns]) for seq in carries])


def _lines(records: list[Any]) -> list[str]:
    """Each record as JSON."""
    return _json.encode_lines(records).decode().split("\n")[:-1]


def _provenance(draft: Draft, carries: list[int]) -> list[str]:
    at = draft.located
    return _lines(
        [
            _Provenance(*at.raw[s], at.form[s], at.declared, at.used[s], bool(at.swapped[s]))
            for s in carries
        ]
    )


def _raw(
    draft: Draft, rows: range, cells: Iterator[tuple[str, ...]], all_of_them: bool
) -> list[str]:
    """The row's cells as they were; rows that say nothing beyond their fields need none."""
    if not all_of_them and not any(draft.action[rows.start : rows.stop]):
        return ["[]"] * len(rows)
    return [
        _json.encode(row).decode() if all_of_them or draft.action[seq] else "[]"
        for seq, row in zip(rows, cells, strict=True)
    ]
