"""Maps in a real browser: time to a full map, heap, nodes and dragging, against Folium and a floor.

Processor time of the page's main thread is told beside the clock: other programs do not change it.

The floor is one Leaflet canvas that draws pixels from typed arrays: no names, no counts, no layout.
All pages come from localhost at 1920 x 1080; rounds are interleaved and the medians told.
"""

import functools
import http.server
import re
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folium
import numpy as np
import psycopg
from folium.plugins import FastMarkerCluster, MarkerCluster
from playwright.sync_api import Browser, Page, sync_playwright

from bench import county, measure
from mapsvc.settings import PROJECT

ROUNDS = 3
MOST_FOLIUM = {
    "Folium Marker + popup": 1_000,
    "MarkerCluster": 10_000,
    "FastMarkerCluster": 100_000,
}
VENDOR = {
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "cluster.js": "leaflet.markercluster/dist/leaflet.markercluster.js",
    "cluster.css": "leaflet.markercluster/dist/MarkerCluster.Default.css",
}
TRACED = "-*,devtools.timeline,disabled-by-default-devtools.timeline,blink.user_timing"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]

# Ready is asked every frame; a page is interactive when it is ready and its last long task is over.
WATCH = """
(() => {
  const ready = () => %s;
  const seen = (window.benchSeen = { ready: 0, last: 0 });
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) seen.last = task.startTime + task.duration;
  }).observe({ entryTypes: ["longtask"] });
  const look = () => {
    if (!seen.ready && ready()) {
      seen.ready = performance.now();
      performance.mark("bench-ready");
    }
    if (!seen.ready) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
SETTLED = (
    "(s => s && !s.store.loading.size && s.placed.items.length > 0 && s._zoom !== undefined)(%s)"
)
PAGES = {
    "/screen?view=depots": SETTLED
    % "window.mapsvc && mapsvc.wall && mapsvc.wall.stage && mapsvc.wall.stage.large.scene",
    "/map": SETTLED % "window.mapsvc && mapsvc.app && mapsvc.app.scene",
}

FLOOR = """<!DOCTYPE html><meta charset="utf-8"><link rel="stylesheet" href="leaflet.css">
<style>html,body,#m{height:100%;margin:0}</style>
<div id="m"></div><script src="leaflet.js"></script>
<script>
const map = L.map("m", {zoomAnimation: false}).fitBounds([[27.5, 111], [28.1, 111.6]]);
const canvas = L.DomUtil.create("canvas", "", map.getPanes().overlayPane);
fetch("points.bin").then((r) => r.arrayBuffer()).then((buffer) => {
  const at = new Float32Array(buffer);
  const draw = () => {
    const size = map.getSize(), zoom = map.getZoom(), scale = 256 * 2 ** zoom;
    const origin = map.getPixelBounds().min;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    canvas.width = size.x; canvas.height = size.y;
    const ctx = canvas.getContext("2d"), image = ctx.createImageData(size.x, size.y);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < at.length; i += 2) {
      const x = (at[i] * scale - origin.x) | 0, y = (at[i + 1] * scale - origin.y) | 0;
      if (x < 1 || y < 1 || x >= size.x - 1 || y >= size.y - 1) continue;
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++) pixels[(y + dy) * size.x + x + dx] = 0xff4b4737;
    }
    ctx.putImageData(image, 0, 0);
  };
  map.on("moveend", draw); draw(); window.drawn = true;
});
</script>"""

# Folium's pages name libraries outside. Leaflet and its clusters are real here; of the others they
# use two calls, which cost less here than in the libraries themselves.
FOLIUM_HEAD = """<link rel="stylesheet" href="leaflet.css">
<link rel="stylesheet" href="cluster.css">
<script src="leaflet.js"></script><script src="cluster.js"></script><script>
L.AwesomeMarkers = {icon: () => new L.Icon.Default({imagePath: "/"})};
window.$ = (html) => [Object.assign(document.createElement("div"), {innerHTML: html}).firstChild];
</script>"""


@dataclass
class Taken:
    full_ms: float
    idle_ms: float
    heap_mb: float
    nodes: int
    drag_ms: float
    work_ms: float
    task_ms: float


def run(counts: tuple[int, ...]) -> None:
    """One table a count: ours, Folium as one would write it, and the floor."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for count in counts:
            with county.database(count) as conninfo:
                points = _points(conninfo)
                _outline(conninfo)
                with tempfile.TemporaryDirectory() as folder, _static(Path(folder)) as peer:
                    peers = _write_peers(Path(folder), points)
                    with county.service(conninfo):
                        _round_trip(browser, count, peer, peers)
        browser.close()


