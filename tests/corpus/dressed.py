"""What is told by number formats, colours, boxes and columns side by side."""

import struct
from typing import Any

import openpyxl
from openpyxl.styles import PatternFill

from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.write import xlsx_of
from tests.corpus.xls import number_format, record, styled, xls_of

_DEPOT = ["储备库编号", "储备库名称", "经度", "纬度"]
_DEPOTS = {"layer": "depots"}


def cases() -> list[Case]:
    return [*_side_by_side(), *_planned(), *_formats(), *_colours(), *_chosen(), *_counts()]


def _things(*things: tuple[Any, ...]) -> dict[str, Any]:
    names = ("item", "quantity", "unit")
    return {"items": [dict(zip(names, thing, strict=False)) for thing in things]}


def _side_by_side() -> list[Case]:
    """Groups of columns that repeat, and a column of units behind each thing."""
    one, two = ["K1", "一号仓库", *place(1)], ["K2", "二号仓库", *place(2)]
    tents, quilts = ("帐篷", 10, "顶"), ("棉被", 20, "床")
    both = [
        [*one, "帐篷", 10, "顶", "棉被", 20, "床"],
        [*two, "水泵", "2台", None, None, None, None],
    ]
    values = {2: _things(tents, quilts), 3: _things(("水泵", 2, "台"))}
    again = [[*_DEPOT, *["物资名称", "数量", "单位"] * 2], *both]
    numbered = [[*_DEPOT, "物资一", "数量一", "单位一", "物资二", "数量二", "单位二"], *both]
    half = [
        [*_DEPOT, "物资1", "数量1", "物资2", "数量2"],
        [*one, "帐篷", 10, "棉被", None],
        [*two, None, 5, "棉被", 3],
        ["K3", "三号仓库", *place(3), "帐篷", "若干", "棉被", 3],
    ]
    wide = [
        [*_DEPOT, "救灾帐篷", "单位", "棉被", "单位"],
        [*one, 10, "顶", 0, "床"],
        [*two, 5, "顶", None, None],
    ]
    stock: dict[int, Any] = {
        2: _things(("救灾帐篷", 10, "顶"), ("棉被", 0, "床")),
        3: _things(("救灾帐篷", 5, "顶")),
    }
    under: list[list[Any]] = [[*_DEPOT, "救灾物资", None], [None] * 4 + ["帐篷", "棉被"]]
    under += [[None] * 4 + ["顶", "床"], [*one, 10, 20]]

    def merge(book: openpyxl.Workbook) -> None:
        for cells in ("A1:A3", "B1:B3", "C1:C3", "D1:D3", "E1:F1"):
            book.worksheets[0].merge_cells(cells)

    new = {2: "new", 3: "new"}
    incomplete = {2: "record_incomplete", 3: "record_incomplete", 4: "item_not_a_number"}
    return [
        Case("groups-again", xlsx_of(again), new, values=values, **_DEPOTS),
        Case("groups-numbered", xlsx_of(numbered), new, values=values, **_DEPOTS),
        Case("groups-halves", xlsx_of(half), incomplete, **_DEPOTS),
        Case("wide-units-beside", xlsx_of(wide), new, values=stock, **_DEPOTS),
        Case("wide-units-below-merged", xlsx_of(under, merge), {4: "new"},
             values={4: _things(tents, quilts)}, **_DEPOTS),
    ]  # fmt: skip


