"""Layer files: the four core ones, and every way of breaking one."""

from pathlib import Path

import pytest

from mapsvc.catalog import Catalog, load_catalog
from mapsvc.errors import BrokenLayerFile, NotFound

MINIMAL = """
id = "shelters"
title = "避难场所图"
noun = "避难场所"
popup = ["capacity"]
[symbol]
shape = "pentagon"
[[fields]]
id = "capacity"
title = "容纳人数"
type = "integer"
"""


def broken(folder: Path, text: str | bytes, name: str = "bad.toml") -> str:
    data = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(data)
    with pytest.raises(BrokenLayerFile) as refused:
        load_catalog(folder)
    return refused.value.detail


def test_core_layers_in_order(catalog: Catalog) -> None:
    assert catalog.ids == ["risk_points", "depots", "forces", "command_posts"]
    assert catalog.layer("risk_points").grades == {"重大": 1, "较大": 2, "一般": 3, "低": 4}
    with pytest.raises(NotFound, match="risk_points"):
        catalog.layer("nothing")


def test_risk_level_and_danger_grade_are_two_fields(catalog: Catalog) -> None:
    layer = catalog.layer("risk_points")
    assert layer.grade == "risk_level"
    assert [v.value for v in layer.field("danger_grade").values] == ["重大事故隐患", "一般事故隐患"]


def test_people_and_phones_are_personal(catalog: Catalog) -> None:
    for layer in catalog:
        for field in layer.fields:
            if field.type == "person":
                assert field.personal, (layer.id, field.id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("shape = ", "form = "), ["bad.toml", "symbol.shape", "缺少", "symbol.form", "不认识"]),
        (('type = "integer"', 'type = "whole"'), ["fields[0].type"]),
        (('id = "capacity"', 'id = "name"'), ["fields[0]", "name", "系统保留"]),
        (('popup = ["capacity"]', 'popup = ["size"]'), ["popup", "size"]),
        (('id = "shelters"', 'id = "Drop Table"'), ["id", "小写字母"]),
        (('title = "避难场所图"', 'title = "{{ 7*7 }}"'), ["title", "不得含"]),
        (('title = "避难场所图"', 'title = "<script>"'), ["title", "不得含"]),
        (('noun = "避难场所"', 'noun = "避难场所"\ngrade = "capacity"'), ["grade", "capacity"]),
        (('type = "integer"', 'type = "enum"'), ["fields[0]", "values"]),
        (("[symbol]", "[symbol"), ["bad.toml", "语法错误"]),
    ],
)
def test_a_broken_file_is_refused_by_name_field_and_reason(
    tmp_path: Path, change: tuple[str, str], words: list[str]
) -> None:
    text = MINIMAL.replace(*change)
    assert text != MINIMAL
    told = broken(tmp_path, text)
    assert all(word in told for word in words), told


def test_not_utf8_and_twins_and_empty(tmp_path: Path) -> None:
    assert "UTF-8" in broken(tmp_path, MINIMAL.encode("gbk"))
    (tmp_path / "bad.toml").write_text(MINIMAL, encoding="utf-8")
    assert "重复" in broken(tmp_path, MINIMAL, "twin.toml")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BrokenLayerFile, match="MAPSVC_LAYERS"):
        load_catalog(empty)
