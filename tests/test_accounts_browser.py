"""The pages of accounts in a real browser: administer, sign in once, stand a wall up."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.test_record_browser import sign_in

NEW = "nine-lives-of-a-river-7"


def test_an_account_from_the_administrator_to_its_owner_and_a_wall(
    demo_copy: str, serve: Callable[..., str], page: Page, browser: Browser
) -> None:
    url = serve(demo_copy)
    faults: list[Any] = []
    page.on("pageerror", lambda error: faults.append(error))  # noqa: PLW0108 playwright marks it
    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in(page, url, "admin")
    page.get_by_role("link", name="账号", exact=True).click()
    expect(page.locator("#account-rows tr")).not_to_have_count(0)
    page.get_by_role("button", name="新建账号").click()
    page.fill("#account-name", "li.si")
    page.get_by_role("button", name="新建", exact=True).click()
    expect(page.locator(".ask .error")).to_be_visible()
    page.get_by_label("乡镇", exact=False).first.check()
    page.select_option("#account-region", index=1)
    page.get_by_role("button", name="新建", exact=True).click()
    once = page.locator(".secret code").inner_text()
    page.get_by_role("button", name="已记下").click()
    row = page.locator("tr[data-account='li.si']")
    expect(row).to_contain_text("待改密码")

    page.get_by_role("button", name="签发大屏令牌").click()
    page.fill("#kiosk-name", "指挥大厅")
    page.get_by_role("button", name="签发", exact=True).click()
    address = page.locator(".secret code").inner_text()
    page.get_by_role("button", name="已记下").click()
    expect(page.locator("#kiosk-rows")).to_contain_text("指挥大厅")

    theirs = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    theirs.goto(f"{url}/login")
    theirs.fill("#username", "li.si")
    theirs.fill("#password", once)
    theirs.click("button[type=submit]")
    expect(theirs).to_have_url(f"{url}/me")
    for field, text in (("#old", once), ("#new", NEW), ("#again", NEW)):
        theirs.fill(field, text)
    theirs.get_by_role("button", name="更换密码").click()
    expect(theirs).to_have_url(f"{url}/")
    theirs.goto(f"{url}/me")
    expect(theirs.locator("#sessions tr")).to_have_count(1)
    theirs.context.close()

    stand = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    asked: list[str] = []
    refused: list[str] = []
    stand.on("request", lambda request: asked.append(request.url))
    stand.on("response", lambda r: refused.append(r.url) if r.status in (401, 403) else None)
    with stand.expect_response(lambda answer: "/api/command/tree" in answer.url):
        stand.goto(address)
    stand.wait_for_url(re.compile(r"/screen$"))
    assert refused == []
    # What follows the # goes to no server: of the token only the one exchange knows, in its body.
    token = address.partition("#kiosk=")[2]
    assert not [line for line in asked if token in line.partition("#")[0]]
    assert token not in stand.evaluate("location.href")
    stand.context.close()
    assert faults == []
