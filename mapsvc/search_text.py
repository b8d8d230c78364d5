"""What a name is found by: itself, its code and its pinyin initials.

Full pinyin is left out: it made up two thirds of the text, and the trigram index of it cost more
than all the rest of a bulk insert.
"""

import unicodedata

from pypinyin import Style, lazy_pinyin


def fold(text: str) -> str:
    """One spelling for what looks the same: full-width and capitals become plain small letters."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def search_text(name: str, code: str | None = None) -> str:
    """Lower-case words to match against: `青山水库 d-07 qssk`."""
    plain = fold(name)
    words = [plain, fold(code or "")]
    if not plain.isascii():
        words.append(plain.translate(_INITIALS))
    return " ".join([word for word in words if word])


class _Initials(dict[int, str]):
    """Character → pinyin initial for str.translate, looked up once each.

    One character at a time: heteronyms take their commonest reading, and 100,000 names need only
    some thousand look-ups. Letters and digits stay, everything else is left out.
    """

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if character.isascii():
            sound = character if character.isalnum() else ""
        else:
            sound = "".join(lazy_pinyin(character, style=Style.NORMAL, errors="ignore"))[:1]
        self[point] = sound
        return sound


_INITIALS = _Initials()
