"""Files in which something is easily lost or read wrong without a word."""

import re
import struct
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import geopandas
import openpyxl
import shapely

from mapsvc.coordinates import from_wgs84
from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.write import (
    csv_of,
    dumped,
    frame_of,
    geojson_of,
    html_of,
    patched,
    shp_of,
    xlsx_of,
)
from tests.corpus.xls import formula, number_format, record, styled, xls_of

SHEET = "xl/worksheets/sheet1.xml"
ALL = (2, 3, 4)


def cases() -> list[Case]:
    return [*_formulas(), *_formats(), *_old(), *_texts(), *_layouts(), *_values(), *_vectors()]


def _formulas() -> list[Case]:
    rows = [[*HEAD, "威胁人口", "地址"], [*row(1), "=1+2", "x"], [*row(2), 5, '=IF(A1="","",A1)']]
    book = xlsx_of(rows)

    def changed(change: Callable[[bytes], bytes]) -> bytes:
        return patched(book, SHEET, change)

    empty_text = changed(
        lambda xml: xml.replace(b'"G3">', b'"G3" t="str">').replace(
            b"<f>1+2</f><v />", b"<f>1+2</f><v>3</v>"
        )
    )
    prefixed = changed(
        lambda xml: re.sub(rb"<(/?)(?=\w)", rb"<\1x:", xml).replace(b"xmlns=", b"xmlns:x=", 1)
    )
    bare = changed(lambda xml: re.sub(rb'<c r="\w+"', b"<c", xml))
    return [
        good("trap-formula-gives-empty", empty_text, count=2, values={2: {"threatened_people": 3}}),
        Case("trap-xml-prefixes", prefixed, rows=dict.fromkeys((2, 3), "formula_no_value")),
        Case("trap-cells-bare", bare, rows=dict.fromkeys((2, 3), "formula_no_value")),
    ]


def _formats() -> list[Case]:
    shown = ['"SM"000', "00-00", "0000_ ", '"第"0"号"', '0"号"', "0.0"]

    def tweak(book: openpyxl.Workbook) -> None:
        for at, code in enumerate(shown, 2):
            book.worksheets[0].cell(at, 1).number_format = code

    def clock(value: float) -> timedelta:
        return timedelta(seconds=round(value * 3600))

    codes = ("SM012", "00-13", "0014", "第15号", "16号", "17")
    rows = [HEAD, *([11 + i, *row(i)[1:]] for i in range(1, 7))]
    typed = [
        [*HEAD, "威胁人口"],
        [*row(1, *map(clock, place(1))), 119.99999999999999],
        [date(2024, 1, 2), *row(2)[1:], 1],
    ]
    return [
        good("trap-code-formats", xlsx_of(rows, tweak), count=6,
             values={at: {"code": code} for at, code in enumerate(codes, 2)}),
        Case("trap-typed-as-time", xlsx_of(typed), rows={2: "new", 3: "became_date"},
             places={2: place(1)}, tolerance=25, values={2: {"threatened_people": 120}}),
    ]  # fmt: skip


def _old() -> list[Case]:
    head = [*HEAD, "威胁人口", "地址"]
    nothing, error = b"\x03" + bytes(5) + b"\xff\xff", b"\x02\0\x17\0\0\0\xff\xff"
    more = formula(1, 5, nothing) + formula(2, 6, nothing, b"\x17\0\0") + formula(3, 5, error)
    more += record(0x205, struct.pack("<HHHBB", 4, 5, 0, 0x2A, 1))
    more += record(0x208, struct.pack("<HHHHHHI", 4, 0, 7, 255, 0, 0, 0x20))
    rows = [head, *([*row(i), None, None] for i in range(1, 5))]
    coded = [HEAD, *([None, *row(i)[1:]] for i in range(1, 4))]
    numbers = b"".join(styled(at, 0, at) for at in (1, 2, 3))
    return [
        Case("trap-xls-formulas", xls_of(rows, more=more), also=frozenset({"hidden_rows"}),
             rows={2: "formula_no_value", 3: "new", 4: "formula_error", 5: "formula_error"}),
        good("trap-xls-code-format", xls_of(coded, extra=number_format("000"), more=numbers)),
    ]  # fmt: skip


