"""All sheets that hold data as one list of rows, with the rows set apart that are no data."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from mapsvc.catalog import Layer
from mapsvc.ingest.added import clear_added, is_added
from mapsvc.ingest.bands import bands, placeless, section, spread
from mapsvc.ingest.cells import letter_of
from mapsvc.ingest.counts import set_apart
from mapsvc.ingest.grouped import Group
from mapsvc.ingest.headings import Column, Dictionary, Heading, find_heading, plain
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.sandbox import Reading, Sheet, refusal
from mapsvc.ingest.split import continued, name_from, split
from mapsvc.ingest.values import LONGEST_NOTHING, blank
from mapsvc.ingest.wire import ACROSS, LONGER, OF_CELLS, Note

_TOTAL = re.compile(
    r"(合计|总计|小计|共计|累计|汇总)([:(\d].*)?|.{1,20}(合计|总计|小计|共计|汇总|计数|平均值)"
)
_LAST_LETTERS = frozenset("计总数值")
_FOOTER = re.compile(
    r"(填表人|制表人|填报人|填报单位|制表单位|审核人|审核|复核人|负责人签字|签字|联系人|单位负责人|单位\(盖章\)"
    r"|单位\(公章\)|制表|填表|填报|复核|审批人?|领导签字|主管领导|主要领导|盖章|公章|日期|联系电话|填报日期|填表日期|填报时间|制表日期|报出日期|注|备注|说明|填表说明|填写说明)\d?(?:\([^()]*\))?[:].*"
    r"|-?第[\d一二三四五六七八九十]+页[,，]?(共[\d一二三四五六七八九十]+页)?-?"
    r"|填表人|制表人|填报人|填报单位|制表单位|审核人|复核人|审批人|单位负责人"
)
_SECTION = re.compile(r"\([一二三四五六七八九十]{1,3}\).+|[一二三四五六七八九十]{1,3}[、.:].+")
_NO_PLACE = re.compile(r"\D*|1[3-9]\d{9}|(?:19|20)\d\d[-/.年].*").fullmatch
"""What stands in a column of coordinates by chance: words, a phone, a date."""
_EXAMPLE = re.compile(r"\(?(示例|例|样例|填写示例)[):].*|示例|样例|填写示例")
_FIRST_LETTERS = frozenset(
    "第-合总小共累汇填制审复负签联单报注备说示例样领主盖公日(（一二三四五六七八九十"
)
_NO_DATA = frozenset({"blank_row", "footer_row", "total_row"})
_SERIAL = re.compile(r"\d{1,4}").fullmatch
_NUMERALS = "甲乙丙丁戊己庚辛壬癸"


@dataclass(slots=True)
class Part:
    """The data rows of one sheet; they are rows `offset` to `offset + height` of the ledger."""

    sheet: Sheet
    heading: Heading
    offset: int
    columns: dict[str, Column] = field(default_factory=dict)
    derived: dict[str, list[str]] = field(default_factory=dict)
    """Texts of columns that were taken apart or put together, instead of those of the sheet."""
    groups: list[Group] = field(default_factory=list)
    """Columns of things side by side, of which each row lists one a group."""

    @property
    def height(self) -> int:
        return self.sheet.height - self.heading.first

    @property
    def last_named(self) -> int:
        """Position of the last column with a heading."""
        return max((c.position for c in self.heading.columns if c.heading), default=-1)

    @property
    def numbers(self) -> list[int]:
        return self.sheet.numbers[self.heading.first :]

    def cells(self, target: str) -> list[str] | None:
        """The texts of the column with that meaning, or None where the sheet has none."""
        if target in self.derived:
            return self.derived[target]
        column = self.columns.get(target)
        return None if column is None else self.sheet.columns[column.position][self.heading.first :]

    def row(self, index: int) -> list[str]:
        """All cells of a data row."""
        return [column[self.heading.first + index] for column in self.sheet.columns]

    def sheet_row(self, index: int) -> list[str]:
        """All cells of a row of the sheet, those above the data too."""
        return [column[index] for column in self.sheet.columns]

    @property
    def has_unused(self) -> bool:
        """Is there a column that became no field?"""
        return any(c.heading and (c.target is None or c.loses_to) for c in self.heading.columns)

    def raw(self, start: int, stop: int) -> Iterator[tuple[str, ...]]:
        """All cells of some data rows as they were."""
        at = slice(self.heading.first + start, self.heading.first + stop)
        columns = [column[at] for column in self.sheet.columns]
        return zip(*columns, strict=True) if columns else iter([()] * (stop - start))


@dataclass(slots=True)
class Ledger:
    """The rows of all parts, counted through from 0."""

    parts: list[Part]
    problems: list[Problem]
    left_out: list[dict[str, str]]
    skipped: dict[int, str] = field(default_factory=dict)
    """Row → code of the note why it is no data."""
    delimited: bool = False
    """A text file, in which a comma too many shifts all that follows."""
    longer: dict[int, int] = field(default_factory=dict)
    """Its rows with more cells than most: number → cells."""
    called: str = ""
    """The name of the file."""
    told: list[Note] = field(default_factory=list)
    """What the reader noted of single cells."""

    @property
    def height(self) -> int:
        return sum(part.height for part in self.parts)

    def cells(self, target: str) -> list[str]:
        """A column over all parts; blank where a part lacks it."""
        texts: list[str] = []
        for part in self.parts:
            texts += part.cells(target) or [""] * part.height
        return texts

    def has(self, target: str) -> bool:
        return any(target in part.columns for part in self.parts)

    def part_of(self, seq: int) -> Part:
        return next(p for p in reversed(self.parts) if p.offset <= seq)

    def at(self, seq: int, target: str | None = None) -> dict[str, Any]:
        """Where a row stands, for a problem: sheet, row, column and seq."""
        part = self.part_of(seq)
        if target == "coordinates":
            target = next((t for t in ("lon", "x", "point") if t in part.columns), None)
        column = part.columns.get(target) if target else None
        return {
            "sheet": part.sheet.name,
            "row": part.sheet.numbers[part.heading.first + seq - part.offset],
            "column": column.heading if column else None,
            "seq": seq,
        }


@dataclass(slots=True)
class Raw:
    """Both coordinates of each row as the file has them: two columns are lighter than pairs."""

    x: list[str]
    y: list[str]

    def __getitem__(self, row: int) -> tuple[str, str]:
        return self.x[row], self.y[row]

    def __setitem__(self, row: int, pair: tuple[str, str]) -> None:
        self.x[row], self.y[row] = pair


def gather(reading: Reading, layer: Layer, elsewhere: Collection[int] = ()) -> Ledger:
    """The ledger of a file; raises Unreadable where no sheet has a heading or any row.

    `elsewhere` are the sheets that are left out as another layer's, by their place in the file.
    """
    dictionary = Dictionary(layer)
    ledger = _opened(reading)
    many = len(reading.sheets) > 1
    offset = 0
    for at, sheet in enumerate(reading.sheets):
        if is_added(sheet):
            ledger.left_out.append({"sheet": sheet.name, "code": "sheet_added"})
            continue
        clear_added(sheet)
        if at in elsewhere:
            ledger.left_out.append({"sheet": sheet.name, "code": "sheet_other_layer"})
            continue
        reason, heading = _heading_of(sheet, dictionary)
        if heading is None:
            ledger.left_out.append({"sheet": sheet.name, "code": reason or ""})
            if many and reason:
                ledger.problems.append(problem(reason, sheet=sheet.name))
            continue
        part = Part(sheet, heading, offset, heading.by_target)
        offset += part.height
        ledger.parts.append(part)
    if not ledger.parts:
        raise refusal("no_heading")
    if offset == 0:
        raise refusal("no_rows")
    for part in ledger.parts:
        ledger.problems += split(part, layer)
        _set_apart(part, layer, ledger)
        ledger.problems += continued(part, layer, ledger.skipped)
        _report_columns(part, layer, ledger)
    return ledger


def _heading_of(sheet: Sheet, dictionary: Dictionary) -> tuple[str | None, Heading | None]:
    """The heading of a sheet, or the code of why it is not read."""
    if not sheet.visible:
        return "sheet_hidden", None
    if sheet.height == 0:
        return "sheet_empty", None
    heading = find_heading(sheet, dictionary)
    return (None if heading else "sheet_without_heading"), heading


def _opened(reading: Reading) -> Ledger:
    """No rows yet, and what the reader noted."""
    longer = (note.values for note in reading.notes if note.code == LONGER)
    return Ledger(
        [],
        [_noted(note) for note in reading.notes if note.code not in (LONGER, *OF_CELLS)],
        [],
        delimited=reading.format == "csv",
        longer={int(row): int(cells) for row, cells in next(longer, {}).items()},
        called=reading.called,
        told=[note for note in reading.notes if note.code in OF_CELLS],
    )


def _noted(note: Note) -> Problem:
    values: dict[str, Any] = dict(note.values)
    return problem(note.code, sheet=note.sheet, **values)


def _report_columns(part: Part, layer: Layer, ledger: Ledger) -> None:
    titles = {f"field:{f.id}": f.title for f in layer.fields}
    titles |= {f"item:{c.id}": c.title for f in layer.fields for c in f.columns}
    titles |= {"name": "名称", "code": "编号", "lon": "经度", "lat": "纬度"}
    first = part.heading.first
    idle = _idle_items(part, layer)
    unnamed = {c.position for c in part.heading.columns if not c.heading}
    if ledger.delimited:  # what stands behind the last heading refuses its rows instead
        unnamed = {c for c in unnamed if c < part.last_named}
    for column in part.heading.columns:
        where: dict[str, Any] = {"sheet": part.sheet.name, "column": column.heading or None}
        cells = part.sheet.columns[column.position][first:]
        if column.target is None:
            if column.heading and any(cells):
                ledger.problems.append(problem("column_unused", **where))
            elif column.position in unnamed and _holds_data(part, ledger, cells):
                letter = letter_of(part.sheet.left + column.position)
                where["column"] = None
                ledger.problems.append(problem("column_unnamed", letter=letter, **where))
        elif column.target in idle and any(cells):
            ledger.problems.append(problem("column_unused", **where))
        elif column.loses_to is not None and column.target != "seq":
            used = part.columns[column.target]
            same = plain(used.heading) == plain(column.heading) and used.hint == column.hint
            if same and cells != part.sheet.columns[used.position][first:]:
                ledger.problems.append(problem("heading_twice", heading=column.heading, **where))
            elif not same:
                title = titles.get(column.target, used.heading)
                ledger.problems.append(
                    problem("heading_ignored", used=used.heading, title=title, **where)
                )


def _idle_items(part: Part, layer: Layer) -> set[str]:
    """Columns of items that are not read: the list stands in a column of its own, or no item is
    named."""
    records = next((f for f in layer.fields if f.type == "records"), None)
    if records is None:
        return set()
    targets = {f"item:{c.id}" for c in records.columns}
    needed = {f"item:{c.id}" for c in records.columns if c.required}
    return (
        set()
        if f"field:{records.id}" not in part.columns and needed & part.columns.keys()
        else targets
    )


def _holds_data(part: Part, ledger: Ledger, cells: list[str]) -> bool:
    """Is anything written in rows of data?"""
    return any(
        not blank(cell) and part.offset + index not in ledger.skipped
        for index, cell in enumerate(cells)
    )


def _set_apart(part: Part, layer: Layer, ledger: Ledger) -> None:
    """Note the rows that are blank, totals, footers, headings again, or the template's example."""
    if part.sheet.has_shapes:
        return
    for index in _item_totals(part, layer):
        ledger.skipped[part.offset + index] = "total_row"
    for index, code in set_apart(part, layer):
        ledger.skipped.setdefault(part.offset + index, code)
    found = _suspects(part)
    _find_blank(part, found)
    merged = [note for note in ledger.told if note.code == ACROSS and note.sheet == part.sheet.name]
    across = {int(at.partition(":")[0]) for note in merged for at in note.values}
    found = dict.fromkeys(_far_totals(part), "total_row") | found
    for index, code in bands(part, across, layer):
        if found.get(index) != "blank_row":
            found.setdefault(index, code)
    for index in _below_footers(part, found):
        found.setdefault(index, "footer_row")
    if part.height and _is_numbering(part.row(0)):
        found[0] = "unit_row"
    for index, code in found.items():
        if _confirmed(part, index, code):
            ledger.skipped[part.offset + index] = code
    skipped = ledger.skipped
    sections = (i for i in found if skipped.get(part.offset + i) == "section_row")
    spread(part, sections, layer)
    name_from(part, layer)


