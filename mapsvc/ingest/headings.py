"""The heading row and what each column means.

Real ledgers have title rows above, a unit row below, headings of two or three rows, brackets,
stars and line breaks inside. A column is recognised by its whole heading first, then without its
brackets; the layer's own fields come before the names that every layer knows.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from mapsvc.catalog import Layer
from mapsvc.ingest.sandbox import Sheet

SEARCHED_ROWS = 30
DEEPEST = 3

COMMON: dict[str, tuple[str, ...]] = {
    "lon": (
        "经度", "东经", "经度坐标", "经度e", "longitude", "lng", "lon", "long", "x经度",
        "gps经度",
    ),
    "lat": (
        "纬度", "维度", "北纬", "纬度坐标", "纬度n", "latitude", "lat", "y纬度", "gps纬度",
        "gps维度",
    ),
    "x": ("x", "x坐标", "坐标x", "横坐标", "东坐标", "东向坐标", "point_x", "coord_x"),
    "y": ("y", "y坐标", "坐标y", "纵坐标", "北坐标", "北向坐标", "point_y", "coord_y"),
    "point": (
        "坐标", "经纬度", "经纬度坐标", "坐标位置", "位置坐标", "地理坐标", "中心点坐标",
        "点位坐标", "坐标点", "定位", "location", "coordinates", "coordinate", "lnglat", "lonlat",
    ),
    "province": ("省", "省份", "所在省", "pname", "province"),
    "city": ("市", "地市", "市州", "州", "城市", "所在市", "cityname", "city"),
    "county": (
        "县", "区县", "县区", "区域", "所属区县", "所在区县", "所属城区", "区县名称", "县名称",
        "县市区", "adname", "county", "district",
    ),
    "township": (
        "乡镇", "乡镇名称", "所属乡镇", "所在乡镇", "镇街", "乡镇街道", "街道", "镇", "乡",
        "乡镇(街道)", "乡镇(街道)名称", "所属乡镇(街道)", "所属镇街", "街镇", "受灾乡镇名称",
        "township", "town", "streetname",
    ),
    "village": (
        "村", "村居", "行政村", "村名", "村名称", "所属村", "所在村", "社区", "所属社区", "村社区",
        "村(社区)", "行政村名称", "社区(行政村)名称", "所属行政村", "village",
    ),
    "adcode": (
        "行政区划代码", "区划代码", "区划编码", "行政区划编码", "行政区规划", "县代码", "区县代码",
        "乡镇代码", "村代码", "region_code", "adcode", "admincode", "areacode",
    ),
    "verified_at": (
        "核实日期", "核查日期", "核实时间", "核查时间", "最近核实日期", "排查日期",
        "排查时间", "verified_at",
    ),
    "crs": (
        "坐标系", "坐标系统", "坐标系类型", "坐标类型", "坐标系名称", "ovcoordtype", "crs",
    ),
    "seq": ("序号", "序", "行号", "no", "no.", "id", "fid", "objectid", "#"),
}  # fmt: skip
_CONTAINING = (
    ("point", re.compile(r"经纬度|經緯度|lng.?lat|lon.?lat")),
    ("lon", re.compile(r"经度|經度|longitude")),
    ("lat", re.compile(r"纬度|緯度|维度|latitude")),
)
_HINTS = (
    ("bd09", re.compile(r"百度|bd-?_?0?9", re.IGNORECASE)),
    ("gcj02", re.compile(r"高德|火星|腾讯|gcj-?_?0?2|国测局", re.IGNORECASE)),
    ("cgcs2000", re.compile(r"cgcs_?2000|国家2000|2000坐标|[_(]2000", re.IGNORECASE)),
    ("wgs84", re.compile(r"wgs-?_?(19)?84|[_(]84\b|84坐标|\bgps", re.IGNORECASE)),
)
_BRACKETS = re.compile(r"[(\[【〔][^()\[\]【】〔〕]*[)\]】〕]")
_STARS = re.compile(r"[*＊★☆△▲]|\((?:必填|选填|必填项|可选)\)")
_UNIT_CELL = re.compile(
    r"^[(\[]?(?:单位[:：]?)?(人|户|万元|元|米|千米|公里|平方米|平方公里|亩|公顷|度|°|度分秒|°′″|个|m|km|m2|㎡|"
    r"吨|台|辆|年月日|年/月/日|立方米|万立方米|名|支|处|间|顶|床|件)[)\]]?$"
)


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


@dataclass(slots=True)
class Heading:
    """The heading of a sheet; data begins at index `first` of its rows."""

    first: int
    row: int
    columns: list[Column] = field(default_factory=list)
    units_at: int | None = None

    @property
    def by_target(self) -> dict[str, Column]:
        return {c.target: c for c in self.columns if c.target and c.loses_to is None}


class Dictionary:
    """Every heading that a layer understands: normalised text → (target, rank); low rank wins."""

    def __init__(self, layer: Layer) -> None:
        self._known: dict[str, tuple[str, int]] = {}
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
        titles += [(h, target, 60 + i) for target, hs in COMMON.items() for i, h in enumerate(hs)]
        for text, target, rank in titles:
            key = plain(text)
            if key not in self._known or rank < self._known[key][1]:
                self._known[key] = (target, rank)

    def find(self, text: str) -> tuple[str, int] | None:
        """Target and rank of a heading as it stands in a file, or None."""
        key = plain(text)
        if not key:
            return None
        bare = _BRACKETS.sub("", key)
        for candidate in (key, bare, re.sub(r"[_-]?(wgs-?84|84|gcj-?02|bd-?09|2000)$", "", bare)):
            if candidate in self._known:
                return self._known[candidate]
        if len(key) <= 60:
            for target, pattern in _CONTAINING:
                if pattern.search(key):
                    return target, 90
        return None


def plain(text: str) -> str:
    """A heading without what people add to it: width, case, spaces, line breaks, stars."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return _STARS.sub("", re.sub(r"\s+", "", folded)).strip(":")


