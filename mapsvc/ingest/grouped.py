"""Things in columns: one a column (帐篷 棉被), or in groups side by side (物资1 数量1 物资2 数量2).

Each group holds one thing of the row's feature; together they are its list.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mapsvc.catalog import Column as RecordColumn
from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.headings import BRACKETS, STARS, Column, plain
from mapsvc.ingest.units import MEASURES, TIMES
from mapsvc.ingest.values import (
    BETWEEN_ITEMS,
    BETWEEN_PARTS,
    LEFT_OUT,
    Wrong,
    blank,
    counted,
    parser,
)

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_NUMBERED = re.compile(r"(.+?)[_-]?\(?(\d{1,2}|[一二三四五六七八九十])\)?").fullmatch
_REMARK = re.compile(rf"(?!\((?:\d{{1,2}}|[一二三四五六七八九十])\)){BRACKETS.pattern}")
_COUNT = re.compile(
    "(?:数量|合计|小计|总计|总数|总量|库存|(?:实储|实有|现有|现存|在库|结存)数?量?)$"
)
_ACTUAL = re.compile("(?:(?:实储|实有|现有|现存|在库|结存)(?:数量?)?|数量)$")
_PART = re.compile("^其中[::]?")
_PER = re.compile(rf"(?<=.)/([十百千万]?(?:{MEASURES}))$")
"""抽水泵/台: the measure word behind the thing."""
_is_measure = re.compile(MEASURES).fullmatch
_many = re.compile(rf"(?:单位[::]?)?([十百千万]?)({MEASURES})").fullmatch
_NONE = frozenset({"无", "暂无", "没有"})
_NO_NAME = frozenset({"数量", "个数", "必填", "选填", "可选"})
_HALF = str.maketrans("（）：／［］", "():/[]")


@dataclass(slots=True)
class Group:
    """The columns of one thing; without `item` the heading of its quantity names it."""

    quantity: Column
    item: Column | None = None
    unit: Column | None = None
    rest: list[tuple[RecordColumn, Column]] = field(default_factory=list)
    """What else is said of a thing: 有效期至."""

    @property
    def columns(self) -> list[Column]:
        named = (self.item, self.quantity, self.unit, *(column for _, column in self.rest))
        return [column for column in named if column]


def take_groups(part: "Part", layer: Layer) -> None:
    """Two or more complete groups become the list of things."""
    records = next((f for f in layer.fields if f.type == "records"), None)
    if records is None:
        return
    groups = _found(part, records)
    listed = part.columns.get(f"field:{records.id}")
    if len(groups) > 1 and (listed is None or any(listed in g.columns for g in groups)):
        set_groups(part, records, groups)


def set_groups(part: "Part", records: LayerField, groups: list[Group]) -> None:
    """Make the list of things of every row."""
    target = f"field:{records.id}"
    for column in (c for group in groups for c in group.columns):
        column.target, column.loses_to = target, None
    for column in part.heading.columns:
        if (column.target or "").startswith("item:"):
            column.target = None  # it belongs to one of the things, who knows to which
    for c in records.columns:
        part.columns.pop(f"item:{c.id}", None)
    part.groups = groups
    part.columns[target] = groups[0].quantity
    part.derived[target] = [_listed(part, index) for index in range(part.height)]


def _listed(part: "Part", index: int) -> str:
    told = []
    for group in part.groups:
        item, quantity, unit = _thing(part, group, index)
        rest = [f"{of.id}={cell}" for of, c in group.rest if (cell := _cell(part, c, index))]
        if item or quantity or rest:
            parts = [item, quantity, unit, *rest]
            told.append(BETWEEN_PARTS.join(text or LEFT_OUT for text in parts))
    return BETWEEN_ITEMS.join(told)


def _cell(part: "Part", column: Column | None, index: int) -> str:
    if column is None:
        return ""
    text = part.sheet.columns[column.position][part.heading.first + index].strip()
    return "" if blank(text) else text


def _thing(part: "Part", group: Group, index: int) -> tuple[str, str, str]:
    """Name, quantity and unit of a row's thing; both of the first are empty where it has none."""
    item, quantity = _cell(part, group.item, index), _cell(part, group.quantity, index)
    if group.item is None:
        quantity = "" if quantity in _NONE else quantity
        item = name_of(group.quantity) if quantity else ""
    elif item in _NONE and not quantity:
        item = ""
    times, unit = _measure(group.quantity)
    if times != 1 and (match := counted(quantity)) and not match[2]:
        quantity = f"{float(match[1].replace(',', '')) * times:.10g}"
    return item, quantity, _cell(part, group.unit, index) or unit


