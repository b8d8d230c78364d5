"""Cells that are filled with red, orange, yellow or blue: people tell grades by them.

Colours are not read, since nothing says for certain what they mean; that they are there is told.
"""

import re

from mapsvc.ingest.cells import number_of

Cell = tuple[int, int]
MOST = 20_000
"""Cells of a sheet that are looked at: a whole column of colour is no grade of each of its rows."""
_FILL = re.compile(rb"<(?:\w+:)?fill\b.*?</(?:\w+:)?fill>", re.DOTALL)
_SOLID = re.compile(
    rb"""patternType=["']solid["'].*?<(?:\w+:)?fgColor\s[^>]*?(rgb|indexed)=["']([0-9A-Fa-f]+)""",
    re.DOTALL,
)
_XF = re.compile(rb"""<(?:\w+:)?xf\s[^>]*?fillId=["'](\d+)""")
_CELL = re.compile(rb'<c r="([A-Z]+)(\d+)"(?=[^>]*? s="(\d+)")[^>]*?(/?)>')
INDEXED = {2: "红", 10: "红", 13: "黄", 5: "黄", 53: "橙", 52: "橙", 51: "橙", 12: "蓝", 4: "蓝"}
INDEXED |= {30: "蓝", 40: "蓝", 48: "蓝"}
"""Of the palette that Excel has had since 1997."""


def colour_of(red: int, green: int, blue: int) -> str | None:
    """Which of the four, None for pale, dark and other colours."""
    if red >= 190 and green <= 80 and blue <= 80:
        return "红"
    if red >= 215 and 80 < green < 215 and blue <= 110:
        return "橙"
    if red >= 215 and green >= 215 and blue <= 110:
        return "黄"
    return "蓝" if blue >= 150 and red <= 90 and green <= 190 else None


def coloured_styles(styles: bytes) -> dict[bytes, str]:
    """Style → the colour that it fills cells with."""
    fills = re.search(rb"<((?:\w+:)?)fills\b.*?</\1fills>", styles, re.DOTALL)
    words = [_word(fill) for fill in _FILL.findall(fills[0])] if fills else []
    cells = re.search(rb"<((?:\w+:)?)cellXfs\b.*?</\1cellXfs>", styles, re.DOTALL)
    used = [int(fill) for fill in _XF.findall(cells[0])] if cells and any(words) else []
    found = ((b"%d" % at, words[fill]) for at, fill in enumerate(used) if fill < len(words))
    return {style: word for style, word in found if word}


def _word(fill: bytes) -> str | None:
    if (solid := _SOLID.search(fill)) is None:
        return None
    if solid[1] == b"indexed":
        return INDEXED.get(int(solid[2]))
    rgb = int(solid[2][-6:], 16)
    return colour_of(rgb >> 16, rgb >> 8 & 255, rgb & 255)


def coloured(xml: bytes, styles: dict[bytes, str], known: dict[Cell, str]) -> None:
    """Note the filled cells of some rows: the first of each row, and those without any text."""
    if not styles or len(known) >= MOST:
        return
    rows = {row for row, _ in known}
    for cell in _CELL.finditer(xml):
        word = styles.get(cell[3])
        if word and (cell[4] or int(cell[2]) not in rows):
            rows.add(int(cell[2]))
            known[int(cell[2]), number_of(cell[1])] = word
            if len(known) >= MOST:
                return
