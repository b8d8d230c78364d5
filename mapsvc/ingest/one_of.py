"""One column a value: 重大 较大 一般 低 under 风险等级, with √ in the one that holds.

What is ticked becomes the text of the field, and is checked like any other.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsvc.catalog import Layer, LayerField
from mapsvc.ingest.headings import Column, Dictionary, plain
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.values import blank

if TYPE_CHECKING:
    from mapsvc.ingest.ledger import Part

_TICKS = frozenset("√✓✔☑■●×✗✘□") | {"是", "否"}
_YES = frozenset("√✓✔☑■●") | {"是"}
_FEWEST = 2


def take_ticks(part: "Part", layer: Layer) -> Iterator[Problem]:
    """Derive fields from such columns; yields the notes about it."""
    ticked = [c for c in part.heading.columns if c.target is None and _is_ticked(part, c)]
    if len(ticked) < _FEWEST:
        return
    groups: dict[str, list[Column]] = defaultdict(list)
    for column in ticked:
        groups[plain(column.heading).removesuffix(plain(column.lowest))].append(column)
    dictionary = Dictionary(layer)
    for group, columns in groups.items():
        field = _field(layer, dictionary, group, columns)
        if field is None or f"field:{field.id}" in part.columns or len(columns) < _FEWEST:
            continue
        target = f"field:{field.id}"
        for column in columns:
            column.target = target
        part.columns[target] = replace(columns[0], heading=group or field.title)
        part.derived[target] = [_chosen(part, columns, index) for index in range(part.height)]
        headings = "、".join(plain(c.lowest) for c in columns)
        yield problem("ticks_read", sheet=part.sheet.name, title=field.title, headings=headings)


def _chosen(part: "Part", columns: list[Column], index: int) -> str:
    row = part.row(index)
    return "、".join(plain(c.lowest) for c in columns if row[c.position].strip() in _YES)


def _is_ticked(part: "Part", column: Column) -> bool:
    if not column.lowest:
        return False
    texts = part.sheet.columns[column.position][part.heading.first :]
    first = next((text.strip() for text in texts if not blank(text)), "")
    cells = {text.strip() for text in set(texts)} if first in _TICKS else set[str]()
    return bool(cells & _YES) and all(cell in _TICKS or blank(cell) for cell in cells)


def _field(
    layer: Layer, dictionary: Dictionary, group: str, columns: list[Column]
) -> LayerField | None:
    """The field that the heading above names, else the only one that knows all the values."""
    if group:
        target = (dictionary.known(group) or ("", 0))[0]
        return next(
            (
                f
                for f in layer.fields
                if target == f"field:{f.id}" and f.type in ("enum", "boolean", "list")
            ),
            None,
        )
    words = {plain(c.lowest) for c in columns}
    fits = [
        f
        for f in layer.fields
        if f.type == "enum"
        and words <= {plain(word) for v in f.values for word in (v.value, *v.synonyms)}
    ]
    return fits[0] if len(fits) == 1 else None
