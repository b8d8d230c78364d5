"""xlsx, xlsb, ods and xls by calamine: values as Excel last computed them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import python_calamine as calamine

from mapsvc.ingest.cells import blocks, letter_of
from mapsvc.ingest.facts import Cell, Facts, zipped_facts
from mapsvc.ingest.oldbook import old_facts
from mapsvc.ingest.wire import MERGED, SHORTENED, STRUCK, Limits, Message, Note, Refused, SheetStart


def workbook(path: Path, limits: Limits, *, zipped: bool) -> Iterator[Message]:
    """Every sheet, hidden ones marked; vertically merged cells repeat their value in each row."""
    facts = zipped_facts(path, limits) if zipped else old_facts(path)
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            for position, meta in enumerate(book.sheets_metadata):
                if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                    visible = meta.visible == calamine.SheetVisibleEnum.Visible
                    known, width = facts.get(position, Facts()), 0
                    if limits.careful and zipped:
                        yield SheetStart(name=meta.name, visible=visible)
                        yield from _sparse(path, meta.name, known, limits)
                    else:
                        sheet = book.get_sheet_by_index(position)
                        width = sheet.start[1] + sheet.width if sheet.start else 0
                        yield from _sheet(path, sheet, visible, known, limits)
                    if visible:
                        yield from _notes(known, meta.name, width)
    except calamine.PasswordError:
        raise Refused("password") from None
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError):
        raise Refused("damaged") from None


def _notes(known: Facts, name: str, width: int) -> Iterator[Note]:
    for code, cells in ((STRUCK, known.struck), (SHORTENED, known.shortened)):
        if cells:
            yield Note(code, {f"{row}:{column}": "" for row, column in cells}, name)
    hidden = [c for low, high in known.hidden_columns for c in range(low, min(high, width) + 1)]
    if hidden:
        yield Note("hidden_columns", {"letters": "、".join(map(letter_of, hidden))}, name)
    if known.hidden:
        yield Note("hidden_rows", {"count": str(known.hidden)}, name)


def _sheet(
    path: Path, sheet: calamine.CalamineSheet, visible: bool, facts: Facts, limits: Limits
) -> Iterator[Message]:
    start = sheet.start
    if start is None:
        yield SheetStart(name=sheet.name, visible=visible)
        return
    if sheet.width > 4 * limits.columns:
        yield SheetStart(name=sheet.name, visible=visible)
        yield from _sparse(path, sheet.name, facts, limits)
        return
    yield SheetStart(name=sheet.name, visible=visible, left=start[1] + 1)
    # Row by row: all of them at once would be a third copy of the sheet. Rows above the first that
    # is filled come too, as blanks.
    rows: Iterator[tuple[int, Sequence[object]]] = islice(
        enumerate(sheet.iter_rows(), 1), start[0], None
    )
    merged = [m for m in sheet.merged_cell_ranges or [] if m[1][0] > m[0][0]]
    told: dict[str, str] = {}
    if merged or facts.patches:
        rows = _patched(rows, merged, facts.patches, start[1], told)
    yield from blocks(rows, limits)
    if told and visible:
        yield Note(MERGED, told, sheet.name)


def _sparse(path: Path, name: str, facts: Facts, limits: Limits) -> Iterator[Message]:
    from mapsvc.ingest.sparse import sparse_rows  # noqa: PLC0415

    rows: Iterator[tuple[int, Sequence[object]]] = sparse_rows(path, limits)[name]
    if facts.patches:
        rows = _patched(rows, [], facts.patches, 0, {})
    yield from blocks(rows, limits)


def _patched(
    rows: Iterator[tuple[int, Sequence[object]]],
    merged: list[tuple[Cell, Cell]],
    patches: dict[Cell, str],
    left: int,
    told: dict[str, str],
) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows with merged values carried down (zero-based ranges) and patches put on.

    `told` gathers the merged cells with digits in them, as the note MERGED has them.
    """
    bottoms: dict[int, dict[int, int]] = {}
    for (top, column), (bottom, _) in merged:
        bottoms.setdefault(top, {})[column - left] = bottom
    words: dict[int, dict[int, str]] = {}
    for (row_number, column), text in patches.items():
        words.setdefault(row_number, {})[column - 1 - left] = text
    carried: dict[int, tuple[int, object]] = {}
    for number, row in rows:
        cells = dict(enumerate(row))
        carried = {c: (end, v) for c, (end, v) in carried.items() if number - 1 <= end}
        cells |= {c: v for c, (_, v) in carried.items() if c in cells}
        starting = bottoms.get(number - 1, {})
        carried |= {c: (end, cells[c]) for c, end in starting.items() if c in cells}
        told |= {
            f"{number}:{c + left + 1}": str(end + 1)
            for c, end in starting.items()
            if c in cells and any(map(str.isdigit, str(cells[c])))
        }
        cells |= {c: text for c, text in words.get(number, {}).items() if c in cells}
        yield number, list(cells.values())
