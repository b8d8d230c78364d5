"""Files that look otherwise than they read: merged sums, struck texts, formats, second tables."""

from datetime import date
from typing import Any

import openpyxl
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.sheets import merge
from tests.corpus.write import csv_of, dumped, geojson_of, html_of, text_of, xlsx_of

DEPOT = ["储备库编号", "储备库名称", "经度", "纬度"]


def cases() -> list[Case]:
    return [*_merged(), *_struck(), _formats(), *_tables(), *_people(), *_places(), *_texts()]


def _merged() -> list[Case]:
    head = [*HEAD, "威胁人口", "乡镇", "防灾责任人"]
    rows = [head, [*row(1), 30, "西山镇", "张三"], [*row(2), None, None, None], [*row(3), 5]]
    stock = [[*DEPOT, "库房面积", "物资名称", "数量"], ["K1", "镇仓库", *place(1), 80, "帐篷", 20]]
    stock += [[None] * 5 + ["棉被", None], ["K2", "村仓库", *place(2), 9, "水泵", 2]]
    own = ("A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:E3")
    page = html_of(standard()).replace("<td>红</td>", "<td rowspan=2>红</td>", 1)
    page = page.replace("<td>青山2号滑坡</td><td>红</td>", "<td>青山2号滑坡</td>")
    return [
        Case("odd-merged-number", xlsx_of(rows, merge("F2:F3", "G2:G3", "H2:H3")),
             rows={2: "merged_number", 3: "merged_number", 4: "new"}),
        Case("odd-merged-text", xlsx_of([[*r[:5], *r[6:]] for r in rows], merge("F2:F3", "G2:G3")),
             rows={2: "new", 3: "new", 4: "new"}, values={3: {"responsible_person": "张三"}}),
        Case("odd-merged-quantity", xlsx_of(stock, merge(*own, "G2:G3")), layer="depots",
             rows={2: "merged_number", 3: "merged_number", 4: "new"}),
        Case("odd-merged-of-one-depot", xlsx_of([*stock[:2], [None] * 5 + ["棉被", 7], stock[3]],
             merge(*own)), layer="depots", rows={2: "new", 3: "new", 4: "new"},
             values={2: {"area": 80}}),
        good("odd-rowspan", page.encode(), values={3: {"risk_level": "重大"}}),
    ]  # fmt: skip


def _struck() -> list[Case]:
    def strike(book: openpyxl.Workbook) -> None:
        sheet: Any = book.worksheets[0]
        sheet["C3"].font = Font(strike=True)
        sheet["F2"].value = CellRichText("12", TextBlock(InlineFont(vertAlign="superscript"), "1"))
        sheet["B4"].value = CellRichText(TextBlock(InlineFont(strike=True), "旧名"), "新名滑坡")

    rows = [[*HEAD, "威胁人口"], *standard()[1:]]
    page = html_of(standard()).replace("<td>002</td>", "<td><s>002</s></td>")
    form = "<select><option>橙<option selected>红</select>"
    page = page.replace("<tr><td>003", '<tr style="display: none"><td>003')
    page = page.replace("<td>红</td>", f"<td>{form}</td>", 1)
    return [
        Case("odd-struck", xlsx_of(rows, strike),
             rows={2: "not_a_number", 3: "struck_out", 4: "struck_out"}),
        Case("odd-struck-in-page", page.encode(), rows={2: "new", 3: "struck_out", 4: "new"},
             values={2: {"risk_level": "重大"}}, also=frozenset({"hidden_rows"})),
    ]  # fmt: skip


def _formats() -> Case:
    """What is seen is what is meant."""
    day = date(2024, 5, 1)
    told = [
        (200000, "0.0,", 200), (12000, '0\\.0,"万"', 12000), (5, '0"万"', 50000), (7, '0"人"', 7),
        (1200, "#,##0", 1200),
    ]  # fmt: skip

    def tweak(book: openpyxl.Workbook) -> None:
        for at, (_, code, _) in enumerate(told, 2):
            book.worksheets[0].cell(at, 6).number_format = code
        book.worksheets[0]["G2"].number_format = 'yyyy"年"m"月"'

    rows = [[*HEAD, "威胁人口/人", "发现时间"]]
    rows += [[*row(i), value, day] for i, (value, *_) in enumerate(told, 1)]
    return Case(
        "odd-number-formats", xlsx_of(rows, tweak),
        rows={i + 1: "new" for i in range(1, 6)},
        values={i: {"threatened_people": n, "found_on": "2024-05-01"}
                for i, (*_, n) in enumerate(told, 2)},
        also=frozenset({"date_shortened"}),
    )  # fmt: skip


