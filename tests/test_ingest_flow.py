"""From a file's bytes to the map and back, on a real PostGIS."""

import asyncio
import csv
import io
import json
from typing import Any

import openpyxl
import psycopg
import pytest
import shapely

from mapsvc import regions
from mapsvc.catalog import Catalog
from mapsvc.coordinates import from_wgs84
from mapsvc.database import Db
from mapsvc.errors import Conflict, NotFound
from mapsvc.ingest import uploads
from mapsvc.settings import Settings

pytestmark = pytest.mark.anyio

WEST, EAST = "990101001", "990101002"
HEAD = ["隐患点编号", "隐患点名称", "风险等级", "经度", "纬度", "威胁人口（人）"]


def csv_of(rows: list[list[Any]], head: list[str] = HEAD, encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode(encoding)


def xlsx_of(rows: list[list[Any]], head: list[str] = HEAD) -> bytes:
    book = openpyxl.Workbook()
    for row in [head, *rows]:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
async def county(db: Db) -> Db:
    """One county, 110.0-110.4 E and 30.0-30.2 N, of two townships that touch at 110.2 E."""
    square = shapely.box
    await regions.load(
        db,
        [
            regions.Region("990101", "云岭县", "county", None, square(110.0, 30.0, 110.4, 30.2)),
            regions.Region(WEST, "西山镇", "township", "990101", square(110.0, 30.0, 110.2, 30.2)),
            regions.Region(EAST, "东河乡", "township", "990101", square(110.2, 30.0, 110.4, 30.2)),
        ],
    )
    return db


async def send(
    db: Db, catalog: Catalog, content: bytes, *, layer: str = "risk_points", **more: Any
) -> dict[str, Any]:
    wanted: dict[str, Any] = {"filename": "台账.csv", "declared_crs": "wgs84", "actor": "tester"}
    return await uploads.stage(
        db, catalog, Settings(), content=content, layer_id=layer, **{**wanted, **more}
    )


async def put(db: Db, catalog: Catalog, content: bytes, **more: Any) -> dict[str, Any]:
    staged = await send(db, catalog, content, **more)
    await uploads.apply(db, catalog, staged["id"], actor="tester")
    return staged


async def on_map(db: Db) -> list[tuple[Any, ...]]:
    cursor = await db.execute(
        "select id, layer, code, name, region_code, township_code, ST_AsText(geom), attrs, grade,"
        " search, verified_at, provenance, upload_id from feature order by layer, id"
    )
    return await cursor.fetchall()


def codes(staged: dict[str, Any], severity: str = "error") -> list[tuple[int | None, str]]:
    return [(p["row"], p["code"]) for p in staged["problems"] if p["severity"] == severity]


def adds_up(counts: dict[str, int], rows: int) -> bool:
    parts = ("new", "changed", "unchanged", "rejected", "skipped")
    return counts["rows"] == rows == sum(counts[p] for p in parts)


GOOD = [
    ["001", "青山滑坡", "红", 110.05, 30.05, "12人"],
    ["002", "石桥内涝", "一般风险", 110.06, 30.06, "1,200"],
]


async def test_a_file_lands_typed_graded_and_in_its_region(county: Db, catalog: Catalog) -> None:
    staged = await put(county, catalog, csv_of(GOOD))
    assert staged["status"] == "staged"
    assert adds_up(staged["counts"], 2)
    (_, layer, code, name, region, township, geom, attrs, grade, search, *_) = (
        await on_map(county)
    )[0]
    assert (layer, code, name, region, township) == ("risk_points", "001", "青山滑坡", WEST, WEST)
    assert geom == "POINT(110.05 30.05)"
    assert attrs == {"risk_level": "重大", "threatened_people": 12}
    assert grade == 1
    assert "qshp" in search
    assert (await on_map(county))[1][7]["threatened_people"] == 1200


async def test_nothing_is_live_before_the_confirm(county: Db, catalog: Catalog) -> None:
    await send(county, catalog, csv_of(GOOD))
    assert await on_map(county) == []


async def test_the_same_file_twice_changes_nothing(county: Db, catalog: Catalog) -> None:
    await put(county, catalog, csv_of(GOOD))
    before = await on_map(county)
    version = await (await county.execute("select version from layer order by id")).fetchall()
    again = await put(county, catalog, xlsx_of(GOOD))
    assert again["counts"]["unchanged"] == 2
    assert await on_map(county) == before
    assert (
        await (await county.execute("select version from layer order by id")).fetchall() == version
    )
    kept = await (await county.execute("select count(*) from feature_history")).fetchone()
    assert kept == (0,)


async def test_applying_twice_is_applying_once(county: Db, catalog: Catalog) -> None:
    staged = await send(county, catalog, csv_of(GOOD))
    first = await uploads.apply(county, catalog, staged["id"], actor="a")
    after = await on_map(county)
    second = await uploads.apply(county, catalog, staged["id"], actor="b")
    assert first == second
    assert await on_map(county) == after


async def test_changes_moves_and_missing_are_told_apart(county: Db, catalog: Catalog) -> None:
    await put(county, catalog, csv_of([*GOOD, ["003", "旧点", "低", 110.07, 30.07, ""]]))
    changed = [
        ["001", "青山滑坡", "橙", 110.05, 30.05, "12"],
        ["002", "石桥内涝", "一般", 110.061, 30.06, "1200"],
        ["004", "新点", "低", 110.08, 30.08, ""],
    ]
    staged = await send(county, catalog, csv_of(changed))
    counts = staged["counts"]
    assert (counts["new"], counts["changed"], counts["moved"], counts["missing"]) == (1, 2, 1, 1)
    assert [f["name"] for f in staged["missing_features"]] == ["旧点"]
    shown = {
        f["properties"]["code"]: f["properties"]
        for f in (await uploads.preview(county, staged["id"]))["features"]
    }
    assert shown["001"]["changes"] == {"risk_level": ["重大", "较大"]}
    assert shown["002"]["moved_m"] == pytest.approx(96.5, abs=0.3)
    assert shown["004"]["action"] == "new"
    await uploads.apply(county, catalog, staged["id"], actor="tester")
    assert "旧点" in [row[3] for row in await on_map(county)]


async def test_a_column_that_is_not_in_the_file_is_left_alone(county: Db, catalog: Catalog) -> None:
    await put(county, catalog, csv_of(GOOD))
    short = csv_of([["001", "青山滑坡", 110.05, 30.05]], ["编号", "名称", "经度", "纬度"])
    assert (await put(county, catalog, short))["counts"]["unchanged"] == 1
    blank = csv_of([["001", "青山滑坡", "红", 110.05, 30.05, ""]])
    assert (await put(county, catalog, blank))["counts"]["changed"] == 1
    assert (await on_map(county))[0][7] == {"risk_level": "重大"}


async def test_missing_features_are_deleted_only_when_asked(county: Db, catalog: Catalog) -> None:
    await put(county, catalog, csv_of(GOOD))
    before = await on_map(county)
    staged = await send(county, catalog, csv_of(GOOD[:1]))
    done = await uploads.apply(county, catalog, staged["id"], delete_missing=True, actor="tester")
    assert done["counts"]["deleted"] == 1
    assert [row[3] for row in await on_map(county)] == ["青山滑坡"]
    await uploads.rollback(county, staged["id"], "tester")
    assert await on_map(county) == before


async def test_refused_rows_protect_what_they_may_mean_from_deletion(
    county: Db, catalog: Catalog
) -> None:
    await put(county, catalog, csv_of(GOOD))
    staged = await send(county, catalog, csv_of([GOOD[0], [*GOOD[1][:5], "很多"]]))
    with pytest.raises(Conflict) as refused:
        await uploads.apply(county, catalog, staged["id"], delete_missing=True, actor="tester")
    assert refused.value.code == "has_rejected_rows"
    assert len(await on_map(county)) == 2


async def test_all_or_nothing(county: Db, catalog: Catalog) -> None:
    staged = await send(county, catalog, csv_of([*GOOD, ["003", "", "低", 110.1, 30.1, ""]]))
    assert codes(staged) == [(4, "name_missing")]
    with pytest.raises(Conflict):
        await uploads.apply(county, catalog, staged["id"], mode="all_or_nothing", actor="t")
    assert await on_map(county) == []
    await uploads.apply(county, catalog, staged["id"], mode="valid_rows", actor="t")
    assert len(await on_map(county)) == 2


async def test_rollback_restores_the_layer_exactly(county: Db, catalog: Catalog) -> None:
    await put(county, catalog, csv_of(GOOD))
    before = await on_map(county)
    second = await put(
        county,
        catalog,
        csv_of(
            [["001", "青山大滑坡", "橙", 110.055, 30.05, "9"], ["005", "新", "低", 110.1, 30.1, ""]]
        ),
    )
    assert await on_map(county) != before
    done = await uploads.rollback(county, second["id"], "boss")
    assert done["status"] == "rolled_back"
    assert await on_map(county) == before
    again = await uploads.rollback(county, second["id"], "boss")
    assert again["status"] == "rolled_back"
    with pytest.raises(Conflict):
        await uploads.apply(county, catalog, second["id"], actor="boss")


async def test_rollback_after_later_uploads(county: Db, catalog: Catalog) -> None:
    first = await put(county, catalog, csv_of(GOOD[:1]))
    later = await put(county, catalog, csv_of([["001", "青山滑坡", "低", 110.05, 30.05, "12"]]))
    other = await put(county, catalog, csv_of(GOOD[1:]))
    with pytest.raises(Conflict) as blocked:
        await uploads.rollback(county, first["id"], "boss")
    assert [c["name"] for c in blocked.value.extra["conflicts"]] == ["青山滑坡"]
    await uploads.rollback(county, later["id"], "boss")
    await uploads.rollback(county, first["id"], "boss")
    assert [row[3] for row in await on_map(county)] == ["石桥内涝"]
    await uploads.rollback(county, other["id"], "boss")
    assert await on_map(county) == []


async def test_an_outdated_preview_is_refused_with_what_changed(
    county: Db, catalog: Catalog
) -> None:
    await put(county, catalog, csv_of(GOOD))
    staged = await send(county, catalog, csv_of([["001", "青山滑坡", "低", 110.05, 30.05, "12"]]))
    await put(county, catalog, csv_of([["001", "青山滑坡", "橙", 110.05, 30.05, "12"]]))
    with pytest.raises(Conflict) as refused:
        await uploads.apply(county, catalog, staged["id"], actor="tester")
    assert refused.value.code == "outdated_preview"
    assert [c["row"] for c in refused.value.extra["changed"]] == [2]


async def test_the_same_new_feature_from_two_uploaders_is_not_doubled(
    county: Db, catalog: Catalog
) -> None:
    unnumbered = csv_of([["", "老桥", "低", 110.05, 30.05, ""]])
    first, second = [await send(county, catalog, unnumbered) for _ in range(2)]
    await uploads.apply(county, catalog, first["id"], actor="one")
    with pytest.raises(Conflict):
        await uploads.apply(county, catalog, second["id"], actor="two")
    assert len(await on_map(county)) == 1


async def test_of_two_at_the_same_moment_one_wins_and_the_other_is_told(
    conninfo: str, county: Db, catalog: Catalog
) -> None:
    async def together(*works: Any) -> list[Any]:
        done = await asyncio.gather(*works, return_exceptions=True)
        lost = [found for found in done if isinstance(found, BaseException)]
        assert [type(found) for found in lost] == [Conflict], lost
        return lost

    unnumbered = csv_of([["", "老桥", "低", 110.05, 30.05, ""]])
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        files = [send(db, catalog, unnumbered) for db in (county, other)]
        one, two = await asyncio.gather(*files)
        (told,) = await together(
            uploads.apply(county, catalog, one["id"], actor="one"),
            uploads.apply(other, catalog, two["id"], actor="two"),
        )
        assert told.code == "outdated_preview"
        assert [c["name"] for c in told.extra["changed"]] == ["老桥"]
        assert len(await on_map(county)) == 1
        base = await put(county, catalog, csv_of(GOOD))
        redder, lower = [
            await send(county, catalog, csv_of([["001", "青山滑坡", grade, 110.05, 30.05, "12"]]))
            for grade in ("橙", "低")
        ]
        await together(
            uploads.apply(county, catalog, redder["id"], actor="one"),
            uploads.apply(other, catalog, lower["id"], actor="two"),
        )
        later = csv_of([["002", "石桥内涝", "低", 110.06, 30.06, "9"]])
        staged = await send(county, catalog, later)
        await uploads.rollback(county, (await _applied(county))[0], "one")
        await together(
            uploads.rollback(county, base["id"], "one"),
            uploads.apply(other, catalog, staged["id"], actor="two"),
        )
    assert len(await on_map(county)) in (1, 3)


async def _applied(db: Db) -> list[Any]:
    """Uploads that are on the map, the last first."""
    found = await db.execute(
        "select id from upload where status = 'applied' order by applied_at desc"
    )
    return [row[0] for row in await found.fetchall()]


async def test_two_townships_do_not_stand_in_each_others_way(
    conninfo: str, county: Db, catalog: Catalog
) -> None:
    west = await send(county, catalog, csv_of(GOOD), region_code=WEST)
    east = await send(
        county, catalog, csv_of([["001", "东河滑坡", "红", 110.3, 30.1, ""]]), region_code=EAST
    )

    async def confirm(upload: str) -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as own:
            await uploads.apply(own, catalog, upload, actor="both")

    await asyncio.gather(confirm(west["id"]), confirm(east["id"]))
    # Each township numbers its own ledger: both may have a 001.
    assert sorted((row[5], row[2]) for row in await on_map(county)) == [
        (WEST, "001"),
        (WEST, "002"),
        (EAST, "001"),
    ]


async def test_a_township_touches_its_own_ground_and_features_only(
    county: Db, catalog: Catalog
) -> None:
    await put(county, catalog, csv_of([["E1", "东河滑坡", "红", 110.3, 30.1, ""]]))
    staged = await send(
        county,
        catalog,
        csv_of(
            [
                ["001", "自己的", "低", 110.1, 30.1, "", "西山镇"],
                ["E1", "东河滑坡", "低", 110.3, 30.1, "", "东河乡"],
                ["E2", "越界", "低", 110.3, 30.1, "", ""],
                ["E1", "东河滑坡", "低", 110.1, 30.1, "", "东河乡"],
            ],
            [*HEAD, "乡镇"],
        ),
        region_code=WEST,
    )
    assert staged["counts"]["new"] == 1
    assert staged["counts"]["rejected"] == 3
    assert staged["counts"]["missing"] == 0
    told = json.dumps(staged["problems"], ensure_ascii=False)
    assert {"outside_region", "other_region_named"} <= {c for _, c in codes(staged)}
    assert EAST not in told
    assert (await send(county, catalog, csv_of(GOOD), region_code=WEST))["counts"]["missing"] == 0


async def test_an_upload_is_seen_by_its_own_region_only(county: Db, catalog: Catalog) -> None:
    staged = await send(county, catalog, csv_of(GOOD), region_code=WEST)
    assert (await uploads.get(county, staged["id"], WEST))["id"] == staged["id"]
    assert (await uploads.get(county, staged["id"], "990101"))["id"] == staged["id"]
    for stranger in (EAST,):
        with pytest.raises(NotFound):
            await uploads.get(county, staged["id"], stranger)
        assert await uploads.listing(county, stranger) == []
    assert len(await uploads.listing(county, WEST)) == 1


async def test_a_point_outside_says_how_far(county: Db, catalog: Catalog) -> None:
    staged = await send(county, catalog, csv_of([*GOOD, ["9", "外县", "低", 110.42, 30.1, ""]]))
    (found,) = [p for p in staged["problems"] if p["severity"] == "error"]
    assert (found["row"], found["code"], found["column"]) == (4, "outside_county", "经度")
    assert "1.9 公里（东河乡）" in found["message"]


async def test_a_row_that_names_another_township_is_refused(county: Db, catalog: Catalog) -> None:
    head = [*HEAD, "所属乡镇"]
    rows = [
        ["1", "在西", "低", 110.1001, 30.1001, "", "西山"],
        ["2", "错位", "低", 110.1001, 30.1201, "", "东河乡"],
        ["3", "界边", "低", 110.199, 30.1, "", "东河乡"],
    ]
    staged = await send(county, catalog, csv_of(rows, head))
    assert codes(staged) == [(3, "region_contradicted")]
    assert codes(staged, "warning") == [(4, "near_border")]


async def test_duplicates_are_both_named(county: Db, catalog: Catalog) -> None:
    rows = [
        *GOOD,
        ["001", "另一个", "低", 110.07, 30.07, ""],
        ["", "无号", "低", 110.08, 30.08, ""],
    ]
    staged = await send(county, catalog, csv_of([*rows, ["", "无号", "低", 110.09, 30.09, ""]]))
    assert codes(staged) == [
        (2, "duplicate_key"),
        (4, "duplicate_key"),
        (5, "duplicate_key"),
        (6, "duplicate_key"),
    ]
    first = next(p for p in staged["problems"] if p["severity"] == "error")
    assert "第 4 行" in first["message"]


async def test_a_moved_feature_keeps_its_identity_over_a_border(
    county: Db, catalog: Catalog
) -> None:
    await put(county, catalog, csv_of([["7", "界桥", "低", 110.199, 30.1, ""]]))
    (before,) = await on_map(county)
    staged = await put(county, catalog, csv_of([["7", "界桥", "低", 110.201, 30.1, ""]]))
    assert staged["counts"]["moved"] == 1
    (after,) = await on_map(county)
    assert after[0] == before[0]
    assert (before[5], after[5]) == (WEST, EAST)


async def test_same_names_without_codes_ask_for_a_code(county: Db, catalog: Catalog) -> None:
    two = [["A", "泵站", "低", 110.05, 30.05, ""], ["B", "泵站", "低", 110.15, 30.15, ""]]
    await put(county, catalog, csv_of(two))
    staged = await send(county, catalog, csv_of([["", "泵站", "低", 110.1, 30.1, ""]]))
    assert codes(staged) == [(2, "ambiguous_match")]
    near = await send(county, catalog, csv_of([["", "泵站", "重大", 110.0501, 30.05, ""]]))
    assert (near["counts"]["changed"], near["counts"]["moved"]) == (1, 1)
    other = await send(county, catalog, csv_of([["C", "泵站", "低", 110.1, 30.1, ""]]))
    assert other["counts"]["new"] == 1
    assert (2, "same_name_other_code") in codes(other, "warning")


async def test_names_that_were_sorted_without_their_codes_are_told(
    county: Db, catalog: Catalog
) -> None:
    rows = [["A", "泵站", "低", 110.05, 30.05, ""], ["B", "水闸", "低", 110.15, 30.15, ""]]
    await put(county, catalog, csv_of(rows))
    rows[0][1], rows[1][1] = rows[1][1], rows[0][1]
    staged = await send(county, catalog, csv_of(rows))
    assert {(2, "name_of_another"), (3, "name_of_another")} <= set(codes(staged, "warning"))


async def test_items_over_several_rows_are_one_depot(county: Db, catalog: Catalog) -> None:
    head = ["储备库编号", "储备库名称", "经度", "纬度", "物资名称", "数量", "单位", "联系电话"]
    rows = [
        ["K1", "镇仓库", 110.05, 30.05, "帐篷", 20, "顶", "13800138000"],
        ["K1", "镇仓库", "", "", "棉被", 100, "床", ""],
        ["K2", "村仓库", 110.06, 30.06, "铁锹", "三十", "把", ""],
        ["K2", "村仓库", 110.06, 30.06, "编织袋", 500, "条", ""],
        ["K3", "两处", 110.07, 30.07, "沙袋", 1, "袋", ""],
        ["K3", "两处", 110.08, 30.07, "沙袋", 2, "袋", ""],
    ]
    staged = await put(county, catalog, xlsx_of(rows, head), layer="depots")
    assert adds_up(staged["counts"], 6)
    assert staged["counts"]["new"] == 2
    assert codes(staged) == [
        (4, "not_a_number"),
        (5, "group_refused"),
        (6, "group_refused"),
        (7, "group_disagrees"),
    ]
    (depot,) = await on_map(county)
    assert depot[7]["items"] == [
        {"item": "帐篷", "quantity": 20, "unit": "顶"},
        {"item": "棉被", "quantity": 100, "unit": "床"},
    ]
    assert depot[7]["manager_phone"] == "13800138000"
    assert (await put(county, catalog, xlsx_of(rows, head), layer="depots"))["counts"][
        "unchanged"
    ] == 2


async def test_auto_finds_the_system_from_known_points(county: Db, catalog: Catalog) -> None:
    places = [(110.05 + i / 100, 30.05 + i / 200) for i in range(8)]
    await put(
        county, catalog, csv_of([[f"{i}", f"点{i}", "低", *p, ""] for i, p in enumerate(places)])
    )
    before = await on_map(county)
    for system in ("gcj02", "bd09", "wgs84"):
        shifted = [from_wgs84(x, y, system) for x, y in places]
        content = csv_of([[f"{i}", f"点{i}", "低", *p, ""] for i, p in enumerate(shifted)])
        staged = await put(county, catalog, content, declared_crs="auto")
        assert staged["crs"]["used"] == system
        assert staged["counts"]["unchanged"] == 8
        evidence = {e["crs"]: e for e in staged["crs"]["evidence"]}
        assert evidence[system]["median_shift_m"] < 0.1
        assert evidence[system]["matched"] == 8
    assert await on_map(county) == before


async def test_rows_of_another_system_are_asked_back(county: Db, catalog: Catalog) -> None:
    places = [(110.05 + i / 100, 30.05 + i / 200) for i in range(8)]
    rows = [[f"{i}", f"点{i}", "低", *p, ""] for i, p in enumerate(places)]
    await put(county, catalog, csv_of(rows))
    for row, (x, y) in zip(rows[:2], places, strict=False):
        row[3:5] = from_wgs84(x, y, "gcj02")
    staged = await send(county, catalog, csv_of(rows), declared_crs="auto")
    assert (staged["crs"]["used"], staged["counts"]["unchanged"]) == ("wgs84", 6)
    assert codes(staged) == [(2, "row_crs_unclear"), (3, "row_crs_unclear")]
    # Somebody who names the system means it: the points have moved, and the rows are marked.
    staged = await send(county, catalog, csv_of(rows), declared_crs="wgs84")
    assert staged["counts"]["changed"] == 2
    marked = [row for row, code in codes(staged, "warning") if code == "row_fits_other_crs"]
    assert marked == [2, 3]
    # What the message says to write settles it.
    named = [[*row, "GCJ-02" if n < 2 else ""] for n, row in enumerate(rows)]
    head = [*HEAD, "坐标系"]
    staged = await send(county, catalog, csv_of(named, head), declared_crs="auto")
    assert staged["counts"]["unchanged"] == 8


async def test_a_false_declaration_is_caught_by_known_points(county: Db, catalog: Catalog) -> None:
    places = [(110.05 + i / 100, 30.05 + i / 200) for i in range(8)]
    await put(
        county, catalog, csv_of([[f"{i}", f"点{i}", "低", *p, ""] for i, p in enumerate(places)])
    )
    shifted = [from_wgs84(x, y, "gcj02") for x, y in places]
    content = csv_of([[f"{i}", f"点{i}", "低", *p, ""] for i, p in enumerate(shifted)])
    staged = await send(county, catalog, content, declared_crs="wgs84")
    assert staged["counts"]["rejected"] == 8
    assert codes(staged) == [(None, "crs_shifted")]
    assert "GCJ-02" in staged["problems"][0]["message"]


async def test_auto_asks_where_nothing_tells_the_systems_apart(
    county: Db, catalog: Catalog
) -> None:
    staged = await send(county, catalog, csv_of(GOOD), declared_crs="auto")
    assert staged["crs"]["used"] is None
    assert staged["counts"]["rejected"] == 2
    assert codes(staged) == [(None, "crs_ambiguous")]
    with pytest.raises(Conflict):
        await uploads.apply(county, catalog, staged["id"], actor="tester")


async def test_gauss_kruger_is_found_and_exact(county: Db, catalog: Catalog) -> None:
    head = ["编号", "名称", "X坐标", "Y坐标"]
    rows = []
    for i in range(6):
        east, north = from_wgs84(110.05 + i / 50, 30.1, "EPSG:4525")
        rows.append([f"{i}", f"点{i}", north, east])
    staged = await put(county, catalog, csv_of(rows, head), declared_crs="auto")
    assert staged["crs"]["used"] == "EPSG:4525"
    placed = [shapely.from_wkt(row[6]) for row in await on_map(county)]
    assert [p.x for p in placed] == pytest.approx([110.05 + i / 50 for i in range(6)], abs=3e-7)
    assert (await on_map(county))[0][11]["form"] == "projected"


async def test_a_wildly_wrong_declaration_is_refused(county: Db, catalog: Catalog) -> None:
    rows = [[f"{i}", f"点{i}", *from_wgs84(110.1, 30.1, "EPSG:4525")] for i in range(3)]
    content = csv_of(rows, ["编号", "名称", "X", "Y"])
    staged = await send(county, catalog, content, declared_crs="EPSG:4526")
    assert (None, "crs_contradicted") in codes(staged)
    degrees = await send(county, catalog, csv_of(GOOD), declared_crs="EPSG:4525")
    assert codes(degrees) == [(2, "crs_of_other_form"), (3, "crs_of_other_form")]


async def test_swapped_axes_are_put_right_and_marked(county: Db, catalog: Catalog) -> None:
    turned = ["002", "反了", "低", 30.0612, 110.0612, ""]
    staged = await put(county, catalog, csv_of([GOOD[0], turned]))
    assert codes(staged, "warning") == [(2, "place_rough"), (3, "axes_swapped")]
    swapped = (await on_map(county))[1]
    assert swapped[6] == "POINT(110.0612 30.0612)"
    assert swapped[11] == {
        "raw_x": "30.0612",
        "raw_y": "110.0612",
        "form": "decimal",
        "declared": "wgs84",
        "used": "wgs84",
        "swapped": True,
    }


async def test_a_failed_apply_leaves_nothing_behind(county: Db, catalog: Catalog) -> None:
    staged = await send(county, catalog, csv_of(GOOD))
    await county.execute(
        "create function refuse_it() returns trigger language plpgsql as"
        " $$ begin raise exception 'disk'; end $$"
    )
    await county.execute(
        "create trigger refuse_it before update on upload for each row"
        " when (new.status = 'applied') execute function refuse_it()"
    )
    with pytest.raises(psycopg.errors.RaiseException):
        await uploads.apply(county, catalog, staged["id"], actor="tester")
    assert await on_map(county) == []
    await county.execute("drop trigger refuse_it on upload")
    await uploads.apply(county, catalog, staged["id"], actor="tester")
    assert len(await on_map(county)) == 2


async def test_texts_that_look_like_syntax_stay_texts(county: Db, catalog: Catalog) -> None:
    odd = ["\\N", "a\\.b", "{{7*7}}", "'; drop table feature; --", "=cmd()", "\\t", '"引号"']
    rows = [[f"c{i}", name, "低", 110.05 + i / 100, 30.05, ""] for i, name in enumerate(odd)]
    staged = await put(county, catalog, xlsx_of(rows))
    assert codes(staged) == [(6, "formula_no_value")]
    assert [row[3] for row in await on_map(county)] == [n for n in odd if n != "=cmd()"]
    assert (await put(county, catalog, xlsx_of(rows)))["counts"]["unchanged"] == len(odd) - 1


async def test_the_original_is_kept(county: Db, catalog: Catalog) -> None:
    content = csv_of(GOOD, encoding="gb18030")
    staged = await send(county, catalog, content, filename="../台账\n.csv")
    assert await uploads.original(county, staged["id"]) == ("台账.csv", content)


@pytest.mark.parametrize("above", [1, 2, 3])
async def test_the_heading_row_is_where_excel_shows_it(
    county: Db, catalog: Catalog, above: int
) -> None:
    titles = [["云岭县西山镇隐患点台账"], ["填报单位：西山镇"], []][:above]
    book = openpyxl.Workbook()
    row = ["A1", "后山滑坡", "重大", 110.1, 30.1, 12]
    for line in [*titles, HEAD, row]:
        book.worksheets[0].append(line)
    out = io.BytesIO()
    book.save(out)
    staged = await send(county, catalog, out.getvalue())
    assert staged["reading"]["sheets"][0]["heading_row"] == above + 1
    assert staged["counts"]["new"] == staged["counts"]["rows"] == 1


async def test_a_declared_meridian_of_114_is_in_metres(county: Db, catalog: Catalog) -> None:
    x, y = from_wgs84(110.1, 30.1, "EPSG:4547")
    content = xlsx_of([["A1", "后山滑坡", "重大", f"{x:.3f}", f"{y:.3f}", 12]])
    staged = await send(county, catalog, content, declared_crs="EPSG:4547")
    assert codes(staged) == []
    assert staged["counts"]["new"] == 1
