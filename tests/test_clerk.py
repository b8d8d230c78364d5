"""A clerk who does literally what the messages say repairs his ledger in one round."""

import io
import random
import re
from collections.abc import Callable
from typing import Any

import openpyxl
import psycopg
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from mapsvc.catalog import Catalog
from mapsvc.errors import Unreadable
from mapsvc.ingest import report, uploads
from mapsvc.ingest.foreign import OLE
from mapsvc.settings import Settings
from tests.clerk import Clerk, Complaint, told_by_api, told_by_report
from tests.conftest import Make
from tests.corpus import case
from tests.corpus.write import html_of, xlsx_of
from tests.test_corpus import county_of

AT_LEAST = 0.95
Row = dict[str, Any]
Spoil = Callable[[Row, random.Random], None]


def _place(index: int) -> dict[str, float]:
    return {"经度": round(110.011 + index % 60 * 0.003, 6), "纬度": 30.01 + index // 60 * 0.004}


def _set(heading: str, *values: Any) -> Spoil:
    def spoil(row: Row, chance: random.Random) -> None:
        row[heading] = chance.choice(values)

    return spoil


def _places(*pairs: tuple[Any, Any]) -> Spoil:
    def spoil(row: Row, chance: random.Random) -> None:
        row["经度"], row["纬度"] = chance.choice(pairs)

    return spoil


LOST = ("6.10115E+11", "1月2日", "2024-01-02", "??")
PLACES = _places(
    ("110°61′3″", "30°3′8″"), ("110°3′75″", "30°3′8″"), ("1.1E+02", "30.05"), (None, None),
    ("110.05", None), (None, 30.05), (111.5, 31.2), ("110.3.4.5.6", "30.05"), ("见附图", "30.05"),
    (0, 0), (2.35, 48.85), ("--", "/"), ("110.05", "110.06"), ("110,05", "30.05"),
    ("北纬110.05", "东经30.05"), ("110.5°30′", "30°3′"), (110.05, 3005.1), (305.27, 3324.5),
    (110.35, 30.1),
)  # fmt: skip
SPOILS: dict[str, tuple[dict[str, Callable[[int], Any]], tuple[Spoil, ...]]] = {
    "risk_points": (
        {
            "隐患点编号": lambda i: f"Y{i:04}",
            "隐患点名称": lambda i: f"青山{i}号滑坡",
            "风险等级": lambda i: ("重大", "较大", "一般", "低")[i % 4],
            "乡镇": lambda _: "西山镇",
            "行政区划代码": lambda _: "990101001",
            "威胁人口": lambda i: 3 + i % 40,
            "威胁财产": lambda i: 1.5 * (i % 9),
            "发现时间": lambda i: f"2024-05-{i % 28 + 1:02}",
            "责任人": lambda i: ("张三", "李四", "欧阳建国")[i % 3],
            "责任人电话": lambda i: f"138{i:08}",
            "防范措施": lambda _: "加强巡查",
            "坐标系": lambda _: "WGS84",
        },
        (
            PLACES,
            _set("隐患点编号", *LOST),
            _set("隐患点名称", None, "青山??滑坡", "#REF!", "=A1", "锟斤拷", "1.2E+15", "同上"),
            _set("风险等级", "特大", "红/橙", "高", "A", 5, "#N/A", "重大(橙)"),
            _set("威胁人口", "约30人", "30余人", "三十", "3-5", 2.5, -3, "很多", "½", "#VALUE!"),
            _set("威胁财产", "-2", "一万", "5美元", "10-20"),
            _set("发现时间", "2024年5月", "24.5.1", 45413, "去年", "2024-13-01", "1/5/2024"),
            _set("责任人", "张三13800138000转2", "张3 13800138000", "李?明", "1.38E+10", "同上"),
            _set("责任人电话", "1380013800", "1.38E+10", "138001380001", "张三家", "138****0000"),
            _set("防范措施", "巡" * 2001, "锟斤拷", "〃"),
            _set("乡镇", "东河乡"),
            _set("行政区划代码", "990101002"),
            _set("坐标系", "地方坐标系", "不详系"),
        ),
    ),
    "forces": (
        {
            "队伍编号": lambda i: f"D{i:04}",
            "队伍名称": lambda i: f"应急{i}队",
            "队伍类型": lambda i: ("综合消防", "志愿者")[i % 2],
            "总人数": lambda i: 5 + i,
            "在岗": lambda i: "是否"[i % 2],
            "主要装备": lambda _: "水泵 2台；帐篷 20顶",
            "队长": lambda _: "王五",
            "队长电话": lambda i: f"139{i:08}",
        },
        (
            PLACES,
            _set("队伍名称", None, "??"),
            _set("队伍类型", "打火队", "消防/民兵"),
            _set("总人数", "十二", "约20", 3.5),
            _set("在岗", "可能", "时有时无"),
            _set("主要装备", "若干", "水泵约2台", "帐篷10-20顶"),
            _set("队长", "王五 13900139000转1"),
            _set("队长电话", "12", "139001390"),
        ),
    ),
    "depots": (
        {
            "储备库编号": lambda i: f"K{i:04}",
            "储备库名称": lambda i: f"镇{i}号仓库",
            "储备库等级": lambda _: "乡镇级",
            "库房面积": lambda i: 40 + i,
            "物资名称": lambda i: ("帐篷", "棉被", "水泵")[i % 3],
            "数量": lambda i: 10 + i,
            "有效期至": lambda _: "2030-01-01",
        },
        (
            PLACES,
            _set("储备库名称", None),
            _set("储备库等级", "省级", "国家"),
            _set("库房面积", "约80", "-1", "很大"),
            _set("物资名称", None),
            _set("数量", None, "若干", "二十", "-1"),
            _set("有效期至", "2030年", "30.1.1", "长期"),
        ),
    ),
    "command_posts": (
        {
            "岗位编号": lambda i: f"Z{i:04}",
            "单位": lambda i: f"第{i}办公室",
            "职务": lambda _: "主任",
            "层级": lambda i: ("乡镇级", "村级")[i % 2],
            "姓名": lambda i: ("张三", "李四")[i % 2],
            "手机号码": lambda i: f"137{i:08}",
            "副职": lambda _: "王五",
            "副职电话": lambda i: f"136{i:08}",
            "值班电话": lambda i: f"0745-56{i:05}",
        },
        (
            PLACES,
            _set("岗位编号", *LOST),
            _set("单位", "第??办公室", "#REF!", "同上"),
            _set("层级", "省级", "镇/村", "组级"),
            _set("姓名", "张三13800138000转2", "张?三", "1.38E+10"),
            _set("手机号码", "1380013800", "1.38E+10", "见通讯录", "138****0000"),
            _set("副职", "#N/A", "〃"),
            _set("副职电话", "13x00138000", "12"),
            _set("值班电话", "0745-56", "24小时"),
        ),
    ),
}  # fmt: skip


def _spoilt(layer: str, count: int, chance: random.Random) -> tuple[list[Row], list[Row]]:
    """Rows as they should be, and the same with one or two cells of half of them spoilt."""
    made, spoils = SPOILS[layer]
    truth = [{h: f(i) for h, f in made.items()} | _place(i) for i in range(count)]
    rows = [dict(row) for row in truth]
    for at in chance.sample(range(count), count // 2):
        for spoil in chance.sample(spoils, chance.choice((1, 1, 2))):
            spoil(rows[at], chance)
    for at in chance.sample(range(count), 3):  # the same row once more
        rows.append(dict(truth[at]))
        rows[at] = dict(truth[at])
        truth.append(truth[at])
    return truth, rows


LAYERS = [("risk_points", 240), ("forces", 80), ("depots", 80), ("command_posts", 60)]


@pytest.fixture(scope="module")
def county_conninfo(make_database: Make, template: str) -> str:
    return county_of(make_database(template))


@pytest.mark.anyio
@pytest.mark.parametrize(("layer", "count"), LAYERS)
async def test_doing_what_is_said_repairs_the_rows(
    county_conninfo: str, catalog: Catalog, layer: str, count: int
) -> None:
    truth, rows = _spoilt(layer, count, random.Random(layer))
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "台账"
    for values in (list(rows[0]), *(list(row.values()) for row in rows)):
        sheet.append(values)
    async with await psycopg.AsyncConnection.connect(county_conninfo, autocommit=True) as db:
        staged = await _staged(db, catalog, layer, book)
        complaints = await _complaints(db, catalog, layer, staged)
        refused = await _refused(db, staged)
        clerk = Clerk(sheet, 1, dict(enumerate(truth, 2)))
        clerk.follow(complaints)
        again = await _staged(db, catalog, layer, book)
        left = await _refused(db, again)
        found = await uploads.problems(db, again["id"], None)
    repaired = 1 - len(left) / len(refused)
    print(f"{layer}: {len(refused)} refused, {len(left)} still, {repaired:.1%} repaired")
    stuck = [(c.column, c.words) for c in clerk.helpless]
    still = [(p["row"], p["column"], p["message"]) for p in found if p["severity"] == "error"]
    assert len(refused) >= count // 3
    assert repaired >= AT_LEAST, (stuck, still)
    assert again["counts"]["new"] == len(truth) - len(clerk.deleted) - len(left)


async def _complaints(
    db: Any, catalog: Catalog, layer: str, staged: dict[str, Any]
) -> list[Complaint]:
    """From the report in one case, from the API in the others: the words are the same."""
    if layer != "forces":
        return told_by_api(await uploads.problems(db, staged["id"], None))
    source = await report.collect(db, catalog, staged["id"], None)
    content = await report.build(source, Settings())
    return told_by_report(openpyxl.load_workbook(io.BytesIO(content)), "台账")


async def _refused(db: Any, staged: dict[str, Any]) -> set[int]:
    rows = await uploads.rows(db, staged["id"], None)
    return {row["row"] for row in rows if row["action"] == "refused"}


async def _staged(db: Any, catalog: Catalog, layer: str, book: Any) -> dict[str, Any]:
    out = io.BytesIO()
    book.save(out)
    return await uploads.stage(
        db, catalog, Settings(), filename="台账.xlsx", content=out.getvalue(), layer_id=layer,
        declared_crs="auto" if layer == "risk_points" else "wgs84", actor="clerk",
    )  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["xlsx", "html"])
async def test_a_report_sent_back_as_it_is_is_refused_again(
    county_conninfo: str, catalog: Catalog, form: str
) -> None:
    """What is struck out, raised or merged in his file is so in its report."""
    rows = [[*case.HEAD, "威胁人口"], *([*case.row(i), 12 * i] for i in (1, 2, 3, 4))]
    content = xlsx_of(rows, _dress) if form == "xlsx" else _page(rows)
    async with await psycopg.AsyncConnection.connect(county_conninfo, autocommit=True) as db:
        for _ in ("their file", "its report"):
            staged = await uploads.stage(
                db, catalog, Settings(), filename="台账.xls", content=content,
                layer_id="risk_points", declared_crs="wgs84", actor="clerk",
            )  # fmt: skip
            assert await _refused(db, staged) == {2, 3, 4}
            source = await report.collect(db, catalog, staged["id"], None)
            content = await report.build(source, Settings())


def _dress(book: openpyxl.Workbook) -> None:
    sheet: Any = book.worksheets[0]
    sheet["B2"].font = Font(strike=True)
    sheet["B3"] = CellRichText(TextBlock(InlineFont(strike=True), "旧名"), "新名")
    sheet["F4"] = CellRichText("12", TextBlock(InlineFont(vertAlign="superscript"), "1"))


def _page(rows: list[list[Any]]) -> bytes:
    text = html_of(rows).replace("青山1号滑坡", "<s>青山1号滑坡</s>")
    text = text.replace("<td>24</td>", "<td rowspan=2>24</td>").replace("<td>36</td>", "")
    return text.encode()


def _headless(rows: list[list[Any]]) -> bytes:
    return xlsx_of(rows[1:])


def _renamed(rows: list[list[Any]]) -> bytes:
    return xlsx_of([["点位", "情况", "说明", "东", "北"], *rows[1:]])


def _as_html(rows: list[list[Any]]) -> bytes:
    return html_of(rows).replace("<table>", "<table><tr><td><table>", 1).encode()


def _locked(_: list[list[Any]]) -> bytes:
    return OLE + bytes(2000) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)