def _texts() -> list[Case]:
    head = ",".join([*HEAD, "地址", "防范措施"])
    lines = [head, *(",".join(map(str, [*row(i), "一组", "巡查"])) for i in (1, 2, 3))]
    shifted = "\n".join([*lines[:3], lines[3].replace("一组", "西山镇,一组")])
    blanked = "\n".join([*lines[:3], lines[3].replace("一组,巡查", "西山镇,一组,")])
    tabs = csv_of(
        [[*HEAD, "防范措施"], *([*r, "a,b,c,d,e,f,g,h"] for r in standard()[1:])], delimiter="\t"
    )
    floats = csv_of([HEAD, ["340304000000.0", *row(1)[1:]], ["12.0", *row(2)[1:]]])
    twice = csv_of([HEAD, ["1", "青山滑坡".encode().decode("latin-1"), *row(1)[2:]]])
    as_gbk = csv_of([HEAD, ["1", "青山西山".encode().decode("gbk"), *row(1)[2:]]])
    page = html_of([HEAD, *(row(i) for i in (1, 2, 3))]).replace("<td>001", '<td x:num="1">001')
    towns = [[*HEAD, "乡镇", "行政区划代码"], [*row(1), "东河乡", "990101001"]]
    towns += [[*row(2), "北山镇", ""], [*row(3), "西山", "990101001001"]]
    lost = csv_of([HEAD, ["1", "???", *row(1)[2:]]])
    last = {2: "new", 3: "new", 4: "row_too_long"}
    return [
        Case("trap-csv-shifted", shifted.encode(), rows=last),
        Case("trap-csv-shifted-blank", blanked.encode(), rows=last),
        good("trap-tsv-with-commas", tabs),
        Case("trap-code-case", csv_of([HEAD, ["a1", *row(1)[1:]], ["Ａ 1", *row(2)[1:]], row(3)]),
             rows={2: "duplicate_key", 3: "duplicate_key", 4: "new"}),
        Case("trap-region-twice", csv_of(towns), also=frozenset({"region_unknown"}),
             rows={2: "region_said_twice", 3: "new", 4: "new"}),
        Case("trap-csv-floats", floats, rows={2: "new", 3: "new"},
             values={2: {"code": "340304000000"}, 3: {"code": "12.0"}}),
        Case("trap-mojibake-latin", twice, refused="mojibake"),
        Case("trap-mojibake-gbk", as_gbk, refused="mojibake"),
        good("trap-html-number", page.encode()),
        Case("trap-lost-characters", lost, rows={2: "garbled"}),
    ]  # fmt: skip


def _dms(value: float) -> str:
    minutes, seconds = divmod(value * 3600, 60)
    return f"{int(minutes // 60)}°{int(minutes % 60)}′{seconds:.2f}″"