def _below_footers(part: Part, found: dict[int, str]) -> Iterator[int]:
    """Rows of one text each behind the first footer of the sheet's end: 2.…, （一式两份）."""
    end = part.height
    while end and (found.get(end - 1) in _NO_DATA or section(part, end - 1)):
        end -= 1
    footers = [i for i in range(end, part.height) if found.get(i) == "footer_row"]
    if footers:
        yield from (i for i in range(footers[0], part.height) if i not in found)


def _item_totals(part: Part, layer: Layer) -> Iterator[int]:
    """Rows that sum up the items of the feature above, whose name stands there or is repeated."""
    item = next((c.id for f in layer.fields for c in f.columns if c.type == "text"), "")
    items = part.cells(f"item:{item}") or []
    keys = [c for t in ("code", "name") if (c := part.cells(t)) is not None]
    for index, text in enumerate(items):
        if text[-1:] != "计" or not index or _kind(text) != "total_row":
            continue
        if all(blank(c[index]) or c[index] == c[index - 1] for c in keys):
            yield index


def _far_totals(part: Part) -> Iterator[int]:
    """Rows of neither a name nor a place, with 西山镇 汇总 in the column that they sum up by."""
    keys = [c for t in ("code", "name") if (c := part.cells(t)) is not None]
    for index in placeless(part):
        if all(blank(c[index]) for c in keys):
            texts = (t for t in part.row(index) if t[-1:] in _LAST_LETTERS)
            if any(_kind(text) == "total_row" for text in texts):
                yield index


