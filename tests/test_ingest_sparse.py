"""Sheets that are read cell by cell, for want of memory, say the same as ever."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mapsvc.ingest.wire import BETWEEN_CELLS, Limits, Note, Rows, SheetStart
from mapsvc.ingest.workbook import workbook
from tests.corpus.parted import cases

USUAL = Limits(rows=1000, memory=1 << 28, seconds=20)
BOOKS = [case for case in cases() if case.content.startswith(b"PK")]


@pytest.mark.parametrize("case", BOOKS, ids=lambda case: case.id)
def test_the_careful_way_tells_the_same(case: Any, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(case.content)
    careful = msgspec.structs.replace(USUAL, careful=True)
    assert _told(path, careful) == _told(path, USUAL)


def _told(path: Path, limits: Limits) -> tuple[list[Any], list[Any]]:
    """Cells that are filled, by row and column; and the notes."""
    cells: list[Any] = []
    notes: list[Any] = []
    left = 1
    for message in workbook(path, limits, zipped=True):
        if isinstance(message, SheetStart):
            left = message.left
            cells.append((message.name, message.visible))
        elif isinstance(message, Note):
            notes.append((message.code, message.sheet, message.values))
        elif isinstance(message, Rows):
            columns = [column.split(BETWEEN_CELLS) for column in message.columns]
            for at, number in enumerate(message.numbers):
                texts = enumerate((column[at] for column in columns), left)
                cells.append((number, [(c, text) for c, text in texts if text]))
    return cells, sorted(notes, key=str)