def _planned() -> list[Case]:
    """What a column of a thing counts, and in which unit."""
    one = ["K1", "一号仓库", *place(1)]
    wide = [
        [
            *_DEPOT,
            "编织袋（万条）",
            "N95口罩（只）",
            "帐篷金额",
            "棉被（5斤）",
            "棉被（8斤）",
            "毛毯（元）",
        ],
        [*one, 1.5, 100, 3, 20, 30, 500],
    ]
    stock = _things(("编织袋", 15000, "条"), ("N95口罩", 100, "只"), ("棉被(5斤)", 20))
    stock["items"].append({"item": "棉被(8斤)", "quantity": 30})
    planned: list[list[Any]] = [[*_DEPOT, "帐篷", None, "棉被", None]]
    planned += [[None] * 4 + ["应储", "实储"] * 2, [*one, 10, 8, 20, 15]]
    expires = [
        [*_DEPOT, "物资1", "数量1", "有效期1", "物资2", "数量2", "有效期2"],
        [*one, "方便面", 10, "2028-01-01", "药品", 5, "长期"],
        ["K2", "二号仓库", *place(2), "方便面", 10, "2028年1月1日", None, None, None],
    ]
    words = [[*_DEPOT, "物资名称", "品名", "数量", "库存数量"], [*one, "帐篷", "救灾帐篷", 10, 8]]
    tall: list[list[Any]] = [[*_DEPOT, "救灾物资", None, None, None]]
    tall += [[None] * 4 + ["帐篷", None, "棉被", None], [None] * 4 + ["数量", "单位"] * 2]
    tall.append([*one, 10, "顶", 20, "床"])
    threat: list[list[Any]] = [["编号", "名称", "位置", None, "威胁情况", None]]
    threat += [[None, None, "经度", "纬度", "户数", "人口"], [None] * 4 + ["（户）", "（人）"]]
    threat.append(["001", "青山1号滑坡", *place(1), 3, 10])

    def bind(book: openpyxl.Workbook) -> None:
        for cells in ("A1:A3", "B1:B3", "C1:C3", "D1:D3", "E1:H1", "E2:F2", "G2:H2"):
            book.worksheets[0].merge_cells(cells)

    eaten = {"item": "方便面", "quantity": 10, "expires": "2028-01-01"}

    def merge(book: openpyxl.Workbook) -> None:
        for cells in ("A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:F1", "G1:H1"):
            book.worksheets[0].merge_cells(cells)

    unused = frozenset({"column_unused"})
    return [
        Case("wide-measures", xlsx_of(wide), {2: "new"}, values={2: stock}, also=unused, **_DEPOTS),
        Case("wide-planned", xlsx_of(planned, merge), {3: "new"}, also=unused,
             values={3: _things(("帐篷", 8), ("棉被", 15))}, **_DEPOTS),
        Case("two-words-for-a-thing", xlsx_of(words), {2: "new"},
             values={2: _things(("帐篷", 10))}, also=frozenset({"heading_ignored"}), **_DEPOTS),
        Case("wide-of-three-rows", xlsx_of(tall, bind), {4: "new"},
             values={4: _things(("帐篷", 10, "顶"), ("棉被", 20, "床"))}, **_DEPOTS),
        Case("units-as-third-row", xlsx_of(threat), {4: "new"},
             values={4: {"threatened_households": 3, "threatened_people": 10}}),
        Case("groups-expire", xlsx_of(expires), {2: "not_a_date", 3: "new"},
             values={3: {"items": [eaten]}}, **_DEPOTS),
    ]  # fmt: skip


