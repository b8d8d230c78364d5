"""What a filter compares: the fields of a layer, what every feature has, values, stock()."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, Literal

from psycopg import sql

from mapsvc.catalog import Layer, LayerField
from mapsvc.errors import UnknownField
from mapsvc.filters.reading import BadFilter

Kind = Literal["text", "number", "date", "boolean", "list", "records"]

KINDS = {
    "text": "文字",
    "number": "数字",
    "date": "日期",
    "boolean": "是或否",
    "list": "多项",
    "records": "清单",
}
_KIND_OF: dict[str, Kind] = {
    "integer": "number",
    "number": "number",
    "date": "date",
    "boolean": "boolean",
    "list": "list",
    "records": "records",
}
HOW = {
    "text": "文字用英文单引号括起，如 '县级'",
    "number": "数字不加引号，如 20",
    "date": "日期写成 '2026-01-31'",
    "boolean": "写 true 或 false",
}


@dataclass(frozen=True, slots=True)
class Term:
    """One side of a comparison: SQL over alias f, its kind, what the person calls it."""

    kind: Kind
    sql: sql.Composable
    said: str
    field: LayerField | None = None


# What every feature has: id, what people call it, kind, SQL.
_COMMON: tuple[tuple[str, str, Kind, str], ...] = (
    ("code", "编号", "text", "f.code"),
    ("name", "名称", "text", "f.name"),
    ("region_code", "区域代码", "text", "f.region_code"),
    ("region_name", "所属区域", "text", "(select name from region where code = f.region_code)"),
    ("verified_at", "核实日期", "date", "f.verified_at::text"),
    (
        "age_days",
        "核实天数",
        "number",
        "(current_date - coalesce(f.verified_at, f.updated_at::date))::float8",
    ),
)


def common() -> Iterator[tuple[str, Term]]:
    for name, title, kind, text in _COMMON:
        yield name, Term(kind, sql.SQL(text), title)


def declared(field: LayerField) -> Term:
    """A declared field. Values of another type than declared (an older layer file) are null."""
    name = sql.Literal(field.id)
    kind = _KIND_OF.get(field.type, "text")
    text = {
        "number": "(case when jsonb_typeof(f.attrs -> {0}) = 'number'"
        " then (f.attrs ->> {0})::float8 end)",
        "boolean": "(case when jsonb_typeof(f.attrs -> {0}) = 'boolean'"
        " then (f.attrs ->> {0})::boolean end)",
        "list": "(f.attrs -> {0})",
        "records": "(f.attrs -> {0})",
    }.get(kind, "(f.attrs ->> {0})")
    return Term(kind, sql.SQL(text).format(name), field.title, field)


def find(layer: Layer, name: str) -> Term:
    """The field by its id or its title; UnknownField names those there are."""
    everywhere = dict(common())
    if name in everywhere:
        return everywhere[name]
    named = [f for f in layer.fields if f.id == name] or [
        f for f in layer.fields if f.title == name
    ]
    if named:
        return declared(named[0])
    for term in everywhere.values():
        if term.said == name:
            return term
    fields = [f"{f.title}（{f.id}）" for f in layer.fields]
    allowed = "、".join(fields + [f"{term.said}（{id_}）" for id_, term in everywhere.items()])
    raise UnknownField(
        f"“{layer.title}”没有字段“{name[:60]}”。可用的字段：{allowed}。",
        layer=layer.id,
        allowed=[f.id for f in layer.fields] + list(everywhere),
    )


def stock(layer: Layer, item: sql.Composable, unit: sql.Composable | None) -> Term:
    """How much of an item there is and has not expired, over the layer's records field."""
    field = next((f for f in layer.fields if f.type == "records"), None)
    columns = {c.id for c in field.columns} if field else set()
    if field is None or not {"item", "quantity"} <= columns:
        raise BadFilter(f"“{layer.title}”没有物资清单，不能用 stock()。")
    parts: list[sql.Composable] = [sql.SQL("i ->> 'item' = {}").format(item)]
    if unit is not None:
        parts.append(sql.SQL("i ->> 'unit' = {}").format(unit))
    if "expires" in columns:
        parts.append(sql.SQL("coalesce(i ->> 'expires' >= current_date::text, true)"))
    total = sql.SQL(
        "(select coalesce(sum((i ->> 'quantity')::float8), 0) from jsonb_array_elements("
        "case when jsonb_typeof(f.attrs -> {0}) = 'array' then f.attrs -> {0} else '[]' end) i"
        " where jsonb_typeof(i -> 'quantity') = 'number' and {1})"
    ).format(sql.Literal(field.id), sql.SQL(" and ").join(parts))
    return Term("number", total, "stock()", field)


def value_for(term: Term, given: Any, layer: Layer) -> str | float | bool:
    """The written value as one that can be compared with the term; BadFilter says what fits."""
    if isinstance(given, dict) and set(given) == {"date"}:
        given = given["date"]
    if term.kind == "number" and type(given) in (int, float) and isfinite(given):
        return float(given)
    if term.kind == "boolean" and isinstance(given, bool):
        return given
    if term.kind == "date" and isinstance(given, str):
        try:
            return date.fromisoformat(given).isoformat()
        except ValueError:
            pass
    if term.kind == "text" and isinstance(given, str):
        return _spelling(term, given)
    written = _written(given)
    how = HOW.get(term.kind, "")
    raise BadFilter(
        f"“{layer.title}”的“{term.said}”是{KINDS[term.kind]}，不能与 {written} 比较；{how}。"
    )


def _spelling(term: Term, given: str) -> str:
    """An enum's value, from any of its spellings."""
    if term.field is None or not term.field.values:
        return given
    for value in term.field.values:
        if given == value.value or given in value.synonyms:
            return value.value
    allowed = "、".join(v.value for v in term.field.values)
    raise BadFilter(f"“{term.said}”没有取值“{given[:40]}”。可用：{allowed}。")


def _written(given: Any) -> str:
    if isinstance(given, str):
        return f"文字“{given[:40]}”"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (int, float)):
        return f"数字 {given:g}"
    if isinstance(given, dict) and "timestamp" in given:
        return f"时间 {str(given['timestamp'])[:40]}"
    return "这样的值"
