"""A new installation in a browser: its first administrator, a second factor set up, used, lost."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyotp
from playwright.sync_api import Page, expect

from mapsvc.access import add_account
from tests.aside import run
from tests.conftest import Make
from tests.test_csp_browser import REPORT

BOSS, WORD = "boss", "nine-lives-of-a-river-7"
LI = "li.si"
PATIENCE = 60_000


def _sign_in(page: Page, url: str, name: str = BOSS) -> None:
    page.goto("about:blank")  # else a page may go to sign in by itself, at the same time
    page.context.clear_cookies()
    page.goto(f"{url}/login")
    page.fill("#username", name)
    page.fill("#password", WORD)
    page.click("button[type=submit]")


def _second(page: Page, code: str) -> None:
    expect(page.locator("#second")).to_be_visible(timeout=PATIENCE)
    page.fill("#totp", code)
    page.click("button[type=submit]")


def _first_administrator(page: Page, url: str, code: str) -> None:
    page.goto(f"{url}/setup")
    for given in ("wrong-code", code):
        for field, text in (("#code", given), ("#username", BOSS), ("#password", WORD)):
            page.fill(field, text)
        page.click("button[type=submit]")
        if given != code:
            expect(page.locator(".error")).to_contain_text("一次性代码不正确", timeout=PATIENCE)
    page.wait_for_url(lambda at: "/setup" not in at)


def _enrolled(page: Page) -> tuple[pyotp.TOTP, list[str]]:
    page.click("#totp-on")
    dialog = page.locator("dialog")
    secret = dialog.locator(".scan code").inner_text().replace(" ", "")
    made = pyotp.TOTP(secret)
    page.fill("#totp-password", WORD)
    for code in ("000000x", made.now()):
        page.fill("#totp-code", code)
        dialog.get_by_role("button", name="启用").click()
        if code == "000000x":
            expect(page.locator(".ask .error")).to_contain_text("动态口令不正确", timeout=PATIENCE)
    recovery = page.locator(".secret code").inner_text().split()
    page.get_by_role("button", name="已记下").click()
    expect(page.locator("#totp-off")).to_be_visible(timeout=PATIENCE)
    return made, recovery


def test_the_first_administrator_and_his_second_factor(
    make_database: Make, template: str, serve: Callable[..., str], page: Page, tmp_path: Path
) -> None:
    conninfo, said = make_database(template), tmp_path / "said"
    url = serve(conninfo, said=said, PYTHONUNBUFFERED="1")
    printed = re.search(r"一次性代码：(\S+)", said.read_text(encoding="utf-8"))
    assert printed
    reports: list[str] = []

    def violated(told: str) -> None:
        reports.append(told)

    page.expose_function("violated", violated)
    page.add_init_script(REPORT)
    page.set_viewport_size({"width": 1366, "height": 768})

    _first_administrator(page, url, printed[1])
    _sign_in(page, url)
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/me")
    made, recovery = _enrolled(page)

    _sign_in(page, url)
    _second(page, "123456x")
    expect(page.locator(".error")).to_contain_text("动态口令不正确或已用过", timeout=PATIENCE)
    _second(page, made.at(time.time() + 30))
    page.wait_for_url(f"{url}/")
    _sign_in(page, url)
    _second(page, recovery[0])
    page.wait_for_url(f"{url}/")

    async def one_more() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await add_account(db, LI, WORD, ["planner"])
            secret = pyotp.random_base32()
            await db.execute(
                "update account set totp_secret = %s where username = %s", [secret, LI]
            )

    run(one_more())
    page.goto(f"{url}/accounts")
    row = page.locator(f"tr[data-account='{LI}']")
    row.get_by_role("button", name="停用动态口令").click()
    page.locator("dialog").get_by_role("button", name="停用").click()
    expect(row.get_by_role("button", name="停用动态口令")).to_have_count(0, timeout=PATIENCE)
    _sign_in(page, url, LI)
    page.wait_for_url(f"{url}/")
    assert [json.loads(r) for r in reports] == []
