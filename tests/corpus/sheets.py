"""Workbooks as townships make them."""

import struct
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl

from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.write import patched, xlsx_of
from tests.corpus.xls import xls_of

SHEET = "xl/worksheets/sheet1.xml"


def cases() -> list[Case]:
    return [
        *_around(),
        *_headings(),
        *_sheets(),
        *_cells(),
        *_people(),
        *_depots(),
        *_keys(),
        *_old(),
    ]


def merge(*ranges: str) -> Callable[[openpyxl.Workbook], None]:
    def tweak(book: openpyxl.Workbook) -> None:
        for merged in ranges:
            book.worksheets[0].merge_cells(merged)

    return tweak


def _around() -> list[Case]:
    rows = standard()
    right = [[None, None, *r] for r in rows]
    dirty = [["编 号", "*隐患点\n名称", "风险等级（必填）", "经度（°）", "纬 度"], *rows[1:]]
    units = [[*HEAD, "威胁人口", "威胁财产"], [None, None, None, "度", "度", "人", "元"]]
    units += [[*r, 3, 20000] for r in rows[1:]]
    numbered = [HEAD, ["1", "2", "3", "4", "5"], *rows[1:]]
    ends = [
        *rows,
        ["合计", "3处"],
        [None, "填表人：张三", None, "审核人：李四"],
        ["备注：数据来自巡查"],
        ["填报日期：2026年5月1日"],
    ]
    skipped = {5: "total_row", 6: "footer_row", 7: "footer_row", 8: "footer_row"}
    return [
        good("xlsx", xlsx_of(rows)),
        good("xlsx-titles", xlsx_of([["云岭县台账"], ["单位：西山镇", None, "2026年"], *rows]), 4),
        good("xlsx-title-merged", xlsx_of([["云岭县台账"], *rows], merge("A1:E1")), 3),
        good("xlsx-leading-blanks", xlsx_of([[], [], *right]), 4),
        good("xlsx-dirty-heading", xlsx_of(dirty)),
        good(
            "xlsx-unit-row",
            xlsx_of(units),
            3,
            values={3: {"threatened_people": 3, "threatened_property": 2}},
        ),
        good("xlsx-numbered-columns", xlsx_of(numbered), 3, rows={2: "unit_row"}),
        good(
            "xlsx-footer-unsigned",
            xlsx_of([*rows, ["制表：张三", None, None, "审核："]]),
            rows={5: "footer_row"},
        ),
        good("xlsx-footers", xlsx_of(ends), rows=skipped),
        good(
            "xlsx-heading-again",
            xlsx_of([*rows[:3], HEAD, rows[3]]),
            count=2,
            rows={4: "repeated_heading", 5: "new"},
        ),
        good(
            "xlsx-total-between",
            xlsx_of([*rows[:3], ["小计", None, None, None, None], rows[3]]),
            count=2,
            rows={4: "total_row", 5: "new"},
        ),
        good(
            "xlsx-example",
            xlsx_of([HEAD, ["示例", "某某滑坡", "重大", 1, 2], *rows[1:]]),
            3,
            rows={2: "example_row"},
        ),
        good("xlsx-late-heading", xlsx_of([*[[f"说明{i}"] for i in range(24)], *rows]), 26),
    ]


