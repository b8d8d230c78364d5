"""The county in figures: they add up, follow each change, and can be had for any past moment."""

from typing import Any

import psycopg
import pytest

from tests.conftest import Signed
from tests.office import Office, patch


@pytest.fixture(scope="module")
def office(make_database: Any, demo_source: str, make_app: Any) -> Office:
    conninfo = make_database(demo_source)
    return Office(Signed(make_app(conninfo)), conninfo)


def overview(office: Office, as_of: str | None = None) -> dict[str, Any]:
    answer = office.command.get("/api/overview", params={"as_of": as_of} if as_of else {})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def layer(found: dict[str, Any], name: str = "risk_points") -> dict[str, Any]:
    (one,) = [x for x in found["layers"] if x["id"] == name]
    return dict(one)


def test_figures_add_up_to_what_the_database_holds(office: Office) -> None:
    found = overview(office)
    assert len(found["townships"]) == 16
    for one in found["layers"]:
        (count, stale) = office.ask(
            "select count(*), count(*) filter (where"
            " verified_at < (now() at time zone 'Asia/Shanghai')::date - %s::int)"
            " from feature where layer = %s",
            one["freshness_days"],
            one["id"],
        )[0]
        assert (one["count"], one["stale"]) == (count, stale)
        parts = [t["layers"][one["id"]] for t in (*found["townships"], found["elsewhere"])]
        assert sum(p["count"] for p in parts) == count
        assert sum(p["stale"] for p in parts) == stale
        assert max(p["newest_verified"] or "" for p in parts) == one["newest_verified"]
    risks = layer(found)
    assert sum(risks["grades"].values()) + risks["ungraded"] == risks["count"]
    assert layer(found, "depots")["grades"] is None
    listed = {x["id"]: x for x in office.command.get("/api/layers").json()}
    assert {x["id"]: x["stale"] for x in found["layers"]} == {
        k: v["freshness"]["stale"] for k, v in listed.items()
    }


def test_each_change_is_counted_at_once_and_the_past_stays(office: Office) -> None:
    before = overview(office)
    (moment,) = office.ask("select clock_timestamp()")[0]
    made = office.add(risk_level="较大", code="OV-1")
    after = overview(office)
    assert layer(after)["count"] == layer(before)["count"] + 1
    assert layer(after)["grades"]["2"] == layer(before)["grades"]["2"] + 1
    assert layer(after)["version"] == layer(before)["version"] + 1
    assert patch(office.admin, made, properties={"risk_level": "重大"}).status_code == 200
    assert layer(overview(office))["grades"]["1"] == layer(before)["grades"]["1"] + 1
    past = overview(office, moment.isoformat())
    assert past["as_of"]
    assert layer(past)["count"] == layer(before)["count"]
    assert layer(past)["grades"] == layer(before)["grades"]
    assert overview(office, "2999-01-01T00:00:00Z")["as_of"] is None
    assert layer(overview(office, "2001-01-01T00:00:00Z"))["count"] == 0


def test_a_township_whose_newest_check_is_too_old_is_named(office: Office) -> None:
    with psycopg.connect(office.conninfo, autocommit=True) as db:
        row = db.execute(
            "update feature set verified_at = current_date - 400, version = version + 1,"
            " updated_at = clock_timestamp() where layer = 'depots' and township_code ="
            " (select min(township_code) from feature where township_code <> '')"
            " returning township_code"
        ).fetchone()
    assert row
    found = overview(office)
    (named,) = layer(found, "depots")["overdue_townships"]
    assert named["code"] == row[0]
    (town,) = [t for t in found["townships"] if t["code"] == named["code"]]
    assert town["name"] == named["name"]
    assert town["layers"]["depots"]["overdue"] is True
