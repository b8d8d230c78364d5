"""An open wall and its server, for the browser tests: what stands on it, and what people do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from playwright.sync_api import Page

from mapsvc.settings import PROJECT
from tests.conftest import ended, free_port
from tests.test_pages_browser import Watch

READY = """(() => {
    const wall = window.mapsvc && mapsvc.wall;
    if (!wall || !wall.tree || !wall.live || wall.live.feed.state !== "live") return false;
    if (!wall.bars.chart && wall.stage.view !== "focus") return false;
    const panes = wall.stage.shownPanes();
    return panes.every((p) => !p.scene.store.loading.size && p.scene._zoom === p.map.getZoom());
})()"""


class Server:
    """`mapsvc serve` on a port of its own, so that it can come back where it was."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mapsvc.cli", "serve", "--port", str(self.port)],
            env={**os.environ, "MAPSVC_DATABASE_URL": self.conninfo},
            cwd=PROJECT,
        )
        wait(self._ready, "the server is not ready", 400)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self.process:
            ended(self.process)
            self.process = None


def wait(holds: Callable[[], Any], complaint: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(complaint)


class Wall(Watch):
    """An open wall, and what the town's people do meanwhile."""

    writer: httpx.Client

    def open(self, query: str = "") -> Page:
        self.page.goto(f"{self.url}/screen{query}")
        self.ready()
        return self.page

    def ready(self) -> None:
        self.until(READY, "the wall did not settle")
        self.page.wait_for_timeout(100)

    def until(self, expression: str, complaint: str, seconds: float = 120) -> None:
        """Playwright's own waiting evaluates strings, which the page's policy forbids."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(complaint)

    def features(self, layer: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/api/layers/{layer}/features?limit=1000{query}")[
            "features"
        ]
        return found

    def change(self, feature: dict[str, Any], **changes: Any) -> None:
        layer, version = feature["properties"]["layer"], feature["properties"]["version"]
        answer = self.writer.patch(
            f"/api/layers/{layer}/features/{feature['id']}",
            json=changes,
            headers={"If-Match": f'"{version}"'},
        )
        assert answer.status_code == 200, answer.text

    def delete(self, layer: str, feature_id: int, version: int = 1) -> None:
        answer = self.writer.delete(
            f"/api/layers/{layer}/features/{feature_id}", headers={"If-Match": f'"{version}"'}
        )
        assert answer.status_code in (200, 204), answer.text

    def add_risk(self, name: str, level: str, lon: float, lat: float) -> int:
        answer = self.writer.post(
            "/api/layers/risk_points/features",
            json={
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"name": name, "code": f"T-{time.time_ns()}", "risk_level": level},
            },
        )
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])
