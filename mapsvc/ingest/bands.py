"""Rows that only part the rows below them: ▲西山镇, 一、东河乡, the title once more on each page.

Nothing but one text stands in them. Where that names a township or a village, the rows below are
said to lie there, as if a column of its own said so, and are held against their places. Of a list
of people without a column for their unit it names the unit.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsvc.catalog import Layer
from mapsvc.ingest.headings import BRACKETS, plain
from mapsvc.ingest.values import blank

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_MARK = re.compile(r"[▲△▼▽◆◇■□●○◎★☆※§►▶▷▪•➤→#【]\s*\S").match
_NUMBER = re.compile(
    r"^(?:[^\w\s]|(?:第?[一二三四五六七八九十]{1,3}|\d{1,2}|\([一二三四五六七八九十\d]{1,3}\))[、.:,])+"
)
_NUMERAL = re.compile(
    r"(?:第?[一二三四五六七八九十]{1,3}|[(（][一二三四五六七八九十]{1,3}[)）])[、.:]?"
).fullmatch
_REGION = re.compile(
    r"[\u4e00-\u9fff]{1,18}(?P<kind>镇|乡|街道|办事处|街道办|村|社区|村委会|居委会)"
)
_UNIT = re.compile(
    r".{1,40}(?:政府|党委|委员会|委|办|办公室|局|所|站|院|校|会|部|队|中心|组|村|社区|公司|镇|乡|街道|处|科|股|室|库|厂|场)"
).fullmatch
"""What units are called; 镇长 or 张三 alone in a row is none."""
_LONGEST = 60
_PLACES = (("point",), ("lon", "lat"), ("x", "y"))


def bands(part: "Part", across: Iterable[int], layer: Layer) -> Iterator[tuple[int, str]]:
    """Rows with one text and nothing else, and the code of the note on them.

    `across` are the rows in which a text is merged over several columns.
    """
    wide = set(across)
    titles = {t for row in range(part.heading.first) if (t := _only(part.sheet_row(row)))}
    numbered = set(_numbered(part))
    for index in placeless(part):
        text = section(part, index)
        if not text or len(text) > _LONGEST:
            continue
        if text in titles:
            yield index, "repeated_heading"
        elif index in numbered or part.numbers[index] in wide or _says_so(part, text, layer):
            yield index, "section_row"


def _says_so(part: "Part", text: str, layer: Layer) -> bool:
    unit = _UNIT(_bare(text)) and _owner(part, layer)
    return bool(_MARK(text) or _region(text) or unit)


def spread(part: "Part", found: Iterable[int], layer: Layer) -> None:
    """Let the rows below a band say what it says: that they lie there, or are of its unit."""
    rows = {index: section(part, index) for index in sorted(found)}
    if owner := _owner(part, layer):
        units = {index: _bare(text) for index, text in rows.items()}
        _fill(part, {owner: {index: text for index, text in units.items() if _UNIT(text)}})
    if {"township", "village", "adcode"} & part.columns.keys():
        return
    said = {index: region for index, text in rows.items() if (region := _region(text))}
    townships = {index: name for index, (level, name) in said.items() if level == "township"}
    villages = {index: name if level == "village" else "" for index, (level, name) in said.items()}
    _fill(part, {"township": townships, "village": villages})


def _fill(part: "Part", said: dict[str, dict[int, str]]) -> None:
    """Columns that hold, from each of the rows on, what it says."""
    for target, texts in said.items():
        if not any(texts.values()):
            continue
        now = ""
        column = [now := texts.get(index, now) for index in range(part.height)]
        first = min(texts)
        at = [cell.strip() for cell in part.row(first)].index(section(part, first))
        part.columns[target] = replace(part.heading.columns[at], target=target)
        part.derived[target] = column


def _owner(part: "Part", layer: Layer) -> str:
    """The field that a band fills where names are put together and the sheet lacks the first."""
    targets = [f"field:{name}" for name in layer.headings.name_from]
    lacking = [t for t in targets if t not in part.columns]
    return targets[0] if lacking == targets[:1] != [] and "name" not in part.columns else ""


def placeless(part: "Part") -> Iterator[int]:
    """Rows without coordinates; none where the sheet has no column for them."""
    for targets in _PLACES:
        if all(t in part.columns for t in targets):
            cells = part.cells(targets[0]) or []
            # Most begin with a digit: that is seen at once.
            yield from (
                i for i, text in enumerate(cells) if not text[:1].isdigit() and _no_number(text)
            )
            return


def _no_number(text: str) -> bool:
    """A text that is merged over all columns may stand in the first of the place, too."""
    return not text[:1].isdigit() and not any(map(str.isdigit, text))


def section(part: "Part", index: int) -> str:
    """The one text of a row beside its number 一, 二, …; nothing where there are more."""
    cells = part.row(index)
    seq = part.columns.get("seq")
    if seq is not None and _NUMERAL(cells[seq.position].strip()):
        cells[seq.position] = ""
    return _only(cells)


def _numbered(part: "Part") -> Iterator[int]:
    """Rows with a number 一, 二, … where those of others are 1, 2, …"""
    serials = [text.strip() for text in part.cells("seq") or []]
    if any(map(str.isdecimal, serials)):
        yield from (i for i, text in enumerate(serials) if _NUMERAL(text))


def _only(cells: list[str]) -> str:
    """The one text of a row, or nothing."""
    found = {text for cell in cells if not blank(text := cell.strip())}
    return found.pop() if len(found) == 1 else ""


def _region(text: str) -> tuple[str, str] | None:
    """Level and name of the region that a text names and nothing else."""
    bare = _bare(text)
    found = _REGION.fullmatch(bare)
    if found is None:
        return None
    level = "village" if found["kind"] in ("村", "社区", "村委会", "居委会") else "township"
    return level, bare


def _bare(text: str) -> str:
    """Without its number, its mark and what stands in brackets."""
    return _NUMBER.sub("", BRACKETS.sub("", plain(text))).strip("【】:： ")