def _headings() -> list[Case]:
    two = [
        ["编号", "名称", "坐标", None, "防灾责任人", None],
        [None, None, "经度", "纬度", "姓名", "联系电话"],
        *([r[0], r[1], *r[3:], "张三", "13800138000"] for r in standard()[1:]),
    ]
    who = {"responsible_person": "张三", "responsible_phone": "13800138000"}
    three = [
        ["编号", "名称", "基本情况", None, None, None],
        [None, None, "位置坐标", None, "受威胁", None],
        [None, None, "经度", "纬度", "人口（人）", "户数（户）"],
        *([r[0], r[1], *r[3:], 5, 2] for r in standard()[1:]),
    ]
    foreign = [
        ["编号", "名称", "经度", "纬度", "村级网格员", None],
        [None, None, None, None, "姓名", "电话"],
        *([r[0], r[1], *r[3:], "王五", "13900139000"] for r in standard()[1:]),
    ]
    nobody = {"responsible_phone": None, "monitor_phone": None, "responsible_person": None}
    many = [[*HEAD, *(f"监测人{w}{i}" for i in (1, 2, 3) for w in ("姓名", "电话"))]]
    people = ("张三", "13800138000", "李四", "13900139000", "王五", "15800158000")
    many += [[*r, *people] for r in standard()[1:]]
    merged = ("A1:A2", "B1:B2", "C1:D1", "E1:F1")
    return [
        good("xlsx-two-rows", xlsx_of(two, merge(*merged)), 3, values={3: who, 5: who}),
        good("xlsx-two-rows-unmerged", xlsx_of(two), 3, values={3: who}),
        good("xlsx-three-rows", xlsx_of(three), 4, values={4: {"threatened_people": 5}}),
        good("xlsx-group-of-others", xlsx_of(foreign), 3, values={3: nobody}),
        good(
            "xlsx-numbered-group",
            xlsx_of(many),
            values={2: {"monitor_person": "张三", "monitor_phone": "13800138000"}},
            also=frozenset({"column_unused"}),
        ),
        Case(
            "xlsx-heading-twice",
            xlsx_of([[*HEAD, "经度"], *([*r, 111] for r in standard()[1:])]),
            rows=dict.fromkeys((2, 3, 4), "heading_twice"),
        ),
        good(
            "xlsx-heading-twice-same",
            xlsx_of([[*HEAD, "经度"], *([*r, r[3]] for r in standard()[1:])]),
        ),
        Case(
            "xlsx-no-name",
            xlsx_of([[HEAD[0], *HEAD[2:]], *([r[0], *r[2:]] for r in standard()[1:])]),
            rows=dict.fromkeys((2, 3, 4), "no_name_column"),
        ),
        Case(
            "xlsx-no-places",
            xlsx_of([r[:3] for r in standard()]),
            rows=dict.fromkeys((2, 3, 4), "no_coordinates_column"),
        ),
    ]


def _sheets() -> list[Case]:
    rows = standard()
    several = {"一村": rows[:2], "二村": [HEAD, *rows[2:]], "说明": [["请按模板填写"]], "空": []}
    both = {"一村!2": "new", "二村!2": "new", "二村!3": "new"}

    def hide(book: openpyxl.Workbook) -> None:
        book["旧"].sheet_state = "hidden"
        book["深藏"].sheet_state = "veryHidden"

    def conceal(book: openpyxl.Workbook) -> None:
        book.worksheets[0].auto_filter.ref = "A1:E4"
        book.worksheets[0].row_dimensions[3].hidden = True

    def corner(book: openpyxl.Workbook) -> None:
        book.worksheets[0]["XFD1048576"] = " "

    def far_style(book: openpyxl.Workbook) -> None:
        book.worksheets[0]["XFD1048576"].number_format = "0.00"

    other = [["名称", "经度", "纬度", "编号"], ["青山3号滑坡", *place(3), "003"]]
    small = b'<dimension ref="A1:B2"'
    return [
        Case(
            "xlsx-several-sheets",
            xlsx_of(several),
            rows=both,
            also=frozenset({"sheet_without_heading", "sheet_empty"}),
        ),
        Case(
            "xlsx-own-headings",
            xlsx_of({"甲": rows[:3], "乙": other}),
            rows={"甲!2": "new", "甲!3": "new", "乙!2": "new"},
            places={"乙!2": place(3)},
        ),
        Case(
            "xlsx-hidden-sheets",
            xlsx_of({"一村": rows[:2], "旧": rows, "深藏": rows}, hide),
            rows={2: "new"},
            also=frozenset({"sheet_hidden"}),
        ),
        good("xlsx-hidden-rows", xlsx_of(rows, conceal), also=frozenset({"hidden_rows"})),
        good("xlsx-last-corner", xlsx_of(rows, corner)),
        good("xlsx-last-corner-style", xlsx_of(rows, far_style)),
        good(
            "xlsx-small-dimension",
            patched(xlsx_of(rows), SHEET, lambda x: x.replace(b'<dimension ref="A1:E4"', small)),
        ),
        good(
            "xlsx-huge-dimension",
            patched(
                xlsx_of(rows),
                SHEET,
                lambda x: x.replace(b'<dimension ref="A1:E4"', b'<dimension ref="A1:XFD1048576"'),
            ),
        ),
        Case("xlsx-10000-columns", xlsx_of([[*HEAD, *["列"] * 9995]]), refused="too_many_columns"),
    ]