def _tables() -> list[Case]:
    below = [
        [*HEAD, "地址"],
        [*row(1), "一组"],
        ["二、其他"],
        [*HEAD, "防范措施"],
        [*row(2), "巡查"],
    ]
    beside = [[*HEAD, None, *HEAD], [*row(1), None, *row(2)], [*row(3), None, *row(4)]]
    pages = [HEAD, row(1), ["西山镇小计"], ["第1页，共2页"], HEAD, row(2), ["第2页"]]
    skipped = {3: "total_row", 4: "footer_row", 5: "repeated_heading", 7: "footer_row"}
    nested = f"<table><tr><td>{html_of(standard())}</td></tr></table>"
    return [
        Case("odd-table-below", xlsx_of(below),
             rows={2: "new", 3: "section_row", 4: "repeated_heading", 5: "second_table"}),
        Case("odd-table-beside", xlsx_of(beside), rows={2: "heading_twice", 3: "heading_twice"}),
        Case("odd-printed-pages", xlsx_of(pages), rows={2: "new", 6: "new", **skipped}),
        Case("odd-table-in-table", nested.encode(), refused="html_nested"),
    ]  # fmt: skip


def _people() -> list[Case]:
    words = ["责任人", "职务", "电话", "监测人", "职务", "电话"]
    told = ("张三", "村主任", "13800138000", "李四", "组长", "13900139000")
    stored = {"responsible_post": "村主任", "monitor_person": "李四", "monitor_phone": told[-1]}
    head = ["隱患點編號", "隱患點名稱", "風險等級", "經度", "緯度", "威脅人口", "聯繫電話"]
    rows = [head, *([*r[:2], "較大", *r[3:], 3] for r in standard()[1:])]
    return [
        Case("odd-post-twice", xlsx_of([[*HEAD, *words], [*row(1), *told],
             [*row(2), *told[:4], "会计", told[5]]]), rows={2: "new", 3: "new"},
             values={2: stored, 3: stored}, also=frozenset({"column_unused"})),
        good("odd-traditional", xlsx_of(rows),
             values={2: {"risk_level": "较大", "threatened_people": 3}}),
    ]  # fmt: skip


def _places() -> list[Case]:
    x, y = place(1)
    crossed = [[*HEAD[:3], "经度(GCJ02)", "经度(WGS84)", "纬度(WGS84)", "纬度(GCJ02)"]]
    crossed.append([*row(1)[:3], x + 0.006, x, y, y - 0.003])
    groups = [[*HEAD[:3], "高德坐标", None, "WGS84坐标", None], [None] * 3 + ["经度", "纬度"] * 2]
    groups.append([*row(1)[:3], x + 0.006, y - 0.003, x, y])
    mixed = [[*HEAD[:3], "高德经度", "纬度(WGS84)"], [*row(1)[:3], x, y]]
    twice = [[*HEAD, "坐标"], [*row(1), "110.15,30.15"], [*row(2), f"{place(2)[0]},{place(2)[1]}"]]
    other = [[*HEAD[:3], "经度（高德）", "纬度（高德）"], row(1)]
    return [
        good("odd-pairs-crossed", xlsx_of(crossed), count=1, also=frozenset({"heading_ignored"})),
        good("odd-two-groups", xlsx_of(groups, merge("D1:E1", "F1:G1")), 3, 1),
        Case("odd-axes-of-two-systems", xlsx_of(mixed), rows={2: "crs_of_axes_differs"}),
        Case("odd-two-places", csv_of(twice), rows={2: "two_places", 3: "new"}),
        Case("odd-heading-against-choice", csv_of(other), rows={2: "crs_heading_differs"}),
    ]  # fmt: skip


def _texts() -> list[Case]:
    ditto = [[*HEAD, "地址", "责任人"], [*row(1), "一组", "张三"], [*row(2), "（同 上）", "〃"]]
    swallowed = text_of(standard(4)).replace("青山1", '"青山1').replace("青山3号滑坡", '青山3号"')
    name = '"隐患点名称": "青山1'
    content = dumped(geojson_of(standard())).decode()
    twice = content.replace(name, f'"隐患点名称": "a", {name}')
    stock = [
        [*DEPOT, "库房面积", "物资名称", "数量"],
        ["K1", "镇仓库", *place(1), "80㎡", "水泵", 2],
    ]
    stock += [[None] * 5 + ["帐篷", 3], [None] * 5 + ["小 计", 5]]
    stock.append(["K2", "村仓库", *place(2), "1.5亩", "水泵", 1])
    listed = [[*DEPOT, "储备物资"], ["K1", "镇仓库", *place(1), "帐篷20顶；合计20件"]]
    items = [{"item": "水泵", "quantity": 2}, {"item": "帐篷", "quantity": 3}]
    return [
        Case("odd-total-of-items", xlsx_of(stock), layer="depots",
             rows={2: "new", 3: "new", 4: "total_row", 5: "new"},
             values={2: {"items": items, "area": 80}, 5: {"area": 1000}}),
        Case("odd-total-in-list", xlsx_of(listed), layer="depots", rows={2: "record_unreadable"}),
        Case("odd-ditto", xlsx_of(ditto), rows={2: "new", 3: "ditto"}),
        Case("odd-quotes-over-rows", swallowed.encode(), refused="csv_quotes"),
        Case("odd-property-twice", twice.encode(), refused="geojson_twice"),
    ]  # fmt: skip
