"""Folium's pages, each rendered once: from one answer to the next only the nonce differs."""

import secrets
from collections.abc import Callable
from functools import partial

from mapsvc.catalog import Catalog
from mapsvc.maps.assets import Assets
from mapsvc.maps.screen import render_screen
from mapsvc.maps.shell import render_map, render_sheet
from mapsvc.settings import Settings


class Shells:
    """`shells.map(nonce)`, `shells.sheet(nonce)`, `shells.screen(nonce)`: HTML of one page."""

    def __init__(self, catalog: Catalog, settings: Settings, asset: Assets) -> None:
        # Nobody knows this word, so nothing that a page shows can hold it.
        self._nonce = secrets.token_urlsafe(16)
        self._rendered: dict[str, str] = {}
        self._map = partial(render_map, catalog, settings, nonce=self._nonce, asset=asset)
        self._sheet = partial(render_sheet, catalog, settings, nonce=self._nonce, asset=asset)
        self._screen = partial(render_screen, catalog, nonce=self._nonce, asset=asset)

    def map(self, nonce: str) -> str:
        return self._once("map", self._map, nonce)

    def sheet(self, nonce: str) -> str:
        return self._once("sheet", self._sheet, nonce)

    def screen(self, nonce: str) -> str:
        return self._once("screen", self._screen, nonce)

    def _once(self, name: str, render: Callable[[], str], nonce: str) -> str:
        if name not in self._rendered:
            self._rendered[name] = render()
        return self._rendered[name].replace(self._nonce, nonce)
