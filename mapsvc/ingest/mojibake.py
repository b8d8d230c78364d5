"""Texts that a program before us read in the wrong encoding: never stored.

The reader refuses a file whose first rows are such texts; here single cells are judged, wherever in
the file they stand.
"""

import re

# UTF-8 of Chinese starts with E4 to E9 and goes on with 80 to BF. Read as GBK, two such bytes are
# one of these characters: without any, or a letter with a mark, a text needs no closer look.
_suspect = re.compile(
    "["
    + "".join(
        bytes((first, second)).decode("gb18030")
        for first in range(0xE4, 0xEA)
        for second in range(0x80, 0xC0)
    )
    + "\u00c0-\u00ff]"
).search
_latin = re.compile(
    "[\u00c0-\u00ff][\u00a1-\u00bf\u0192\u20ac‘’“”–—…†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ]?"
    "[\u00c0-\u00ff][\u00a1-\u00ff\u0192\u20ac‘’“”–—…†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ]{2,}"
).search
"""Chinese bytes that were read as letters of western Europe: ÇàÉ½, å—åª."""
_chinese = re.compile("[\u4e00-\u9fff]{2,}").fullmatch
_LONG = 4
"""Characters that no text gives by chance; fewer only count with one that GB 2312 lacks."""


def is_suspect(text: str) -> bool:
    """Only a text that holds one of these characters can be mojibake."""
    return _suspect(text) is not None


def is_mojibake(text: str) -> bool:
    """Is a text, or a part of it, Chinese in the wrong encoding?"""
    if not is_suspect(text):
        return False
    return _latin(text) is not None or any(
        _reads_as_chinese(part) for part in re.findall("[^\x00-\x7f]+", text)
    )


def _reads_as_chinese(text: str) -> bool:
    content = text.encode("gb18030", "ignore")
    # The last character may have been cut: its bytes had no partner.
    for end in (len(content), len(content) - 1, len(content) - 2):
        try:
            meant = content[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if _chinese(meant):
            return len(meant) >= _LONG or not _is_common(text)
    return False


def _is_common(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
