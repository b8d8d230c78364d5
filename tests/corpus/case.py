"""What a file of the corpus is, and the rows that most of them hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HEAD = ["隐患点编号", "隐患点名称", "风险等级", "经度", "纬度"]
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """`rows`: row number (or `sheet!row`) → `new`, or the code it is refused or skipped for."""

    id: str
    content: bytes
    rows: dict[Any, str] = field(default_factory=dict)
    refused: str = ""
    """Code for which the file as a whole is refused."""
    places: dict[Any, Place] = field(default_factory=dict)
    """Row → WGS-84 place that must be stored."""
    tolerance: float = 0.02
    """Metres."""
    values: dict[Any, dict[str, Any]] = field(default_factory=dict)
    """Row → code, name and fields that must be stored."""
    also: frozenset[str] = frozenset()
    """Codes of warnings and notes that must be given."""
    crs: str = "wgs84"
    layer: str = "risk_points"
    region: str | None = None


def place(index: int) -> Place:
    """Place of the n-th standard row, inside the western township."""
    return round(110.0512345 + 0.003 * index, 7), round(30.0523456 + 0.002 * index, 7)


def row(index: int, lon: Any = None, lat: Any = None) -> list[Any]:
    x, y = place(index)
    return [
        f"00{index}",
        f"青山{index}号滑坡",
        "红",
        x if lon is None else lon,
        y if lat is None else lat,
    ]


def standard(count: int = 3) -> list[list[Any]]:
    """Heading and rows, numbered from 2 in a sheet."""
    return [HEAD, *(row(i) for i in range(1, count + 1))]


def good(
    name: str, content: bytes, first: int = 2, count: int = 3, sheet: str = "", **more: Any
) -> Case:
    """A file whose rows are all accepted, with code, name and place as in `standard`."""
    keys: Sequence[Any] = [f"{sheet}!{first + i}" if sheet else first + i for i in range(count)]
    fates: dict[Any, str] = dict.fromkeys(keys, "new")
    values = {k: {"code": f"00{i}", "name": f"青山{i}号滑坡"} for i, k in enumerate(keys, 1)}
    for key, changed in more.pop("values", {}).items():
        values[key] = values.get(key, {}) | changed
    return Case(
        name,
        content,
        rows=fates | more.pop("rows", {}),
        places={k: place(i) for i, k in enumerate(keys, 1)},
        values=values,
        **more,
    )
