"""Several counts in one cell: 12户45人 under 威胁户数/人数, under 威胁对象 or among the people.

Each number goes to the field that counts in its unit; two numbers without units go by the order in
the heading. A cell that does not come apart stays as it is, and is refused where it is checked.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.headings import Column, Dictionary, plain
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.values import blank

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_BETWEEN = "/、,;和及与()"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_BARE = re.compile(rf"({_NUMBER})[/、;]({_NUMBER})").fullmatch
_SHORTEST = 2
"""Characters of a heading, or of what the titles of fields begin with."""


def take_counts(part: "Part", layer: Layer) -> Iterator[Problem]:
    """Derive the fields of such columns; yields the notes about it."""
    counting = [f for f in layer.fields if f.type in ("integer", "number") and f.unit]
    of_unit = {f.unit: f for f in counting}
    if not 1 < len(of_unit) == len(counting):
        return
    for column, own, fields in _candidates(part, layer, counting):
        cells = part.sheet.columns[column.position][part.heading.first :]
        apart = {t: _apart(t, of_unit) or _ordered(t, fields) for t in set(cells)}
        seen = {f.id for one in apart.values() for f, _ in one}
        found = [f for f in counting if f.id in seen]
        taken = [f for f in found if f is not own and f"field:{f.id}" in part.columns]
        if len(found) < _SHORTEST or taken or not _certain(cells, apart):
            continue
        _derive(part, column, cells, apart, found)
        titles = "、".join(f.title for f in found)
        yield problem(
            "counts_split",
            sheet=part.sheet.name,
            column=column.heading,
            heading=column.heading,
            titles=titles,
        )


def _candidates(
    part: "Part", layer: Layer, counting: list[LayerField]
) -> Iterator[tuple[Column, LayerField | None, list[LayerField]]]:
    """Columns that may hold several counts: whose they are, or which fields they name."""
    dictionary = Dictionary(layer)
    for column in list(part.heading.columns):
        own = next((f for f in counting if column.target == f"field:{f.id}"), None)
        if not column.heading or column.loses_to or (column.target and own is None):
            continue
        named = [] if own else _named(dictionary, column, counting)
        if not (own or named):
            continue
        together = "".join(part.sheet.columns[column.position][part.heading.first :])
        units = sum(f.unit in together for f in counting)
        if units > 1 or (len(named) == _SHORTEST and any(mark in together for mark in "/、;")):
            yield column, own, named


Counts = list[tuple[LayerField, str]]


def _derive(
    part: "Part",
    column: Column,
    cells: list[str],
    apart: dict[str, Counts],
    fields: list[LayerField],
) -> None:
    if column.target is None:
        column.target = f"field:{fields[0].id}"
    for f in fields:
        target = f"field:{f.id}"
        whole = target == column.target  # what does not come apart is refused there
        part.columns.setdefault(target, replace(column, target=target, unit=""))
        texts = {t: {one.id: n for one, n in found} for t, found in apart.items()}
        part.derived[target] = [
            texts[cell].get(f.id, "") if texts[cell] else (cell if whole else "") for cell in cells
        ]


def _certain(cells: list[str], apart: dict[str, Counts]) -> bool:
    """Do most cells come apart? Else one odd cell would empty the other field of all rows."""
    filled = [cell for cell in cells if not blank(cell)]
    return sum(len(apart[cell]) > 1 for cell in filled) * 2 > len(filled)


def _apart(text: str, of_unit: dict[str, LayerField]) -> Counts:
    """`45人(12户)` → people and households; nothing where anything else stands there."""
    folded = "".join(unicodedata.normalize("NFKC", text).split())
    units = "|".join(map(re.escape, sorted(of_unit, key=len, reverse=True)))
    one = re.compile(rf"({_NUMBER})({units})")
    found = one.findall(folded)
    rest = one.sub("", folded).strip(_BETWEEN)
    if rest or len({unit for _, unit in found}) < len(found):
        return []
    return [(of_unit[unit], number + unit) for number, unit in found]


def _ordered(text: str, fields: list[LayerField]) -> Counts:
    """12/45 under a heading that names both, in its order."""
    both = _BARE("".join(unicodedata.normalize("NFKC", text).split()))
    return list(zip(fields, both.groups(), strict=True)) if both and len(fields) == 2 else []


def _named(dictionary: Dictionary, column: Column, counting: list[LayerField]) -> list[LayerField]:
    """The two fields that a heading names: 威胁户数/人数; all where it says what they share."""
    by_target = {f"field:{f.id}": f for f in counting}
    key = plain(column.heading)
    for at in range(_SHORTEST, len(key) - 1):
        first, second = key[:at].strip(_BETWEEN), key[at:].strip(_BETWEEN)
        one = by_target.get((dictionary.known(first) or ("", 0))[0])
        stems = (first[:n] for n in range(len(first)))
        others = (dictionary.known(stem + second) for stem in stems) if one and second else ()
        other = next((by_target[hit[0]] for hit in others if hit and hit[0] in by_target), None)
        if one and other and one is not other:
            return [one, other]
    shared = [n for n in range(_SHORTEST, len(key)) if all(f.title[:n] in key for f in counting)]
    return counting if any(len({f.title[:n] for f in counting}) == 1 for n in shared) else []
