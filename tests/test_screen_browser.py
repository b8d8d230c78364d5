"""The wall in a real browser over a real server: live, lost and mended, four-up, event, past."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from mapsvc.api.service import COOKIE
from tests.conftest import patient
from tests.legible import all_legible
from tests.open_wall import Server, Wall, wait

WALL: ViewportSize = {"width": 1920, "height": 1080}
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}</script>"
SUM = """mapsvc.wall.stage.large.scene.placed.items.reduce((sum, item) => sum + item.count, 0)"""
VIEWS = "mapsvc.wall.stage.shownPanes().map(({map}) => [map.getCenter().lng, map.getCenter().lat])"


@pytest.fixture(scope="module")
def server(make_database: Callable[[str], str], demo_source: str) -> Iterator[Server]:
    server = Server(make_database(demo_source))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser(server: Server, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Of this module only: while it lives its event loop runs, and async tests cannot."""
    args = [*browser_type_launch_args["args"], "--js-flags=--expose-gc"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**{**browser_type_launch_args, "args": args})
        yield patient(browser)
        browser.close()


@pytest.fixture(scope="module")
def tokens(server: Server, password: str) -> dict[str, str]:
    """Signed in once: making sure of a password takes time by design."""
    return {
        name: httpx.post(
            f"{server.url}/api/session", json={"username": name, "password": password}, timeout=60
        ).json()["token"]
        for name in ("command", "planner")
    }


