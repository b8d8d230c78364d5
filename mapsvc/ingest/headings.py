"""The heading row and what each column means.

Real ledgers have title rows above, a unit row below, headings of two or three rows, brackets,
stars and line breaks inside. A column is recognised by its whole heading first, then without its
brackets; the layer's own fields come before the names that every layer knows.
"""

import re
import unicodedata
from collections.abc import KeysView
from dataclasses import dataclass, field

from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.everyones import EVERYONES, MINUTES, SECONDS
from mapsvc.ingest.sandbox import Sheet
from mapsvc.ingest.spoken import of_heading, without_system
from mapsvc.ingest.traditional import simplified
from mapsvc.ingest.units import MEASURES, is_unit, without_unit

SEARCHED_ROWS = 30
DEEPEST = 3

_PLACES = ("lon", "lat", "x", "y", "point")
_CONTAINING = (
    ("point", re.compile(r"经纬度|經緯度|lng.?lat|lon.?lat")),
    ("lon", re.compile(r"经度|經度|longitude")),
    ("lat", re.compile(r"纬度|緯度|维度|latitude")),
)
_ANGLE = re.compile(
    r"(经度|东经|e|纬度|维度|北纬|n)[en]?\(?(度|分|秒|°|['′’]|[\"″”]|′′)\)?"
).fullmatch
"""`经度(分)`: degrees, minutes and seconds in columns of their own."""
_AXES = {"经度": "lon", "东经": "lon", "e": "lon"}
_STEPS = dict.fromkeys("度°", "") | dict.fromkeys("分'′’", MINUTES)
BRACKETS = re.compile(r"[(\[【〔][^()\[\]【】〔〕]*[)\]】〕]")
_NAME_WORD = re.compile(r"(?:的)?姓名$")
_PHONE_WORD = re.compile(
    r"(?P<and>(?:姓名)?[及和与、/,兼])?(?:联系)?(?:电话号码|电话|手机号码|手机号|手机|联系方式)$"
)
_FIRST_OF_MANY = re.compile(r"(?<=\D)[1一]$")
_GENERIC = re.compile(
    "姓名|名字|名称|编号|编码|代码|(?:联系)?电话(?:号码)?|手机号?码?|联系方式|职务|职位|(?:工作)?单位|级别|类型|类别"
    "|面积|数量|地址|位置|人数|负责人|联系人|日期|时间|状态"
)
"""Words that only mean something under the heading above them."""
_ABOUT = re.compile("(?:基本)?(?:情况|信息|概况|统计|数据)$")
_ABOUT_TABLE = re.compile(r"[^:：]+[:：]\s*\S.*", re.DOTALL).fullmatch
_NEUTRAL = re.compile("基本|信息|情况|概况|坐标|位置|登记|台账|一览|明细|内容|属性|其他|地理|空间")
STARS = re.compile(r"[*＊★☆△▲]|\((?:必填|选填|必填项|可选)\)")
_UNIT_CELL = re.compile(
    r"^[(\[]?(?:单位[:：]?)?(人|户|万元|元|米|千米|公里|平方米|平方公里|亩|公顷|度|°|度\.?分\.?秒|°′″|个|m|km|m2|㎡|"
    rf"吨|年月日|年/月/日|立方米|万立方米|{MEASURES})[)\]]?$"
)
_UNIT_LINE = re.compile(r"单位[:：]?\s*([^\s()。;:]+)")
_ANYONES_PHONE = re.compile("(?:联系)?(?:电话(?:号码)?|手机号?码?|方式)").fullmatch
_ANYONES_POST = re.compile("职务|职位").fullmatch
_SOMEBODY = re.compile("(?:(?<!联系)人|员|长|书记|主任|支书|姓名|领导|干部)$").search
_OF_SOMEBODY = re.compile("职务|职位|(?:工作)?单位|部门|性别").fullmatch
"""What may stand between a person and the phone."""


@dataclass(slots=True)
class Column:
    """One column: where it stands, what their file calls it, what it means to us."""

    position: int
    heading: str
    target: str | None = None
    """`name`, `code`, `lon`, …, `field:<id>`, `item:<id>`; None where nothing fits."""
    unit: str = ""
    hint: str | None = None
    """Coordinate system that the heading names."""
    loses_to: str | None = None
    """Heading of the column that was given the target instead."""
    lowest: str = ""
    """The lowest row of a heading of several rows."""
    over: str = ""
    """The row above that one."""


