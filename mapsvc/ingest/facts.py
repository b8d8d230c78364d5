"""What calamine does not tell of an xlsx: errors, formulas without a value, number formats, hidden
rows. Every entry of the archive is inflated once, counted, and looked at.
"""

import re
import zipfile
from collections.abc import Iterable
from html import unescape
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from mapsvc.ingest.cells import number_of
from mapsvc.ingest.colours import MOST, coloured, coloured_styles
from mapsvc.ingest.markup import local, steps
from mapsvc.ingest.remarks import beside
from mapsvc.ingest.shown import Formats, Show
from mapsvc.ingest.slices import LARGE, Outline, cut
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
    _CELL + rb'(?= [^>]*\bs="(\d+)")(?![^>]*\bt="[^n])[^>]*>(?:<f[^>]*>[^<]*</f>)?'
    rb"<v>(\d{1,15}(?:\.\d+)?)</v>"
)
_HIDDEN = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
_SUSPICIOUS = (b"<f", b't="e"', b' hidden="', b"<strike", b"<vertAlign")
_STRIKE = re.compile(rb"""<(?:\w+:)?strike\b(?!\s+val=["'](?:0|false))""")
_SUPERSCRIPT = re.compile(rb"""<(?:\w+:)?vertAlign\s+val=["']su""")
_DRESSED = re.compile(_STRIKE.pattern + b"|" + _SUPERSCRIPT.pattern)
_FILLED = re.compile(
    _CELL + rb'(?: [^>]*?\bs="(\d+)")?[^>]*[^>/]>(?:<f[^>]*(?:/>|>[^<]*</f>))?'
    rb"<(?:v>([^<]*)|is>((?:(?!</c>).)*))",
    re.DOTALL,
)
_IS_TEXT = re.compile(rb'\bt="(?:s|str|inlineStr)"').search
_STYLES = 4 << 20
_PIECE = 1 << 20
_HEAD = 1 << 16
"""Bytes of a sheet in which its columns are described."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
"""12¹ is not 121."""

Cell = tuple[int, int]
"""Row and column, both from 1."""


class Facts(Struct):
    """What calamine does not tell of a sheet."""

    patches: dict[Cell, str] = {}
    """Cells whose text is another: errors, formulas without a value, codes with their zeros."""
    hidden: int = 0
    """Rows that are hidden or filtered away."""
    hidden_columns: list[tuple[int, int]] = []
    """First and last of each run."""
    struck: list[Cell] = []
    """Cells whose text is struck out, in part or whole."""
    shortened: list[Cell] = []
    """Dates that are shown without their year or day."""
    money: list[Cell] = []
    """Numbers that are shown with a sign of money."""
    coloured: dict[Cell, str] = {}
    """Cells filled with the colour of a grade: the first of each row, and those without a text."""
    remarks: dict[Cell, str] = {}
    """What hangs on a cell and is not its text."""
    drawn: str = ""
    """What lies over the cells: text boxes and pictures, in words."""
    outline: Outline | None = None
    """Of a large sheet that may be read slice by slice."""


class Looks(Struct):
    """How a workbook shows its cells, as far as that says something of their contents."""

    shows: dict[bytes, Show] = {}
    """Styles that show a number as a text of its own: index → how."""
    shortened: set[bytes] = set()
    """Styles that show a date without its year or day."""
    struck: set[bytes] = set()
    """Styles that strike their text out."""
    struck_texts: set[bytes] = set()
    """Shared texts of which a part is struck out, by index."""

    raised: dict[bytes, str] = {}
    """Shared texts with raised digits, by index → with such digits in them."""
    money: set[bytes] = set()
    """Styles that show a number with a sign of money."""
    around: dict[bytes, str] = {}
    """Styles that show more around a text."""
    colours: dict[bytes, str] = {}
    """Styles that fill a cell with the colour of a grade."""

    @property
    def any(self) -> bool:
        dressed = self.raised or self.struck or self.struck_texts or self.around
        return bool(self.shows or self.shortened or self.money or self.colours or dressed)


def zipped_facts(path: Path, limits: Limits) -> dict[int, Facts]:
    """Unpack every entry once, counting; return what calamine does not tell, by sheet."""
    left = limits.memory
    found: dict[int, Facts] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            order = sheet_order(archive)
            looks = _looks(archive)
            computed = not _waits_for_computing(archive)
            for entry in archive.infolist():
                if entry.flag_bits & 1:
                    raise Refused("password")
                sheet = _Watch(archive, entry, looks) if entry.filename in order else None
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        left -= len(piece)
                        if left < 0:
                            raise Refused("too_big_inside")
                        if sheet:
                            sheet.see(piece)
                if sheet and (facts := sheet.facts(archive, entry, looks, computed)):
                    found[order[entry.filename]] = facts
            _look_beside(archive, order, found)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError):
        raise Refused("damaged") from None
    return found


def _look_beside(archive: zipfile.ZipFile, order: dict[str, int], found: dict[int, Facts]) -> None:
    for entry, position in order.items():
        remarks, drawn = beside(archive, entry)
        if remarks or drawn:
            facts = found.setdefault(position, Facts())
            facts.remarks, facts.drawn = remarks, drawn


class _Watch:
    """Looks at the pieces of a sheet for what calamine does not tell, and for where to cut it."""

    def __init__(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, looks: Looks) -> None:
        self._suspicious = looks.any
        self._tail = b""
        self._outline = Outline(archive, entry.filename) if entry.file_size >= LARGE else None

    def see(self, piece: bytes) -> None:
        if self._outline:
            self._outline.see(piece)
        if not self._suspicious:
            seam = self._tail + piece[:11]
            self._suspicious = _is_odd(piece) or any(
                mark in piece or mark in seam for mark in _SUSPICIOUS
            )
            self._tail = piece[-11:]

    def facts(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, looks: Looks, computed: bool
    ) -> Facts | None:
        """Asked after the last piece; None where there is nothing to tell."""
        outline = self._outline if self._outline and self._outline.ends() else None
        if not self._suspicious and not outline:
            return None
        facts = Facts()
        if self._suspicious:
            facts = self._look(archive, entry, outline, looks, computed)
        facts.outline = outline
        return facts

    @staticmethod
    def _look(
        archive: zipfile.ZipFile,
        entry: zipfile.ZipInfo,
        outline: Outline | None,
        looks: Looks,
        computed: bool,
    ) -> Facts:
        """Slice by slice where that can be done: the XML of a large sheet is not held whole."""
        if outline:
            pieces = cut(archive, outline)
            first = outline.head + next(pieces)
            if not _is_odd(first):
                return _facts(chain([first], pieces), looks, computed)
        xml = archive.read(entry)
        odd = _is_odd(xml)
        return _facts_of_any(xml, looks) if odd else _facts([xml], looks, computed)


def _looks(archive: zipfile.ZipFile) -> Looks:
    names = archive.namelist()
    looks = Looks()
    if "xl/styles.xml" in names:
        with archive.open("xl/styles.xml") as stream:
            xml = stream.read(_STYLES)
        _read_formats(xml, looks)
        looks.struck = _struck_styles(xml)
        looks.colours = coloured_styles(xml)
    if "xl/sharedStrings.xml" in names:
        _read_texts(archive, looks)
    return looks


def _struck_styles(xml: bytes) -> set[bytes]:
    if not _STRIKE.search(xml):
        return set()
    fonts = re.search(rb"<((?:\w+:)?)fonts\b.*?</\1fonts>", xml, re.DOTALL)
    one = rb"<(?:\w+:)?font\b(?:[^>]*/>|.*?</(?:\w+:)?font>)"
    each = re.findall(one, fonts[0], re.DOTALL) if fonts else []
    wanted = {b"%d" % i for i, font in enumerate(each) if _STRIKE.search(font)}
    cells = re.search(rb"<((?:\w+:)?)cellXfs\b.*?</\1cellXfs>", xml, re.DOTALL)
    used = re.findall(rb"""<(?:\w+:)?xf\s[^>]*?fontId=["'](\d+)""", cells[0]) if cells else []
    return {b"%d" % i for i, font in enumerate(used) if font in wanted}


