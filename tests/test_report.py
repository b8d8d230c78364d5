"""The report: their own workbook, marked; what a clerk repairs in it comes back clean."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import openpyxl
import psycopg
import pytest
import python_calamine
import shapely
from openpyxl.styles import Font, PatternFill

from mapsvc.catalog import Catalog
from mapsvc.errors import TooLarge
from mapsvc.ingest import report, sandbox, uploads
from mapsvc.ingest.added import OUTCOME, REMEDY, RESULT_SHEET, RESULT_TITLE
from mapsvc.settings import Settings
from tests.conftest import Make, Signed, application

TOWN, NEIGHBOUR = "990101001", "990101002"
HEAD = ["隐患点编号", "隐患点名称", "风险等级", "经度", "纬度", "威胁人口（人）", "联系电话"]
VIOLET = "00E4DFEC"
RISK_COLOURS = re.compile(r"00(FF|F[0-9A-F])[0-9A-F]0", re.IGNORECASE)


@pytest.fixture(scope="module")
def county_db(make_database: Make, demo_source: str) -> str:
    return make_database(demo_source)


@pytest.fixture(scope="module")
def county(county_db: str, catalog: Catalog) -> Iterator[Signed]:
    """One copy of the demo county for all tests here: they stage, or use codes of their own."""
    with application(county_db, catalog) as client:
        yield Signed(client)


@pytest.fixture(scope="module")
def tight(county_db: str, catalog: Catalog) -> Iterator[Signed]:
    """The same with little memory for the programs that touch files."""
    with application(county_db, catalog, upload_max_memory=200 * 2**20) as client:
        yield Signed(client)


@pytest.fixture(scope="module")
def inside(county_db: str) -> tuple[float, float]:
    """A point well inside the township."""
    with psycopg.connect(county_db) as db:
        row = db.execute("select ST_AsBinary(geom) from region where code = %s", [TOWN]).fetchone()
    assert row is not None
    shape = shapely.from_wkb(bytes(row[0]))
    place = shapely.maximum_inscribed_circle(shape).coords[0]
    return round(place[0], 6), round(place[1], 6)


def save(book: Any) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def upload(client: Any, content: bytes, layer: str = "risk_points", **more: str) -> dict[str, Any]:
    name = more.pop("name", "台账 2026.xlsx")
    data = {"layer": layer, "crs": "wgs84", **more}
    answer = client.post("/api/uploads", files={"file": (name, content)}, data=data)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def fetch(client: Any, staged: dict[str, Any]) -> Any:
    answer = client.get(f"/api/uploads/{staged['id']}/report.xlsx")
    assert answer.status_code == 200, answer.text
    assert all(texts(answer.content))
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def texts(content: bytes) -> list[list[list[Any]]]:
    """Every sheet as python-calamine reads it."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def marked(sheet: Any) -> set[str]:
    """Cells with the mark of an error: violet with a thick border."""
    return {
        cell.coordinate
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fgColor.rgb == VIOLET and cell.border.left.style == "medium"
    }


def beside(sheet: Any) -> dict[int, tuple[str, str]]:
    """Row → outcome and remedy, found by their headings."""
    (head,) = [c for row in sheet.iter_rows() for c in row if c.value == OUTCOME]
    assert sheet.cell(head.row, head.column + 1).value == REMEDY
    return {
        row: (
            str(sheet.cell(row, head.column).value),
            str(sheet.cell(row, head.column + 1).value or ""),
        )
        for row in range(head.row + 1, sheet.max_row + 1)
        if sheet.cell(row, head.column).value
    }


def ledger_of(place: tuple[float, float]) -> Any:
    """A clerk's workbook: title above, formats, widths, a second sheet, a footer, hidden things."""
    x, y = place
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "风险点台账"
    sheet["A1"] = "青岚街道风险隐患点台账"
    sheet.merge_cells("A1:G1")
    sheet["A1"].font = Font(bold=True, size=18)
    for row in (
        HEAD,
        ["R-1", "新增的点", "红", x, y, 12, "13800138000"],
        ["R-2", "等级写错", "特别大", x, y + 0.001, 3, ""],
        ["R-3", "两处写错", "低", x, y + 0.002, "很多", "12"],
        ["R-4", "跑到海里", "低", x + 8, y, 1, ""],
        ["R-5", "", "低", x, y + 0.003, 1, ""],
        ["合计", None, None, None, None, 17, None],
    ):
        sheet.append(row)
    sheet["C3"].fill = PatternFill("solid", fgColor="FFC000")
    sheet["D3"].number_format = "0.00"
    sheet.column_dimensions["B"].width = 33
    sheet.row_dimensions[2].height = 40
    sheet.row_dimensions[5].hidden = True
    sheet.column_dimensions["G"].hidden = True
    sheet.freeze_panes = "B3"
    book.create_sheet("通讯录")["A1"] = "与此无关"
    return book


