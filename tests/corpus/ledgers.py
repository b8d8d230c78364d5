"""Whole ledgers as bureaus keep them: title, deep headings, groups, persons, totals, signatures."""

from typing import Any

import openpyxl

from tests.corpus.case import Case, place
from tests.corpus.write import xlsx_of

_DEPOTS = {"layer": "depots"}


def cases() -> list[Case]:
    return [_geology(), _floods(), _stock(), _remarks_too_long(), _same_item_twice(), _teams()]


def _merge(*cells: str) -> Any:
    def merge(book: openpyxl.Workbook) -> None:
        for each in cells:
            book.worksheets[0].merge_cells(each)

    return merge


def _geology() -> Case:
    """Angles in six columns under three rows of headings; the threat in three under one."""
    rows: list[list[Any]] = [
        ["青山镇2026年地质灾害隐患点基本情况一览表"],
        ["填报单位：青山镇人民政府（盖章）", *[None] * 10, "填报时间：2026年5月8日"],
        ["序号", "统一编号", "隐患点名称", "地理坐标", *[None] * 5, "灾种", "威胁对象", None, None,
         "防灾责任人", "备注"],
        [*[None] * 3, "东经", None, None, "北纬", *[None] * 3, "户数（户）", "人数（人）",
         "财产（万元）"],
        [*[None] * 3, *["度", "分", "秒"] * 2, *[None] * 4, "姓名/电话"],
        [1, "430001", "一组滑坡", 110, 3, 4.44, 30, 3, 8.44, "不稳定斜坡", 3, 12, 50,
         "王建国 13912345678", "已列入避险搬迁"],
        [2, "430002", "二组塌陷", 110, 3, 15.24, 30, 3, 15.64, "地面塌陷", 4, 13, 60,
         "王建国 13912345678", None],
        ["合计", *[None] * 9, 7, 25, 110],
        ["填表人：赵明", *[None] * 5, "审核人：孙立"],
    ]  # fmt: skip
    merged = _merge(
        "A1:O1", "A3:A5", "B3:B5", "C3:C5", "D3:I3", "D4:F4", "G4:I4", "J3:J5", "K3:M3",
        "K4:K5", "L4:L5", "M4:M5", "N3:N4", "O3:O5",
    )  # fmt: skip
    told = {"threatened_households": 3, "threatened_people": 12, "threatened_property": 50}
    first = told | {"hazard_type": "不稳定斜坡", "remark": "已列入避险搬迁"}
    return Case(
        "ledger-geology", xlsx_of(rows, merged),
        {6: "new", 7: "new", 8: "total_row", 9: "footer_row"},
        places={6: (110.0512333, 30.0523444), 7: (110.0542333, 30.0543444)},
        values={6: first, 7: {"hazard_type": "地面塌陷", "responsible_phone": "13912345678"}},
        also=frozenset({"person_split"}), tolerance=0.5,
    )  # fmt: skip


def _floods() -> Case:
    """Two persons in groups that nobody merged, and where people go."""
    at = "E110°3′4.44″，N30°3′8.44″"
    rows = [
        ["附件2"],
        ["山洪灾害危险区清单"],
        ["序号", "乡镇（街道）", "危险区名称", "危险区编号", "经纬度", "受威胁户数", "危险等级",
         "行政责任人", None, "巡查责任人", None, "转移路线", "安置点"],
        [*[None] * 7, "姓名", "电话", "姓名", "电话"],
        [1, "青山镇", "沿河危险区", "SH001", at, "5户", "较大", "陈刚", "13712345678", "何军",
         "13512345678", "沿村道至村部", "村部广场"],
    ]  # fmt: skip
    stored = {
        "code": "SH001",
        "name": "沿河危险区",
        "risk_level": "较大",
        "responsible_person": "陈刚",
        "responsible_phone": "13712345678",
        "monitor_phone": "13512345678",
        "evacuation_route": "沿村道至村部",
        "shelter": "村部广场",
    }
    return Case("ledger-floods", xlsx_of(rows), {5: "new"}, values={5: stored})


def _stock() -> Case:
    """An item a row, sizes apart, a remark on each; the depot's own cells are merged."""
    rows = [
        ["储备点名称", "物资名称", "规格型号", "单位", "数量", "存放地点", "经度", "纬度", "保管人",
         "联系电话", "备注"],
        ["青山镇仓库", "编织袋", "60*90", "条", 2000, "镇政府一楼", *place(1), "刘芳",
         "13412345678", "新购"],
        [None, "编织袋", "50*80", "条", 300, *[None] * 5, "旧"],
    ]  # fmt: skip
    merged = _merge("A2:A3", "F2:F3", "G2:G3", "H2:H3", "I2:I3", "J2:J3")
    stored = {
        "items": [
            {"item": "编织袋", "quantity": 2000, "unit": "条", "spec": "60*90"},
            {"item": "编织袋", "quantity": 300, "unit": "条", "spec": "50*80"},
        ],
        "address": "镇政府一楼",
        "manager": "刘芳",
        "manager_phone": "13412345678",
        "remark": "新购；旧",
    }
    fates = {2: "new", 3: "new"}
    return Case("ledger-stock", xlsx_of(rows, merged), fates, values={2: stored}, **_DEPOTS)


def _remarks_too_long() -> Case:
    """Together they are longer than a field may be: asked to be shortened, not cut off."""
    rows = [["仓库名称", "物资名称", "数量", "备注", "经度", "纬度"]]
    rows += [["青山镇仓库", f"{n}号桩", "3", f"{n}" * 400, *map(str, place(1))] for n in "123456"]
    fates = {2: "too_long"} | dict.fromkeys(range(3, 8), "group_refused")
    return Case("ledger-remarks-long", xlsx_of(rows), fates, **_DEPOTS)


def _same_item_twice() -> Case:
    """Two deliveries, or one written down twice: both count, and it is told."""
    rows = [
        ["仓库名称", "物资名称", "数量", "单位", "经度", "纬度"],
        ["青山镇仓库", "棉被", 10, "床", *place(1)],
        ["青山镇仓库", "棉被", 12, "床", *place(1)],
    ]
    fates, also = {2: "new", 3: "new"}, frozenset({"item_repeated"})
    return Case("ledger-item-twice", xlsx_of(rows), fates, also=also, **_DEPOTS)


def _teams() -> Case:
    """People that are a part of the headcount are no equipment."""
    rows = [
        [
            "队伍名称",
            "队伍性质",
            "人数",
            "其中",
            None,
            "主要装备",
            None,
            "专业特长",
            "经度",
            "纬度",
        ],
        [*[None] * 3, "专职", "兼职", "冲锋舟（艘）", "油锯（台）"],
        ["青山镇分队", "民兵", 20, 10, 10, 1, "3台", "防汛抢险、森林灭火", *place(1)],
        ["总计", None, 20, 10, 10, 1, 3],
    ]
    merged = _merge("A1:A2", "B1:B2", "C1:C2", "D1:E1", "F1:G1", "H1:H2", "I1:I2", "J1:J2")
    stored = {
        "headcount": 20,
        "force_type": "基干民兵",
        "capabilities": ["防汛抢险", "森林灭火"],
        "equipment": [
            {"item": "冲锋舟", "quantity": 1, "unit": "艘"},
            {"item": "油锯", "quantity": 3, "unit": "台"},
        ],
    }
    return Case(
        "ledger-teams", xlsx_of(rows, merged), {3: "new", 4: "total_row"}, values={3: stored},
        layer="forces",
    )  # fmt: skip