def _layouts() -> list[Case]:
    def angle(value: float) -> list[Any]:
        minutes, seconds = divmod(round(value * 3600, 2), 60)
        return [int(minutes // 60), int(minutes % 60), round(seconds, 2)]

    parts = [[*row(i)[:3], *angle(place(i)[0]), *angle(place(i)[1])] for i in (1, 2, 3)]
    two_rows = [[*HEAD[:4], None, None, "纬度"], [None, None, None, *"度分秒度分秒"], *parts]
    one_row = [[*HEAD[:3], *(f"{a}（{p}）" for a in ("经度", "纬度") for p in "度分秒")], *parts]
    spread = [[*HEAD[:3], "经纬度", None, "地址"], *([*row(i), "x"] for i in (1, 2, 3))]
    unnamed = [[*HEAD, None, "地址"], *([*row(i), "x", "y"] for i in (1, 2, 3))]
    ahead = [["序号", *HEAD], *([i, *row(i)] for i in (1, 2, 3)), [4], [5, None, "/"]]
    worded: list[list[Any]] = [[*HEAD, "其它"]]
    worded += [[f"a{i}", *row(i, *map(_dms, place(i)))[1:], "状态"] for i in (1, 2, 3)]
    again = [[*HEAD, "其它"], *([*row(i), ""] for i in (1, 2)), worded[3], [*HEAD, "其它"]]
    again.append([*row(5), ""])
    counted = [
        [*HEAD[:1], *HEAD[3:], *HEAD[1:3]],
        *([*row(i)[:1], *place(i), *row(i)[1:3]] for i in (1, 2)),
    ]
    counted.append(["合计", "2"])
    sections = [HEAD, ["一、滑坡"], row(1), ["（二）其他"], row(2), ["填表人", "张三"]]
    return [
        good("trap-angles-two-rows", xlsx_of(two_rows), 3, tolerance=0.5),
        good("trap-angles-one-row", xlsx_of(one_row), tolerance=0.5),
        good("trap-pair-under-one-heading", xlsx_of(spread), tolerance=0.02),
        good("trap-column-unnamed", xlsx_of(unnamed), also=frozenset({"column_unnamed"})),
        good("trap-numbered-ahead", xlsx_of(ahead), rows={5: "blank_row", 6: "blank_row"}),
        good("trap-first-row-of-words", csv_of(worded), tolerance=0.5,
             values={i + 1: {"code": f"a{i}"} for i in (1, 2, 3)}),
        good("trap-heading-again", csv_of(again), tolerance=0.5, values={4: {"code": "a3"}},
             rows={5: "repeated_heading", 6: "new"}),
        good("trap-total-under-place", xlsx_of(counted), count=2, rows={4: "total_row"}),
        Case("trap-sections", xlsx_of(sections),
             rows={2: "section_row", 3: "new", 4: "section_row", 5: "new", 6: "footer_row"}),
    ]  # fmt: skip


def _values() -> list[Case]:
    def stock(name: str, cell: str, *items: tuple[str, float, str]) -> Case:
        head = ["储备库编号", "储备库名称", "经度", "纬度", "储备物资"]
        records = [{"item": i, "quantity": q, "unit": u} for i, q, u in items]
        return Case(
            f"trap-stock-{name}",
            xlsx_of([head, ["K1", "镇仓库", *place(1), cell]]),
            layer="depots",
            rows={2: "new" if items else "record_unreadable"},
            values={2: {"items": records}} if items else {},
        )

    depot = ["储备库编号", "储备库名称", "经度", "纬度"]
    blanks = [[*depot, "物资名称", "数量", "单位"], ["K1", "镇仓库", *place(1), "帐篷", 20, "顶"]]
    blanks.append([None, None, None, None, "棉被", 100, "床"])
    groups = [[*depot, "帐篷", None, "棉被", None], [None] * 4 + ["数量", "单位"] * 2]
    groups.append(["K1", "镇仓库", *place(1), 20, "顶", 100, "床"])
    posts = [["单位", "职务", "姓名", "手机号码", "经度", "纬度"]]
    posts.append(["镇政府", "镇长", "张三", "13800138000", *place(1)])
    bare = [{"item": "帐篷", "quantity": 20}, {"item": "棉被", "quantity": 100}]
    tents, quilts = ("帐篷", 20, "顶"), ("棉被", 100, "床")
    phones = [
        [*HEAD, "责任人电话", "发现时间", "威胁人口"],
        [*row(1), "138 0013 8000 139 0013 9000", "2024年5月1号", "1,200"],
        [*row(2), "110 119", None, None],
        [*row(3), None, "2024-05-01 10:00 至 2024-06-01", None],
        [*row(4), None, None, "120 121"],
    ]
    wanted = {
        "responsible_phone": "13800138000、13900139000",
        "found_on": "2024-05-01",
        "threatened_people": 1200,
    }
    return [
        stock("blanks", "帐篷20顶 棉被100床", tents, quilts),
        stock("together", "帐篷20顶棉被100床", tents, quilts),
        stock("numbered", "1.帐篷20顶 2.棉被100床", tents, quilts),
        stock("unit-first", "帐篷（顶）20、棉被（床）：100", tents, quilts),
        stock("sizes", "10米绳5根，N95口罩9个", ("10米绳", 5, "根"), ("N95口罩", 9, "个")),
        stock("range", "帐篷10-20顶"),
        stock("about", "帐篷约20顶"),
        stock("inside", "消防车2辆（水罐车1辆，泡沫车1辆）"),
        Case("trap-stock-continued", xlsx_of(blanks), layer="depots", rows={2: "new", 3: "new"},
             values={2: {"items": [a | {"unit": u} for a, u in zip(bare, "顶床", strict=True)]}},
             also=frozenset({"rows_continued"})),
        Case("trap-stock-groups", xlsx_of(groups), layer="depots", rows={3: "new"},
             values={3: {"items": [a | {"unit": u} for a, u in zip(bare, "顶床", strict=True)]}}),
        Case("trap-posts-without-name", xlsx_of(posts), layer="command_posts", rows={2: "new"},
             values={2: {"name": "镇政府镇长", "holder": "张三"}}),
        Case("trap-blanks-in-values", xlsx_of(phones),
             rows={2: "new", 3: "not_a_phone", 4: "not_a_date", 5: "not_a_number"},
             values={2: wanted}),
    ]  # fmt: skip


def _in(system: str, at: tuple[float, float]) -> list[float]:
    return [round(float(v), 7) for v in from_wgs84(*at, system)]


def _vectors() -> list[Case]:
    rows = standard()

    def frame(crs: int, shapes: list[Any] | None = None) -> geopandas.GeoDataFrame:
        return frame_of(rows, 4326, shapes).to_crs(crs)

    single = [shapely.MultiPoint([place(i)]) for i in (1, 2, 3)]
    stock = geojson_of([["code", "name", "items", "x", "y"], ["K1", "镇仓库", None, *place(1)]])
    items = [{"item": "帐篷", "quantity": 20, "unit": "顶", "expires": "2030-01-01"}]
    stock["features"][0]["properties"]["items"] = items
    near = [(110.19, 30.05), place(1), place(2)]
    shifted: list[list[Any]] = [[*HEAD[:3], "GPS经度", "GPS纬度"]]
    shifted += [row(i, *_in("bd09", p)) for i, p in enumerate(near)]
    edge = [(110.199, 30.04 + 0.001 * i) if i % 2 else place(i) for i in range(12)]
    border = [HEAD, *(row(i, *_in("bd09", p)) for i, p in enumerate(edge))]
    old = [*HEAD[:3], "X（西安80）", "Y（西安80）"]
    return [
        good("trap-multipoint", shp_of(frame(4326, single)), sheet="a", first=1),
        good("trap-utm", shp_of(frame(32649)), sheet="a", first=1, crs="auto"),
        Case("trap-old-datum", shp_of(frame(2434)), crs="auto",
             rows=dict.fromkeys((f"a!{i}" for i in (1, 2, 3)), "crs_old")),
        Case("trap-heading-contradicted", csv_of(shifted), crs="auto", region="990101001",
             rows=dict.fromkeys(ALL, "crs_ambiguous")),
        Case("trap-declared-half-wrong", csv_of(border), crs="wgs84", region="990101001",
             rows=dict.fromkeys(range(2, 14), "crs_contradicted")),
        Case("trap-old-datum-heading", csv_of([old, *rows[1:]]), crs="auto",
             rows=dict.fromkeys(ALL, "crs_old")),
        Case("trap-export-again", dumped(stock), layer="depots", rows={1: "new"},
             values={1: {"code": "K1", "items": items}}),
    ]  # fmt: skip
