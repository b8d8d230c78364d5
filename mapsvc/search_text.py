"""What a name is found by: itself, its code, its pinyin initials and its full pinyin."""

import unicodedata

from pypinyin import Style, lazy_pinyin


def fold(text: str) -> str:
    """One spelling for what looks the same: full-width and capitals become plain small letters."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def search_text(name: str, code: str | None = None) -> str:
    """Lower-case words to match against: `青山水库 d-07 qssk qingshanshuiku`."""
    plain = fold(name)
    words = [plain, fold(code or "")]
    if not plain.isascii():
        words += [plain.translate(_INITIALS), plain.translate(_SOUNDS)]
    return " ".join([word for word in words if word])


class _Sounds(dict[int, str]):
    """Character → pinyin for str.translate, looked up once each.

    One character at a time: heteronyms take their commonest reading, and 100,000 names need only
    some thousand look-ups. Letters and digits stay, everything else is left out.
    """

    def __init__(self, longest: int | None) -> None:
        super().__init__()
        self._longest = longest

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if character.isascii():
            sound = character if character.isalnum() else ""
        else:
            sound = "".join(lazy_pinyin(character, style=Style.NORMAL, errors="ignore"))
        self[point] = sound[: self._longest]
        return self[point]


_INITIALS = _Sounds(1)
_SOUNDS = _Sounds(None)
