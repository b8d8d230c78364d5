"""Sheets as people make them: headings in groups, two things in a cell, one column an item."""

from typing import Any

import pytest

from mapsvc.catalog import Catalog
from mapsvc.ingest.check import Checked, check
from mapsvc.ingest.ledger import Ledger, gather
from mapsvc.ingest.sandbox import Reading, Sheet


def sheet(rows: list[list[Any]], name: str = "台账") -> Sheet:
    width = max(map(len, rows))
    table = [[str(c or "") for c in row] + [""] * (width - len(row)) for row in rows]
    columns = [list(column) for column in zip(*table, strict=True)]
    return Sheet(name, True, 1, None, False, list(range(1, len(rows) + 1)), columns, [])


def read(catalog: Catalog, rows: list[list[Any]], layer: str = "risk_points") -> Any:
    found: Ledger = gather(Reading("xlsx", "", [sheet(rows)]), catalog.layer(layer))
    checked: Checked = check(found, catalog.layer(layer))
    return found, checked


def said(found: Ledger) -> list[str]:
    return [p.code for p in found.problems]


def test_a_group_gives_its_words_to_the_columns_under_it(catalog: Catalog) -> None:
    found, checked = read(
        catalog,
        [
            ["编号", "隐患点名称", "位置", None, "监测责任人", None, "防灾责任人", None, None],
            [None, None, "经度", "纬度", "姓名", "联系电话", "姓名", "职务", "手机"],
            ["1", "甲", "112.5", "28.2", "张三", "13800138000", "李四", "镇长", "13900139000"],
        ],
    )
    assert found.parts[0].heading.first == 2
    assert checked.fields["monitor_person"] == ["张三"]
    assert checked.fields["monitor_phone"] == ["13800138000"]
    assert checked.fields["responsible_person"] == ["李四"]
    assert checked.fields["responsible_phone"] == ["13900139000"]
    assert checked.fields["responsible_post"] == ["镇长"]
    assert checked.problems == []


def test_a_phone_of_somebody_else_is_nobodys(catalog: Catalog) -> None:
    found, checked = read(
        catalog,
        [
            ["编号", "名称", "经度", "纬度", "村级网格员", None],
            [None, None, None, None, "姓名", "电话"],
            ["1", "甲", "112.5", "28.2", "王五", "13800138000"],
        ],
    )
    assert "responsible_phone" not in checked.fields
    unused = [p.column for p in found.problems if p.code == "column_unused"]
    assert unused == ["村级网格员姓名", "村级网格员电话"]


def test_three_rows_of_headings(catalog: Catalog) -> None:
    found, checked = read(
        catalog,
        [
            ["编号", "名称", "基本情况", None, None, None],
            [None, None, "坐标", None, "威胁", None],
            [None, None, "经度", "纬度", "人数（人）", "户数（户）"],
            ["1", "甲", "112.5", "28.2", "3", "1"],
        ],
    )
    assert found.parts[0].heading.first == 3
    assert checked.fields["threatened_people"] == [3]
    assert checked.fields["threatened_households"] == [1]


def test_lines_about_the_table_are_no_part_of_its_heading(catalog: Catalog) -> None:
    found, checked = read(
        catalog,
        [
            ["应急物资储备情况统计表"],
            ["单位：青岚街道（盖章）", None, None, None, None, "填报日期：2026年11月20日"],
            ["序号", "储备库名称", "坐标", None, "救灾物资（数量）", None],
            [None, None, "经度", "纬度", "帐篷（顶）", "棉被（床）"],
            ["1", "甲库", "112.5", "28.2", "20", "50"],
        ],
        "depots",
    )
    assert [c.heading for c in found.parts[0].heading.columns][-2:] == [
        "救灾物资（数量）帐篷（顶）",
        "救灾物资（数量）棉被（床）",
    ]
    assert [item["quantity"] for item in checked.fields["items"][0]] == [20, 50]


def test_rows_with_a_number_of_another_kind_part_the_table(catalog: Catalog) -> None:
    head = ["序号", "储备库名称", "经度", "纬度"]
    rows = [["1", "甲库", "112.5", "28.2"], ["2", "乙库", "112.6", "28.2"]]
    parted = [head, ["一", "望江片区"], rows[0], ["（二）", "滨河片区"], rows[1]]
    found, _ = read(catalog, parted, "depots")
    assert found.skipped == {0: "section_row", 2: "section_row"}
    for kept in (
        [head, ["一", "甲库"], ["二", "乙库", "112.6", "28.2"]],
        [head, ["一", "甲库", "112.5", "28.2"], *rows],
        [head, ["一", "甲库", None, None, "13800000000"], *rows],
    ):
        found, _ = read(catalog, kept, "depots")
        assert found.skipped == {}


