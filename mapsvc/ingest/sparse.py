"""Workbooks whose sheets are vast and almost empty: cell by cell, never as a full grid.

Slower by far than the usual way, and used only where that one runs out of memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl

from mapsvc.ingest.wire import Limits, Refused

Row = tuple[int, list[object]]


def sparse_rows(path: Path, limits: Limits) -> dict[str, Iterator[Row]]:
    """Sheet name → its rows with a value in them; a column beyond the limit refuses the file."""
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        return {sheet.title: _rows(path, sheet.title, limits) for sheet in book.worksheets}


def _rows(path: Path, title: str, limits: Limits) -> Iterator[Row]:
    with path.open("rb") as file:
        sheet: Any = openpyxl.load_workbook(file, read_only=True, data_only=True)[title]
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            values = list(row)
            while values and (values[-1] is None or not str(values[-1]).strip()):
                values.pop()
            if len(values) > limits.columns:
                raise Refused("too_many_columns", limit=limits.columns)
            if values:
                yield number, values
