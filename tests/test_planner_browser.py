"""The planner's workbench in a real browser, through the real server; by mouse, by keys alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from tests.test_pages_browser import VIEW, Watch

HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}</script>"
LON, LAT = 111.262, 27.871
LAYERS = ("risk_points", "depots", "forces", "command_posts")
NEAR_AT = f"tab=near&at={LON},{LAT}"
STILL = "!(mapsvc.app.map._panAnim && mapsvc.app.map._panAnim._inProgress)"
ADDRESS = "Object.fromEntries(new URLSearchParams(location.hash.slice(1)))"


@pytest.fixture(scope="module")
def conninfo_here(make_database: Callable[[str], str], demo_source: str) -> str:
    """A demo county of this module's own, with one force and one depot of a hostile name."""
    made = make_database(demo_source)
    with psycopg.connect(made, autocommit=True) as db:
        for layer in ("forces", "depots"):
            db.execute(
                "update feature set name = %(name)s where id = (select id from feature"
                " where layer = %(layer)s order by geom <-> ST_Point(%(lon)s, %(lat)s, 4326)"
                " limit 1)",
                {"name": HOSTILE, "layer": layer, "lon": LON, "lat": LAT},
            )
    return made


@pytest.fixture(scope="module")
def url(serve: Callable[..., str], conninfo_here: str) -> str:
    return serve(conninfo_here)


@pytest.fixture
def sign_in(browser: Browser, url: str, password: str) -> Iterator[Callable[[str], Watch]]:
    """Opens a window of its own; at the end none asked another host, complained, was refused."""
    opened: list[Watch] = []

    def enter(username: str) -> Watch:
        context = browser.new_context(viewport=VIEW, locale="zh-CN")
        page = context.new_page()
        watch = Watch(page, url)
        watch.sign_in(username, password)
        opened.append(watch)
        return watch

    yield enter
    for watch in opened:
        watch.page.context.close()
        watch.clean()


@pytest.fixture
def planner(sign_in: Callable[[str], Watch]) -> Watch:
    return sign_in("planner")