def find_heading(sheet: Sheet, dictionary: Dictionary) -> Heading | None:
    """The heading of a sheet, or None where no row reads like one."""
    if sheet.has_shapes:
        return _columns(sheet, dictionary, 0, 1) if sheet.height else None
    best, best_score, best_depth = -1, 1, 1
    for index in range(min(SEARCHED_ROWS, sheet.height)):
        for depth in range(1, DEEPEST + 1):
            if depth > 1 and not _is_words(sheet, index + depth - 1):
                break
            score = _score(sheet, dictionary, index, depth)
            if score > best_score:
                best, best_score, best_depth = index, score, depth
    if best < 0:
        return None
    return _columns(sheet, dictionary, best, best_depth)


def _row(sheet: Sheet, index: int) -> list[str]:
    return [column[index] for column in sheet.columns]


def _is_words(sheet: Sheet, index: int) -> bool:
    """Could this row belong to a heading? Short texts, no number that looks like a value."""
    if index >= sheet.height:
        return False
    cells = [c.strip() for c in _row(sheet, index) if c.strip()]
    return bool(cells) and all(len(c) <= 40 and not re.fullmatch(r"[\d.,:/-]+", c) for c in cells)


def _score(sheet: Sheet, dictionary: Dictionary, index: int, depth: int) -> int:
    if index + depth > sheet.height:
        return 0
    found = {
        hit[0]
        for column in sheet.columns
        if (hit := _meaning(column[index : index + depth], dictionary)[1]) is not None
    }
    names_rows = "name" in found or "code" in found
    return len(found - {"seq"}) if names_rows or len(found) >= 3 else 0


def _meaning(cells: list[str], dictionary: Dictionary) -> tuple[str, tuple[str, int] | None]:
    """Their heading and its target: the lowest cell that is known, else both joined."""
    texts = [" ".join(c.split()) for c in cells if c.strip()]
    for text in reversed(texts):
        hit = dictionary.find(text)
        if hit:
            return text, hit
    joined = "".join(dict.fromkeys(texts))
    return joined, dictionary.find(joined) if len(texts) > 1 else None


def _columns(sheet: Sheet, dictionary: Dictionary, index: int, depth: int) -> Heading:
    first = index + depth
    heading = Heading(first=first, row=sheet.numbers[index])
    units = _row(sheet, first) if _is_unit_row(sheet, first) else []
    if units:
        heading.units_at = first
        heading.first += 1
    ranks: dict[str, tuple[int, Column]] = {}
    for position, cells in enumerate(sheet.columns):
        text, hit = _meaning(cells[index : index + depth], dictionary)
        column = Column(position, text, unit=_unit(text, units[position] if units else ""))
        heading.columns.append(column)
        if hit is None:
            continue
        column.target, rank = hit
        column.hint = _hint(" ".join(cells[index : index + depth]))
        held = ranks.get(column.target)
        if held is None or rank < held[0]:
            if held:
                held[1].loses_to = text
            ranks[column.target] = (rank, column)
        else:
            column.loses_to = held[1].heading
    return heading


def _unit(heading: str, below: str) -> str:
    inside = _BRACKETS.findall(unicodedata.normalize("NFKC", heading))
    text = below if below.strip() else (inside[-1] if inside else "")
    return unicodedata.normalize("NFKC", text).strip("()[]【】〔〕 ").removeprefix("单位:").strip()


def _hint(text: str) -> str | None:
    folded = unicodedata.normalize("NFKC", text)
    return next((system for system, pattern in _HINTS if pattern.search(folded)), None)


def _is_unit_row(sheet: Sheet, index: int) -> bool:
    if index >= sheet.height:
        return False
    cells = [plain(c) for c in _row(sheet, index) if c.strip()]
    return bool(cells) and all(_UNIT_CELL.match(c) for c in cells)
