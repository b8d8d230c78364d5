"""The names that people give to coordinate systems: in headings, in a cell, in a sentence."""

import re
import unicodedata
from collections.abc import Iterator

from mapsvc.coordinates import System, UnknownSystem, parse_system
from mapsvc.ingest.wire import OLD

UNKNOWN = "unknown"
"""A system that is named and is none of ours: its numbers look like Gauss-Krüger and are not."""
_LOCAL = re.compile(
    r"(?<![a-z])utm(?![a-z])|独立坐标|假定坐标|(?:地方|城建|城市|工程|施工|矿区)坐标系",
    re.IGNORECASE,
)
_HINTS = (
    (UNKNOWN, _LOCAL),
    (
        OLD,
        re.compile(
            r"(北京|西安|beijing|xi'?an)_?-?(19)?(54|80)|(?<!\d)(54|80)(年)?(北京|西安)?坐标",
            re.IGNORECASE,
        ),
    ),
    ("bd09", re.compile(r"百度|bd-?_?0?9", re.IGNORECASE)),
    ("gcj02", re.compile(r"高德|火星|腾讯|微信|gcj-?_?0?2|国测局", re.IGNORECASE)),
    ("cgcs2000", re.compile(r"cgcs_?2000|国家2000|2000坐标|[_(]2000|天地图", re.IGNORECASE)),
    ("wgs84", re.compile(r"wgs-?_?(19)?84|[_(]84\b|84坐标|\bgps", re.IGNORECASE)),
)
_SPOKEN = (
    (re.compile(r"bd09|百度"), "bd09"),
    (re.compile(r"gcj0?2|火星|高德|腾讯|微信|国测局"), "gcj02"),
    (
        re.compile(r"^(cgcs2000|国家2000|2000国家大地|天地图)(坐标系?|大地坐标系|经纬度)?$"),
        "cgcs2000",
    ),
    (re.compile(r"^(wgs(19)?84|gps|84)(坐标系?|经纬度)?$"), "wgs84"),
)
_MAKERS = (("bd09", "百度"), ("gcj02", "高德|腾讯|微信"), ("cgcs2000", "天地图"))
_OF_PLACES = "(?![镇乡村区县市路街社大]|集团|公司)"
_NAMED = (
    (UNKNOWN, _LOCAL),
    (OLD, re.compile(r"(?:北京|西安|beijing|xi'?an)[_-]?(?:19)?(?:54|80)")),
    (OLD, re.compile(r"(?<!\d)(?:19)?(?:54|80)年?(?:北京|西安)|(?<!\d)(?:54|80)坐标")),
    ("bd09", re.compile(r"bd[-_]?0?9(?!\d)")),
    ("gcj02", re.compile(r"gcj[-_]?0?2(?!\d)|火星坐标|国测局坐标")),
    ("cgcs2000", re.compile(r"cgcs[-_]?2000|国家2000|2000国家|2000(?:大地)?坐标")),
    ("wgs84", re.compile(r"wgs[-_]?(?:19)?84|(?<!\d)84坐标")),
    *(
        (system, re.compile(
            rf"(?:{maker})(?:地图|坐标|定位|经纬|拾取|导航|取点)"
            rf"|(?:坐标|经纬度|定位).{{0,12}}?(?:{maker}){_OF_PLACES}"
        ))
        for system, maker in _MAKERS
    ),
)  # fmt: skip


def of_heading(text: str) -> str | None:
    """The system that a heading of coordinates names."""
    folded = unicodedata.normalize("NFKC", text)
    return next((system for system, pattern in _HINTS if pattern.search(folded)), None)


def in_clause(text: str) -> Iterator[str]:
    """The systems that a clause of a sentence names; a maker's name alone may be a village's."""
    word = "".join(text.split()).lower()
    return (system for system, pattern in _NAMED if pattern.search(word))


def spoken_system(text: str) -> System | None:
    """The system that people or 奥维 mean by a word, None where it is none of ours."""
    word = re.sub(r"[\s_\-]", "", unicodedata.normalize("NFKC", text)).lower()
    for pattern, system in _SPOKEN:
        if pattern.search(word):
            return parse_system(system)
    try:
        return parse_system(word)
    except UnknownSystem:
        return None
