"""The auditor's page, and the button that shows a masked phone, in a real browser."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from playwright.sync_api import Page, expect

from tests.legible import all_legible

WORD = "demo-password-for-tests"


def sign_in(page: Page, url: str, username: str) -> None:
    page.goto(f"{url}/login")
    page.fill("#username", username)
    page.fill("#password", WORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda at: "/login" not in at)


def test_a_phone_is_shown_on_purpose_and_the_auditor_reads_who_did(
    demo_copy: str, serve: Callable[..., str], page: Page
) -> None:
    url = serve(demo_copy)
    failed: list[Any] = []
    page.on("pageerror", lambda error: failed.append(error))  # noqa: PLW0108 playwright marks it
    page.on("console", lambda m: failed.append(m.text) if m.type == "error" else None)
    sign_in(page, url, "planner")
    page.goto(f"{url}/map")
    page.fill("#search", "岩桥村应急服务站")
    page.locator("#search-list [role=option]").first.click()
    phone = page.locator(".card dd.phone").first
    expect(phone).to_contain_text("****")
    phone.get_by_role("button", name="显示").click()
    expect(phone).not_to_contain_text("*")
    page.goto("about:blank")  # else the page goes to sign in by itself, at the same time
    page.context.clear_cookies()

    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in(page, url, "auditor")
    expect(page).to_have_url(f"{url}/record")
    rows = page.locator("#record-rows tr")
    expect(rows.first).to_contain_text("登录")
    page.select_option("[name=action]", "personal.revealed")
    page.click("text=查找")
    expect(page.locator("#record-count")).to_have_text("共 1 条")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("planner")
    rows.locator("summary").click()
    expect(rows).to_contain_text("手机号码")
    all_legible(page)
    with page.expect_download() as taken:
        page.click("#record-book")
    assert taken.value.suggested_filename == "审计记录.xlsx"
    assert failed == []


def test_nobody_else_reads_the_record(base_url: str) -> None:
    for username in ("admin", "planner", "command", "town-990101001"):
        with httpx.Client(base_url=base_url, timeout=60) as client:
            asked = {"username": username, "password": WORD}
            token = client.post("/api/session", json=asked).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            for path in ("/api/record", "/api/record.xlsx", "/record"):
                assert client.get(path).status_code == 403, (username, path)
