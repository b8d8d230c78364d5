"""Closures: what may be drawn, by whom, when it counts, and that nothing is forgotten."""

from typing import Any

import psycopg
import pytest

from tests.conftest import Signed

POINT = {"type": "Point", "coordinates": [111.2, 27.9]}
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[111.1, 27.8], [111.3, 27.8], [111.3, 28], [111.1, 28], [111.1, 27.8]]],
}


def test_a_closure_from_start_to_end(signed_copy: Signed, demo_copy: str) -> None:
    planner, command = signed_copy("planner"), signed_copy("command")
    with psycopg.connect(demo_copy, autocommit=True) as listener:
        listener.execute("listen mapsvc_closure")
        made = planner.post(
            "/api/closures", json={"geometry": POINT, "radius_m": 8000, "reason": " 山体滑坡 "}
        )
        assert made.status_code == 201, made.text
        number = made.json()["id"]
        assert [n.payload for n in listener.notifies(timeout=60, stop_after=1)] == [str(number)]
    told = made.json()
    assert told["active"] is True
    assert told["reason"] == "山体滑坡"
    assert told["created_by"] == told["updated_by"] == "planner"
    assert told["closed_edges"] > 0
    assert told["area"]["type"] == "Polygon"
    assert told["ends_at"] is None
    later = command.patch(
        f"/api/closures/{number}", json={"ends_at": "2999-01-01T08:00:00+08:00", "radius_m": 9000}
    ).json()
    assert later["ends_at"].startswith("2999-01-01T")
    assert (later["reason"], later["radius_m"]) == ("山体滑坡", 9000)
    assert (later["created_by"], later["updated_by"]) == ("planner", "command")
    listed = planner.get("/api/closures?active=true").json()["closures"]
    assert [c["id"] for c in listed] == [number]
    ended = command.delete(f"/api/closures/{number}").json()
    assert ended["active"] is False
    assert ended["ended_by"] == "command"
    assert command.delete(f"/api/closures/{number}").json()["ends_at"] == ended["ends_at"]
    assert planner.get("/api/closures?active=true").json()["closures"] == []
    assert [c["id"] for c in planner.get("/api/closures").json()["closures"]] == [number]
    refused = planner.patch(f"/api/closures/{number}", json={"reason": "又塌了"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"geometry": POINT}, "reason_missing"),
        ({"geometry": POINT, "reason": "  "}, "reason_missing"),
        ({"reason": "x"}, "bad_geometry"),
        ({"reason": "x", "geometry": {"type": "Circle", "coordinates": [1, 2]}}, "bad_geometry"),
        ({"reason": "x", "geometry": {"type": "Point", "coordinates": []}}, "bad_geometry"),
        ({"reason": "x", "geometry": {"type": "Point", "coordinates": ["1", 2]}}, "bad_geometry"),
        ({"reason": "x", "geometry": {"type": "Point", "coordinates": [[1, 2]]}}, "bad_geometry"),
        (
            {"reason": "x", "geometry": {"type": "LineString", "coordinates": [[1, 2]]}},
            "bad_geometry",
        ),
        (
            {"reason": "x", "geometry": {"type": "LineString", "coordinates": [[1, 2], [1, 2]]}},
            "bad_geometry",
        ),
        (
            {
                "reason": "x",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]],
                },
            },
            "bad_geometry",
        ),
        (
            {"reason": "x", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}},
            "bad_geometry",
        ),
        (
            {"reason": "x", "geometry": {"type": "Point", "coordinates": [27.9, 111.2]}},
            "coordinates_out_of_range",
        ),
        ({"reason": "x", "geometry": POINT, "radius_m": 0}, "radius_out_of_range"),
        ({"reason": "x", "geometry": POINT, "radius_m": 1e9}, "radius_out_of_range"),
        (
            {"reason": "x", "geometry": POINT, "ends_at": "2999-01-01T08:00:00"},
            "time_zone_missing",
        ),
        (
            {"reason": "x", "geometry": POINT, "ends_at": "2001-01-01T08:00:00+08:00"},
            "ends_in_the_past",
        ),
        (
            {
                "reason": "x",
                "geometry": POINT,
                "starts_at": "2999-01-02T08:00:00+08:00",
                "ends_at": "2999-01-01T08:00:00+08:00",
            },
            "ends_before_start",
        ),
        ({"reason": "x", "geometry": POINT, "ends_at": "明天"}, "bad_parameter"),
        ({"reason": "x" * 201, "geometry": POINT}, "bad_input"),
        ({"reason": "x", "geometry": POINT, "colour": 1}, "bad_parameter"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    signed: Signed, sent: dict[str, Any], code: str
) -> None:
    answer = signed("planner").post("/api/closures", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer.json()["detail"])


@pytest.mark.parametrize("kind", ["LineString", "MultiPoint", "MultiPolygon"])
def test_lines_and_multiple_shapes(signed_copy: Signed, kind: str) -> None:
    coordinates: dict[str, Any] = {
        "LineString": [[111.1, 27.9], [111.3, 27.9]],
        "MultiPoint": [[111.2, 27.9], [111.25, 27.9]],
        "MultiPolygon": [SQUARE["coordinates"]],
    }
    made = signed_copy("planner").post(
        "/api/closures",
        json={"geometry": {"type": kind, "coordinates": coordinates[kind]}, "reason": "演练"},
    )
    assert made.status_code == 201, made.text
    assert made.json()["geometry"]["type"] == kind


def test_a_township_closes_roads_at_home_only(signed_copy: Signed, demo_copy: str) -> None:
    with psycopg.connect(demo_copy) as db:
        (code, lon, lat), (_, far_lon, far_lat) = db.execute(
            "select code, ST_X(p), ST_Y(p) from (select code, ST_PointOnSurface(geom) p from region"
            " where level = 'township' order by code limit 2) x"
        ).fetchall()
    town, planner = signed_copy(f"town-{code}"), signed_copy("planner")
    home = {"geometry": {"type": "Point", "coordinates": [lon, lat]}, "reason": "塌方"}
    away = {"geometry": {"type": "Point", "coordinates": [far_lon, far_lat]}, "reason": "塌方"}
    made = town.post("/api/closures", json=home)
    assert made.status_code == 201, made.text
    assert town.post("/api/closures", json=away).status_code == 403
    assert town.post("/api/closures", json=home | {"radius_m": 20000}).status_code == 403
    theirs = planner.post("/api/closures", json=away).json()["id"]
    assert town.delete(f"/api/closures/{theirs}").status_code == 404
    moved = town.patch(f"/api/closures/{made.json()['id']}", json={"geometry": away["geometry"]})
    assert moved.status_code == 403
    assert len(planner.get("/api/closures?active=true").json()["closures"]) == 2


def test_nobody_unsigned_and_no_unknown_number(signed: Signed) -> None:
    assert signed.client.get("/api/closures").status_code == 401
    assert signed.client.post("/api/closures", json={}).status_code == 401
    planner = signed("planner")
    assert planner.patch("/api/closures/999999", json={"reason": "x"}).status_code == 404
    assert planner.delete("/api/closures/99999999999999999999").status_code == 422
