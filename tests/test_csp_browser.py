"""A session over all pages in a real browser: the Content-Security-Policy has nothing to report."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.test_pages_browser import VIEW, Watch

REPORT = """document.addEventListener('securitypolicyviolation', (e) => window.violated(
    JSON.stringify([location.pathname, e.effectiveDirective, e.blockedURI, e.sourceFile])))"""
INLINE = """const script = document.createElement('script');
    script.textContent = 'window.ran = true'; document.head.append(script);"""
EDITOR = ["/", "/map", "/screen", "/sheet", "/uploads", "/guide/planner", "/guide/township",
          "/guide/command", "/guide/admin", "/me", "/accounts", "/health", "/api/docs",
          "/nowhere"]  # fmt: skip
AUDITOR = ["/record", "/guide/planner", "/map"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=VIEW, locale="zh-CN")
    yield context.new_page()
    context.close()


def _script_rule(policy: str) -> str:
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";") if " " in rule.strip())
    return rules.get("script-src", rules.get("default-src", ""))


@pytest.mark.parametrize(("username", "paths"), [("admin", EDITOR), ("auditor", AUDITOR)])
def test_a_session_over_all_pages_reports_nothing(
    page: Page, base_url: str, password: str, username: str, paths: list[str]
) -> None:
    reports: list[str] = []

    def violated(told: str) -> None:
        reports.append(told)

    page.expose_function("violated", violated)
    page.add_init_script(REPORT)
    watch = Watch(page, base_url)
    asked = {"/login": page.goto(f"{base_url}/login")}
    watch.sign_in(username, password)
    for path in paths:
        asked[path] = page.goto(base_url + path)
        if path == "/map" and username == "admin":
            watch.settle()
            page.mouse.click(VIEW["width"] / 2, VIEW["height"] / 2)
            page.mouse.click(VIEW["width"] / 2, VIEW["height"] / 2, button="right")
        page.wait_for_timeout(300)
    for path, answer in asked.items():
        assert answer is not None
        rule = _script_rule(answer.headers["content-security-policy"])
        assert "'nonce-" in rule, path
        assert "unsafe" not in rule, path
    assert [json.loads(r) for r in reports] == []
    # The net catches what it is for.
    page.evaluate(INLINE)
    for _ in range(1200):
        if not reports:
            page.wait_for_timeout(50)
    assert page.evaluate("window.ran") is None
    assert [json.loads(r)[1] for r in reports] == ["script-src-elem"]
