"""Single edits in a real browser: form, map, conflict, history, undo, and what must not be lost."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.office import OTHER, OWN
from tests.test_pages_browser import HOSTILE, VIEW, Watch

JSON = {"X-Requested-With": "mapsvc", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def conninfo(make_database: Callable[[str], str], demo_source: str) -> str:
    """A demo county of this module's own; each test edits a feature of its own."""
    return make_database(demo_source)


@pytest.fixture(scope="module")
def url(conninfo: str, serve: Callable[..., str]) -> str:
    return serve(conninfo)


class Desk:
    """Somebody at the map, with the sheet that edits."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.page = watch, watch.page
        self.sheet = self.page.locator(".edit")
        self.form = self.page.locator(".edit-form")

    def button(self, name: str, within: Locator | Page | None = None) -> Locator:
        return (within or self.sheet).get_by_role("button", name=name, exact=True)

    def open(self, feature: dict[str, Any]) -> None:
        """Through the popup, as people do."""
        layer, (lon, lat) = feature["properties"]["layer"], feature["geometry"]["coordinates"]
        self.watch.open_map(f"#16/{lat}/{lon}&layers={layer}")
        self.page.evaluate(f"mapsvc.app.popups.open('{layer}', {feature['id']}, [{lat}, {lon}])")
        self.button("编辑", self.page.locator(".card")).click()
        expect(self.form).to_be_visible()

    def field(self, title: str) -> Locator:
        return self.form.get_by_label(re.compile(f"^{title}(必填)?$"))

    def save(self) -> None:
        self.button("保存").click()

    def middle(self, what: Locator) -> tuple[float, float]:
        """Of something, once the map has come to rest below it."""
        last = None
        for _ in range(300):
            box = what.bounding_box()
            if box and box == last:
                return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            last = box
            self.page.wait_for_timeout(200)
        raise AssertionError("it does not come to rest")

    def change_set(self) -> str:
        link = self.sheet.get_by_role("link", name="在上传记录里看")
        return str(link.get_attribute("href")).rpartition("#")[2]

    def refused(self, *codes: int) -> None:
        """The server said no as it should."""
        assert [int(text[:3]) for text in self.watch.refused] == list(codes)
        assert self.watch.complaints == []
        self.watch.refused.clear()


@pytest.fixture
def sit(browser: Browser, url: str, password: str) -> Iterator[Callable[[str], Desk]]:
    """A window of its own for an account; at the end nothing complained."""
    desks: list[Desk] = []

    def enter(username: str) -> Desk:
        page = browser.new_context(viewport=VIEW, locale="zh-CN").new_page()
        watch = Watch(page, url)
        watch.sign_in(username, password)
        desks.append(Desk(watch))
        return desks[-1]

    yield enter
    for desk in desks:
        desk.page.context.close()
    for desk in desks:
        desk.watch.clean()


def feature(desk: Desk, layer: str, number: int, region: str = OWN) -> dict[str, Any]:
    path = f"/api/layers/{layer}/features?region={region}&limit=20"
    return dict(desk.watch.get(path)["features"][number])


def now(desk: Desk, seen: dict[str, Any]) -> dict[str, Any]:
    return dict(desk.watch.get(f"/api/layers/{seen['properties']['layer']}/features/{seen['id']}"))


def elsewhere(desk: Desk, seen: dict[str, Any], **sent: Any) -> None:
    """Somebody else writes to the same feature meanwhile."""
    path = f"/api/layers/{seen['properties']['layer']}/features/{seen['id']}"
    version = now(desk, seen)["properties"]["version"]
    answer = desk.page.context.request.patch(
        desk.watch.url + path, data=sent, headers={**JSON, "If-Match": f'"{version}"'}
    )
    assert answer.ok, answer.text()


def test_a_township_edits_and_moves_its_own_point_and_takes_it_back(
    sit: Callable[[str], Desk],
) -> None:
    desk = sit(f"town-{OWN}")
    seen = feature(desk, "depots", 0)
    desk.open(seen)
    expect(desk.button("保存")).to_be_disabled()
    desk.field("地址").fill(HOSTILE)
    quantity = desk.form.locator(".edit-records .num").first
    quantity.fill("很多")
    pin = desk.page.locator(".edit-pin")
    x, y = desk.middle(pin)
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x + 60, y - 30, steps=4)
    desk.page.mouse.up()
    expect(desk.page.locator(".edit-metres")).to_have_text(re.compile(r"^移动 \d+ 米$"))
    expect(desk.form.locator(".edit-where .was")).to_contain_text("离原处")
    expect(desk.sheet).to_contain_text("改了 3 处")
    desk.save()
    expect(desk.form.locator(".edit-field .faults p")).to_contain_text("“很多”不是数字")
    expect(quantity).to_be_focused()
    desk.refused(422)
    quantity.fill("77")
    desk.save()
    expect(desk.sheet.locator("h3")).to_have_text("已保存 3 处，现在是第 2 版")
    expect(desk.sheet.locator(".edit-changes ins", has_text=HOSTILE)).to_have_count(1)
    after = now(desk, seen)
    assert after["properties"]["address"] == HOSTILE
    assert after["properties"]["items"][0]["quantity"] == 77
    assert after["geometry"] != seen["geometry"]
    told = desk.watch.get(f"/api/uploads/{desk.change_set()}")
    assert (told["kind"], told["status"], told["counts"]["moved"]) == ("edit", "applied", 1)
    desk.button("撤销这次修改").click()
    expect(desk.sheet.locator("h3")).to_have_text("已撤销，图上恢复原样")
    back = now(desk, seen)
    assert back["geometry"] == seen["geometry"]
    assert back["properties"]["items"] == seen["properties"]["items"]
    assert desk.page.locator("img[src=x]").count() == 0


def test_whose_point_it_is(sit: Callable[[str], Desk]) -> None:
    town, command = sit(f"town-{OWN}"), sit("command")
    foreign = feature(town, "forces", 0, OTHER)
    lon, lat = foreign["geometry"]["coordinates"]
    for desk in (town, command):
        desk.watch.open_map(f"#16/{lat}/{lon}&layers=forces")
        desk.page.evaluate(f"mapsvc.app.popups.open('forces', {foreign['id']}, [{lat}, {lon}])")
        card = desk.page.locator(".card")
        expect(desk.button("历史", card)).to_be_visible()
        expect(desk.button("编辑", card)).to_have_count(0)
    expect(command.button("新增一个点", command.page.locator(".panel"))).to_have_count(0)
    town.button("历史", town.page.locator(".card")).click()
    expect(town.sheet.locator(".edit-history li")).to_have_count(1)
    expect(town.button("恢复到这一版")).to_have_count(0)


def test_both_sides_of_a_conflict(sit: Callable[[str], Desk]) -> None:
    desk, other = sit("planner"), sit(f"town-{OWN}")
    seen = feature(desk, "risk_points", 0)
    desk.open(seen)
    lon, lat = seen["geometry"]["coordinates"]
    moved = {"type": "Point", "coordinates": [lon, lat + 0.0005]}
    theirs = {"address": "对方的地址", "threatened_people": 321, "measures": "对方的措施"}
    elsewhere(other, seen, geometry=moved, properties=theirs)
    desk.field("地址").fill("我的地址")
    desk.field("威胁人口").fill("300")
    desk.field("威胁户数").fill("55")
    desk.save()
    expect(desk.sheet).to_contain_text(f"town-{OWN} 在")
    desk.refused(412)
    expect(desk.button("还有 2 项未选")).to_be_disabled()
    desk.sheet.get_by_role("group", name="地址").get_by_label("我的").check()
    desk.sheet.get_by_role("group", name="威胁人口").get_by_label("对方的").check()
    desk.button("按所选保存").click()
    expect(desk.sheet.locator("h3")).to_have_text("已保存 2 处，现在是第 3 版")
    after = now(desk, seen)
    kept = {"address": "我的地址", "threatened_people": 321, "measures": "对方的措施"}
    kept |= {"threatened_households": 55}
    assert {key: after["properties"][key] for key in kept} == kept
    assert after["geometry"] == moved


def test_an_old_version_is_taken_up_again(sit: Callable[[str], Desk]) -> None:
    desk = sit("planner")
    seen = feature(desk, "risk_points", 1)
    elsewhere(desk, seen, properties={"address": "写错的地址", "risk_level": "低"})
    desk.open(seen)
    desk.button("取消").click()
    expect(desk.sheet).to_be_hidden()
    desk.page.evaluate(f"mapsvc.app.editor.history('risk_points', {seen['id']})")
    versions = desk.sheet.locator(".edit-history > li")
    expect(versions).to_have_count(2)
    expect(versions.first).to_contain_text("写错的地址")
    desk.button("恢复到这一版", versions.last).click()
    expect(desk.sheet).to_contain_text("已填入第 1 版的内容")
    desk.save()
    expect(desk.sheet.locator("h3")).to_contain_text("现在是第 3 版")
    ours = {"version": 0, "updated_at": ""}
    assert now(desk, seen)["properties"] | ours == seen["properties"] | ours


def test_what_is_deleted_comes_back(sit: Callable[[str], Desk]) -> None:
    desk = sit("planner")
    seen = feature(desk, "forces", 1)
    name = seen["properties"]["name"]
    desk.open(seen)
    desk.button("删除…").click()
    dialog = desk.page.locator("dialog")
    expect(dialog.locator("h2")).to_contain_text(f"“{name}”")
    dialog.locator(".primary").click()
    expect(desk.sheet.locator("h3")).to_have_text("已删除")
    expect(desk.page.get_by_role("switch", name=re.compile("防控力量图"))).to_contain_text("350")
    desk.page.goto(f"{desk.watch.url}/uploads#{desk.change_set()}")
    expect(desk.page.locator("#review-title")).to_have_text(f"删除救援力量“{name}”")
    desk.page.get_by_role("button", name="撤销这次修改").click()
    desk.page.locator("dialog .primary").click()
    expect(desk.page.locator(".receipt h2")).to_have_text("这次修改已撤销")
    expect(desk.page.get_by_role("link", name="下载带批注的表格")).to_have_count(0)
    assert now(desk, seen)["properties"]["name"] == name


def test_a_new_point_by_click_and_by_keys(sit: Callable[[str], Desk]) -> None:
    desk = sit(f"town-{OWN}")
    near = feature(desk, "depots", 3)
    lon, lat = near["geometry"]["coordinates"]
    desk.watch.open_map(f"#16/{lat}/{lon}&layers=depots")
    desk.button("新增一个点", desk.page.locator(".panel")).click()
    desk.sheet.locator(".edit-kinds button", has_text="物资储备点").click()
    expect(desk.form).to_contain_text("还没有位置")
    desk.page.mouse.click(700, 384)
    expect(desk.form.locator(".spot .num")).to_have_text(re.compile(r"^\d+\.\d+, \d+\.\d+$"))
    desk.field("名称").fill(near["properties"]["name"])
    desk.save()
    expect(desk.form.locator(".faults p")).to_contain_text("已有同名的物资储备点")
    expect(desk.button("看图上的那一条")).to_be_visible()
    desk.refused(409)
    desk.page.fill("#edit-place", "111.9, 27.2")
    desk.page.locator("#edit-place-list [role=option]").first.click()
    desk.field("名称").fill("新的储备点")
    desk.save()
    expect(desk.form.locator(".edit-where .faults")).to_contain_text("乡镇只能上传本辖区的数据")
    desk.refused(422)
    desk.page.fill("#edit-place", f"{lat}, {lon}")
    desk.page.locator("#edit-place-list [role=option]").first.click()
    before = desk.form.locator(".spot .num").inner_text().split(", ")
    desk.page.locator(".edit-pin").focus()
    desk.page.keyboard.press("Shift+ArrowUp")
    expect(desk.form.locator(".spot .num")).not_to_have_text(", ".join(before))
    after = desk.form.locator(".spot .num").inner_text().split(", ")
    assert (float(after[1]) - float(before[1])) * 111_320 == pytest.approx(10, abs=0.3)
    desk.save()
    expect(desk.sheet.locator("h3")).to_have_text("已新增，现在是第 1 版")
    desk.button("撤销这次新增").click()
    expect(desk.sheet.locator("h3")).to_have_text("已撤销，图上恢复原样")


def test_what_was_typed_is_not_lost(
    sit: Callable[[str], Desk], conninfo: str, password: str
) -> None:
    desk = sit("planner")
    seen = feature(desk, "risk_points", 2)
    desk.open(seen)
    desk.field("地址").fill("还没有保存")
    desk.page.keyboard.press("Escape")
    dialog = desk.page.locator("dialog")
    expect(dialog).to_contain_text("有没有保存的修改")
    desk.button("继续编辑", dialog).click()
    with psycopg.connect(conninfo, autocommit=True) as db:
        # The server fails, and is mended.
        db.execute("alter table upload rename to upload_away")
        desk.save()
        expect(desk.form.locator(".edit-alert")).to_contain_text("您填的内容还在")
        db.execute("alter table upload_away rename to upload")
    desk.refused(500)
    desk.page.context.clear_cookies()
    # The map may hear of it first, and its question be there before the click.
    desk.button("保存").dispatch_event("click")
    expect(dialog).to_contain_text("登录已过期")
    word = dialog.get_by_label("密码")
    word.fill("not the password")
    word.press("Enter")
    expect(dialog.locator(".edit-alert")).to_contain_text("密码不正确")
    word.fill(password)
    word.press("Enter")
    expect(desk.sheet.locator("h3")).to_contain_text("已保存 1 处")
    assert now(desk, seen)["properties"]["address"] == "还没有保存"
    codes = [text[:3] for text in desk.watch.refused]
    assert set(codes) == {"401"}
    assert len(codes) >= 2
    desk.watch.refused.clear()
