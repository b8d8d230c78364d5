"""Bytes of the map page against the plain Folium pages a user would write."""

import http.client

import folium
import psycopg
from folium.plugins import FastMarkerCluster, MarkerCluster

from bench import county, measure


def ours() -> int:
    link = http.client.HTTPConnection("127.0.0.1", county.PORT)
    link.request("GET", "/map", headers={"Authorization": f"Bearer {county.TOKEN}"})
    answer = link.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return len(body)


def run(counts: tuple[int, ...]) -> None:
    rows = []
    for count in counts:
        with county.database(count) as conninfo, psycopg.connect(conninfo) as db:
            points = db.execute(
                "select ST_Y(geom), ST_X(geom), name from feature_depots"
            ).fetchall()
            with county.service(conninfo):
                mine = ours()
        rows.append([f"{count:,}", f"{mine / 1000:,.1f}", *(_folium(points, mine) or ())])
    measure.table(
        "HTML of the map page, kB (and times ours)",
        ["points", "/map", "FastMarkerCluster", "MarkerCluster with popups"],
        rows,
    )


def _folium(points: list[tuple[float, float, str]], mine: int) -> list[str]:
    fast = folium.Map([27.8, 111.3])
    FastMarkerCluster([p[:2] for p in points]).add_to(fast)
    cells = [_size(fast, mine)]
    if len(points) > 10_000:
        return [*cells, "not run: minutes"]
    each = folium.Map([27.8, 111.3])
    cluster = MarkerCluster().add_to(each)
    for lat, lon, name in points:
        folium.Marker((lat, lon), popup=name).add_to(cluster)
    return [*cells, _size(each, mine)]


def _size(page: folium.Map, mine: int) -> str:
    size = len(page.get_root().render().encode())
    return f"{size / 1000:,.0f} ({size / mine:,.0f}x)"
