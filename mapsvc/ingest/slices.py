"""A large sheet of an xlsx, some thousand rows at a time: calamine holds whole what it is given.

Between two rows the XML of a sheet can be cut: each slice is written as a workbook of its own, with
the styles and texts of the whole, and read as any other; while one is read, the one before goes
out. That is done only where every row says its number and the numbers rise; else the sheet is read
at once.
"""

import re
import shutil
import zipfile
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import python_calamine as calamine

from mapsvc.ingest.wire import Limits

LARGE = 8 << 20
"""Bytes of XML from which on a sheet is cut; 10,000 rows have fewer."""
_SLICE = 2 << 20
_LONGEST_HEAD = 4 << 20
_LONGEST_TAIL = 1 << 18
"""What stands behind the rows: every slice has it too, for its merged cells."""
_HEAD_END = re.compile(rb"<sheetData\s*>")
_ROW = re.compile(rb"<row(?:\s[^>]*?)?\sr=[\"'](\d{1,7})[\"'][^>]*>")
_ROWS_END = b"</sheetData>"
_DIMENSION = re.compile(rb"<dimension\b[^>]*/>")
_TEXTS = "xl/sharedStrings.xml"
_COMMON = {
    *("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"),
    *("xl/styles.xml", _TEXTS),
}


class Outline:
    """Where a sheet can be cut; its XML is shown to it piece by piece, and is no more kept."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self.head = self.tail = b""
        self.cuts: list[int] = []
        """Byte of the first row, of the first row of each slice after it, and of the rows' end."""
        texts = archive.getinfo(_TEXTS).file_size if _TEXTS in archive.namelist() else 0
        # Every slice brings all shared texts along: that may cost a fifth of the rows at most.
        self._step = max(_SLICE, 5 * texts)
        self._seen = 0
        self._end = b""

    def see(self, piece: bytes) -> None:
        """The next bytes of the sheet."""
        if self.cuts:
            self._look(piece)
        elif self._seen < _LONGEST_HEAD:
            self.head += piece
            if begin := _HEAD_END.search(self.head):
                self.cuts.append(begin.end())
                self.head = _DIMENSION.sub(b"", self.head[: begin.end()])
        self._seen += len(piece)
        self._end = (self._end + piece)[-_LONGEST_TAIL:]

    def _look(self, piece: bytes) -> None:
        """Cut before the last row that begins here, if it follows on the one before."""
        last = piece.rfind(b"<row", 0, piece.rfind(b">"))
        before = piece.rfind(b"<row", 0, max(last, 0))
        if before < 0 or self._seen + last - self.cuts[-1] < self._step:
            return
        row, above = _ROW.match(piece, last), _ROW.match(piece, before)
        if row and above and int(above[1]) < int(row[1]):
            self.cuts.append(self._seen + last)

    def ends(self) -> bool:
        """Asked after the last piece: is there more than one slice?"""
        behind = self._end.find(_ROWS_END)
        self.tail, self._end = self._end[behind:], b""
        self.cuts.append(self._seen - len(self.tail))
        return behind >= 0 and self.tail.count(_ROWS_END) == 1 and len(self.cuts) > 2


class Sliced:
    """The same as calamine tells of a sheet; its `width` grows while the rows are read."""

    def __init__(
        self,
        name: str,
        first: calamine.CalamineSheet,
        others: Iterator[calamine.CalamineSheet],
        limits: Limits,
        columns: int,
    ) -> None:
        self.name = name
        self.start = first.start
        self.merged_cell_ranges = first.merged_cell_ranges
        merged = [right + 1 for _, (_, right) in self.merged_cell_ranges or []]
        self.width = first.width
        self._least = min(max([columns, *merged]), limits.columns)
        self._sheets = chain([first], others)
        self._limits = limits

    def iter_rows(self) -> Iterator[Sequence[object]]:
        """From the first row of the sheet on, blank ones too."""
        following = 0
        for sheet in self._sheets:
            if sheet.start is None:
                continue
            top, left = sheet.start
            if left + sheet.width > 4 * self._limits.columns:
                # The parent of a child that ends so has the file read cell by cell.
                raise SystemExit("too wide")
            self.width = max(self.width, left + sheet.width)
            width = max(self.width, self._least)
            blank = [""] * width
            for _ in range(following, top):
                yield blank
            before, after = blank[:left], blank[left + sheet.width :]
            for row in sheet.to_python():
                yield [*before, *row, *after] if left or after else row
            following = top + sheet.height


def sliced(
    path: Path, position: int, name: str, outline: Outline, limits: Limits, columns: int
) -> Sliced | None:
    """The sheet at that position, or None where it must be read at once.

    `columns` are those that rows have at least, though nothing may stand in them.
    """
    sheets = _read(path, position, outline)
    first = next((sheet for sheet in sheets if sheet.start), None)
    if first is None or first.start is None or first.start[1]:
        # Where the first column of all begins would only be known in the end.
        sheets.close()
        return None
    return Sliced(name, first, sheets, limits, columns)


def _read(
    path: Path, position: int, outline: Outline
) -> Generator[calamine.CalamineSheet, None, None]:
    with (
        zipfile.ZipFile(path) as archive,
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(1) as reader,
    ):
        before: Future[calamine.CalamineSheet] | None = None
        for number, rows in enumerate(cut(archive, outline)):
            book = Path(folder) / f"{number}.xlsx"
            _write(archive, book, outline, rows)
            # calamine lets go of the interpreter while it reads.
            begun = reader.submit(_sheet, book, position)
            if before:
                yield before.result()
            before = begun
        if before:
            yield before.result()


def _sheet(book: Path, position: int) -> calamine.CalamineSheet:
    with calamine.CalamineWorkbook.from_path(str(book)) as opened:
        sheet = opened.get_sheet_by_index(position)
    book.unlink()
    return sheet


def cut(archive: zipfile.ZipFile, outline: Outline) -> Iterator[bytes]:
    """The rows of the sheet, slice by slice."""
    with archive.open(outline.name) as stream:
        stream.read(outline.cuts[0])
        for begin, end in pairwise(outline.cuts):
            yield stream.read(end - begin)


def _write(archive: zipfile.ZipFile, book: Path, outline: Outline, rows: bytes) -> None:
    with zipfile.ZipFile(book, "w") as made:
        for name in _COMMON.intersection(archive.namelist()):
            with archive.open(name) as source, made.open(name, "w") as copy:
                shutil.copyfileobj(source, copy, _SLICE)
        with made.open(outline.name, "w") as sheet:
            for part in (outline.head, rows, outline.tail):
                sheet.write(part)
