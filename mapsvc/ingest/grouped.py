"""Things in columns: one a column (帐篷 棉被), or in groups side by side (物资1 数量1 物资2 数量2).

Each group holds one thing of the row's feature; together they are its list.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.headings import BRACKETS, Column, plain
from mapsvc.ingest.units import MEASURES
from mapsvc.ingest.values import BETWEEN_ITEMS, BETWEEN_PARTS, LEFT_OUT, blank, counted

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_NUMBERED = re.compile(r"(.+?)[_-]?\(?(\d{1,2}|[一二三四五六七八九十])\)?").fullmatch
_REMARK = re.compile(rf"(?!\((?:\d{{1,2}}|[一二三四五六七八九十])\)){BRACKETS.pattern}")
_COUNT = re.compile("(?:数量|合计|小计|总计|总数|总量|库存)$")
_PART = re.compile("^其中[::]?")
_PER = re.compile(rf"(?<=.)/({MEASURES})$")
"""抽水泵/台: the measure word behind the thing."""
_is_measure = re.compile(MEASURES).fullmatch


@dataclass(slots=True)
class Group:
    """The columns of one thing; without `item` the heading of its quantity names it."""

    quantity: Column
    item: Column | None = None
    unit: Column | None = None

    @property
    def columns(self) -> list[Column]:
        return [c for c in (self.item, self.quantity, self.unit) if c]


def take_groups(part: "Part", layer: Layer) -> None:
    """Two or more complete groups become the list of things."""
    records = next((f for f in layer.fields if f.type == "records"), None)
    if records is not None and f"field:{records.id}" not in part.columns:
        groups = _found(part, records)
        if len(groups) > 1:
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
    things = (_thing(part, group, index) for group in part.groups)
    told = ([text or LEFT_OUT for text in thing] for thing in things if _is_thing(thing))
    return BETWEEN_ITEMS.join(map(BETWEEN_PARTS.join, told))


def _is_thing(thing: tuple[str, str, str]) -> bool:
    item, quantity, _ = thing
    return bool(item or quantity)


def _thing(part: "Part", group: Group, index: int) -> tuple[str, str, str]:
    """Name, quantity and unit of a row's thing; both of the first are empty where it has none."""

    def cell(column: Column) -> str:
        text = part.sheet.columns[column.position][part.heading.first + index].strip()
        return "" if blank(text) else text

    quantity = cell(group.quantity)
    if group.item is None:
        quantity = "" if quantity == "无" else quantity
        item = name_of(group.quantity) if quantity else ""
    else:
        item = cell(group.item)
    return item, quantity, (cell(group.unit) if group.unit else "") or _measure(group.quantity)


def uncounted(part: "Part", index: int) -> Iterator[tuple[Column, str, str, dict[str, Any]]]:
    """Where a row lacks a thing or its quantity: column, cell, code of the message and its gaps."""
    for group in part.groups:
        item, quantity, _ = thing = _thing(part, group, index)
        if not _is_thing(thing):
            continue
        for column, text in ((group.item, item), (group.quantity, quantity)):
            if column and not text:
                yield column, "", "record_incomplete", {"title": column.heading}
        if quantity and counted(quantity) is None:
            named = name_of(group.quantity) if group.item is None else group.quantity.heading
            gaps = {"item": named, "quantity": quantity[:40]}
            yield group.quantity, quantity, "item_not_a_number", gaps


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
    before: Counter[tuple[str, str]] = Counter()
    sets: dict[tuple[str, int], dict[str, Column]] = defaultdict(dict)
    for column in part.heading.columns:
        key, mark = _REMARK.sub("", plain(column.lowest or column.heading)), ""
        if key not in known and (numbered := _NUMBERED(key)):
            key, mark = numbered[1], numbered[2]
        if of := known.get(key):
            sets[mark, before[mark, of]][of] = column
            before[mark, of] += 1
    whole = (found for found in sets.values() if item in found and number in found)
    return [Group(found[number], found[item], found.get(unit)) for found in whole]


def name_of(column: Column) -> str:
    """The item that a heading names: its lowest row, without unit and stars.

    Where that only says 数量 or 合计, the group above it.
    """
    texts = (_PER.sub("", plain(t)) for t in (column.lowest, column.heading))
    lowest, whole = (BRACKETS.sub("", text) for text in texts)
    if _COUNT.fullmatch(lowest):
        return _PART.sub("", _COUNT.sub("", whole) or whole)
    return _PART.sub("", (lowest or whole).removesuffix("数量"))


def _measure(column: Column) -> str:
    behind = _PER.search(plain(column.lowest or column.heading))
    unit = behind[1] if behind else column.unit
    return unit if _is_measure(unit) else ""
