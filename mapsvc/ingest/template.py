"""A layer's template: headings, drop-downs and notes from its file, on request with its rows.

What is written here is what the reader understands: a prefilled template that is sent back as it
is changes nothing.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
import openpyxl
from anyio.to_thread import run_sync
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from mapsvc import features, regions
from mapsvc.catalog import Column as RecordColumn
from mapsvc.catalog import Layer, LayerField
from mapsvc.database import Db
from mapsvc.errors import Forbidden, TooLarge
from mapsvc.ingest.added import EXAMPLE, NOTES_SHEET, NOTES_TITLE
from mapsvc.ingest.headings import Dictionary
from mapsvc.sheets import fit_height, fit_paper, sheet_name, text_cell

_PAGE = 5000
_MOST_ROWS = 20_000
"""More is no form to be corrected by hand, and writing it would slow down everybody else."""
_SPARE_ROWS = 2000
"""Rows below the last that have drop-downs too."""
_LONGEST_LIST = 255
"""Characters of a drop-down list written into its rule; longer ones stand on the notes sheet."""
_LISTS_FROM = 10
"""Column of the notes sheet where such lists begin."""
_BOOLEAN = ("是", "否")
_HEAD = PatternFill("solid", fgColor="EAEFF0")
_LINE = Border(bottom=Side("thin", color="8A9A9E"))
_GREY = Font(italic=True, color="808080")

_FORMATS = {"integer": "0", "number": "General", "degree": "0.0000000", "date": "yyyy-mm-dd"}
_MEANINGS = {
    "text": ("文字", "示例文字"),
    "integer": ("整数", 12),
    "number": ("数字", 3.5),
    "date": ("日期，写成 年-月-日", "2026-05-01"),
    "boolean": ("从下拉列表中选“是”或“否”", True),
    "enum": ("从下拉列表中选一项", ""),
    "phone": ("手机 11 位，座机写 区号-号码；多个用顿号分开", "13800000000"),
    "person": ("只写姓名，电话写在电话列", "张某某"),
    "list": ("多项用顿号分开", ["甲", "乙"]),
    "degree": ("度，小数或度分秒都可以；每行都要有", 0.0),
}
_COORDINATES = (
    ("十进制度", "经度 112.5043333，纬度 28.2512345，小数保留 6 位以上。"),
    ("度分秒", "112°30′15.6″，或 112度30分15.6秒。"),
    ("平面坐标", "单位是米的 X、Y：把两列的表头改成“X坐标”“Y坐标”，数字照原样写，带号不要删。"),
    ("坐标系", "上传时会问“坐标系”，按坐标的来处选，分下面几种。"),
    ("", "手机定位、测绘成果、天地图：WGS84 或 CGCS2000。高德、腾讯地图：GCJ-02。"),
    ("", "百度地图：BD-09。平面坐标：相应的 EPSG 代号。"),
    ("不清楚时", "选“自动识别”：系统拿已入库的点和辖区边界来核对，分不清时会再问，不会猜。"),
    ("同一张表", "只用一种坐标系。选错了会偏几百米到一公里多。"),
)  # fmt: skip

Value = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Filling:
    """What a template is filled with; `title` becomes part of its file name."""

    title: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Features as GeoJSON, with `township` and `village` added to their properties."""


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    kind: str
    """A field type, or `degree`."""
    value: Value
    meaning: str = ""
    example: Any = None
    required: bool = False
    allowed: tuple[str, ...] = ()
    width: int = 14
    repeated: bool = False
    """Written on every row of a feature with several records, so that they stay together."""
    record: str = ""
    """The column of a record that it holds."""

    @property
    def shown(self) -> str:
        return self.heading + ("*" if self.required else "")


