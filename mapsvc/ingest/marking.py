"""The program that writes a report: their own workbook with marks, or one made from the rows read.

Runs in a confined child process, since opening their workbook with openpyxl runs over hostile
bytes. It reads `upload` and `plan` in its folder and leaves `report.xlsx` there; any failure is an
exit code, and the parent then asks for the workbook made from rows.
"""

import sys
import zipfile
from pathlib import Path
from typing import Any, Literal

import msgspec
import openpyxl
from msgspec import Struct
from openpyxl.cell import MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from mapsvc.ingest.added import OUTCOME, REMEDY, RESULT_SHEET, RESULT_TITLE
from mapsvc.ingest.read import confine
from mapsvc.ingest.wire import Limits
from mapsvc.sheets import breadth, cell_or_text, fit_height, fit_paper, put_text, quote, text_cell

PLAN = "plan"
REPORT = "report.xlsx"
Kind = Literal["plain", "title", "head", "error", "warning"]

_XML_SHARE = 32
"""openpyxl holds a workbook in ten times the size of its XML, and needs a second a megabyte."""
_WIDEST = 60
_COLUMNS = [22, 14, 22, 80]
"""Widths of the sheet that sums up."""
_SAMPLE = 200
# Violet and grey: red, orange, yellow and blue are the colours of risk.
_ERROR = PatternFill("solid", fgColor="E4DFEC")
_WARNING = PatternFill("solid", fgColor="EDEDED")
_THICK, _THIN = (
    Border(left=side, right=side, top=side, bottom=side)
    for side in (Side("medium", color="60497A"), Side("thin", color="7F7F7F"))
)
_WRAP = Alignment(vertical="top", wrap_text=True)


class Note(Struct):
    """What stands beside a row; `row` is the row of the workbook."""

    row: int
    outcome: str
    remedy: str
    refused: bool


class Mark(Struct):
    """A cell to mark, rows and columns from 1; an error or only something to look at."""

    row: int
    column: int
    error: bool
    kept: Literal["", "struck", "merged", "money"] = ""
    """How their cell looked, where a workbook made from rows must not look otherwise."""


class Page(Struct):
    """One sheet; `at` is the column of the outcome, 0 where nothing is added."""

    name: str
    visible: bool
    heading_row: int
    at: int
    reused: bool
    notes: list[Note]
    marks: list[Mark]
    left: int
    numbers: list[int]
    columns: list[list[str]]
    """Their cells, for a workbook made from rows; `left` is the first column, from 1."""


class Line(Struct):
    """A row of the sheet that sums up."""

    kind: Kind
    cells: list[str]


class Plan(Struct):
    """A whole report; `own` keeps their workbook."""

    own: bool
    lines: list[Line]
    pages: list[Page]


def main() -> None:
    """Child's entry: the uploaded file and the limits are on the command line."""
    path, limits = Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Limits)
    confine(limits)
    plan = msgspec.msgpack.decode(path.with_name(PLAN).read_bytes(), type=Plan)
    book = marked(path, plan, limits) if plan.own else rebuilt(plan)
    book.save(path.with_name(REPORT))


def marked(path: Path, plan: Plan, limits: Limits) -> Any:
    """Their workbook: formulas replaced by their last values, links to other files dropped."""
    with zipfile.ZipFile(path) as archive:
        if sum(e.file_size for e in archive.infolist()) > limits.memory // _XML_SHARE:
            raise MemoryError
    with path.open("rb") as file:
        # Struck out or raised parts of a text stay so: the report is read like the file.
        book = openpyxl.load_workbook(file, data_only=True, keep_links=False, rich_text=True)
    for sheet in book.worksheets:
        if sheet["A1"].value == RESULT_TITLE:
            book.remove(sheet)
    for sheet in book.worksheets:
        sheet.sheet_view.tabSelected = False
        for _, cell in _cells(sheet):
            quote(cell)
    _drop_links(book)
    for page in plan.pages:
        if page.at:
            _mark(book[page.name], page)
    first = book.create_sheet(RESULT_SHEET, 0)
    first.sheet_view.tabSelected = True
    for number, line in enumerate(plan.lines, 1):
        for column, text in enumerate(line.cells, 1):
            cell = first.cell(number, column)
            put_text(cell, text)
            _dress(cell, line.kind, column)
    _sum_up(first, plan)
    book.active = 0
    return book


