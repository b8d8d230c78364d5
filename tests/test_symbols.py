"""The symbol files: shapes only, replaceable one by one, broken ones refused by name."""

from pathlib import Path

import pytest

from mapsvc.catalog import Catalog
from mapsvc.errors import BrokenLayerFile
from mapsvc.settings import PROJECT
from mapsvc.symbols import read_symbol, read_symbols

OURS = PROJECT / "layers" / "symbols"
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'


def test_every_core_layer_has_its_own(catalog: Catalog) -> None:
    found = read_symbols([OURS], catalog)
    for layer in catalog:
        assert found[layer.id]["default"][0]["role"] == "body"
        assert found[layer.id]["kind"] == layer.symbol.kind
    assert {"滑坡", "森林火灾", "矿山"} <= set(found["risk_points"]["kinds"])


def test_every_file_is_of_a_layer_and_a_value(catalog: Catalog) -> None:
    known = {f"{layer.id}.svg" for layer in catalog} | {
        f"{layer.id}-{value.value}.svg"
        for layer in catalog
        if layer.symbol.kind
        for value in layer.field(layer.symbol.kind).values
    }
    assert {file.name for file in OURS.iterdir()} <= known


def test_a_county_replaces_one_and_keeps_the_rest(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "forces-医疗救护.svg").write_text(
        f'{HEAD}<circle class="body" cx="12" cy="12" r="6"/></svg>', "utf-8"
    )
    found = read_symbols([tmp_path, OURS], catalog)["forces"]
    ours = read_symbols([OURS], catalog)["forces"]
    assert found["kinds"]["医疗救护"] == [
        {"d": "M6.0 12.0a6.0 6.0 0 1 0 12.0 0a6.0 6.0 0 1 0 -12.0 0Z", "role": "body"}
    ]
    assert found["default"] == ours["default"]


def test_shapes_become_paths(tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    file.write_text(
        f'{HEAD}<title>无关</title><g><rect class="body" x="2" y="3" width="4" height="5"/></g>'
        '<line class="line" stroke-width="2" x1="1" y1="2" x2="3" y2="4"/>'
        '<polygon class="mark" points="1,1 2,2 3,1"/></svg>',
        "utf-8",
    )
    shapes = read_symbol(file)
    assert [s["d"] for s in shapes] == [
        "M2.0 3.0h4.0v5.0h-4.0Z",
        "M1.0 2.0L3.0 4.0",
        "M1,1 2,2 3,1Z",
    ]
    assert [s["role"] for s in shapes] == ["body", "line", "mark"]
    assert shapes[1]["width"] == 2


@pytest.mark.parametrize(
    "body",
    [
        '<script>alert(1)</script><circle class="body" r="3"/>',
        '<image href="http://x.test/a.png"/>',
        '<foreignObject/><circle class="body" r="3"/>',
        '<path class="body" d="M0 0 javascript:alert(1)"/>',
        '<path class="evil" d="M0 0h1"/>',
        '<path class="body" transform="scale(9)" d="M0 0h1"/>',
        '<circle class="body" r="1e9"/>',
        '<circle class="body" r="nan"/>',
        "",
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, body: str) -> None:
    file = tmp_path / "risk_points.svg"
    file.write_text(f"{HEAD}{body}</svg>", "utf-8")
    with pytest.raises(BrokenLayerFile, match=r"risk_points\.svg"):
        read_symbol(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<svg",
        '<svg viewBox="0 0 100 100"><circle class="body" r="3"/></svg>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + HEAD + "<title>&a;</title></svg>",
        HEAD + '<path class="body" d="M0 0h1"/>' * 50 + "</svg>",
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.svg"
    file.write_text(text, "utf-8")
    with pytest.raises(BrokenLayerFile, match=r"x\.svg"):
        read_symbol(file)
