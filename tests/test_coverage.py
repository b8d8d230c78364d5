"""Whom nobody reaches in time agrees with every journey taken alone; sites with trying them all."""

from collections.abc import AsyncIterator
from itertools import combinations
from typing import Any

import httpx2 as httpx
import numpy as np
import psycopg
import pytest
import shapely

from mapsvc import roads
from mapsvc.coverage import _best_sites
from mapsvc.database import Db
from tests.conftest import Signed
from tests.test_api import problem

FIRE = {"layer": "forces", "where": "force_type = '综合消防'"}


@pytest.fixture(scope="module")
def planner(signed: Signed) -> httpx.Client:
    return signed("planner")


@pytest.fixture
async def reader(demo_conninfo: str) -> AsyncIterator[Db]:
    async with await psycopg.AsyncConnection.connect(demo_conninfo, autocommit=True) as db:
        yield db


def ask(client: httpx.Client, path: str = "", **more: Any) -> dict[str, Any]:
    answer = client.get(f"/api/coverage{path}", params=FIRE | more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.anyio
async def test_times_are_those_of_the_fastest_journey(planner: httpx.Client, reader: Db) -> None:
    told = ask(planner, seconds=1200, area="false")
    rows = await (
        await reader.execute(
            "select ST_X(geom), ST_Y(geom) from feature where layer = 'forces'"
            " and attrs ->> 'force_type' = '综合消防'"
        )
    ).fetchall()
    starts = [roads.Place(*row) for row in rows]
    assert told["starts"] == len(starts)
    missed = told["targets"]["unreached"]
    assert 10 < len(missed) < told["targets"]["total"]
    for feature in missed[:: len(missed) // 12]:
        to = roads.Place(*feature["geometry"]["coordinates"])
        found = [j for j in await roads.journeys(reader, starts, to) if j.by == "road"]
        fastest = min((j.duration_s for j in found), default=None)
        assert feature["properties"]["fastest_s"] == pytest.approx(fastest, abs=0.1)
        assert fastest is None or fastest > 1200


def test_bands_people_and_areas(planner: httpx.Client) -> None:
    told = ask(planner, seconds="600,1200,1800")
    sums = told["targets"]
    reached = [b["reached"] for b in sums["bands"]]
    assert reached == sorted(reached)
    assert sums["reached"] + len(sums["unreached"]) == sums["total"]
    missed = sum(f["properties"]["people"] for f in sums["unreached"])
    assert sums["people_reached"] + missed == sums["people"] > 0
    areas = [shapely.geometry.shape(f["geometry"]) for f in told["area"]["features"]]
    assert [f["properties"]["seconds"] for f in told["area"]["features"]] == [600, 1200, 1800]
    assert areas[0].area < areas[1].area < areas[2].area
    # A target nobody reaches lies outside, up to the picture's cell.
    widest = areas[2].buffer(-0.005)
    assert not any(
        widest.contains(shapely.geometry.shape(f["geometry"])) for f in sums["unreached"]
    )


def test_villages_and_what_one_more_would_add(planner: httpx.Client) -> None:
    told = ask(planner, "/sites", seconds=1200, more=2, targets="villages")
    assert told["before"]["total"] > 100
    assert len(told["sites"]) == 2
    also = ";".join(f"{s['lon']},{s['lat']}" for s in told["sites"])
    more = ask(planner, seconds=1200, targets="villages", also=also)
    gained = more["gained"]
    assert gained["targets"] == sum(s["gains"]["targets"] for s in told["sites"]) > 0
    assert gained["people"] == sum(s["gains"]["people"] for s in told["sites"])
    assert sorted(gained["ids"]) == sorted(i for s in told["sites"] for i in s["ids"])
    assert gained["after"]["reached"] == told["after"]["reached"]
    assert told["after"]["reached"] == told["before"]["reached"] + gained["targets"]
    assert len(gained["area"]["features"]) == 1
    # Nobody else is better alone.
    one = ask(planner, "/sites", seconds=1200, more=1, targets="villages")["sites"][0]
    assert one["gains"]["people"] >= told["sites"][0]["alone"]["people"]


def test_the_choice_of_sites_equals_trying_all() -> None:
    rng = np.random.default_rng(11)
    for _ in range(40):
        reaches = rng.random((9, 14)) < rng.uniform(0.05, 0.4)
        weights = rng.integers(1, 6, 14).astype(float)
        more = int(rng.integers(1, 4))
        chosen, proved = _best_sites(reaches, weights, more)
        values = {
            some: float(weights[reaches[list(some)].any(axis=0)].sum())
            for count in range(more + 1)
            for some in combinations(range(9), count)
        }
        best = max(values.values())
        assert proved
        assert values[tuple(chosen)] == best
        assert len(chosen) == min(len(some) for some, value in values.items() if value == best)


def test_nobody_suitable_is_an_honest_answer(planner: httpx.Client) -> None:
    told = ask(planner, where="headcount > 100000")
    assert told["starts"] == told["targets"]["reached"] == 0
    assert told["area"]["features"] == []
    assert "没有符合条件的救援力量" in told["notes"][0]
    assert all(f["properties"]["fastest_s"] is None for f in told["targets"]["unreached"])


def test_people_outside_a_township_stay_unseen(signed: Signed) -> None:
    told = ask(signed("town-990101001"), seconds=600)
    seen = [f["properties"] for f in told["targets"]["unreached"]]
    other = [p for p in seen if not str(p["region_code"]).startswith("990101001")]
    assert other
    assert all("*" in p.get("responsible_phone", "*") for p in other)


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("", {"layer": "nothing"}, 404, "unknown_layer"),
        ("", {"targets": "moons"}, 404, "unknown_layer"),
        ("", {"seconds": "0"}, 422, "bad_seconds"),
        ("", {"seconds": "soon"}, 422, "bad_seconds"),
        ("", {"where": "x = 1"}, 422, "unknown_field"),
        ("", {"target_where": "x = 1"}, 422, "unknown_field"),
        ("", {"targets": "villages", "target_where": "x = 1"}, 422, "bad_where"),
        ("", {"also": "here"}, 422, "bad_also"),
        ("", {"also": "1,2;" * 11}, 422, "bad_also"),
        ("", {"also": "27.9,111.2"}, 422, "coordinates_out_of_range"),
        ("", {"profile": "tank"}, 422, "bad_parameter"),
        ("", {"what": "1"}, 422, "bad_parameter"),
        ("/sites", {"more": "0"}, 422, "bad_parameter"),
        ("/sites", {"more": "1000"}, 422, "bad_parameter"),
        ("/sites", {"seconds": "1"}, 422, "bad_parameter"),
    ],
)
def test_refused_in_words(
    planner: httpx.Client, path: str, query: dict[str, str], status: int, code: str
) -> None:
    problem(planner.get(f"/api/coverage{path}", params=FIRE | query), status, code)


def test_without_roads_it_says_so(make_app: Any, conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        for layer in ("forces", "risk_points"):
            db.execute(
                "insert into feature (layer, name, geom) values (%s, 'a', ST_Point(111, 27, 4326))",
                [layer],
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
    problem(client.get("/api/coverage", params={"layer": "forces"}), 503, "no_road_network")