def _sum_up(first: Any, plan: Plan) -> None:
    _widths(first, _COLUMNS)
    fit_paper(first)
    for number, line in enumerate(plan.lines, 1):
        if line.kind != "title":
            fit_height(first, number, zip(line.cells, _COLUMNS, strict=False))


def _drop_links(book: Any) -> None:
    """What still points into other workbooks would make the file unreadable without them."""
    for names in (book.defined_names, *(s.defined_names for s in book.worksheets)):
        for name in [n for n, defined in names.items() if "[" in str(defined.value)]:
            del names[name]
    for sheet in book.worksheets:
        rules = sheet.data_validations
        rules.dataValidation = [
            rule for rule in rules.dataValidation if "[" not in f"{rule.formula1}{rule.formula2}"
        ]


def _mark(sheet: Any, page: Page) -> None:
    at = page.at if page.reused else _beside(sheet, page)
    if page.reused:
        _clear(sheet, page)
    covered = _covered(sheet)
    for mark in page.marks:
        row, column = covered.get((mark.row, mark.column), (mark.row, mark.column))
        _paint(sheet.cell(row, column), error=mark.error)
        for dimension in sheet.column_dimensions.values():
            if dimension.hidden and dimension.min <= column <= dimension.max:
                dimension.hidden = False
    for offset, heading in enumerate((OUTCOME, REMEDY)):
        cell = sheet.cell(page.heading_row, at + offset)
        put_text(cell, heading)
        _dress(cell, "head", 1)
    for note in page.notes:
        if note.refused and note.row in sheet.row_dimensions:
            sheet.row_dimensions[note.row].hidden = False
        for offset, text in enumerate((note.outcome, note.remedy)):
            cell = sheet.cell(note.row, at + offset)
            if text and not isinstance(cell, MergedCell):
                put_text(cell, text)
                _beside_row(cell, note, offset)
        fit_height(sheet, note.row, [(note.remedy, _WIDEST)])
    _widths(sheet, [10, _WIDEST], at)


def _clear(sheet: Any, page: Page) -> None:
    """Take away what an earlier report wrote and marked: the marks of today are put on afresh."""
    ours = {_ERROR.fgColor.rgb, _WARNING.fgColor.rgb}
    for (row, column), cell in _cells(sheet):
        if row < page.heading_row or isinstance(cell, MergedCell):
            continue
        if column in (page.at, page.at + 1):
            cell.value = None
        if cell.fill.fgColor.rgb in ours:
            cell.fill, cell.border = PatternFill(), Border()


def _cells(sheet: Any) -> list[tuple[tuple[int, int], Any]]:
    """The cells that are there; going over rows would create every blank one up to the last."""
    return list(sheet._cells.items())  # noqa: SLF001


def _paint(cell: Any, *, error: bool) -> None:
    cell.fill, cell.border = (_ERROR, _THICK) if error else (_WARNING, _THIN)


def _beside(sheet: Any, page: Page) -> int:
    """The first column right of the data that no merged cells reach into."""
    at = page.at
    for merged in sorted(sheet.merged_cells.ranges, key=lambda m: m.min_col):
        if merged.max_row >= page.heading_row and merged.min_col <= at + 1 and merged.max_col >= at:
            at = merged.max_col + 1
    return at


def _covered(sheet: Any) -> dict[tuple[int, int], tuple[int, int]]:
    """Cells inside merged ones → the cell that shows."""
    return {
        cell: (merged.min_row, merged.min_col)
        for merged in sheet.merged_cells.ranges
        for cell in merged.cells
    }


