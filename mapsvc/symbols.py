"""The map symbols: one SVG a layer, and one for each kind that a layer tells apart.

`layers/symbols/<layer>.svg` is the layer's own, `layers/symbols/<layer>-<value>.svg` that of one
value of the field its file names as `symbol.kind`. A county replaces any of them by a file of the
same name beside its own layer files. Only shapes are taken from a file and nothing else: the
browser draws them on a canvas in the colour of the grade, and no SVG ever reaches a page.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from mapsvc.catalog import Catalog, Layer
from mapsvc.errors import BrokenLayerFile
from mapsvc.settings import PROJECT, Settings

ROLES = ("body", "mark", "line")
"""body: filled with the grade's colour; mark: filled with the sign's; line: drawn in the sign's."""

_BOX = "0 0 24 24"
_PATH = re.compile(r"[MmLlHhVvCcSsQqTtAaZz0-9eE.,+\-\s]{1,4000}")
_NUMBERS = re.compile(r"[0-9eE.,+\-\s]{1,2000}")
_MOST_BYTES = 20_000
_MOST_SHAPES = 40

Drawing = list[dict[str, Any]]


def read_symbols(folders: list[Path], catalog: Catalog) -> dict[str, Any]:
    """Layer id → `{kind, default, kinds}`; the first folder that has a file gives it.

    A drawing is a list of `{d, role, width?}` in a box of 24 x 24, `d` being SVG path data; a layer
    without a file has none and is drawn by its `shape`. Raises BrokenLayerFile.
    """
    return {layer.id: _of_layer(folders, layer) for layer in catalog}


def symbol_set(settings: Settings, catalog: Catalog) -> dict[str, Any]:
    """The symbols in use: the county's own where there are, else ours."""
    return read_symbols([settings.layers / "symbols", PROJECT / "layers" / "symbols"], catalog)


def _of_layer(folders: list[Path], layer: Layer) -> dict[str, Any]:
    field = layer.symbol.kind
    values = [v.value for v in layer.field(field).values] if field else []
    kinds = {value: _find(folders, f"{layer.id}-{value}.svg") for value in values}
    return {
        "kind": field,
        "default": _find(folders, f"{layer.id}.svg"),
        "kinds": {value: drawing for value, drawing in kinds.items() if drawing},
    }


def _find(folders: list[Path], name: str) -> Drawing | None:
    # A value is free text of the layer file: it must not lead out of the folder.
    if Path(name).name != name:
        return None
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    return read_symbol(file) if file else None


def read_symbol(file: Path) -> Drawing:
    """The shapes of one SVG file; BrokenLayerFile names the file and what is wrong with it."""
    try:
        return _read(file.read_bytes())
    except (ValueError, ParseError, DefusedXmlException) as wrong:
        raise BrokenLayerFile(f"符号文件 {file.name}：{wrong}") from None


def _read(source: bytes) -> Drawing:
    if len(source) > _MOST_BYTES:
        raise ValueError(f"超过 {_MOST_BYTES // 1000} KB")
    root = defusedxml.ElementTree.fromstring(source)
    if _tag(root) != "svg" or root.get("viewBox") != _BOX:
        raise ValueError(f'最外层应为 <svg viewBox="{_BOX}">')
    shapes = list(_shapes(root))
    if not 0 < len(shapes) <= _MOST_SHAPES:
        raise ValueError(f"应有 1 至 {_MOST_SHAPES} 个图形")
    return shapes


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _shapes(parent: Element) -> Iterator[dict[str, Any]]:
    for element in parent:
        tag = _tag(element)
        if tag in ("title", "desc"):
            continue
        if tag == "g" and not element.get("transform"):
            yield from _shapes(element)
            continue
        if tag not in _PATHS or element.get("transform"):
            raise ValueError(f"不支持 <{tag[:20]}> 或 transform，只能用路径和基本图形")
        role = element.get("class", "")
        if role not in ROLES:
            raise ValueError(f"<{tag}> 的 class 应为 {'、'.join(ROLES)} 之一")
        shape: dict[str, Any] = {"d": _PATHS[tag](element), "role": role}
        if element.get("stroke-width"):
            shape["width"] = _number(element, "stroke-width")
        yield shape


def _number(element: Element, name: str) -> float:
    value = float(element.get(name, "0"))
    if not abs(value) <= 100:
        raise ValueError(f"{name} 超出范围")
    return value


def _path(element: Element) -> str:
    d = element.get("d", "")
    if not _PATH.fullmatch(d):
        raise ValueError("d 不是路径")
    return d


def _ellipse(element: Element) -> str:
    cx, cy = _number(element, "cx"), _number(element, "cy")
    rx = _number(element, "rx") or _number(element, "r")
    ry = _number(element, "ry") or rx
    return f"M{cx - rx} {cy}a{rx} {ry} 0 1 0 {2 * rx} 0a{rx} {ry} 0 1 0 {-2 * rx} 0Z"


def _rect(element: Element) -> str:
    x, y, w, h = (_number(element, name) for name in ("x", "y", "width", "height"))
    return f"M{x} {y}h{w}v{h}h{-w}Z"


def _line(element: Element) -> str:
    x1, y1, x2, y2 = (_number(element, name) for name in ("x1", "y1", "x2", "y2"))
    return f"M{x1} {y1}L{x2} {y2}"


def _polyline(element: Element) -> str:
    points = element.get("points", "")
    if not _NUMBERS.fullmatch(points):
        raise ValueError("points 不是坐标")
    return f"M{points}" + ("Z" if _tag(element) == "polygon" else "")


_PATHS = {
    "path": _path,
    "circle": _ellipse,
    "ellipse": _ellipse,
    "rect": _rect,
    "line": _line,
    "polyline": _polyline,
    "polygon": _polyline,
}
