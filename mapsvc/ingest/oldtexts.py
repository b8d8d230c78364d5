"""The shared texts of an xls whose parts are dressed differently: struck out, or raised.

[MS-XLS] 2.5.293 (XLUnicodeRichExtendedString); a text may go on in the next record, behind a byte
that says anew how wide its characters are.
"""

import struct
from collections.abc import Iterator, Sequence

Runs = list[tuple[int, int]]
"""Where a font begins, and which."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_RICH, _FAR_EAST = 0x08, 0x04


class _Pieces:
    """The contents of a record and of those that continue it."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._left = list(reversed(pieces))
        self._piece, self._at = b"", 0

    def take(self, size: int) -> bytes:
        found = b""
        while size > len(found):
            self._turn()
            part = self._piece[self._at : self._at + size - len(found)]
            self._at += len(part)
            found += part
        return found

    def letters(self, count: int, wide: int) -> str:
        text = ""
        while count > len(text):
            if self._turn():
                wide = self.take(1)[0] & 1
            room = (len(self._piece) - self._at) >> wide
            part = self.take(min(room, count - len(text)) << wide)
            text += part.decode("utf-16-le" if wide else "latin-1", "replace")
        return text

    def _turn(self) -> bool:
        """On to the next record where this one is used up; IndexError behind the last."""
        if self._at < len(self._piece):
            return False
        self._piece, self._at = self._left.pop(), 0
        return True


def rich_texts(pieces: Sequence[bytes]) -> Iterator[tuple[int, str, Runs]]:
    """Texts with more than one font, by their number."""
    source = _Pieces(pieces)
    (count,) = struct.unpack("<4xI", source.take(8))
    for index in range(count):
        length, flags = struct.unpack("<HB", source.take(3))
        runs = struct.unpack("<H", source.take(2))[0] if flags & _RICH else 0
        more = struct.unpack("<I", source.take(4))[0] if flags & _FAR_EAST else 0
        text = source.letters(length, flags & 1)
        found = [struct.unpack("<HH", source.take(4)) for _ in range(runs)]
        source.take(more)
        if found:
            yield index, text, [(at, font) for at, font in found]


def with_raised(text: str, runs: Runs, raised: set[int]) -> str:
    """The text with raised digits where its font raises them: 12¹ is not 121."""
    ends = [at for at, _ in runs[1:]] + [len(text)]
    parts = [text[: runs[0][0]]]
    for (at, font), end in zip(runs, ends, strict=True):
        parts.append(text[at:end].translate(_RAISED) if font in raised else text[at:end])
    return "".join(parts)


def some_in(text: str, runs: Runs, fonts: set[int]) -> bool:
    """Does any letter of it stand in one of the fonts?"""
    ends = [at for at, _ in runs[1:]] + [len(text)]
    return any(
        font in fonts and text[at:end].strip() for (at, font), end in zip(runs, ends, strict=True)
    )