def _read_texts(archive: zipfile.ZipFile, looks: Looks) -> None:
    """Few workbooks dress parts of a text: the texts are only parted where some do."""
    tail, found = b"", False
    with archive.open("xl/sharedStrings.xml") as stream:
        while (piece := stream.read(_PIECE)) and not found:
            found, tail = _DRESSED.search(tail + piece) is not None, piece[-40:]
    if not found:
        return
    texts = re.split(rb"<(?:\w+:)?si\b", archive.read("xl/sharedStrings.xml"))[1:]
    for index, text in enumerate(texts):
        if _STRIKE.search(text):
            looks.struck_texts.add(b"%d" % index)
        if _SUPERSCRIPT.search(text):
            looks.raised[b"%d" % index] = _with_raised(text)


def _with_raised(text: bytes) -> str:
    parts: list[str] = []
    for run in re.split(rb"<(?:\w+:)?r>", text):
        words = re.findall(rb"<(?:\w+:)?t(?:\s[^>]*)?>([^<]*)<", run)
        plain = unescape(b"".join(words).decode("utf-8", "replace"))
        parts.append(plain.translate(_RAISED) if _SUPERSCRIPT.search(run) else plain)
    return "".join(parts)


def _read_formats(xml: bytes, looks: Looks) -> None:
    formats = Formats()
    for tag in re.findall(rb"<(?:\w+:)?numFmt\s[^>]*>", xml):
        parts = dict(re.findall(rb"""(\w+)=["']([^"']*)["']""", tag))
        code = unescape(parts.get(b"formatCode", b"").decode("utf-8", "replace"))
        if (number := parts.get(b"numFmtId", b"")).isdigit():
            formats.learn(int(number), code)
    cells = re.search(rb"<((?:\w+:)?)cellXfs\b.*?</\1cellXfs>", xml, re.DOTALL)
    used = re.findall(rb"""<(?:\w+:)?xf\s[^>]*?numFmtId=["'](\d+)""", cells[0]) if cells else []
    styles = [(b"%d" % style, int(number)) for style, number in enumerate(used)]
    looks.shows = {s: formats.shows[number] for s, number in styles if number in formats.shows}
    looks.shortened = {style for style, number in styles if number in formats.shortened}
    looks.money = {style for style, number in styles if number in formats.money}
    looks.around = {s: formats.around[n] for s, n in styles if n in formats.around}


