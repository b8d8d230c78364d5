"""A name that differs in spaces, width or case only is the same: recognised, never twinned."""

import pytest

from mapsvc.catalog import Catalog
from mapsvc.database import Db
from tests.test_ingest_flow import codes, county, csv_of, on_map, put, send  # noqa: F401

pytestmark = pytest.mark.anyio

HEAD = ["名称", "风险等级", "经度", "纬度"]


def row(name: str, x: float = 110.05) -> list[object]:
    return [name, "红", x, 30.05]


@pytest.mark.parametrize(
    "again",
    ["张家湾 A仓库(一)", "张家湾A仓库（一）", "张家湾Ａ仓库(一)", "张家湾a仓库(一)",
     "张家湾\u3000A仓库(一)",
     "张家湾\u200bA仓库(一)", "张家湾\xa0A仓库(一)\ufeff"],
)  # fmt: skip
async def test_the_same_name_written_otherwise_is_no_second_feature(
    county: Db,  # noqa: F811
    catalog: Catalog,
    again: str,
) -> None:
    await put(county, catalog, csv_of([row("张家湾A仓库(一)")], HEAD))
    staged = await put(county, catalog, csv_of([row(again)], HEAD))
    assert (staged["counts"]["new"], staged["counts"]["accepted"]) == (0, 1)
    assert len(await on_map(county)) == 1


async def test_the_same_name_over_a_border_is_no_second_feature_either(
    county: Db,  # noqa: F811
    catalog: Catalog,
) -> None:
    await put(county, catalog, csv_of([row("界边库", 110.1995), row("远库", 110.19)], HEAD))
    moved = [row("界 边库", 110.2005), row("远 库", 110.21)]
    staged = await send(county, catalog, csv_of(moved, HEAD))
    # 96 m over the border it is the same; nearly two kilometres off it is another.
    assert (staged["counts"]["changed"], staged["counts"]["new"]) == (1, 1)


async def test_both_writings_on_the_map_and_the_exact_one_wins(
    county: Db,  # noqa: F811
    catalog: Catalog,
) -> None:
    head = ["编号", *HEAD]
    rows = [["1", *row("A 库")], ["2", *row("A库", 110.06)]]
    await put(county, catalog, csv_of(rows, head))
    staged = await send(county, catalog, csv_of([row("A库", 110.06)], HEAD))
    assert staged["counts"]["unchanged"] == 1
    # A third writing may mean either, and lies near neither.
    unclear = await send(county, catalog, csv_of([row("Ａ 库", 110.15)], HEAD))
    assert (2, "ambiguous_match") in codes(unclear)
    apart = await send(county, catalog, csv_of([["3", *row("Ａ 库")]], head))
    assert apart["counts"]["new"] == 1


async def test_twins_inside_a_file_are_both_named(county: Db, catalog: Catalog) -> None:  # noqa: F811
    staged = await send(county, catalog, csv_of([row("乙\u200b库"), row("乙库")], HEAD))
    assert sorted(codes(staged)) == [(2, "duplicate_key"), (3, "duplicate_key")]
