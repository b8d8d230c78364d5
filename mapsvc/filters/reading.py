"""CQL2 text into its tree, by the cql2 library (the grammar of OGC 21-065), within limits.

The library's parser tries every way to read a bracket: one that is never closed doubles its work
with each level. So brackets are counted before it sees them.
"""

from functools import lru_cache
from typing import Any

import cql2

from mapsvc.errors import BadInput

LONGEST = 2000
DEEPEST = 8
_EXAMPLE = "例如：headcount >= 20 AND 在岗 = true"
_FULL_WIDTH = str.maketrans("，（）＝＞＜‘’“”", ",()=><''\"\"")


class BadFilter(BadInput):
    code = "bad_where"


@lru_cache(maxsize=512)
def read(text: str) -> Any:
    """The tree as CQL2 JSON; BadFilter says what cannot be read and where. Not to be changed."""
    if len(text) > LONGEST:
        raise BadFilter(f"筛选条件过长（{len(text):,} 字），请不要超过 {LONGEST:,} 字。")
    if not text.strip():
        raise BadFilter(f"筛选条件是空的。请写明条件，{_EXAMPLE}；或去掉 where。")
    if "\x00" in text:
        raise BadFilter("筛选条件中有空字符（NUL），请删除。")
    _check_brackets(text)
    try:
        return cql2.parse_text(text).to_json()
    except cql2.ParseError as unread:
        raise BadFilter(_said(text, str(unread))) from None
    except (RecursionError, ValueError, TypeError):
        raise BadFilter("筛选条件过于复杂，请减少层次。") from None


def _check_brackets(text: str) -> None:
    depth, quote = 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
            if depth > DEEPEST:
                raise BadFilter(f"筛选条件的括号超过 {DEEPEST} 层，请简化。")
        elif letter in ")]":
            depth -= 1
            if depth < 0:
                raise BadFilter("筛选条件多了一个右括号，请检查。")
    if quote:
        raise BadFilter(f"筛选条件中的引号（{quote}）没有成对，请检查。")
    if depth:
        raise BadFilter("筛选条件少了右括号，请检查。")


def _said(text: str, fault: str) -> str:
    """Where the reading stopped, from the library's `line:column`."""
    place = fault.partition("-->")[2].split("\n", 1)[0].strip().rpartition(":")[2]
    rest = text[int(place) - 1 :][:20] if place.isdigit() else ""
    near = f"从“{rest}”起" if rest.strip() else "到末尾处"
    hint = ""
    if text.translate(_FULL_WIDTH) != text:
        hint = "标点请用半角；字段名含括号时用英文双引号括起。"
    return f"筛选条件{near}无法理解。{hint}{_EXAMPLE}；文字用英文单引号括起。"
