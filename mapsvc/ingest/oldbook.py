"""What calamine does not tell of an xls: errors, formulas without a value, number formats, hidden
rows. Only the records that say so are looked at; all else is calamine's.

Formats: [MS-CFB] for the file, [MS-XLS] for the records of its workbook stream (BIFF5 and BIFF8).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from mapsvc.ingest.colours import INDEXED, MOST
from mapsvc.ingest.facts import NO_VALUE, Facts
from mapsvc.ingest.oldtexts import rich_texts, some_in, with_raised
from mapsvc.ingest.shown import Formats, Show

_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
    0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip
_BOF, _EOF, _SHEET, _FORMAT, _XF = 0x809, 0x0A, 0x85, 0x41E, 0xE0
_FONT, _STRUCK_OUT = 0x31, 0x08
_SST, _CONTINUE, _SHARED, _COLUMNS, _NOTE = 0xFC, 0x3C, 0xFD, 0x7D, 0x1C
_CELLS = (0x203, 0x27E, 0xBD, 0x06, 0xFD, 0x204)
_BLANKS = (0x201, 0xBE)
_LABEL = 0x204
_ROW, _NUMBER, _RK, _MULRK, _FORMULA, _BOOLERR = 0x208, 0x203, 0x27E, 0xBD, 0x06, 0x205
_BIFF8 = 0x600
_EMPTY_TEXT = b"\x17\x00\x00"
"""The constant "" inside a formula."""
_NO_SECTOR = 0xFFFFFFFA
"""Sector numbers from here on end a chain."""


def old_facts(path: Path) -> dict[int, Facts]:
    """By the sheet's position in the workbook; empty where the file is not as it should be."""
    try:
        book = _stream(path.read_bytes())
        return dict(enumerate(_sheets(book))) if book else {}
    except (struct.error, IndexError, ValueError, OverflowError):
        return {}


class _Looks(Struct):
    """How the workbook dresses cells: styles and shared texts by their numbers."""

    shows: dict[int, Show] = {}
    shortened: set[int] = set()
    money: set[int] = set()
    struck: set[int] = set()
    struck_texts: set[int] = set()
    raised: dict[int, str] = {}
    around: dict[int, str] = {}
    colours: dict[int, str] = {}

    @property
    def tell(self) -> bool:
        """Does any format say more than its numbers?"""
        return bool(self.shows or self.shortened or self.money)


def _sheets(book: bytes) -> Iterator[Facts]:
    formats = Formats()
    used: list[tuple[int, int]] = []
    fills: list[str | None] = []
    fonts: list[tuple[int, int]] = []
    starts: list[int] = []
    texts: list[bytes] = []
    biff8, before = True, 0
    for kind, data in _records(book, 0):
        if kind == _BOF:
            biff8 = struct.unpack_from("<H", data)[0] >= _BIFF8
        elif kind == _SHEET:
            starts.append(struct.unpack_from("<I", data)[0])
        elif kind == _XF:
            used.append(struct.unpack_from("<HH", data))
            fills.append(_fill(data) if biff8 else None)
        elif kind == _FONT:
            fonts.append(struct.unpack_from("<H4xH", data, 2))
        elif kind == _FORMAT:
            formats.learn(struct.unpack_from("<H", data)[0], _format_code(data, biff8))
        elif kind == _SST or (kind == _CONTINUE and before == _SST):
            texts.append(data)
            kind = _SST  # noqa: PLW2901 - what continues it belongs to it
        before = kind
    looks = _looks(formats, used, fonts, texts)
    looks.colours = {at: word for at, word in enumerate(fills) if word}
    for start in starts:
        yield _facts(book, start, looks)


def _fill(style: bytes) -> str | None:
    """The colour of a solid fill."""
    borders, colours = struct.unpack_from("<IH", style, 14)
    return INDEXED.get(colours & 0x7F) if borders >> 26 == 1 else None


