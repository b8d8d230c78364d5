"""The plain pages: Jinja2 with autoescape; what a page shows of stored data comes by URL."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mapsvc.maps.assets import Assets


class Pages:
    """`pages.render("login.html", nonce, demo=True)`; contexts are checked strictly."""

    def __init__(self, asset: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = asset

    def render(self, name: str, nonce: str, **context: Any) -> str:
        """HTML of one page.

        login.html: demo, next, single.
        home.html, uploads.html: demo, user (username, role, region_name).
        error.html: demo, status, title, detail.
        """
        return self._environment.get_template(name).render(nonce=nonce, **context)
