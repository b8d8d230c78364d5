"""Cells → typed columns, with every problem of every row at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mapsvc.catalog import Column as RecordColumn
from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest import verbatim
from mapsvc.ingest.grouped import uncounted
from mapsvc.ingest.headings import phone_of
from mapsvc.ingest.ledger import Ledger, Part
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.units import factor, is_unit
from mapsvc.ingest.values import (
    LONGEST_NOTHING,
    ODD_STARTS,
    PROTECTS,
    Parser,
    Wrong,
    blank,
    damaged,
    parse_code,
    parse_date,
    parse_name,
    parser,
    unwrapped,
)

_AT_ONCE = 2000
"""Cells that are told to be their own values together."""


@dataclass(slots=True)
class Checked:
    """Typed columns, one value a row of the ledger; None is an empty cell."""

    names: list[str | None]
    codes: list[str | None]
    verified: list[str | None]
    fields: dict[str, list[Any]]
    items: list[dict[str, Any] | None]
    """One record a row, where the file spreads a feature's records over rows."""
    keys: list[tuple[int, int, tuple[str, ...]]]
    """Of each part: first row, end, and the fields its sheet has a column for."""
    problems: list[Problem] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    itemised: bool = False

    def refuse(self, found: Problem) -> None:
        self.problems.append(found)
        if found.severity == "error":
            self.refused.add(found.seq)


class ParsedOnce(dict[str, Any]):
    """Text → value; a column repeats itself, so each text is parsed once."""

    def __init__(self, parse: Parser) -> None:
        super().__init__()
        self._parse = parse
        self.any_wrong = False

    def __missing__(self, raw: str) -> Any:
        text = raw.strip()
        if text[:1] in PROTECTS:
            text = unwrapped(text)
        value = None
        if len(text) > LONGEST_NOTHING or not blank(text):
            value = (text[0] in ODD_STARTS and damaged(text)) or self._parse(text)
            if type(value) is Wrong:
                self.any_wrong = True
        self[raw] = value
        return value


def check(ledger: Ledger, layer: Layer) -> Checked:
    """Every declared field of every row."""
    height = ledger.height
    empty: list[Any] = [None] * height
    checked = Checked(list(empty), list(empty), list(empty), {}, list(empty), [])
    for part in ledger.parts:
        span = slice(part.offset, part.offset + part.height)
        checked.names[span] = _column(ledger, checked, part, "name", parse_name, "name")
        checked.codes[span] = _column(ledger, checked, part, "code", parse_code, "code")
        checked.verified[span] = _column(ledger, checked, part, "verified_at", parse_date)
        present = _fields(ledger, checked, part, layer)
        _items(ledger, checked, part, layer, present)
        checked.keys.append((span.start, span.stop, tuple(present)))
        if ledger.delimited:
            _refuse_shifted(ledger, checked, part)
    _require_names(ledger, checked, layer)
    return checked


def _refuse_shifted(ledger: Ledger, checked: Checked, part: Part) -> None:
    """Rows of a text file with more cells than the heading: what stands where is not certain."""
    beyond = part.sheet.columns[part.last_named + 1 :]
    if not beyond and not ledger.longer:
        return
    heading = ledger.longer.get(part.heading.row, 0)
    for index, number in enumerate(part.numbers):
        extra = [cell for c in beyond if (cell := c[part.heading.first + index]).strip()]
        seq = part.offset + index
        shifted = extra or ledger.longer.get(number, 0) > heading
        if shifted and seq not in ledger.skipped:
            value = next(iter(extra), "")
            checked.refuse(problem("row_too_long", value=value, **ledger.at(seq)))


def _fields(ledger: Ledger, checked: Checked, part: Part, layer: Layer) -> list[str]:
    present: list[str] = []
    for f in layer.fields:
        target = f"field:{f.id}"
        if target not in part.columns:
            if f.required:
                _require(ledger, checked, part, f, [None] * part.height)
            continue
        present.append(f.id)
        column = checked.fields.setdefault(f.id, [None] * ledger.height)
        parse = _typed(checked, part, target, f)
        if phone := phone_of(layer, f.id):
            parse = _saying_where(parse, part, f, phone)
        values = _column(ledger, checked, part, target, parse, f.type)
        column[part.offset : part.offset + part.height] = values
        if f.type == "records":
            _tell_parts(ledger, checked, part, f, values)
        if f.type == "phone":
            _doubt_phones(ledger, checked, part, f, values)
        if f.required:
            _require(ledger, checked, part, f, values)
    return present


def _saying_where(parse: Parser, part: Part, person: LayerField, phone: LayerField) -> Parser:
    """A phone among the names: its own column is named as their file calls it."""
    own, column = (part.columns.get(f"field:{f.id}") for f in (person, phone))
    apart = column is not None and (own is None or own.position != column.position)
    where = (
        f"“{column.heading}”一列"
        if column and apart
        else f"“{phone.title}”一列（没有这一列就加上）"
    )

    def parsed(text: str) -> Any:
        value = parse(text)
        if type(value) is Wrong and value.code == "person_with_phone":
            return Wrong(value.code, {"where": where})
        return value

    return parsed