def test_only_the_first_of_a_numbered_group_is_taken(catalog: Catalog) -> None:
    head = ["编号", "名称", "经度", "纬度"]
    found, checked = read(
        catalog,
        [
            [*head, "监测人姓名1", "监测人电话1", "监测人姓名2", "监测人电话2"],
            ["1", "甲", "112.5", "28.2", "张三", "13800138000", "李四", "13900139000"],
        ],
    )
    assert checked.fields["monitor_person"] == ["张三"]
    assert checked.fields["monitor_phone"] == ["13800138000"]
    assert [p.column for p in found.problems] == ["监测人姓名2", "监测人电话2"]


@pytest.mark.parametrize(
    ("cell", "person", "phone"),
    [
        ("张三13800138000", "张三", "13800138000"),
        ("张三（13800138000）", "张三", "13800138000"),
        ("张三 138 0013 8000", "张三", "13800138000"),
        ("张三：13800138000、0731-88001122", "张三", "13800138000、0731-88001122"),
        ("张三电话13800138000；李四电话13900139000", "张三、李四", "13800138000、13900139000"),
        ("13800138000张三", "张三", "13800138000"),
        ("张三", "张三", None),
    ],
)
def test_name_and_phone_in_one_cell(
    catalog: Catalog, cell: str, person: str, phone: str | None
) -> None:
    head = ["编号", "名称", "经度", "纬度", "包保责任人及电话"]
    rows = [
        head,
        ["1", "甲", "112.5", "28.2", cell],
        ["2", "乙", "112.5", "28.3", "王五15800158000"],
    ]
    found, checked = read(catalog, rows)
    assert checked.problems == []
    assert checked.fields["responsible_person"] == [person, "王五"]
    assert checked.fields["responsible_phone"] == [phone, "15800158000"]
    assert said(found) == ["person_split"]


@pytest.mark.parametrize(
    "cell", ["张三李四13800138000转", "张三 镇长 13800138000", "张3 13800138000"]
)
def test_what_does_not_come_apart_is_refused(catalog: Catalog, cell: str) -> None:
    head = ["编号", "名称", "经度", "纬度", "责任人"]
    _, checked = read(catalog, [head, ["1", "甲", "112.5", "28.2", cell]])
    assert checked.fields["responsible_person"] == [None] or "转" in cell
    if "转" not in cell:
        assert [p.code for p in checked.problems] == ["person_with_phone"]


def test_a_phone_beside_that_says_otherwise_is_not_overwritten(catalog: Catalog) -> None:
    head = ["编号", "名称", "经度", "纬度", "责任人", "责任人电话"]
    _, checked = read(
        catalog, [head, ["1", "甲", "112.5", "28.2", "张三13800138000", "13900139000"]]
    )
    assert [p.code for p in checked.problems] == ["person_with_phone"]


def test_one_column_an_item(catalog: Catalog) -> None:
    found, checked = read(
        catalog,
        [
            [
                "储备库名称",
                "经度",
                "纬度",
                "储备物资",
                None,
                None,
                None,
                "库房面积",
                "奇怪列",
                "高程",
            ],
            [
                None,
                None,
                None,
                "救灾帐篷（顶）",
                "棉被",
                "棉衣、棉大衣",
                "自热米饭/箱",
                None,
                None,
                None,
            ],
            ["甲库", "112.5", "28.2", "20", "100床", "0", "1,200", "80", "文字", "120"],
            ["乙库", "112.6", "28.2", "2千", "若干", "5", "无", "80", None, "130"],
        ],
        "depots",
    )
    assert checked.fields["items"][0] == [
        {"item": "救灾帐篷", "quantity": 20, "unit": "顶"},
        {"item": "棉被", "quantity": 100, "unit": "床"},
        {"item": "棉衣、棉大衣", "quantity": 0},
        {"item": "自热米饭", "quantity": 1200, "unit": "箱"},
    ]
    # Each of them, at the column and with the words of their file.
    assert [(p.row, p.code, p.column, p.value) for p in checked.problems] == [
        (4, "item_not_a_number", "储备物资救灾帐篷（顶）", "2千"),
        (4, "item_not_a_number", "储备物资棉被", "若干"),
    ]
    note = next(p for p in found.problems if p.code == "items_from_columns")
    assert "救灾帐篷、棉被、棉衣、棉大衣、自热米饭" in note.message
    assert [p.column for p in found.problems if p.code == "column_unused"] == ["奇怪列", "高程"]


def test_numbers_alone_make_no_stock_table(catalog: Catalog) -> None:
    rows = [["名称", "经度", "纬度", "神秘"], ["甲库", "112.5", "28.2", "20"]]
    found, checked = read(catalog, rows, "depots")
    assert "items" not in checked.fields
    assert said(found) == ["column_unused"]