def _cells() -> list[Case]:
    def zeros(book: openpyxl.Workbook) -> None:
        for number in (2, 3, 4):
            cell = book.worksheets[0].cell(number, 1)
            cell.value, cell.number_format = number - 1, "000"

    head = [*HEAD, "责任人电话", "发现时间", "威胁人口"]
    typed = [
        head,
        [*row(1), 13800138000, date(2024, 5, 1), 12.0],
        [*row(2), "1.38E+10", datetime.fromisoformat("2024-05-01T08:30"), "１２人"],
        [*row(3), "138 0013 8000／0731-88001122", "2024.5.1", 1200],
        [*row(4), "12345678901234", "2024年5月", "很多"],
    ]
    formulas = [
        [*HEAD, "威胁人口"],
        [*row(1), 3],
        [*row(2), "=1+1"],
        [*row(3), "#REF!"],
    ]
    grades = [
        HEAD,
        *(
            [*row(i)[:2], word, *place(i)]
            for i, word in enumerate(["重大", "Ⅰ级", "红色", " 一级 ", "特别重大"], 1)
        ),
    ]
    top = {"risk_level": "重大"}
    merged = [
        HEAD,
        *([*r[:2], "红" if i == 0 else None, *r[3:]] for i, r in enumerate(standard()[1:])),
    ]
    return [
        good("xlsx-zero-format", xlsx_of(standard(), zeros)),
        Case(
            "xlsx-types",
            xlsx_of(typed),
            rows={2: "new", 3: "lost_digits", 4: "new", 5: "not_a_date"},
            values={
                2: {
                    "responsible_phone": "13800138000",
                    "found_on": "2024-05-01",
                    "threatened_people": 12,
                },
                4: {"responsible_phone": "13800138000、0731-88001122", "found_on": "2024-05-01"},
            },
        ),
        Case(
            "xlsx-formulas",
            xlsx_of(formulas),
            rows={2: "new", 3: "formula_no_value", 4: "formula_error"},
        ),
        Case(
            "xlsx-grades",
            xlsx_of(grades),
            rows={2: "new", 3: "new", 4: "new", 5: "new", 6: "not_in_list"},
            values=dict.fromkeys((2, 3, 4, 5), top),
        ),
        good(
            "xlsx-merged-value",
            xlsx_of(merged, merge("C2:C4")),
            values=dict.fromkeys((2, 3, 4), top),
        ),
        good(
            "xlsx-unknown-column",
            xlsx_of([[*HEAD, "怪"], *([*r, "x"] for r in standard()[1:])]),
            also=frozenset({"column_unused"}),
        ),
        Case(
            "xlsx-bad-unit",
            xlsx_of([[*HEAD, "威胁人口（平方米）"], [*row(1), 3]]),
            rows={2: "unit_unknown"},
        ),
    ]


def _people() -> list[Case]:
    cells = [
        ("张三13800138000", "张三", "13800138000"),
        ("张三（13800138000）", "张三", "13800138000"),
        ("张三 138-0013-8000", "张三", "13800138000"),
        ("张三、李四", "张三、李四", None),
    ]
    head = [*HEAD, "包保责任人及电话"]
    rows = [
        head,
        *([*row(i), cell] for i, (cell, *_) in enumerate(cells, 1)),
        [*row(5), "张3 13800138000"],
    ]
    wanted: dict[Any, dict[str, Any]] = {
        i: {"responsible_person": person, "responsible_phone": phone}
        for i, (_, person, phone) in enumerate(cells, 2)
    }
    beside = [[*HEAD, "责任人", "责任人电话"], [*row(1), "张三13800138000", "13900139000"]]
    return [
        good(
            "xlsx-name-and-phone",
            xlsx_of(rows),
            count=4,
            values=wanted,
            rows={6: "person_with_phone"},
            also=frozenset({"person_split"}),
        ),
        Case("xlsx-two-phones-disagree", xlsx_of(beside), rows={2: "person_with_phone"}),
    ]