async def collect(
    db: Db,
    layer: Layer,
    *,
    prefilled: bool,
    region: str | None,
    scope: str | None,
    sees: str | None,
    most: int,
) -> Filling:
    """The rows of a prefilled template: those of `region`, else of the person's own, else all.

    Personal values are in clear in the region `sees` (None: everywhere), else masked; a mask that
    comes back unchanged changes nothing. Raises NotFound for an unknown region, Forbidden
    for one outside the person's own, TooLarge where there are more rows than an upload may have.
    """
    if not prefilled:
        return Filling("模板")
    wanted = region or scope
    title = "全部" if wanted is None else await regions.require(db, wanted)
    known = await _regions(db)
    if scope is not None and wanted is not None and scope not in known[wanted].path:
        raise Forbidden("只能下载本辖区的数据。")
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        texts, _, after = await features.page(
            db, layer, region=wanted, after=after, limit=_PAGE, scope=sees
        )
        rows += [msgspec.json.decode(text) for text in texts]
        if sum(_height(layer, row) for row in rows) > min(most, _MOST_ROWS):
            raise TooLarge(
                f"{layer.title}超过 {min(most, _MOST_ROWS)} 行，一张表放不下。"
                "请按乡镇分别下载（region=乡镇代码）。"
            )
    for row in rows:
        row["properties"] |= _named(known, row["properties"]["region_code"])
    return Filling(title, rows)


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    level: str
    path: list[str]


async def _regions(db: Db) -> dict[str, _Region]:
    cursor = await db.execute("select code, name, level, path from region")
    return {row[0]: _Region(*row[1:]) for row in await cursor.fetchall()}


def _named(known: dict[str, _Region], code: str | None) -> dict[str, str]:
    """The township and the village in which a feature lies."""
    above = [known[c] for c in known[code].path if c in known] if code in known else []
    return {r.level: r.name for r in above if r.level in ("township", "village")}


async def build(layer: Layer, filling: Filling) -> bytes:
    """The template as an xlsx file."""
    return await run_sync(_build, layer, filling)


def _build(layer: Layer, filling: Filling) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    columns = _columns(layer, filled=bool(filling.rows))
    rows = [row for feature in filling.rows for row in _rows(layer, columns, feature)]
    sheet, notes = book.create_sheet(sheet_name(layer.title)), book.create_sheet(NOTES_SHEET)
    _dress(sheet, columns)
    lists = _rules(sheet, columns, 1 + len(rows) + _SPARE_ROWS)
    sheet.append([_heading(sheet, column.shown) for column in columns])
    for row in rows:
        sheet.append([_cell(sheet, c, value) for c, value in zip(columns, row, strict=True)])
    if not rows:
        example = [_cell(sheet, c, c.example) for c in columns]
        for cell in example:
            if cell is not None:
                cell.font = _GREY
        sheet.append(example)
    _write_notes(notes, layer, columns, lists)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _columns(layer: Layer, *, filled: bool) -> list[_Column]:
    """The columns, each under a heading that the reader takes for that field and no other."""
    dictionary = Dictionary(layer)

    def named(target: str, *candidates: str) -> str | None:
        hits = ((c, dictionary.find(c)) for c in candidates)
        return next((c for c, hit in hits if hit and hit[0] == target), None)

    found: list[_Column | None] = [*_head_columns(layer, named, filled)]
    for f in layer.fields:
        if f.type == "records":
            found += [_record_column(layer, f, c, named) for c in f.columns]
        else:
            found.append(_field_column(f, named))
    heading = named("verified_at", "核实日期", "核查日期")
    meaning = "最近一次到现场核实的日期，写成 年-月-日"
    if heading:
        found.append(_Column(heading, "date", _property("verified_at"), meaning, "2026-05-01"))
    return [column for column in found if column is not None]


Named = Callable[..., str | None]


