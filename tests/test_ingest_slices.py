"""A large sheet read slice by slice says what it says when it is read at once."""

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from mapsvc.ingest import facts, slices
from mapsvc.ingest.read import read
from mapsvc.ingest.wire import Limits, Message

LIMITS = Limits(rows=1000, memory=1 << 29, seconds=60)


def made(path: Path) -> Path:
    """A ledger with what a cut could do harm to: merged cells over it, blank rows, one wide row."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["青山镇隐患点台账"])
    sheet.append([])
    sheet.append(["编号", "名称", "日期", "经度", "备注"])
    for n in range(60):
        sheet.append(
            [f"{n:03d}", f"第{n}号", date(2024, 5, n % 28 + 1), 111 + n / 1000, n % 7 or None]
        )
    sheet["B41"], sheet["A42"] = datetime(2024, 5, 1, 8, 30), None  # noqa: DTZ001
    sheet["E20"], sheet["E21"] = "=1/0", "#REF!"
    sheet["D90"], sheet["J95"] = "后", "远"
    for cells in ("A1:E1", "B10:B19", "A60:A62"):
        sheet.merge_cells(cells)
    sheet.row_dimensions[30].hidden = True
    book.create_sheet("另").append(["名称", "经度", "纬度"])
    book.save(path)
    return path


def told(path: Path) -> list[Message]:
    return list(read(path, LIMITS))


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From here on every sheet is cut; how many slices were read."""
    read_so_far: list[int] = []
    whole = slices._sheet

    def counted(book: Path, position: int) -> object:
        read_so_far.append(position)
        return whole(book, position)

    monkeypatch.setattr(facts, "LARGE", 0)
    monkeypatch.setattr(facts, "_PIECE", 1500)
    monkeypatch.setattr(slices, "_SLICE", 1200)
    monkeypatch.setattr(slices, "_sheet", counted)
    return read_so_far


def test_a_sheet_in_slices_is_the_same_sheet(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = made(tmp_path / "a.xlsx")
    at_once = told(path)
    slices_read = request.getfixturevalue("cut")
    assert told(path) == at_once
    assert len(slices_read) > 5


def test_rows_that_do_not_say_their_number_are_read_at_once(tmp_path: Path, cut: list[int]) -> None:
    path, odd = made(tmp_path / "a.xlsx"), tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(odd, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, source.read(name).replace(b'<row r="', b'<row no="'))
    assert any(getattr(message, "columns", None) for message in told(odd))
    assert not cut
