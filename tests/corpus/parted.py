"""Rows and cells that part or join others: bands, merges, 其中, units behind numbers, remarks."""

import struct
from typing import Any

import openpyxl
from openpyxl.comments import Comment

from tests.corpus.case import HEAD, Case, row, standard
from tests.corpus.write import html_of, xlsx_of
from tests.corpus.xls import number_format, record, styled, xls_of

STOCK = ["储备点名称", "物资名称", "数量", "单位", "经度", "纬度"]


def cases() -> list[Case]:
    return [*_bands(), *_across(), *_counts(), *_money(), *_dressed()]


def _merged(*ranges: str) -> Any:
    def tweak(book: openpyxl.Workbook) -> None:
        for cells in ranges:
            book.worksheets[0].merge_cells(cells)

    return tweak


def _bands() -> list[Case]:
    far = ["004", "东河滑坡", "红", 110.2612, 30.0523]
    towns = [HEAD, ["▲西山镇"], row(1), ["二、东河乡（1处）"], far, ["东河乡"], row(2)]
    pages = [["隐患点台账"], HEAD, row(1), ["隐患点台账"], HEAD, row(2), ["西山镇 汇总", None, 2]]
    posts = [["职务", "姓名", "手机号码", "经度", "纬度"], ["西山镇人民政府"]]
    posts += [["镇长", "张三", "13800138000", *row(1)[3:]]]
    wide = [HEAD, ["地质灾害类"], row(1), ["", "石门危房"]]
    section = {2: "section_row", 4: "section_row", 6: "section_row"}
    return [
        Case("band-towns", xlsx_of(towns),
             rows=section | {3: "new", 5: "new", 7: "region_contradicted"}),
        Case("band-of-another-town", xlsx_of(towns), region="990101001",
             rows=section | {3: "new", 5: "other_region_named", 7: "other_region_named"}),
        Case("band-title-again", xlsx_of(pages), rows={
            3: "new", 4: "repeated_heading", 5: "repeated_heading", 6: "new", 7: "total_row"}),
        Case("band-unit", xlsx_of(posts), layer="command_posts", rows={2: "section_row", 3: "new"},
             values={3: {"name": "西山镇人民政府镇长", "unit": "西山镇人民政府"}}),
        Case("band-merged-over-all", xlsx_of(wide, _merged("A2:E2")),
             rows={2: "section_row", 3: "new", 4: "coordinates_missing"}),
    ]  # fmt: skip


def _across() -> list[Case]:
    head = [*HEAD, "责任人", "联系电话", "威胁人口", "威胁户数"]
    rows = [head, [*row(1), "张三", None, 1, 2], [*row(2), "李四13900139000", None, 5, 2]]
    rows += [[*row(3), "王五", "13700137000", 12, None]]
    page = html_of(rows[:2]).replace("<td>张三</td><td>None</td>", "<td colspan=2>张三</td>")
    told = frozenset({"merged_columns"})
    stored = {"responsible_person": "张三", "responsible_phone": None, "threatened_households": 2}
    split = {"responsible_person": "李四", "responsible_phone": "13900139000"}
    return [
        Case("across-columns", xlsx_of(rows, _merged("F2:G2", "F3:G3", "H4:I4")), also=told,
             rows={2: "new", 3: "new", 4: "merged_numbers"}, values={2: stored, 3: split}),
        Case("across-columns-html", page.encode(), also=told, rows={2: "new"},
             values={2: stored}),
    ]  # fmt: skip


