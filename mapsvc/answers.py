"""A nearest answer in forms to take along: GeoJSON for a GIS, a workbook for the file."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from mapsvc.catalog import Catalog, LayerField
from mapsvc.roads import CONDITIONS, PROFILES
from mapsvc.sheets import cell_or_text, sheet_name

_HEADINGS = (
    *("序号", "图层", "名称", "编号", "所属区域", "路程或直线（米）", "用时（分）", "依据"),
    *("离路（米）", "直线（米）", "方位（度）", "核实天数", "是否超期", "经度", "纬度"),
)
_BY = {"road": "按道路", "estimate": "直线估算"}
_WIDTHS = (6, 14, 28, 20, 16, 16, 10, 10, 10, 12, 10, 10, 10, 13, 13)


def geojson(answer: dict[str, Any]) -> dict[str, Any]:
    """A FeatureCollection: the features in the order of the ranking, then the routes as lines.

    What the answer says as a whole stands beside `features`.
    """
    points, lines = [], []
    for rank, result in enumerate(answer["results"], 1):
        feature = result["feature"]
        found = {k: v for k, v in result.items() if k not in ("feature", "route")}
        points.append(
            feature
            | {"properties": feature["properties"] | found | {"rank": rank, "kind": "feature"}}
        )
        if "route" in result:
            route = result["route"]
            of = {"layer": result["layer"], "feature_id": result["id"], "name": result["name"]}
            more = of | {"rank": rank, "kind": "route"}
            lines.append(route | {"properties": route["properties"] | more})
    whole = {k: v for k, v in answer.items() if k != "results"}
    return {"type": "FeatureCollection", **whole, "features": points + lines}


def workbook(answer: dict[str, Any], catalog: Catalog) -> bytes:
    """An xlsx: the ranking, the declared fields of each layer, the turn lists.

    Texts are written as texts, whatever they look like.
    """
    book = Workbook(write_only=True)
    _fill(book, "就近查询", _ranking(answer, catalog), _WIDTHS)
    for layer in catalog:
        found = [r for r in answer["results"] if r["layer"] == layer.id]
        if found:
            rows = [["序号", "名称", *(_headed(f.title, f.unit) for f in layer.fields)]]
            for result in found:
                told = result["feature"]["properties"]
                rank = answer["results"].index(result) + 1
                values = [_shown(f, told.get(f.id)) for f in layer.fields]
                rows.append([rank, result["name"], *values])
            _fill(book, layer.title, rows, (6, 28, *[18] * len(layer.fields)))
    turns = list(_turns(answer))
    if turns:
        head: list[Any] = ["序号", "名称", "步骤", "说明", "路程（米）", "用时（秒）"]
        _fill(book, "路线", [head, *turns], (6, 28, 6, 60, 12, 12))
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _ranking(answer: dict[str, Any], catalog: Catalog) -> Iterator[list[Any]]:
    lon, lat = answer["origin"]
    yield ["查询位置", "", f"经度 {lon:.7f}，纬度 {lat:.7f}（WGS-84）"]
    yield ["查询时间", "", str(answer["asked_at"])]
    yield ["方式", "", _manner(answer)]
    for note in answer["notes"]:
        yield ["说明", "", note]
    for closure in answer["closures"]:
        until = closure["ends_at"] or "解除"
        yield ["封路", "", f"{closure['reason']}（{closure['starts_at']} 至 {until}）"]
    yield []
    yield list(_HEADINGS)
    for rank, result in enumerate(answer["results"], 1):
        told = result["feature"]["properties"]
        at = result["feature"]["geometry"]["coordinates"]
        point = at if isinstance(at[0], int | float) else ("", "")
        seconds = result.get("duration_s")
        yield [
            rank,
            catalog.layer(result["layer"]).title,
            result["name"],
            told.get("code") or "",
            told.get("region_name") or "",
            round(result["distance_m"]),
            "" if seconds is None else round(seconds / 60, 1),
            _BY.get(result.get("by", ""), "直线距离"),
            round(result["access_m"]) if "access_m" in result else "",
            round(result.get("line_m", result["distance_m"])),
            round(result["bearing_deg"]),
            result["age_days"],
            "超期" if result["stale"] else "",
            *point[:2],
        ]


def _manner(answer: dict[str, Any]) -> str:
    if answer["mode"] == "line":
        return "按直线距离"
    way = "各点赶到此处" if answer["direction"] == "to" else "从此处前往各点"
    told = PROFILES[answer["profile"]], CONDITIONS[answer["conditions"]], way
    return f"按道路用时（{'、'.join(told)}）"


def _turns(answer: dict[str, Any]) -> Iterator[list[Any]]:
    for rank, result in enumerate(answer["results"], 1):
        steps = result.get("route", {}).get("properties", {}).get("steps", [])
        for number, step in enumerate(steps, 1):
            metres, seconds = round(step["distance_m"]), round(step["duration_s"])
            yield [rank, result["name"], number, step["text"], metres, seconds]


def _headed(title: str, unit: str | None) -> str:
    return f"{title}（{unit}）" if unit else title


def _shown(field: LayerField, value: Any) -> Any:
    """A declared field as one cell; records one after the other, in their columns' order."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "；".join(_record(field, v) if isinstance(v, dict) else str(v) for v in value)
    return value


def _record(field: LayerField, record: dict[str, Any]) -> str:
    known = [c for c in field.columns if record.get(c.id) is not None]
    plain = " ".join(str(record[c.id]) for c in known if c.type != "date")
    dated = "，".join(f"{c.title} {record[c.id]}" for c in known if c.type == "date")
    return plain + (f"（{dated}）" if dated else "")


def _fill(book: Workbook, title: str, rows: Any, widths: tuple[int, ...]) -> None:
    sheet = book.create_sheet(sheet_name(title))
    for n, width in enumerate(widths):
        sheet.column_dimensions[chr(65 + n) if n < 26 else f"A{chr(65 + n - 26)}"].width = width
    for row in rows:
        sheet.append([cell_or_text(sheet, v) if isinstance(v, str) else v for v in row])
