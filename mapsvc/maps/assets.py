"""Bundled browser files: plain name → the hashed address under `/static/`."""

import json
from pathlib import Path
from typing import Any

from mapsvc.errors import BrokenSetup

BUILD = Path(__file__).resolve().parent.parent / "static" / "build"


class Assets:
    """Callable: `assets("map.js")` → `/static/map-1A2B3C.js`; read once at start.

    `assets.needs("map.js")`: what that file imports before it can run.
    """

    def __init__(self, folder: Path = BUILD, prefix: str = "/static/") -> None:
        try:
            names: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError):
            raise BrokenSetup(
                f"找不到网页资源（{folder}）。请先运行 make setup，"
                "或在 web 目录运行 npm ci 和 npm run build。"
            ) from None
        self._urls: dict[str, str] = {
            n: prefix + file for n, file in names.items() if not n.endswith("+")
        }
        self._needs: dict[str, tuple[str, ...]] = {
            n[:-1]: tuple(prefix + file for file in files)
            for n, files in names.items()
            if n.endswith("+")
        }

    def __call__(self, name: str) -> str:
        return self._urls[name]

    def needs(self, name: str) -> tuple[str, ...]:
        return self._needs.get(name, ())