def _round_trip(browser: Browser, count: int, peer: str, peers: dict[str, str]) -> None:
    ours = {f"http://127.0.0.1:{county.PORT}{path}": ready for path, ready in PAGES.items()}
    theirs = {f"{peer}/{page}": ready for page, ready in peers.items()}
    taken: dict[str, list[Taken]] = {url: [] for url in (*theirs, *ours)}
    for _ in range(ROUNDS):
        for url, ready in (*theirs.items(), *ours.items()):
            taken[url].append(_open(browser, url, ready))
    floor = statistics.median(t.full_ms for t in taken[f"{peer}/floor.html"])
    rows = []
    for url, all_taken in taken.items():
        full = statistics.median(t.full_ms for t in all_taken)
        rows.append(
            [
                url.split("/", 3)[3],
                f"{full:,.0f}",
                f"{full / floor:.1f}x",
                f"{statistics.median(t.idle_ms for t in all_taken):,.0f}",
                f"{statistics.median(t.heap_mb for t in all_taken):.1f}",
                f"{all_taken[0].nodes:,}",
                f"{statistics.median(t.drag_ms for t in all_taken):.0f}",
                f"{statistics.median(t.work_ms for t in all_taken):.0f}",
                f"{statistics.median(t.task_ms for t in all_taken):.0f}",
            ]
        )
    head = [
        "page",
        "full map ms",
        "of the floor",
        "at rest ms",
        "heap MB",
        "nodes",
        "drag frame p95 ms",
        "main thread ms to full map",
        "longest task ms",
    ]
    measure.table(f"Pages with {count:,} points", head, rows)


def _open(browser: Browser, url: str, ready: str) -> Taken:
    page = _page(browser)
    context = page.context
    page.add_init_script(WATCH % ready)
    page.goto(url)
    seen = _quiet(page)
    client = context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    heap = client.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    nodes = page.evaluate("document.querySelectorAll('*').length")
    rest = max(seen["ready"], seen["last"])
    drag = _drag(page)
    context.close()
    return Taken(seen["ready"], rest, heap, nodes, drag, *_work(browser, url, ready))


def _work(browser: Browser, url: str, ready: str) -> tuple[float, float]:
    """Processor time in ms of the main thread until the map is full, and of its longest task.

    On a visit of its own: tracing costs time.
    """
    page = _page(browser)
    page.add_init_script(WATCH % ready)
    client = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    done: list[bool] = []
    client.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    client.on("Tracing.tracingComplete", lambda _: done.append(True))
    client.send("Tracing.start", {"categories": TRACED, "transferMode": "ReportEvents"})
    page.goto(url)
    _quiet(page)
    client.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    page.context.close()
    begun = min(e["ts"] for e in events if e["name"] == "ResourceSendRequest")
    (full,) = [e for e in events if e["name"] == "bench-ready"]
    tasks = [
        (e["ts"], e.get("tdur", 0) / 1000)
        for e in events
        if e["name"] == "RunTask" and (e["pid"], e["tid"]) == (full["pid"], full["tid"])
    ]
    tasks = [(at, ms) for at, ms in tasks if at >= begun]
    return sum(ms for at, ms in tasks if at <= full["ts"]), max(ms for _, ms in tasks)


