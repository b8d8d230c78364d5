"""The upload page in a real browser, through the real server: from a file to the map and back."""

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from mapsvc.coordinates import from_wgs84
from tests.test_pages_browser import VIEW, Watch

HEAD = ["隐患点编号", "隐患点名称", "风险等级", "经度", "纬度", "威胁人口（人）", "备注二"]
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}</script>"
PART = {"new": "新增", "changed": "修改", "unchanged": "未变", "refused": "退回", "skipped": "略过"}


@pytest.fixture(scope="module")
def url(make_database: Callable[[str], str], demo_source: str, serve: Callable[..., str]) -> str:
    """A server over a demo county of this module's own; its tests leave the map as it was."""
    return serve(make_database(demo_source))


@pytest.fixture
def sign_in(browser: Browser, url: str, password: str) -> Iterator[Callable[[str], Watch]]:
    """Opens a window of its own for an account."""
    contexts = []

    def enter(username: str) -> Watch:
        context = browser.new_context(viewport=VIEW, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        watch = Watch(page, url)
        watch.sign_in(username, password)
        return watch

    yield enter
    for context in contexts:
        context.close()


@pytest.fixture
def planner(sign_in: Callable[[str], Watch]) -> Iterator[Watch]:
    """Signed in; at the end nothing was asked of another host and nothing complained."""
    watch = sign_in("planner")
    yield watch
    watch.clean()


def risks(watch: Watch) -> list[dict[str, Any]]:
    found = watch.get("/api/layers/risk_points/features?limit=1000")["features"]
    return [f for f in found if f["properties"]["code"]]


def row_of(feature: dict[str, Any], **other: Any) -> list[Any]:
    p, (lon, lat) = feature["properties"], feature["geometry"]["coordinates"]
    row = {
        "code": p["code"],
        "name": p["name"],
        "level": p.get("risk_level"),
        "lon": lon,
        "lat": lat,
        "people": p.get("threatened_people"),
        "note": "有",
    }
    return list((row | other).values())


def book(path: Path, rows: list[list[Any]], head: list[str] = HEAD) -> Path:
    """A workbook with a title row, so that its data begins in row 3."""
    file = openpyxl.Workbook()
    sheet = file.worksheets[0]
    sheet.title = "隐患点"
    for row in [["风险隐患点台账"], head, *rows]:
        sheet.append(row)
    file.save(path)
    return path


def send(watch: Watch, file: Path, *, crs: str | None = None, layer: str = "risk_points") -> Page:
    """Fill in the form and wait for the review."""
    page = watch.page
    page.goto(f"{watch.url}/uploads")
    page.locator(f"input[value={layer}]").check()
    page.set_input_files("#file", file)
    if crs:
        page.select_option("#crs", crs)
    page.click("#upload [type=submit]")
    expect(page.locator("#review h1")).to_have_text(file.name)
    return page


def count(watch: Watch, layer: str = "risk_points") -> int:
    return int(next(x["count"] for x in watch.get("/api/layers") if x["id"] == layer))


def sums(page: Page) -> dict[str, int]:
    """The numbers of the sum as they stand on the page; the total must be theirs."""
    found = {
        name: int(page.locator(f"#tab-{name} b").inner_text().replace(",", "")) for name in PART
    }
    total = int(page.locator(".total b").inner_text().replace(",", ""))
    assert total == sum(found.values())
    return found


def take_back(page: Page) -> None:
    page.get_by_role("button", name="撤销这次入库").click()
    page.get_by_role("dialog").get_by_role("button", name="撤销这次入库").click()
    expect(page.locator(".review-head .status")).to_have_text("已撤销")


def new_rows(watch: Watch, total: int, name: str) -> list[list[Any]]:
    """Rows of places that hold points already, a little beside them."""
    places = [f["geometry"]["coordinates"] for f in risks(watch)[:total]]
    return [
        [f"{name}-{i}", f"{name}{i}", "低", lon + 0.0004, lat + 0.0003, i, "有"]
        for i, (lon, lat) in enumerate(places)
    ]


def test_a_good_file_is_previewed_applied_shown_and_taken_back(
    planner: Watch, tmp_path: Path
) -> None:
    known = risks(planner)
    lon, lat = known[0]["geometry"]["coordinates"]
    rows = [
        row_of(known[0], lon=lon, lat=lat + 0.0015),
        row_of(known[1], people=4321),
        *(row_of(f) for f in known[2:20]),
        *new_rows(planner, 3, "新测点"),
    ]
    before = count(planner)
    page = send(planner, book(tmp_path / "台账.xlsx", rows))
    assert sums(page) == {"new": 3, "changed": 2, "unchanged": 18, "refused": 0, "skipped": 0}
    expect(page.locator("#review h1")).to_be_focused()
    expect(page.locator("#told-crs summary")).to_contain_text("自动识别为 WGS-84")
    page.click("#told-crs summary")
    used = page.locator("#told-crs tbody tr", has_text="采用")
    expect(used).to_contain_text("20 个")
    expect(used).to_contain_text("0 米")
    page.click("#told-reading summary")
    expect(page.locator("#told-reading")).to_contain_text("工作表“隐患点”表头在第")
    expect(page.locator(".columns-read li", has_text="隐患点名称")).to_contain_text("名称")
    expect(page.locator("#told-reading")).to_contain_text(re.compile("没有用到的列.*备注二"))

    expect(page.locator("#panel tbody tr")).to_have_count(3)
    page.click("#tab-changed")
    expect(page.locator("#panel tbody tr")).to_have_count(2)
    moved, filled = page.locator("#panel tbody tr").all()
    expect(moved).to_contain_text(re.compile(r"3.*移动 16[5-8] 米"))
    expect(filled.locator("ins")).to_have_text("4,321 人")
    expect(page.locator(".map-foot")).to_contain_text("未变的点不画")
    page.click("#tab-moved")
    page.locator("#panel .of-name button").click()
    expect(page.locator(".leaflet-popup .spot b")).to_have_text(known[0]["properties"]["name"])
    expect(page.locator(".leaflet-tooltip.metres")).to_have_text(re.compile(r"16\d 米"))

    assert count(planner) == before
    page.get_by_role("button", name="确认入库 5 行").click()
    expect(page.locator(".receipt .identity")).to_have_text(
        "23 行 = 新增 3 + 修改 2 + 未变 18 + 退回 0 + 略过 0"
    )
    expect(page.locator(".receipt")).to_contain_text("planner")
    assert count(planner) == before + 3
    page.click("#tab-changed")
    expect(page.locator("#panel ins", has_text="4,321")).to_be_visible()
    take_back(page)
    assert count(planner) == before
    assert {f["id"]: f["geometry"] for f in risks(planner)} == {
        f["id"]: f["geometry"] for f in known
    }


def test_the_map_shows_what_was_applied(planner: Watch, tmp_path: Path) -> None:
    rows = new_rows(planner, 1, "图上可见点")
    page = send(planner, book(tmp_path / "一点.xlsx", rows), crs="wgs84")
    page.get_by_role("button", name="确认入库 1 行").click()
    expect(page.locator(".receipt")).to_be_visible()
    receipt = page.url
    planner.open_map(f"#18/{rows[0][4]}/{rows[0][3]}&layers=risk_points")
    page.mouse.move(VIEW["width"] / 2, VIEW["height"] / 2)
    expect(page.locator(".tip")).to_have_text("图上可见点0")
    page.goto(receipt)
    take_back(page)


def test_a_messy_file_tells_its_problems_by_kind_with_their_rows(
    planner: Watch, tmp_path: Path
) -> None:
    known = risks(planner)
    lon, lat = known[0]["geometry"]["coordinates"]
    rows: list[list[Any]] = [
        *(row_of(f) for f in known[:20]),
        ["坏-1", "坏一", "特别大", lon, lat, 1, ""],
        ["坏-2", HOSTILE, "不得了", lon, lat + 0.001, 1, ""],
        ["坏-3", "坏三", "低", 116.2, 39.9, 1, ""],
        ["坏-4", "坏四", "低", lon, lat + 0.002, "很多", ""],
        ["坏-5", "<b>好名</b>", "低", lon, lat + 0.003, 3, "<i>x</i>"],
        [],
        ["合计", None, None, None, None, 99, None],
    ]
    page = send(planner, book(tmp_path / "<b>坏&amp;<b>.xlsx", rows))
    assert sums(page) == {"new": 1, "changed": 0, "unchanged": 20, "refused": 4, "skipped": 2}
    kinds = page.locator(".kinds > li")
    expect(kinds).to_have_count(3)
    level = kinds.filter(has_text="“风险等级”列")
    expect(level.locator(".many")).to_have_text("2 行")
    expect(level).to_contain_text("请改为其中之一：重大、较大、一般、低")
    expect(level).to_contain_text("写的是：不得了、特别大")
    level.get_by_role("button", name="看这些行").click()
    lines = level.locator("tbody tr")
    expect(lines).to_have_count(2)
    expect(lines.nth(0).locator("td")).to_have_text(
        ["23", "风险等级", "特别大", re.compile("^“特别大”不在可选范围内")]
    )
    expect(lines.nth(1).locator("td").first).to_have_text("24")
    expect(kinds.filter(has_text="“威胁人口（人）”列")).to_contain_text("很多")
    expect(page.get_by_role("button", name="确认入库 1 行")).to_be_enabled()
    expect(page.locator(".will")).to_contain_text("4 行退回，不入库")
    expect(page.locator("#delete-missing")).to_be_disabled()
    page.click("#tab-skipped")
    expect(page.locator("#panel")).to_contain_text("合计行，已跳过")
    page.click("#tab-new")
    expect(page.locator("#panel .of-name button")).to_have_text("<b>好名</b>")
    assert page.locator("img[src=x]").count() == 0
    report = page.get_by_role("link", name="下载带批注的表格").get_attribute("href")
    assert report == f"/api/uploads/{page.url.rpartition('#')[2]}/report.xlsx"


def test_an_ambiguous_system_is_asked_and_checked_again(planner: Watch, tmp_path: Path) -> None:
    page = send(planner, book(tmp_path / "拿不准.xlsx", new_rows(planner, 3, "拿不准")))
    first = page.url.rpartition("#")[2]
    expect(page.locator(".question h2")).to_contain_text("从哪里来")
    expect(page.locator(".system")).to_have_count(3)
    expect(page.get_by_role("button", name="确认入库")).to_be_disabled()
    assert sums(page)["refused"] == 3
    page.locator(".system", has_text="GCJ-02").click()
    expect(page.locator("#told-crs summary")).to_contain_text("按您选的 GCJ-02")
    expect(page.locator(".question")).to_have_count(0)
    assert sums(page)["new"] == 3
    known = {upload["id"] for upload in planner.get("/api/uploads")["uploads"]}
    assert page.url.rpartition("#")[2] in known
    assert first not in known


def test_an_upload_opened_later_is_checked_again_from_what_was_kept(
    planner: Watch, tmp_path: Path
) -> None:
    page = send(planner, book(tmp_path / "以后再选.xlsx", new_rows(planner, 3, "以后再选")))
    page.reload()
    page.locator(".system", has_text="BD-09").click()
    expect(page.locator("#told-crs summary")).to_contain_text("按您选的 BD-09")
    assert sums(page)["new"] == 3


def test_a_wrongly_declared_system_is_caught(planner: Watch, tmp_path: Path) -> None:
    known = risks(planner)[:30]
    lon, lat = from_wgs84(
        [f["geometry"]["coordinates"][0] for f in known],
        [f["geometry"]["coordinates"][1] for f in known],
        "gcj02",
    )
    rows = [
        row_of(f, lon=round(float(x), 7), lat=round(float(y), 7))
        for f, x, y in zip(known, lon, lat, strict=True)
    ]
    page = send(planner, book(tmp_path / "高德.xlsx", rows), crs="wgs84")
    expect(page.locator(".question h2")).to_contain_text("可能选错了")
    best = page.locator(".system").first
    expect(best).to_contain_text("GCJ-02")
    expect(page.locator(".system", has_text="刚才选的")).to_be_disabled()
    best.click()
    expect(page.locator("#told-crs summary")).to_contain_text("按您选的 GCJ-02")
    assert sums(page)["unchanged"] == 30


def test_a_township_sends_only_its_own_and_sees_only_its_own(
    sign_in: Callable[[str], Watch], planner: Watch, tmp_path: Path
) -> None:
    towns = planner.get("/api/regions?level=township")["features"]
    mine, other = (town["properties"] for town in towns[:2])

    def of(region: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"/api/layers/risk_points/features?limit=2&region={region['code']}"
        return list(planner.get(path)["features"])

    own, foreign = of(mine), of(other)
    assert own
    assert foreign
    rows = [row_of(f) for f in own]
    rows += [row_of(f, code=f"外-{i}", name=f"外来点{i}") for i, f in enumerate(foreign)]
    send(planner, book(tmp_path / "县里的.xlsx", new_rows(planner, 2, "县里的")), crs="wgs84")
    town = sign_in(f"town-{mine['code']}")
    page = send(town, book(tmp_path / "乡里的.xlsx", rows), crs="wgs84")
    assert sums(page)["refused"] == len(foreign)
    kinds = page.locator(".kinds")
    expect(kinds).to_contain_text("乡镇只能上传本辖区的数据")
    kinds.get_by_role("button", name="看这些行").first.click()
    expect(kinds.locator("tbody tr").first).to_contain_text(f"点不在“{mine['name']}”范围内")
    assert other["name"] not in page.locator("#review").inner_text()
    page.get_by_role("link", name="返回").click()
    expect(page.locator("#recent tbody tr")).to_have_count(1)
    expect(page.locator("#recent")).to_contain_text("乡里的.xlsx")
    expect(page.locator(".fixed")).to_contain_text(mine["name"])
    expect(page.locator("#region")).to_have_count(0)
    town.clean()


def test_an_outdated_preview_says_what_changed_and_checks_again(
    sign_in: Callable[[str], Watch], tmp_path: Path
) -> None:
    one, two = sign_in("planner"), sign_in("admin")
    feature = risks(one)[25]
    mine = book(tmp_path / "我的.xlsx", [row_of(feature, people=11)])
    theirs = book(tmp_path / "他的.xlsx", [row_of(feature, people=22)])
    page = send(one, mine, crs="wgs84")
    other = send(two, theirs, crs="wgs84")
    other.get_by_role("button", name="确认入库 1 行").click()
    expect(other.locator(".receipt")).to_be_visible()

    page.get_by_role("button", name="确认入库 1 行").click()
    conflict = page.locator(".conflict")
    expect(conflict).to_be_focused()
    expect(conflict.locator("tbody tr")).to_have_count(1)
    expect(conflict.locator("tbody tr")).to_contain_text(feature["properties"]["name"])
    expect(conflict.locator("tbody tr")).to_contain_text("已被修改")
    page.get_by_role("button", name="用同一份文件再检查一次").click()
    expect(conflict).to_be_hidden()
    page.click("#tab-changed")
    expect(page.locator("#panel del")).to_have_text("22 人")
    page.get_by_role("button", name="确认入库 1 行").click()
    expect(page.locator(".receipt")).to_be_visible()

    other.get_by_role("button", name="撤销这次入库").click()
    other.get_by_role("dialog").get_by_role("button", name="撤销这次入库").click()
    blocked = other.locator(".conflict")
    expect(blocked).to_contain_text("不能撤销")
    expect(blocked.locator("tbody tr")).to_contain_text(feature["properties"]["name"])
    expect(other.locator(".review-head .status")).to_have_text("已入库")
    take_back(page)
    take_back(other)
    assert risks(one)[25]["properties"].get("threatened_people") == feature["properties"].get(
        "threatened_people"
    )
    assert one.outside == two.outside == []
    assert all(line.startswith("409 ") for line in one.refused + two.refused)


def test_missing_features_are_deleted_only_when_listed_and_asked_twice(
    planner: Watch, tmp_path: Path
) -> None:
    known = planner.get("/api/layers/command_posts/features?limit=1000")["features"]
    assert len(known) > 60
    rows = [
        [f["properties"]["code"], f["properties"]["name"], *f["geometry"]["coordinates"]]
        for f in known[2:]
    ]
    head = ["编号", "名称", "经度", "纬度"]
    file = book(tmp_path / "指挥.xlsx", rows, head)
    page = send(planner, file, crs="wgs84", layer="command_posts")
    page.check("#delete-missing")
    expect(page.locator("#tab-missing")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#panel tbody tr")).to_have_count(2)
    page.locator(".decide .primary").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(known[0]["properties"]["name"])
    yes = dialog.get_by_role("button", name="入库，并删除 2 个")
    expect(yes).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert count(planner, "command_posts") == len(known)
    page.locator(".decide .primary").click()
    dialog.locator("input").check()
    yes.click()
    expect(page.locator(".receipt")).to_contain_text("同时删除2 个")
    assert count(planner, "command_posts") == len(known) - 2
    take_back(page)
    assert count(planner, "command_posts") == len(known)


def test_a_long_table_is_leafed_through(planner: Watch, tmp_path: Path) -> None:
    west, south, east, north = planner.get("/api/map")["county"]["bounds"]
    lon, lat = (west + east) / 2, (south + north) / 2
    text = io.StringIO()
    lines = [
        [f"长-{i}", f"长表点{i}", "低", f"{lon + i % 80 / 4e4:.6f}", f"{lat + i / 2e6:.6f}", i, ""]
        for i in range(6000)
    ]
    csv.writer(text).writerows([HEAD, *lines])
    file = tmp_path / "长表.csv"
    file.write_text(text.getvalue(), encoding="gb18030")
    page = send(planner, file, crs="wgs84")
    assert sums(page)["new"] == 6000
    where = page.locator("#panel .leaf .num")
    expect(where).to_have_text("第 1–50 条，共 6,000 条")
    page.get_by_role("button", name="下一页").click()
    expect(where).to_have_text("第 51–100 条，共 6,000 条")
    expect(page.locator("#panel tbody tr").first).to_contain_text("长表点50")
    page.get_by_role("button", name="上一页").click()
    expect(where).to_have_text("第 1–50 条，共 6,000 条")
    expect(page.locator(".map-foot")).to_contain_text("只画出前 5,000 个")
    assert page.evaluate("document.querySelectorAll('*').length") < 1_000


def test_an_upload_can_be_given_up(planner: Watch, tmp_path: Path) -> None:
    file = book(tmp_path / "不要了.xlsx", new_rows(planner, 1, "不要了"))
    page = send(planner, file, crs="wgs84")
    page.get_by_role("button", name="放弃").click()
    page.get_by_role("dialog").get_by_role("button", name="放弃这次上传").click()
    expect(page.locator("#upload")).to_be_visible()
    expect(page.locator("#recent")).not_to_contain_text("不要了.xlsx")


def test_a_file_can_be_dropped_and_the_form_asks_for_what_it_lacks(
    sign_in: Callable[[str], Watch],
) -> None:
    planner = sign_in("planner")
    page = planner.page
    page.goto(f"{planner.url}/uploads")
    expect(page.locator("#layers input")).to_have_count(5)
    expect(page.locator("input[value=auto]")).to_be_checked()
    page.click("#upload [type=submit]")
    expect(page.locator("#form-error")).to_contain_text("请先选择文件")
    expect(page.locator("#choose")).to_be_focused()
    dropped = page.evaluate_handle(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["名称,经度,纬度\\n甲,111.2,27.9\\n"], "拖来的.csv"));
            return data;
        }"""
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("#picked")).to_have_text("拖来的.csv")
    page.click("#upload [type=submit]")
    asked = page.locator("#layer-asked")
    expect(asked).to_contain_text("这是哪一类数据")
    expect(asked.get_by_role("button")).to_have_count(4)
    page.locator("input[value=depots]").check()
    links = page.locator("#templates a")
    expect(links).to_have_text(["下载空白模板", "下载本辖区现有数据"])
    assert links.nth(1).get_attribute("href") == ("/api/layers/depots/template.xlsx?prefilled=true")
    page.select_option("#crs", "other")
    page.click("#upload [type=submit]")
    expect(page.locator("#form-error")).to_contain_text("EPSG")
    page.select_option("#crs", "wgs84")
    page.locator("input[value=auto]").check()
    page.click("#upload [type=submit]")
    asked.get_by_role("button", name="物资装备图").click()
    expect(page.locator("#review h1")).to_have_text("拖来的.csv")
    expect(page.locator(".review-head")).to_contain_text("物资装备图")
    expect(page.locator("#told-layer")).to_have_count(0)
    assert (planner.outside, planner.refused) == ([], [f"422 {planner.url}/api/uploads"] * 2)


def test_the_layer_is_recognised_and_a_wrong_choice_is_asked_about(
    sign_in: Callable[[str], Watch], tmp_path: Path
) -> None:
    planner = sign_in("planner")
    file = book(tmp_path / "隐患.xlsx", [["JC-77", "新隐患点", "一般", 111.2, 27.9, 3, "x"]])
    page = send(planner, file, layer="auto", crs="wgs84")
    told = page.locator("#told-layer")
    expect(told).to_contain_text("自动识别为 风险隐患图")
    told.locator("summary").click()
    expect(told).to_contain_text("只有这个图层有")
    page.goto(f"{planner.url}/uploads")
    page.locator("input[value=forces]").check()
    page.set_input_files("#file", file)
    page.click("#upload [type=submit]")
    asked = page.locator("#layer-asked")
    expect(asked).to_contain_text("图层可能选错了")
    asked.get_by_role("button", name="风险隐患图").click()
    expect(page.locator(".review-head")).to_contain_text("风险隐患图")
    assert (planner.outside, planner.refused) == ([], [f"422 {planner.url}/api/uploads"])


def test_a_file_that_cannot_be_read_is_refused_in_words(
    sign_in: Callable[[str], Watch], tmp_path: Path
) -> None:
    watch = sign_in("planner")
    page = watch.page
    paper = tmp_path / "扫描件.pdf"
    paper.write_bytes(b"%PDF-1.4\n1 0 obj\n")
    page.goto(f"{watch.url}/uploads")
    page.locator("input[value=depots]").check()
    page.set_input_files("#file", paper)
    page.click("#upload [type=submit]")
    expect(page.locator("#form-error")).to_contain_text("这是 PDF 文件")
    expect(page.locator("#picked")).to_have_text("扫描件.pdf")
    expect(page.locator("#upload [type=submit]")).to_be_visible()
    assert watch.outside == []


def test_a_file_saved_again_after_choosing_is_asked_for_again(
    planner: Watch, tmp_path: Path
) -> None:
    page = planner.page
    file = book(tmp_path / "又保存.xlsx", new_rows(planner, 1, "又保存"))
    page.goto(f"{planner.url}/uploads")
    page.locator("input[value=risk_points]").check()
    page.set_input_files("#file", file)
    book(file, new_rows(planner, 9, "又保存"))
    os.utime(file, (1, 1))
    page.click("#upload [type=submit]")
    expect(page.locator("#form-error")).to_contain_text("请重新选择一次")
    page.set_input_files("#file", file)
    page.select_option("#crs", "wgs84")
    page.click("#upload [type=submit]")
    expect(page.locator("#review h1")).to_have_text("又保存.xlsx")
    assert sums(page)["new"] == 9


def test_the_command_centre_may_only_look(
    sign_in: Callable[[str], Watch], planner: Watch, tmp_path: Path
) -> None:
    send(planner, book(tmp_path / "给人看的.xlsx", new_rows(planner, 1, "给人看")), crs="wgs84")
    command = sign_in("command")
    page = command.page
    page.goto(f"{command.url}/uploads")
    expect(page.locator(".begin")).to_contain_text("只能查看")
    expect(page.locator("#upload")).to_have_count(0)
    page.get_by_role("link", name="给人看的.xlsx").first.click()
    expect(page.locator("#review h1")).to_have_text("给人看的.xlsx")
    expect(page.locator(".decide")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("撤销|放弃|再检查"))).to_have_count(0)
    command.clean()


def test_the_review_works_by_keyboard_and_fits_the_screen(planner: Watch, tmp_path: Path) -> None:
    known = risks(planner)
    rows = [row_of(f) for f in known[:10]] + new_rows(planner, 2, "键盘")
    page = send(planner, book(tmp_path / "键盘.xlsx", rows), crs="wgs84")
    page.locator("#tab-new").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-unchanged")).to_be_focused()
    expect(page.locator("#panel tbody tr")).to_have_count(10)
    page.get_by_role("button", name="放弃").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="不，返回")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for width, height in ((1366, 768), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        shape = "document.documentElement.scroll"
        planner.comes(f"{shape}Width <= {width} && {shape}Height <= {height}", "it does not fit")
        button = page.locator(".decide .primary").bounding_box()
        assert button
        assert button["y"] + button["height"] <= height
