"""Units of numbers: what a heading, a title or a cell says that a number is counted in."""

import re
import unicodedata

MEASURES = (
    "立方米|立方|平方米|公斤|千克|千瓦|顶|床|件|套|台|辆|艘|只|个|把|根|条|包|袋|箱|瓶|桶|支|盏|块|米|吨|升|双|副|张|具"
    "|部|架|名|人|份|盒|卷|方|捆|组|座|匹|头|口|面|扇|片|对|批|处|间|架次|斤|枚|盘|发|节|罐"
    "|筐|付|枝|听|台套|件套|kg|t|m"
)
"""Measure words of things in stock, for patterns."""

# Factor to the first unit of the same group. 千人 and 百万元 follow from their words.
_GROUPS: tuple[dict[str, float], ...] = (
    {"元": 1},
    {"平方米": 1, "平米": 1, "平方": 1, "平": 1, "㎡": 1, "m2": 1, "m²": 1,
     "亩": 10000 / 15, "公顷": 1e4, "hm2": 1e4, "平方公里": 1e6, "平方千米": 1e6, "km2": 1e6},
    {"米": 1, "m": 1, "公里": 1e3, "千米": 1e3, "km": 1e3},
    {"立方米": 1, "立方": 1, "方": 1, "m3": 1, "m³": 1},
    {"人": 1, "名": 1, "位": 1, "个": 1},
    {"户": 1, "家": 1},
    {"千克": 1, "公斤": 1, "kg": 1, "吨": 1e3, "t": 1e3},
)  # fmt: skip
TIMES = {"十": 10.0, "百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_many = re.compile(r"([十百千]?[万亿]|[十百千])(.*)").fullmatch
_foreign = re.compile(
    r".{0,2}(?:美元|欧元|港元|港币|日元|英镑|美金|人次|%|‰|斤|克|尺|里|厘米|毫米)"
).fullmatch
"""Units that numbers of ours are never counted in, but which are no remarks either."""


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


_FOLDED = tuple({_plain(name): size for name, size in group.items()} for group in _GROUPS)


def factor(unit: str, wanted: str) -> float | None:
    """What turns a number of `unit` into one of `wanted`; None where it cannot be.

    万 alone counts what the field counts: 20万 is 200000 元 of property, or 200000 人.
    """
    unit, wanted = _plain(unit), _plain(wanted)
    if unit == wanted:
        return 1.0
    for group in _FOLDED:
        ours = _size(wanted, group)
        if ours is not None and (theirs := _size(unit, group) or _many_of(unit)) is not None:
            return theirs / ours
    return None


def _size(unit: str, group: dict[str, float]) -> float | None:
    """How many of the first unit of its group a unit is."""
    if unit in group:
        return group[unit]
    many = _many(unit)
    return _times(many[1]) * group[many[2]] if many and many[2] in group else None


def _many_of(unit: str) -> float | None:
    many = _many(unit)
    return _times(many[1]) if many and not many[2] else None


def _times(words: str) -> float:
    product = 1.0
    for word in words:
        product *= TIMES[word]
    return product


def is_unit(text: str) -> bool:
    """Brackets hold remarks too (必填, 见说明): a unit is what numbers are counted in."""
    plain = _plain(text)
    known = any(_size(plain, group) is not None for group in _FOLDED)
    return known or _many_of(plain) is not None or _foreign(plain) is not None


def without_unit(heading: str) -> str:
    """威胁人口/人 is 威胁人口; 队长/负责人 stays."""
    before, _, last = heading.rpartition("/")
    return before if before and is_unit(last) else heading