def _beside_row(cell: Any, note: Note, offset: int) -> None:
    cell.alignment = _WRAP
    if note.refused:
        cell.fill = _ERROR
        if offset == 0:
            cell.font = Font(bold=True)


def _dress(cell: Any, kind: Kind, column: int) -> None:
    cell.alignment = _WRAP if kind != "title" else Alignment(vertical="center")
    if kind == "title":
        cell.font = Font(bold=True, size=14)
    elif kind == "head":
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="F2F2F2")
    elif kind != "plain" and column == 1:
        _paint(cell, error=kind == "error")


def _widths(sheet: Any, widths: list[int], first: int = 1) -> None:
    for offset, width in enumerate(widths):
        sheet.column_dimensions[get_column_letter(first + offset)].width = width


def rebuilt(plan: Plan) -> Any:
    """A workbook of the rows that were read, every cell as text, at the row it was read from."""
    book = openpyxl.Workbook(write_only=True)
    first = book.create_sheet(RESULT_SHEET)
    first.sheet_view.tabSelected = True
    _sum_up(first, plan)
    for line in plan.lines:
        cells = [text_cell(first, text) for text in line.cells]
        for column, cell in enumerate(cells, 1):
            _dress(cell, line.kind, column)
        first.append(cells)
    for page in plan.pages:
        _write(book.create_sheet(page.name), page)
    return book


def _write(sheet: Any, page: Page) -> None:
    sheet.sheet_state = "visible" if page.visible else "hidden"
    _widths(sheet, [_width(column) for column in page.columns], page.left)
    if page.at:
        _widths(sheet, [10, _WIDEST], page.at)
        sheet.freeze_panes = f"A{page.heading_row + 1}"
    fit_paper(sheet, page.heading_row if page.at else 0)
    notes = {note.row: note for note in page.notes}
    kept = {(mark.row, mark.column): mark.kept for mark in page.marks if mark.kept}
    marks: dict[int, dict[int, bool]] = {}
    for mark in page.marks:
        in_row = marks.setdefault(mark.row, {})
        in_row[mark.column] = mark.error or in_row.get(mark.column, False)
    written = 0
    for index, number in enumerate(page.numbers):
        for _ in range(written + 1, number):
            sheet.append([])
        written = number
        in_row = marks.get(number, {})
        is_heading = number == page.heading_row
        cells: list[Any] = [None] * max(page.left - 1 + len(page.columns), page.at + 1)
        for at, column in enumerate(page.columns, page.left):
            text = column[index]
            if at in in_row or (text and is_heading):
                cell = cells[at - 1] = _like_theirs(sheet, text, kept.get((number, at), ""))
                if is_heading:
                    cell.font = Font(bold=True)
                if at in in_row:
                    _paint(cell, error=in_row[at])
            elif text:
                cells[at - 1] = cell_or_text(sheet, text)
        _annotate(sheet, page, cells, notes.get(number), is_heading=is_heading)
        sheet.append(cells)


def _like_theirs(sheet: Any, text: str, kept: str) -> Any:
    told = {"merged": f"{text}（合并）", "money": f"¥{text}"}
    cell = text_cell(sheet, told.get(kept, text))
    if kept == "struck":
        cell.font = Font(strike=True)
    return cell


def _annotate(
    sheet: Any, page: Page, cells: list[Any], note: Note | None, *, is_heading: bool
) -> None:
    texts = (note.outcome, note.remedy) if note else ("", "")
    if note and page.at:
        fit_height(sheet, note.row, [(note.remedy, _WIDEST)])
    for offset, text in enumerate((OUTCOME, REMEDY) if is_heading else texts):
        if text and page.at:
            cell = cells[page.at - 1 + offset] = text_cell(sheet, text)
            if note:
                _beside_row(cell, note, offset)
            else:
                _dress(cell, "head", 1)


def _width(column: list[str]) -> int:
    return min(_WIDEST, max([8, *map(breadth, column[:_SAMPLE])]) + 2)


if __name__ == "__main__":
    main()