def _depots() -> list[Case]:
    head = ["储备库编号", "储备库名称", "经度", "纬度"]
    one, two = (["K1", "镇仓库", *place(1)], ["K2", "村仓库", *place(2)])
    wide = [
        [*head, "救灾帐篷（顶）", "棉被", "编织袋\n（条）", "库房面积"],
        [*one, 20, 0, "1,500条", 80],
        [*two, None, 30, None, 60],
        ["K3", "坏库", *place(3), "若干", 1, 1, 1],
    ]
    long = [
        [*head, "物资名称", "数量"],
        [*one, "帐篷", 20],
        [*one, "棉被", 30],
        [*two, "水泵", None],
    ]
    listed = [[*head, "储备物资"], [*one, "帐篷 20顶；棉被 1,000床"], [*two, "若干"]]
    merged = [[*head, "物资名称", "数量"], [*one, "帐篷", 20], [None, None, None, None, "棉被", 30]]
    stock = [
        {"item": "救灾帐篷", "quantity": 20, "unit": "顶"},
        {"item": "棉被", "quantity": 0},
        {"item": "编织袋", "quantity": 1500, "unit": "条"},
    ]
    items = [{"item": "帐篷", "quantity": 20}, {"item": "棉被", "quantity": 30}]
    return [
        Case(
            "depots-wide",
            xlsx_of(wide),
            layer="depots",
            rows={2: "new", 3: "new", 4: "item_not_a_number"},
            values={
                2: {"items": stock, "area": 80},
                3: {"items": [{"item": "棉被", "quantity": 30}]},
            },
            also=frozenset({"items_from_columns"}),
        ),
        Case(
            "depots-long",
            xlsx_of(long),
            layer="depots",
            rows={2: "new", 3: "new", 4: "record_incomplete"},
            values={2: {"items": items}},
        ),
        Case(
            "depots-listed",
            xlsx_of(listed),
            layer="depots",
            rows={2: "new", 3: "record_unreadable"},
            values={
                2: {
                    "items": [
                        {"item": "帐篷", "quantity": 20, "unit": "顶"},
                        {"item": "棉被", "quantity": 1000, "unit": "床"},
                    ]
                }
            },
        ),
        Case(
            "depots-merged",
            xlsx_of(merged, merge("A2:A3", "B2:B3", "C2:C3", "D2:D3")),
            layer="depots",
            rows={2: "new", 3: "new"},
            values={2: {"items": items}},
        ),
        Case(
            "forces",
            xlsx_of(
                [
                    ["队伍名称", "经度", "纬度", "总人数", "队长/负责人", "队长电话", "救援能力"],
                    ["镇应急队", *place(1), "12人", "张三", "0731-88001122", "防汛、灭火"],
                ]
            ),
            layer="forces",
            rows={2: "new"},
            values={2: {"headcount": 12, "leader": "张三", "capabilities": ["防汛", "灭火"]}},
        ),
        Case(
            "posts",
            xlsx_of(
                [
                    ["岗位名称", "经度", "纬度", "姓名", "手机号码", "层级"],
                    ["镇指挥长", *place(1), "张三", 13800138000, "镇级"],
                ]
            ),
            layer="command_posts",
            rows={2: "new"},
            values={2: {"holder": "张三", "holder_phone": "13800138000", "level": "乡镇级"}},
        ),
    ]


def _keys() -> list[Case]:
    twice = [*standard(), row(1, *place(5))]
    nameless = [*standard(2), ["003", None, "红", *place(3)]]
    town = [
        [*HEAD, "乡镇"],
        [*row(1), "西山镇"],
        [*row(2, 110.21, 30.1), "西山镇"],
        [*row(3, 110.35, 30.1), "西山镇"],
        [*row(4), "东河乡"],
    ]
    own = [[*HEAD, "乡镇"], [*row(1), "西山镇"], [*row(2, 110.35, 30.1), ""], [*row(3), "东河乡"]]
    return [
        Case(
            "keys-twice",
            xlsx_of(twice),
            rows={2: "duplicate_key", 3: "new", 4: "new", 5: "duplicate_key"},
        ),
        Case("keys-no-name", xlsx_of(nameless), rows={2: "new", 3: "new", 4: "name_missing"}),
        Case(
            "keys-same-name-other-place",
            xlsx_of([r[1:] for r in [*standard(2), ["x", *row(1, 110.3, 30.1)[1:]]]]),
            rows={2: "new", 3: "new", 4: "new"},
        ),
        Case(
            "region-contradicted",
            xlsx_of(town),
            rows={
                2: "new",
                3: "region_contradicted",
                4: "region_contradicted",
                5: "region_contradicted",
            },
        ),
        Case(
            "region-scope",
            xlsx_of(own),
            region="990101001",
            rows={2: "new", 3: "outside_region", 4: "other_region_named"},
        ),
    ]


def _old() -> list[Case]:
    rows = standard()
    numbers = [[*HEAD, "责任人电话"], *([int(r[0]), *r[1:], 13800138000] for r in rows[1:])]
    phone = {"responsible_phone": "13800138000"}
    locked = struct.pack("<HHHHH", 0x2F, 6, 0, 1, 2)
    return [
        good("xls", xls_of(rows)),
        good("xls-titles", xls_of([["云岭县台账"], [], *rows]), 4),
        Case(
            "xls-numbers",
            xls_of(numbers),
            rows=dict.fromkeys((2, 3, 4), "new"),
            values={2: phone | {"code": "1"}},
        ),
        Case("xls-password", xls_of(rows, extra=locked), refused="password"),
        Case("xls-cut", xls_of(rows)[:3000], refused="damaged"),
    ]