def _suspects(part: Part) -> dict[int, str]:
    """Rows whose first columns or name say that they are no data."""
    name = part.columns.get("name")
    leads = {0, 1, 2} | ({name.position} if name else set())
    name_heading = name.heading if name else ""
    found: dict[int, str] = {}
    for position in sorted(leads & set(range(len(part.sheet.columns)))):
        texts = part.sheet.columns[position][part.heading.first :]
        firsts = {text[:1] for text in texts}
        odd = {f for f in firsts if f in _FIRST_LETTERS or f.isspace() or f == name_heading[:1]}
        # In most columns of names and codes no text begins or ends as such words do.
        if not odd and _LAST_LETTERS.isdisjoint({text[-1:] for text in texts}):
            continue
        kinds = {t: code for t in set(texts) if (code := _suspicion(t, name_heading))}
        for index, text in enumerate(texts if kinds else ()):
            if text in kinds:
                found.setdefault(index, kinds[text])
    return found


def _suspicion(text: str, name_heading: str) -> str | None:
    first = text[:1]
    if (first in _FIRST_LETTERS or first.isspace() or text[-1:] in _LAST_LETTERS) and (
        code := _kind(text)
    ):
        return code
    repeated = first and first == name_heading[:1] and " ".join(text.split()) == name_heading
    return "repeated_heading" if repeated else None


