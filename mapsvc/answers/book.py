"""A workbook of an answer: its lists first, then what was asked. Texts stay texts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from mapsvc.answers.about import DEMO, About
from mapsvc.catalog import Catalog, Layer, LayerField
from mapsvc.sheets import cell_or_text, fit_paper, sheet_name

ABOUT = "查询说明"
BY = {"road": "按道路", "estimate": "直线估算"}


@dataclass(frozen=True, slots=True)
class Part:
    """One sheet: `head` is its first row, kept in view; `widths` in characters."""

    title: str
    head: Sequence[str]
    rows: Iterable[Sequence[Any]]
    widths: Sequence[int]


def workbook(
    parts: Sequence[Part], answer: dict[str, Any], about: About, catalog: Catalog
) -> bytes:
    """An xlsx: the first part, what was asked, the other parts."""
    book = Workbook(write_only=True)
    _fill(book, parts[0])
    _fill(book, Part(ABOUT, ("项目", "内容"), _told(answer, about, catalog), (22, 90)))
    for part in parts[1:]:
        _fill(book, part)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _told(answer: dict[str, Any], about: About, catalog: Catalog) -> Iterator[tuple[str, str]]:
    if about.demo:
        yield "数据性质", DEMO
    if about.county:
        yield "县域", about.county
    yield from about.lines(catalog)
    yield "查询时间", str(answer.get("asked_at", ""))
    yield "查询人", about.by
    for title, at in about.updated.items():
        yield f"{title}数据时间", at
    network = answer.get("network")
    if network:
        yield "路网载入时间", str(network.get("loaded_at", ""))
    for note in answer.get("notes", ()):
        yield "说明", note
    for closure in answer.get("closures", ()):
        until = closure["ends_at"] or "解除"
        yield "封路", f"{closure['reason']}（{closure['starts_at']} 至 {until}）"
    yield "坐标", "经度、纬度为 WGS-84；距离为椭球面上的米"


def fields_part(layer: Layer, features: Sequence[tuple[int, dict[str, Any]]]) -> Part:
    """The declared fields of a layer's features, each with its rank in the list."""
    rows = (
        (
            rank,
            f["properties"].get("name"),
            *(shown(x, f["properties"].get(x.id)) for x in layer.fields),
        )
        for rank, f in features
    )
    head = ("序号", "名称", *(_headed(f.title, f.unit) for f in layer.fields))
    return Part(layer.title, head, rows, (6, 28, *[18] * len(layer.fields)))


def turns_part(routes: Iterable[tuple[int, str, dict[str, Any] | None]]) -> Part | None:
    """The turn lists of routes, given with rank and name."""
    rows = [
        (rank, name, n, step["text"], round(step["distance_m"]), round(step["duration_s"]))
        for rank, name, route in routes
        for n, step in enumerate((route or {}).get("properties", {}).get("steps", []), 1)
    ]
    head = ("序号", "名称", "步骤", "说明", "路程（米）", "用时（秒）")
    return Part("路线", head, rows, (6, 28, 6, 60, 12, 12)) if rows else None


def point_of(geometry: dict[str, Any] | None) -> tuple[Any, Any]:
    at = (geometry or {}).get("coordinates") or ("", "")
    return (at[0], at[1]) if isinstance(at[0], int | float) else ("", "")


def minutes(seconds: float | None) -> Any:
    return "" if seconds is None else round(seconds / 60, 1)


def shown(field: LayerField, value: Any) -> Any:
    """A declared field as one cell; records one after the other, in their columns' order."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "；".join(_record(field, v) if isinstance(v, dict) else str(v) for v in value)
    return value


def _headed(title: str, unit: str | None) -> str:
    return f"{title}（{unit}）" if unit else title


def _record(field: LayerField, record: dict[str, Any]) -> str:
    known = [c for c in field.columns if record.get(c.id) is not None]
    plain = " ".join(str(record[c.id]) for c in known if c.type != "date")
    dated = "，".join(f"{c.title} {record[c.id]}" for c in known if c.type == "date")
    return plain + (f"（{dated}）" if dated else "")


def _fill(book: Workbook, part: Part) -> None:
    sheet = book.create_sheet(sheet_name(part.title))
    for n, width in enumerate(part.widths, 1):
        sheet.column_dimensions[get_column_letter(n)].width = width
    sheet.freeze_panes = "A2"
    fit_paper(sheet, 1)
    for row in (part.head, *part.rows):
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    return cell_or_text(sheet, value) if isinstance(value, str) else value
