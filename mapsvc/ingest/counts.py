"""Quantities of things, row by row: the unit written behind the number, and parts of a whole.

`20顶` in a column of numbers is 20 and 顶, where no column of units says otherwise. A row
`其中：单帐篷` counts again what the row above has counted: it is set apart, and said so.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsvc.catalog import Layer
from mapsvc.ingest.headings import plain
from mapsvc.ingest.units import MEASURES
from mapsvc.ingest.values import blank

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_WITH_UNIT = re.compile(rf"(\d[\d,]*(?:\.\d+)?)(万)?({MEASURES})")
_PART = re.compile(r"^[-—·#*(]*其中")
_KIND = re.compile(
    r"(?:\([一二三四五六七八九十]{1,3}\)|[一二三四五六七八九十]{1,3}[、.]).+"
).fullmatch
_SET_IN = ("-", "—", "·")
_MANY = 10_000


def is_part(text: str) -> bool:
    """Does it name a part of what stands before it?"""
    return _PART.search(plain(text)) is not None


def with_units(part: "Part", layer: Layer) -> None:
    """Part the numbers of things from their units."""
    for f in layer.fields:
        numbers = [c for c in f.columns if c.type in ("integer", "number")]
        texts = [c for c in f.columns if c.type == "text"]
        if len(numbers) != 1 or len(texts) < 2 or f"item:{texts[0].id}" not in part.columns:
            continue
        count_at, unit_at = f"item:{numbers[0].id}", f"item:{texts[1].id}"
        counts, units = part.cells(count_at), part.cells(unit_at)
        if counts is None:
            continue
        column = part.columns[count_at]
        whole = column.unit if units is None and re.fullmatch(MEASURES, column.unit) else ""
        parted = {text: _parted(text) for text in set(counts)}
        if not whole and not any(parted.values()):
            continue
        found = list(zip(counts, units or [""] * part.height, strict=True))
        for index, (count, unit) in enumerate(found):
            number, measure = parted[count] or (count, whole)
            if blank(unit) or parted[count] is None or plain(unit) == measure:
                kept = unit if not blank(unit) else "" if blank(count) else measure
                found[index] = number, kept
        part.derived[count_at] = [count for count, _ in found]
        part.derived[unit_at] = [unit for _, unit in found]
        part.columns.setdefault(unit_at, replace(column, target=unit_at))


def _parted(text: str) -> tuple[str, str] | None:
    match = _WITH_UNIT.fullmatch("".join(unicodedata.normalize("NFKC", text).split()))
    if match is None:
        return None
    number = match[1]
    if match[2]:
        number = f"{float(number.replace(',', '')) * _MANY:.10g}"
    return number, match[3]


def set_apart(part: "Part", layer: Layer) -> Iterator[tuple[int, str]]:
    """Rows of things that are none, and the code of the note on them.

    A kind of things without a number (一、生活类); a part of the thing above (其中：单帐篷), and
    those like it behind it that together with it are the whole, though they lack the word.
    """
    field = next((f for f in layer.fields if f.columns), None)
    if field is None:
        return
    item = next((c.id for c in field.columns if c.type == "text"), "")
    number = next((c.id for c in field.columns if c.type in ("integer", "number")), "")
    items, counts = part.cells(f"item:{item}"), part.cells(f"item:{number}")
    if items is None or counts is None:
        return
    kinds = {text for text in set(items) if _KIND(plain(text))}
    if kinds:
        yield from (
            (index, "section_row")
            for index, text in enumerate(items)
            if text in kinds and blank(counts[index])
        )
    if any(map(is_part, set(items))):
        keys = [c for t in ("code", "name") if (c := part.cells(t)) is not None]
        whose = list(zip(*keys, strict=True)) or [()] * part.height
        yield from ((index, "part_row") for index in _parts(items, counts, whose))


def _parts(items: list[str], counts: list[str], whose: list[tuple[str, ...]]) -> Iterator[int]:
    whole = left = 0.0
    name, owner = "", tuple[str, ...]()
    for index, text in enumerate(items):
        amount = _amount(counts[index])
        same = all(
            blank(one) or one == other for one, other in zip(whose[index], owner, strict=False)
        )
        if index and same and is_part(text):
            left = (left if index and is_part(items[index - 1]) else whole) - amount
            yield index
        elif left > 0 and same and _akin(text, name) and _closes(counts, index, left):
            left -= amount
            yield index
        else:
            whole, left, name, owner = amount, 0.0, plain(text), whose[index]


def _akin(text: str, whole: str) -> bool:
    """Is it set in, or called like the whole? Numbers alone may fit by chance."""
    return text[:1].isspace() or text[:1] in _SET_IN or (len(whole) > 1 and whole[-2:] in text)


def _closes(counts: list[str], index: int, left: float) -> bool:
    """Do the rows from here on add up to what is left of the whole?"""
    for text in counts[index:]:
        amount = _amount(text)
        left -= amount
        if amount <= 0 or left <= 0:
            break
    return left == 0


def _amount(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return 0.0
