"""Workbooks whose sheets are vast and almost empty: cell by cell, never as a full grid.

Slower by far than the usual way, and used only where that one runs out of memory.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import column_index_from_string

from mapsvc.ingest.facts import sheet_order
from mapsvc.ingest.wire import Limits, Refused

Row = tuple[int, list[object]]
Merged = list[tuple[tuple[int, int], tuple[int, int]]]
"""Upper left and lower right cell of each, from 0."""

_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s+ref=["']([A-Z]+)(\d+):([A-Z]+)(\d+)""")
_PIECE = 1 << 20
_TAIL = 60
"""Bytes that the tag of one merged cell may reach over the end of a piece."""


def sparse_rows(path: Path, limits: Limits, least: int) -> dict[str, tuple[Merged, Iterator[Row]]]:
    """Sheet name → its merged cells, and its rows; a column beyond the limit refuses the file.

    Rows are at least `least` cells wide: so far reaches what is put into them.
    """
    with zipfile.ZipFile(path) as archive:
        if "[Content_Types].xml" not in archive.namelist():
            raise Refused("too_big_inside")  # an ods, of which there is no other reader
        entries = {position: entry for entry, position in sheet_order(archive).items()}
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        titles = {sheet.title: book.sheetnames.index(sheet.title) for sheet in book.worksheets}
    found: dict[str, tuple[Merged, Iterator[Row]]] = {}
    for title, position in titles.items():
        merged = _merged(path, entries[position]) if position in entries else []
        # Carried down is what stands in the first column of a merged cell.
        width = max((left + 1 for (top, left), (low, _) in merged if low > top), default=0)
        width = min(max(width, least), limits.columns)
        found[title] = merged, _rows(path, title, limits, width)
    return found


def _merged(path: Path, entry: str) -> Merged:
    found: dict[tuple[int, int], tuple[int, int]] = {}
    with zipfile.ZipFile(path) as archive, archive.open(entry) as stream:
        tail = b""
        while piece := stream.read(_PIECE):
            for left, top, right, bottom in _MERGED.findall(tail + piece):
                columns = (column_index_from_string(c.decode()) - 1 for c in (left, right))
                (first, last), low, high = tuple(columns), int(top) - 1, int(bottom) - 1
                found[low, first] = high, last
            tail = piece[-_TAIL:]
    return list(found.items())


def _rows(path: Path, title: str, limits: Limits, width: int) -> Iterator[Row]:
    """Every row, as wide as its last value or, for what is merged into it, as `width`."""
    with path.open("rb") as file:
        sheet: Any = openpyxl.load_workbook(file, read_only=True, data_only=True)[title]
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            values = list(row)
            while values and (values[-1] is None or not str(values[-1]).strip()):
                values.pop()
            if len(values) > limits.columns:
                raise Refused("too_many_columns", limit=limits.columns)
            yield number, values + [None] * (width - len(values))
