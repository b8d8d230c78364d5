"""Cells as text, and rows as blocks of columns, for every reader of the child process."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from math import isfinite

from mapsvc.ingest.wire import BETWEEN_CELLS, Limits, Refused, Rows

BLOCK = 1024
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
_LONGEST_EXACT = 16
"""Characters of fifteen digits and a point."""


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
    if isinstance(value, timedelta):
        return _elapsed(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def letter_of(column: int) -> str:
    """1 → A, 28 → AB."""
    before, last = divmod(column - 1, 26)
    return (letter_of(before) if before else "") + chr(65 + last)


def number_of(letters: bytes) -> int:
    """A → 1, AB → 28."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _elapsed(value: timedelta) -> str:
    """`112:30:15`, as it was typed: degrees with colons become hours in a spreadsheet."""
    seconds = round(value.total_seconds(), 3)
    minutes, rest = divmod(abs(seconds), 60)
    shown = f"{rest:06.3f}".removesuffix(".000")
    return f"{'-' if seconds < 0 else ''}{int(minutes // 60)}:{int(minutes % 60):02}:{shown}"


def _number(value: float) -> str:
    if not isfinite(value):
        return ""
    if value.is_integer():
        return str(int(value)) if abs(value) < _EXACT else f"{value:.15E}"
    return repr(value)


def _in_cell(value: float) -> str:
    """A spreadsheet keeps fifteen digits: 0.1+0.2 is 0.3 there, and 119.99999999999999 is 120."""
    text = _number(value)
    return text if len(text) <= _LONGEST_EXACT or "E" in text else f"{value:.15g}"


_TWICE = re.compile("[\u00e4-\u00e9][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{2}")
"""UTF-8 that was read byte by byte."""
_SAMPLED = 200
_CHINESE = re.compile("[\u4e00-\u9fff]")


def is_chinese_as(content: bytes, encoding: str) -> bool:
    """Do bytes read as Chinese in an encoding, but for a few that are broken?"""
    text = content.decode(encoding, "replace")
    found = len(_CHINESE.findall(text))
    return found >= 4 and text.count("\ufffd") * 5 <= found


def _refuse_mojibake(texts: list[str]) -> None:
    """Chinese that was once read in the wrong encoding is never stored."""
    foreign = [text for text in texts[:_SAMPLED] if not text.isascii()]
    if any(
        _TWICE.search(t) or is_chinese_as(t.encode("gb18030", "ignore"), "utf-8") for t in foreign
    ):
        raise Refused("mojibake")


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
            yield _block(numbers, held, shapes, limits, first=found <= BLOCK)
            numbers, held = [], []
    if held:
        yield _block(numbers, held, shapes, limits, first=found <= BLOCK)


def _texts(column: Sequence[object]) -> list[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return list(column)  # type: ignore[arg-type]
    if kinds == {float}:
        return _numbers(column)  # type: ignore[arg-type]
    return [
        v if type(v) is str else _in_cell(v) if type(v) is float else text_of(v) for v in column
    ]


def _numbers(column: Sequence[float]) -> list[str]:
    """What `_in_cell` makes of each, for a column at a time."""
    digits = BETWEEN_CELLS.join(map(repr, column)) + BETWEEN_CELLS
    # An exponent, no number at all, or a zero below zero: one by one.
    if "e" in digits or "n" in digits or "-0.0" + BETWEEN_CELLS in digits:
        return list(map(_in_cell, column))
    texts = digits.replace(".0" + BETWEEN_CELLS, BETWEEN_CELLS).split(BETWEEN_CELLS)[:-1]
    if max(map(len, texts)) < _LONGEST_EXACT:
        return texts
    return [
        text if len(text) < _LONGEST_EXACT else _in_cell(value)
        for text, value in zip(texts, column, strict=True)
    ]


def _block(
    numbers: list[int],
    held: list[Sequence[object]],
    shapes: Iterator[bytes] | None,
    limits: Limits,
    *,
    first: bool,
) -> Rows:
    columns = [_texts(column) for column in zip_longest(*held, fillvalue="")]
    if first:
        for column in columns:
            _refuse_mojibake(column)
    columns = [clean(column) for column in columns]
    while columns and not any(columns[-1]):
        columns.pop()
    if len(columns) > limits.columns:
        raise Refused("too_many_columns", limit=limits.columns)
    wkb = [next(shapes) for _ in held] if shapes is not None else []
    return Rows(numbers, [BETWEEN_CELLS.join(column) for column in columns], wkb)