def at(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is on the screen."""
    x, y = page.evaluate(
        "([lon, lat]) => { const p = mapsvc.app.map.latLngToContainerPoint([lat, lon]);"
        " return [p.x, p.y]; }",
        [lon, lat],
    )
    return float(x), float(y)


def look(page: Page, lon: float, lat: float, zoom: float) -> None:
    """Ends a flight of the map too."""
    page.evaluate(
        "([lon, lat, zoom]) => mapsvc.app.map.setView([lat, lon], zoom, { animate: false })",
        [lon, lat, zoom],
    )


def free_spot(page: Page) -> tuple[float, float]:
    """The point nearest to the middle of the map where nothing stands."""
    x, y = page.evaluate(
        """([width, height]) => {
            const { scene, bench } = mapsvc.app;
            const found = [];
            for (let x = 360; x < 960; x += 17)
                for (let y = 100; y < 640; y += 17) {
                    const point = Object.assign(scene._map.getSize(), { x, y });
                    if (!scene.at(point) && !bench.ink.at(point)) found.push(point);
                }
            const far = ({ x, y }) => Math.hypot(x - width / 2, y - height / 2);
            const best = found.sort((a, b) => far(a) - far(b))[0];
            return [best.x, best.y];
        }""",
        [VIEW["width"], VIEW["height"]],
    )
    return float(x), float(y)


def rows(page: Page, tab: str) -> Locator:
    return page.locator(f".{tab} .rows .row")


def names(page: Page, tab: str) -> list[str]:
    return page.locator(f".{tab} .rows .row .name").all_inner_texts()


def tab(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title).click()


def draw(page: Page, places: list[tuple[float, float]]) -> None:
    for place in places:
        page.mouse.click(*at(page, *place))
    page.get_by_role("button", name="完成").click()


def points(page: Page, key: str) -> list[list[float]]:
    """Places as the address has them."""
    return [[float(v) for v in p.split(",")] for p in page.evaluate(ADDRESS)[key].split(";")]


def test_nearest_by_road_with_a_filter_and_its_address(
    planner: Watch, sign_in: Callable[[str], Watch]
) -> None:
    page = planner.open_map(f"#13/{LAT}/{LON}")
    page.mouse.click(*free_spot(page))
    expect(rows(page, "near").first).to_contain_text("分钟")
    expect(page.get_by_role("tab", name="就近")).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="指挥岗位").click()
    page.get_by_role("button", name="风险隐患点").click()
    expect(page.locator(".near .groups section")).to_have_count(2)
    page.locator(".near .unfold-line").first.click()
    page.locator(".near .filters .unfold-line", has_text="救援力量").click()
    page.get_by_label("总人数不少于").fill("30")
    page.evaluate("document.querySelectorAll('.near .row').forEach((r) => (r.dataset.old = 1))")
    page.get_by_label("总人数不少于").press("Enter")
    expect(page.locator(".near .row[data-old]")).to_have_count(0)
    expect(page.locator(".near .unfold-line").first).to_contain_text("救援力量有筛选")
    expect(page.locator(".near .groups section")).to_have_count(2)
    expect(rows(page, "near")).to_have_count(6)
    forces = page.locator(".near .groups section", has_text="救援力量").locator(".gist")
    expect(forces).to_have_text([re.compile(r"总人数 (?:[3-9]\d|\d{3,}) 人")] * 3)
    rows(page, "near").first.click()
    expect(page.locator(".near .turns li").first).to_contain_text("出发")
    named = page.locator(".near .whom dd").first
    expect(named).to_contain_text("**")
    named.get_by_role("button", name="显示").click()
    expect(named).not_to_contain_text("*")
    other = sign_in("command").page
    other.goto(page.url)
    expect(rows(other, "near")).to_have_count(6)
    expect(rows(other, "near").locator(".name")).to_have_text(names(page, "near"))
    expect(other.locator(".near .unfold-line").first).to_contain_text("救援力量有筛选")

    page.locator(".near .switch label", has_text="按直线").click()
    expect(rows(page, "near").first.locator(".far")).to_have_text(re.compile("米|公里"))
    planner.comes(f"({ADDRESS}).mode === 'line'", "the address does not say it")
    for form in ("xlsx", "geojson"):
        link = page.locator(f".bench-foot a[href*='format={form}']").get_attribute("href")
        assert link
        assert page.context.request.get(planner.url + link).ok


def test_what_lies_in_a_circle_an_area_a_corridor(planner: Watch) -> None:
    page = planner.open_map("#12/27.88/111.2")
    tab(page, "范围")
    page.mouse.click(*free_spot(page))
    counts = page.locator(".within .counts .total")
    expect(counts).to_have_count(4)
    expect(page.locator(".within .chains")).to_contain_text("责任链")

    def same_as(**shape: Any) -> None:
        answer = page.context.request.post(
            f"{planner.url}/api/within", data=shape, headers={"X-Requested-With": "mapsvc"}
        ).json()
        expected = [f"{answer['counts'][layer]['total']:,}" for layer in LAYERS]
        assert expected != ["0"] * 4
        expect(counts).to_have_text(expected)

    corners = [(111.15, 27.83), (111.24, 27.83), (111.2, 27.92)]
    page.locator(".within .switch label", has_text="多边形").click()
    look(page, 111.2, 27.88, 12)
    expect(page.locator(".draw-bar")).to_contain_text("画范围")
    draw(page, corners)
    expect(counts).to_have_count(4)
    ring = points(page, "pts")
    same_as(geometry={"type": "Polygon", "coordinates": [[*ring, ring[0]]]})

    page.locator(".within .switch label", has_text="沿线").click()
    look(page, 111.2, 27.88, 12)
    draw(page, corners[:2])
    expect(counts).to_have_count(4)
    page.get_by_label("两侧各多少米").fill("2000")
    page.get_by_label("两侧各多少米").press("Enter")
    expect(page.locator(".within .form .quiet")).to_contain_text("线长")
    same_as(geometry={"type": "LineString", "coordinates": points(page, "pts")}, buffer_m=2000)


def test_a_need_card_becomes_a_plan(planner: Watch) -> None:
    page = planner.open_map(f"#11/{LAT}/{LON}&tab=plan&at={LON},{LAT}")
    page.get_by_label("事件").select_option(label="山洪")
    page.locator(".plan .switch label", has_text="Ⅲ").click()
    expect(page.locator(".plan .headline")).to_contain_text("到齐")
    sources = rows(page, "plan")
    expect(sources.first).to_contain_text("分钟")
    sources.first.click()
    expect(page.locator(".plan .details .reason").first).to_be_visible()
    planner.comes(f"({ADDRESS}).card.endsWith(':Ⅲ')", "the address does not say it")
    page.locator(".plan .unfold-line").first.click()
    page.locator(".need-line").first.get_by_label("数量").fill("123456")
    page.locator(".need-line").first.get_by_label("数量").press("Enter")
    expect(page.locator(".shortfalls")).to_contain_text("不足 1 项")
    expect(page.locator(".shortfalls li")).to_contain_text("123,456")
    with page.expect_download() as download:
        page.locator(".bench-foot").get_by_role("button", name="Excel").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    page.reload()
    expect(page.locator(".shortfalls li")).to_contain_text("123,456")


def test_whom_nobody_reaches_and_what_one_more_changes(planner: Watch) -> None:
    page = planner.open_map("#10.5/27.9/111.1&tab=coverage")
    expect(page.locator(".coverage .headline")).to_contain_text("15 分钟内到不了")
    told = planner.get("/api/coverage?layer=forces&seconds=900&area=false")["targets"]
    left = told["total"] - told["reached"]
    expect(page.locator(".coverage .headline b")).to_have_text(str(left))
    expect(rows(page, "coverage")).to_have_count(min(left, 20))
    page.mouse.click(*free_spot(page))
    expect(page.locator(".sites li")).to_have_count(1)
    expect(page.locator(".more-form .sum")).to_contain_text("多到")
    page.locator(".more-form .switch label", has_text="求最好的位置").click()
    expect(page.locator(".sites li .far").first).to_contain_text("+")
    page.get_by_role("spinbutton", name="再设几处").fill("3")
    page.get_by_role("spinbutton", name="再设几处").press("Enter")
    best = planner.get("/api/coverage/sites?layer=forces&seconds=900&more=3&area=false")
    expect(page.locator(".sites .name")).to_have_text([site["name"] for site in best["sites"]])
    after = best["after"]["total"] - best["after"]["reached"]
    expect(page.locator(".coverage .headline b")).to_have_text(f"{left} → {after}")
    page.get_by_role("button", name="去掉第 1 处").click()
    expect(page.locator(".sites li")).to_have_count(2)
    planner.comes(f"({ADDRESS}).also.split(';').length === 2", "not two places")
    page.reload()
    expect(page.locator(".sites li")).to_have_count(2)
    expect(page.locator(".coverage .headline b")).to_have_text(re.compile(f"^{left} → "))


def test_a_closure_counts_in_the_next_answer_until_it_ends(
    planner: Watch, conninfo_here: str
) -> None:
    page = planner.open_map("#13/27.85/111.15&layers=forces&tab=near&at=111.15,27.85&of=forces")
    expect(rows(page, "near")).to_have_count(3)
    before = names(page, "near")
    question = "/api/nearest?lon=111.15&lat=27.85&layers=forces&mode=road&k=1"
    way = planner.get(question)["results"][0]["route"]["geometry"]["coordinates"]
    lon, lat = way[len(way) // 2]

    tab(page, "封路")
    expect(page.locator(".closures .groups")).to_contain_text("现在没有封路")
    look(page, lon, lat, 15)
    page.get_by_role("button", name="在图上画").click()
    page.mouse.click(*at(page, lon, lat))
    page.get_by_role("button", name="设置封路").click()
    expect(page.locator(".closures [role=status]")).to_contain_text("请填写原因")
    page.get_by_label("原因").fill(HOSTILE)
    page.get_by_role("button", name="设置封路").click()
    expect(page.locator(".closures [role=status]")).to_contain_text("下一次查询就会绕开")
    expect(page.locator(".closure .name")).to_have_text(HOSTILE)

    tab(page, "就近")
    expect(rows(page, "near").first).not_to_contain_text(before[0])
    page.locator(".near .unfold-line").first.click()
    page.get_by_label("每个图层取几个").fill("30")
    page.get_by_label("每个图层取几个").press("Enter")
    rows(page, "near").filter(has_text=before[0]).click()
    expect(page.locator(".near .avoided")).to_have_text(f"绕开封路：{HOSTILE}")
    page.get_by_label("每个图层取几个").fill("3")
    page.get_by_label("每个图层取几个").press("Enter")

    # It runs out by itself: the clock, not a hand, ends it; what is in front is asked anew.
    with psycopg.connect(conninfo_here, autocommit=True) as db:
        db.execute("update closure set ends_at = now() where ends_at is null")
    page.evaluate("mapsvc.app.refresh()")
    expect(rows(page, "near").first).to_contain_text(before[0])
    expect(rows(page, "near").locator(".name")).to_have_text(before)
    tab(page, "封路")
    expect(page.locator(".closures .groups")).to_contain_text("现在没有封路")


def test_a_township_closes_roads_at_home_only(sign_in: Callable[[str], Watch], url: str) -> None:
    watch = sign_in("town-990101105")
    page = watch.open_map("#14/28.0/111.2626")
    tab(page, "封路")
    expect(page.locator(".closure-form")).to_contain_text("只能设在双溪镇范围内")
    page.get_by_label("原因").fill("路面积水")
    for place, said in (((111.262, 27.871), "超出了本乡镇"), ((111.2626, 28.0006), "已设置")):
        look(page, *place, 14)
        page.locator(".closure-form .second").click()
        page.mouse.click(*at(page, *place))
        page.get_by_label("原因").fill("路面积水")
        page.get_by_role("button", name="设置封路").click()
        expect(page.locator(".closures [role=status]")).to_contain_text(said)
    assert [r.split()[0] for r in watch.refused] == ["403"]
    watch.refused.clear()
    watch.complaints.clear()
    page.get_by_role("button", name="解除封路：路面积水").click()
    page.get_by_role("button", name="确定解除").click()
    expect(page.locator(".closures .groups")).to_contain_text("现在没有封路")


def test_by_keys_alone(planner: Watch) -> None:
    page = planner.open_map(f"#13/{LAT}/{LON}")
    keys = page.keyboard
    keys.press("?")
    expect(page.locator(".keys-help")).to_contain_text("输入位置或坐标")
    keys.press("Escape")
    keys.press("g")
    keys.type(f"东经{LON}° 北纬{LAT}°")
    expect(page.locator("#place-list [role=option]").first).to_contain_text(f"{LON:.6f}")
    keys.press("Enter")
    expect(rows(page, "near").first).to_contain_text("分钟")
    rows(page, "near").first.focus()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(rows(page, "near").nth(1)).to_have_attribute("aria-expanded", "true")
    page.evaluate("document.activeElement.blur()")
    keys.press("2")
    expect(page.locator(".within .counts .total")).to_have_count(4)
    keys.press("ArrowRight")
    expect(page.get_by_role("tab", name="方案")).to_be_focused()
    keys.press("2")
    look(page, LON, LAT, 13)
    page.get_by_role("radio", name="圆").focus()
    keys.press("ArrowRight")
    for step in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        keys.press(" ")
        keys.press(step)
        planner.comes(STILL, "the map goes on moving")
    expect(page.locator(".draw-bar button", has_text="完成")).to_be_enabled()
    keys.press("Enter")
    planner.comes(f"(({ADDRESS}).pts || '').split(';').length === 3", "not three points")
    expect(page.locator(".within .counts .total")).to_have_count(4)
    keys.press("Escape")
    expect(page.locator(".bench")).to_have_class(re.compile("folded"))
    keys.press("m")
    keys.press("Enter")
    expect(rows(page, "near").first).to_contain_text("分钟")


def test_hostile_names_stay_text(planner: Watch) -> None:
    page = planner.open_map(f"#14/{LAT}/{LON}&{NEAR_AT}&mode=line&of=depots,forces")
    dialogs: list[str] = []

    def keep(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", keep)
    hostile = page.locator(".near .row .name", has_text=HOSTILE)
    expect(hostile).to_have_count(2)
    hostile.first.click()
    page.get_by_role("button", name="登记内容").click()
    expect(page.locator(".card h2")).to_have_text(HOSTILE)
    tab(page, "范围")
    expect(page.locator(".within .row .name", has_text=HOSTILE)).to_have_count(2)
    assert page.locator("img[src=x]").count() == 0
    assert dialogs == []