def _counts() -> list[Case]:
    x, y = row(1)[3:]
    parts = [STOCK, ["镇库", "帐篷", "30顶", None, x, y], ["镇库", "其中：单帐篷", 20, "顶", x, y]]
    parts += [["镇库", "棉帐篷", 10, "顶", x, y], ["镇库", "一、生活类", None, None, x, y]]
    parts += [["镇库", "棉被", "2万床", "床", x, y], ["村库", "水泵", "3台", "件", x, y + 0.01]]
    columns = [["储备点名称", "经度", "纬度", "帐篷（顶）", "其中：单帐篷", "棉被"]]
    columns += [["镇库", x, y, 30, 20, 5]]
    chance = [*parts[:3], ["镇库", "棉被", 30, "床", x, y]]
    chance += [["镇库", "其中：旧棉被", 20, "床", x, y], ["村库", "棉被", 10, "床", x, y + 0.01]]
    chance[1] = ["镇库", "帐篷", 30, "顶", x, y]
    summed = [["储备点名称", "经度", "纬度", "帐篷（顶）", "棉被", "合计"]]
    summed += [["镇库", x, y, 30, 5, 35]]
    beside = [["队伍名称", "负责人及电话", None, "经度", "纬度"]]
    beside += [["甲队", "张三", "13800138000", x, y]]
    listed = [["储备点名称", "物资清单", "经度", "纬度"]]
    listed += [["镇库", "帐篷30顶（其中单帐篷20顶）；棉被5床", x, y]]
    listed += [["村库", "帐篷30顶，其中单帐篷20顶，棉被5床", x, y + 0.01]]
    glued = [["队伍名称", "人数", "主要装备", "经度", "纬度"]]
    texts = ("消防车*2 水泵*4", "2辆消防车、4台水泵", "对讲机10 水泵4", "编织袋1.5万条；弹 50枚")
    glued += [[f"{i}队", 5, text, x, y + i / 100] for i, text in enumerate(texts)]
    trucks: dict[str, Any] = {"item": "消防车", "quantity": 2}
    pumps: dict[str, Any] = {"item": "水泵", "quantity": 4}
    two = [trucks | {"unit": "辆"}, pumps | {"unit": "台"}]
    bags = [{"item": "编织袋", "unit": "条", "quantity": 15000},
            {"item": "弹", "unit": "枚", "quantity": 50}]  # fmt: skip
    tents: dict[str, Any] = {"item": "帐篷", "unit": "顶", "quantity": 30}
    quilts: dict[str, Any] = {"item": "棉被", "unit": "床", "quantity": 5}
    many = [tents, quilts | {"quantity": 20000}]
    return [
        Case("parts-in-rows", xlsx_of(parts), layer="depots", values={2: {"items": many}},
             rows={2: "new", 3: "part_row", 4: "part_row", 5: "section_row", 6: "new",
                   7: "not_a_number"}),
        Case("parts-by-chance", xlsx_of(chance), layer="depots",
             rows={2: "new", 3: "part_row", 4: "new", 5: "part_row", 6: "new"},
             values={2: {"items": [tents, quilts | {"quantity": 30}]}}),
        Case("items-glued", xlsx_of(glued), layer="forces",
             rows={2: "new", 3: "new", 4: "record_unreadable", 5: "new"},
             values={2: {"equipment": [trucks, pumps]}, 3: {"equipment": two},
                     5: {"equipment": bags}}),
        Case("parts-in-columns", xlsx_of(columns), layer="depots", rows={2: "new"},
             values={2: {"items": [tents, {"item": "棉被", "quantity": 5}]}},
             also=frozenset({"column_unused"})),
        Case("parts-beside-a-sum", xlsx_of(summed), layer="depots", rows={2: "new"},
             values={2: {"items": [tents, {"item": "棉被", "quantity": 5}]}},
             also=frozenset({"column_unused"})),
        Case("phone-beside-its-person", xlsx_of(beside, _merged("B1:C1")), layer="forces",
             rows={2: "new"}, values={2: {"leader": "张三", "leader_phone": "13800138000"}}),
        Case("parts-in-lists", xlsx_of(listed), layer="depots", rows={2: "new", 3: "item_parts"},
             values={2: {"items": [tents, quilts]}}, also=frozenset({"item_parts_left"})),
    ]  # fmt: skip


def _money() -> list[Case]:
    def shown(code: str) -> Any:
        def tweak(book: openpyxl.Workbook) -> None:
            book.worksheets[0]["F2"].number_format = code

        return tweak

    bare = [[*HEAD, "威胁财产"], [*row(1), 120000]]
    named = [[*HEAD, "威胁财产（元）"], bare[1]]
    old = [[*HEAD, "威胁财产"], row(1)]
    code = number_format("¥#,##0.00")
    return [
        Case("money-without-a-unit", xlsx_of(bare, shown("¥#,##0.00")), rows={2: "money_unit"}),
        Case("money-with-a-unit", xlsx_of(named, shown("¥#,##0.00")), rows={2: "new"},
             values={2: {"threatened_property": 12}}),
        Case("money-xls", xls_of(old, extra=code, more=styled(1, 5, 120000)),
             rows={2: "money_unit"}),
    ]  # fmt: skip


def _dressed() -> list[Case]:
    """Parts of texts in an xls that are struck out or raised; a remark; a month as a date."""
    fonts = b"".join(
        record(0x31, struct.pack("<HHHHHBBBB", 200, flags, 0, 400, above, 0, 0, 0, 0) + b"\1\0A")
        for flags, above in ((0, 0),) * 4 + ((8, 0), (0, 1))
    )
    texts = record(0xFC, struct.pack("<II", 2, 2) + _rich("旧名新名", 5, 2) + _rich("121", 6, 0))
    extra = fonts + number_format('yyyy"年"m"月"') + texts
    rows = [[*HEAD, "威胁人口", "发现时间"], row(1), row(2), row(3)]
    rows[1][1] = None
    more = _label(1, 1, 0) + _label(2, 5, 1) + styled(3, 6, 45047)
    more += record(0x1C, struct.pack("<HHHH", 3, 2, 0, 1) + b"\1\0\0A")

    def remark(book: openpyxl.Workbook) -> None:
        book.worksheets[0]["C2"].comment = Comment("应为较大", "县局")

    told = frozenset({"date_shortened", "remark_unread"})
    return [
        Case("xls-dressed", xls_of(rows, extra=extra, more=more), also=told,
             rows={2: "struck_out", 3: "not_a_number", 4: "new"}),
        Case("xlsx-remark", xlsx_of(standard(), remark), also=frozenset({"remark_unread"}),
             rows={2: "new", 3: "new", 4: "new"}),
    ]  # fmt: skip


def _rich(text: str, font: int, start: int) -> bytes:
    """A shared text that goes on in another font from `start`, or stands in it up to there."""
    runs = ((0, font), (start, 0)) if start else ((len(text) - 1, font),)
    head = struct.pack("<HBH", len(text), 9, len(runs)) + text.encode("utf-16-le")
    return head + b"".join(struct.pack("<HH", *run) for run in runs)


def _label(at: int, column: int, index: int) -> bytes:
    return record(0xFD, struct.pack("<HHHI", at, column, 0, index))
