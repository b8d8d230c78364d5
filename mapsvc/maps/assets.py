"""Bundled browser files: plain name → the hashed address under `/static/`."""

import json
from pathlib import Path

from mapsvc.errors import BrokenSetup

BUILD = Path(__file__).resolve().parent.parent / "static" / "build"


class Assets:
    """Callable: `assets("map.js")` → `/static/map-1A2B3C.js`; read once at start."""

    def __init__(self, folder: Path = BUILD, prefix: str = "/static/") -> None:
        try:
            names: dict[str, str] = json.loads((folder / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError):
            raise BrokenSetup(
                f"找不到网页资源（{folder}）。请先运行 make setup，"
                "或在 web 目录运行 npm ci 和 npm run build。"
            ) from None
        self._urls = {name: prefix + file for name, file in names.items()}

    def __call__(self, name: str) -> str:
        return self._urls[name]