def _looks(
    formats: Formats, used: list[tuple[int, int]], fonts: list[tuple[int, int]], texts: list[bytes]
) -> _Looks:
    # Fonts are counted without a number four.
    numbered = {at + (at > 3): font for at, font in enumerate(fonts)}
    struck = {at for at, (flags, _) in numbered.items() if flags & _STRUCK_OUT}
    raised = {at for at, (_, above) in numbered.items() if above in (1, 2)}
    looks = _Looks(
        {at: formats.shows[kind] for at, (_, kind) in enumerate(used) if kind in formats.shows},
        {at for at, (_, kind) in enumerate(used) if kind in formats.shortened},
        {at for at, (_, kind) in enumerate(used) if kind in formats.money},
        {at for at, (font, _) in enumerate(used) if font in struck},
    )
    looks.around = {
        at: formats.around[kind] for at, (_, kind) in enumerate(used) if kind in formats.around
    }
    if texts and (struck or raised):
        for index, text, runs in rich_texts(texts):
            if some_in(text, runs, struck):
                looks.struck_texts.add(index)
            if some_in(text, runs, raised):
                looks.raised[index] = with_raised(text, runs, raised)
    return looks


def _format_code(data: bytes, biff8: bool) -> str:
    if not biff8:
        return data[3 : 3 + data[2]].decode("gb18030", "replace")
    length, wide = struct.unpack_from("<HB", data, 2)
    return data[5 : 5 + (length << (wide & 1))].decode("utf-16-le" if wide & 1 else "latin-1")


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Records from a BOF to its EOF."""
    while at + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, at)
        yield kind, book[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == _EOF:
            return


def _facts(book: bytes, start: int, looks: _Looks) -> Facts:
    facts = Facts()
    dressed = bool(looks.struck_texts or looks.raised)
    for kind, data in _records(book, start):
        if kind in _CELLS or kind in _BLANKS:
            _dressed_cell(facts, kind, data, looks)
        if kind == _FORMULA or (kind == _BOOLERR and data[7]):
            row, column = struct.unpack_from("<HH", data)
            text = _result(data) if kind == _FORMULA else _ERRORS.get(data[6], "#N/A")
            if text is not None:
                facts.patches[row + 1, column + 1] = text
        elif kind == _SHARED and dressed:
            _dressed_text(facts, looks, *struct.unpack_from("<HHxxI", data))
        elif looks.tell and kind in (_NUMBER, _RK, _MULRK):
            for row, column, style, number in _numbers(kind, data):
                _shown_number(facts, looks, (row + 1, column + 1), style, number)
        elif kind in (_ROW, _COLUMNS, _NOTE):
            _around(facts, kind, data)
    return facts


def _around(facts: Facts, kind: int, data: bytes) -> None:
    """What is hidden, and which cells have a remark."""
    if kind == _ROW:
        facts.hidden += bool(data[12] & 0x20)
        return
    first, last = struct.unpack_from("<HH", data)
    if kind == _NOTE:
        facts.remarks[first + 1, last + 1] = ""
    elif struct.unpack_from("<H", data, 8)[0] & 1:
        facts.hidden_columns.append((first + 1, last + 1))


def _dressed_text(facts: Facts, looks: _Looks, row: int, column: int, index: int) -> None:
    if index in looks.struck_texts:
        facts.struck.append((row + 1, column + 1))
    if index in looks.raised:
        facts.patches[row + 1, column + 1] = looks.raised[index]


def _shown_number(
    facts: Facts, looks: _Looks, at: tuple[int, int], style: int, number: float
) -> None:
    if style in looks.shortened:
        facts.shortened.append(at)
    elif style in looks.money:
        facts.money.append(at)
    elif style in looks.shows and 0 <= number < 1e15:
        text = looks.shows[style](f"{number:.15g}")
        if text:
            facts.patches[at] = text


def _dressed_cell(facts: Facts, kind: int, data: bytes, looks: _Looks) -> None:
    if looks.colours:
        _coloured(facts, kind, data, looks.colours)
    if looks.struck and kind in _CELLS:
        facts.struck += _struck(kind, data, looks.struck)
    if looks.around and kind in (_LABEL, _SHARED):
        row, column, style = struct.unpack_from("<HHH", data)
        if style in looks.around:
            facts.patches[row + 1, column + 1] = looks.around[style]


def _coloured(facts: Facts, kind: int, data: bytes, colours: dict[int, str]) -> None:
    """The first filled cell of each row, and those without any text."""
    row, first = struct.unpack_from("<HH", data)
    styles = range(4, len(data) - 2, 6 if kind == _MULRK else 2)
    for offset, at in enumerate(styles if kind in (_MULRK, _BLANKS[1]) else (4,)):
        word = colours.get(struct.unpack_from("<H", data, at)[0])
        new = kind in _BLANKS or all((row + 1, c) not in facts.coloured for c in range(first + 1))
        if word and new and len(facts.coloured) < MOST:
            facts.coloured[row + 1, first + offset + 1] = word


def _struck(kind: int, data: bytes, struck: set[int]) -> Iterator[tuple[int, int]]:
    row, column, style = struct.unpack_from("<HHH", data)
    if kind != _MULRK:
        styles = [style]
    else:
        styles = [struct.unpack_from("<H", data, at)[0] for at in range(4, len(data) - 2, 6)]
    for offset, one in enumerate(styles):
        if one in struck:
            yield row + 1, column + offset + 1


def _result(formula: bytes) -> str | None:
    """An error, or nothing although no text of the formula is empty: it was never computed."""
    if formula[12:14] != b"\xff\xff":
        return None
    if formula[6] == 2:
        return _ERRORS.get(formula[8], "#N/A")
    return NO_VALUE if formula[6] == 3 and _EMPTY_TEXT not in formula[22:] else None


def _numbers(kind: int, data: bytes) -> Iterator[tuple[int, int, int, float]]:
    row, column = struct.unpack_from("<HH", data)
    if kind == _NUMBER:
        yield row, column, *struct.unpack_from("<Hd", data, 4)
        return
    end = 10 if kind == _RK else len(data) - 2
    for offset, at in enumerate(range(4, end, 6)):
        style, packed = struct.unpack_from("<HI", data, at)
        yield row, column + offset, style, _unpacked(packed)


def _unpacked(packed: int) -> float:
    """An RK number: thirty bits of an integer or of a float's upper half, perhaps in hundredths."""
    if packed & 2:
        number = float((packed >> 2) - ((packed >> 31) << 30))
    else:
        number = struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))[0]
    return number / 100 if packed & 1 else number


