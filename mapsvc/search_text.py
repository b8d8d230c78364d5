"""What a name is found by: itself, its code and its pinyin initials.

Full pinyin is left out: it made up two thirds of the text, and the trigram index of it cost more
than all the rest of a bulk insert.
"""

import os
import unicodedata
from collections.abc import Sequence


def fold(text: str) -> str:
    """One spelling for what looks the same: full-width and capitals become plain small letters."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def search_text(name: str, code: str | None = None) -> str:
    """Lower-case words to match against: `青山水库 d-07 qssk`."""
    return search_texts([name], [code])[0]


def search_texts(names: Sequence[str], codes: Sequence[str | None]) -> list[str]:
    """The search text of each name with its code; many at once cost a fifth of one by one."""
    plain = _folded(names)
    initials = "\n".join(plain).translate(_INITIALS).split("\n")
    return [
        " ".join([w for w in (name, code, "" if name.isascii() else short) if w])
        for name, code, short in zip(
            plain, _folded([code or "" for code in codes]), initials, strict=True
        )
    ]


def _folded(texts: Sequence[str]) -> list[str]:
    """Each text folded, on one line."""
    together = unicodedata.normalize("NFKC", "\n".join(texts)).lower().split("\n")
    if len(together) != len(texts):
        return [" ".join(fold(text).split("\n")) for text in texts]
    return [text.strip() for text in together]


class _Initials(dict[int, str]):
    """Character → pinyin initial for str.translate, looked up once each.

    One character at a time: heteronyms take their commonest reading, and 100,000 names need only
    some thousand look-ups. Letters and digits stay, everything else is left out.
    """

    def __missing__(self, point: int) -> str:
        # Most processes never write a name. Its tables of phrases, four fifths of all that it holds
        # in memory, say nothing of single characters.
        os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
        from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

        character = chr(point)
        if character.isascii():
            sound = character if character.isalnum() else ""
        else:
            sound = "".join(lazy_pinyin(character, style=Style.NORMAL, errors="ignore"))[:1]
        self[point] = sound
        return sound


_INITIALS = _Initials({ord("\n"): "\n"})
