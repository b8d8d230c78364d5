"""The wall's HTML and colours: nothing stored in it, and every text legible in both themes."""

import json
import re
from pathlib import Path

import pytest

from mapsvc.catalog import Catalog
from mapsvc.maps.assets import Assets
from mapsvc.maps.screen import render_screen
from mapsvc.settings import PROJECT

NONCE = "n0nce-for-this-test"
SOURCE = PROJECT / "web" / "src"
AA = 4.5


@pytest.fixture
def asset(tmp_path: Path) -> Assets:
    files = ("screen.js", "screen.css", "charts.js", "darken.js")
    names = {name: name.replace(".", "-abc.") for name in files}
    (tmp_path / "manifest.json").write_text(json.dumps(names), "utf-8")
    return Assets(tmp_path)


def test_it_carries_maps_and_ids_and_nothing_else(catalog: Catalog, asset: Assets) -> None:
    html = render_screen(catalog, nonce=NONCE, asset=asset)
    assert html.count("L.map(") == len(catalog) + 1
    assert html.count('src="/static/screen-abc.js"') == 1
    assert html.count('href="/static/screen-abc.css"') == 1
    assert "charts-abc.js" in html
    assert "darken-abc.js" in html
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", html)
    assert inline == [f' type="module" nonce="{NONCE}"']
    assert "<style" not in html
    assert not re.search(r"\s(?:style|on\w+)=", html)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?[a-z]*:?//""", html)
    for layer in catalog:
        assert layer.title not in html
        assert layer.noun not in html


def themes() -> dict[str, dict[str, str]]:
    css = (SOURCE / "screen" / "tokens.css").read_text("utf-8")
    blocks = dict(re.findall(r"(:root|\[data-theme=\"light\"\]) \{(.*?)\n\}", css, re.DOTALL))
    pairs = {
        name: dict(re.findall(r"--([\w-]+): (#\w{6});", body)) for name, body in blocks.items()
    }
    return {"dark": pairs[":root"], "light": pairs[":root"] | pairs['[data-theme="light"]']}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_is_legible(theme: str) -> None:
    colours = themes()[theme]
    on = [
        *((text, ground) for text in ("ink", "ink-soft", "faint") for ground in ("panel", "bg")),
        ("ink", "raise"),
        ("panel", "ink"),
        ("on-alarm", "alarm"),
    ]
    for text, ground in on:
        assert contrast(colours[text], colours[ground]) >= AA, (theme, text, ground)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_names_on_the_map_are_legible(theme: str) -> None:
    source = (SOURCE / "palette.js").read_text("utf-8")
    body = re.search(rf"const {theme.upper()} = \{{(.*?)\n\}};", source, re.DOTALL)
    assert body
    found = re.search(r"names: \{(.*?)\}", body[1], re.DOTALL)
    assert found
    names = dict(re.findall(r"(\w+): \"(#\w{6})\"", found[1]))
    assert {"township", "feature", "post"} <= set(names)
    for name, colour in names.items():
        assert contrast(colour, themes()[theme]["land"]) >= AA, (theme, name)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_grades_stand_out_from_the_ground_and_from_each_other(theme: str) -> None:
    colours = themes()[theme]
    grades = [colours[f"grade-{n}"] for n in (1, 2, 3, 4)]
    assert len(set(grades)) == 4
    for grade in grades:
        # Symbols carry an edge and a halo besides; graphics need 3 : 1 (WCAG 1.4.11).
        assert contrast(grade, colours["panel"]) >= (3 if theme == "dark" else 1.5)
