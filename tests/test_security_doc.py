"""Every claim of docs/security.md names tests that there are."""

import re

from mapsvc.settings import PROJECT


def test_each_named_test_exists() -> None:
    text = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\w+\.py)::(\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (PROJECT / file).read_text(encoding="utf-8"), (file, test)
    claims = [line for line in text.splitlines() if line.startswith("| ")]
    claims = [line for line in claims if not line.startswith(("| claim", "| requirement"))]
    # A requirement that no test can hold says why.
    frank = ("not met", "does not apply", "met by design")
    assert all("`tests/" in line or any(word in line for word in frank) for line in claims)
