"""xlsx, xlsb, ods and xls by calamine: values as Excel last computed them."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import python_calamine as calamine

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.wire import Limits, Message, Refused, SheetStart

NO_VALUE = "#FORMULA!"
"""Stands in a cell whose formula was never computed: refused later, by its row."""
_CELL = rb'<c r="([A-Z]+)(\d+)"'
_UNCOMPUTED = re.compile(
    _CELL + rb"[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>"
)
_ERROR = re.compile(_CELL + rb'[^>]*\bt="e"[^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>', re.DOTALL)
_SUSPICIOUS = (b"</f><", b"<f>", b"<f ", b't="e"')
_PIECE = 1 << 20

Cell = tuple[int, int]
"""Row and column, both from 1."""


def workbook(path: Path, limits: Limits, *, zipped: bool) -> Iterator[Message]:
    """Every sheet, hidden ones marked; vertically merged cells repeat their value in each row."""
    uncomputed = _inflate_all(path, limits) if zipped else {}
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            for position, meta in enumerate(book.sheets_metadata):
                if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                    sheet = book.get_sheet_by_index(position)
                    visible = meta.visible == calamine.SheetVisibleEnum.Visible
                    holes = uncomputed.get(position, {})
                    yield from _sheet(sheet, visible, holes, limits)
    except calamine.PasswordError:
        raise Refused("password") from None
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError):
        raise Refused("damaged") from None


def _sheet(
    sheet: calamine.CalamineSheet, visible: bool, holes: dict[Cell, str], limits: Limits
) -> Iterator[Message]:
    start = sheet.start
    if start is None:
        yield SheetStart(name=sheet.name, visible=visible)
        return
    yield SheetStart(name=sheet.name, visible=visible, left=start[1] + 1)
    if sheet.width > 4 * limits.columns and sheet.height * sheet.width > 20_000_000:
        raise Refused("too_many_columns", limit=limits.columns)
    rows: Iterator[tuple[int, Sequence[object]]] = enumerate(
        sheet.to_python(skip_empty_area=True), start[0] + 1
    )
    merged = [m for m in sheet.merged_cell_ranges or [] if m[1][0] > m[0][0]]
    if merged or holes:
        rows = _patched(rows, merged, holes, start[1])
    yield from blocks(rows, limits)


def _patched(
    rows: Iterator[tuple[int, Sequence[object]]],
    merged: list[tuple[Cell, Cell]],
    holes: dict[Cell, str],
    left: int,
) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows with merged values carried down (zero-based ranges) and the holes filled with words."""
    bottoms: dict[int, dict[int, int]] = {}
    for (top, column), (bottom, _) in merged:
        bottoms.setdefault(top, {})[column - left] = bottom
    words: dict[int, dict[int, str]] = {}
    for (row_number, column), text in holes.items():
        words.setdefault(row_number, {})[column - 1 - left] = text
    carried: dict[int, tuple[int, object]] = {}
    for number, row in rows:
        cells = dict(enumerate(row))
        carried = {c: (end, v) for c, (end, v) in carried.items() if number - 1 <= end}
        cells |= {c: v for c, (_, v) in carried.items() if c in cells}
        starting = bottoms.get(number - 1, {})
        carried |= {c: (end, cells[c]) for c, end in starting.items() if c in cells}
        empty = {c: text for c, text in words.get(number, {}).items() if cells.get(c) in ("", None)}
        cells |= {c: text for c, text in empty.items() if c in cells}
        yield number, list(cells.values())


def _inflate_all(path: Path, limits: Limits) -> dict[int, dict[Cell, str]]:
    """Unpack every entry once, counting; return the cells that calamine leaves blank, by sheet."""
    left = limits.memory
    found: dict[int, dict[Cell, str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            order = _sheet_order(archive)
            for entry in archive.infolist():
                if entry.flag_bits & 1:
                    raise Refused("password")
                suspicious, tail = False, b""
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        left -= len(piece)
                        if left < 0:
                            raise Refused("too_big_inside")
                        suspicious = suspicious or any(mark in tail + piece for mark in _SUSPICIOUS)
                        tail = piece[-8:]
                if suspicious and entry.filename in order:
                    holes = _holes(archive.read(entry))
                    if holes:
                        found[order[entry.filename]] = holes
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError):
        raise Refused("damaged") from None
    return found


def _sheet_order(archive: zipfile.ZipFile) -> dict[str, int]:
    """Entry name of each sheet → its position in the workbook."""
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return {}
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    links = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    targets: dict[str, str] = {}
    for tag in re.findall(r"<Relationship\s[^>]*>", links):
        parts = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        target = parts.get("Target", "").lstrip("/")
        targets[parts.get("Id", "")] = target if target.startswith("xl/") else f"xl/{target}"
    ids = re.findall(r'<(?:\w+:)?sheet\s[^>]*?r:id="([^"]*)"', book)
    return {targets[i]: position for position, i in enumerate(ids) if i in targets}


def _holes(xml: bytes) -> dict[Cell, str]:
    """Cells that calamine leaves blank: formulas without a value, and errors like #REF!."""
    found = {(int(m[2]), _column(m[1])): NO_VALUE for m in _UNCOMPUTED.finditer(xml)}
    for m in _ERROR.finditer(xml):
        found[int(m[2]), _column(m[1])] = m[3].decode("utf-8", "replace")
    return found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