def _head_columns(layer: Layer, named: Named, filled: bool) -> list[_Column]:
    noun = layer.noun
    code = named("code", "编号", f"{noun}编号", *layer.headings.code) or "编号"
    name = named("name", "名称", f"{noun}名称", *layer.headings.name) or "名称"
    # What we write is WGS-84 and says so; in an empty form that is for the person to choose.
    system = "（WGS84）" if filled else ""
    columns = [
        _Column(
            code, "text", _property("code"), f"{noun}的编号，本乡镇内不能重复；更新时按它对应",
            EXAMPLE, repeated=True,
        ),
        _Column(
            name, "text", _property("name"), f"{noun}的名称", f"某某{noun}",
            required=True, width=26, repeated=True,
        ),
    ]  # fmt: skip
    for target, title, meaning in (
        ("township", "乡镇", "所在乡镇或街道，可以不写；写了会与坐标核对"),
        ("village", "村", "所在村或社区，可以不写"),
    ):
        heading = named(target, title, f"所属{title}", f"所在{title}")
        if heading:
            columns.append(_Column(heading, "text", _property(target), meaning, ""))
    for axis, title, example in ((0, "经度", 112.5043333), (1, "纬度", 28.2512345)):
        columns.append(
            _Column(
                f"{title}{system}", "degree", _coordinate(axis), _MEANINGS["degree"][0], example,
                required=True, width=17,
            )
        )  # fmt: skip
    return columns


def _property(name: str) -> Value:
    return lambda feature: feature["properties"].get(name)


def _coordinate(axis: int) -> Value:
    return lambda feature: feature["geometry"]["coordinates"][axis]


def _field_column(f: LayerField, named: Named) -> _Column | None:
    with_unit = f"{f.title}（{f.unit}）" if f.unit else f.title
    heading = named(f"field:{f.id}", with_unit, f.title, f.id, *f.headings)
    if heading is None:
        return None
    meaning, example = _MEANINGS[f.type]
    low = f"不小于 {f.minimum:g}" if f.minimum is not None else ""
    high = f"不大于 {f.maximum:g}" if f.maximum is not None else ""
    unit = f"单位：{f.unit}" if f.unit else ""
    allowed = tuple(v.value for v in f.values) if f.type == "enum" else ()
    return _Column(
        heading,
        f.type,
        _property(f.id),
        "；".join(part for part in (meaning, unit, low, high, f.note) if part),
        allowed[0] if allowed else example,
        required=f.required,
        allowed=_BOOLEAN if f.type == "boolean" else allowed,
        width=24 if f.type in ("text", "list") else 16,
    )


def _record_column(layer: Layer, f: LayerField, c: RecordColumn, named: Named) -> _Column | None:
    heading = named(f"item:{c.id}", c.title, f"{f.title}{c.title}", c.id, *c.headings)
    if heading is None:
        return None
    meaning, example = _MEANINGS[c.type]
    must = f"有{f.title}时必填；" if c.required else ""
    how = f"{f.title}：一行写一项，同一个{layer.noun}有几项就写几行，编号和名称照抄，其余只写第一行"
    value = _property(f.id)
    return _Column(
        heading, c.type, value, f"{must}{meaning}。{how}", example, width=16, record=c.id
    )


def _records(layer: Layer, feature: dict[str, Any]) -> list[dict[str, Any]]:
    name = next((f.id for f in layer.fields if f.type == "records"), "")
    return feature["properties"].get(name) or [{}]


def _height(layer: Layer, feature: dict[str, Any]) -> int:
    return len(_records(layer, feature))


def _rows(layer: Layer, columns: list[_Column], feature: dict[str, Any]) -> list[list[Any]]:
    """A feature as rows: one, or one a record, of which the first holds everything else."""
    items = _records(layer, feature)
    first = [items[0].get(c.record) if c.record else c.value(feature) for c in columns]
    rest = [
        [
            item.get(c.record) if c.record else c.value(feature) if c.repeated else None
            for c in columns
        ]
        for item in items[1:]
    ]
    return [first, *rest]