def uncounted(part: "Part", index: int) -> Iterator[tuple[Column, str, str, dict[str, Any]]]:
    """What is wrong with a row's things: column, cell, code of the message and its gaps."""
    for group in part.groups:
        item, quantity, _ = _thing(part, group, index)
        rest = [(of, c, cell) for of, c in group.rest if (cell := _cell(part, c, index))]
        if not (item or quantity or rest):
            continue
        for column, text in ((group.item, item), (group.quantity, quantity)):
            if column and not text:
                yield column, "", "record_incomplete", {"title": column.heading}
        if quantity and counted(quantity) is None:
            named = name_of(group.quantity) if group.item is None else group.quantity.heading
            gaps = {"item": named, "quantity": quantity[:40]}
            yield group.quantity, quantity, "item_not_a_number", gaps
        for declared, column, cell in rest:
            value = parser(declared)(cell)
            if isinstance(value, Wrong):
                yield column, cell, value.code, value.gaps


def unit_beside(part: "Part", records: LayerField, column: Column) -> Column | None:
    """A column 单位 behind that of a thing, which holds measures."""
    for beside in part.heading.columns[column.position + 1 : column.position + 2]:
        cells = part.sheet.columns[beside.position][part.heading.first :]
        means = _record_headings(records).get(plain(beside.lowest or beside.heading))
        if means == _unit_id(records) and all(blank(c) or _is_measure(c.strip()) for c in cells):
            return beside
    return None


def _record_headings(records: LayerField) -> dict[str, str]:
    return {plain(h): c.id for c in records.columns for h in (c.title, *c.headings)}


def _unit_id(records: LayerField) -> str | None:
    texts = [c.id for c in records.columns if c.type == "text"]
    return texts[1] if len(texts) > 1 else None


def _found(part: "Part", records: LayerField) -> list[Group]:
    """Groups by the number in their headings, else by how often a heading came before."""
    known, unit = _record_headings(records), _unit_id(records) or ""
    item = next((c.id for c in records.columns if c.type == "text"), "")
    number = next((c.id for c in records.columns if c.type in ("integer", "number")), "")
    whole = dict.fromkeys(map(plain, (records.title, *records.headings)), item)
    before: Counter[tuple[str, str]] = Counter()
    sets: dict[tuple[str, int], dict[str, Column]] = defaultdict(dict)
    for column in part.heading.columns:
        key, mark = _REMARK.sub("", plain(column.lowest or column.heading)), ""
        of = known.get(key)
        if of is None and (numbered := _NUMBERED(key)):
            key, mark = numbered[1], numbered[2]
            of = known.get(key) or whole.get(key)  # 装备1 is one thing, 装备 a list
        if of is not None:
            # Of two words for the same (物资名称, 品名) the first is it.
            sets[mark, before[mark, key]].setdefault(of, column)
            before[mark, key] += 1
    own = {item, number, unit}
    return [
        Group(
            one[number],
            one[item],
            one.get(unit),
            [(c, one[c.id]) for c in records.columns if c.id in one and c.id not in own],
        )
        for one in sets.values()
        if item in one and number in one
    ]


def name_of(column: Column) -> str:
    """The item that a heading names: its lowest row, without unit and stars.

    Where that only says 数量 or 合计, the group above it.
    """
    texts = (column.lowest, column.over, column.heading)
    lowest, over, whole = (_PER.sub("", _bare(text)) for text in texts)
    if _COUNT.fullmatch(lowest):
        return _PART.sub("", over or _COUNT.sub("", whole) or whole)
    return _PART.sub("", _ACTUAL.sub("", lowest or whole))


def _bare(text: str) -> str:
    """A heading without stars and without brackets round a unit; its letters stay as they are."""
    joined = STARS.sub("", "".join(text.split())).translate(_HALF).strip(":")
    return BRACKETS.sub(lambda found: "" if _says_unit(found[0][1:-1]) else found[0], joined)


def _says_unit(text: str) -> bool:
    return _many(text) is not None or text in _NO_NAME


def _measure(column: Column) -> tuple[float, str]:
    """What a number of the column is to be multiplied by, and counted in: 万条 is 10000 and 条."""
    behind = _PER.search(plain(column.lowest or column.heading))
    found = _many(behind[1] if behind else column.unit)
    return (TIMES.get(found[1], 1.0), found[2]) if found else (1.0, "")
