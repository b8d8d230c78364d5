"""Plans over a small stock that the test knows by heart, and over the demo county's cards."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from mapsvc.errors import BrokenLayerFile
from mapsvc.planning.cards import read_book
from mapsvc.settings import PROJECT
from tests.conftest import Make, Signed
from tests.test_api import problem

EVENT = {"lon": 111.2, "lat": 27.9}


def item(name: str, quantity: float, unit: str | None = "顶", expires: str | None = None) -> Any:
    more = {"unit": unit} if unit else {}
    return {"item": name, "quantity": quantity, **more} | ({"expires": expires} if expires else {})


OLD = "2020-01-01"
# Name, degrees east of the event, layer, what it has, days since it was verified.
PLACES: list[tuple[str, float, str, dict[str, Any], int]] = [
    ("近库", 0.01, "depots", {"items": [item("救灾帐篷", 5), item("棉被", 40, "床")]}, 1),
    ("中库", 0.02, "depots", {"items": [item("帐篷", 10), item("救灾帐篷", 90, None, OLD)]}, 1),
    ("旧库", 0.03, "depots", {"items": [item("救灾 帐篷", 7, " 顶 ")], "level": "村级"}, 400),
    ("大库", 0.1, "depots", {"items": [item("救灾帐篷", 60), item("帐篷", 3, "顶", OLD)]}, 1),
    ("箱库", 0.01, "depots", {"items": [item("救灾帐篷", 8, "箱"), item("帐篷", -5)]}, 1),
    ("消防", 0.02, "forces", {"headcount": 30, "capabilities": ["破拆", "排水"]}, 1),
    ("民兵", 0.03, "forces", {"headcount": 20, "capabilities": ["排涝"], "on_duty": True}, 1),
    ("休假队", 0.01, "forces", {"headcount": 50, "capabilities": ["破拆"], "on_duty": False}, 1),
    ("无名队", 0.01, "forces", {"capabilities": ["破拆"]}, 1),
]


@pytest.fixture(scope="module")
def office(
    make_database: Make, template: str, make_app: Callable[..., TestClient], password: str
) -> httpx.Client:
    """An application over PLACES, without roads, and a planner signed in."""
    conninfo = make_database(template)
    with psycopg.connect(conninfo, autocommit=True, options="-c timezone=Asia/Shanghai") as db:
        for name, east, layer, attrs, days in PLACES:
            db.execute(
                "insert into feature (layer, name, geom, attrs, verified_at)"
                " values (%s, %s, ST_Point(%s, 27.9, 4326), %s, current_date - %s::int)",
                [layer, name, 111.2 + east, Jsonb(attrs), days],
            )
        db.execute(
            "insert into account (username, password_hash, roles) values ('p', '-', '{planner}')"
        )
        db.execute(
            "insert into session (token_hash, username, expires_at)"
            " values (sha256('t'), 'p', now() + interval '1 day')"
        )
    client = make_app(conninfo)
    client.headers["Authorization"] = "Bearer t"
    return client


def plan(client: httpx.Client, *needs: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = client.post("/api/plans", json=EVENT | {"needs": list(needs)} | more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def gives(told: dict[str, Any]) -> dict[str, float]:
    """Who gives how much, of a plan with one line."""
    return {p["name"]: p["quantity"] for p in told["picks"]}


def tents(quantity: float, **more: Any) -> dict[str, Any]:
    return {"item": "救灾帐篷", "quantity": quantity, **more}


def test_fewest_takes_one_store_earliest_the_near_ones(office: httpx.Client) -> None:
    assert gives(plan(office, tents(20))) == {"大库": 20}
    assert gives(plan(office, tents(20), objective="earliest")) == {
        "近库": 5,
        "中库": 10,
        "旧库": 5,
    }
    assert gives(plan(office, tents(15), objective="earliest")) == {"近库": 5, "中库": 10}
    # One place suffices: then the one that is there first.
    assert gives(plan(office, tents(6))) == {"中库": 6}
    told = plan(office, tents(6))
    assert told["completion_s"] == told["picks"][0]["duration_s"]
    assert told["picks"][0]["in_stock"] == 10


def test_expired_stock_is_not_promised_and_other_units_are_named(office: httpx.Client) -> None:
    told = plan(office, tents(500))
    assert gives(told) == {"近库": 5, "中库": 10, "旧库": 7, "大库": 60}
    (short,) = told["shortfalls"]
    assert (short["needed"], short["found"], short["missing"]) == (500, 82, 418)
    assert "3 顶已过期" in short["why"]
    assert "另有 8 箱（1 处），单位不同" in short["why"]
    assert gives(plan(office, tents(5, unit="箱"))) == {"箱库": 5}
    assert gives(plan(office, tents(5, unit="吨"))) == {}
    assert any("按多数储备点所用的“顶”计" in note for note in told["notes"])


def test_nothing_is_promised_twice_under_two_names(office: httpx.Client) -> None:
    told = plan(office, tents(50), {"item": " 帐篷", "quantity": 50, "unit": "顶"})
    assert len(told["needs"]) == 1
    assert sum(p["quantity"] for p in told["picks"]) == 82
    assert told["shortfalls"][0]["missing"] == 18


def test_people_are_sent_once_and_only_those_on_duty(office: httpx.Client) -> None:
    told = plan(
        office, {"capability": "破拆", "quantity": 20}, {"capability": "排水", "quantity": 25}
    )
    sent: dict[str, float] = defaultdict(float)
    for pick in told["picks"]:
        sent[pick["name"]] += pick["quantity"]
    assert sent == {"消防": 30, "民兵": 15}
    assert told["shortfalls"] == []
    short = plan(office, {"capability": "破拆", "quantity": 60})["shortfalls"][0]
    assert (short["found"], short["missing"]) == (30, 30)
    assert "1 支队伍 50 人登记为不在岗" in short["why"]
    assert "1 支队伍没有登记人数" in short["why"]


def test_whole_teams_are_counted_by_the_team(office: httpx.Client) -> None:
    told = plan(office, {"capability": "破拆", "quantity": 5, "unit": "支"})
    assert gives(told) == {"无名队": 1, "消防": 1}
    assert told["shortfalls"][0]["missing"] == 3
    # The team that goes whole has nobody left for the other line.
    both = plan(
        office,
        {"capability": "破拆", "quantity": 2, "unit": "支"},
        {"capability": "排水", "quantity": 100},
    )
    assert {(p["name"], p["quantity"]) for p in both["picks"]} == {
        ("无名队", 1),
        ("消防", 1),
        ("民兵", 20),
    }


def test_what_is_stale_far_or_filtered_out(office: httpx.Client) -> None:
    assert "旧库" not in gives(plan(office, tents(500), stale="omit"))
    told = plan(office, tents(500), within_s=600)
    assert "大库" not in gives(told)
    assert all(p["duration_s"] <= 600 for p in told["picks"])
    assert "10 分钟内到不了的另有 60 顶，最快" in told["shortfalls"][0]["why"]
    only = plan(office, tents(500), layers=["depots"], where="level = '村级'")
    assert gives(only) == {"旧库": 7}
    assert "已 400 天未核实" in only["picks"][0]["reason"]
    by_layer = plan(office, tents(5), where={"depots": "核实天数 > 100"})
    assert gives(by_layer) == {"旧库": 5}


def test_without_roads_it_says_so(office: httpx.Client) -> None:
    told = plan(office, tents(5))
    assert told["network"] is None
    assert told["picks"][0]["by"] == "estimate"
    assert any("尚未载入路网" in note for note in told["notes"])
    assert "估算" in told["picks"][0]["reason"]


def test_what_nobody_has_is_said(office: httpx.Client) -> None:
    told = plan(office, {"item": "月球车", "quantity": 1}, {"capability": "登月", "quantity": 3})
    assert told["picks"] == told["sources"] == []
    assert told["completion_s"] is None
    assert [s["missing"] for s in told["shortfalls"]] == [1, 3]
    assert all("没有登记" in s["why"] for s in told["shortfalls"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"needs": []}, "no_needs"),
        ({"needs": [{"quantity": 1}]}, "bad_need"),
        ({"needs": [{"item": "a", "capability": "b", "quantity": 1}]}, "bad_need"),
        ({"needs": [{"item": "  ", "quantity": 1}]}, "bad_need"),
        ({"needs": [{"item": "a", "quantity": 0}]}, "bad_need"),
        ({"needs": [{"item": "a", "quantity": -3}]}, "bad_need"),
        ({"needs": [{"item": "a", "quantity": 1e30}]}, "bad_need"),
        ({"needs": [{"item": "a", "quantity": "much"}]}, "bad_parameter"),
        ({"needs": [{"item": "长" * 61, "quantity": 1}]}, "bad_need"),
        ({"needs": [{"item": "a\x00b", "quantity": 1}]}, "bad_input"),
        ({"needs": [{"capability": "破拆", "quantity": 1, "unit": "公斤"}]}, "bad_need"),
        ({"needs": [{"capability": "破拆", "quantity": 1.5}]}, "bad_need"),
        ({"needs": [{"item": str(n), "quantity": 1} for n in range(31)]}, "bad_need"),
        ({"needs": "帐篷"}, "bad_parameter"),
        ({"needs": [{"item": {"$gt": ""}, "quantity": 1}]}, "bad_parameter"),
        ({"lon": 27.9, "lat": 111.2}, "coordinates_out_of_range"),
        ({"layers": ["risk_points"]}, "layer_gives_nothing"),
        ({"where": "headcount > 5"}, "unknown_field"),
        ({"where": {"risk_points": "x"}}, "unknown_layer"),
        ({"objective": "cheapest"}, "bad_parameter"),
        ({"within_s": -1}, "bad_parameter"),
        ({"crs": "mars"}, "unknown_crs"),
        ({"more": 1}, "bad_parameter"),
    ],
)
def test_refused_in_words(office: httpx.Client, change: dict[str, Any], code: str) -> None:
    problem(office.post("/api/plans", json=EVENT | {"needs": [tents(1)]} | change), 422, code)


def test_townships_may_plan_but_not_ask_about_people(signed: Signed) -> None:
    town = signed("town-990101001")
    assert plan(town, tents(5))["picks"]
    sent = EVENT | {"needs": [tents(1)], "layers": ["depots"], "where": "manager like '王%'"}
    problem(town.post("/api/plans", json=sent), 403, "personal_field")


@pytest.mark.parametrize("objective", ["fewest", "earliest"])
def test_every_card_over_the_demo_county(
    signed: Signed, demo_conninfo: str, objective: str
) -> None:
    """Promises never exceed what is there; what is missing is what is not promised."""
    planner = signed("planner")
    with psycopg.connect(demo_conninfo, options="-c timezone=Asia/Shanghai") as db:
        rows = db.execute("select layer, id, attrs, current_date::text from feature").fetchall()
    known = {(layer, number): attrs for layer, number, attrs, _ in rows}
    today = rows[0][3]
    names = read_book(PROJECT / "layers" / "needs").names.items
    for card in planner.get("/api/needs").json()["cards"]:
        level = card["levels"][2]
        told = plan(
            planner, *level["needs"], objective=objective, within_s=level["within_s"], routes=True
        )
        promised: dict[Any, float] = defaultdict(float)
        people: dict[Any, float] = defaultdict(float)
        for pick in told["picks"]:
            who = pick["layer"], pick["feature_id"]
            assert pick["duration_s"] <= level["within_s"]
            if "item" in pick:
                promised[*who, pick["item"], pick["unit"]] += pick["quantity"]
            elif pick["unit"] == "人":
                people[who] += pick["quantity"]
            assert pick["reason"]
        for (layer, number, name, unit), quantity in promised.items():
            attrs = known[layer, number]
            assert quantity <= sum(
                i["quantity"]
                for i in attrs.get("items") or attrs.get("equipment")
                if i["item"] in (name, *names.get(name, ()))
                and i["unit"] == unit
                and i.get("expires", today) >= today
            )
        for who, quantity in people.items():
            assert quantity <= known[who]["headcount"]
            assert known[who]["on_duty"]
        missing = {s.get("item") or s.get("capability"): s["missing"] for s in told["shortfalls"]}
        for need in told["needs"]:
            name = need.get("item") or need.get("capability")
            assert need["found"] + missing.get(name, 0) == need["quantity"]
        assert told["completion_s"] == max(p["duration_s"] for p in told["picks"])
        assert all("route" in s for s in told["sources"] if s["by"] == "road")
        assert told["proved"]


GOOD = 'id = "a"\ntitle = "甲"\n[[needs]]\nitem = "帐篷"\nunit = "顶"\nquantities = [4, 3, 2, 1]\n'


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("a.toml", "id = ", "needs/a.toml：TOML 语法错误"),
        ("a.toml", GOOD.replace('unit = "顶"\n', ""), "needs[0].unit：缺少"),
        ("a.toml", GOOD.replace("[4, 3, 2, 1]", "[4, 3]"), "needs[0].quantities：项数不够"),
        ("a.toml", GOOD.replace("[4, 3, 2, 1]", "[4, 3, 2, -1]"), "quantities[3]：过小"),
        ("a.toml", GOOD.replace("item =", "thing ="), "不认识的项目"),
        ("a.toml", GOOD + 'capability = "破拆"\n', "item 和 capability 应写且只写一个"),
        ("a.toml", GOOD + GOOD[GOOD.index("[[") :], "needs: 重复：帐篷"),
        ("b.toml", GOOD, "needs/b.toml：id：与 a.toml 重复"),
        ("names.toml", '[items]\n"甲" = ["丙"]\n"乙" = ["丙"]\n', "“丙”同时属于“甲”和“乙”"),
        ("names.toml", 'items = ["甲"]\n', "names.toml：items：应为"),
    ],
)
def test_a_broken_card_is_refused_with_its_name(
    tmp_path: Path, file: str, text: str, words: str
) -> None:
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(BrokenLayerFile) as refused:
        read_book(tmp_path)
    assert words in refused.value.detail


def test_cards_name_what_the_demo_county_stores(signed: Signed, demo_conninfo: str) -> None:
    book = signed("planner").get("/api/needs").json()
    with psycopg.connect(demo_conninfo) as db:
        stored = db.execute(
            "select distinct i ->> 'item', i ->> 'unit' from feature,"
            " jsonb_array_elements(coalesce(attrs -> 'items', attrs -> 'equipment')) i"
        ).fetchall()
        skills = db.execute(
            "select distinct jsonb_array_elements_text(attrs -> 'capabilities') from feature"
        ).fetchall()
    assert len(book["cards"]) == 8
    for card in book["cards"]:
        assert [level["level"] for level in card["levels"]] == ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ"]
        for need in card["levels"][0]["needs"]:
            if "item" in need:
                assert (need["item"], need["unit"]) in stored
            else:
                assert (need["capability"],) in skills
