"""One feature as somebody typed it: the same values, places and words as a row of an upload.

Properties become a ledger of one row (records: a row each) and go through the same check; the
point is held against the same regions. Nothing is written here.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mapsvc.catalog import Layer, LayerField
from mapsvc.coordinates import System, to_wgs84
from mapsvc.ingest.assign import RegionIndex, spoken
from mapsvc.ingest.cells import clean, text_of
from mapsvc.ingest.check import check
from mapsvc.ingest.draft import CHINA
from mapsvc.ingest.headings import Column, Heading
from mapsvc.ingest.ledger import Ledger, Part
from mapsvc.ingest.locate import DIGITS
from mapsvc.ingest.messages import Problem, problem, shorten
from mapsvc.ingest.sandbox import Sheet

HEAD = {"code": "编号", "name": "名称", "verified_at": "核实日期"}
"""What every feature has, besides its place and the declared fields."""
MOST_PROPERTIES = 500
MOST_RECORDS = 2000
GIVEN_BY_US = ("layer", "region_code", "region_name", "version", "updated_at")
"""Shown with a feature, never taken from anybody."""

_WORDS = {
    "unknown_property": "“{name}”不是{title}的字段。请删除它；可以填写的是：{allowed}。",
    "read_only": "“{name}”由系统给出，不能修改。请删除这一项，或保持原样。",
    "not_text": "“{title}”应写成一个值（文字或数字），不能是列表、对象或 true/false。",
    "not_a_list": '“{title}”应写成文字的列表，例如 ["甲", "乙"]。',
    "too_many": "“{title}”超过 {limit} 项。请减少后再保存。",
    "not_records": "“{title}”应写成对象的列表，每个对象可以有：{columns}。",
}
"""What can only go wrong outside a spreadsheet; everything else is said in messages.py."""
_SHAPES = {"list": "not_a_list", "records": "not_records"}
_WHERE = "coordinates"
_KINDS = {
    "MultiPoint": "点群",
    "LineString": "线",
    "MultiLineString": "线",
    "Polygon": "面",
    "MultiPolygon": "面",
    "GeometryCollection": "图形集合",
}


@dataclass(slots=True)
class Entry:
    """Checked values of the properties that were given; None clears one."""

    head: dict[str, str | None] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Place:
    """A WGS-84 point as it will be stored, as it was given, and the region that holds it."""

    lon: float
    lat: float
    raw: tuple[float, float]
    region_code: str | None = None
    township_code: str = ""


def read_entry(layer: Layer, properties: dict[str, Any], *, whole: bool) -> Entry:
    """The given properties, typed and canonical, with every problem at once.

    `whole`: a new feature, for which what is not given counts as empty.
    """
    entry = Entry()
    if len(properties) > MOST_PROPERTIES:
        entry.problems.append(_told("too_many", "properties", title="字段", limit=MOST_PROPERTIES))
        return entry
    cells, records = _cells(layer, properties, entry)
    _check(layer, cells, records, entry, whole=whole)
    order = {name: place for place, name in enumerate(properties)}
    entry.problems.sort(key=lambda p: order.get(_property(p), -1))
    return entry


def _property(found: Problem) -> str:
    """The property at fault; for `items[0].quantity` it is `items`."""
    return (found.field or "").partition("[")[0]


def _cells(
    layer: Layer, properties: dict[str, Any], entry: Entry
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Texts by target, as the cells of a sheet would hold them, and the records, each likewise."""
    cells: dict[str, str] = {}
    records: list[dict[str, str]] = []
    fields = {f.id: f for f in layer.fields}
    for name, value in properties.items():
        f = fields.get(name)
        if f is None and name not in HEAD:
            _refuse_unknown(layer, name, entry)
        elif f is not None and f.type == "records" and isinstance(value, list):
            records = _records(f, value, entry)
            if not value:
                cells[f"field:{name}"] = ""
        else:
            text = _listed(value) if f is not None and f.type == "list" else None
            text = _scalar(value, f.type if f is not None else "text") if text is None else text
            if text is not None:
                cells[f"field:{name}" if f is not None else name] = text
            elif f is None:
                entry.problems.append(_told("not_text", name, title=HEAD[name]))
            else:
                entry.problems.append(
                    _told(_SHAPES.get(f.type, "not_text"), name, title=f.title, columns=_columns(f))
                )
    return cells, records


