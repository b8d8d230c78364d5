"""Answers taken along: what the JSON holds, with the same rights, and what was asked."""

from io import BytesIO
from typing import Any

import httpx2 as httpx
import openpyxl
import psycopg
import pytest

from mapsvc.catalog import Catalog
from tests.conftest import Signed

PLACE = {"lon": 111.2, "lat": 27.9}
CIRCLE = {"circle": PLACE | {"radius_m": 6000}}
NEEDS = {
    "needs": [
        {"item": "救灾帐篷", "quantity": 40, "unit": "顶"},
        {"item": "没有这种东西", "quantity": 3},
        {"capability": "破拆", "quantity": 20},
    ]
}
COVERAGE = {"layer": "forces", "seconds": "300,600", "also": "111.2,27.9"}


@pytest.fixture(scope="module")
def planner(signed: Signed) -> httpx.Client:
    return signed("planner")


def taken(client: httpx.Client, path: str, form: str, body: Any = None, **params: Any) -> Any:
    params |= {"format": form} if form != "json" else {}
    answer = client.get(path, params=params)
    if body is not None:
        answer = client.post(path, params=params, json=body)
    assert answer.status_code == 200, answer.text
    if form == "json":
        return answer.json()
    assert "attachment" in answer.headers["content-disposition"]
    return answer.json() if form == "geojson" else sheets(answer.content)


