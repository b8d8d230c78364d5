"""The chain of command: from the village up, by codes first and by regions where codes fail."""

from typing import Any

import httpx2 as httpx
import psycopg
import pytest

from tests.conftest import Signed
from tests.office import OTHER, OWN, Office


@pytest.fixture(scope="module")
def office(make_database: Any, demo_source: str, make_app: Any) -> Office:
    conninfo = make_database(demo_source)
    return Office(Signed(make_app(conninfo)), conninfo)


def chain(client: httpx.Client, at: list[float]) -> dict[str, Any]:
    answer = client.get(f"/api/command/chain?lon={at[0]}&lat={at[1]}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def flat(branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [x for b in branches for x in (b, *flat(b["children"]))]


def test_the_tree_holds_every_post_once(office: Office) -> None:
    found = office.command.get("/api/command/tree").json()
    (root,) = found["roots"]
    posts = flat([root])
    assert found["count"] == len(posts) == len({p["id"] for p in posts}) == 351
    assert found["problems"] == []
    assert root["level"] == "county"
    assert [c["level"] for c in root["children"]] == ["township"] * 16
    assert {p["via"] for p in posts if p is not root} == {"parent"}
    assert all(p["parent_id"] == root["id"] for p in root["children"])


def test_every_village_of_the_demo_county_has_its_chain(office: Office) -> None:
    rows = office.ask(
        "select ST_X(p), ST_Y(p), v.code, v.parent_code from region v,"
        " lateral (select ST_PointOnSurface(v.geom) p) x where v.level = 'village'"
        " order by v.code limit 40"
    )
    for lon, lat, village, township in rows:
        steps = chain(office.command, [lon, lat])["chain"]
        assert [s["region_code"] for s in steps] == [village, township, "990101"]
        assert [s["order"] for s in steps] == [1, 2, 3]
        assert [s["missing"] for s in steps] == [False] * 3
        assert [s["via"] for s in steps] == ["region", "parent", "parent"]


def test_duty_that_nobody_keeps_is_said_to_be_unknown(office: Office) -> None:
    found = chain(office.admin, office.own)
    assert {s["on_duty"] for s in found["chain"]} == {None}
    assert {s["duty"] for s in found["chain"]} == {"未知"}
    assert "不知道是否在岗" in found["notes"][-1]
    assert all(s["phone"] == s["holder_phone"] for s in found["chain"])


def test_personal_fields_stay_in_the_region_of_the_reader(office: Office) -> None:
    mine = chain(office.town, office.own)["chain"]
    assert mine[0]["holder"]
    other = chain(office.town, office.other)["chain"]
    assert other[0]["holder"].endswith("**")
    assert "holder" in other[0]["masked"]
    assert other[0]["phone"] == other[0]["duty_phone"] is not None
    assert all(
        "*" in (p["holder_phone"] or "*")
        for p in flat(office.town.get("/api/command/tree").json()["roots"])
        if p["level"] == "township" and p["region_code"] == OTHER
    )


def test_a_village_without_a_post_is_in_the_chain_as_vacant(office: Office) -> None:
    with psycopg.connect(office.conninfo) as db:
        village = chain(office.command, office.own)["chain"][0]
        db.execute("delete from feature where id = %s", [village["id"]])
        db.commit()
        found = chain(office.command, office.own)
        first, second, third = found["chain"]
        assert (first["missing"], first["region_code"]) == (True, village["region_code"])
        assert first["phone"] is None
        assert [second["level"], third["level"]] == ["township", "county"]
        assert "没有登记指挥岗位" in found["notes"][0]


def test_codes_that_lead_nowhere_are_told_and_regions_take_their_place(office: Office) -> None:
    at = office.other
    village, township, _ = chain(office.command, at)["chain"]
    change = (
        "update feature set attrs = attrs || jsonb_build_object('parent', %s::text),"
        " version = version + 1, updated_at = clock_timestamp() where id = %s"
    )
    with psycopg.connect(office.conninfo, autocommit=True) as db:
        for parent, code in (
            ("<b>无</b>", "unknown_parent"),
            (village["code"], None),  # its own code is no superior
        ):
            db.execute(change.encode(), [parent, village["id"]])
            steps = chain(office.command, at)["chain"]
            assert [s["id"] for s in steps[:2]] == [village["id"], township["id"]]
            assert steps[1]["via"] == "region"
            problems = office.command.get("/api/command/tree").json()["problems"]
            assert [p["code"] for p in problems if p["id"] == village["id"]] == [
                code or "unknown_parent"
            ]
        db.execute(change.encode(), [village["code"], township["id"]])
        db.execute(change.encode(), [township["code"], village["id"]])
        tree = office.command.get("/api/command/tree").json()
        assert "circle" in {p["code"] for p in tree["problems"]}
        assert len(flat(tree["roots"])) == tree["count"]
        assert [s["level"] for s in chain(office.command, at)["chain"]] == [
            "village",
            "township",
            "county",
        ]


def test_a_place_outside_and_a_place_that_is_none(office: Office) -> None:
    found = chain(office.command, [100.0, 10.0])
    assert found["chain"] == []
    assert "不在已载入的行政区内" in found["notes"][0]
    assert office.command.get("/api/command/chain?lon=200&lat=1").status_code == 422
    assert OWN.startswith("990101")
