"""What is asked for, line by line: checked, under one name, no two lines over the same stock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from mapsvc.errors import BadInput
from mapsvc.planning.cards import NeedBook, folded
from mapsvc.planning.solve import Kind

MOST_LINES = 30
MOST_QUANTITY = 1e9
_PEOPLE, _TEAM = "人", "支"
_UNITS = {"": _PEOPLE, "人": _PEOPLE, "名": _PEOPLE, "支": _TEAM, "队": _TEAM, "个队": _TEAM}


@dataclass(frozen=True, slots=True)
class Need:
    """One line. An item without a unit has `unit` None until it is known how it is stored."""

    what: Literal["item", "capability"]
    name: str
    quantity: float
    unit: str | None
    spellings: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        if self.what == "item":
            return "stock"
        return "people" if self.unit == _PEOPLE else "teams"


@dataclass(frozen=True, slots=True)
class Asked:
    """A line as it was sent."""

    item: str | None
    capability: str | None
    quantity: float
    unit: str | None


def resolve(lines: Sequence[Asked], book: NeedBook) -> list[Need]:
    """The needs; lines that mean the same are one, so that nothing is promised twice."""
    if not lines:
        raise BadInput("请至少写一项需要的物资或能力。", code="no_needs")
    if len(lines) > MOST_LINES:
        raise BadInput(
            f"需求过多（{len(lines)} 项），请不要超过 {MOST_LINES} 项。", code="bad_need"
        )
    return merged([_resolved(number, line, book) for number, line in enumerate(lines, 1)])


def merged(needs: Sequence[Need]) -> list[Need]:
    """Lines over the same stock or the same people as one."""
    made: dict[tuple[str, str, str | None], Need] = {}
    for need in needs:
        key = (need.what, folded(need.name), need.unit)
        known = made.get(key, replace(need, quantity=0.0))
        made[key] = replace(known, quantity=known.quantity + need.quantity)
    return list(made.values())


def _resolved(number: int, line: Asked, book: NeedBook) -> Need:
    item, capability = (line.item or "").strip(), (line.capability or "").strip()
    if bool(item) == bool(capability):
        raise _bad(number, "item（物资）和 capability（能力）应写且只写一个")
    if len(item or capability) > 60:
        raise _bad(number, "名称过长，请不要超过 60 字")
    if not (isfinite(line.quantity) and 0 < line.quantity <= MOST_QUANTITY):
        raise _bad(number, f"数量应大于 0，不超过 {MOST_QUANTITY:,.0f}")
    unit = "".join((line.unit or "").split())
    if len(unit) > 20:
        raise _bad(number, "单位过长")
    if item:
        name = book.name_of("item", item)
        spellings = tuple(book.spellings("item", name))
        return Need("item", name, line.quantity, unit or None, spellings)
    if unit not in _UNITS:
        raise _bad(number, "能力的单位只能是 人（人数）或 支（队伍数）")
    if line.quantity != int(line.quantity):
        raise _bad(number, "人数和队伍数应为整数")
    name = book.name_of("capability", capability)
    spellings = tuple(book.spellings("capability", name))
    return Need("capability", name, line.quantity, _UNITS[unit], spellings)


def _bad(number: int, reason: str) -> BadInput:
    return BadInput(f"第 {number} 项需求：{reason}。", code="bad_need", line=number)
