"""Nearest 10 and within 3 km over HTTP, against the SQL beneath and what one would use instead.

Ours is asked by a township account: signed in, personal values only in its own region; within also
counts, names the regions touched and their chains of command. The others give the rows alone.
"""

import json
import urllib.request
from statistics import median
from typing import Any

import numpy as np
import psycopg
from pyproj import Geod

from bench import by_hand, county, load, measure, tiles
from bench.load import Asked, Seen

GEOD = Geod(ellps="WGS84")
ROUNDS = 3
CHECKED = 40
_CIRCLE = '{"circle": {"lon": LON, "lat": LAT, "radius_m": 3000}, "layers": ["depots"]}'
_PLACE = "lon=LON&lat=LAT"
# tipg knows no nearest: a function of ours as a collection, which it sorts by id.
_NEAR = """
create function ogc.near(lon float8 default 111.3, lat float8 default 27.8)
returns table (id bigint, name text, attrs jsonb, geom geometry(Point, 4326))
language sql stable as $$ select id, name, attrs, geom from (
    select *, ST_Distance(geom::geography, ST_Point(lon, lat, 4326)::geography) d
    from (select * from feature_depots order by geom <-> ST_Point(lon, lat, 4326) limit 40) f
    order by d limit 10) q $$"""


def _routes(what: str, tipg: int | None) -> dict[str, Asked]:
    ours = {
        "nearest": Asked(
            county.PORT, f"/api/nearest?{_PLACE}&layers=depots&k=10", token=county.TOWN_TOKEN
        ),
        "within": Asked(county.PORT, "/api/within", _CIRCLE, county.TOWN_TOKEN),
    }
    out = {
        "ours": ours[what],
        "by hand, JSON in SQL": Asked(county.PEER_PORT, f"/floor/{what}?{_PLACE}"),
        "by hand, rows to dict": Asked(county.PEER_PORT, f"/api/{what}?{_PLACE}"),
    }
    if tipg:
        near = f"/collections/ogc.near/items?{_PLACE}&limit=10&f=geojson"
        box = "/collections/ogc.depots/items?bbox=WEST,SOUTH,EAST,NORTH&limit=1000&f=geojson"
        out["tipg"] = Asked(tipg, near if what == "nearest" else box)
    return out


def _compare(conninfo: str, what: str, box: tuple[float, ...], tipg: int | None) -> list[list[str]]:
    """One row a way: p50 with one client, requests a second of 16, by their ratios."""
    statement = by_hand.least(what).replace("%(lon)s", ":lon").replace("%(lat)s", ":lat")
    routes = _routes(what, tipg)
    seen: dict[str, list[tuple[Seen, Seen]]] = {}
    for _ in range(ROUNDS):
        for name in ("SQL alone (limit)", *routes):
            pair = tuple(
                load.wrk(routes[name], box, clients, 2)
                if name in routes
                else load.pgbench(conninfo, statement, box, clients, 2)
                for clients in (1, 16)
            )
            seen.setdefault(name, []).append((pair[0], pair[1]))
    alone = {n: median(one.p50 for one, _ in pairs) for n, pairs in seen.items()}
    rate = {n: median(many.rate for _, many in pairs) for n, pairs in seen.items()}
    floor, *_ = alone.values()
    ours = rate["ours"]
    return [
        [what, n, f"{ms:.2f}", f"{ms / floor:.1f}", f"{rate[n]:,.0f}", f"{ours / rate[n]:.2f}"]
        for n, ms in alone.items()
    ]


def _ask(asked: Asked, lon: float, lat: float) -> Any:
    def put(text: str) -> str:
        return text.replace("LON", f"{lon:.6f}").replace("LAT", f"{lat:.6f}")

    request = urllib.request.Request(
        f"http://127.0.0.1:{asked.port}{put(asked.path)}",
        put(asked.body).encode() or None,
        {"Authorization": f"Bearer {asked.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _check(db: psycopg.Connection, box: tuple[float, ...]) -> None:
    """Both answers are those of a brute force over the spheroid, at random places."""
    rows = db.execute("select id, ST_X(geom), ST_Y(geom) from feature_depots").fetchall()
    known = np.array(rows)
    rng = np.random.default_rng(7)
    for lon, lat in np.round(rng.uniform(box[:2], box[2:], (CHECKED, 2)), 6).tolist():
        near = known[(abs(known[:, 1:] - (lon, lat)) < 0.25).all(axis=1)]
        count = len(near)
        _, _, metres = GEOD.inv(np.full(count, lon), np.full(count, lat), near[:, 1], near[:, 2])
        order = np.lexsort((near[:, 0], metres))
        ten = _ask(_routes("nearest", None)["ours"], lon, lat)["results"]
        assert metres[order[9]] < 20_000
        assert [r["id"] for r in ten] == near[order[:10], 0].astype(int).tolist()
        around = _ask(_routes("within", None)["ours"], lon, lat)["features"]
        inside = order[metres[order] <= 3000]
        assert [f["id"] for f in around] == near[inside, 0].astype(int).tolist()


def run(count: int) -> None:
    if missing := load.missing():
        print(f"\nNearest and within of {count:,}: {missing}")
        return
    box = county.province(count)
    with (
        county.database(count, box, settled=True) as conninfo,
        psycopg.connect(conninfo, autocommit=True) as db,
    ):
        db.execute("create index on feature_depots using gist ((geom::geography))")
        db.execute(_NEAR.encode())
        with (
            county.service(conninfo),
            county.by_hand(conninfo),
            tiles.tipg(conninfo) as tipg,
        ):
            _check(db, box)
            rows = [
                row for what in ("nearest", "within") for row in _compare(conninfo, what, box, tipg)
            ]
    measure.table(
        f"Nearest 10 and within 3 km of {count:,} depots; {CHECKED} places checked",
        ["what", "how", "p50 ms, 1 client", "x SQL", "req/s, 16 clients", "ours / this"],
        rows,
    )
    if not tiles.has_tipg():
        print("\ntipg is not installed (`uv pip install tipg`): left out.")
