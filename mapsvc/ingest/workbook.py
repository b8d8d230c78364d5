"""xlsx, xlsb, ods and xls by calamine: values as Excel last computed them."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import python_calamine as calamine
from msgspec import Struct

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.wire import Limits, Message, Note, Refused, SheetStart

NO_VALUE = "#FORMULA!"
"""Stands in a cell whose formula was never computed: refused later, by its row."""
_CELL = rb'<c r="([A-Z]+)(\d+)"'
_UNCOMPUTED = re.compile(
    _CELL + rb"[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>"
)
_ERROR = re.compile(_CELL + rb'[^>]*\bt="e"[^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>', re.DOTALL)
_STYLED = re.compile(
    _CELL + rb'(?= [^>]*\bs="(\d+)")(?![^>]*\bt="[^n])[^>]*>(?:<f[^>]*>[^<]*</f>)?<v>(\d{1,15})</v>'
)
_HIDDEN = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
_SUSPICIOUS = (b"</f><", b"<f>", b"<f ", b't="e"', b' hidden="')
_ZEROS = re.compile(rb'numFmtId="(\d+)"[^>]*formatCode="(0{2,20})(?:_ |;@)?"')
_STYLES = 4 << 20
_PIECE = 1 << 20

Cell = tuple[int, int]
"""Row and column, both from 1."""


class _Facts(Struct):
    """What calamine does not tell of a sheet."""

    patches: dict[Cell, str] = {}
    """Cells whose text is another: errors, formulas without a value, codes with their zeros."""
    hidden: int = 0
    """Rows that are hidden or filtered away."""


def workbook(path: Path, limits: Limits, *, zipped: bool) -> Iterator[Message]:
    """Every sheet, hidden ones marked; vertically merged cells repeat their value in each row."""
    facts = _inflate_all(path, limits) if zipped else {}
    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            for position, meta in enumerate(book.sheets_metadata):
                if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                    visible = meta.visible == calamine.SheetVisibleEnum.Visible
                    known = facts.get(position, _Facts())
                    if limits.careful and zipped:
                        yield SheetStart(name=meta.name, visible=visible)
                        yield from _sparse(path, meta.name, known, limits)
                    else:
                        sheet = book.get_sheet_by_index(position)
                        yield from _sheet(path, sheet, visible, known, limits)
                    if known.hidden and visible:
                        yield Note("hidden_rows", {"count": str(known.hidden)}, meta.name)
    except calamine.PasswordError:
        raise Refused("password") from None
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError):
        raise Refused("damaged") from None


def _sheet(
    path: Path, sheet: calamine.CalamineSheet, visible: bool, facts: _Facts, limits: Limits
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
    rows: Iterator[tuple[int, Sequence[object]]] = enumerate(
        sheet.to_python(skip_empty_area=True), start[0] + 1
    )
    merged = [m for m in sheet.merged_cell_ranges or [] if m[1][0] > m[0][0]]
    if merged or facts.patches:
        rows = _patched(rows, merged, facts.patches, start[1])
    yield from blocks(rows, limits)


def _sparse(path: Path, name: str, facts: _Facts, limits: Limits) -> Iterator[Message]:
    from mapsvc.ingest.sparse import sparse_rows  # noqa: PLC0415

    rows: Iterator[tuple[int, Sequence[object]]] = sparse_rows(path, limits)[name]
    if facts.patches:
        rows = _patched(rows, [], facts.patches, 0)
    yield from blocks(rows, limits)


def _patched(
    rows: Iterator[tuple[int, Sequence[object]]],
    merged: list[tuple[Cell, Cell]],
    patches: dict[Cell, str],
    left: int,
) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows with merged values carried down (zero-based ranges) and patches put on."""
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
        cells |= {c: text for c, text in words.get(number, {}).items() if c in cells}
        yield number, list(cells.values())


def _inflate_all(path: Path, limits: Limits) -> dict[int, _Facts]:
    """Unpack every entry once, counting; return what calamine does not tell, by sheet."""
    left = limits.memory
    found: dict[int, _Facts] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            order = _sheet_order(archive)
            zeros = _zero_styles(archive)
            for entry in archive.infolist():
                if entry.flag_bits & 1:
                    raise Refused("password")
                suspicious, tail = bool(zeros), b""
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        left -= len(piece)
                        if left < 0:
                            raise Refused("too_big_inside")
                        suspicious = suspicious or any(mark in tail + piece for mark in _SUSPICIOUS)
                        tail = piece[-9:]
                if suspicious and entry.filename in order:
                    found[order[entry.filename]] = _facts(archive.read(entry), zeros)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError):
        raise Refused("damaged") from None
    return found


def _zero_styles(archive: zipfile.ZipFile) -> dict[bytes, int]:
    """Styles that show a number with leading zeros, like 0000: index → digits."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    with archive.open("xl/styles.xml") as stream:
        xml = stream.read(_STYLES)
    formats = {
        m[1]: len(m[2]) for tag in re.findall(rb"<numFmt\s[^>]*>", xml) if (m := _ZEROS.search(tag))
    }
    if not formats:
        return {}
    cells = re.search(rb"<cellXfs\b.*?</cellXfs>", xml, re.DOTALL)
    styles = re.findall(rb'<xf\s[^>]*?numFmtId="(\d+)"', cells[0]) if cells else []
    return {b"%d" % i: formats[f] for i, f in enumerate(styles) if f in formats}


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


def _facts(xml: bytes, zeros: dict[bytes, int]) -> _Facts:
    patches = {(int(m[2]), _column(m[1])): NO_VALUE for m in _UNCOMPUTED.finditer(xml)}
    for m in _ERROR.finditer(xml):
        patches[int(m[2]), _column(m[1])] = m[3].decode("utf-8", "replace")
    if zeros:
        for m in _STYLED.finditer(xml):
            if m[3] in zeros:
                patches[int(m[2]), _column(m[1])] = m[4].decode().zfill(zeros[m[3]])
    return _Facts(patches, len(_HIDDEN.findall(xml)))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