def sheet_order(archive: zipfile.ZipFile) -> dict[str, int]:
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


def _facts(pieces: Iterable[bytes], looks: Looks, computed: bool) -> Facts:
    """Of whole rows at a time, the sheet's head with the first."""
    facts = Facts()
    for xml in pieces:
        facts.patches |= _patches(xml, looks, computed) | _around(xml, looks) | _raised(xml, looks)
        facts.hidden += len(_HIDDEN.findall(xml))
        facts.hidden_columns += _hidden_columns(xml)
        facts.struck += _struck(xml, looks)
        facts.shortened += _styled(xml, looks.shortened)
        facts.money += _styled(xml, looks.money)
        coloured(xml, looks.colours, facts.coloured)
    return facts


def _patches(xml: bytes, looks: Looks, computed: bool) -> dict[Cell, str]:
    patches = {(int(m[2]), number_of(m[1])): NO_VALUE for m in _UNCOMPUTED.finditer(xml)}
    if not computed:
        patches |= {(int(m[2]), number_of(m[1])): NO_VALUE for m in _ZERO.finditer(xml)}
    for m in _ERROR.finditer(xml):
        patches[int(m[2]), number_of(m[1])] = m[3].decode("utf-8", "replace")
    if styles := looks.shows:
        for m in _STYLED.finditer(xml):
            if m[3] in styles and (text := styles[m[3]](m[4].decode())):
                patches[int(m[2]), number_of(m[1])] = text
    return patches


def _around(xml: bytes, looks: Looks) -> dict[Cell, str]:
    """Texts that their cells show with more around them."""
    if not looks.around:
        return {}
    found = (m for m in _FILLED.finditer(xml) if m[3] in looks.around and _IS_TEXT(m[0]))
    return {(int(m[2]), number_of(m[1])): looks.around[m[3]] for m in found}