def _kind(text: str) -> str | None:
    key = plain(text)
    if text.rstrip()[-1:] in (":", "："):
        key += ":"  # 审核： with nobody's name behind it
    for pattern, code in (
        (_TOTAL, "total_row"),
        (_FOOTER, "footer_row"),
        (_EXAMPLE, "example_row"),
        (_SECTION, "section_row"),
    ):
        if pattern.fullmatch(key):
            return code
    return None


def _find_blank(part: Part, found: dict[int, str]) -> None:
    """Rows without anything, or with nothing but their number: many sheets are numbered ahead."""
    keyed = part.cells("name") or part.cells("code") or [""] * part.height
    numbers = {part.columns[t].position for t in ("seq", "code") if t in part.columns}
    for index, text in enumerate(keyed):
        if (
            len(text) <= LONGEST_NOTHING
            and blank(text)
            and all(
                blank(c) or (position in numbers and _SERIAL(c.strip()))
                for position, c in enumerate(part.row(index))
            )
        ):
            found[index] = "blank_row"


def _is_numbering(cells: list[str]) -> bool:
    """A row that only numbers the columns: 1 2 3 … or 甲 乙 1 2 …"""
    words = [plain(c).strip("()") for c in cells if c.strip()]
    letters = [w for w in words if w in _NUMERALS]
    digits = [w for w in words if w not in letters]
    start = int(digits[0]) if digits and digits[0].isdecimal() and len(digits[0]) < 4 else -1
    expected = [str(start + i) for i in range(len(digits))]
    return len(words) >= 4 and start in (0, 1, len(letters) + 1) and digits == expected


def _confirmed(part: Part, index: int, code: str) -> bool:
    """Is the suspicion borne out by the rest of the row? Data must never be skipped."""
    if code in ("blank_row", "unit_row", "example_row"):
        return True
    cells = part.row(index)
    if code == "repeated_heading":
        headings = [plain(c.heading) for c in part.heading.columns]
        if len({text for c in cells if (text := c.strip())}) == 1:
            return True  # the title again
        same = sum(bool(h) and plain(c) == h for c, h in zip(cells, headings, strict=True))
        return same >= 2 and same * 2 >= sum(bool(c.strip()) for c in cells)
    if code == "section_row":
        return bool(section(part, index))
    # A number may stand anywhere in such a row, but neither a whole place nor both code and name.
    told = [
        [cells[part.columns[t].position] for t in group if t in part.columns]
        for group in (("lon", "lat"), ("x", "y"), ("point",))
    ]
    if any(
        texts and all(not _NO_PLACE(t.strip()) and not _kind(t) for t in texts) for texts in told
    ):
        return False
    keys = [cells[part.columns[t].position] for t in ("code", "name") if t in part.columns]
    return len(keys) < 2 or any(not text.strip() or _kind(text) for text in keys)
