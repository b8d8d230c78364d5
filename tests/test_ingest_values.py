"""Single cells: what is read, what is refused, and with which words."""

import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mapsvc.catalog import Catalog
from mapsvc.coordinates.text import MESSAGES as COORDINATES
from mapsvc.ingest import messages, verbatim
from mapsvc.ingest.assign import RegionIndex
from mapsvc.ingest.cells import blocks
from mapsvc.ingest.check import ParsedOnce
from mapsvc.ingest.shapefile import epsg_of
from mapsvc.ingest.values import (
    Wrong,
    factor,
    parse_code,
    parse_date,
    parse_list,
    parse_name,
    parse_person,
    parse_phone,
    parser,
    unwrapped,
)
from mapsvc.ingest.wire import BETWEEN_CELLS, Limits
from mapsvc.search_text import search_text
from mapsvc.settings import PROJECT

PRJ = (
    'PROJCS["CGCS2000_3_Degree_GK_CM_111E",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000"]],PARAMETER["False_Easting",500000.0],PARAMETER["Central_Meridian",111.0]]'
)
AWKWARD = [
    *(
        "",
        " ",
        "空",
        "无",
        "NULL",
        "n/a",
        "未知",
        "12",
        "锟斤拷",
        "5月12日",
        "2024-05-01",
        "1E5",
        "1.0",
    ),
    *("1E+10", "Ａ１", "Ⅳ", "é", "a" * 65, "甲" * 101, "'7", "??", "\ufffd", "a\u200bb", "青山 村"),
    *(
        "13800138000",
        "１３８００１３８０００",
        "13800138000\n13900139000",
        "1380013800",
        "12800138000",
        "青山水库一号".encode().decode("gb18030", "ignore"),
        "待编",
        "12①",
    ),
]
PARSERS = {"name": parse_name, "code": parse_code, "phone": parse_phone}


def test_what_is_told_to_stand_for_itself_does() -> None:
    for kind, stand in verbatim.OF.items():
        once = ParsedOnce(PARSERS[kind])
        usual = {"name": "青山水库", "code": "D0007", "phone": "13900139000"}[kind]
        assert stand([usual, usual])
        for text in AWKWARD:
            assert not stand([usual, text]) or once[text] == text, (kind, text)


def said(value: Any) -> Any:
    return value.code if isinstance(value, Wrong) else value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13800138000", "13800138000"),
        ("138 0013 8000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("+86 13800138000", "13800138000"),
        ("13800138000.0", "13800138000"),
        ("13800138000、13900139000", "13800138000、13900139000"),
        ("0591-1234567 13800138000", "0591-1234567、13800138000"),
        ("(0591)12345678", "0591-12345678"),
        ("0591-12345678转12", "0591-12345678转12"),
        ("119", "119"),
        ("无", None),
        ("1.38E+10", "lost_digits"),
        ("1380013800", "not_a_phone"),
        ("8800112②", "not_a_phone"),
        ("张三13800138000", "not_a_phone"),
    ],
)
def test_phones(text: str, expected: Any) -> None:
    assert said(parse_phone(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024/5/1", "2024-05-01"),
        ("2024.5.1", "2024-05-01"),
        ("2024年5月1日", "2024-05-01"),
        ("20240501", "2024-05-01"),
        ("2024-05-01 08:30:00", "2024-05-01"),
        ("2024年5月", "not_a_date"),
        ("24.5.1", "not_a_date"),
        ("5/1/2024", "not_a_date"),
        ("2024-02-30", "not_a_date"),
        ("45413", "date_serial"),
        ("2024-05-1①", "not_a_date"),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert said(parse_date(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("１２", 12),
        ("1,200", 1200),
        ("3万元", 3),
        ("3万", 3),
        ("2百万", 200),
        ("3²", "not_a_number"),
        ("300元", 0.03),
        ("0.5亿元", 5000),
        ("1.2E+3", "not_a_number"),
        ("约12", "not_a_number"),
        ("12,5", "not_a_number"),
        ("12人", "not_a_number"),
        ("-3", "too_small"),
    ],
)
def test_numbers_with_units(catalog: Catalog, text: str, expected: Any) -> None:
    parse = parser(catalog.layer("risk_points").field("threatened_property"))
    assert said(parse(text)) == expected


def test_a_headings_unit_converts_its_numbers(catalog: Catalog) -> None:
    parse = parser(catalog.layer("risk_points").field("threatened_property"), "元")
    assert parse("30000") == 3
    assert parse("3万元") == 3
    assert factor("亩", "平方米") == pytest.approx(666.6667)
    assert factor("人", "万元") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("红", "重大"),
        ("Ⅰ级", "重大"),
        (" 一 级 ", "重大"),
        ("i级", "重大"),
        ("特大", "not_in_list"),
    ],
)
def test_enums_by_synonym(catalog: Catalog, text: str, expected: str) -> None:
    found = parser(catalog.layer("risk_points").field("risk_level"))(text)
    assert said(found) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "帐篷 20顶；棉被100床",
            [
                {"item": "帐篷", "quantity": 20, "unit": "顶"},
                {"item": "棉被", "quantity": 100, "unit": "床"},
            ],
        ),
        ("编织袋(1,000条)", [{"item": "编织袋", "quantity": 1000, "unit": "条"}]),
        ("4寸水泵2台", [{"item": "4寸水泵", "quantity": 2, "unit": "台"}]),
        ("62式军刀", "record_unreadable"),
        ("若干", "record_unreadable"),
        ("无", None),
    ],
)
def test_records_in_one_cell(catalog: Catalog, text: str, expected: Any) -> None:
    found = parser(catalog.layer("depots").field("items"))(text)
    assert said(found) == expected


