"""A text that lists things with their quantities → one text a thing: 帐篷20顶、棉被 50床."""

import re
import unicodedata

from mapsvc.ingest.units import MEASURES

COUNTED = (
    "顶|床|件|套|台|辆|艘|只|个|把|根|条|包|袋|箱|瓶|桶|支|盏|双|副|张|具|部|架|名|份|盒|"
    "卷|捆|组|对|批"
)
"""Measures that only count: 20顶 is a quantity, but 10米 may be the length of a rope."""
_NEXT_ITEM = re.compile(
    rf"(?<=[^\d\s.;,、])(\s*\d+\s*(?:{COUNTED})[)）]?)"
    r"(?:\s+(?=\d{1,2}[.、]\D)|(?:\s+|[/+和及与]|(?=[\u4e00-\u9fff]{2}))(?=[^\d\s)）]))"
)
"""Between 20顶 and the next thing, where no comma stands."""
_TIMES = re.compile(r"([*×]\s*\d+)\s+(?=[\u4e00-\u9fff])")
"""消防车*2 水泵*4."""
_COUNT_FIRST = re.compile(rf"(\d+)\s*({COUNTED})\s*([\u4e00-\u9fff][^\d()]*)").fullmatch
_TENS_OF_THOUSANDS = re.compile(r"(\d+(?:\.\d+)?)万")
_NUMBERED = re.compile(r"\s*\(?\d{1,2}[.、)](?!\d)\s*").match
_UNIT_FIRST = re.compile(rf"(.+?)\(({MEASURES})\)[:：]?\s*(\d+(?:\.\d+)?)").fullmatch
_IN_BRACKETS = re.compile(r"[(（][^()（）]*其中[^()（）]*[)）]")
_NUMBERS = re.compile(r"\d+").findall


def without_parts(text: str) -> str:
    """The list without `其中单帐篷20顶`, which counts again a part of 帐篷30顶.

    Nothing where it is not certain how far the parts reach.
    """
    sentences = re.split(r"([;；。\n])", _IN_BRACKETS.sub("", text))
    for at, sentence in enumerate(sentences):
        before, word, behind = sentence.partition("其中")
        if not word:
            continue
        numbers = [int(number) for number in _NUMBERS(behind)]
        whole = _NUMBERS(before)[-1:]
        if len(numbers) > 1 and whole != [str(sum(numbers))]:
            return ""
        sentences[at] = before
    return "".join(sentences)


def listed(text: str) -> list[str]:
    """The things of a list, each with its quantity, without the numbers before them."""
    plain = unicodedata.normalize("NFKC", re.sub(r"[①-⑳]", ";", text))
    # A comma between thousands is no comma between items, nor is that behind a number of the list.
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = _TENS_OF_THOUSANDS.sub(lambda found: f"{float(found[1]) * 1e4:.10g}", plain)
    plain = _TIMES.sub(r"\1;", plain)
    plain = re.sub(r"(^|[;；,，\n])\s*\(?\d{1,2}[、.)](?!\d)", r"\1", plain)
    found: list[str] = []
    for part in re.split(r"[;；、，,。\n]", plain):
        for piece in _NEXT_ITEM.sub(r"\1;", part).split(";"):
            numbered = _NUMBERED(piece)
            one = piece[numbered.end() :].strip() if numbered else piece.strip()
            if unit_first := _UNIT_FIRST(one):
                one = "{0} {2}{1}".format(*unit_first.groups())
            elif count_first := _COUNT_FIRST(one):
                one = "{2} {0}{1}".format(*count_first.groups())
            found.append(one)
    return [piece for piece in found if piece]
