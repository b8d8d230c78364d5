"""The map as one file: opened from the disk in a real browser, nothing asked of any host."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page

from mapsvc import offline
from mapsvc.catalog import Catalog
from mapsvc.settings import PROJECT, Settings
from tests.aside import run
from tests.conftest import Make
from tests.office import OWN

HOSTILE = "</script><img src=x onerror=window.hacked=1>\u2028<!--<script>{{7*7}}"


def export(conninfo: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mapsvc.cli", "export", "map", str(file)],
        env={**os.environ, "MAPSVC_DATABASE_URL": conninfo},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def conninfo(make_database: Make, demo_source: str) -> str:
    made = make_database(demo_source)
    with psycopg.connect(made, autocommit=True) as db:
        db.execute(
            "insert into feature (layer, code, name, geom, attrs, search, region_code) select"
            " 'forces', 'HX-1', %s, ST_PointOnSurface(geom), '{}', '', code from region"
            " where code = %s",
            [HOSTILE, OWN],
        )
    return made


@pytest.fixture(scope="module")
def file(conninfo: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("usb") / "离线 地图.html"
    said = export(conninfo, made).stdout
    assert f"{made.stat().st_size / 1_000_000:.1f} MB" in said
    assert "姓名、电话已隐去" in said
    return made


def data_of(file: Path) -> dict[str, Any]:
    (text,) = re.findall(
        r'<script type="application/json" id="mapsvc-data">(.*?)</script>', file.read_text("utf-8")
    )
    return dict(json.loads(text))


def test_everything_is_in_the_file_and_personal_values_are_masked(
    file: Path, conninfo: str, tmp_path: Path, catalog: Catalog
) -> None:
    data = data_of(file)
    with psycopg.connect(conninfo) as db:
        true = dict(db.execute("select layer, count(*) from feature group by 1").fetchall())
    assert {k: len(v["features"]) for k, v in data["features"].items()} == true
    posts = data["features"]["command_posts"]["features"]
    told = [f["properties"][name] for f in posts for name in f["properties"].get("masked", ())]
    assert len(told) > len(posts)
    assert all("**" in value for value in told)
    whole = file.read_text("utf-8")
    assert "\u2028" not in whole
    assert "<img" not in whole

    async def with_people() -> bytes:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            return (await offline.whole_map(db, catalog, Settings(), {}, personal=True)).html

    html = run(with_people())
    (tmp_path / "all.html").write_bytes(html)
    posts = data_of(tmp_path / "all.html")["features"]["command_posts"]["features"]
    assert all(f["properties"]["holder"] for f in posts)


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[tuple[Page, list[str], list[str]]]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.goto(file.as_uri())
    page.wait_for_selector(".layers button[aria-checked=true]")
    yield page, asked, errors
    context.close()


def test_it_opens_from_the_disk_and_asks_nobody(
    opened: tuple[Page, list[str], list[str]], file: Path
) -> None:
    page, asked, errors = opened
    assert page.locator(".demo-ribbon").inner_text() == "演示数据"
    assert "离线地图" in page.locator(".panel footer").inner_text()
    assert "姓名、电话已隐去" in page.locator(".panel footer").inner_text()
    total = sum(len(v["features"]) for v in data_of(file)["features"].values())
    page.wait_for_function(
        f"mapsvc.app.scene.placed.items.reduce((sum, item) => sum + item.count, 0) === {total}"
    )

    page.fill("#search", "HX-1")
    page.wait_for_selector("#search-0")
    assert page.locator("#search-0 .name").inner_text().startswith("</script>")
    page.locator("#search-0").click()
    page.wait_for_selector(".card h2")
    assert page.locator(".card h2").inner_text().startswith("</script><img src=x")
    page.get_by_role("button", name="以此为中心查最近").click()
    page.wait_for_selector(".near .rows li")
    first = page.locator(".near section li .far").first.inner_text()
    assert first.endswith(("米", "m", "公里", "km"))
    assert page.evaluate("window.hacked") is None
    outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    assert [url for url in asked if url.startswith("file:")] == [file.as_uri()]
    assert errors == []


def test_its_distances_are_those_of_the_database(
    opened: tuple[Page, list[str], list[str]], conninfo: str
) -> None:
    page, _, _ = opened
    with psycopg.connect(conninfo) as db:
        rows = db.execute(
            "select id, ST_Distance(geom::geography, ST_Point(111.2, 27.9, 4326)::geography) d"
            " from feature where layer = 'depots' order by d limit 5"
        ).fetchall()
    found = page.evaluate(
        """async () => (await (await mapsvc.ask(
            "/api/nearest?lon=111.2&lat=27.9&layers=depots&k=5")).json()).results
            .map((r) => [r.id, r.distance_m])"""
    )
    assert [r[0] for r in found] == [r[0] for r in rows]
    assert all(abs(f[1] - r[1]) < 0.01 for f, r in zip(found, rows, strict=True))


def test_a_file_that_cannot_be_written_is_told_in_one_sentence(conninfo: str) -> None:
    done = export(conninfo, Path("/nowhere/x.html"))
    assert done.returncode == 1
    assert "无法写入" in done.stderr
