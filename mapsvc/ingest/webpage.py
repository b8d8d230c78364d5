"""Tables of a web page, which many systems save under the name .xls."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.wire import ACROSS, MERGED, STRUCK, Limits, Message, Note, Refused, SheetStart

_WIDEST_SPAN = 1000
_ROUNDED = re.compile(r"-?(?:[1-9]\d*|0)(?:\.\d+)?|\d\.\d+E\+\d+", re.IGNORECASE).fullmatch
"""Numbers of which a cell may show too few digits; 001 and 2024年5月1日 are what they are."""
_HIDDEN = "hidden_rows"
_BREAKS = ("br", "p", "div", "li")
_STRIKES = ("s", "strike", "del")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
"""12¹ is not 121."""


def webpage(text: str, limits: Limits) -> Iterator[Message]:
    """Each outermost table as a sheet; a cell over several rows repeats its value in each."""
    reader = _Reader(limits)
    reader.feed(text)
    reader.close()
    found = zip(reader.tables, reader.told, strict=True)
    tables = [(table, told) for table, told in found if any(any(row) for row in table)]
    if not tables:
        raise Refused("html_table")
    for number, (table, told) in enumerate(tables, 1):
        name = f"表{number}" if len(tables) > 1 else ""
        yield SheetStart(name=name, visible=True)
        yield from blocks(enumerate(table, 1), limits)
        for code, cells in told.items():
            yield Note(code, {"count": str(len(cells))} if code == _HIDDEN else cells, name)


class _Reader(HTMLParser):
    def __init__(self, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.told: list[dict[str, dict[str, str]]] = []
        """Of each table the notes of single cells."""
        self._limits = limits
        self._depth = 0
        self._held: dict[int, tuple[int, str]] = {}
        """Column → rows that a value still fills, and the value."""
        self._row: dict[int, str] | None = None
        self._cell: list[str] | None = None
        self._spans = (1, 1)
        self._exact: str | None = None
        self._silent = 0
        self._struck = self._raised = self._idle = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            if self._depth > 1:
                raise Refused("html_nested")
            self.tables.append([])
            self.told.append({})
            self._held = {}
        elif tag in ("script", "style"):
            self._silent += 1
        elif self._depth == 1 and tag == "tr":
            self._end_row()
            self._row = {}
            if _style(attrs, "display:none"):
                self.told[-1].setdefault(_HIDDEN, {})[str(len(self.tables[-1]))] = ""
        elif self._depth == 1 and tag in ("td", "th"):
            self._end_cell()
            given = dict(attrs)
            self._row = {} if self._row is None else self._row
            self._cell, self._struck = [], _style(attrs, "line-through")
            self._spans = _span(given.get("rowspan")), _span(given.get("colspan"))
            # What Excel shows is rounded; the number itself stands beside it.
            self._exact = given.get("x:num") or given.get("sdval")
        else:
            self._inside(tag, attrs)

    def _inside(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What stands in a cell and changes how its text reads."""
        if tag in ("sup", "sub"):
            self._raised = True
        elif tag == "option":
            self._idle = "selected" not in dict(attrs)
        elif tag == "input" and self._cell is not None:
            self._cell.append(_typed(dict(attrs)))
        elif tag in _BREAKS and self._cell:
            self._cell.append("\n")
        if tag in _STRIKES or _style(attrs, "line-through"):
            self._struck = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._depth:
            if self._depth == 1:
                self._end_row()
            self._depth -= 1
        elif tag in ("script", "style"):
            self._silent = max(0, self._silent - 1)
        elif tag in ("sup", "sub"):
            self._raised = False
        elif tag in ("option", "select"):
            self._idle = False
        elif self._depth == 1 and tag == "tr":
            self._end_row()
        elif self._depth == 1 and tag in ("td", "th"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._silent and not self._idle:
            text = re.sub(r"[ \t\r\n\xa0]+", " ", data)
            self._cell.append(text.translate(_RAISED) if self._raised else text)

    def close(self) -> None:
        """The end of the file ends whatever was left open."""
        super().close()
        if self.tables:
            self._end_row()

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        lines = "".join(self._cell).split("\n")
        text = "\n".join(line.strip() for line in lines).strip()
        if self._exact and (not text or _ROUNDED(text)):
            text = self._exact
        self._cell = None
        column = 0
        while column in self._row or column in self._held:
            column += 1
        down, across = self._spans
        self._tell(text, column, down, across)
        if column + across > 4 * self._limits.columns:
            raise Refused("too_many_columns", limit=self._limits.columns)
        for offset in range(across):
            value = "" if offset else text
            self._row[column + offset] = value
            if down > 1:
                self._held[column + offset] = (down, value)

    def _tell(self, text: str, column: int, down: int, across: int) -> None:
        row = len(self.tables[-1]) + 1
        at = f"{row}:{column + 1}"
        if self._struck and text:
            self.told[-1].setdefault(STRUCK, {})[at] = ""
        if down > 1 and any(map(str.isdigit, text)):
            self.told[-1].setdefault(MERGED, {})[at] = str(row + down - 1)
        if across > 1 and text:
            self.told[-1].setdefault(ACROSS, {})[at] = f"{row + down - 1}:{column + across}"

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is None:
            return
        row = {column: value for column, (_, value) in self._held.items()} | self._row
        self._held = {c: (n - 1, value) for c, (n, value) in self._held.items() if n > 1}
        self._row = None
        self.tables[-1].append([row.get(c, "") for c in range(max(row, default=-1) + 1)])


def _typed(field: dict[str, str | None]) -> str:
    """What stands in a field of a form; a page that was saved shows it like a cell."""
    shown = (field.get("type") or "text").lower() in ("text", "number", "tel", "date", "search")
    return field.get("value") or "" if shown else ""


def _style(attrs: list[tuple[str, str | None]], wanted: str) -> bool:
    return any(name == "style" and wanted in (text or "").replace(" ", "") for name, text in attrs)


def _span(text: str | None) -> int:
    return min(_WIDEST_SPAN, max(1, int(text))) if text and text.isascii() and text.isdigit() else 1
