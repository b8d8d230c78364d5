"""The health page in a real browser: one sentence, what to type, and the facts to send away."""

from typing import Any

from playwright.sync_api import Page, Request, expect

from tests.test_pages_browser import Watch
from tests.test_record_browser import sign_in

# It stands there for two seconds, which a busy machine may miss.
SAID = """window.said = [];
new MutationObserver((all) => all.forEach(({ target }) => said.push(target.textContent)))
    .observe(document, { childList: true, subtree: true, characterData: true });"""


def test_whoever_keeps_it_running_reads_what_to_do(base_url: str, page: Page) -> None:
    failed: list[Any] = []
    page.on("pageerror", lambda error: failed.append(error))  # noqa: PLW0108 playwright marks it
    page.on("console", lambda m: failed.append(m.text) if m.type == "error" else None)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.add_init_script(SAID)
    sign_in(page, base_url, "admin")
    page.click("nav >> text=系统状态")
    expect(page.locator("#health-headline")).to_contain_text("项需要处理")
    fault = page.locator(".fault", has_text="还没有备份")
    expect(fault).to_contain_text("马上处理")
    expect(fault.locator("code")).to_have_text("mapsvc backup /备份 --keep 30")
    fault.get_by_role("button", name="复制命令").click()
    Watch(page, base_url).comes("said.includes('已复制')", "the command was not copied")
    expect(page.locator(".part")).to_have_count(8)
    for _ in range(20):
        if page.locator("#part-duty tbody tr").count():
            break
        with page.expect_response("**/api/health"):
            page.click("#health-again")  # a busy machine counted too late
        expect(page.locator("#health-again")).to_be_enabled()
    expect(page.locator("#part-duty tbody tr")).to_have_count(17)
    expect(page.locator("#part-layers tbody tr")).to_have_count(4)
    shape = page.evaluate("() => [document.body.scrollWidth, innerWidth]")
    assert shape[0] <= shape[1], "the page is wider than the screen"
    page.route("**/api/health", lambda route: route.abort())
    page.click("#health-again")
    expect(page.locator("#health-headline")).to_contain_text("这一次没有查到")
    expect(page.locator(".part")).to_have_count(8)
    page.unroute("**/api/health")
    page.click("#health-again")
    expect(page.locator("#health-headline")).to_contain_text("项需要处理")
    page.click("text=维护手册")
    expect(page.locator("h1")).to_have_text("维护手册")
    assert [f for f in failed if "ERR_FAILED" not in str(f)] == []


def test_its_own_refresh_keeps_nobody_signed_in(base_url: str, page: Page) -> None:
    """What nobody asked for says so, until somebody touches the page again."""
    sign_in(page, base_url, "admin")
    page.clock.install()
    said: list[bool] = []

    def refreshed(request: Request) -> None:
        if "/api/health" in request.url or "/api/session" in request.url:
            said.append("x-unattended" in request.headers)

    page.on("request", refreshed)
    page.goto(f"{base_url}/health")
    for _ in range(2):
        expect(page.locator("#health-again")).to_be_enabled()
        with page.expect_request("**/api/health"):
            page.clock.fast_forward(61_000)
    expect(page.locator("#health-again")).to_be_enabled()
    assert said == [False, True, True]
    with page.expect_request("**/api/session"):
        page.keyboard.press("Tab")
    assert said[3:] == [False]
