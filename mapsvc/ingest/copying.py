"""The rows of a draft as COPY wants them, block by block: the database works meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import shapely

from mapsvc.ingest.draft import Draft
from mapsvc.search_text import search_text

COLUMNS = (
    "seq", "sheet", "row", "action", "lead_seq", "code", "name", "region_code", "township_code",
    "geom", "attrs", "grade", "search", "verified_at", "provenance", "raw",
)  # fmt: skip
_BLOCK = 5000
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_encode = msgspec.json.Encoder().encode


def copy_blocks(draft: Draft) -> Iterator[bytes]:
    """The rows in COPY's text format, in the order of `COLUMNS`."""
    for part, (_, _, keys) in zip(draft.ledger.parts, draft.checked.keys, strict=True):
        numbers = part.numbers
        for start in range(0, part.height, _BLOCK):
            stop = min(start + _BLOCK, part.height)
            rows = range(part.offset + start, part.offset + stop)
            columns = _columns(draft, rows, keys)
            columns["sheet"] = _escaped([part.sheet.name]) * len(rows)
            columns["row"] = [str(number) for number in numbers[start:stop]]
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
    return {
        "seq": [str(seq) for seq in rows],
        "action": draft.action[at],
        "lead_seq": [_NULL if lead is None else str(lead) for lead in draft.lead[at]],
        "code": _escaped(checked.codes[at]),
        "name": _escaped(checked.names[at]),
        "region_code": _escaped(draft.region[at]),
        "township_code": _escaped(draft.township[at]),
        "geom": _escaped(_spread(rows, carries, _geometries(draft, carries))),
        "attrs": _escaped(_attributes(draft, rows, set(carries), keys)),
        "grade": [str(grades[value]) if value else _NULL for value in graded],
        "search": _escaped(_spread(rows, carries, _searches(draft, carries))),
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
    at = np.array(carries, np.int64)
    places = shapely.points(draft.located.lon[at], draft.located.lat[at])
    shapes = np.asarray(places, dtype=object)
    for position, seq in enumerate(carries):
        if seq in draft.located.shapes:
            shapes[position] = draft.located.shapes[seq]
    texts = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
    return list(np.asarray(texts, dtype=object).tolist())


def _attributes(
    draft: Draft, rows: range, carries: set[int], keys: Sequence[str]
) -> list[str | None]:
    """JSON of the declared fields that the row's sheet has a column for; null clears a value."""
    columns = [draft.checked.fields[key][rows.start : rows.stop] for key in keys]
    values = zip(*columns, strict=True) if columns else iter([()] * len(rows))
    return [
        _encode(dict(zip(keys, row, strict=True))).decode() if seq in carries else None
        for seq, row in zip(rows, values, strict=True)
    ]


def _searches(draft: Draft, carries: list[int]) -> list[str]:
    names, codes = draft.checked.names, draft.checked.codes
    return [search_text(names[seq] or "", codes[seq]) for seq in carries]


def _provenance(draft: Draft, carries: list[int]) -> list[str]:
    """Where a position came from: `{raw_x, raw_y, form, declared, used, swapped}` as JSON."""
    at = draft.located
    ends: dict[tuple[Any, ...], bytes] = {}
    found: list[str] = []
    for seq in carries:
        key = (at.form[seq], at.used[seq], bool(at.swapped[seq]))
        end = ends.get(key)
        if end is None:
            form, used, turned = key
            told = {"form": form, "declared": at.declared, "used": used, "swapped": turned}
            end = ends[key] = b"," + _encode(told)[1:]
        x, y = at.raw[seq]
        found.append((b'{"raw_x":' + _encode(x) + b',"raw_y":' + _encode(y) + end).decode())
    return found


def _raw(
    draft: Draft, rows: range, cells: Iterator[tuple[str, ...]], all_of_them: bool
) -> list[str]:
    """The row's cells as they were; rows that say nothing beyond their fields need none."""
    return [
        _encode(row).decode() if all_of_them or draft.action[seq] else "[]"
        for seq, row in zip(rows, cells, strict=True)
    ]
