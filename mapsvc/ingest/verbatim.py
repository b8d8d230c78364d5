"""Columns whose texts are their own values: told for many cells at once, not one by one.

Names, codes and mobile phones seldom repeat and are most often written as they are kept. Each
function is True only where every text is what its parser would make of it; else they are parsed.
"""

import re
from collections.abc import Callable, Sequence

from mapsvc.ingest.mojibake import is_suspect
from mapsvc.ingest.values import (
    LONGEST_CODE,
    LONGEST_NAME,
    LONGEST_NOTHING,
    blank,
    parse_code,
    parse_name,
)

Texts = Sequence[str]

_MOBILES = re.compile(r"(?:1[3-9][0-9]{9}\n)*").fullmatch
_LENGTH = len("13800138000\n")
_LOST = "锟斤拷"


def mobiles(texts: Texts) -> bool:
    together = "\n".join(texts) + "\n"
    # A cell of two lines would pass for two cells.
    return len(together) == _LENGTH * len(texts) and _MOBILES(together) is not None


def names(texts: Texts) -> bool:
    """Letters and digits alone; what is short, begins with a digit or may have been read in the
    wrong encoding is looked at by itself."""
    together = "".join(texts)
    if not together.isalnum() or _LOST in together or not all(texts):
        return False
    odd = is_suspect(together)
    doubtful = {
        t for t in texts if len(t) <= LONGEST_NOTHING or t[0].isdigit() or (odd and is_suspect(t))
    }
    return max(map(len, texts)) <= LONGEST_NAME and all(
        not blank(t) and parse_name(t) == t for t in doubtful
    )


def codes(texts: Texts) -> bool:
    """Plain letters and digits alone: nothing in them has two widths."""
    together = "".join(texts)
    if not together.isalnum() or not together.isascii() or not all(texts):
        return False
    doubtful = {t for t in texts if len(t) <= LONGEST_NOTHING}
    return max(map(len, texts)) <= LONGEST_CODE and all(
        not blank(t) and parse_code(t) == t for t in doubtful
    )


OF: dict[str, Callable[[Texts], bool]] = {"name": names, "code": codes, "phone": mobiles}
"""By what a column holds."""