@pytest.fixture
def wall(browser: Browser, server: Server, tokens: dict[str, str]) -> Iterator[Wall]:
    context = browser.new_context(viewport=WALL, locale="zh-CN")
    context.add_cookies([{"name": COOKIE, "value": tokens["command"], "url": server.url}])
    page = context.new_page()
    wall = Wall(page, server.url)
    headers = {"Authorization": f"Bearer {tokens['planner']}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as wall.writer:
        yield wall
    context.close()


@pytest.fixture
def calm(wall: Wall) -> Iterator[Wall]:
    """At the end nothing was asked of another host and nothing complained."""
    yield wall
    wall.clean()


def test_it_shows_every_figure_and_loses_none(calm: Wall) -> None:
    page = calm.open()
    overview = calm.get("/api/overview")
    counts = {layer["id"]: layer["count"] for layer in overview["layers"]}
    figures = page.locator(".layer-rows .row-head .figure")
    expect(figures).to_have_text([f"{count:,}" for count in counts.values()])
    grades = page.locator(".grades .figure")
    expect(grades).to_have_text([str(n) for n in overview["layers"][0]["grades"].values()])
    # Risk points stand for themselves; the others as figures by the towns' names.
    calm.until(f"{SUM} === {counts['risk_points']}", "a risk point is not on the map")
    elsewhere = overview["elsewhere"]["count"]
    calm.until(
        "[...mapsvc.wall.stage.large.scene.folded.towns.values()]"
        ".flat().reduce((sum, {text}) => sum + Number(text), 0)"
        f" === {sum(counts.values()) - counts['risk_points'] - elsewhere}",
        "the towns' figures are not the counts",
    )
    expect(page.locator(".county")).to_have_text("青岚县")
    expect(page.locator(".demo-ribbon")).to_have_text("演示数据")
    expect(page.locator(".feed")).to_contain_text(re.compile(r"实时　数据 \d\d:\d\d:\d\d"))
    calm.until("document.querySelectorAll('.data-time').length >= 5", "times of data are missing")
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500
    # No town is hidden behind another thing.
    placed = page.evaluate(
        """(() => {
            const { scene } = mapsvc.wall.stage.large;
            const ctx = { drawn: [] };
            const original = CanvasRenderingContext2D.prototype.fillText;
            CanvasRenderingContext2D.prototype.fillText = function (text) {
                ctx.drawn.push(text);
                return original.apply(this, arguments);
            };
            scene.redrawNow();
            CanvasRenderingContext2D.prototype.fillText = original;
            return ctx.drawn;
        })()"""
    )
    drawn = "".join(placed)
    towns = calm.get("/api/regions?level=township")["features"]
    for town in towns:
        assert town["properties"]["name"] in drawn


# What is written in the towns' plates, each as [left, right, top, bottom] of the part that is seen.
PLATES = """(by) => {
    const { map, scene } = mapsvc.wall.stage.large;
    const proto = CanvasRenderingContext2D.prototype;
    const { fillText } = proto;
    const drawn = [];
    proto.fillText = function (text, x, y) {
        // Numbers in bubbles are centred.
        const own = this.canvas === scene._container && this.textAlign === "left";
        const size = own && /^600 1[23]px/.test(this.font) && parseFloat(this.font.slice(4));
        if (size)
            drawn.push([x, x + this.measureText(text).width, y - size / 2, y + size / 2, text]);
        return fillText.apply(this, arguments);
    };
    map.panBy(by, { animate: false });
    scene.redrawNow();
    proto.fillText = fillText;
    const [west, north, east, south] = scene._window();
    const cut = ([left, right, top, bottom]) =>
        right > west && left < east && bottom > north && top < south
        && (left < west || right > east || top < north || bottom > south);
    return { drawn: drawn.length, cut: drawn.filter(cut).map((one) => one[4]) };
}"""


def test_no_town_is_cut_off_at_the_edge(calm: Wall) -> None:
    page = calm.open()
    for step in ([97, 0], [113, 0], [89, 61], [41, 73], [0, 97], [-700, 0], [-61, 43], [-97, -510]):
        told = page.evaluate(PLATES, step)
        assert told["drawn"] > 20, step
        assert told["cut"] == [], step


def test_all_text_stands_out_from_its_ground(calm: Wall) -> None:
    page = calm.open()
    all_legible(page, 100)
    page.keyboard.press("l")
    all_legible(page, 100)
    page.keyboard.press("e")
    all_legible(page, 100)
    page.mouse.click(960, 540)
    expect(page.locator(".arrivals .minutes").first).to_be_visible()
    all_legible(page, 50)
    page.keyboard.press("l")
    all_legible(page, 50)


def test_a_commit_is_on_the_wall_within_a_second(calm: Wall) -> None:
    page = calm.open("?view=risk_points")
    for feature in calm.features("risk_points")[:30]:
        lon, lat = feature["geometry"]["coordinates"]
        geometry = {"type": "Point", "coordinates": [lon + 0.0002, lat]}
        begin = time.monotonic()
        calm.change(feature, geometry=geometry)
        asked = time.monotonic() - begin
        begin = time.monotonic()
        name = feature["properties"]["name"]
        calm.until(
            f"document.querySelector('.stream-list .what').textContent.includes({name!r})"
            " && !mapsvc.wall.stage.large.scene.store.loading.size"
            " && mapsvc.wall.stage.looks.get('risk_points').version"
            " === mapsvc.wall.live.versions.get('risk_points')",
            "the change did not arrive",
        )
        took = time.monotonic() - begin
        expect(page.locator(".stream-list .what").first).to_have_text(f"移动　{name}")
        # Once is enough: another process may have had the machine, which the request tells too.
        if took < 1 + 5 * asked:
            return
    raise AssertionError("no change of thirty was there in time")


def test_what_is_deleted_goes_and_the_counts_follow(calm: Wall) -> None:
    page = calm.open("?view=risk_points&alarm=0")
    before = page.evaluate(SUM)
    lon, lat = calm.features("risk_points")[0]["geometry"]["coordinates"]
    new = calm.add_risk("新点", "低", lon + 0.03, lat)
    figure = page.locator(".layer-rows .row-head .figure").first
    expect(figure).to_have_text(str(before + 1))
    calm.until(f"{SUM} === {before + 1}", "the new point is not on the map")
    calm.delete("risk_points", new)
    expect(figure).to_have_text(str(before))
    calm.until(f"{SUM} === {before}", "the deleted point is still on the map")
    expect(page.locator(".stream-list .what").first).to_have_text("删除　新点")


def test_a_lost_feed_says_so_and_heals_without_a_gap(wall: Wall, server: Server) -> None:
    page = wall.open()
    server.stop()
    feed = page.locator(".feed")
    expect(feed).to_contain_text(re.compile(r"实时数据中断 \d+ 秒　画面停在 \d\d:\d\d:\d\d"))
    assert page.evaluate(SUM) > 0
    red = "getComputedStyle(document.querySelector('.bar')).backgroundColor"
    assert page.evaluate(red) != "rgb(179, 23, 29)"
    page.evaluate("mapsvc.wall.live.feed.signOfLife -= 60000")
    wall.until(f"{red} === 'rgb(179, 23, 29)'", "what is long lost is not told in red")
    with psycopg.connect(server.conninfo, autocommit=True) as db:
        db.execute(
            "update feature set name = '断线时改的名', version = version + 1, updated_at = now()"
            " where layer = 'forces' and id ="
            " (select min(id) from feature where layer = 'forces')"
        )
    server.start()
    expect(feed).to_contain_text("实时　数据")
    expect(page.locator(".stream-list .what").first).to_have_text("修改　断线时改的名")
    wall.until(f"{red} !== 'rgb(179, 23, 29)'", "it stays red")
    assert wall.outside == []


def test_a_database_that_comes_back_heals_it(wall: Wall, server: Server) -> None:
    page = wall.open()
    feature = wall.features("depots")[0]
    with psycopg.connect(server.conninfo, autocommit=True) as db:
        db.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    back = f"{server.url}/api/layers"
    wait(lambda: wall.writer.get(back).status_code == 200, "the database stays away")
    wall.change(feature, properties={"address": "库房搬到二楼"})
    name = feature["properties"]["name"]
    expect(page.locator(".stream-list .what").first).to_have_text(f"修改　{name}")


def test_an_ended_session_keeps_the_picture(wall: Wall) -> None:
    page = wall.open()
    page.evaluate("mapsvc.wall.live.feed.ended()")
    expect(page.locator(".feed")).to_contain_text("登录已过期，画面停在")
    page.context.clear_cookies()
    page.evaluate("void mapsvc.wall.refreshFigures()")
    assert page.url.endswith("/screen")
    assert page.evaluate(SUM) > 0
    page.get_by_role("link", name="重新登录").click()
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fscreen"))


def test_four_maps_move_as_one(calm: Wall) -> None:
    page = calm.open("?view=four")
    panes = page.locator(".four .pane")
    expect(panes).to_have_count(4)
    titles = [layer["title"] for layer in calm.get("/api/layers")]
    expect(page.locator(".pane-title b")).to_have_text(titles)
    box = panes.nth(2).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate(VIEWS)
    zoom = page.evaluate("mapsvc.wall.stage.shownPanes()[0].map.getZoom()")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 40, steps=5)
    page.mouse.up()
    page.mouse.wheel(0, -200)
    calm.until(
        f"""(() => {{
            const zooms = mapsvc.wall.stage.shownPanes().map(({{map}}) => map.getZoom());
            const [first, ...others] = {VIEWS};
            const near = (one) => one.every((value, i) => Math.abs(value - first[i]) < 1e-4);
            return zooms.length === 4 && Math.max(...zooms) - Math.min(...zooms) < 0.02
                && zooms[0] > {zoom} && others.every(near)
                && String(first) !== "{before[0][0]},{before[0][1]}";
        }})()""",
        "the four maps are not in step",
    )
    expect(page.locator(".view-plan")).to_have_text("画面由人操作　Esc 恢复")
    calm.ready()