@dataclass(slots=True)
class Heading:
    """The heading of a sheet; data begins at index `first` of its rows."""

    first: int
    row: int
    columns: list[Column] = field(default_factory=list)
    units_at: int | None = None
    units: tuple[str, ...] = ()
    """What a title above says that numbers are counted in: 金额单位：元."""

    @property
    def by_target(self) -> dict[str, Column]:
        return {c.target: c for c in self.columns if c.target and c.loses_to is None}


class Dictionary:
    """Every heading that a layer understands: normalised text → (target, rank); low rank wins."""

    def __init__(self, layer: Layer) -> None:
        self._known: dict[str, tuple[str, int]] = {}
        self._phones = {
            f"field:{f.id}": f"field:{phone.id}"
            for f in layer.fields
            if (phone := phone_of(layer, f.id)) is not None
        }
        self._posts = {
            f"field:{f.id.removesuffix('_person')}_post": f"field:{f.id}"
            for f in layer.fields
            if f.type == "person" and f.id.endswith("_person")
        }
        self.noun = layer.noun
        titles = [(f.title, f"field:{f.id}", 0) for f in layer.fields]
        for f in layer.fields:
            titles += [(f.id, f"field:{f.id}", 30), (f"{f.title}名称", f"field:{f.id}", 40)]
            titles += [(h, f"field:{f.id}", 2 + i) for i, h in enumerate(f.headings)]
            for c in f.columns:
                titles += [(c.title, f"item:{c.id}", 0), (c.id, f"item:{c.id}", 30)]
                titles += [(h, f"item:{c.id}", 2 + i) for i, h in enumerate(c.headings)]
        titles += [(h, "code", 1 + i) for i, h in enumerate(layer.headings.code)]
        titles += [(h, "name", 1 + i) for i, h in enumerate(layer.headings.name)]
        titles += [("code", "code", 50), ("name", "name", 50), (f"{layer.noun}名称", "name", 0)]
        titles += [(f"{layer.noun}编号", "code", 0)]
        titles += [
            (h, target, 60 + i) for target, hs in EVERYONES.items() for i, h in enumerate(hs)
        ]
        for text, target, rank in titles:
            key = plain(text)
            if key not in self._known or rank < self._known[key][1]:
                self._known[key] = (target, rank)

    @property
    def words(self) -> KeysView[str]:
        """Headings in their plain spelling."""
        return self._known.keys()

    def find(self, text: str) -> tuple[str, int] | None:
        """Target and rank of a heading as it stands in a file, or None."""
        hit = self.known(text)
        key = plain(text)
        if hit is None and key and len(key) <= 60:
            for target, pattern in _CONTAINING:
                if pattern.search(key):
                    return target, 90
        return hit

    def cut(self, text: str) -> tuple[str, int] | None:
        """The one meaning of a name of ten bytes, all that a shapefile has room for."""
        key = plain(text)
        if not any(9 <= len(key.encode(e, "replace")) <= 10 for e in ("utf-8", "gb18030")):
            return None
        targets = {hit[0] for word, hit in self._known.items() if word.startswith(key)}
        return (targets.pop(), 80) if len(targets) == 1 else None

    def known(self, text: str) -> tuple[str, int] | None:
        """The same, without headings that only contain a word for a coordinate."""
        key = plain(text)
        if not key:
            return None
        if angle := _ANGLE(key):
            return _AXES.get(angle[1], "lat") + _STEPS.get(angle[2], SECONDS), 62
        bare = without_unit(BRACKETS.sub("", key))
        for candidate in (key, bare):
            if candidate in self._known:
                return self._known[candidate]
        place = self._known.get(without_system(bare))
        return place if place and place[0] in _PLACES else self._composed(bare)

    def owned(self, hit: tuple[str, int] | None, columns: list[Column]) -> tuple[str, int] | None:
        """Whose phone or post a last column 联系电话 or 职务 holds: that of the person before it.

        None where that person is none of the layer's, or has no such field.
        """
        *before, last = columns
        if hit is not None and (owner := self._posts.get(hit[0])):
            return hit if self._is_own_post(before, last, owner) else None
        if hit is None or not _ANYONES_PHONE(BRACKETS.sub("", plain(last.heading))):
            return hit
        for column in reversed(before):
            key = BRACKETS.sub("", plain(column.heading))
            if column.target in self._phones:
                return self._phones[column.target], hit[1]
            if column.target is None and _SOMEBODY(key):
                return None
            if not _OF_SOMEBODY(key):
                break
        return hit

    def _is_own_post(self, before: list[Column], last: Column, owner: str) -> bool:
        """Does a column that is only called 职务 stand beside nobody, or beside its own person?"""
        if not _ANYONES_POST(BRACKETS.sub("", plain(last.heading))):
            return True
        for column in reversed(before):
            key = BRACKETS.sub("", plain(column.heading))
            if column.target in self._phones or _SOMEBODY(key):
                return column.target == owner
            if not (_OF_SOMEBODY(key) or _PHONE_WORD.search(key)):
                break
        return True

    def _composed(self, key: str) -> tuple[str, int] | None:
        """`监测人联系电话`, `包保责任人姓名`, `包保责任人及电话`, `监测人姓名1`."""
        first = _FIRST_OF_MANY.sub("", key)
        if first != key:
            hit = self._known.get(first) or self._composed(first)
            return (hit[0], hit[1] + 8) if hit else None
        named = _NAME_WORD.sub("", key)
        if named != key:
            hit = self._known.get(named)
            return (hit[0], hit[1] + 5) if hit and hit[0] in self._phones else None
        match = _PHONE_WORD.search(key)
        base = key[: match.start()] if match else ""
        if not match or not base:
            return None
        hit = self._known.get(base) or self._known.get(_NAME_WORD.sub("", base))
        if hit and hit[0] in self._phones:
            return (hit[0] if match["and"] else self._phones[hit[0]]), hit[1] + 5
        hit = self._known.get(f"{base}电话")
        return (hit[0], hit[1] + 5) if hit and not match["and"] else None


