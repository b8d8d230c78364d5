"""Codes that a spreadsheet shows by the number format of their cell: 12 as 0012, SM012 or 00-12.

What stands in the cell is a bare number; what people mean is what they see.
"""

import re
from collections.abc import Callable

_PARTS = re.compile(r'"([^"]*)"|\\(.)|[_*].|\[[^\]]*\]|(0)|([-+/():!^&\'~{}<>= ])|(.)', re.DOTALL)
_MONEY = re.compile(r"[¥￥$€£]|元|RMB|CNY", re.IGNORECASE)

Show = Callable[[str], str]
"""Digits of a whole number → the text that its cell shows."""


def shown_by(code: str) -> Show | None:
    """How a number format shows whole numbers, None where the number itself says as much.

    Only zeros and fixed texts are understood. A text behind the digits alone is a unit: it is left
    to the heading.
    """
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
    return lambda digits: _laid(pieces, digits.zfill(len(zeros)), len(zeros)).strip()


def _first_section(code: str) -> str:
    """The part for positive numbers; a semicolon in a text ends nothing."""
    found = re.match(r'(?:"[^"]*"|\\.|[^;"\\])*', code, re.DOTALL)
    return found[0] if found else ""


def _laid(pieces: list[str | None], digits: str, zeros: int) -> str:
    """Digits laid into the zeros from the right; the first zero takes what is too much."""
    slots = [digits[: len(digits) - zeros + 1], *digits[len(digits) - zeros + 1 :]]
    texts = iter(slots)
    return "".join(next(texts) if piece is None else piece for piece in pieces)