def _page(browser: Browser) -> Page:
    return browser.new_context(
        viewport={"width": 1920, "height": 1080},
        extra_http_headers={"Authorization": f"Bearer {county.TOKEN}"},
    ).new_page()


def _quiet(page: Page) -> dict[str, float]:
    for _ in range(900):
        page.wait_for_timeout(100)
        seen: dict[str, float] = page.evaluate("({...benchSeen, now: performance.now()})")
        if seen["ready"] and seen["now"] - max(seen["ready"], seen["last"]) > 700:
            return seen
    raise RuntimeError(f"{page.url} did not come to rest in 90 s")


def _drag(page: Page) -> float:
    """95th percentile of the time between frames while the map is dragged, in ms."""
    page.evaluate(
        "(() => { const t = (window.benchFrames = []); let before = performance.now();"
        " const look = (now) => { t.push(now - before); before = now;"
        " if (window.benchFrames === t) requestAnimationFrame(look); };"
        " requestAnimationFrame(look); })()"
    )
    page.mouse.move(960, 540)
    page.mouse.down()
    for step in range(40):
        page.mouse.move(960 + step * 8, 540 + step * 3)
        page.wait_for_timeout(16)
    page.mouse.up()
    frames: list[float] = page.evaluate(
        "(() => { const t = benchFrames; window.benchFrames = null; return t; })()"
    )
    return float(np.percentile(frames[1:], 95))


def _points(conninfo: str) -> list[tuple[float, float, str]]:
    with psycopg.connect(conninfo) as db:
        return db.execute("select ST_Y(geom), ST_X(geom), name from feature_depots").fetchall()


def _outline(conninfo: str) -> None:
    """A county round the points, so that our pages open on them as the others do."""
    with psycopg.connect(conninfo) as db:
        db.execute(
            "insert into region (code, name, level, path, search, geom) values ('990101', '演示县',"
            " 'county', array['990101'], '', ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4326)))",
            county.BOX,
        )


def _write_peers(folder: Path, points: list[tuple[float, float, str]]) -> dict[str, str]:
    """Pages by name with what says that they are drawn."""
    for name, source in VENDOR.items():
        (folder / name).write_bytes((PROJECT / "web" / "node_modules" / source).read_bytes())
    at = np.array([p[:2] for p in points])
    lat = np.radians(at[:, 0])
    world = np.column_stack(
        ((at[:, 1] + 180) / 360, (1 - np.log(np.tan(lat) + 1 / np.cos(lat)) / np.pi) / 2)
    )
    (folder / "points.bin").write_bytes(world.astype("<f4").tobytes())
    (folder / "floor.html").write_text(FLOOR, "utf-8")
    pages = {"floor.html": "window.drawn"}
    for name, most in MOST_FOLIUM.items():
        if len(points) <= most:
            file = f"{name.replace(' ', '').replace('+', '-')}.html"
            (folder / file).write_text(_folium(name, points), "utf-8")
            pages[file] = "document.readyState === 'complete'"
    return pages


def _folium(name: str, points: list[tuple[float, float, str]]) -> str:
    chart = folium.Map([27.8, 111.3], zoom_start=10, tiles=None)
    if name == "FastMarkerCluster":
        FastMarkerCluster([p[:2] for p in points]).add_to(chart)
    else:
        holder: Any = chart if "+" in name else MarkerCluster().add_to(chart)
        for lat, lon, text in points:
            folium.Marker((lat, lon), popup=text).add_to(holder)
    html = re.sub(r"<script src=[^>]*></script>|<link[^>]*stylesheet[^>]*>", "", _text(chart))
    return html.replace("<head>", f"<head>{FOLIUM_HEAD}", 1)


def _text(chart: folium.Map) -> str:
    return str(chart.get_root().render())


@contextmanager
def _static(folder: Path) -> Iterator[str]:
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
