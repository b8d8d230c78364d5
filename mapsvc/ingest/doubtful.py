"""Cells that look otherwise than they read: numbers merged over rows, texts that are struck out.

A merged text holds for every row that it spans; a merged number may be the sum of them. What is
struck out may be void, or not, and an amount shown as money may count another unit than its column.
All are refused where they would become a value. What is merged over two columns, or hangs on a
cell, is told.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mapsvc.catalog import Layer
from mapsvc.ingest.check import Checked
from mapsvc.ingest.declared import same
from mapsvc.ingest.headings import Column, Dictionary
from mapsvc.ingest.ledger import Ledger, Part
from mapsvc.ingest.messages import Problem, problem, shorten
from mapsvc.ingest.units import factor
from mapsvc.ingest.values import BETWEEN_PARTS, blank
from mapsvc.ingest.wire import ACROSS, COLOURED, MERGED, MONEY, REMARKED, SHORTENED, STRUCK, Note

_FEWEST = 3
"""Known headings of a row that reads like a heading."""
_PLACES = ("lon", "x", "point")
_NUMBERS = ("integer", "number")
_COLOUR = re.compile("[红橙黄蓝]色|[底颜]色|标[红橙黄蓝]").search
_ALL_ROWS = 1 << 31


def refuse_doubtful(ledger: Ledger, checked: Checked, layer: Layer) -> None:
    """Refuse the rows of which a value stands in such a cell."""
    for note in ledger.told:
        for part in ledger.parts:
            if part.sheet.name != note.sheet:
                continue
            for found in _OF[note.code](ledger, part, layer, note):
                checked.refuse(found)
    for part in ledger.parts:
        for found in _two_systems(part):
            checked.refuse(found)


def second_tables(ledger: Ledger, layer: Layer) -> list[Problem]:
    """Refusals of rows that stand under the heading of another table; the heading is skipped."""
    dictionary = Dictionary(layer)
    return [p for part in ledger.parts for p in _second_tables(ledger, part, dictionary)]


def _merged(ledger: Ledger, part: Part, layer: Layer, note: Note) -> Iterator[Problem]:
    counted = _counted(layer)
    for (top, position), last in _cells(part, note):
        column = _used(part, position)
        if column is None:
            continue
        rows = _rows(ledger, part, top, int(last))
        several = len(rows) > 1 and len({_who(part, row) for row in rows}) > 1
        if column.target in _PLACES and several:
            code = "merged_place"
        elif column.target in counted and (several or (len(rows) > 1 and counted[column.target])):
            code = "merged_number"
        else:
            continue
        for row in rows:
            yield _told(ledger, part, row, column, code, count=len(rows))


def _struck(ledger: Ledger, part: Part, _: Layer, note: Note) -> Iterator[Problem]:
    for (row, position), _text in _cells(part, note):
        column = _used(part, position)
        if column is not None and column.target != "seq":
            for index in _rows(ledger, part, row, row):
                yield _told(ledger, part, index, column, "struck_out")


def _across(ledger: Ledger, part: Part, layer: Layer, note: Note) -> Iterator[Problem]:
    """One text over two columns of data: the first has it, the others have nothing."""
    counted = _counted(layer)
    for (top, position), corner in _cells(part, note):
        bottom, _, right = corner.partition(":")
        last = int(right) - part.sheet.left
        first, *others = [_used(part, at) for at in range(position, last + 1)]
        lost = [c for c in others if c and c.target not in ("seq", "lat", *_PLACES)]
        if not lost:
            continue
        for row in _rows(ledger, part, top, int(bottom)):
            empty = [c for c in lost if not _filled(part, c, row)]
            text = part.sheet.columns[position][part.heading.first + row]
            if not empty or blank(text):
                continue
            column = part.heading.columns[position]
            headings = "、".join(c.heading for c in [column, *empty] if c.heading)
            digits = any(map(str.isdigit, text))
            doubt = digits and any(c.target in counted for c in (first, *empty) if c)
            code = "merged_numbers" if doubt else "merged_columns"
            at = column if first else empty[0]
            yield _told(ledger, part, row, at, code, headings=headings, text=shorten(text))


def _filled(part: Part, column: Column, row: int) -> bool:
    """Has the column got its value from what stood beside it?"""
    texts = part.derived.get(column.target or "")
    return bool(texts and BETWEEN_PARTS not in texts[row] and texts[row].strip())


def _money(ledger: Ledger, part: Part, layer: Layer, note: Note) -> Iterator[Problem]:
    """¥120,000 under a heading without a unit counts 元, whatever the field counts."""
    amounts = {f"field:{f.id}": f.unit for f in layer.fields if f.type in _NUMBERS}
    for (row, position), _ in _cells(part, note):
        column = _used(part, position)
        unit = amounts.get(column.target or "", "") if column else ""
        if column is None or factor("元", unit) in (None, 1.0):
            continue
        if not any(factor(u, unit) for u in (column.unit, *part.heading.units) if u):
            for index in _rows(ledger, part, row, row):
                yield _told(ledger, part, index, column, "money_unit", unit=unit)


def _remarked(ledger: Ledger, part: Part, _: Layer, note: Note) -> Iterator[Problem]:
    columns = part.heading.columns
    for (row, position), text in _cells(part, note):
        for index in _rows(ledger, part, row, row):
            where = ledger.at(part.offset + index)
            if 0 <= position < len(columns):
                where["column"] = columns[position].heading or None
            said = f"（“{shorten(text)}”）" if text else ""
            yield problem("remark_unread", said=said, value=text or None, **where)


def _coloured(ledger: Ledger, part: Part, layer: Layer, note: Note) -> Iterator[Problem]:
    """Rows that a colour tells apart, where words do not say what it means."""
    grade = next((f for f in layer.fields if f.id == layer.grade), None)
    column = part.columns.get(f"field:{grade.id}") if grade else None
    graded = (part.cells(column.target or "") if column else None) or [""] * part.height
    colours: dict[int, str] = {}
    alone: set[int] = set()
    for (row, position), word in _cells(part, note):
        for index in _rows(ledger, part, row, row):
            colours.setdefault(index, word)
            if grade and column and position == column.position and blank(graded[index]):
                alone.add(index)
                said: dict[str, Any] = {"colour": word, "title": grade.title}
                yield _told(ledger, part, index, column, "colour_unread", **said)
    explained = any(_COLOUR(text) for text in _asides(ledger, part))
    of_one = len(set(colours.values())) == 1
    if of_one and not explained and len(colours) == len(_rows(ledger, part, 0, _ALL_ROWS)):
        return
    left = Counter(
        word
        for index, word in colours.items()
        if index not in alone and (explained or (grade and blank(graded[index])))
    )
    if left:
        words = "、".join(f"{word}色 {count} 行" for word, count in left.items())
        where: dict[str, Any] = {
            "sheet": part.sheet.name,
            "title": grade.title if grade else "备注",
        }
        yield problem("colours_unread", **where, colours=words, count=left.total())


def _asides(ledger: Ledger, part: Part) -> Iterator[str]:
    """Texts above the heading and in rows that are no data."""
    for index in range(part.heading.first):
        yield from part.sheet_row(index)
    for index in range(part.height):
        if part.offset + index in ledger.skipped:
            yield from part.row(index)


def _two_systems(part: Part) -> Iterator[Problem]:
    """Headings that name one system for the one axis and another for the other."""
    for axes in (("lon", "lat"), ("x", "y")):
        x, y = (part.columns.get(axis) for axis in axes)
        if x and y and x.hint and y.hint and not same(x.hint, y.hint):
            where: dict[str, Any] = {"sheet": part.sheet.name, "column": x.heading}
            yield problem("crs_of_axes_differs", x=x.heading, y=y.heading, **where)


def _second_tables(ledger: Ledger, part: Part, dictionary: Dictionary) -> Iterator[Problem]:
    """Rows below the heading of another table: its columns are not those of the first."""
    if part.sheet.has_shapes:
        return
    at: int | None = None
    for index, as_above in _heading_rows(part, dictionary):
        if at is not None:
            yield from _below(ledger, part, at, index)
        at = None if as_above else index
        ledger.skipped.setdefault(part.offset + index, "repeated_heading")
    if at is not None:
        yield from _below(ledger, part, at, part.height)


def _heading_rows(part: Part, dictionary: Dictionary) -> list[tuple[int, bool]]:
    """Rows that read like a heading, and whether their columns mean what those above mean."""
    name = part.columns.get("name")
    leads = {0, 1, 2} | ({name.position} if name else set())
    found: dict[int, bool] = {}
    for position in sorted(leads & set(range(len(part.sheet.columns)))):
        cells = part.sheet.columns[position][part.heading.first :]
        if dictionary.words.isdisjoint(cells):
            continue
        for index, text in enumerate(cells):
            if text in dictionary.words and index not in found:
                row = [dictionary.find(cell) if cell.strip() else None for cell in part.row(index)]
                hits = {at: hit[0] for at, hit in enumerate(row) if hit}
                filled = sum(bool(cell.strip()) for cell in part.row(index))
                if len(set(hits.values())) >= _FEWEST and len(hits) * 2 >= filled:
                    ours = part.heading.columns
                    found[index] = all(ours[at].target == target for at, target in hits.items())
    return sorted(found.items())


def _below(ledger: Ledger, part: Part, above: int, end: int) -> Iterator[Problem]:
    for index in range(above + 1, end):
        seq = part.offset + index
        if seq not in ledger.skipped:
            yield problem("second_table", above=part.numbers[above], **ledger.at(seq))


def _shortened(ledger: Ledger, part: Part, layer: Layer, note: Note) -> Iterator[Problem]:
    """A month that was typed is a day to a spreadsheet, and a day gets the year of typing."""
    dates = {f"field:{f.id}" for f in layer.fields if f.type == "date"} | {"verified_at"}
    dates |= {f"item:{c.id}" for f in layer.fields for c in f.columns if c.type == "date"}
    for (row, position), _ in _cells(part, note):
        column = _used(part, position)
        if column is not None and column.target in dates:
            for index in _rows(ledger, part, row, row):
                yield _told(ledger, part, index, column, "date_shortened")


def _counted(layer: Layer) -> dict[str | None, bool]:
    """Targets that count something; True for those of which each row of a feature has its own."""
    found: dict[str | None, bool] = {}
    for f in layer.fields:
        if f.type in _NUMBERS or f.type == "records":
            found[f"field:{f.id}"] = False
        found |= {f"item:{c.id}": True for c in f.columns if c.type in _NUMBERS}
    return found


def _cells(part: Part, note: Note) -> Iterator[tuple[tuple[int, int], str]]:
    for at, value in note.values.items():
        row, _, column = at.partition(":")
        yield (int(row), int(column) - part.sheet.left), value


def _used(part: Part, position: int) -> Column | None:
    """The column at a position, where a field is read from it."""
    columns = part.heading.columns
    if not 0 <= position < len(columns):
        return None
    column = columns[position]
    return column if column.target and column.loses_to is None else None


def _rows(ledger: Ledger, part: Part, top: int, last: int) -> list[int]:
    """Rows of data between two row numbers, as positions in the part."""
    numbers = part.numbers
    span = range(bisect_left(numbers, top), bisect_right(numbers, last))
    return [index for index in span if part.offset + index not in ledger.skipped]


def _who(part: Part, index: int) -> tuple[str, ...]:
    """Of which feature a row speaks."""
    cells = (part.cells(target) for target in ("code", "name"))
    return tuple(column[index].strip() for column in cells if column is not None)


def _told(
    ledger: Ledger, part: Part, index: int, column: Column, code: str, **gaps: Any
) -> Problem:
    kind, _, name = (column.target or "").partition(":")
    where = ledger.at(part.offset + index, column.target) | {"column": column.heading}
    value = part.sheet.columns[column.position][part.heading.first + index]
    return problem(code, field=name or kind, value=value, **where, **gaps)


_OF = {
    MERGED: _merged,
    STRUCK: _struck,
    SHORTENED: _shortened,
    ACROSS: _across,
    MONEY: _money,
    REMARKED: _remarked,
    COLOURED: _coloured,
}
"""What is said of the cells in a note."""