def _cell(sheet: Any, column: _Column, value: Any) -> Any:
    if value is None or value in ("", []):
        return None
    if column.kind == "boolean":
        value = _BOOLEAN[0] if value else _BOOLEAN[1]
    elif column.kind == "list" and isinstance(value, list):
        value = "、".join(map(str, value))
    elif column.kind == "date":
        value = _day(str(value))
    if isinstance(value, int | float | date):
        cell = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]
        cell.number_format = _FORMATS.get(column.kind, "General")
        return cell
    return text_cell(sheet, str(value))


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _heading(sheet: Any, text: str) -> Any:
    cell = text_cell(sheet, text)
    cell.font, cell.fill, cell.border = Font(bold=True), _HEAD, _LINE
    cell.alignment = Alignment(vertical="center", wrap_text=True)
    return cell


def _dress(sheet: Any, columns: list[_Column]) -> None:
    sheet.freeze_panes = "C2"
    for number, column in enumerate(columns, 1):
        dimension = sheet.column_dimensions[get_column_letter(number)]
        dimension.width = column.width
        # For the cells that are still blank: a phone typed there keeps its digits.
        dimension.number_format = _FORMATS.get(column.kind, "@")
    fit_paper(sheet, 1)


def _rules(sheet: Any, columns: list[_Column], last: int) -> list[tuple[str, ...]]:
    """Drop-downs for enums and booleans; returns the lists that must stand on the notes sheet."""
    lists: list[tuple[str, ...]] = []
    for number, column in enumerate(columns, 1):
        if not column.allowed:
            continue
        inline = ",".join(column.allowed)
        if len(inline) <= _LONGEST_LIST and not any(c in v for v in column.allowed for c in ',"'):
            source = f'"{inline}"'
        else:
            at = get_column_letter(_LISTS_FROM + len(lists))
            source = f"'{NOTES_SHEET}'!${at}$2:${at}${1 + len(column.allowed)}"
            lists.append(column.allowed)
        letter = get_column_letter(number)
        rule = DataValidation(
            type="list",
            formula1=source,
            allow_blank=True,
            showErrorMessage=True,
            errorTitle=column.heading[:30],
            error="请从下拉列表中选择。",
            sqref=f"{letter}2:{letter}{last}",
        )
        sheet.data_validations.append(rule)
    return lists


def _write_notes(
    sheet: Any, layer: Layer, columns: list[_Column], lists: list[tuple[str, ...]]
) -> None:
    widths = (22, 8, 60, 48, 24)
    for at, width in zip("ABCDE", widths, strict=True):
        sheet.column_dimensions[at].width = width
    fit_paper(sheet)
    rows: list[list[str]] = [
        [NOTES_TITLE],
        [f"{layer.title}：每行一个{layer.noun}。带 * 的列必填；不要改表头，列的先后不影响上传。"],
        [f"第一列写“{EXAMPLE}”的行是示例，上传时略过，也可以删去。"],
        ["列", "必填", "怎样填", "可以填的内容", "示例"],
    ]
    for c in columns:
        example = _plain(c)
        rows.append(
            [c.heading, "是" if c.required else "", c.meaning, "、".join(c.allowed), example]
        )
    rows += [["坐标怎样写"], *([title, "", text] for title, text in _COORDINATES)]
    height = max(len(rows), 1 + max((len(values) for values in lists), default=0))
    rows += [[] for _ in range(height - len(rows))]
    for index, values in enumerate(lists):
        for row, value in zip(rows[1:], values, strict=False):
            row.extend([""] * (_LISTS_FROM - 1 + index - len(row)))
            row.append(value)
    bold = {0, 3, 4 + len(columns)}
    for number, row in enumerate(rows):
        if number >= 3:
            fit_height(sheet, number + 1, zip(row, widths, strict=False))
        cells = [text_cell(sheet, text) if text else None for text in row]
        for cell in cells:
            if cell is not None:
                cell.font = Font(bold=number in bold)
                cell.alignment = Alignment(vertical="top", wrap_text=number >= 3)
        sheet.append(cells)


def _plain(column: _Column) -> str:
    example = column.example
    if isinstance(example, bool):
        return _BOOLEAN[0]
    return "、".join(example) if isinstance(example, list) else str(example or "")
