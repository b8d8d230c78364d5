"""Ranking by road over HTTP: exact, around closures, and honest about what is no road."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx2 as httpx
import numpy as np
import openpyxl
import psycopg
import pytest
import shapely

from mapsvc import arrivals, roads
from mapsvc.catalog import Catalog
from mapsvc.roads import Place
from tests.conftest import Signed

BOX = (111.02, 27.75, 111.38, 28.05)
SEAT = 111.2248, 27.8323
"""In the county's town."""


def ask(client: httpx.Client, lon: float, lat: float, **more: Any) -> dict[str, Any]:
    answer = client.get(
        "/api/nearest", params={"lon": lon, "lat": lat, "mode": "road", "layers": "depots"} | more
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.anyio
@pytest.mark.parametrize("direction", ["to", "from"])
async def test_the_k_fastest_of_the_whole_layer(
    demo_conninfo: str, catalog: Catalog, direction: roads.Direction
) -> None:
    layers = (catalog.layer("depots"), catalog.layer("forces"))
    rng = np.random.default_rng(5)
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        rows = await (
            await db.execute(
                "select layer, id, ST_X(geom), ST_Y(geom) from feature"
                " where layer in ('depots', 'forces')"
            )
        ).fetchall()
        places = [Place(row[2], row[3]) for row in rows]
        for lon, lat in rng.uniform(BOX[:2], BOX[2:], (12, 2)).tolist():
            event, k = Place(lon, lat), int(rng.integers(1, 12))
            every = await roads.journeys(db, places, event, direction=direction)
            question = arrivals.Question(
                event, layers, k, direction=direction, conditions="day", routes=False
            )
            answer = await arrivals.ranked(db, question)
            for layer in ("depots", "forces"):
                true = sorted(
                    (journey.by != "road", journey.duration_s, row[1])
                    for row, journey in zip(rows, every, strict=True)
                    if row[0] == layer
                )[:k]
                found = [
                    (r["by"] != "road", r["duration_s"], r["id"])
                    for r in answer["results"]
                    if r["layer"] == layer
                ]
                assert [f[2] for f in found] == [t[2] for t in true]
                assert [f[1] for f in found] == pytest.approx([t[1] for t in true], abs=0.06)


def test_the_answer_has_what_a_planner_needs(signed: Signed) -> None:
    answer = ask(signed("planner"), 111.2, 27.9, k=3, layers="depots,forces")
    assert answer["mode"] == "road"
    assert answer["network"]["edges"] > 1000
    assert answer["closures"] == answer["notes"] == []
    results = answer["results"]
    assert len(results) == 6
    assert [r["duration_s"] for r in results] == sorted(r["duration_s"] for r in results)
    for r in results:
        assert r["by"] == "road"
        assert r["distance_m"] >= r["line_m"] - 1
        assert r["feature"]["properties"]["layer"] == r["layer"]
        line, told = r["route"]["geometry"], r["route"]["properties"]
        assert line["coordinates"][0] == pytest.approx(r["feature"]["geometry"]["coordinates"])
        assert line["coordinates"][-1] == pytest.approx([111.2, 27.9])
        assert sum(s["distance_m"] for s in told["steps"]) == pytest.approx(r["distance_m"], abs=2)
        assert sum(s["duration_s"] for s in told["steps"]) == pytest.approx(r["duration_s"], abs=2)
        assert told["steps"][-1]["text"].startswith("到达")
        assert any("出发，沿" in s["text"] for s in told["steps"])


def test_night_rain_and_trucks_take_longer_and_limits_cut(signed: Signed) -> None:
    planner = signed("planner")
    day = ask(planner, 111.2, 27.9, routes=False)["results"]
    assert all("route" not in r for r in day)
    night = ask(planner, 111.2, 27.9, routes=False, conditions="night_rain")["results"]
    assert night[0]["duration_s"] == pytest.approx(day[0]["duration_s"] * 1.6, abs=0.2)
    truck = ask(planner, 111.2, 27.9, routes=False, profile="truck")["results"]
    assert truck[0]["duration_s"] > day[0]["duration_s"]
    limit = day[2]["duration_s"] + 0.1
    cut = ask(planner, 111.2, 27.9, routes=False, within_s=limit)["results"]
    assert [r["id"] for r in cut] == [r["id"] for r in day[:3]]
    near = ask(planner, 111.2, 27.9, routes=False, max_m=day[0]["line_m"] + 1)["results"]
    assert day[0]["id"] in [r["id"] for r in near]
    assert all(r["line_m"] <= day[0]["line_m"] + 1 for r in near)


def test_a_closure_counts_in_the_next_answer_and_is_named(
    signed_copy: Signed, demo_copy: str
) -> None:
    planner = signed_copy("planner")
    before = ask(planner, *SEAT, k=1)["results"][0]
    line = shapely.LineString(before["route"]["geometry"]["coordinates"])
    middle = line.interpolate(0.5, normalized=True)
    closed = planner.post(
        "/api/closures",
        json={"geometry": shapely.geometry.mapping(middle), "radius_m": 60, "reason": "塌方"},
    )
    assert closed.json()["closed_edges"] > 0, closed.text
    answer = ask(planner, *SEAT, k=400)
    after = next(r for r in answer["results"] if r["id"] == before["id"])
    assert after["duration_s"] > before["duration_s"] or after["by"] == "estimate"
    assert [c["reason"] for c in answer["closures"]] == ["塌方"]
    assert any("绕开" in note and "塌方" in note for note in answer["notes"])
    around = [
        r
        for r in answer["results"]
        if "route" in r and r["route"]["properties"]["closures_avoided"]
    ]
    assert around
    area = shapely.from_geojson(json.dumps(closed.json()["area"]))
    for r in around:
        drawn = shapely.LineString(r["route"]["geometry"]["coordinates"][1:-1])
        assert not drawn.intersects(area)
    # Its time passes: nobody lifts it, and it no longer counts.
    with psycopg.connect(demo_copy, autocommit=True) as db:
        past = datetime.now(UTC) - timedelta(seconds=1)
        db.execute("update closure set starts_at = %s, ends_at = %s", [past, past])
    again = ask(planner, *SEAT, k=1)
    assert again["results"][0]["id"] == before["id"]
    assert again["results"][0]["duration_s"] == before["duration_s"]
    assert again["closures"] == []


def test_a_closure_that_cuts_off_is_named_as_the_cause(signed_copy: Signed) -> None:
    planner = signed_copy("planner")
    k = {"layers": "command_posts", "k": 400, "routes": False}
    before = ask(planner, *SEAT, **k)
    assert {r["by"] for r in before["results"]} == {"road"}
    last = before["results"][-1]
    at = shapely.Point(last["feature"]["geometry"]["coordinates"]).buffer(0.012).boundary
    planner.post(
        "/api/closures", json={"geometry": shapely.geometry.mapping(at), "reason": "桥梁垮塌"}
    )
    after = ask(planner, *SEAT, **k)
    cut = next(r for r in after["results"] if r["id"] == last["id"])
    assert cut["by"] == "estimate"
    assert [c["reason"] for c in after["closures"]] == ["桥梁垮塌"]
    assert any("因封路而没有道路可到：桥梁垮塌" in note for note in after["notes"])


def test_far_from_every_road_it_is_an_estimate_and_says_so(signed: Signed) -> None:
    answer = ask(signed("planner"), 112.5, 29.0, k=4)
    assert [r["by"] for r in answer["results"]] == ["estimate"] * 4
    assert all(
        "route" not in r and r["distance_m"] == pytest.approx(r["line_m"], abs=0.1)
        for r in answer["results"]
    )
    assert any("没有可通行的道路" in note for note in answer["notes"])
    assert any("直线距离" in note for note in answer["notes"])
    line = (
        signed("planner")
        .get("/api/nearest", params={"lon": 112.5, "lat": 29.0, "layers": "depots", "k": 4})
        .json()
    )
    assert [r["id"] for r in line["results"]] == [r["id"] for r in answer["results"]]


def test_without_a_network_it_is_an_estimate_and_says_so(
    signed_copy: Signed, demo_copy: str
) -> None:
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute("truncate road_network, road_arc, road_edge, road_node")
    answer = ask(signed_copy("planner"), 111.2, 27.9, k=2)
    assert answer["network"] is None
    assert [r["by"] for r in answer["results"]] == ["estimate"] * 2
    assert any("尚未载入路网" in note for note in answer["notes"])


def test_by_line_the_closures_crossed_are_named(signed_copy: Signed) -> None:
    planner = signed_copy("planner")

    def by_line(**more: Any) -> dict[str, Any]:
        params = {"lon": SEAT[0], "lat": SEAT[1], "layers": "depots", "k": 30} | more
        return dict(planner.get("/api/nearest", params=params).json())

    before = by_line()
    assert before["closures"] == before["results"][0]["closures_crossed"] == []
    ring = shapely.Point(*SEAT).buffer(0.01).boundary
    closed = planner.post(
        "/api/closures", json={"geometry": shapely.geometry.mapping(ring), "reason": "演练"}
    ).json()
    after = by_line()
    assert [c["id"] for c in after["closures"]] == [closed["id"]]
    area = shapely.from_geojson(json.dumps(closed["geometry"]))
    assert [r["id"] for r in after["results"]] == [r["id"] for r in before["results"]]
    for r in after["results"]:
        line = shapely.LineString([SEAT, r["feature"]["geometry"]["coordinates"]])
        assert bool(r["closures_crossed"]) == line.intersects(area)
    assert {bool(r["closures_crossed"]) for r in after["results"]} == {True, False}


@pytest.mark.parametrize("mode", ["line", "road"])
def test_stale_ones_stay_sink_or_go(signed: Signed, mode: str) -> None:
    planner = signed("planner")

    def results(stale: str, k: int) -> list[dict[str, Any]]:
        params = {"lon": SEAT[0], "lat": SEAT[1], "layers": "forces", "mode": mode}
        more = {"k": k, "stale": stale, "routes": "false"}
        answer = planner.get("/api/nearest", params=params | more)
        return list(answer.json()["results"])

    keep, sink, omit = results("keep", 40), results("sink", 40), results("omit", 20)
    assert {r["stale"] for r in keep} == {True, False}
    by = "distance_m" if mode == "line" else "duration_s"
    assert [r[by] for r in keep] == sorted(r[by] for r in keep)
    fresh = [r["id"] for r in keep if not r["stale"]]
    assert [r["id"] for r in sink] == fresh + [r["id"] for r in keep if r["stale"]]
    assert [r["id"] for r in omit][: len(fresh)] == fresh[:20]
    assert len(omit) == 20


@pytest.mark.parametrize("mode", ["line", "road"])
def test_the_same_answer_as_geojson_and_as_a_workbook(
    signed_copy: Signed, demo_copy: str, mode: str
) -> None:
    with psycopg.connect(demo_copy, autocommit=True) as db:
        db.execute("update feature set name = '=HYPERLINK(1)&' || name where layer = 'depots'")
    planner = signed_copy("planner")
    params = {"lon": SEAT[0], "lat": SEAT[1], "layers": "depots,forces", "k": 3, "mode": mode}
    plain = planner.get("/api/nearest", params=params).json()
    whole = planner.get("/api/nearest", params=params | {"format": "geojson"})
    assert whole.headers["content-type"] == "application/geo+json"
    features = [f for f in whole.json()["features"] if f["properties"]["kind"] == "feature"]
    assert [(f["properties"]["layer"], f["id"]) for f in features] == [
        (r["layer"], r["id"]) for r in plain["results"]
    ]
    assert len(whole.json()["features"]) == (6 if mode == "line" else 12)
    taken = planner.get("/api/nearest", params=params | {"format": "xlsx"})
    assert "attachment" in taken.headers["content-disposition"]
    book = openpyxl.load_workbook(BytesIO(taken.content))
    names = ["就近查询", "查询说明", "物资装备图", "防控力量图"] + (
        ["路线"] if mode == "road" else []
    )
    assert book.sheetnames == names
    rows = list(book["就近查询"].iter_rows())
    head = next(n for n, row in enumerate(rows) if row[0].value == "序号")
    ranking = rows[head + 1 :]
    assert [row[2].value for row in ranking] == [r["name"] for r in plain["results"]]
    assert {row[2].data_type for row in ranking} == {"s"}
    assert [row[5].value for row in ranking] == [round(r["distance_m"]) for r in plain["results"]]
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_what_is_loaded_and_by_which_rules(signed: Signed) -> None:
    told = signed("planner").get("/api/roads").json()
    assert told["network"]["edges"] == told["network"]["report"]["edges"] > 1000
    assert told["profiles"] == {"light": "轻型车", "truck": "载重货车"}
    assert told["conditions"]["night"] == {"title": "夜间", "factor": 1.25}
    assert {"offroad", "tertiary"} <= {rule["name"] for rule in told["rules"]}


def test_rings_grow_with_time_and_keep_to_the_roads(signed: Signed) -> None:
    planner = signed("planner")
    params = {"lon": SEAT[0], "lat": SEAT[1], "seconds": "900, 300"}
    answer = planner.get("/api/coverage/rings", params=params).json()
    assert [f["properties"]["seconds"] for f in answer["features"]] == [300, 900]
    small, large = (shapely.geometry.shape(f["geometry"]) for f in answer["features"])
    assert small.is_valid
    assert large.is_valid
    assert small.contains(shapely.Point(*SEAT))
    assert small.difference(large).area < small.area / 50
    # What the ranking says is in time lies inside, what is late outside; the rim is not compared.
    for r in ask(planner, *SEAT, k=200, layers="command_posts", routes=False)["results"]:
        at = shapely.Point(r["feature"]["geometry"]["coordinates"])
        if r["duration_s"] < 780:
            assert large.contains(at), r
        if r["duration_s"] > 1000:
            assert not large.contains(at), r
    for wrong in ("", "abc", "30", "99999", "60,120,180,240,300,360,420", "-300"):
        refused = planner.get("/api/coverage/rings", params=params | {"seconds": wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_seconds")