def _doubt_phones(
    ledger: Ledger, checked: Checked, part: Part, f: LayerField, values: list[Any]
) -> None:
    """1.38E+10 that a program turned into a number again is 13800000000."""
    if "00000000" not in "\n".join(filter(None, values)):
        return
    for index, value in enumerate(values):
        seq = part.offset + index
        if value is not None and "00000000" in value and seq not in ledger.skipped:
            where = ledger.at(seq, f"field:{f.id}")
            checked.refuse(problem("phone_rounded", field=f.id, value=value, **where))


def _tell_parts(
    ledger: Ledger, checked: Checked, part: Part, f: LayerField, values: list[Any]
) -> None:
    """`其中棉帐篷10顶` in a list of things was left out."""
    for index, text in enumerate(part.cells(f"field:{f.id}") or []):
        seq = part.offset + index
        if "其中" in text and values[index] is not None and seq not in ledger.skipped:
            where = ledger.at(seq, f"field:{f.id}")
            checked.refuse(problem("item_parts_left", field=f.id, value=text, **where))


def _typed(
    checked: Checked, part: Part, target: str, declared: LayerField | RecordColumn
) -> Parser:
    """The field's parser; a heading in a unit that cannot be converted stops the file."""
    column = part.columns[target]
    wanted = declared.unit if isinstance(declared, LayerField) else ""
    numeric = declared.type in ("integer", "number")
    unit = column.unit
    if numeric and wanted and factor(unit, wanted) is None:
        if is_unit(unit):
            checked.refuse(
                problem(
                    "unit_unknown",
                    sheet=part.sheet.name,
                    column=column.heading,
                    field=declared.id,
                    unit=column.unit,
                    expected=wanted,
                )
            )
        unit = next((u for u in part.heading.units if factor(u, wanted) is not None), "")
    return parser(declared, unit if numeric else "")


def _column(
    ledger: Ledger, checked: Checked, part: Part, target: str, parse: Parser, kind: str = ""
) -> list[Any]:
    texts = part.cells(target)
    if texts is None:
        return [None] * part.height
    memo, stand = ParsedOnce(parse), verbatim.OF.get(kind)
    values: list[Any] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        values += some if stand and stand(some) else map(memo.__getitem__, some)
    if memo.any_wrong:
        for index, value in enumerate(values):
            if isinstance(value, Wrong):
                _report(ledger, checked, part.offset + index, target, value, texts[index])
                values[index] = None
    return values


def _report(
    ledger: Ledger, checked: Checked, seq: int, target: str, wrong: Wrong, text: str
) -> None:
    if seq in ledger.skipped:
        return
    where = ledger.at(seq, target)
    name = target.partition(":")[2] or target
    if wrong.code == "item_not_a_number":
        part = ledger.part_of(seq)
        for column, cell, code, gaps in uncounted(part, seq - part.offset):
            where["column"] = column.heading
            checked.refuse(problem(code, value=cell or None, field=name, **where, **gaps))
        return
    checked.refuse(problem(wrong.code, value=text, field=name, **where, **wrong.gaps))


def _require(
    ledger: Ledger, checked: Checked, part: Part, f: LayerField, values: list[Any]
) -> None:
    already = {p.seq for p in checked.problems if p.field == f.id}
    for index, value in enumerate(values):
        seq = part.offset + index
        if value is None and seq not in ledger.skipped and seq not in already:
            where = ledger.at(seq, f"field:{f.id}")
            checked.refuse(problem("required_missing", field=f.id, title=f.title, **where))


def _items(ledger: Ledger, checked: Checked, part: Part, layer: Layer, present: list[str]) -> None:
    """Item columns: each row holds one record of its feature."""
    records = next((f for f in layer.fields if f.type == "records"), None)
    if records is None or records.id in present:
        return
    columns = [c for c in records.columns if f"item:{c.id}" in part.columns]
    if not any(c.required for c in columns):
        return
    checked.itemised = True
    present.append(records.id)
    checked.fields.setdefault(records.id, [None] * ledger.height)
    ids = [c.id for c in columns]
    typed = [
        _column(ledger, checked, part, f"item:{c.id}", _typed(checked, part, f"item:{c.id}", c))
        for c in columns
    ]
    for index, values in enumerate(zip(*typed, strict=True)):
        seq = part.offset + index
        if seq in ledger.skipped or all(v is None for v in values):
            continue
        record = {k: v for k, v in zip(ids, values, strict=True) if v is not None}
        checked.items[seq] = record
        for c in records.columns:
            if c.required and c.id not in record and seq not in checked.refused:
                where = ledger.at(seq, f"item:{c.id}")
                checked.refuse(problem("record_incomplete", field=c.id, title=c.title, **where))


def _require_names(ledger: Ledger, checked: Checked, layer: Layer) -> None:
    if not ledger.has("name"):
        expected = layer.headings.name[0] if layer.headings.name else "名称"
        checked.refuse(problem("no_name_column", expected=expected))
        return
    wrong = {p.seq for p in checked.problems if p.field == "name"}
    for seq in _without(checked.names):
        if seq not in ledger.skipped and seq not in wrong:
            where = ledger.at(seq, "name")
            checked.refuse(problem("name_missing", field="name", noun=layer.noun, **where))


def _without(values: Iterable[Any]) -> list[int]:
    return [seq for seq, value in enumerate(values) if value is None]