def sheets(content: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by sheet; nothing in it is a formula."""
    book = openpyxl.load_workbook(BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def told(book: dict[str, list[tuple[Any, ...]]]) -> dict[str, str]:
    assert list(book)[1] == "查询说明"
    about = dict(book["查询说明"][1:])
    assert about["数据性质"].startswith("演示数据")
    assert about["查询人"]
    assert about["查询时间"]
    return about


def test_a_range_as_a_workbook_and_as_geojson(planner: httpx.Client) -> None:
    plain = taken(planner, "/api/within", "json", CIRCLE)
    book = taken(planner, "/api/within", "xlsx", CIRCLE)
    assert [row[2] for row in book["范围内"][1:]] == [
        f["properties"]["name"] for f in plain["features"]
    ]
    total = {row[0]: row[1] for row in book["数量"][1:]}
    assert sorted(total.values()) == sorted(c["total"] for c in plain["counts"].values())
    assert dict(book["受威胁"][1:])["受威胁人数"] == plain["threatened"]["people"]
    assert len(book["责任链"]) == 1 + sum(len(c["posts"]) for c in plain["chain"])
    about = told(book)
    assert about["查询位置"] == "经度 111.2000000，纬度 27.9000000"
    assert about["范围"] == "半径 6000 米的圆"
    whole = taken(planner, "/api/within", "geojson", CIRCLE)
    *features, area = whole["features"]
    assert [f["id"] for f in features] == [f["id"] for f in plain["features"]]
    assert area["properties"] == {"kind": "area", "within_m": 6000.0}
    assert whole["demo"] is True


def test_a_plan_as_a_workbook_and_as_geojson(planner: httpx.Client) -> None:
    body = PLACE | NEEDS | {"routes": True}
    plain = taken(planner, "/api/plans", "json", body)
    assert plain["picks"]
    assert plain["shortfalls"]
    book = taken(planner, "/api/plans", "xlsx", body)
    given = {(row[2], row[4], row[5]) for row in book["调用方案"][1:]}
    assert given == {
        (p["name"], p.get("item") or p.get("capability"), p["quantity"]) for p in plain["picks"]
    }
    assert [row[4] for row in book["缺口"][1:]] == [s["missing"] for s in plain["shortfalls"]]
    assert "路线" in book
    about = told(book)
    assert about["需求"].startswith("救灾帐篷 40 顶、")
    assert about["方式"] == "按道路用时"
    whole = taken(planner, "/api/plans", "geojson", body)
    kinds = [f["properties"]["kind"] for f in whole["features"]]
    assert kinds.count("source") == len(plain["sources"])
    assert kinds[0] == "event"
    assert "route" in kinds


def test_coverage_as_a_workbook_and_as_geojson(planner: httpx.Client) -> None:
    plain = taken(planner, "/api/coverage", "json", **COVERAGE)
    book = taken(planner, "/api/coverage", "xlsx", **COVERAGE)
    missed = plain["targets"]["unreached"]
    assert [row[1] for row in book["到不了的"][1:]] == [f["properties"]["name"] for f in missed]
    assert [row[1] for row in book["各时限"][1:-1]] == [
        b["reached"] for b in plain["targets"]["bands"]
    ]
    about = told(book)
    assert about["从哪个图层出发"] == "防控力量图"
    assert about["假设增设"] == "111.2000000,27.9000000"
    whole = taken(planner, "/api/coverage", "geojson", **COVERAGE)
    kinds = [f["properties"]["kind"] for f in whole["features"]]
    assert kinds.count("unreached") == len(missed)
    assert {"area", "gained_area", "also"} <= set(kinds)
    assert planner.get("/api/coverage", params=COVERAGE | {"format": "pdf"}).status_code == 422


def test_proposed_sites_as_a_workbook_and_as_geojson(planner: httpx.Client) -> None:
    asked = COVERAGE | {"seconds": 900, "more": 1}
    plain = taken(planner, "/api/coverage/sites", "json", **asked)
    assert plain["also"] == [[111.2, 27.9]]
    # Who stands at `also` already is not reached by the new ones for the first time.
    without = taken(planner, "/api/coverage/sites", "json", **asked | {"also": "", "area": False})
    assert plain["before"]["reached"] >= without["before"]["reached"]
    book = taken(planner, "/api/coverage/sites", "xlsx", **asked)
    assert [row[1] for row in book["增设位置"][1:]] == [site["name"] for site in plain["sites"]]
    about = dict(book["查询说明"][1:])
    assert (about["再增设几处"], about["按什么选"]) == ("1", "受威胁人数")
    whole = taken(planner, "/api/coverage/sites", "geojson", **asked)
    kinds = [f["properties"]["kind"] for f in whole["features"]]
    assert kinds.count("site") == len(plain["sites"])
    assert "also" in kinds


def test_what_was_asked_of_the_nearest(planner: httpx.Client) -> None:
    asked = PLACE | {"layers": "forces", "k": 2, "where.forces": "headcount >= 10"}
    about = told(taken(planner, "/api/nearest", "xlsx", **asked))
    assert about["图层"] == "防控力量图"
    assert about["条件"] == "防控力量图：headcount >= 10"
    assert about["防控力量图数据时间"]


def test_rights_and_hostile_texts_are_those_of_the_answer(
    signed_copy: Signed, demo_copy: str, catalog: Catalog
) -> None:
    fields = catalog.layer("risk_points").fields
    field, title = next((f.id, f.title) for f in fields if f.personal)
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute("update feature set name = '=cmd|calc!' || name where layer = 'risk_points'")
    with psycopg.connect(demo_copy) as db:
        (town,) = db.execute("select min(username) from account where 'township' = any(roles)")
    body = CIRCLE | {"layers": ["risk_points"]}
    clear = []
    for name in ("planner", town[0]):
        reader = signed_copy(name)
        plain = taken(reader, "/api/within", "json", body)["features"]
        asked = {"personal": True} if name == town[0] else {}
        book = taken(reader, "/api/within", "xlsx", body, **asked)
        assert all(row[2].startswith("=cmd|calc!") for row in book["范围内"][1:])
        column = book["风险隐患图"][0].index(title)
        seen = [row[column] for row in book["风险隐患图"][1:]]
        assert seen == [f["properties"].get(field) for f in plain]
        clear.append([value for value in seen if value])
    assert clear[0] != clear[1]