def test_their_own_workbook_with_bad_cells_marked(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    staged = upload(client, save(ledger_of(inside)))
    assert staged["counts"]["rejected"] == 4
    book = fetch(client, staged)
    assert book.sheetnames == [RESULT_SHEET, "风险点台账", "通讯录"]
    assert [s.title for s in book.worksheets if s.sheet_view.tabSelected] == [RESULT_SHEET]
    sheet = book["风险点台账"]
    # The level, a number and a phone, both halves of a place, a name.
    assert marked(sheet) == {"C4", "F5", "G5", "D6", "E6", "B7"}
    said = beside(sheet)
    assert [said[row][0] for row in range(3, 9)] == ["新增", "退回", "退回", "退回", "退回", "略过"]
    assert "【风险等级】“特别大”不在可选范围内" in said[4][1]
    assert said[5][1].count("\n") == 1
    assert "【威胁人口（人）】" in said[5][1]
    assert "【联系电话】" in said[5][1]
    assert said[3][1] == ""
    # Theirs is kept, and what is wrong is not hidden.
    assert sheet["A1"].font.size == 18
    assert sheet["C3"].fill.fgColor.rgb == "00FFC000"
    assert sheet["D3"].number_format == "0.00"
    assert sheet.column_dimensions["B"].width == 33
    assert sheet.row_dimensions[2].height == 40
    # Two remedies of two lines: no part of them is cut off.
    assert sheet.row_dimensions[5].height == 64
    assert not sheet.row_dimensions[3].height
    assert sheet.freeze_panes == "B3"
    assert [str(m) for m in sheet.merged_cells.ranges] == ["A1:G1"]
    assert not sheet.row_dimensions[5].hidden
    assert not sheet.column_dimensions["G"].hidden
    assert book["通讯录"]["A1"].value == "与此无关"


def test_the_first_sheet_sums_up(county: Signed, inside: tuple[float, float]) -> None:
    client = county("planner")
    staged = upload(client, save(ledger_of(inside)), crs="auto")
    sheet = fetch(client, staged)[RESULT_SHEET]
    assert sheet["A1"].value == RESULT_TITLE
    rows = [[str(c.value or "") for c in row] for row in sheet.iter_rows()]
    told = {row[0]: row[1] for row in rows}
    counts = staged["counts"]
    for title, key in (
        ("读入", "rows"),
        ("新增", "new"),
        ("退回", "rejected"),
        ("略过", "skipped"),
    ):
        assert told[title] == str(counts[key])
    everything = "\n".join("\t".join(row) for row in rows)
    for evidence in staged["crs"]["evidence"]:
        assert evidence["title"] in everything
    assert "通讯录" in everything
    colours = {c.fill.fgColor.rgb for row in sheet.iter_rows() for c in row}
    assert not any(RISK_COLOURS.fullmatch(str(colour)) for colour in colours)


def test_repairing_the_marked_cells_is_enough(county: Signed, inside: tuple[float, float]) -> None:
    client = county(f"town-{TOWN}")
    book = fetch(client, upload(client, save(ledger_of(inside))))
    sheet = book["风险点台账"]
    x, y = inside
    repairs = {
        "C4": "重大", "F5": 40, "G5": "13900139000", "D6": x, "E6": y + 0.004, "B7": "补上的名称",
    }  # fmt: skip
    assert marked(sheet) == set(repairs)
    for cell, value in repairs.items():
        sheet[cell] = value
    again = upload(client, save(book), name="report.xlsx")
    counts = again["counts"]
    assert (counts["rows"], counts["new"], counts["rejected"], counts["skipped"]) == (6, 5, 0, 1)
    assert [p["code"] for p in again["problems"]] == ["sheet_without_heading", "total_row"]
    assert again["reading"]["left_out"][0] == {"sheet": RESULT_SHEET, "code": "sheet_added"}
    # The report of the report: the same two columns, the old marks gone.
    second = fetch(client, again)
    assert second.sheetnames == book.sheetnames
    assert marked(second["风险点台账"]) == set()
    said = beside(second["风险点台账"])
    assert [said[row] for row in range(3, 8)] == [("新增", "")] * 5
    assert second["风险点台账"].max_column == sheet.max_column


def test_outcomes_of_rows_that_are_known(county: Signed, inside: tuple[float, float]) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside

    def book(*rows: list[Any]) -> bytes:
        made = openpyxl.Workbook()
        for row in (HEAD[:5], *rows):
            made.active.append(row)
        return save(made)

    first = upload(client, book(*([f"K-{i}", f"点{i}", "低", x + i / 1e4, y] for i in range(4))))
    client.post(f"/api/uploads/{first['id']}/apply", json={})
    second = upload(
        client,
        book(
            ["K-0", "点0", "低", x, y],
            ["K-1", "点1", "红", x + 1 / 1e4, y],
            ["K-2", "点2", "低", x + 2 / 1e4, y + 0.001],
            ["K-9", "点9", "低", x, y],
            ["K-3", "点3", "没有", "x", y],
        ),
    )
    said = beside(fetch(client, second).worksheets[1])
    assert [said[row][0] for row in range(2, 7)] == ["未变", "修改", "移动", "新增", "退回"]
    assert re.fullmatch(r"位置移动约 11\d\.\d 米。", said[4][1])


def test_text_files_become_workbooks_with_every_cell_as_it_was(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    lines = [
        "某街道台账",
        "",
        "编号,名称,风险等级,经度,纬度,地址,电话",
        f"007,公式点,低,{x},{y},\"=cmd|'/c calc'!A0\",'0731-88888888",
        f"008,加号,不知道,{x},{y + 0.001},+1-2,13800138000",
        f"@9,名称,低,{x},{y + 0.002},-,",
    ]
    content = "\n".join(lines).encode("gb18030")
    staged = upload(client, content, name="=台账.csv")
    assert staged["counts"]["rejected"] == 1
    book = fetch(client, staged)
    sheet = book.worksheets[1]
    assert [sheet["A4"].value, sheet["A5"].value, sheet["A6"].value] == ["007", "008", "@9"]
    assert sheet["F4"].value == "=cmd|'/c calc'!A0"
    cells = [c for page in book.worksheets for row in page.iter_rows() for c in row if c.value]
    assert {c.data_type for c in cells} == {"s"}
    dangerous = [c for c in cells if str(c.value)[0] in "=+-@\t\r"]
    assert len(dangerous) == 5  # F4, F5, A6, F6 and the file's name on the first sheet
    assert all(c.quotePrefix for c in dangerous)
    assert marked(sheet) == {"C5"}
    sheet["C5"] = "一般"
    again = upload(client, save(book), name="改好.xlsx")
    assert (again["counts"]["new"], again["counts"]["rejected"]) == (3, 0)
    client.post(f"/api/uploads/{again['id']}/apply", json={})
    shown = client.get("/api/layers/risk_points/features", params={"q": "公式点"}).json()
    assert shown["features"][0]["properties"]["address"] == "=cmd|'/c calc'!A0"


def test_geojson_becomes_a_workbook_with_its_points(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    points = [("甲", "低", [x, y]), ("乙", "天大", [x, y + 0.001]), ("丙", "低", [x + 5, y])]
    features = [
        {
            "type": "Feature",
            "properties": {"名称": name, "风险等级": level, "经度": 1},
            "geometry": {"type": "Point", "coordinates": at},
        }
        for name, level, at in points
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    staged = upload(client, content, name="点.geojson")
    assert [p["row"] for p in staged["problems"] if p["severity"] == "error"] == [2, 3]
    book = fetch(client, staged)
    sheet = book.worksheets[1]
    head = [c.value for c in sheet[1]]
    assert head == ["序号", "名称", "风险等级", "经度", "纬度", OUTCOME, REMEDY]
    assert [c.value for c in sheet[3]][:5] == ["2", "乙", "天大", repr(x), repr(y + 0.001)]
    assert marked(sheet) == {"C3", "D4", "E4"}
    sheet["C3"], sheet["D4"] = "低", str(x)
    sheet["E4"] = str(y + 0.002)
    again = upload(client, save(book), name="改好.xlsx")
    assert (again["counts"]["new"], again["counts"]["rejected"]) == (3, 0)
    assert [p for p in again["problems"] if p["severity"] != "note"] == []


def test_rows_of_one_depot_name_what_disagrees(county: Signed, inside: tuple[float, float]) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    book = openpyxl.Workbook()
    for row in (
        ["储备库编号", "储备库名称", "经度", "纬度", "物资名称", "数量", "单位", "地址"],
        ["K1", "镇仓库", x, y, "帐篷", 20, "顶", "一号路"],
        ["K1", "镇仓库", x, y, "棉被", "几床", "床", ""],
        ["K2", "村仓库", x, y + 0.001, "沙袋", 9, "袋", "二号路"],
        ["K2", "村仓库", x, y + 0.001, "铁锹", 9, "把", "三号路"],
    ):
        book.active.append(row)
    staged = upload(client, save(book), "depots")
    assert staged["counts"]["rejected"] == 4
    answer = fetch(client, staged)
    sheet = answer.worksheets[1]
    assert marked(sheet) == {"F3", "H5"}
    assert "第 3 行" in beside(sheet)[2][1]
    sheet["F3"], sheet["H5"] = 100, "二号路"
    again = upload(client, save(answer), "depots")
    assert (again["counts"]["new"], again["counts"]["rejected"]) == (4, 0)


def test_the_bad_cell_of_a_stock_table_is_the_one_marked(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    book = openpyxl.Workbook()
    for row in (
        ["仓库编号", "仓库名称", "经度", "纬度", "救灾帐篷", "棉被", "编织袋"],
        ["W1", "甲库", x, y, 10, "几床", 100],
        ["W2", "乙库", x, y + 0.001, 5, 20, ""],
        ["W3", "丙库", x, y + 0.002, 5, 30, 7],
    ):
        book.active.append(row)
    answer = fetch(client, upload(client, save(book), "depots"))
    sheet = answer.worksheets[1]
    assert marked(sheet) == {"F2"}
    sheet["F2"] = 40
    again = upload(client, save(answer), "depots")
    assert (again["counts"]["new"], again["counts"]["rejected"]) == (3, 0)


def test_merged_cells_are_marked_where_they_show(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["编号", "名称", "风险等级", "经度", "纬度"],
        ["1", "一", "天大", x, y],
        ["2", "二", None, x, y + 0.001],
    ):
        sheet.append(row)
    sheet.merge_cells("C2:C3")
    sheet.merge_cells("E1:H1")
    answer = fetch(client, upload(client, save(book))).worksheets[1]
    assert marked(answer) == {"C2"}
    # The added columns stand right of the merged heading.
    assert (answer["I1"].value, answer["J1"].value) == (OUTCOME, REMEDY)
    assert beside(answer)[3][0] == "退回"


def with_cells(content: bytes, change: Callable[[str], str], part: str = "sheet1.xml") -> bytes:
    """The workbook with the XML of its first sheet changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename.endswith(part):
                text = change(text.decode()).encode()
            new.writestr(entry.filename, text)
    return out.getvalue()


def test_formulas_become_their_last_values(county: Signed, inside: tuple[float, float]) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    book = openpyxl.Workbook()
    for row in (
        HEAD,
        ["1", "算出来的", "低", x, y, 4711, ""],
        ["2", "没有算", "低", x, y + 0.001, 4712, ""],
    ):
        book.active.append(row)

    def formulas(xml: str) -> str:
        xml = xml.replace("<v>4711</v>", '<f>WEBSERVICE("x")+40</f><v>41</v>')
        return xml.replace("<v>4712</v>", "<f>40+2</f>")

    staged = upload(client, with_cells(save(book), formulas))
    assert staged["counts"]["rejected"] == 1
    answer = fetch(client, staged)
    sheet = answer.worksheets[1]
    assert (sheet["F2"].value, sheet["F3"].value) == (41, None)
    assert all(c.data_type != "f" for s in answer for row in s.iter_rows() for c in row)
    assert marked(sheet) == {"F3"}
    sheet["F3"] = 42
    assert upload(client, save(answer))["counts"]["new"] == 2


def test_a_column_of_theirs_with_one_of_our_names_stays_theirs(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    content = f"编号,名称,经度,纬度,处理结果,上报结果\n1,甲,{x},{y},已处理,好\n".encode()
    staged = upload(client, content, name="a.csv")
    unused = [p["column"] for p in staged["problems"] if p["code"] == "column_unused"]
    assert unused == ["处理结果", "上报结果"]
    sheet = fetch(client, staged).worksheets[1]
    assert [c.value for c in sheet[2]][:7] == ["1", "甲", str(x), str(y), "已处理", "好", "新增"]


def test_a_problem_of_the_whole_file_is_said_once_and_at_every_row(
    county: Signed, inside: tuple[float, float]
) -> None:
    client = county(f"town-{TOWN}")
    x, y = inside
    content = f"编号,名称,经度,纬度,威胁人口(吨)\n1,甲,{x},{y},3\n2,乙,{x},{y + 0.001},4\n".encode()
    staged = upload(client, content, name="a.csv")
    assert staged["counts"]["rejected"] == 2
    book = fetch(client, staged)
    first, sheet = book.worksheets
    assert "不能换算成“人”" in "".join(str(c.value) for row in first.iter_rows() for c in row)
    assert marked(sheet) == {"E1"}
    assert all("整个文件" in remedy for _, remedy in beside(sheet).values())


ENTITY = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'


@pytest.mark.parametrize(
    "hostile",
    [
        lambda xml: xml.replace("<worksheet", ENTITY + "<worksheet", 1),
        lambda xml: xml.replace(
            "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A9:XFD1048576"/></mergeCells>'
        ),
        lambda xml: xml.replace("</sheetData>", "</sheetData><conditionalFormatting><<"),
        lambda xml: xml.replace(
            "</row></sheetData>", '</row><row r="9"><c r="XFD9"/></row></sheetData>'
        ),
    ],
    ids=["entities", "giant merge", "broken XML", "last column"],
)
def test_what_openpyxl_cannot_carry_is_made_from_the_rows(
    tight: Signed, inside: tuple[float, float], hostile: Callable[[str], str]
) -> None:
    client = tight(f"town-{TOWN}")
    x, y = inside
    book = openpyxl.Workbook()
    for row in (HEAD, ["1", "甲", "天大", x, y, 1, ""], ["2", "乙", "低", x, y + 0.001, 1, ""]):
        book.active.append(row)
    content = with_cells(save(book), hostile)
    answer = client.post(
        "/api/uploads",
        files={"file": ("a.xlsx", content)},
        data={"layer": "risk_points", "crs": "wgs84"},
    )
    if answer.status_code != 201:
        pytest.skip("the reader refuses this file already")
    sheet = fetch(client, answer.json()).worksheets[1]
    assert marked(sheet) == {"C2"}
    assert [beside(sheet)[row][0] for row in (2, 3)] == ["退回", "新增"]


def test_only_those_who_may_see_the_upload(county: Signed, inside: tuple[float, float]) -> None:
    staged = upload(county(f"town-{TOWN}"), save(ledger_of(inside)))
    url = f"/api/uploads/{staged['id']}/report.xlsx"
    stranger = county(f"town-{NEIGHBOUR}").get(url)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "unknown_upload")
    refused = county("command").get(url)
    assert (refused.status_code, refused.json()["code"]) == (403, "personal_file")
    answer = county("admin").get(url)
    assert answer.status_code == 200
    named = answer.headers["content-disposition"]
    assert named.isascii()
    assert unquote(named.rpartition("''")[2]) == "台账 2026-上报结果.xlsx"


@pytest.mark.anyio
async def test_too_little_time_is_said_in_words(
    county: Signed, county_db: str, catalog: Catalog, inside: tuple[float, float]
) -> None:
    staged = upload(county("planner"), save(ledger_of(inside)))
    async with await psycopg.AsyncConnection.connect(county_db, autocommit=True) as db:
        source = await report.collect(db, catalog, staged["id"], None)
        kept = await uploads.rows(db, staged["id"], None)
    assert len(source.rows) == len(kept) == 6
    with pytest.raises(TooLarge) as refused:
        await report.build(source, Settings(upload_max_seconds=0.01))
    assert "分成几个" in refused.value.detail


@pytest.mark.anyio
async def test_a_program_that_failed_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = sandbox.limits_of(Settings())
    process = await sandbox.spawn("mapsvc.ingest.marking", tmp_path / "nothing", limits)
    await process.wait()
    await sandbox.ended(process, "the writer")
    assert "the writer ended with status 1" in caplog.text


def test_openpyxl_reads_without_entities() -> None:
    assert openpyxl.DEFUSEDXML