def _refuse_unknown(layer: Layer, name: str, entry: Entry) -> None:
    allowed = [*HEAD.items(), *((f.id, f.title) for f in layer.fields)]
    entry.problems.append(
        _told(
            "read_only" if name in GIVEN_BY_US else "unknown_property",
            name,
            title=layer.title,
            allowed="、".join(f"{key}（{title}）" for key, title in allowed),
        )
    )


def _scalar(value: Any, kind: str) -> str | None:
    """The text that one cell would hold; None where none can."""
    if isinstance(value, bool) and kind != "boolean":
        return None
    if value is None or isinstance(value, str | int | float):
        return clean([text_of(value)])[0]
    return None


def _listed(value: Any) -> str | None:
    if not isinstance(value, list):
        return None
    parts = [_scalar(part, "text") for part in value]
    return None if None in parts else "、".join(p for p in parts if p)


def _columns(f: LayerField) -> str:
    return "，".join(f"{c.id}（{c.title}）" for c in f.columns)


def _records(f: LayerField, value: list[Any], entry: Entry) -> list[dict[str, str]]:
    """One row a record, in its place, whatever is wrong with it."""
    rows: list[dict[str, str]] = []
    titles = {c.id: c.title for c in f.columns}
    if len(value) > MOST_RECORDS:
        entry.problems.append(_told("too_many", f.id, title=f.title, limit=MOST_RECORDS))
        return rows
    for index, record in enumerate(value):
        at = f"{f.id}[{index}]"
        rows.append({})
        if not isinstance(record, dict):
            entry.problems.append(_told("not_records", at, title=f.title, columns=_columns(f)))
            continue
        for name, part in record.items():
            text = _scalar(part, "text")
            if name not in titles:
                entry.problems.append(
                    _told("unknown_property", f"{at}.{name}", title=f.title, allowed=_columns(f))
                )
            elif text is None:
                entry.problems.append(_told("not_text", f"{at}.{name}", title=titles[name]))
            else:
                rows[-1][name] = text
    return rows


def _check(
    layer: Layer,
    cells: dict[str, str],
    records: list[dict[str, str]],
    entry: Entry,
    *,
    whole: bool,
) -> None:
    given = {target.removeprefix("field:") for target in cells}
    said = {p.field for p in entry.problems}
    bad = {_property(p) for p in entry.problems}
    items = next((f.id for f in layer.fields if f.type == "records"), "")
    if items in given:
        records = []
    checked = check(_ledger(layer, cells, records), _with_key_column(layer))
    for found in checked.problems:
        if (found.column or "").startswith("item:"):
            if found.code == "record_incomplete" and not _is_required(layer, items, found.field):
                continue
            found.field = f"{items}[{found.seq}].{found.field}"
            if found.field in said:
                continue
        elif found.seq > 0 or found.field in bad or (records and found.field == items):
            continue  # said already, or a scalar that merely stands beside every record
        elif not whole and found.field not in given:
            continue
        entry.problems.append(found)
    heads = {"code": checked.codes, "name": checked.names, "verified_at": checked.verified}
    entry.head = {name: heads[name][0] for name in HEAD if whole or name in given}
    entry.attrs = {name: checked.fields[name][0] for name in given if name not in HEAD}
    if records:
        entry.attrs[items] = [r for r in checked.items if r is not None] or None
        declared = layer.field(items)
        if declared.required and not entry.attrs[items] and items not in bad:
            entry.problems.append(problem("required_missing", field=items, title=declared.title))


def _is_required(layer: Layer, items: str, column: str | None) -> bool:
    return any(c.required for c in layer.field(items).columns if c.id == column)


