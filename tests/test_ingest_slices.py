"""A large sheet read slice by slice says what it says when it is read at once."""

import re
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


def rewritten(path: Path, entry: str, usual: bytes, odd: bytes) -> Path:
    """The same workbook in which an entry is written otherwise."""
    made = path.with_name("odd.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(made, "w") as copy:
        for name in source.namelist():
            xml = source.read(name)
            copy.writestr(name, xml.replace(usual, odd) if name == entry else xml)
    return made


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


def shared(path: Path, name: bytes = b"sharedStrings.xml") -> Path:
    """The same workbook with its texts in a table of their own, as Excel writes them."""
    texts: dict[bytes, int] = {}

    def moved(text: re.Match[bytes]) -> bytes:
        return b't="s"><v>%d</v>' % texts.setdefault(text[1], len(texts))

    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as source:
        xml = re.sub(rb't="inlineStr"><is><t>([^<]*)</t></is>', moved, source.read(sheet))
        types = source.read("[Content_Types].xml")
        links = source.read("xl/_rels/workbook.xml.rels")
        others = {name: source.read(name) for name in source.namelist()}
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = b'<Override PartName="/xl/%s" ContentType="%s"/></Types>' % (name, kind)
    types = types.replace(b"</Types>", part)
    office = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    link = b'<Relationship Id="rIdT" Type="%s" Target="%s"/></Relationships>' % (office, name)
    links = links.replace(b"</Relationships>", link)
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    table = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
    others |= {
        sheet: xml,
        "[Content_Types].xml": types,
        "xl/_rels/workbook.xml.rels": links,
        f"xl/{name.decode()}": b'<sst xmlns="%s">%s</sst>' % (main, table),
    }
    with zipfile.ZipFile(path, "w") as copy:
        for entry, content in others.items():
            copy.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("entry", "usual", "odd", "least"),
    [
        ("xl/sharedStrings.xml", b"", b"", 6),
        ("xl/sharedStrings.xml", b"</sst>", b"<!-- <si> --></sst>", 0),
        ("xl/worksheets/sheet1.xml", b't="s"', b"t='s'", 0),
        ("xl/worksheets/sheet1.xml", b't="s"', b't = "s"', 0),
        ("xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData><!-- -->", 0),
    ],
)
def test_a_slice_has_the_texts_of_its_rows(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    entry: str,
    usual: bytes,
    odd: bytes,
    least: int,
) -> None:
    """Written oddly, it is read at once, as ever."""
    usual_book = made(tmp_path / "a.xlsx")
    at_once = told(usual_book)
    path = rewritten(shared(usual_book), entry, usual, odd) if usual else shared(usual_book)
    slices_read = request.getfixturevalue("cut")
    monkeypatch.setattr(slices, "_FEW_TEXTS", 0)
    assert told(path) == at_once
    assert len(slices_read) >= least
    assert bool(slices_read) == bool(least)


def test_a_slice_finds_its_texts_in_whatever_capitals(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = shared(made(tmp_path / "a.xlsx"), b"SharedStrings.xml")
    at_once = told(path)
    slices_read = request.getfixturevalue("cut")
    assert told(path) == at_once
    assert len(slices_read) > 5


def test_rows_that_do_not_say_their_number_are_read_at_once(tmp_path: Path, cut: list[int]) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    odd = rewritten(made(tmp_path / "a.xlsx"), sheet, b'<row r="', b'<row no="')
    assert any(getattr(message, "columns", None) for message in told(odd))
    assert not cut