def _formats() -> list[Case]:
    """Words that a format puts around what stands in the cell."""
    rows = [[*HEAD, "威胁人口"], [*row(1), 12], [*row(2), 7], [*row(3), 30], [*row(4), 5]]

    def dress(book: openpyxl.Workbook) -> None:
        for cell, code in {
            "F2": '0"人"', "F3": '#,##0"户"', "F4": '"约"0"人"', "B5": '"西山镇"@', "F5": "0_ ;-0",
        }.items():  # fmt: skip
            book.worksheets[0][cell].number_format = code

    fates = {2: "new", 3: "not_a_number", 4: "not_a_number", 5: "new"}
    values: dict[int, Any] = {2: {"threatened_people": 12}, 5: {"name": "西山镇青山4号滑坡"}}
    text = "青山1号滑坡".encode("utf-16-le")
    label = record(0x204, struct.pack("<HHHHB", 1, 1, 1, len(text) // 2, 1) + text)
    old = [[*HEAD, "威胁人口"], ["001", None, "红", *place(1)], [*row(2)]]
    return [
        Case("format-words", xlsx_of(rows, dress), fates, values=values),
        Case("xls-format-around", xls_of(old, extra=number_format('"西山镇"@'), more=label),
             {2: "new", 3: "new"}, values={2: {"name": "西山镇青山1号滑坡"}}),
        Case("xls-format-unit", xls_of([*old[:1], row(1), row(2)], extra=number_format('0"户"'),
             more=styled(1, 5, 7)), {2: "not_a_number", 3: "new"}),
    ]  # fmt: skip


def _colours() -> list[Case]:
    """Grades that only a colour tells are told of."""

    def fill(book: openpyxl.Workbook) -> None:
        for cell, colour in {"A2": "FF0000", "C3": "FFC000", "A4": "FFFF00"}.items():
            book.worksheets[0][cell].fill = PatternFill("solid", fgColor=f"FF{colour}")

    blank = [r[:2] + r[3:] for r in standard()]
    cells = [[*r[:2], None, *r[3:]] if at else r for at, r in enumerate(standard())]
    styles = b"".join(
        record(0xE0, struct.pack("<HH10xIH", 0, 0, solid << 26, colour))
        for solid, colour in ((0, 64), (1, 10))
    )
    red = record(0x201, struct.pack("<HHH", 1, 2, 1))
    return [
        good("colour-rows", xlsx_of(blank, fill), also=frozenset({"colours_unread"})),
        good("colour-cells", xlsx_of(cells, fill), also=frozenset({"colour_unread"})),
        good(
            "xls-colour", xls_of(cells, extra=styles, more=red), also=frozenset({"colour_unread"})
        ),
    ]


def _chosen() -> list[Case]:
    """A box that is ticked, a phone with the place where it rings, a post of nobody's office."""
    boxes = [HEAD, *([*r[:2], "□重大 ☑较大 □一般", *r[3:]] for r in standard()[1:])]
    boxes[3][2] = "☑重大 ☑较大"
    ticks: list[list[Any]] = [["编号", "隐患点名称", "风险等级", None, None, "经度", "纬度"]]
    ticks += [[None, None, "重大", "较大", "一般", None, None]]
    ticks += [["001", "青山1号滑坡", None, "√", None, *place(1)]]
    ticks += [["002", "青山2号滑坡", "√", "√", None, *place(2)]]
    able = [["队伍名称", "救援能力", "经度", "纬度"], ["一队", "☑破拆 □医疗 ☑水上", *place(1)]]
    phones = [[*HEAD, "责任人电话"], [*row(1), "办0745-5612345 手13800138000"]]
    shared = [[*HEAD, "监测人/电话"], [*row(1), "13800138000"], [*row(2), "李四13900139000"]]
    posts = [["单位", "职务", "经度", "纬度"], ["镇政府", "镇长", *place(1)]]
    posts.append([None, "副镇长", *place(2)])
    return [
        Case("boxes", xlsx_of(boxes), {2: "new", 3: "new", 4: "not_in_list"},
             values={2: {"risk_level": "较大"}}),
        Case("ticks-in-columns", xlsx_of(ticks), {3: "new", 4: "not_in_list"},
             values={3: {"risk_level": "较大"}}, also=frozenset({"ticks_read"})),
        Case("boxes-many", xlsx_of(able), {2: "new"}, layer="forces",
             values={2: {"capabilities": ["破拆", "水上"]}}),
        Case("phones-where", xlsx_of(phones), {2: "new"},
             values={2: {"responsible_phone": "0745-5612345、13800138000",
                         "responsible_person": None}}),
        Case("phone-without-name", xlsx_of(shared), {2: "new", 3: "new"},
             values={2: {"monitor_phone": "13800138000"}, 3: {"monitor_person": "李四"}}),
        Case("post-of-nobody", xlsx_of(posts), {2: "new", 3: "name_missing"},
             layer="command_posts"),
    ]  # fmt: skip


def _counts() -> list[Case]:
    """Several counts in one cell, words below the footer, and a day that shows only its hour."""
    both = [[*HEAD, "受威胁户数/人数"], [*row(1), "12户45人"], [*row(2), "3/10"], [*row(3), "很多"]]
    both += [[*row(4), "9人（4户）"], [*row(5), "6户"]]
    people = [[*HEAD, "威胁人口"], [*row(1), "45人（12户）"], [*row(2), "3户10人"], [*row(3), 7]]
    single = [[*HEAD, "威胁人口"], [*row(1), "12户45人"], [*row(2), 3], [*row(3), 7]]
    counts = {"threatened_people": 45, "threatened_households": 12}
    fewer = {"threatened_people": 10, "threatened_households": 3}
    end = [*standard(1), ["备注：1.由乡镇填写；"], ["2.人口为常住人口。"], ["（一式两份）"]]
    hours = [[*HEAD, "发现时间"], [*row(1), 45413.354]]

    def clock(book: openpyxl.Workbook) -> None:
        book.worksheets[0]["F2"].number_format = "h:mm"

    split = frozenset({"counts_split"})
    return [
        Case("counts-two-named", xlsx_of(both),
             {2: "new", 3: "new", 4: "not_a_number", 5: "new", 6: "new"},
             values={2: counts, 3: fewer, 5: {"threatened_people": 9}, 6: {
                 "threatened_people": None, "threatened_households": 6}}, also=split),
        Case("counts-among-people", xlsx_of(people), {2: "new", 3: "new", 4: "new"},
             values={2: counts, 3: fewer, 4: {"threatened_people": 7}}, also=split),
        Case("counts-one-odd", xlsx_of(single), {2: "not_a_number", 3: "new", 4: "new"}),
        Case("footer-goes-on", xlsx_of(end),
             {2: "new", 3: "footer_row", 4: "footer_row", 5: "footer_row"}),
        Case("date-shows-hour", xlsx_of(hours, clock), {2: "new"},
             also=frozenset({"date_shortened"})),
    ]  # fmt: skip
