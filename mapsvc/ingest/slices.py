"""A large sheet of an xlsx, some thousand rows at a time: calamine holds whole what it is given.

Between two rows the XML of a sheet can be cut: each slice is written as a workbook of its own, with
the styles of the whole and the texts that it uses, and read as any other; while one is read, the
one before goes out. That is done only where every row says its number and the numbers rise; else
the sheet is read at once.
"""

import mmap
import re
import shutil
import zipfile
from array import array
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
_TEXTS = "xl/sharedstrings.xml"
_FEW_TEXTS = 1 << 18
"""Bytes of shared texts that every slice may bring along whole; more must be told apart."""
_TEXT = re.compile(rb"<si[\s>/]")
_USE = re.compile(rb't="s"><v>(\d{1,9})</v>')
_ODD_USE = re.compile(rb"t(?:\s+=|=\s|='s')")
_COMMON = {
    *("[content_types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"),
    *("xl/styles.xml", _TEXTS),
}
"""Entries that a slice needs beside its rows, in small letters: some programs write others."""


class Outline:
    """Where a sheet can be cut; its XML is shown to it piece by piece, and is no more kept."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self.head = self.tail = b""
        self.cuts: list[int] = []
        """Byte of the first row, of the first row of each slice after it, and of the rows' end."""
        # A slice whose texts stand elsewhere is four times what is seen of it here.
        self._step = _SLICE if _texts_size(archive) < _FEW_TEXTS else _SLICE // 4
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
        many = _texts_size(archive) >= _FEW_TEXTS
        texts = _Texts.of(archive, Path(folder)) if many else None
        for number, whole in enumerate(cut(archive, outline)):
            book = Path(folder) / f"{number}.xlsx"
            rows, own = texts.of_rows(whole) if texts else (whole, None)
            if many and own is None and not number:
                return
            _write(archive, book, outline, rows, own)
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


def _texts_size(archive: zipfile.ZipFile) -> int:
    return sum(e.file_size for e in archive.infolist() if e.filename.lower() == _TEXTS)


class _Texts:
    """The shared texts of a workbook, of which a slice is given those that it uses."""

    def __init__(self, xml: mmap.mmap) -> None:
        self._xml = xml
        self._begins = array("Q", (text.start() for text in _TEXT.finditer(xml)))
        self._begins.append(max(xml.rfind(b"</sst>"), 0))
        xml.madvise(mmap.MADV_DONTNEED)

    @classmethod
    def of(cls, archive: zipfile.ZipFile, folder: Path) -> "_Texts | None":
        """None where they are written so oddly that they cannot be told apart here."""
        with (folder / "texts").open("w+b") as file:
            name = next(name for name in archive.namelist() if name.lower() == _TEXTS)
            with archive.open(name) as source:
                shutil.copyfileobj(source, file, _SLICE)
            file.flush()
            xml = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if xml.find(b"<!") >= 0 or xml.find(b"<si") < 0:
            return None
        return cls(xml)

    def of_rows(self, rows: bytes) -> tuple[bytes, bytes | None]:
        """The rows with the texts that they use numbered anew, and the table of these texts.

        The same rows and None where it is not certain what they use.
        """
        parts = _USE.split(rows)
        used = dict.fromkeys(parts[1::2])
        places = list(map(int, used))
        odd = b"<!" in rows or _ODD_USE.search(rows) or len(parts) // 2 != rows.count(b't="s"')
        if odd or max(places, default=0) >= len(self._begins) - 1:
            return rows, None
        numbers = {text: b't="s"><v>%d</v>' % n for n, text in enumerate(used)}
        parts[1::2] = map(numbers.__getitem__, parts[1::2])
        texts = [self._xml[self._begins[n] : self._begins[n + 1]] for n in places]
        self._xml.madvise(mmap.MADV_DONTNEED)
        return b"".join(parts), b"".join([self._xml[: self._begins[0]], *texts, b"</sst>"])


def _write(
    archive: zipfile.ZipFile, book: Path, outline: Outline, rows: bytes, texts: bytes | None
) -> None:
    """A slice as a workbook; all texts go with it where its own are not known."""
    with zipfile.ZipFile(book, "w") as made:
        for name in dict.fromkeys(archive.namelist()):
            if name.lower() not in _COMMON:
                continue
            if name.lower() == _TEXTS and texts is not None:
                made.writestr(name, texts)
                continue
            with archive.open(name) as source, made.open(name, "w") as copy:
                shutil.copyfileobj(source, copy, _SLICE)
        with made.open(outline.name, "w") as sheet:
            for part in (outline.head, rows, outline.tail):
                sheet.write(part)
