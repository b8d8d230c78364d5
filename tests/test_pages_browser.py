"""The pages in a real browser: every request and every console line is watched."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    Response,
    ViewportSize,
    expect,
)

from tests.legible import all_legible

VIEW: ViewportSize = {"width": 1366, "height": 768}
SETTLED = """(() => {
    const app = window.mapsvc && window.mapsvc.app;
    if (!app || !app.ready || !app.scene.placed.items.length) return false;
    return !app.scene.store.loading.size && app.scene._zoom === app.map.getZoom();
})()"""
STATUS = "Failed to load resource: the server responded with a status of"
SUM = "mapsvc.app.scene.placed.items.reduce((sum, item) => sum + item.count, 0)"


@dataclass
class Watch:
    """A page whose requests and complaints are kept."""

    page: Page
    url: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and not request.url.startswith(self.url + "/"):
            self.outside.append(request.url)

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.refused.append(f"{response.status} {response.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # An answer of 400 or more is kept as refused; the browser's line about it may come later.
        if message.type in ("error", "warning") and STATUS not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, username: str, password: str) -> None:
        answer = self.page.context.request.post(
            f"{self.url}/api/session",
            data={"username": username, "password": password},
            headers={"X-Requested-With": "mapsvc"},
        )
        assert answer.ok, answer.text()

    def open_map(self, place: str = "") -> Page:
        self.page.goto(f"{self.url}/map{place}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Until all tiles are drawn. Playwright's own waiting evaluates strings: forbidden here."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
            try:
                if self.page.evaluate(SETTLED):
                    self.page.wait_for_timeout(200)  # the last frame comes after the last tile
                    return
            except Error:  # between two pages
                continue
        raise AssertionError("the map did not settle")

    def counts(self, total: int) -> None:
        """So many points come to stand on the map."""
        self.comes(f"{SUM} === {total}", f"{total} points are not on the map")

    def comes(self, expression: str, complaint: str) -> None:
        """It comes to be true of the page, in its own time."""
        deadline = time.monotonic() + 120
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, complaint
            self.page.wait_for_timeout(50)

    def get(self, path: str) -> Any:
        answer = self.page.context.request.get(self.url + path)
        assert answer.ok, answer.text()
        return answer.json()

    def clean(self) -> None:
        assert self.outside == []
        assert self.refused == []
        assert self.complaints == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=VIEW, locale="zh-CN")
    yield context.new_page()
    context.close()


@pytest.fixture
def anyone(page: Page, base_url: str) -> Watch:
    return Watch(page, base_url)


@pytest.fixture
def planner(anyone: Watch, password: str) -> Iterator[Watch]:
    """Signed in; at the end nothing was asked of another host and nothing complained."""
    anyone.sign_in("planner", password)
    yield anyone
    anyone.clean()


def test_signing_in_refuses_then_goes_where_one_wanted(anyone: Watch, password: str) -> None:
    page = anyone.page
    page.goto(f"{anyone.url}/map")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.fill("#username", "planner")
    page.fill("#password", "not the password")
    page.click("button[type=submit]")
    expect(page.locator(".error")).to_contain_text("密码不正确")
    page.fill("#password", password)
    page.press("#password", "Enter")
    expect(page).to_have_url(re.compile(r"/map#"))
    anyone.settle()
    assert anyone.outside == []


def test_a_sign_in_never_leads_to_another_site(anyone: Watch, password: str) -> None:
    page = anyone.page
    page.goto(f"{anyone.url}/login?next=//evil.test/x")
    page.fill("#username", "planner")
    page.fill("#password", password)
    page.press("#password", "Enter")
    expect(page.locator("#home-title")).to_be_visible()
    assert page.url.startswith(anyone.url + "/")
    anyone.clean()


def test_every_point_is_counted_on_the_map(planner: Watch) -> None:
    page = planner.open_map()
    total = sum(layer["count"] for layer in planner.get("/api/layers"))
    planner.counts(total)
    all_legible(page)
    expect(page.locator(".demo-ribbon")).to_have_text("演示数据")
    expect(page.locator(".map-note")).to_contain_text("数据时间")
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500


def test_bubbles_never_overlap(planner: Watch) -> None:
    page = planner.open_map()
    for zoom in (8, 9, 10, 11, 12, 13, 14):
        page.evaluate(f"mapsvc.app.map.setZoom({zoom}, {{animate: false}})")
        planner.settle()
        circles = page.evaluate(
            "mapsvc.app.scene.placed.items.filter((i) => i.count > 1).map((i) => [i.x, i.y, i.r])"
        )
        for i, (x, y, r) in enumerate(circles):
            for x2, y2, r2 in circles[:i]:
                assert (x - x2) ** 2 + (y - y2) ** 2 > (r + r2 - 1) ** 2, (zoom, x, y, x2, y2)


def test_search_by_pinyin_initials_and_by_name(planner: Watch) -> None:
    page = planner.open_map()
    hit = planner.get("/api/layers/forces/features?limit=1")["features"][0]
    page.fill("#search", hit["properties"]["name"])
    expect(page.locator("#search-list li").first).to_contain_text(hit["properties"]["name"])
    page.press("#search", "Enter")
    expect(page.locator(".card h2")).to_have_text(hit["properties"]["name"])
    assert page.evaluate("mapsvc.app.map.getZoom()") >= 15

    page.fill("#search", "ltz")
    options = page.locator("#search-list [role=option]")
    expect(options.first).to_contain_text("龙潭镇")
    page.press("#search", "ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.press("#search", "Escape")
    expect(page.locator("#search-list")).to_be_hidden()


def test_a_layer_can_be_switched_off(planner: Watch) -> None:
    page = planner.open_map()
    counts = {layer["id"]: layer["count"] for layer in planner.get("/api/layers")}
    switch = page.get_by_role("switch", name=re.compile("物资装备图"))
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    planner.counts(sum(counts.values()) - counts["depots"])
    expect(page).not_to_have_url(re.compile("depots"))
    page.reload()
    planner.settle()
    planner.counts(sum(counts.values()) - counts["depots"])


def test_a_lost_connection_is_said_and_mended(anyone: Watch, password: str) -> None:
    anyone.sign_in("planner", password)
    page = anyone.open_map()
    bar = page.locator(".connection-bar")
    expect(bar).to_be_hidden()
    page.context.set_offline(True)
    page.fill("#search", "枫木")
    expect(bar).to_contain_text(re.compile(r"与服务器的连接已断开，显示的是 \d\d:\d\d 的数据"))
    page.context.set_offline(False)
    expect(bar).to_be_hidden()


def test_an_ended_session_leads_to_sign_in_and_back(anyone: Watch, password: str) -> None:
    anyone.sign_in("planner", password)
    page = anyone.open_map("#12/27.9/111.2&layers=forces&base=county")
    page.context.clear_cookies()
    page.fill("#search", "枫木")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.fill("#username", "planner")
    page.fill("#password", password)
    page.press("#password", "Enter")
    expect(page).to_have_url(re.compile(r"/map#12/27\.9\d*/111\.2\d*&layers=forces"))


HOSTILE = "<img src=x onerror=alert(1)>{{ 1234567*2 }}</script>"


@pytest.fixture
def hostile(
    page: Page, serve: Callable[..., str], demo_copy: str, password: str
) -> Iterator[tuple[Watch, float, float]]:
    """A copy of the county with one depot of a hostile name and a hostile address."""
    with psycopg.connect(demo_copy, autocommit=True) as db:
        row = db.execute(
            "update feature set name = %(text)s,"
            " attrs = attrs || jsonb_build_object('address', %(text)s::text)"
            " where layer = 'depots' and id = (select min(id) from feature where layer = 'depots')"
            " returning ST_X(geom), ST_Y(geom)",
            {"text": HOSTILE},
        ).fetchone()
    assert row
    watch = Watch(page, serve(demo_copy))
    watch.sign_in("planner", password)
    yield watch, row[0], row[1]
    watch.clean()


def test_stored_text_stays_text(hostile: tuple[Watch, float, float]) -> None:
    watch, lon, lat = hostile
    page = watch.open_map(f"#18/{lat}/{lon}&layers=depots")
    dialogs: list[str] = []

    def keep(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", keep)
    middle = VIEW["width"] / 2, VIEW["height"] / 2
    page.mouse.move(*middle)
    expect(page.locator(".tip")).to_have_text(HOSTILE)
    page.mouse.click(*middle)
    expect(page.locator(".card h2")).to_have_text(HOSTILE)
    expect(page.locator(".card dl")).to_contain_text(HOSTILE)
    page.locator(".card").get_by_role("button", name="以此为中心查最近").click()
    expect(page.locator(".near .row .name", has_text=HOSTILE)).to_have_count(1)
    assert page.locator("img[src=x]").count() == 0
    assert dialogs == []


def test_on_a_shifted_base_map_only_the_drawing_moves(
    page: Page, serve: Callable[..., str], demo_conninfo: str, password: str
) -> None:
    url = serve(
        demo_conninfo,
        MAPSVC_BASEMAP_URL="/api/relief.png?z={z}&x={x}&y={y}",
        MAPSVC_BASEMAP_CRS="gcj02",
    )
    watch = Watch(page, url)
    watch.sign_in("planner", password)
    feature = watch.get("/api/layers/forces/features?limit=1")["features"][0]
    lon, lat = feature["geometry"]["coordinates"]
    watch.open_map(f"#17/{lat}/{lon}&layers=forces")
    drawn = """(id) => {
        const { scene } = mapsvc.app;
        const has = (i) => i.members && i.members.some((m) => m.id === id);
        const item = scene.placed.items.find(has);
        const { lng, lat } = scene.latLngOf(item);
        return [lng, lat];
    }"""
    before = page.evaluate(drawn, feature["id"])
    assert before == pytest.approx([lon, lat], abs=2e-5)
    page.check("input[value=custom]")
    watch.settle()
    watch.comes(f"String(({drawn})({feature['id']})) !== '{before[0]},{before[1]}'", "not moved")
    after = page.evaluate(drawn, feature["id"])
    shifted = watch.get("/api/layers/forces/features?limit=1&crs=gcj02")["features"][0]
    assert after == pytest.approx(shifted["geometry"]["coordinates"], abs=2e-5)
    assert abs(after[0] - lon) > 1e-3
    expect(page.locator(".map-note")).to_contain_text("底图坐标：GCJ-02，点位仅在显示时偏移")
    page.evaluate("(p) => mapsvc.app.ask({ lng: p[0], lat: p[1] })", after)
    page.locator(".near .switch label", has_text="按直线").click()
    expect(page.locator(".near .far").first).to_have_text(re.compile(r"^[0-3] 米$"))
    shown = page.locator(".where .num").inner_text().split(", ")
    assert [float(x) for x in shown] == pytest.approx([lon, lat], abs=2e-5)
    watch.clean()


def test_home_shows_the_four_maps(planner: Watch) -> None:
    page = planner.page
    page.goto(f"{planner.url}/")
    cards = page.locator("#cards li")
    expect(cards).to_have_count(4)
    for card, layer in zip(cards.all(), planner.get("/api/layers"), strict=True):
        expect(card).to_contain_text(layer["title"])
        expect(card.locator("strong")).to_have_text(f"{layer['count']:,}")
    expect(page.locator(".demo-ribbon")).to_be_visible()
    cards.nth(1).locator("a").click()
    planner.settle()
    assert page.evaluate("[...mapsvc.app.scene.shown]") == ["depots"]
    page.goto(f"{planner.url}/uploads")
    all_legible(page)


def test_the_reference_and_the_guides_open(planner: Watch) -> None:
    page = planner.page
    page.goto(f"{planner.url}/api/docs")
    page.locator("summary", has_text="/api/nearest").click()
    expect(page.locator(".call[open] td code").first).to_have_text("lon")
    page.goto(f"{planner.url}/guide")
    expect(page.locator(".guide-list [aria-current]")).to_have_text("预案人员指南")


def test_signing_out(planner: Watch) -> None:
    page = planner.page
    # What the page still asks for while one leaves would be refused.
    page.goto(f"{planner.url}/", wait_until="networkidle")
    page.get_by_role("button", name="退出").click()
    expect(page).to_have_url(re.compile(r"/login$"))
    expect(page.locator(".demo-ribbon")).to_be_visible()
    page.goto(f"{planner.url}/map")
    expect(page).to_have_url(re.compile(r"/login\?next="))


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_nothing_runs_out_of_the_screen(planner: Watch, size: tuple[int, int]) -> None:
    page = planner.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for path in ("/", "/uploads", "/map"):
        page.goto(planner.url + path)
        page.wait_for_load_state("networkidle")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], path
    for part in (".panel", ".map-note", ".leaflet-control-zoom"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
