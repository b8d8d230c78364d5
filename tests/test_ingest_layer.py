"""Which layer a file is: recognised with the proof, asked where not plain, held to its choice."""

import io
from typing import Any

import openpyxl
import pytest

from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.errors import Unreadable
from tests.test_ingest_flow import county, csv_of, put, send  # noqa: F401

pytestmark = pytest.mark.anyio

DEPOTS = ["仓库编号", "仓库名称", "仓库类型", "保管员", "联系电话", "经度", "纬度"]
STORES = [
    ["W1", "张家湾仓库", "综合", "张三", "13912345678", 110.05, 30.05],
    ["W2", "李家坪储备库", "防汛", "李四", "13912345679", 110.06, 30.06],
]
RISKS = ["隐患点名称", "风险等级", "经度", "纬度"]
SLIDES = [["青山滑坡", "红", 110.07, 30.07], ["石桥内涝", "黄", 110.08, 30.08]]
PLAIN = ["名称", "联系电话", "经度", "纬度"]
POSTS = ["单位", "职务", "姓名", "手机号码", "层级", "经度", "纬度"]


def book(**sheets: list[list[Any]]) -> bytes:
    file = openpyxl.Workbook()
    file.remove(file.worksheets[0])
    for name, rows in sheets.items():
        sheet = file.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()


async def question(db: Db, catalog: Catalog, content: bytes, **more: Any) -> Unreadable:
    with pytest.raises(Unreadable) as asked:
        await send(db, catalog, content, **more)
    return asked.value


@pytest.mark.parametrize(
    ("wanted", "head", "rows"),
    [
        ("depots", DEPOTS, STORES),
        ("risk_points", RISKS, SLIDES),
        ("forces", ["队伍名称", "人数", "经度", "纬度"], [["青山扑火队", 20, 110.05, 30.05]]),
        ("forces", ["名称", "类型", "经度", "纬度"], [["青山队", "民兵", 110.05, 30.05]]),
        (
            "command_posts",
            POSTS,
            [["青山镇政府", "镇长", "王五", "13912345670", "镇级", 110.05, 30.05]],
        ),
        ("depots", ["name", "layer", "经度", "纬度"], [["甲", "depots", 110.05, 30.05]]),
    ],
)
async def test_a_layer_is_recognised_and_says_by_what(
    county: Db,  # noqa: F811
    catalog: Catalog,
    wanted: str,
    head: list[str],
    rows: list[list[Any]],
) -> None:
    staged = await send(county, catalog, csv_of(rows, head), layer="auto")
    assert (staged["layer"], staged["counts"]["new"]) == (wanted, len(rows))
    best, *rest = staged["reading"]["recognised"]
    assert best["layer"] == wanted
    assert best["evidence"]
    assert all(other["score"] <= best["score"] - 2 for other in rest)


async def test_the_evidence_is_words_and_numbers(county: Db, catalog: Catalog) -> None:  # noqa: F811
    content = csv_of(STORES, DEPOTS)
    staged = await send(county, catalog, content, layer="auto", filename="物资台账.csv")
    assert staged["reading"]["recognised"][0]["evidence"] == [
        "表头“仓库编号”“仓库名称”“仓库类型”“保管员”只有这个图层有",
        "“仓库类型”列 2 格中 2 格合乎可选范围",
        "2 个名称里有 2 个带“仓库”“储备库”",
        "文件名里有“物资”",
    ]


async def test_where_several_stay_possible_the_person_is_asked(
    county: Db,  # noqa: F811
    catalog: Catalog,
) -> None:
    content = csv_of([["甲", "13912345678", 110.05, 30.05]], PLAIN)
    asked = await question(county, catalog, content, layer="auto")
    assert (asked.code, asked.status) == ("layer_unclear", 422)
    assert {c["layer"] for c in asked.extra["candidates"]} == set(catalog.ids)
    assert (await send(county, catalog, content, layer="depots"))["counts"]["new"] == 1


async def test_names_on_the_map_tell_the_layer(county: Db, catalog: Catalog) -> None:  # noqa: F811
    rows = [["甲", "13912345678", 110.05, 30.05], ["乙", "", 110.06, 30.06]]
    await put(county, catalog, csv_of(rows, PLAIN), layer="forces")
    again = csv_of([*rows, ["丙", "", 110.07, 30.07]], PLAIN)
    staged = await send(county, catalog, again, layer="auto")
    assert staged["layer"] == "forces"
    assert staged["reading"]["recognised"][0]["evidence"] == ["3 个名称里有 2 个已在这个图层"]
    # Another township's names are no evidence: nothing may be learnt of them.
    asked = await question(county, catalog, again, layer="auto", region_code="990101002")
    assert asked.code == "layer_unclear"
    assert all(c["score"] == 0 for c in asked.extra["candidates"])


async def test_the_same_file_goes_where_it_went(county: Db, catalog: Catalog) -> None:  # noqa: F811
    content = csv_of([["甲", "13912345678", 110.05, 30.05]], PLAIN)
    await put(county, catalog, content, layer="depots")
    staged = await send(county, catalog, content, layer="auto")
    assert (staged["layer"], staged["counts"]["unchanged"]) == ("depots", 1)


async def test_a_wrong_choice_is_caught(county: Db, catalog: Catalog) -> None:  # noqa: F811
    content = csv_of(STORES, DEPOTS)
    asked = await question(county, catalog, content, layer="risk_points")
    assert asked.code == "wrong_layer"
    assert [c["layer"] for c in asked.extra["candidates"]] == ["depots"]
    assert "“物资装备图”" in asked.detail
    assert "“风险隐患点名称”" in asked.detail
    # What the message says is what helps.
    meant = csv_of(STORES, [DEPOTS[0], "风险隐患点名称", *DEPOTS[2:]])
    assert (await send(county, catalog, meant, layer="risk_points"))["counts"]["new"] == 2


async def test_sheets_of_several_layers(county: Db, catalog: Catalog) -> None:  # noqa: F811
    content = book(隐患=[RISKS, *SLIDES], 仓库=[DEPOTS, *STORES], 说明=[["填表说明"]])
    asked = await question(county, catalog, content, layer="auto")
    assert asked.code == "layers_several"
    assert {c["layer"]: c["sheets"] for c in asked.extra["candidates"]} == {
        "risk_points": ["隐患"],
        "depots": ["仓库"],
    }
    for layer, left in (("risk_points", "仓库"), ("depots", "隐患")):
        staged = await send(county, catalog, content, layer=layer)
        assert staged["counts"]["new"] == 2
        (told,) = [p for p in staged["problems"] if p["code"] == "sheet_other_layer"]
        assert told["sheet"] == left
        assert {"sheet": left, "code": "sheet_other_layer"} in staged["reading"]["left_out"]
