"""What is chosen by a mark: `□重大 ☑较大 □一般` in one cell, or √ in one of several columns."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

_FILLED, _OPEN = "☑☒■✓✔√●◉", "☐□○◯◻"
_BOX = re.compile(f"[{_FILLED}{_OPEN}]")
_BRACKETED = re.compile(rf"[(\[【]\s*([{_FILLED}{_OPEN}]?)\s*[)\]】]")
_BEFORE = re.compile(rf"([{_FILLED}{_OPEN}])\s*([^{_FILLED}{_OPEN}]+)")
_BEHIND = re.compile(rf"([^{_FILLED}{_OPEN}\s、,;]+)\s*([{_FILLED}{_OPEN}]?)")


def chosen(text: str) -> list[str] | None:
    """The words with a filled box; None where no words stand beside boxes."""
    if not _BOX.search(text):
        return None
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = _BRACKETED.sub(lambda found: found[1] or "□", plain)
    pairs = (
        _BEFORE.findall(plain)
        if _BOX.match(plain)
        else [(mark, word) for word, mark in _BEHIND.findall(plain)]
    )
    words = [(mark, word.strip(" 、,;\n")) for mark, word in pairs]
    if not any(word for _, word in words):
        return None
    return [word for mark, word in words if word and mark and mark in _FILLED]


def by_mark(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A parser that sees of a text with boxes only what is chosen there."""

    def parsed(text: str) -> Any:
        words = chosen(text)
        return parse(text) if words is None else parse("、".join(words)) if words else None

    return parsed