FILES: dict[str, Callable[[list[list[Any]]], bytes]] = {
    "password": _locked, "damaged": lambda rows: xlsx_of(rows)[:-900],
    "pdf_file": lambda _: b"%PDF-1.7 " + bytes(99), "no_heading": _headless,
    "html_nested": _as_html, "unknown_format": lambda _: bytes(range(1, 256)) * 9,
    "rar_archive": lambda _: b"Rar!\x1a\x07\x00" + bytes(99),
    "no_heading ": _renamed,
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize("code", FILES)
async def test_a_file_that_was_refused_is_read_after_its_remedy(
    county_conninfo: str, catalog: Catalog, code: str
) -> None:
    """Saved anew as the words say, or with the headings that they ask for."""
    rows = case.standard()
    async with await psycopg.AsyncConnection.connect(county_conninfo, autocommit=True) as db:
        with pytest.raises(Unreadable) as refused:
            await _sent(db, catalog, FILES[code](rows))
        words = refused.value.detail
        assert refused.value.code == code.strip()
        headings = re.findall("“(.{2})”", words) if "表头" in words else []
        if headings:
            rows[0] = ["编号", headings[0], "等级", *headings[1:]]
        else:
            assert re.search("另存为|Excel 原表|表格直接上传", words), words
        staged = await _sent(db, catalog, xlsx_of(rows))
    assert staged["counts"]["new"] == len(rows) - 1


@pytest.mark.anyio
async def test_questions_of_the_whole_file_are_answered_by_what_they_offer(
    county_conninfo: str, catalog: Catalog
) -> None:
    """Which system, which layer: the choice that the words name settles it."""
    rows = [[*row[:3], row[3] + 0.0055, row[4] - 0.0028] for row in case.standard()[1:]]
    content = xlsx_of([case.HEAD, *rows])
    async with await psycopg.AsyncConnection.connect(county_conninfo, autocommit=True) as db:
        asked = await _sent(db, catalog, content, crs="auto")
        words = next(p for p in await uploads.problems(db, asked["id"], None) if p["row"] is None)
        assert re.search("GCJ-02.*请在“坐标系”中选定", words["message"])
        chosen = await _sent(db, catalog, content, crs="gcj02")
        assert chosen["counts"]["new"] == len(rows)
        with pytest.raises(Unreadable) as refused:
            await _sent(db, catalog, content, layer="depots")
        found = re.search("请把图层改选为“(.+?)”", refused.value.detail)
        better = next(la.id for la in catalog if found and la.title == found[1])
        again = await _sent(db, catalog, content, crs="gcj02", layer=better)
    assert again["counts"]["new"] == len(rows)


async def _sent(
    db: Any, catalog: Catalog, content: bytes, crs: str = "wgs84", layer: str = "risk_points"
) -> dict[str, Any]:
    return await uploads.stage(
        db, catalog, Settings(), filename="台账.xlsx", content=content, layer_id=layer,
        declared_crs=crs, actor="clerk",
    )  # fmt: skip
