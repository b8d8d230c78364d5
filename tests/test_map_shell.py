"""The map page's HTML: nothing from outside, nothing stored, the same size whatever is in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mapsvc.catalog import Catalog, load_catalog
from mapsvc.errors import BrokenLayerFile, BrokenSetup
from mapsvc.maps.assets import BUILD, Assets
from mapsvc.maps.basemaps import base_maps, picture_hosts
from mapsvc.maps.shell import csp, literal, render_map
from mapsvc.settings import PROJECT, Settings

NONCE = "n0nce-for-this-test"
HOSTILE = "</script><script>alert(1)</script>{{ 1234567*2 }}{% raw %}{#'\"\\\u2028&<!--"
OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?(?!data:)[a-z]*:?//|url\(\s*["']?[a-z]*:?//""", re.IGNORECASE
)


@pytest.fixture
def asset(tmp_path: Path) -> Assets:
    names = {name: name.replace(".", "-abc.") for name in ("map.js", "map.css", "pages.js")}
    (tmp_path / "manifest.json").write_text(json.dumps(names), "utf-8")
    return Assets(tmp_path)


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(PROJECT / "layers")


def page(catalog: Catalog, asset: Assets, **settings: Any) -> str:
    return render_map(catalog, Settings(**settings), nonce=NONCE, asset=asset)


def test_it_is_a_folium_map_with_our_own_files_only(catalog: Catalog, asset: Assets) -> None:
    html = page(catalog, asset)
    assert "L.map(" in html
    assert "L.control.scale(" in html
    assert re.findall(r'<(?:script [^>]*src|link rel="stylesheet" href)="([^"]+)"', html) == [
        "/static/map-abc.js",
        "/static/map-abc.css",
    ]
    assert not OUTSIDE.search(html)


def test_the_guard_sees_outside_addresses() -> None:
    for sample in ('src="https://x.cn/a.js"', "href='//x.cn/a.css'", "url(//x.cn/f.woff)"):
        assert OUTSIDE.search(sample)


def test_built_styles_point_nowhere_outside() -> None:
    sheets = list(BUILD.glob("*.css"))
    assert sheets, "run `npm run build` in web/ first"
    for sheet in sheets:
        assert not OUTSIDE.search(sheet.read_text("utf-8")), sheet.name


def test_every_inline_script_has_the_nonce_and_nothing_is_styled_inline(
    catalog: Catalog, asset: Assets
) -> None:
    html = page(catalog, asset)
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", html)
    assert inline == [f' type="module" nonce="{NONCE}"']
    assert "<style" not in html
    assert not re.search(r"\s(?:style|on\w+)=", html)


def test_layers_reach_the_page_by_id_only(catalog: Catalog, asset: Assets) -> None:
    html = page(catalog, asset)
    for layer in catalog:
        assert literal(layer.id) in html
        assert layer.title not in html
        assert layer.noun not in html


def test_it_stays_small_with_many_layers(tmp_path: Path, asset: Assets) -> None:
    source = (PROJECT / "layers" / "depots.toml").read_text("utf-8")
    for n in range(60):
        layer = source.replace('id = "depots"', f'id = "layer_{n}"', 1)
        (tmp_path / f"{n}.toml").write_text(layer, "utf-8")
    html = page(load_catalog(tmp_path), asset)
    assert "layer_59" in html
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize("title", [HOSTILE, "{{ 7*7 }}", "<b>图层", "{% set x = 1 %}"])
def test_a_hostile_layer_title_is_refused(tmp_path: Path, title: str) -> None:
    source = (PROJECT / "layers" / "depots.toml").read_text("utf-8")
    line = f"title = {json.dumps(title)}"
    (tmp_path / "bad.toml").write_text(
        source.replace('title = "物资装备图"', line, 1), encoding="utf-8"
    )
    with pytest.raises(BrokenLayerFile, match=r"bad\.toml"):
        load_catalog(tmp_path)


def test_hostile_settings_stay_strings(catalog: Catalog, asset: Assets) -> None:
    html = page(
        catalog,
        asset,
        basemap_url="https://tiles.test/{z}/{x}/{y}.png?a=" + HOSTILE,
        basemap_name=HOSTILE,
        basemap_attribution=HOSTILE,
    )
    assert html.count("</script>") == 2  # ours: map.js and the inline one
    assert "alert(1)" in html
    assert "2469134" not in html
    assert "{{" not in html
    assert "<!--" not in html


@pytest.mark.parametrize("value", [HOSTILE, {"a": [1, None, HOSTILE]}, "县域底图", "\u2029"])
def test_a_literal_reads_back_as_it_was(value: Any) -> None:
    source = literal(value)
    assert not re.search("[<>{}%#&']", source)
    assert source.isascii()
    text = json.loads(source.removeprefix("JSON.parse(").removesuffix(")"))
    assert json.loads(text) == value


def test_the_policy_lets_in_pictures_of_the_base_maps_and_nothing_else() -> None:
    settings = Settings(
        tianditu_key=SecretStr("k"), basemap_url="http://10.0.0.8:81/{z}/{x}/{y}.png"
    )
    rules = dict(rule.split(" ", 1) for rule in csp(NONCE, settings).split("; "))
    pictures = rules.pop("img-src").split()
    assert "http://10.0.0.8:81" in pictures
    assert "https://t7.tianditu.gov.cn" in pictures
    assert rules["script-src"] == f"'self' 'nonce-{NONCE}'"
    assert rules["style-src"] == f"'self' 'nonce-{NONCE}'"
    for rule in rules.values():
        assert "http" not in rule
        assert "unsafe" not in rule


def test_base_maps_follow_the_settings() -> None:
    assert [base.id for base in base_maps(Settings())] == ["county"]
    assert picture_hosts(Settings()) == []
    settings = Settings(
        tianditu_key=SecretStr("秘密"),
        basemap_url="https://{s}.tiles.test/{z}/{x}/{y}.png",
        basemap_crs="gcj02",
    )
    bases = base_maps(settings)
    assert [(base.id, base.crs) for base in bases] == [
        ("county", "wgs84"),
        ("tianditu_vec", "wgs84"),
        ("tianditu_img", "wgs84"),
        ("custom", "gcj02"),
    ]
    assert [tiles.url.split("LAYER=")[1][:3] for tiles in bases[1].layers] == ["vec", "cva"]
    assert "https://b.tiles.test" in picture_hosts(settings)


def test_missing_assets_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BrokenSetup, match="npm run build"):
        Assets(tmp_path)