def _raised(xml: bytes, looks: Looks) -> dict[Cell, str]:
    """Texts of cells with raised digits."""
    found: dict[Cell, str] = {}
    if looks.raised or _SUPERSCRIPT.search(xml):
        for m in _FILLED.finditer(xml):
            if m[5] and _SUPERSCRIPT.search(m[5]):
                found[int(m[2]), number_of(m[1])] = _with_raised(m[5])
            elif m[4] in looks.raised and b't="s"' in m[0]:
                found[int(m[2]), number_of(m[1])] = looks.raised[m[4]]
    return found


def _hidden_columns(xml: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for tag in re.findall(rb"<(?:\w+:)?col\s[^>]*>", xml[:_HEAD]):
        parts = dict(re.findall(rb"""(\w+)=["']([^"']*)["']""", tag))
        if parts.get(b"hidden") in (b"1", b"true"):
            found.append((int(parts.get(b"min", b"0")), int(parts.get(b"max", b"0"))))
    return found


def _styled(xml: bytes, styles: set[bytes]) -> list[Cell]:
    """Cells with a number in one of the styles."""
    if not styles:
        return []
    found = (m for m in _STYLED.finditer(xml) if m[3] in styles)
    return [(int(m[2]), number_of(m[1])) for m in found]


def _struck(xml: bytes, looks: Looks) -> list[Cell]:
    if not (looks.struck or looks.struck_texts or _STRIKE.search(xml)):
        return []
    return [
        (int(m[2]), number_of(m[1]))
        for m in _FILLED.finditer(xml)
        if m[3] in looks.struck
        or (m[4] in looks.struck_texts and b't="s"' in m[0])
        or (m[5] and _STRIKE.search(m[5]))
    ]


def _facts_of_any(xml: bytes, looks: Looks) -> Facts:
    """The same from XML in any spelling: prefixed names, cells and rows that do not say where."""
    facts = Facts()
    row = column = 0
    for event, tag, element in steps(xml.decode("utf-8", "replace")):
        if tag == "row" and event == "start":
            row, column = int(element.get("r") or row + 1), 0
            facts.hidden += element.get("hidden") in ("1", "true")
        elif tag == "col" and event == "start" and element.get("hidden") in ("1", "true"):
            span = int(element.get("min") or 0), int(element.get("max") or 0)
            facts.hidden_columns.append(span)
        elif tag == "row":
            element.clear()
        elif tag == "c" and event == "end":
            at = re.match(r"[A-Z]+", element.get("r") or "")
            column = number_of(at[0].encode()) if at else column + 1
            _of_cell(facts, looks, (row, column), element)
    return facts


def _of_cell(facts: Facts, looks: Looks, at: Cell, element: Any) -> None:
    if (text := _told(element, looks)) is not None:
        facts.patches[at] = text
    if _is_struck(element, looks):
        facts.struck.append(at)
    style = (element.get("s") or "").encode()
    if style in looks.colours and len(facts.coloured) < MOST:
        facts.coloured[at] = looks.colours[style]
    if len(element) and style in looks.shortened:
        facts.shortened.append(at)
    if len(element) and style in looks.money:
        facts.money.append(at)


def _is_struck(cell: Any, looks: Looks) -> bool:
    parts = {local(part.tag): part for part in cell.iter()}
    value = (parts["v"].text or "").encode() if "v" in parts else b""
    if not value and "is" not in parts:
        return False
    shared = cell.get("t") == "s" and value in looks.struck_texts
    return shared or (cell.get("s") or "").encode() in looks.struck or "strike" in parts


def _told(cell: Any, looks: Looks) -> str | None:
    parts = {local(part.tag): part for part in cell}
    kind, value = cell.get("t") or "n", parts["v"].text if "v" in parts else None
    if kind == "e":
        return str(value)
    if "f" in parts and not value and ("v" not in parts or kind != "str"):
        return NO_VALUE
    style = (cell.get("s") or "").encode()
    if kind in ("s", "str", "inlineStr"):
        return looks.around.get(style) if value or "is" in parts else None
    show = looks.shows.get(style)
    return show(value) if show and kind == "n" and value else None
