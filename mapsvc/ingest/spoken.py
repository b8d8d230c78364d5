"""The names that people give to coordinate systems: in headings, in a cell, in a sentence.

One table for all three. What is `sure` names a system wherever it stands; what is `brief` only
where nothing but a system can be meant: over coordinates, or in a column of systems. A map maker's
name alone may be a village's.
"""

import re
import unicodedata

from mapsvc.coordinates import System, UnknownSystem, parse_system
from mapsvc.ingest.wire import OLD

UNKNOWN = "unknown"
"""A system that is named and is none of ours: its numbers look like Gauss-Krüger and are not."""
_OF_PLACES = "(?![镇乡村区县市路街社大]|集团|公司)"


def _made_by(maker: str) -> str:
    """Of a sentence: 高德地图, 坐标来源：高德; a town may be called so too."""
    return (
        rf"(?:{maker})(?:地图|坐标|定位|经纬|拾取|导航|取点)"
        rf"|(?:坐标|经纬度|定位).{{0,12}}?(?:{maker}){_OF_PLACES}"
    )


_LOCAL = (
    r"(?<![a-z])utm|通用横轴墨卡托|独立坐标|假定坐标"
    r"|(?:地方|城建|城市|工程|施工|矿区)坐标系"
)
_BEFORE_2000 = (
    r"(?:北京|西安|beijing|xi'?an)[_-]?(?:19)?(?:54|80)"
    r"|(?<!\d)(?:19)?(?:54|80)年?(?:北京|西安)|(?<!\d)(?:54|80)坐标"
)
_OF_2000 = (
    r"cgcs[-_]?2000|国家(?:大地)?2000|2000国家|2000(?:大地)?坐标|大地2000"
    r"|coordinate_?system_?2000"
)
_NAMES = (
    # system, sure, brief, in a sentence; all in lower case and without spaces
    (UNKNOWN, _LOCAL, None, None),
    (OLD, _BEFORE_2000, None, None),
    (
        "bd09",
        r"(?<![a-z0-9])bd[-_]?0?9(?![0-9a-f])",
        r"百度|baidu|(?<![a-z])bd(?![a-z0-9])",
        _made_by("百度"),
    ),
    (
        "gcj02",
        r"gcj[-_]?0?2(?!\d)|火星坐标|国测局坐标",
        r"高德|火星|腾讯|微信|国测局|gcj|amap|gaode|tencent",
        _made_by("高德|腾讯|微信"),
    ),
    ("cgcs2000", _OF_2000, r"(?<![\d.])2000(?!\d)|天地图", _made_by("天地图")),
    ("EPSG:3857", r"(?:web|球面)墨卡托|web_?mercator", None, None),
    ("wgs84", r"wgs[-_]?(?:19)?_?84|(?<!\d)84坐标", r"[_(]84(?!\d)|^84$|(?<![a-z])gps", None),
)
_SURE = [(system, re.compile(sure)) for system, sure, *_ in _NAMES]
_BRIEF = [(system, re.compile(brief)) for system, _, brief, _ in _NAMES if brief]
_IN_CLAUSE = [(system, re.compile(said)) for system, *_, said in _NAMES if said]
_CODE = re.compile(r"epsg:{0,2}(\d{4,6})(?!\d)")
_UTM = re.compile(r"(?:utm|通用横轴墨卡托)\D{0,9}(4[3-9]|5[0-3])(?![\d°度e])")
"""The zones that lie over China."""
_NOT_SO = re.compile("勿|不|非|禁止|转|换算|改为|改成")
_AROUND = (
    "(?:wgs-?_?(?:19)?84|gcj-?_?(?:02)?|bd-?_?(?:09)?(?:ll)?|cgcs-?_?2000|国家(?:大地)?2000|大地2000|2000|84"
    "|gps|百度|baidu|高德|amap|gaode|腾讯|天地图|火星|地图|地理|坐标(?=东经|北纬|[xy]$))"
)
_BEFORE = re.compile(rf"^(?:{_AROUND}[_-]?)+")
_AFTER = re.compile(rf"(?:[_-]?{_AROUND})+$")


def of_heading(text: str) -> str | None:
    """The system that a heading of coordinates names; None where it names none, or several."""
    return _one(_found(_folded(text), _BRIEF))


def without_system(key: str) -> str:
    """A heading in its plain spelling without the system: gcj02_x → x, 百度经度 → 经度."""
    return _AFTER.sub("", _BEFORE.sub("", key))


def in_clause(text: str) -> set[str]:
    """The systems that a clause of a sentence names, and does not speak against."""
    word = _folded(text)
    return set() if _NOT_SO.search(word) else _found(word, _IN_CLAUSE)


def spoken_system(text: str) -> System | None:
    """The system that people or 奥维 mean by a word, None where it is none of ours."""
    word = _folded(text)
    code = _CODE.search(word)
    named = f"EPSG:{code[1]}" if code else word
    if not code and not _NOT_SO.search(word):
        named = _one(_found(word, _BRIEF)) or word
    try:
        return parse_system(named)
    except UnknownSystem:
        return None


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def _found(word: str, more: list[tuple[str, re.Pattern[str]]]) -> set[str]:
    if code := _CODE.search(word):
        return {_of_code(code[1])}
    found = {system for system, pattern in (*_SURE, *more) if pattern.search(word)}
    if UNKNOWN in found and OLD not in found and (zone := _UTM.search(word)):
        return {f"EPSG:326{zone[1]}"}  # any datum but the old ones: they differ by decimetres
    if "EPSG:3857" in found:
        shifted = found & {"gcj02", "bd09", OLD, UNKNOWN}
        return (
            {"EPSG:3857"}
            if not shifted
            else {"gcj02mercator"}
            if shifted == {"gcj02"}
            else {UNKNOWN}
        )
    return found


def _of_code(code: str) -> str:
    try:
        system = parse_system(f"EPSG:{code}")
    except UnknownSystem:
        return UNKNOWN
    return OLD if system.of_old_datum else system.id


def _one(found: set[str]) -> str | None:
    """An old datum or an unknown system is never outvoted; CGCS2000 and WGS-84 are as one."""
    for doubt in (OLD, UNKNOWN):
        if doubt in found:
            return doubt
    if found == {"wgs84", "cgcs2000"}:
        return "cgcs2000"
    return next(iter(found)) if len(found) == 1 else None
