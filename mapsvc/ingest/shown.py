"""What a spreadsheet shows by the number format of a cell: 12 as 0012, SM012 or 00-12, 12000 as
1.2万 or 12.0, 5 as 5万, and a day as a month.

What stands in the cell is a bare number; what people mean is what they see.
"""

import re
from collections.abc import Callable

_PARTS = re.compile(r'"([^"]*)"|\\(.)|[_*].|\[[^\]]*\]|(0)|([-+/():!^&\'~{}<>= ])|(.)', re.DOTALL)
_MONEY = re.compile(r"[¥￥$€£]|元|RMB|CNY", re.IGNORECASE)

Show = Callable[[str], str | None]
"""A number → the text that its cell shows; None where the number says as much."""


class Formats:
    """The number formats of a workbook that say more than the numbers that they show."""

    def __init__(self) -> None:
        percent = shown_by("0%")
        self.shows: dict[int, Show] = dict.fromkeys((9, 10), percent) if percent else {}
        self.shortened = set(SHORT_DATES)
        """Dates without their year or their day."""
        self.money = set(MONEY_FORMATS)
        """Numbers with a sign of money, which says what the number counts."""
        self.around: dict[int, str] = {}
        """Texts that are shown with more around them, and that with THE_TEXT in it."""

    def learn(self, number: int, code: str) -> None:
        """One format that the workbook itself defines."""
        self.money.discard(number)
        if around := text_around(code):
            self.around[number] = around
        if (shown := shown_by(code)) is not None:
            self.shows[number] = shown
        elif shortens(code):
            self.shortened.add(number)
        elif _MONEY.search(_first_section(code)):
            self.money.add(number)


SHORT_DATES = frozenset((16, 17, 18, 19, 20, 21, 27, 28, 29, 36, 50, 51, 52, 53, 54, 57, 58))
"""Built-in formats of Excel in Chinese that show no year or no day."""
MONEY_FORMATS = frozenset((5, 6, 7, 8, 42, 44))
"""Built-in formats that show a number as money."""


def shown_by(code: str) -> Show | None:
    """How a number format shows numbers, None where the number itself says as much.

    Of codes only zeros and fixed texts are understood, of amounts what divides or multiplies them
    and the words around them.
    """
    return _scaled_by(code) or _coded_by(code) or _worded_by(code)


THE_TEXT = "\x1a"
"""Stands for the text of the cell itself: no cell holds it."""
_WORD = r'(?:"[^"]*"|\\.|[\u2e80-\u9fff\uff00-\uffef°′″㎡]|\s)'
_WORDED = re.compile(rf"({_WORD}*)[0#?,]*0(?:\.[0#?]+)?({_WORD}*)").fullmatch
_AROUND = re.compile(rf"({_WORD}*)@({_WORD}*)").fullmatch
_SECTION = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])+')


def text_around(code: str) -> str | None:
    """How a format shows texts: `"西山镇"@` → 西山镇 and THE_TEXT; None for most formats."""
    last = _SECTION.findall(code)[-1:]
    found = _AROUND(re.sub(r"\[[^\]]*\]|_.|\*.", "", last[0])) if last else None
    before, after = map(_bare, found.groups()) if found else ("", "")
    return f"{before}{THE_TEXT}{after}" if before or after else None


def _worded_by(code: str) -> Show | None:
    """7 as 7户, 约7 or 第7组: words that a format puts around a number count as if typed."""
    section = re.sub(r"\[[^\]]*\]|_.|\*.", "", _first_section(code))
    section = re.sub(r"general|g/通用格式", "0", section, flags=re.IGNORECASE)
    found = _WORDED(section)
    before, after = map(_bare, found.groups()) if found else ("", "")
    if not (before or after) or _MONEY.search(before + after):
        return None
    return lambda number: f"{before}{float(number):.15g}{after}"


def _bare(words: str) -> str:
    return re.sub(r'["\\]|\s', "", words)


_AMOUNT = re.compile(
    r"""(?P<before>[^0#?]*)(?P<digits>[0#?](?:[0#?,.]|\\\.|!\.|"\.")*)(?P<after>.*)"""
)
_LITERAL_POINT = re.compile(r'\\\.|!\.|"\."')
_SCALE = re.compile(r"[十百千]?[万亿]|[十百千]|元$|亩$|公顷$|平方[公千][里米]").match


def _scaled_by(code: str) -> Show | None:
    """12000 as 1.2万 or 12.0, 5 as 5万, 0.5 as 50%: what is seen is not what stands there."""
    section = re.sub(r"\[[^\]]*\]|_.|\*.", "", _first_section(code))
    section = re.sub(r"general|g/通用格式", "0", section, flags=re.IGNORECASE)
    found = _AMOUNT.fullmatch(section)
    if found is None or re.search(r"[ymdhs]", re.sub(r'"[^"]*"', "", section.lower())):
        return None
    digits = found["digits"]
    thousands = len(digits) - len(digits.rstrip(","))
    _, *behind = _LITERAL_POINT.split(digits)
    unit = re.sub(r'["\\!\s]', "", found["after"])
    percent = unit == "%"
    power = 2 * percent - 3 * thousands - sum(c in "0#?" for c in "".join(behind))
    shown = unit if percent or _SCALE(unit) else ""
    if not power and not shown:
        return None
    return lambda number: f"{float(number) * 10.0**power:.15g}{shown}"


def shortens(code: str) -> bool:
    """Does a format show a date without its year or its day?"""
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", _first_section(code)).lower()
    parts = set(bare) & set("ymd")
    return 0 < len(parts) < 3 and not set(bare) & set("0#?eg")


def _coded_by(code: str) -> Show | None:
    pieces: list[str | None] = []
    for quoted, escaped, zero, sign, other in _PARTS.findall(_first_section(code)):
        if other:
            return None
        if zero:
            pieces.append(None)
        elif text := quoted or escaped or sign:
            pieces.append(text)
    zeros = [at for at, piece in enumerate(pieces) if piece is None]
    around = "".join(piece or "" for piece in pieces)
    before = "".join(piece or "" for piece in pieces[: zeros[-1]]).strip() if zeros else ""
    if not zeros or _MONEY.search(around) or (len(zeros) < 2 and not before):
        return None
    return lambda digits: (
        _laid(pieces, digits.zfill(len(zeros)), len(zeros)).strip() if digits.isdecimal() else None
    )


def _first_section(code: str) -> str:
    """The part for positive numbers; a semicolon in a text ends nothing."""
    found = re.match(r'(?:"[^"]*"|\\.|[^;"\\])*', code, re.DOTALL)
    return found[0] if found else ""


def _laid(pieces: list[str | None], digits: str, zeros: int) -> str:
    """Digits laid into the zeros from the right; the first zero takes what is too much."""
    slots = [digits[: len(digits) - zeros + 1], *digits[len(digits) - zeros + 1 :]]
    texts = iter(slots)
    return "".join(next(texts) if piece is None else piece for piece in pieces)
