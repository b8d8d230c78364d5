"""Columns that hold two things, and things that are spread over columns.

A name and its phone in one cell become two fields; a stock table with one column an item becomes
the list of items. Both are said in a note; whatever does not come apart cleanly stays as it is, and
the row is refused where it is checked.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.counts import with_units
from mapsvc.ingest.everyones import MINUTES, SECONDS
from mapsvc.ingest.grouped import Group, name_of, set_groups, take_groups, unit_beside
from mapsvc.ingest.headings import Column, phone_of
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.one_of import take_ticks
from mapsvc.ingest.several import take_counts
from mapsvc.ingest.units import MEASURES, factor
from mapsvc.ingest.values import blank

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_LONG_NUMBER = re.compile(r"\d{7}")
_WORDS = re.compile(r"[\u4e00-\u9fff]{2}|[办手宅]")
_PHONE = re.compile(r"(?<!\d)(?:\+?86-?)?(1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|\d{7,8})(?!\d)")
_SPACED = re.compile(r"(?<!\d)(1[3-9]\d)[ -](\d{4})[ -](\d{4})(?!\d)")
_REMARK = re.compile(r"\d\s*\([^\d()]+\)")
_LABEL = re.compile(r"(?:联系)?(?:电话|手机号码|手机号|手机|方式)[::]?|tel[::.]?", re.IGNORECASE)
_NOBODY = re.compile(
    r"办(?:公(?:室|电话)?)?|手|宅|住宅|家庭|座机|固话|固定|值班室?|总机|传真"
).fullmatch
"""办0745-5612345: where a phone rings, and no name."""
_BETWEEN = re.compile(r"[\s,、;/|::\-]+")
_LONGEST_NAME = 20

_QUANTITY = re.compile(rf"\d[\d,]*(?:\.\d+)?\s*(?:{MEASURES})?")
_ITEM = re.compile(
    "帐篷|棉被|被褥|棉衣|大衣|毯|折叠床|行军床|睡袋|橡皮船|橡皮艇|冲锋舟|救生|编织袋|麻袋|沙袋|砂袋|水泵|抽水机|发电机"
    "|应急灯|照明|手电|强光|雨衣|雨鞋|雨靴|铁锹|铁铲|铁锨|铁镐|锄头|绳|油锯|灭火|水枪|风力|割灌机|对讲机|喇叭|铜锣|口罩"
    "|防护服|手套|头盔|安全帽|警示|石料|块石|木桩|铅丝|土工布|彩条布|篷布|方便面|饼干|食品|矿泉水|饮用水|药品|担架|急救"
    "|消毒|无人机|卫星电话|消防车|运输车|救护车|挖掘机|装载机|推土机|铲车|喷雾器|水带|二号工具|砍刀|物资包|炊具|电缆|雨伞"
)
_PLANNED = "应储|应有|应配|计划|定额|标准|需求|缺口|缺额|已用|领用|损耗|报废|上年|去年|年初|拟购"
_OF_ITEM = re.compile(
    f"(?:金额|价|价值|面积|日期|时间|年份|编号|高度|长度|容量|功率|重量|(?:{_PLANNED})数?量?)$"
).search
"""帐篷金额: what is said of a thing, and no thing."""
_NO_ITEM = re.compile(
    f"{_PLANNED}|面积|金额|价|年|月|日期|时间|编号|编码|代码|序|电话|手机|邮编|率|比例|高程|海拔|总|计|长|宽|高度|深|坡|经|纬|坐标"
    "|人数|户数|人口|人员|专职|兼职|党员|容积|容量|面数|层数|距离|等级|级别|身份证|账号|备注|评分|得分|公里|里程|温度|湿度|数$|号$"
)


def split(part: "Part", layer: Layer) -> Iterator[Problem]:
    """Derive columns of a sheet; yields the notes about it."""
    _angles(part)
    _two_under_one(part)
    name_from(part, layer)
    yield from _people(part, layer)
    yield from take_ticks(part, layer)
    yield from take_counts(part, layer)
    take_groups(part, layer)
    yield from _items(part, layer)
    with_units(part, layer)


def continued(part: "Part", layer: Layer, skipped: Collection[int]) -> Iterator[Problem]:
    """Rows of items under their depot, whose name and place stand in the first of them only."""
    records = next((f for f in layer.fields if f.type == "records"), None)
    first = next((c.id for c in records.columns if c.type == "text"), "") if records else ""
    items, names = part.cells(f"item:{first}"), part.cells("name")
    if items is None or names is None:
        return
    codes = part.cells("code") or [""] * part.height
    places = [c for t in ("lon", "lat", "x", "y", "point") if (c := part.cells(t)) is not None]
    keys = list(zip(codes, names, strict=True))
    last, count = -1, 0
    for row, (code, name) in enumerate(keys):
        if part.offset + row in skipped:
            continue
        same = blank(code) and (blank(name) or (last >= 0 and name.strip() == names[last].strip()))
        if last < 0 or not same or any(not blank(c[row]) for c in places):
            last = row
        elif not blank(items[row]):
            keys[row] = keys[last]
            count += 1
    if count:
        for target, texts in zip(("code", "name"), zip(*keys, strict=True), strict=True):
            if target in part.columns:
                part.derived[target] = list(texts)
        yield problem("rows_continued", sheet=part.sheet.name, count=count)


def name_from(part: "Part", layer: Layer) -> None:
    """Names put together from other columns, where the sheet has none for them.

    A row without the first of them has no name: 副镇长 alone could be anybody's.
    """
    targets = [f"field:{name}" for name in layer.headings.name_from]
    if "name" in part.columns or not targets or any(t not in part.columns for t in targets):
        return
    part.columns["name"] = replace(part.columns[targets[0]], target="name")
    texts = zip(*(part.cells(t) or [] for t in targets), strict=True)
    part.derived["name"] = [
        "" if blank(row[0]) else "".join(t.strip() for t in row if not blank(t)) for row in texts
    ]


def _angles(part: "Part") -> None:
    """Degrees, minutes and seconds in three columns become one text each: 112°30′15.6″."""
    for axis in ("lon", "lat"):
        minutes = part.cells(axis + MINUTES)
        degrees = part.cells(axis)
        if minutes is None or degrees is None:
            continue
        seconds = part.cells(axis + SECONDS) or [""] * part.height
        part.derived[axis] = [
            "".join(
                cell.strip() + mark
                for cell, mark in zip(cells, "°′″", strict=True)
                if not blank(cell)
            )
            if not blank(cells[1])
            else cells[0]
            for cells in zip(degrees, minutes, seconds, strict=True)
        ]


def _two_under_one(part: "Part") -> None:
    """A heading like 经纬度 over two columns, of which the second has none of its own."""
    column = part.columns.get("point")
    if column is None or {"lon", "lat", "x", "y"} & part.columns.keys():
        return
    beside = part.heading.columns[column.position + 1 : column.position + 2]
    if not beside or beside[0].heading:
        return
    start = part.heading.first
    ones = part.sheet.columns[column.position][start:]
    others = part.sheet.columns[column.position + 1][start:]
    if sum(bool(o.strip()) for o in others) * 2 > sum(bool(o.strip()) for o in ones):
        beside[0].target = "point"
        part.derived["point"] = [
            f"{one.strip()}，{other.strip()}" if other.strip() else one
            for one, other in zip(ones, others, strict=True)
        ]


def _phone_beside(part: "Part", person_at: str, phone_at: str) -> None:
    """A heading like 负责人及电话 over two columns, of which the second has none of its own."""
    column = part.columns.get(person_at)
    if column is None or phone_at in part.columns:
        return
    beside = part.heading.columns[column.position + 1 : column.position + 2]
    if not beside or beside[0].heading:
        return
    cells = part.sheet.columns[beside[0].position][part.heading.first :]
    filled = [cell for cell in cells if not blank(cell)]
    if filled and sum(bool(_PHONE.search(_folded(c))) for c in filled) * 2 > len(filled):
        beside[0].target = phone_at
        part.columns[phone_at] = replace(beside[0], heading=column.heading)


def _people(part: "Part", layer: Layer) -> Iterator[Problem]:
    for f in layer.fields:
        phone = phone_of(layer, f.id)
        if phone is None:
            continue
        person_at, phone_at = f"field:{f.id}", f"field:{phone.id}"
        _phone_beside(part, person_at, phone_at)
        people, phones = part.cells(person_at), part.cells(phone_at)
        if people is not None and _LONG_NUMBER.search(_folded("\n".join(people))):
            source = part.columns[person_at]
        elif people is None and phones is not None and _WORDS.search("\n".join(phones)):
            source = part.columns[phone_at]
        else:
            continue
        empty = [""] * part.height
        pairs = [
            _pair(*both, phone_first=people is None, alone=phones is None or people is None)
            for both in zip(people or empty, phones or empty, strict=True)
        ]
        if pairs == list(zip(people or empty, phones or empty, strict=True)):
            continue
        for target, texts in zip((person_at, phone_at), zip(*pairs, strict=True), strict=True):
            part.columns.setdefault(target, replace(source, target=target))
            part.derived[target] = list(texts)
        yield problem(
            "person_split",
            sheet=part.sheet.name,
            column=source.heading,
            heading=source.heading,
            person=f.title,
            phone=phone.title,
        )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _pair(person: str, phone: str, *, phone_first: bool, alone: bool) -> tuple[str, str]:
    """Person and phone of a row; both as they were where one cell does not come apart cleanly.

    `alone`: one column is for both, so that a phone without a name is no mistake.
    """
    found = _apart(phone if phone_first else person)
    if found is None or not (found[0] or alone):
        return person, phone
    names, numbers = found
    if phone_first or blank(phone) or _digits(phone) == _digits(numbers):
        return names, numbers
    return person, phone


def _digits(text: str) -> str:
    return re.sub(r"\D", "", _folded(text))


def _apart(text: str) -> tuple[str, str] | None:
    """`张三13800000000` → `张三`, `13800000000`; as many names as phones, one name, or none."""
    plain_text = _SPACED.sub(r"\1\2\3", _folded(text))
    if _REMARK.search(plain_text):
        return None
    phones = [m[1] for m in _PHONE.finditer(plain_text)]
    rest = _LABEL.sub(" ", _PHONE.sub(" ", plain_text))
    rest = re.sub(r"\(\s*\)", " ", rest)
    names = [n for n in _BETWEEN.split(rest) if n and not _NOBODY(n)]
    if not phones or (len(names) > 1 and len(names) != len(phones)):
        return None
    if any(len(n) > _LONGEST_NAME or re.search(r"\d", n) for n in names):
        return None
    return "、".join(names), "、".join(phones)


def _items(part: "Part", layer: Layer) -> Iterator[Problem]:
    records = next((f for f in layer.fields if f.type == "records"), None)
    if records is None or not _has_items(records):
        return
    target = f"field:{records.id}"
    first = next(c for c in records.columns if c.type == "text")
    if target in part.columns or f"item:{first.id}" in part.columns:
        return
    free = [c for c in _wholes(part) if c.target is None and c.heading]
    known = [c for c in free if _is_item(c) and _countable(part, c) > 0]
    if not known:
        return
    columns = [
        c
        for c in free
        if c in known
        or (
            not _NO_ITEM.search(name_of(c))
            and _countable(part, c) == 1
            and not _ITEM.search(name_of(c))
        )
    ]
    set_groups(part, records, [Group(c, unit=unit_beside(part, records, c)) for c in columns])
    headings = "、".join(name_of(c) for c in columns)
    yield problem("items_from_columns", sheet=part.sheet.name, headings=headings)


def _wholes(part: "Part") -> list[Column]:
    """Columns but those that count a part of what is left of them: 其中：单帐篷, 其中：专职."""
    found: list[Column] = []
    counted_left = False
    for column in part.heading.columns:
        if "其中" not in column.heading:
            known = (column.target or "").startswith("field:")
            counted_left = known or _is_item(column)
        elif counted_left:
            continue
        found.append(column)
    return found


def _is_item(column: Column) -> bool:
    name = name_of(column)
    return bool(_ITEM.search(name)) and not _OF_ITEM(name) and factor(column.unit, "元") is None


def _has_items(records: LayerField) -> bool:
    kinds = {c.type for c in records.columns}
    return "text" in kinds and bool(kinds & {"integer", "number"})


def _countable(part: "Part", column: Column) -> float:
    """Share of the filled cells that hold a quantity."""
    cells = part.sheet.columns[column.position][part.heading.first :]
    filled = [c for c in cells if not blank(c) and c.strip() != "无"]
    good = sum(bool(_QUANTITY.fullmatch(_folded(c).strip())) for c in filled)
    return good / len(filled) if filled else 0.0
