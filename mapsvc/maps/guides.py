"""The user guides: Markdown of our own in `mapsvc/guide`, rendered once at start."""

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

_FOLDER = Path(__file__).resolve().parent.parent / "guide"
_ORDER = ("township", "planner", "command", "admin")


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide: its address below `/guide/`, its title, its HTML without that title."""

    name: str
    title: str
    html: Markup


def read_guides() -> dict[str, Guide]:
    """All guides by name, the townships' first."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return {name: _read(markdown, name) for name in _ORDER}


def _read(markdown: MarkdownIt, name: str) -> Guide:
    text = (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    # Our own files, and raw HTML in them is off: safe to mark as markup.
    return Guide(name, title.removeprefix("# "), Markup(markdown.render(body)))  # noqa: S704
