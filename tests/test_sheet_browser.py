"""One sheet of paper for one answer, in a real browser: one page, true to scale, all said."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pyproj import Geod

from tests.conftest import Make
from tests.test_pages_browser import Watch

GEOD = Geod(ellps="WGS84")
UNIT_M = 0.0254 / 96
VIEW = "#11/27.90000/111.20000&layers=risk_points,forces&base=county"
AT = "&at=111.200000,27.900000"
NEAR = f"{VIEW}&tab=near{AT}&of=depots,forces&mode=road&k=20"
WITHIN = f"{VIEW}&tab=within{AT}&shape=circle&r=8000&of=risk_points,depots,forces,command_posts"
PLAN = f"{VIEW}&tab=plan{AT}&card=flash_flood:Ⅱ&mode=road"
COVERAGE = f"{VIEW}&tab=coverage&from=forces&to=risk_points&min=15&also=111.2,27.9"
SIZES = {("A4", "横"): (842, 595), ("A4", "竖"): (595, 842), ("A3", "横"): (1191, 842)}
SIZES[("A3", "竖")] = (842, 1191)
CLOSED = "山体滑坡，双向中断"
DONE = "Boolean(window.mapsvc && mapsvc.sheet && (mapsvc.sheet.ready || mapsvc.sheet.refused))"
OVERRUN = """[".paper", ".side", ".middle", ".left"].filter((name) => {
    const part = document.querySelector(name);
    return part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1;
})"""
# The bar's ends and the middle of the map, as places on the ground.
BAR = """(() => {
    const { map, chart } = mapsvc.sheet;
    const bar = document.querySelector(".over .bar");
    const parts = [...bar.querySelectorAll("rect")].map((part) => part.getBoundingClientRect());
    const width = parts[parts.length - 1].right - parts[0].left;
    const { x, y } = map.getSize();
    const ends = [x / 2 - width / 2, x / 2 + width / 2].map((end) => {
        const { lng, lat } = map.containerPointToLatLng([end, y / 2]);
        return [lng, lat];
    });
    return { ends, width, metres: Number(bar.dataset.metres), scale: chart.scale };
})()"""


@pytest.fixture(scope="module")
def server(make_database: Make, demo_source: str, serve: Callable[..., str]) -> str:
    """The demo county with one road closed, and a map that has been approved."""
    return serve(make_database(demo_source), MAPSVC_MAP_APPROVAL="湘S（2026）001号")


@pytest.fixture(scope="module")
def planner(browser: Browser, server: str, password: str) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    page = context.new_page()
    watch = Watch(page, server)
    watch.sign_in("planner", password)
    sent = page.context.request.post(
        f"{server}/api/closures",
        data={
            "geometry": {"type": "Point", "coordinates": [111.1868, 27.9165]},
            "radius_m": 150,
            "reason": CLOSED,
        },
        headers={"X-Requested-With": "mapsvc"},
    )
    assert sent.status == 201, sent.text()
    yield watch
    watch.clean()
    context.close()


def opened(watch: Watch, place: str, paper: str = "") -> Page:
    page = watch.page
    page.goto("about:blank")
    page.goto(f"{watch.url}/sheet{paper}{place}")
    watch.comes(DONE, "the sheet was not ready")
    return page


def pages_of(planner: Watch) -> tuple[int, tuple[int, int]]:
    """How many pages the printed file has, and the size of the first in points."""
    page = planner.page
    page.emulate_media(media="print")
    fits(planner)
    page.emulate_media(media="null")
    pdf = page.pdf(prefer_css_page_size=True)
    counts = re.findall(rb"/Type /Pages\s*/Count (\d+)", pdf)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None
    return int(counts[0]), (round(float(box[1])), round(float(box[2])))


def fits(planner: Watch) -> None:
    planner.comes(f"!{OVERRUN}.length", "a part of the sheet runs over")


def test_every_paper_is_one_page_true_to_scale(planner: Watch) -> None:
    page = opened(planner, NEAR)
    for (size, turn), points in SIZES.items():
        page.get_by_role("button", name=size, exact=True).click()
        page.get_by_role("button", name=turn, exact=True).click()
        assert pages_of(planner) == (1, points)
        fits(planner)
        bar = page.evaluate(BAR)
        (west, south), (east, north) = bar["ends"]
        _, _, ground = GEOD.inv(west, south, east, north)
        assert ground == pytest.approx(bar["metres"], rel=1e-3)
        assert bar["metres"] / (bar["width"] * UNIT_M) == pytest.approx(bar["scale"], rel=1e-3)
        said = f"1:{bar['scale']:,}".replace(",", " ")
        expect(page.locator(".over .scale")).to_have_text(said)
    expect(page).to_have_url(re.compile("paper=a3&turn=portrait"))


def test_the_answer_of_the_map_with_what_is_left_out(planner: Watch) -> None:
    page = opened(planner, NEAR)
    query = "lon=111.2&lat=27.9&layers=depots,forces&k=20&mode=road&stale=sink"
    answer = planner.get(f"/api/nearest?{query}")
    for layer, block in zip(("depots", "forces"), page.locator(".block").all(), strict=True):
        results = [r for r in answer["results"] if r["layer"] == layer]
        rows = block.locator("tbody tr:visible")
        assert 0 < rows.count() < len(results)
        for row, result in zip(rows.all(), results, strict=False):
            expect(row).to_contain_text(result["name"])
        rest = len(results) - rows.count()
        expect(block.locator(".rest")).to_have_text(f"另有 {rest} 条，见表格（Excel）")
    expect(page.locator(".notes")).to_contain_text(f"封路：{CLOSED}（直到解除）")
    expect(page.locator(".legend")).to_contain_text("封路")
    expect(page.locator(".notes")).not_to_contain_text("图上只标出")
    expect(page.locator(".demo")).to_be_visible()
    record = page.locator(".record")
    for text in ("数据时间", "路网", "查询时间", "planner，预案人员", "湘S（2026）001号"):
        expect(record).to_contain_text(text)
    expect(page.locator(".place")).to_contain_text("东经 111.200000，北纬 27.900000")


@pytest.mark.parametrize(
    ("place", "turn"),
    [(WITHIN, "portrait"), (PLAN, "landscape"), (COVERAGE, "portrait"), (VIEW, "landscape")],
)
def test_other_answers_fit_too(planner: Watch, place: str, turn: str) -> None:
    page = opened(planner, place, f"?paper=a4&turn={turn}")
    assert pages_of(planner)[0] == 1
    fits(planner)
    assert page.locator("tbody tr:visible").count() > 0
    assert page.locator(".legend li").count() > 0


def test_estimates_are_named_as_such(planner: Watch) -> None:
    page = opened(planner, NEAR.replace(AT, "&at=110.500000,27.300000").replace("k=20", "k=2"))
    expect(page.locator("tbody .mark").first).to_have_text("直线估算")
    expect(page.locator(".notes")).to_contain_text("没有道路依据")
    expect(page.locator(".legend")).to_contain_text("直线")


def test_of_very_many_the_map_numbers_those_listed(planner: Watch) -> None:
    page = opened(planner, NEAR.replace("k=20", "k=50"))
    numbered = page.evaluate("mapsvc.sheet.drawing.spots.length")
    assert 0 < numbered == page.locator("tbody tr:visible").count() < 100
    expect(page.locator(".notes")).to_contain_text("图上只标出表中所列的")


def test_a_name_is_shown_on_purpose(planner: Watch) -> None:
    page = opened(planner, NEAR)
    row = page.locator(".blocks tbody tr", has=page.locator(".reveal")).first
    asked, stars = row.locator(".reveal").count(), row.inner_text().count("*")
    assert stars
    row.locator(".reveal").first.click()
    expect(row.locator(".reveal")).to_have_count(asked - 1)
    assert row.inner_text().count("*") < stars
    fits(planner)


def test_without_a_place_there_is_nothing_to_print(planner: Watch) -> None:
    page = opened(planner, f"{VIEW}&tab=near&of=forces")
    expect(page.get_by_role("alert").first).to_contain_text("还没有可以打印的结果")
    expect(page.get_by_role("button", name="打印")).to_be_disabled()


def test_from_the_map_to_the_sheet(planner: Watch) -> None:
    page = planner.page
    page.goto("about:blank")
    page.goto(f"{planner.url}/map{NEAR}")
    page.locator(".bench .row").first.wait_for()
    with page.context.expect_page() as sheet:
        page.locator(".bench-foot").get_by_role("button", name="打印").click()
    expect(sheet.value.locator("h1")).to_contain_text("就近查询")
    sheet.value.close()
    _downloads(page)


def _downloads(page: Page) -> Any:
    with page.expect_download() as file:
        page.locator(".bench-foot").get_by_role("link", name="Excel").click()
    assert file.value.suggested_filename == "就近查询.xlsx"