def _with_key_column(layer: Layer) -> Layer:
    """The layer with a required record column: without one, a sheet's columns are no records."""
    fields = [
        f.model_copy(
            update={"columns": (f.columns[0].model_copy(update={"required": True}), *f.columns[1:])}
        )
        if f.columns and not any(c.required for c in f.columns)
        else f
        for f in layer.fields
    ]
    return layer.model_copy(update={"fields": tuple(fields)})


def _ledger(layer: Layer, cells: dict[str, str], records: list[dict[str, str]]) -> Ledger:
    """One sheet whose headings are the targets; with records, a row each."""
    height = max(1, len(records))
    texts = {target: [text] * height for target, text in ({"name": ""} | cells).items()}
    for f in layer.fields:
        if records:
            texts |= {f"item:{c.id}": [r.get(c.id, "") for r in records] for c in f.columns}
    columns = [Column(position, target, target) for position, target in enumerate(texts)]
    heading = Heading(first=0, row=0, columns=columns)
    sheet = Sheet(
        name="",
        visible=True,
        left=1,
        crs=None,
        has_shapes=False,
        numbers=list(range(height)),
        columns=list(texts.values()),
        shapes=[],
    )
    part = Part(sheet=sheet, heading=heading, offset=0, columns=heading.by_target)
    return Ledger(parts=[part], problems=[], left_out=[])


def _told(code: str, name: str, **gaps: Any) -> Problem:
    return Problem("", None, None, name, code, _WORDS[code].format(name=shorten(name), **gaps))


def read_place(geometry: Any, system: System) -> Place | Problem:
    """A GeoJSON Point of `system` as WGS-84, or why it is none."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if geometry is None:
        return problem("coordinates_missing", field=_WHERE)
    if isinstance(kind, str) and kind in _KINDS:
        return problem("not_a_point", field=_WHERE, kind=_KINDS[kind])
    pair = geometry.get("coordinates") if kind == "Point" else None
    if (
        not isinstance(pair, list)
        or len(pair) not in (2, 3)
        or any(isinstance(v, bool) or not isinstance(v, int | float) for v in pair)
    ):
        value = None if pair is None else str(pair)
        return problem("coordinates_unreadable", field=_WHERE, value=value)
    value = "，".join(text_of(v) for v in pair[:2])
    x, y = (float(v) if abs(v) < 1e9 else np.nan for v in pair[:2])
    lon, lat = to_wgs84(x, y, system)
    if not np.isfinite(lon) or not np.isfinite(lat):
        return problem("not_a_place", field=_WHERE, value=value)
    return Place(round(float(lon), DIGITS), round(float(lat), DIGITS), raw=(x, y))


def settle(place: Place, regions: RegionIndex, scope: str | None) -> Problem | None:
    """Give the place its region; a problem where it lies outside or in somebody else's.

    `regions` holds those around the point (or the nearest ones), and the scope's own.
    """
    lon, lat = np.array([place.lon]), np.array([place.lat])
    held = int(regions.assign(lon, lat)[0])
    value = f"{place.lon}，{place.lat}"
    region = regions.regions[held] if held >= 0 else None
    west, south, east, north = CHINA
    if region is None and not (west < place.lon < east and south < place.lat < north):
        return problem("not_a_place", field=_WHERE, value=value)
    if scope is not None and (region is None or scope not in region.path):
        metres = float(regions.distances(lon, lat, regions.area(scope))[0])
        return problem(
            "outside_region",
            field=_WHERE,
            value=value,
            region=regions.by_code[scope].name,
            distance=spoken(metres),
        )
    if region is not None:
        place.region_code = region.code
        place.township_code = regions.township_of(region.code)
    elif len(regions):
        index, metres_all = regions.nearest(lon, lat)
        return problem(
            "outside_county",
            field=_WHERE,
            value=value,
            distance=spoken(float(metres_all[0])),
            nearest=regions.regions[int(index[0])].name,
        )
    return None