def _stream(content: bytes) -> bytes:
    """The workbook stream of a compound file, empty where there is none."""
    sector = 1 << struct.unpack_from("<H", content, 30)[0]
    small = 1 << struct.unpack_from("<H", content, 32)[0]
    first_entry, least, first_small = struct.unpack_from("<I4xII", content, 48)
    first_more = struct.unpack_from("<I", content, 68)[0]
    tables = list(struct.unpack_from("<109I", content, 76))
    while first_more < _NO_SECTOR and len(tables) * sector < len(content) + 109 * sector:
        *more, first_more = _numbers_of(content[(first_more + 1) * sector :][:sector])
        tables += more
    chain = [n for t in tables if t < _NO_SECTOR for n in _sector_numbers(content, t, sector)]

    def read(start: int, where: bytes, links: list[int], size: int, skip: int) -> bytes:
        parts: list[bytes] = []
        while start < _NO_SECTOR and len(parts) <= len(links):
            parts.append(where[(start + skip) * size : (start + skip + 1) * size])
            start = links[start]
        return b"".join(parts)

    entries = read(first_entry, content, chain, sector, 1)
    root = b""
    for at in range(0, len(entries) - 127, 128):
        entry = entries[at : at + 128]
        start, length = struct.unpack_from("<II", entry, 116)
        name = entry[: max(0, struct.unpack_from("<H", entry, 64)[0] - 2)].decode("utf-16-le")
        if entry[66] == 5:
            root = read(start, content, chain, sector, 1)
        elif name.upper() in ("WORKBOOK", "BOOK"):
            if length >= least:
                return read(start, content, chain, sector, 1)[:length]
            links = _numbers_of(read(first_small, content, chain, sector, 1))
            return read(start, root, links, small, 0)[:length]
    return b""


def _numbers_of(content: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))


def _sector_numbers(content: bytes, number: int, sector: int) -> list[int]:
    return _numbers_of(content[(number + 1) * sector : (number + 2) * sector])
