"""Cells as text, and rows as blocks of columns, for every reader of the child process."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import zip_longest
from math import isfinite

from mapsvc.ingest.wire import Limits, Refused, Rows

BLOCK = 4096
BLANK_RUN = 100
"""Longer runs of blank rows are nothing but formatting and are not reported row by row."""
SLACK = 100
"""Rows above the limit that may be titles, headings and footers."""

# Invisible characters that no person typed: controls, halves of surrogate pairs, zero widths,
# direction overrides. PostgreSQL cannot store the first, the others make equal names differ.
_DIRT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u061c\u180e\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_EXACT = 1e15
"""Beyond it a spreadsheet's number has lost digits: it stays in scientific form, to be refused."""


def text_of(value: object) -> str:
    """One canonical text: integers without `.0`, dates in ISO form, truth as TRUE and FALSE."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        whole_day = value.time() == time()
        return value.date().isoformat() if whole_day else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _number(value: float) -> str:
    if not isfinite(value):
        return ""
    if value.is_integer():
        return str(int(value)) if abs(value) < _EXACT else f"{value:.15E}"
    return repr(value)


def clean(texts: list[str]) -> list[str]:
    """The texts without invisible characters."""
    together = " ".join(texts)
    if together.isprintable() or _DIRT.search(together) is None:
        return texts
    return [_DIRT.sub("", text) for text in texts]


def blocks(
    rows: Iterable[tuple[int, Sequence[object]]],
    limits: Limits,
    shapes: Iterator[bytes] | None = None,
) -> Iterator[Rows]:
    """Rows of values with their numbers, as blocks of equally many columns; blanks thinned out."""
    numbers: list[int] = []
    held: list[Sequence[object]] = []
    blank: list[int] = []
    found = 0
    for number, row in rows:
        if shapes is None and not any(row) and all(value in ("", None) for value in row):
            blank.append(number)
            continue
        if found and 0 < len(blank) <= BLANK_RUN:
            numbers += blank
            held += [()] * len(blank)
        blank.clear()
        found += 1
        if found > limits.rows + SLACK:
            raise Refused("too_many_rows", limit=limits.rows)
        numbers.append(number)
        held.append(row)
        if len(held) >= BLOCK:
            yield _block(numbers, held, shapes, limits)
            numbers, held = [], []
    if held:
        yield _block(numbers, held, shapes, limits)


def _texts(column: Sequence[object]) -> list[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return list(column)  # type: ignore[arg-type]
    if kinds == {float}:
        return list(map(_number, column))  # type: ignore[arg-type]
    return [v if type(v) is str else text_of(v) for v in column]


def _block(
    numbers: list[int], held: list[Sequence[object]], shapes: Iterator[bytes] | None, limits: Limits
) -> Rows:
    columns = [clean(_texts(column)) for column in zip_longest(*held, fillvalue="")]
    while columns and not any(columns[-1]):
        columns.pop()
    if len(columns) > limits.columns:
        raise Refused("too_many_columns", limit=limits.columns)
    wkb = [next(shapes) for _ in held] if shapes is not None else []
    return Rows(numbers, columns, wkb)