def test_keys_lead_everywhere_and_back(calm: Wall) -> None:
    page = calm.open()
    name = page.locator(".view-name")
    titles = [layer["title"] for layer in calm.get("/api/layers")]
    for key, title in [*zip("1234", titles, strict=True), ("f", "四图"), ("0", "全县总览")]:
        page.keyboard.press(key)
        expect(name).to_have_text(title)
    page.keyboard.press("4")
    expect(page).to_have_url(re.compile("view=command_posts"))
    page.reload()
    calm.ready()
    expect(name).to_have_text("指挥体系图")
    calm.until("mapsvc.wall.hierarchies[0].laid.length === 17", "posts are missing")
    page.keyboard.press("4")  # once more: the whole wall
    expect(page.locator(".column").first).to_be_hidden()
    expect(page).to_have_url(re.compile("full=1"))
    page.keyboard.press("Escape")
    expect(page.locator(".column").first).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(".kinds li").first).to_have_text("滑坡")
    page.keyboard.press("Escape")
    expect(name).to_have_text("全县总览")
    expect(page.locator(".kinds li")).to_have_text(["物资装备", "防控力量", "指挥体系"])
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".help")).to_be_hidden()
    page.keyboard.press("l")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page).to_have_url(re.compile("theme=light"))
    calm.ready()


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160), (5120, 1440), (1366, 768)])
def test_it_fits_any_wall_and_is_legible_on_it(calm: Wall, size: tuple[int, int]) -> None:
    page = calm.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    calm.open()
    least = page.evaluate(
        """Math.min(...[...document.querySelectorAll(".screen *")]
            .filter((e) => e.offsetWidth && !e.closest(".map") && e.textContent.trim())
            .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
    )
    assert least >= min(size[0] / 120, size[1] / 67.5) - 0.01  # a 67th of the height: 32 px at 4K
    spilled = page.evaluate(
        """[...document.querySelectorAll(".screen .part, .bar > *, .foot > *")]
            .filter((e) => e.offsetWidth && e.scrollWidth > e.clientWidth + 1)
            .map((e) => e.className)"""
    )
    assert spilled == []
    page.set_viewport_size({"width": 1600, "height": 900})
    page.wait_for_timeout(300)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    west, south, east, north = calm.get("/api/map")["county"]["bounds"]
    panes = 5 if size[0] > 2.4 * size[1] else 1
    calm.until(
        f"{VIEWS}.length === {panes} && {VIEWS}.every(([lon, lat]) =>"
        f" Math.abs(lon - {(west + east) / 2}) < 0.01"
        f" && Math.abs(lat - {(south + north) / 2}) < 0.01)",
        "the county is not in the middle",
    )


def test_on_paper_it_is_light_and_one_sheet(calm: Wall) -> None:
    page = calm.open()
    total = page.evaluate(SUM)
    # In one go, as paper waits for nothing: all points of the same view, on ground that is here.
    printed, bitmaps = page.evaluate(
        "(() => { dispatchEvent(new Event('beforeprint'));"
        f" const printed = {SUM}, tiles = [...document.querySelectorAll('.large .leaflet-tile')];"
        " const bitmaps = tiles.filter((tile) => tile.width > 512).length;"
        " dispatchEvent(new Event('afterprint')); return [printed, bitmaps]; })()"
    )
    assert printed == total > 0
    assert bitmaps > 0
    sheet = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", sheet)) == 1
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    calm.ready()


def test_the_plan_turns_the_views_until_a_hand_is_on_the_map(calm: Wall) -> None:
    page = calm.open("?rotate=county:5,four:5,nowhere:5,risk_points:5&theme=light")
    assert page.evaluate("mapsvc.wall.rotation.steps.map(({view}) => view)") == [
        "county",
        "four",
        "risk_points",
    ]
    page.evaluate("mapsvc.wall.rotation.steps.forEach((step) => (step.seconds = 0.3))")
    page.evaluate("mapsvc.wall.rotation.next()")
    seen = set()
    wait(
        lambda: seen.add(page.locator(".view-name").inner_text()) or len(seen) == 3,
        "the plan does not turn",
    )
    page.evaluate("mapsvc.wall.stage._hand()")
    page.wait_for_timeout(600)
    stays = page.locator(".view-name").inner_text()
    page.wait_for_timeout(900)
    assert page.locator(".view-name").inner_text() == stays
    expect(page.locator(".view-plan")).to_have_text("画面由人操作　Esc 恢复")
    page.keyboard.press("Escape")
    expect(page.locator(".view-name")).not_to_have_text(stays)
    page.evaluate("mapsvc.wall.rotation.steps = []")
    calm.ready()


def test_an_event_shows_who_comes_first_and_whom_to_call(calm: Wall) -> None:
    lon, lat = calm.features("risk_points")[0]["geometry"]["coordinates"]
    page = calm.open(f"?focus={lon},{lat}")
    place = f"lon={lon:.7f}&lat={lat:.7f}"
    expect(page.locator(".arrival-group")).to_have_count(2)
    expect(page.locator(".bands tbody tr")).to_have_count(3)
    for layer, group in zip(
        ("forces", "depots"), page.locator(".arrival-group").all(), strict=True
    ):
        best = calm.get(f"/api/nearest?{place}&layers={layer}&k=3&mode=road")["results"]
        expect(group.locator(".what")).to_have_text([r["name"] for r in best])
        minutes = [f"{max(1, round(r['duration_s'] / 60))} 分钟" for r in best]
        expect(group.locator(".minutes")).to_have_text(minutes)
    chain = calm.get(f"/api/command/chain?{place}")["chain"]
    expect(page.locator(".climb .post-unit")).to_have_text([post["name"] for post in chain])
    calm.until(
        "String(mapsvc.wall.focus.rings.bands.map(({text}) => text)) === '5 分钟,10 分钟,15 分钟'",
        "the rings are not on the map",
    )
    # What lies in each ring is counted by the server; the point itself lies in the innermost.
    told = []
    for ring in calm.get(f"/api/coverage/rings?{place}&seconds=300,600,900")["features"]:
        ask = {"geometry": ring["geometry"], "layers": ["risk_points"], "limit": 0}
        inside = calm.writer.post("/api/within", json=ask).json()
        told += [inside["counts"]["risk_points"]["total"], inside["threatened"]["people"]]
    expect(page.locator(".bands tbody td")).to_have_text([f"{n:,}" for n in told])
    assert told[0] >= 1
    lit = "mapsvc.wall.hierarchies[0].lit.length"
    calm.until(f"{lit} === {len(chain)}", "the chain is not lit")
    page.keyboard.press("Escape")
    expect(page.locator(".view-name")).to_have_text("全县总览")
    expect(page).not_to_have_url(re.compile("focus"))
    calm.until(f"{lit} === 0", "the chain stays lit")


def test_an_event_by_hand(calm: Wall) -> None:
    page = calm.open()
    page.keyboard.press("e")
    expect(page.locator(".banner")).to_contain_text("请点事发位置")
    page.mouse.click(960, 560)
    expect(page.locator(".view-name")).to_have_text("事件")
    expect(page.locator(".arrivals .minutes")).to_have_count(6)
    calm.ready()


def test_without_roads_an_event_says_that_its_lines_are_straight(calm: Wall) -> None:
    page = calm.page  # the demo county has a network: its answers are withheld
    refuse = {"status": 503, "content_type": "application/problem+json", "body": "{}"}
    page.route("**/api/coverage/rings*", lambda route: route.fulfill(**refuse))
    page.route("**mode=road*", lambda route: route.fulfill(**refuse))
    lon, lat = calm.features("risk_points")[0]["geometry"]["coordinates"]
    page = calm.open(f"?focus={lon},{lat}")
    expect(page.locator(".effect")).to_contain_text("没有路网数据，圈按直线距离")
    expect(page.locator(".arrivals .more").first).to_contain_text("直线估算")
    expect(page.locator(".arrivals .minutes").first).to_have_text(re.compile("米|公里"))
    calm.refused.clear()
    calm.complaints.clear()


def test_a_past_day_is_marked_and_left_again(calm: Wall) -> None:
    feature = calm.features("depots")[1]
    moment = calm.get("/api/map")["time"]
    time.sleep(1.1)
    calm.delete("depots", feature["id"], feature["properties"]["version"])
    page = calm.open(f"?at={moment.replace('+00:00', 'Z')}")
    figure = page.locator(".layer-cell .figure").first
    expect(page.locator(".banner.past")).to_contain_text("当时的图")
    expect(page.locator(".banner.past")).to_contain_text("非实时")
    then = calm.get(f"/api/overview?as_of={moment.replace('+', '%2B')}")["layers"][1]["count"]
    now = calm.get("/api/overview")["layers"][1]["count"]
    assert then == now + 1
    expect(figure).to_have_text(str(then))
    page.keyboard.press("Escape")
    expect(figure).to_have_text(str(now))
    expect(page.locator(".banner")).to_be_hidden()
    page.keyboard.press("t")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".banner.past")).to_contain_text("当时还没有数据")
    expect(figure).to_have_text("0")
    calm.until(f"{SUM} === 0", "points of today are on the map of yesterday")
    page.keyboard.press("4")
    calm.until(f"{SUM} === 0", "posts of today are on the map of yesterday")
    calm.until("mapsvc.wall.hierarchies[0].shows === false", "posts of today are shown")
    # The map makes room for what is said of the past and for the slider.
    boxes = [page.locator(part).bounding_box() for part in (".banner", ".pane.large", ".slider")]
    above, between, below = [box for box in boxes if box]
    assert above["y"] + above["height"] <= between["y"]
    assert between["y"] + between["height"] <= below["y"]
    # An alarm does not move the past, but it is told.
    lon, lat = feature["geometry"]["coordinates"]
    new = calm.add_risk("此刻的点", "重大", lon, lat)
    expect(page.locator(".banner.alarm")).to_contain_text("画面是当时的图，没有移动")
    page.keyboard.press("Escape")
    expect(page.locator(".banner.past")).to_be_visible()
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    expect(figure).to_have_text(str(now))
    expect(page.locator(".banner.alarm")).to_contain_text("重大风险隐患点由")
    page.keyboard.press("Escape")
    calm.delete("risk_points", new)
    calm.ready()


def test_only_an_alarm_moves_the_view_and_one_key_returns(calm: Wall) -> None:
    page = calm.open()
    first, second = calm.features("risk_points")[:2]
    lon, lat = first["geometry"]["coordinates"]
    before = page.evaluate(VIEWS)
    calm.change(second, properties={"threatened_people": 77})
    expect(page.locator(".stream-list .what").first).to_contain_text(second["properties"]["name"])
    assert page.evaluate(VIEWS) == before
    new = calm.add_risk(HOSTILE, "重大", lon + 0.01, lat)
    banner = page.locator(".banner.alarm")
    expect(banner).to_contain_text(f"新增重大风险隐患点　{HOSTILE}")
    expect(banner).to_contain_text("按告警规则，画面已移到此处")
    calm.until(
        f"Math.abs({VIEWS}[0][0] - {lon + 0.01}) < 0.01 && Math.abs({VIEWS}[0][1] - {lat}) < 0.01",
        "the view is not at the alarm",
    )
    expect(page.locator(".chain h2")).to_contain_text("指挥链")
    expect(page.locator(".beacon").last).to_be_visible()
    calm.ready()
    page.keyboard.press("Escape")
    expect(banner).to_be_hidden()
    calm.until(f"JSON.stringify({VIEWS}) === '{json.dumps(before, separators=(',', ':'))}'", "away")
    assert page.locator("img[src=x]").count() == 0
    calm.delete("risk_points", new)
    expect(page.locator(".stream-list .what").first).to_have_text(f"删除　{HOSTILE}")
    calm.ready()


def test_a_thousand_changes_leave_nothing_behind(calm: Wall, server: Server) -> None:
    page = calm.open()
    client = page.context.new_cdp_session(page)

    def measured() -> tuple[float, int]:
        client.send("HeapProfiler.collectGarbage")
        client.send("HeapProfiler.collectGarbage")
        used = client.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        return used, page.evaluate("document.querySelectorAll('*').length")

    change = (
        "update feature set geom = st_translate(geom, %s, 0), version = version + 1,"
        " updated_at = clock_timestamp() where layer = %s and id = any(%s)"
    )
    with psycopg.connect(server.conninfo, autocommit=True) as db:
        ids = {
            layer: [r[0] for r in db.execute("select id from feature where layer = %s", [layer])]
            for layer in ("risk_points", "depots", "forces", "command_posts")
        }

        def play(rounds: int) -> None:
            for i in range(rounds):
                layer = list(ids)[i % 4]
                db.execute(change, [1e-5 if i % 2 else -1e-5, layer, [ids[layer][i % 100]]])
            row = db.execute("select max(position) from change").fetchone()
            assert row
            calm.until(f"mapsvc.wall.live.feed.position >= {row[0]}", "the wall fell behind", 120)
            page.wait_for_timeout(1500)

        play(200)
        heap, nodes = measured()
        play(800)
        for _ in range(40):  # what is still on its way goes; what leaks stays
            later, more = measured()
            if more <= nodes + 20 and later < min(heap + 1.5, 12):
                break
            page.wait_for_timeout(500)
    assert more <= nodes + 20
    assert more < 1_500
    assert later < heap + 1.5
    assert later < 12
    assert page.locator(".stream-list li").count() <= 16
    calm.ready()
