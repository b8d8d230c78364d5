"""xlsx and xls by calamine: values as Excel last computed them."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import python_calamine as calamine

from mapsvc.ingest.cells import blocks, letter_of
from mapsvc.ingest.facts import Cell, Facts, zipped_facts
from mapsvc.ingest.oldbook import old_facts
from mapsvc.ingest.shown import THE_TEXT
from mapsvc.ingest.slices import Sliced, sliced
from mapsvc.ingest.wire import (
    ACROSS,
    COLOURED,
    MERGED,
    MONEY,
    REMARKED,
    SHORTENED,
    STRUCK,
    Limits,
    Message,
    Note,
    Refused,
    SheetStart,
)

Merged = list[tuple[Cell, Cell]]
"""Upper left and lower right cell of each, from 0."""

Grid = calamine.CalamineSheet | Sliced


def _opened(path: Path) -> calamine.CalamineWorkbook:
    return calamine.CalamineWorkbook.from_path(str(path))


def workbook(path: Path, limits: Limits, *, zipped: bool) -> Iterator[Message]:
    """Every sheet, hidden ones marked; vertically merged cells repeat their value in each row."""
    facts = zipped_facts(path, limits) if zipped else old_facts(path)
    try:
        with ExitStack() as held:
            opened = held.enter_context(_opened(path))
            book: calamine.CalamineWorkbook | None = opened
            metadata = opened.sheets_metadata
            if any(known.outline for known in facts.values()):
                # It would hold all texts beside those of each slice.
                held.close()
                book = None
            for position, meta in enumerate(metadata):
                if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                    visible = meta.visible == calamine.SheetVisibleEnum.Visible
                    known, width = facts.get(position, Facts()), 0
                    if limits.careful and zipped:
                        yield SheetStart(name=meta.name, visible=visible)
                        width = yield from _sparse(path, meta.name, visible, known, limits)
                    else:
                        sheet = _cut(path, position, meta.name, known, limits)
                        if sheet is None:
                            book = book or held.enter_context(_opened(path))
                            sheet = book.get_sheet_by_index(position)
                        yield from _sheet(path, sheet, visible, known, limits)
                        width = sheet.start[1] + sheet.width if sheet.start else 0
                    if visible:
                        yield from _notes(known, meta.name, width)
    except calamine.PasswordError:
        raise Refused("password") from None
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError):
        raise Refused("damaged") from None


def _notes(known: Facts, name: str, width: int) -> Iterator[Note]:
    for code, cells in ((STRUCK, known.struck), (SHORTENED, known.shortened), (MONEY, known.money)):
        if cells:
            yield Note(code, {f"{row}:{column}": "" for row, column in cells}, name)
    for code, texts in ((REMARKED, known.remarks), (COLOURED, known.coloured)):
        if texts:
            yield Note(code, {f"{r}:{c}": text for (r, c), text in texts.items()}, name)
    if known.drawn:
        yield Note("drawings_unread", {"what": known.drawn}, name)
    hidden = [c for low, high in known.hidden_columns for c in range(low, min(high, width) + 1)]
    if hidden:
        yield Note("hidden_columns", {"letters": "、".join(map(letter_of, hidden))}, name)
    if known.hidden:
        yield Note("hidden_rows", {"count": str(known.hidden)}, name)


def _cut(path: Path, position: int, name: str, facts: Facts, limits: Limits) -> Grid | None:
    """A large sheet slice by slice, where that can be done."""
    if facts.outline is None:
        return None
    columns = max((column for _, column in facts.patches), default=0)
    return sliced(path, position, name, facts.outline, limits, columns)


def _sheet(
    path: Path, sheet: Grid, visible: bool, facts: Facts, limits: Limits
) -> Iterator[Message]:
    start = sheet.start
    if start is None:
        yield SheetStart(name=sheet.name, visible=visible)
        return
    if sheet.width > 4 * limits.columns:
        yield SheetStart(name=sheet.name, visible=visible)
        yield from _sparse(path, sheet.name, visible, facts, limits)
        return
    yield SheetStart(name=sheet.name, visible=visible, left=start[1] + 1)
    # Row by row: all of them at once would be a third copy of the sheet. Rows above the first that
    # is filled come too, as blanks.
    rows: Iterator[tuple[int, Sequence[object]]] = islice(
        enumerate(sheet.iter_rows(), 1), start[0], None
    )
    told: dict[str, dict[str, str]] = {}
    merged = sheet.merged_cell_ranges or []
    if merged or facts.patches:
        rows = _patched(rows, merged, facts.patches, start[1], told)
    yield from blocks(rows, limits)
    if visible:
        yield from (Note(code, cells, sheet.name) for code, cells in told.items())


def _sparse(
    path: Path, name: str, visible: bool, facts: Facts, limits: Limits
) -> Generator[Message, None, int]:
    """Returns how many columns the widest row has."""
    from mapsvc.ingest.sparse import sparse_rows  # noqa: PLC0415

    told: dict[str, dict[str, str]] = {}
    least = max((column for _, column in facts.patches), default=0)
    merged, read = sparse_rows(path, limits, least)[name]
    widest = 0

    def measured() -> Iterator[tuple[int, Sequence[object]]]:
        nonlocal widest
        for number, row in read:
            widest = max(widest, len(row))
            yield number, row

    rows = measured()
    if merged or facts.patches:
        rows = _patched(rows, merged, facts.patches, 0, told)
    yield from blocks(rows, limits)
    if visible:
        yield from (Note(code, cells, name) for code, cells in told.items())
    return widest


def _patched(
    rows: Iterator[tuple[int, Sequence[object]]],
    merged: Merged,
    patches: dict[Cell, str],
    left: int,
    told: dict[str, dict[str, str]],
) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows with merged values carried down and patches put on.

    `told` gathers the merged cells as the notes MERGED (those with digits) and ACROSS have them.
    """
    corners: dict[int, dict[int, Cell]] = {}
    for (top, column), corner in merged:
        corners.setdefault(top, {})[column - left] = corner
    words: dict[int, dict[int, str]] = {}
    for (row_number, column), text in patches.items():
        words.setdefault(row_number, {})[column - 1 - left] = text
    carried: dict[int, tuple[int, object]] = {}
    for number, row in rows:
        starting, patched = corners.get(number - 1, {}), words.get(number, {})
        if not (carried or starting or patched):
            yield number, row
            continue
        cells = dict(enumerate(row))
        patched = {
            c: text.replace(THE_TEXT, str(cells.get(c, ""))) if THE_TEXT in text else text
            for c, text in patched.items()
        }
        carried = {c: (end, v) for c, (end, v) in carried.items() if number - 1 <= end}
        cells |= {c: v for c, (_, v) in carried.items() if c in cells}
        for c, (bottom, right) in starting.items():
            if c not in cells:
                continue
            at, value = f"{number}:{c + left + 1}", patched.get(c, cells[c])
            text = "" if value is None else str(value).strip()
            if bottom > number - 1:
                carried[c] = bottom, value
                if any(map(str.isdigit, text)):
                    told.setdefault(MERGED, {})[at] = str(bottom + 1)
            if right > c + left and text:
                told.setdefault(ACROSS, {})[at] = f"{bottom + 1}:{right + 1}"
        cells |= {c: text for c, text in patched.items() if c in cells}
        yield number, list(cells.values())
