"""Files as they are: formats by their bytes, encodings, damage, bombs, odd sheets."""

import csv
import io
import json
import os
import struct
import tempfile
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
import shapely

from mapsvc.catalog import Catalog
from mapsvc.errors import TooLarge, Unreadable
from mapsvc.ingest import sandbox, scratch
from mapsvc.ingest.check import Checked, check
from mapsvc.ingest.ledger import Ledger, gather
from mapsvc.ingest.sandbox import Reading, read_file
from mapsvc.settings import Settings
from tests.corpus.write import ODF, zip_of

pytestmark = pytest.mark.anyio

HEAD = ["编号", "名称", "风险等级", "经度", "纬度"]
ROW = ["007", "青山滑坡", "红", "112.5", "28.2"]


def book(*sheets: tuple[str, list[Any]]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return made


def saved(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def text(rows: list[list[Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


async def read(content: bytes, **limits: Any) -> Reading:
    return await read_file(content, Settings(**limits))


async def refused(content: bytes, **limits: Any) -> str:
    with pytest.raises((Unreadable, TooLarge)) as error:
        await read(content, **limits)
    assert len(error.value.detail) > 10
    return error.value.code


async def ledger(content: bytes, catalog: Catalog, layer: str = "risk_points") -> Ledger:
    return gather(await read(content), catalog.layer(layer))


async def checked(content: bytes, catalog: Catalog, layer: str = "risk_points") -> Checked:
    return check(await ledger(content, catalog, layer), catalog.layer(layer))


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8-sig", b""),
        ("gbk", b""),
        ("gb18030", b""),
        ("utf-16", b""),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
    ],
)
async def test_encodings_from_the_bytes(encoding: str, mark: bytes, catalog: Catalog) -> None:
    rare = "䶮" if encoding != "gbk" else "龙"
    content = mark + text([HEAD, ["1", f"{rare}山", "红", "1", "2"]]).encode(encoding)
    assert (await checked(content, catalog)).names == [f"{rare}山"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
async def test_delimiters(delimiter: str, catalog: Catalog) -> None:
    found = await checked(text([HEAD, ROW], delimiter).encode(), catalog)
    assert (found.codes, found.names) == (["007"], ["青山滑坡"])


async def test_the_format_is_in_the_bytes_not_in_the_name() -> None:
    assert (await read(saved(book(("甲", [HEAD, ROW]))))).format == "xlsx"
    assert (await read(text([HEAD, ROW]).encode())).format == "csv"
    assert (await read(b'{"type":"FeatureCollection","features":[]}')).format == "geojson"


async def test_cells_are_text_and_nothing_is_lost(catalog: Catalog) -> None:
    rows = [
        [*HEAD, "责任人电话", "发现时间", "威胁人口"],
        ["007", "甲", "红", 112.5, 28.25, 13800138000, date(2024, 5, 1), 12.0],
        [
            340304000000,
            "乙",
            "红",
            112.5,
            28.25,
            "1.38E+10",
            datetime.fromisoformat("2024-05-01 08:30"),
            "１２",
        ],
    ]
    found = await checked(saved(book(("台账", rows))), catalog)
    assert found.codes == ["007", "340304000000"]
    assert found.fields["responsible_phone"] == ["13800138000", None]
    assert found.fields["found_on"] == ["2024-05-01", "2024-05-01"]
    assert found.fields["threatened_people"] == [12, 12]
    (problem,) = found.problems
    assert (problem.row, problem.column, problem.code) == (3, "责任人电话", "lost_digits")


async def test_titles_units_stars_and_line_breaks_around_the_heading(catalog: Catalog) -> None:
    rows = [
        [None, "云岭县地质灾害隐患点台账"],
        [None, "填报单位：西山镇", None, None, "2024年"],
        [None, "编 号", "*隐患点\n名称", "经度（°）", "维度", "威胁人口\n（人）", "威胁财产(元)"],
        [None, None, None, "度", "度", "人", "元"],
        [None, "001", "甲", 112.5, 28.2, 3, 30000],
        [None, None, None, None, None, None, None],
        [None, "编 号", "*隐患点\n名称", "经度（°）", "维度", "威胁人口\n（人）", "威胁财产(元)"],
        [None, "002", "乙", 112.6, 28.2, 4, 50000],
        [None, "合计", None, None, None, 7, 80000],
        [None, "填表人：张三", None, "审核人：李四"],
    ]
    made = await ledger(saved(book(("台账", rows))), catalog)
    found = check(made, catalog.layer("risk_points"))
    numbers = [made.at(seq)["row"] for seq in range(made.height)]
    assert numbers == [5, 6, 7, 8, 9, 10]
    assert {numbers[s]: code for s, code in made.skipped.items()} == {
        6: "blank_row",
        7: "repeated_heading",
        9: "total_row",
        10: "footer_row",
    }
    assert [n for s, n in enumerate(found.names) if s not in made.skipped] == ["甲", "乙"]
    assert found.fields["threatened_property"][0] == 3
    assert found.problems == []


async def test_a_heading_of_two_rows(catalog: Catalog) -> None:
    made = book(
        (
            "台账",
            [
                ["编号", "名称", "坐标", None, "防灾责任人", None],
                [None, None, "经度", "纬度", "防灾责任人姓名", "防灾责任人电话"],
                ["001", "甲", 112.5, 28.2, "张三", "13800138000"],
            ],
        )
    )
    for merged in ("A1:A2", "B1:B2", "C1:D1", "E1:F1"):
        made["台账"].merge_cells(merged)
    found = await checked(saved(made), catalog)
    assert (found.codes, found.names) == (["001"], ["甲"])
    assert found.fields["responsible_person"] == ["张三"]
    assert found.fields["responsible_phone"] == ["13800138000"]


async def test_merged_cells_speak_for_all_their_rows(catalog: Catalog) -> None:
    rows = [
        ["储备库编号", "储备库名称", "经度", "纬度", "物资名称", "数量"],
        ["K1", "镇仓库", 112.5, 28.2, "帐篷", 20],
        [None, None, None, None, "棉被", 100],
    ]
    made = book(("物资", rows))
    for column in "ABCD":
        made["物资"].merge_cells(f"{column}2:{column}3")
    found = await checked(saved(made), catalog, "depots")
    assert found.codes == ["K1", "K1"]
    assert found.items == [{"item": "帐篷", "quantity": 20}, {"item": "棉被", "quantity": 100}]


async def test_every_sheet_is_read_or_named(catalog: Catalog) -> None:
    made = book(
        ("一村", [HEAD, ROW]),
        ("二村", [HEAD, ["008", "乙", "红", 112.5, 28.2]]),
        ("说明", [["请按模板填写"]]),
        ("旧表", [HEAD, ["009", "丙", "红", 112.5, 28.2]]),
        ("空表", []),
    )
    made["旧表"].sheet_state = "hidden"
    result = await ledger(saved(made), catalog)
    assert [p.sheet.name for p in result.parts] == ["一村", "二村"]
    assert {(p.sheet, p.code) for p in result.problems} == {
        ("说明", "sheet_without_heading"),
        ("旧表", "sheet_hidden"),
        ("空表", "sheet_empty"),
    }


async def test_formulas_without_a_value_and_formula_errors_are_refused(catalog: Catalog) -> None:
    made = book(
        ("台账", [[*HEAD, "威胁人口", "备注说明"], [*ROW, "=1+1", "x"], [*ROW, "#REF!", "x"]])
    )
    found = await checked(saved(made), catalog)
    assert [(p.row, p.code) for p in found.problems] == [
        (2, "formula_no_value"),
        (3, "formula_error"),
    ]


async def test_a_cell_far_to_the_right_hides_nothing(catalog: Catalog) -> None:
    made = book(("台账", [HEAD, ROW]))
    made["台账"]["XFD1"] = " "
    made["台账"]["A90"] = " "
    result = await ledger(saved(made), catalog)
    assert check(result, catalog.layer("risk_points")).names[0] == "青山滑坡"


async def test_a_blank_cell_in_the_last_corner_costs_nothing(catalog: Catalog) -> None:
    made = book(("台账", [HEAD, ROW]))
    made["台账"]["XFD1048576"] = " "
    made["台账"]["A3"] = 8
    made["台账"]["A3"].number_format = "0000"
    result = await ledger(saved(made), catalog)
    assert check(result, catalog.layer("risk_points")).codes == ["007", "0008"]


async def test_a_value_beyond_the_last_column_is_refused_not_chewed() -> None:
    made = book(("台账", [HEAD, ROW]))
    made["台账"]["XFD1"] = made["台账"]["A90000"] = "x"
    assert await refused(saved(made)) == "too_many_columns"


async def test_identical_headings_with_different_contents_are_refused(catalog: Catalog) -> None:
    result = await ledger(text([[*HEAD, "经度"], [*ROW, "113"]]).encode(), catalog)
    assert [p.code for p in result.problems if p.severity == "error"] == ["heading_twice"]
    same = await ledger(text([[*HEAD, "经度"], [*ROW, "112.5"]]).encode(), catalog)
    assert [p for p in same.problems if p.severity == "error"] == []


async def test_unknown_columns_are_named(catalog: Catalog) -> None:
    result = await ledger(text([[*HEAD, "奇怪的列"], [*ROW, "内容"]]).encode(), catalog)
    assert [(p.code, p.column) for p in result.problems] == [("column_unused", "奇怪的列")]
    assert list(result.parts[0].raw(0, 1)) == [(*ROW, "内容")]


async def test_a_unit_that_cannot_be_converted_stops_the_file(catalog: Catalog) -> None:
    found = await checked(text([[*HEAD, "威胁人口(平方米)"], [*ROW, "3"]]).encode(), catalog)
    assert [p.code for p in found.problems] == ["unit_unknown"]


async def test_invisible_characters_are_removed(catalog: Catalog) -> None:
    dirty = text([HEAD, ["0\u200b07", "青\u202e山\x07滑坡\ufeff", *ROW[2:]]]).encode()
    found = await checked(dirty, catalog)
    assert (found.codes, found.names) == (["007"], ["青山滑坡"])


def shapefile(folder: Path, encoding: str, *, cpg: bool, sub: str = "") -> bytes:
    frame = geopandas.GeoDataFrame(
        {"编号": ["007"], "名称": ["简体中国"], "风险等级": ["红"]},
        geometry=[shapely.Point(112.5, 28.2)],
        crs=4490,
    )
    frame.to_file(folder / "隐患点.shp", encoding=encoding, engine="pyogrio")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part in sorted(folder.iterdir()):
            content = part.read_bytes()
            if part.suffix == ".cpg" and not cpg:
                continue
            if part.suffix == ".dbf":
                content = content[:29] + b"\x00" + content[30:]
            entry = zipfile.ZipInfo(f"{sub}{part.name}")
            archive.writestr(entry, content)
    data = out.getvalue()
    # As Windows writes it: names in GBK, without the flag that says UTF-8.
    return data.replace("隐患点".encode(), "隐患点".encode())


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("cpg", [True, False])
@pytest.mark.parametrize("sub", ["", "数据/"])
async def test_zipped_shapefiles(
    tmp_path: Path, catalog: Catalog, encoding: str, cpg: bool, sub: str
) -> None:
    content = shapefile(tmp_path, encoding, cpg=cpg, sub=sub)
    result = await ledger(content, catalog)
    found = check(result, catalog.layer("risk_points"))
    assert (found.codes, found.names) == (["007"], ["简体中国"])
    (part,) = result.parts
    assert part.sheet.crs == "EPSG:4490"
    assert shapely.from_wkb(part.sheet.shapes[1]) == shapely.Point(112.5, 28.2)
    assert result.at(0)["row"] == 1


async def test_geojson_properties_become_columns(catalog: Catalog) -> None:
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [112.5, 28.2, 30]},
        "properties": {"编号": "007", "名称": "甲", "威胁人口": 3, "标签": ["a", "b"]},
    }
    area = {
        **feature,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1], [0, 0]]]},
    }
    content = json.dumps({"type": "FeatureCollection", "features": [feature, area]}).encode()
    result = await ledger(content, catalog)
    found = check(result, catalog.layer("risk_points"))
    assert found.fields["threatened_people"] == [3, 3]
    shapes = shapely.from_wkb(result.parts[0].sheet.shapes[1:])
    assert [s.geom_type for s in shapes] == ["Point", "Polygon"]


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b" \n\n", "empty_file"),
        (OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600), "password"),
        (OLE + "WordDocument".encode("utf-16-le") + bytes(600), "not_a_table"),
        (OLE + "Workbook".encode("utf-16-le") + bytes(600), "damaged"),
        (b"Rar!\x1a\x07\x00", "rar_archive"),
        (b"{\\rtf1\\ansi x}", "not_a_table"),
        (b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n", "drawing_file"),
        (b"AC1027" + bytes(80), "drawing_file"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(80), "database_file"),
        (b"\x00\x00\x27\x0a" + bytes(96), "shp_alone"),
        (b"\x03\x7c\x05\x01" + bytes(4) + b"\x41\x00\x0b" + bytes(60), "dbf_alone"),
        (zip_of({"Index/Document.iwa": b"x"}), "numbers_file"),
        (zip_of({"mimetype": ODF + b"text", "content.xml": b"<x/>"}), "not_a_table"),
        (zip_of({"mimetype": ODF + b"spreadsheet", "content.xml": b"<x/>"}), "other_workbook"),
        (zip_of({"xl/workbook.bin": b"x"}), "other_workbook"),
        (b"%PDF-1.7", "pdf_file"),
        (b"\x89PNG\r\n", "picture_file"),
        (b"SQLite format 3\x00" + bytes(100), "damaged_map"),
        (b"<?xml version='1.0'?><kml>", "damaged_map"),
        (b"<html><p>1</p></html>", "html_table"),
        (b"<html><frameset><frame src='a.htm'></frameset></html>", "html_frames"),
        (b"MIME-Version: 1.0\r\n", "html_frames"),
        (b"<OGRVRTDataSource><OGRVRTLayer/></OGRVRTDataSource>", "xml_file"),
        (b'<!DOCTYPE k [<!ENTITY a "b">]><kml><name>&a;</name></kml>', "xml_entities"),
        (b'{"a": 1}', "not_geojson"),
        (b'{"type": "FeatureCollection", "features": [', "not_geojson"),
        (b"\x00\x01\x02\x03\xff\xfe" * 50, "unknown_format"),
        (b"name\n\xff\xff\xff\xfa", "encoding_unknown"),
        ("名称\n锟斤拷锟斤拷".encode(), "mojibake"),
        ('名称,经度\n"甲,1\n乙,2\n'.encode(), "csv_quotes"),
        (b"PK\x03\x04 broken", "damaged"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_its_reason(content: bytes, code: str) -> None:
    assert await refused(content) == code


async def test_a_truncated_workbook_is_damaged() -> None:
    whole = saved(book(("甲", [HEAD, *[ROW] * 100])))
    assert await refused(whole[: len(whole) * 2 // 3]) == "damaged"


async def test_a_file_without_heading_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Unreadable) as error:
        await ledger(text([["1", "2"], ["3", "4"]]).encode(), catalog)
    assert error.value.code == "no_heading"
    with pytest.raises(Unreadable) as error:
        await ledger(text([HEAD]).encode(), catalog)
    assert error.value.code == "no_rows"


def bomb(name: str, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open(name, "w") as entry:
            for _ in range(size >> 20):
                entry.write(bytes(1 << 20))
    return out.getvalue()


async def test_zip_bombs_are_stopped_while_they_inflate() -> None:
    assert await refused(
        bomb("xl/worksheets/sheet1.xml", 80 << 20), upload_max_memory=40 << 20
    ) == ("too_big_inside")
    honest = bomb("a.shp", 80 << 20)
    lying = honest.replace(struct.pack("<I", 80 << 20), struct.pack("<I", 10))
    assert await refused(lying, upload_max_memory=40 << 20) in ("too_big_inside", "damaged")


async def test_limits_are_named() -> None:
    many = text([HEAD, *[ROW] * 2000]).encode()
    assert await refused(many, upload_max_rows=1000) == "too_many_rows"
    assert await refused(many, upload_max_bytes=1000) == "too_many_bytes"
    assert await refused(many * 50, upload_max_seconds=0.01) == "too_slow"
    wide = text([["列"] * 1200, ["1"] * 1200]).encode()
    assert await refused(wide) == "too_many_columns"


async def test_the_parser_sees_nothing_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAPSVC_DATABASE_URL", "postgresql://secret")
    assert "secret" not in json.dumps(sandbox._environment(Path("/tmp/x")))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await read(text([HEAD, ROW]).encode())
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - not awaited either way


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"{scratch.PREFIX}left"
    left.mkdir()
    (left / "upload").write_bytes(b"x")
    with scratch.scratch() as used:
        for folder in (left, used):
            os.utime(folder, (1, 1))
        scratch._sweep.cache_clear()
        with scratch.scratch():
            assert not left.exists()
            assert used.exists()