def test_codes_names_and_lists_stay_text() -> None:
    assert parse_code("００7") == "007"
    assert parse_code("6.10115E+17").code == "lost_digits"
    assert unwrapped(' ="007" ') == "007"
    assert unwrapped("'007") == "007"
    assert parse_list("破拆、排水，破拆;潜水") == ["破拆", "排水", "潜水"]
    assert parse_person("张三13800138000").code == "person_with_phone"
    assert parse_person("1.38E+10").code == "lost_digits"
    assert [parse_person("无"), parse_code("无"), parse_code("待编"), parse_code("①")] == [
        *(None, None, None), "①",
    ]  # fmt: skip
    assert parse_code("May-24").code == "became_date"


def test_booleans(catalog: Catalog) -> None:
    parse = parser(catalog.layer("forces").field("on_duty"))
    assert [said(parse(t)) for t in ("是", "在岗", "√", "不在岗", "否", "也许")] == [
        True,
        True,
        True,
        False,
        False,
        "not_boolean",
    ]


def test_search_words() -> None:
    assert search_text("青山水库", "D-07") == "青山水库 d-07 qssk"
    assert search_text("１２０急救站") == "120急救站 120jjz"
    assert search_text("Camp A") == "camp a"


@pytest.mark.parametrize(
    ("wkt", "expected"),
    [
        ('GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984"]]', "EPSG:4326"),
        (PRJ, "EPSG:4546"),
        (PRJ.replace("111.0", "112.5"), "unknown"),
        (PRJ.replace("CGCS2000_3_Degree_GK_CM_111E", "县独立"), "EPSG:4546"),
        (PRJ.replace("500000.0", "37500000.0"), "EPSG:4525"),
        (PRJ.replace("500000.0", "19500000.0"), "EPSG:4497"),
        (PRJ.replace("500000.0", "40000.0"), "unknown"),
        ('GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D"]]', "EPSG:4490"),
        ('PROJCS["CGCS2000_3_Degree_GK_CM_114E",GEOGCS["G"]]', "EPSG:4547"),
        ('PROJCS["CGCS2000_3_Degree_GK_Zone_38",GEOGCS["G"]]', "EPSG:4526"),
        ('PROJCS["CGCS2000_GK_CM_117E",GEOGCS["G"]]', "EPSG:4509"),
        ('PROJCS["WGS_1984_UTM_Zone_50N",GEOGCS["G"]]', "EPSG:32650"),
        ('PROJCS["Beijing_1954_3_Degree_GK_CM_114E",GEOGCS["G"]]', "old"),
        ("", None),
    ],
)
def test_what_a_prj_names(wkt: str, expected: str | None) -> None:
    assert epsg_of(wkt) == expected


def squares(size: int) -> RegionIndex:
    """`size`² unit squares that touch, codes by row and column."""
    return RegionIndex.of(
        [
            (f"{x:02d}{y:02d}", f"村{x}-{y}", "village", [f"{x:02d}{y:02d}"],
             shapely.to_wkb(shapely.box(x, y, x + 1, y + 1)))
            for x in range(size)
            for y in range(size)
        ]
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.integers(0, 8).map(lambda v: v / 2) | st.floats(-1, 5),
            st.integers(0, 8).map(lambda v: v / 2) | st.floats(-1, 5),
        ),
        min_size=1,
    )
)
def test_each_point_has_exactly_the_lowest_region_that_touches_it(
    points: list[tuple[float, float]],
) -> None:
    index = squares(4)
    lon, lat = np.array(points).T
    found = index.assign(lon, lat)
    for (x, y), place in zip(points, found.tolist(), strict=True):
        touching = [r.code for r in index.regions if r.polygon.intersects(shapely.Point(x, y))]
        assert (index.regions[place].code if place >= 0 else None) == min(touching, default=None)


def test_every_message_is_used_and_speaks_chinese() -> None:
    sources = "".join(
        f.read_text(encoding="utf-8")
        for f in (PROJECT / "mapsvc" / "ingest").glob("*.py")
        if f.name != "messages.py"
    )
    ours = {**messages.FILE, **messages.ERRORS, **messages.WARNINGS, **messages.NOTES}
    from_coordinates = {f"coordinates_{code}" for code in COORDINATES}
    unused = {c for c in set(ours) - from_coordinates if f'"{c}"' not in sources}
    assert unused == set()
    for code, text in ours.items():
        gaps = {name: "…" for _, name, _, _ in string.Formatter().parse(text) if name}
        filled = text.format(**gaps)
        assert any("\u4e00" <= c <= "\u9fff" for c in filled) or code == "coordinates_doubt"


def test_the_parser_imports_little() -> None:
    source = (Path(messages.__file__).parent / "read.py").read_text(encoding="utf-8")
    top = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert not [line for line in top if any(m in line for m in ("numpy", "shapely", "pyogrio"))]


def test_a_column_of_numbers_reads_as_each_of_them() -> None:
    plain = [5.0, -3.0, 112.5, 110.05, 0.1 + 0.2, 119.99999999999999, 1e14, 123456789.25]
    odd = [0.0, -0.0, 1e-7, 1e15, 1.38e22, float("nan"), float("inf")]
    for numbers in (plain[:4], plain, *([*plain, value] for value in odd)):
        # Beside a word, each cell is looked at by itself.
        both = [
            next(blocks(((n, [cell]) for n, cell in enumerate(cells, 1)), Limits(100, 2**20, 1)))
            for cells in (numbers, [*numbers, "字"])
        ]
        texts = [block.columns[0].split(BETWEEN_CELLS) for block in both]
        assert texts[0] == texts[1][:-1]