def phone_of(layer: Layer, person: str) -> LayerField | None:
    """The phone field that belongs to a person field by its id, or None."""
    wanted = f"{person.removesuffix('_person')}_phone"
    if not any(f.id == person and f.type == "person" for f in layer.fields):
        return None
    return next((f for f in layer.fields if f.id == wanted and f.type == "phone"), None)


def plain(text: str) -> str:
    """A heading without what people add to it: width, case, spaces, line breaks, stars.

    Traditional characters become simplified ones.
    """
    folded = simplified(unicodedata.normalize("NFKC", text).lower())
    return STARS.sub("", re.sub(r"\s+", "", folded)).strip(":")


def find_heading(sheet: Sheet, dictionary: Dictionary) -> Heading | None:
    """The heading of a sheet, or None where no row reads like one."""
    if sheet.has_shapes:
        return _columns(sheet, dictionary, 0, 1) if sheet.height else None
    # Further down a heading must be far better: its repetition makes no titles of the rows above.
    best, best_score, best_depth = -1, 1, 1
    for index in range(min(SEARCHED_ROWS, sheet.height)):
        for depth in range(1, DEEPEST + 1):
            if depth > 1 and not _belongs(sheet, index + depth - 1):
                break
            score = _score(sheet, dictionary, index, depth)
            if score > (best_score if index < best + DEEPEST else best_score * 4 // 3):
                best, best_score, best_depth = index, score, depth
    if best < 0:
        return None
    while (
        best_depth > 1
        and _is_title(sheet, best)
        and (_score(sheet, dictionary, best + 1, best_depth - 1) >= best_score)
    ):
        best, best_depth = best + 1, best_depth - 1
    while best_depth < DEEPEST and _begins_above(sheet, best):
        best, best_depth = best - 1, best_depth + 1
    while best_depth < DEEPEST and _goes_on(sheet, dictionary, best, best_depth):
        best_depth += 1
    return _columns(sheet, dictionary, best, best_depth)


def _begins_above(sheet: Sheet, index: int) -> bool:
    """Do cells that are merged over two rows bind a row of the heading to the one above it?"""
    if not index or not _is_words(sheet, index - 1):
        return False
    pairs = list(zip(_row(sheet, index - 1), _row(sheet, index), strict=True))
    same = sum(bool(lower.strip()) and upper == lower for upper, lower in pairs)
    return same > 1 and any(
        upper.strip() and lower.strip() and upper != lower for upper, lower in pairs
    )


def _goes_on(sheet: Sheet, dictionary: Dictionary, index: int, depth: int) -> bool:
    """Is the next row a part of the heading? It names columns of a group and no row's name."""
    if not _is_words(sheet, index + depth):
        return False
    upper, lower = _row(sheet, index + depth - 1), _row(sheet, index + depth)
    new = [at for at, text in enumerate(lower) if text.strip() and text != upper[at]]
    if len(new) < 2 or all(upper[at].strip() for at in new):
        return False
    stacks = _stacks(sheet, index, depth)
    targets = [(_meaning(*stack, dictionary)[1] or ("", 0))[0] for stack in stacks]
    return "name" in targets and not any(
        targets[at] in ("name", "code", "lon", "lat") for at in new
    )


def _row(sheet: Sheet, index: int) -> list[str]:
    return [column[index] for column in sheet.columns]


def _is_words(sheet: Sheet, index: int) -> bool:
    """Could this row belong to a heading? Short texts, no number that looks like a value."""
    if index >= sheet.height:
        return False
    cells = [c.strip() for c in _row(sheet, index) if c.strip()]
    return bool(cells) and all(len(c) <= 40 and not re.fullmatch(r"[\d.,:/-]+", c) for c in cells)


def _belongs(sheet: Sheet, index: int) -> bool:
    """Could a row and the one above it be parts of one heading?

    A lower row names the columns of groups; where most of its cells stand under a text of their
    own, it is the first row of data, or that above is the last before a repeated heading.
    """
    if not (_is_words(sheet, index - 1) and _is_words(sheet, index)):
        return False
    upper, lower = ([c.strip() for c in _row(sheet, at)] for at in (index - 1, index))
    filled = [at for at, text in enumerate(lower) if text]
    own = [
        at
        for at in filled
        if upper[at]
        and upper[at] != lower[at]
        and not (at + 1 < len(upper) and lower[at + 1] and upper[at + 1] in ("", upper[at]))
        and not (at and upper[at - 1] == upper[at])
    ]
    return len(own) * 2 <= len(filled)


def _is_title(sheet: Sheet, index: int) -> bool:
    """Is it about the table and not about columns? One text over all, or 单位：… and 日期：…"""
    texts = {text.strip() for text in _row(sheet, index)} - {""}
    return len(texts) <= 1 or all(map(_ABOUT_TABLE, texts))


def _score(sheet: Sheet, dictionary: Dictionary, index: int, depth: int) -> int:
    if index + depth > sheet.height:
        return 0
    found = {
        hit[0]
        for cells in _stacks(sheet, index, depth)
        if (hit := _meaning(*cells, dictionary)[1]) is not None
    }
    names_rows = "name" in found or "code" in found
    return len(found - {"seq"}) if names_rows or len(found) >= 3 else 0


def _stacks(sheet: Sheet, index: int, depth: int) -> list[tuple[list[str], bool]]:
    """Of each column the texts of its heading, top first, and whether it stands in a group.

    A text that spans several columns is written in the first of them only.
    """
    rows = [[" ".join(c.split()) for c in _row(sheet, i)] for i in range(index, index + depth)]
    grouped = [False] * len(sheet.columns)
    for level in range(depth - 1):
        upper = rows[level]
        lower = [next(filter(None, below), "") for below in zip(*rows[level + 1 :], strict=True)]
        for at in range(1, len(upper)):
            inside = level == 0 or rows[level - 1][at] == rows[level - 1][at - 1]
            opened = upper[at - 1] and lower[at - 1] and lower[at - 1] != upper[at - 1]
            if inside and not upper[at] and lower[at] and opened:
                upper[at] = upper[at - 1]
                grouped[at - 1] = grouped[at] = True
            elif upper[at] and upper[at] == upper[at - 1] and lower[at] != lower[at - 1]:
                grouped[at - 1] = grouped[at] = True
    return [
        (_with_unit(list(dict.fromkeys(row[at] for row in rows if row[at]))), grouped[at])
        for at in range(len(sheet.columns))
    ]


def _with_unit(texts: list[str]) -> list[str]:
    """A lowest row that is nothing but (户) belongs to the text above it."""
    if len(texts) > 1 and BRACKETS.fullmatch(low := plain(texts[-1])) and _UNIT_CELL.match(low):
        return [*texts[:-2], texts[-2] + texts[-1]]
    return texts


def _meaning(
    texts: list[str], grouped: bool, dictionary: Dictionary
) -> tuple[str, tuple[str, int] | None]:
    """Their heading and its target: what all rows say together, else the lowest that is known.

    A word like 电话 in a group means the phone of that group and of nobody else.
    """
    if not texts:
        return "", None
    joined = "".join(texts)
    if len(texts) == 1:
        return joined, dictionary.find(joined)
    group = _ABOUT.sub("", plain(texts[-2]))  # 威胁情况 over 人口 is 威胁人口
    said = (joined, "".join(texts[-2:]), texts[0] + texts[-1], group + texts[-1])
    for text in dict.fromkeys(said):
        hit = dictionary.known(text)
        if hit:
            return text, hit
    low = texts[-1]
    if not grouped:
        found = ((text, dictionary.find(text)) for text in reversed(texts))
        return next((f for f in found if f[1]), (joined, dictionary.find(joined)))
    above = plain(texts[-2])
    own = bool(_NEUTRAL.search(above)) or above in dictionary.noun or dictionary.noun in above
    if _GENERIC.fullmatch(plain(low)) and not own:
        return joined, None
    hit = dictionary.find(low)
    return (low, hit) if hit else (joined, None)


def _columns(sheet: Sheet, dictionary: Dictionary, index: int, depth: int) -> Heading:
    first = index + depth
    heading = Heading(first=first, row=sheet.numbers[index], units=_units_above(sheet, index))
    units = _unit_row(sheet, first)
    if units:
        heading.units_at = first
        heading.first += 1
    ranks: dict[str, tuple[int, Column]] = {}
    for position, (texts, grouped) in enumerate(_stacks(sheet, index, depth)):
        text, hit = _meaning(texts, grouped, dictionary)
        if hit is None and sheet.has_shapes:
            hit = dictionary.cut(text)
        column = Column(position, text, unit=_unit(text, units[position] if units else ""))
        column.over, column.lowest = ["", "", *texts][-2:]
        heading.columns.append(column)
        hit = dictionary.owned(hit, heading.columns)
        if hit is None:
            continue
        column.target, rank = hit
        column.hint = of_heading(" ".join(texts))
        held = ranks.get(column.target)
        if held is None or rank < held[0]:
            if held:
                held[1].loses_to = text
            ranks[column.target] = (rank, column)
        else:
            column.loses_to = held[1].heading
    _pair_up(heading)
    return heading


def _pair_up(heading: Heading) -> None:
    """Of several pairs of coordinates take one of a single system, and one that is not shifted."""
    axes = [[c for c in heading.columns if c.target == axis] for axis in ("lon", "lat")]
    if not all(axes) or len(axes[0]) + len(axes[1]) == len(axes):
        return
    winners = [next(c for c in axis if c.loses_to is None) for axis in axes]
    systems: tuple[str | None, ...] = (None, "wgs84", "cgcs2000", "gcj02", "bd09")
    if winners[0].hint == winners[1].hint:
        systems = systems[1:3] if winners[0].hint in systems[3:] else ()
    for hint in systems:
        pair = [next((c for c in axis if c.hint == hint), None) for axis in axes]
        if all(pair):
            for axis, used in zip(axes, pair, strict=True):
                for column in axis:
                    column.loses_to = None if column is used or used is None else used.heading
            return


def _units_above(sheet: Sheet, index: int) -> tuple[str, ...]:
    """Units that the lines above a heading name; `单位：西山镇` names none."""
    found: list[str] = []
    for row in range(index):
        for cell in dict.fromkeys(_row(sheet, row)):
            for text in _UNIT_LINE.findall(unicodedata.normalize("NFKC", cell)):
                found += [unit for unit in re.split(r"[、,/;和及]", text) if is_unit(unit)]
    return tuple(found)


def _unit(heading: str, below: str) -> str:
    inside = BRACKETS.findall(bare := unicodedata.normalize("NFKC", heading))
    if not inside and bare != without_unit(bare):
        inside = [bare.rpartition("/")[2]]
    text = below if below.strip() else (inside[-1] if inside else "")
    return unicodedata.normalize("NFKC", text).strip("()[]【】〔〕 ").removeprefix("单位:").strip()


def _unit_row(sheet: Sheet, index: int) -> list[str]:
    """The units in a row, without what is merged into it from above; nothing in any other row."""
    if index >= sheet.height:
        return []
    above = _row(sheet, index - 1) if index else []
    row = ["" if above and c == above[at] else c for at, c in enumerate(_row(sheet, index))]
    cells = [plain(c) for c in row if c.strip()]
    known = all(_UNIT_CELL.match(c) or is_unit(c.strip("()[]")) for c in cells)
    return row if cells and known else []
