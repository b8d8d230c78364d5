"""What a name is found by: itself, its code, its pinyin initials and its full pinyin."""

import unicodedata
from functools import cache

from pypinyin import Style, lazy_pinyin


def fold(text: str) -> str:
    """One spelling for what looks the same: full-width and capitals become plain small letters."""
    return unicodedata.normalize("NFKC", text).lower().strip()


def search_text(name: str, code: str | None = None) -> str:
    """Lower-case words to match against: `青山水库 d-07 qssk qingshanshuiku`."""
    plain = fold(name)
    sounds = [_sound(character) for character in plain]
    initials = "".join([sound[0] for sound in sounds])
    full = "".join([sound[1] for sound in sounds])
    words = [plain, fold(code or "")]
    # A name without Chinese characters sounds as it is written: once is enough.
    if full != plain.replace(" ", ""):
        words += [initials, full]
    return " ".join([word for word in words if word])


@cache
def _sound(character: str) -> tuple[str, str]:
    """Initial and full pinyin of one character; letters and digits stay, the rest is left out.

    One character at a time: heteronyms take their commonest reading, and 100,000 names need only
    some thousand look-ups.
    """
    if character.isascii():
        kept = character if character.isalnum() else ""
        return kept, kept
    sound = "".join(lazy_pinyin(character, style=Style.NORMAL, errors="ignore"))
    return sound[:1], sound
