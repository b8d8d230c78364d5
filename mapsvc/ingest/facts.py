"""What calamine does not tell of an xlsx: errors, formulas without a value, number formats, hidden
rows. Every entry of the archive is inflated once, counted, and looked at.
"""

import re
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

from msgspec import Struct

from mapsvc.ingest.markup import local, steps
from mapsvc.ingest.shown import Show, shown_by
from mapsvc.ingest.wire import Limits, Refused

NO_VALUE = "#FORMULA!"
"""Stands in a cell whose formula was never computed: refused later, by its row."""
_CELL = rb'<c r="([A-Z]+)(\d+)"'
_UNCOMPUTED = re.compile(
    # An empty text is a result too: ="" is kept as t="str" with an empty value.
    _CELL + rb"(?:[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*</c>"
    rb'|(?![^>]*\bt="str")[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)\s*</c>)'
)
_ZERO = re.compile(_CELL + rb"(?![^>]*\bt=)[^>]*>\s*<f[^>]*>[^<]*</f>\s*<v>0</v>")
"""What a program writes that cannot compute; it asks for that with fullCalcOnLoad."""
_ERROR = re.compile(_CELL + rb'[^>]*\bt="e"[^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>', re.DOTALL)
_STYLED = re.compile(
    _CELL + rb'(?= [^>]*\bs="(\d+)")(?![^>]*\bt="[^n])[^>]*>(?:<f[^>]*>[^<]*</f>)?<v>(\d{1,15})</v>'
)
_HIDDEN = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
_SUSPICIOUS = (b"<f", b't="e"', b' hidden="')
_STYLES = 4 << 20
_PIECE = 1 << 20

Cell = tuple[int, int]
"""Row and column, both from 1."""


class Facts(Struct):
    """What calamine does not tell of a sheet."""

    patches: dict[Cell, str] = {}
    """Cells whose text is another: errors, formulas without a value, codes with their zeros."""
    hidden: int = 0
    """Rows that are hidden or filtered away."""


def zipped_facts(path: Path, limits: Limits) -> dict[int, Facts]:
    """Unpack every entry once, counting; return what calamine does not tell, by sheet."""
    left = limits.memory
    found: dict[int, Facts] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            order = _sheet_order(archive)
            styles = _shown_styles(archive)
            computed = not _waits_for_computing(archive)
            for entry in archive.infolist():
                if entry.flag_bits & 1:
                    raise Refused("password")
                watched, tail = entry.filename in order, b""
                suspicious = watched and bool(styles)
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        left -= len(piece)
                        if left < 0:
                            raise Refused("too_big_inside")
                        if watched and not suspicious:
                            seam = tail + piece[:9]
                            suspicious = _is_odd(piece) or any(
                                mark in piece or mark in seam for mark in _SUSPICIOUS
                            )
                            tail = piece[-9:]
                if entry.filename == "content.xml":
                    _require_computed(archive.read(entry))
                if suspicious:
                    found[order[entry.filename]] = _facts(archive.read(entry), styles, computed)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError):
        raise Refused("damaged") from None
    return found


def _require_computed(xml: bytes) -> None:
    """Of an ods calamine shows neither errors nor that a formula has no value: refused whole."""
    cells = re.findall(rb"<table:table-cell\s[^>]*table:formula=[^>]*>(?:<text:p>[^<])?", xml)
    if b'calcext:value-type="error"' in xml or any(
        b"office:value-type=" not in cell or (b'string-value=""' in cell and cell[-1:] != b">")
        for cell in cells
    ):
        raise Refused("ods_formulas")


def _shown_styles(archive: zipfile.ZipFile) -> dict[bytes, Show]:
    """Styles that show a whole number as a text of its own: index → how."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    with archive.open("xl/styles.xml") as stream:
        xml = stream.read(_STYLES)
    formats: dict[bytes, Show] = {}
    for tag in re.findall(rb"<(?:\w+:)?numFmt\s[^>]*>", xml):
        parts = dict(re.findall(rb"""(\w+)=["']([^"']*)["']""", tag))
        shown = shown_by(unescape(parts.get(b"formatCode", b"").decode("utf-8", "replace")))
        if shown is not None:
            formats[parts.get(b"numFmtId", b"")] = shown
    if not formats:
        return {}
    cells = re.search(rb"<((?:\w+:)?)cellXfs\b.*?</\1cellXfs>", xml, re.DOTALL)
    styles = re.findall(rb"""<(?:\w+:)?xf\s[^>]*?numFmtId=["'](\d+)""", cells[0]) if cells else []
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


def _is_odd(piece: bytes) -> bool:
    """Does the first cell begin otherwise than Excel, WPS and most libraries write it?"""
    first = re.search(rb"<(?:\w+:)?c[\s/>]", piece)
    return first is not None and not piece.startswith(b'<c r="', first.start())


def _waits_for_computing(archive: zipfile.ZipFile) -> bool:
    if "xl/workbook.xml" not in archive.namelist():
        return False
    return re.search(rb'fullCalcOnLoad="(?:1|true)"', archive.read("xl/workbook.xml")) is not None


def _facts(xml: bytes, styles: dict[bytes, Show], computed: bool) -> Facts:
    if _is_odd(xml):
        return _facts_of_any(xml, styles)
    patches = {(int(m[2]), _column(m[1])): NO_VALUE for m in _UNCOMPUTED.finditer(xml)}
    if not computed:
        patches |= {(int(m[2]), _column(m[1])): NO_VALUE for m in _ZERO.finditer(xml)}
    for m in _ERROR.finditer(xml):
        patches[int(m[2]), _column(m[1])] = m[3].decode("utf-8", "replace")
    if styles:
        for m in _STYLED.finditer(xml):
            if m[3] in styles:
                patches[int(m[2]), _column(m[1])] = styles[m[3]](m[4].decode())
    return Facts(patches, len(_HIDDEN.findall(xml)))


def _facts_of_any(xml: bytes, styles: dict[bytes, Show]) -> Facts:
    """The same from XML in any spelling: prefixed names, cells and rows that do not say where."""
    facts = Facts()
    row = column = 0
    for event, tag, element in steps(xml.decode("utf-8", "replace")):
        if tag == "row" and event == "start":
            row, column = int(element.get("r") or row + 1), 0
            facts.hidden += element.get("hidden") in ("1", "true")
        elif tag == "row":
            element.clear()
        elif tag == "c" and event == "end":
            at = re.match(r"[A-Z]+", element.get("r") or "")
            column = _column(at[0].encode()) if at else column + 1
            text = _told(element, styles)
            if text is not None:
                facts.patches[row, column] = text
    return facts


def _told(cell: Any, styles: dict[bytes, Show]) -> str | None:
    parts = {local(part.tag): part for part in cell}
    kind, value = cell.get("t") or "n", parts["v"].text if "v" in parts else None
    if kind == "e":
        return str(value)
    if "f" in parts and not value and ("v" not in parts or kind != "str"):
        return NO_VALUE
    show = styles.get((cell.get("s") or "").encode())
    return show(value) if show and kind == "n" and (value or "").isdecimal() and value else None


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
