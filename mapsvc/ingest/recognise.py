"""Which layer a sheet belongs to: its headings, values and names scored against every layer file.

A heading counts for the layers that know it, the more the fewer they are; values count where they
fit or break a field's rules; names and the sheet's and the file's own name count by the words of a
layer. All of it follows from the layer files. What is counted can be said in words and numbers.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mapsvc.catalog import Catalog, Layer
from mapsvc.ingest.headings import Column, Dictionary, Heading, find_heading, plain
from mapsvc.ingest.sandbox import Sheet
from mapsvc.ingest.values import Wrong, blank, fold, parser, unwrapped

SAMPLED_ROWS = 300
_NAMED = 5
"""Headings that the evidence repeats."""
_OWN = ("code", "name")
_JUDGED = ("enum", "integer", "number", "date", "phone")
"""Types of field whose values tell whether the column is one."""

KEYED, NAMELESS, STAMPED, TOLD, CALLED, KNOWN = 2.0, -4.0, 10.0, 1.5, 2.0, 4.0
"""Weights: a code's or name's own heading; no name at all; a column `layer`; the sheet's or file's
name; words in the names of rows; names that are on the map already."""
FITS, BREAKS = 2.0, -2.0
"""Weights of a column whose values fit an enum, or break the rules of a field."""


@dataclass(slots=True)
class Evidence:
    """What speaks for a layer, and how much; `score` is the sum of it."""

    layer: Layer
    score: float = 0.0
    headings: list[str] = field(default_factory=list)
    """Headings that no other layer has for a column of its own."""
    keyed: bool = False
    """Is the heading of the code or of the name among them?"""
    fits: list[tuple[str, int, int]] = field(default_factory=list)
    """Heading of a column, values that fit its field, values."""
    breaks: list[tuple[str, int, int]] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)
    """Words of the layer in the names of rows, with how many rows."""
    told_by: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    known: int = 0
    """Names of the sample that the map has in this layer already."""
    nameless: bool = False
    stamped: bool = False
    """A column `layer` says so, as in an export of ours."""

    def add_known(self, count: int) -> None:
        self.known = count
        if count:
            self.score += KNOWN * count / len(self.names)

    def said(self) -> list[str]:
        """The evidence as sentences, the strongest first."""
        lines = ["“layer”一列写明是这个图层"] if self.stamped else []
        if self.known:
            lines.append(f"{len(self.names)} 个名称里有 {self.known} 个已在这个图层")
        if self.headings:
            named = "".join(f"“{h}”" for h in self.headings[:_NAMED])
            more = f"等 {len(self.headings)} 个" if len(self.headings) > _NAMED else ""
            lines.append(f"表头{named}{more}只有这个图层有")
        lines += [f"“{h}”列 {n} 格中 {fit} 格合乎可选范围" for h, fit, n in self.fits]
        if self.words:
            named = "".join(f"“{word}”" for word, _ in self.words.most_common(3))
            lines.append(f"{len(self.names)} 个名称里有 {self.words.total()} 个带{named}")
        lines += [f"{text}里有“{word}”" for text, word in zip(self.told_by[::2], self.told_by[1::2],
                                                             strict=True)]  # fmt: skip
        lines += [f"但“{h}”列 {n} 格中只有 {fit} 格合乎要求" for h, fit, n in self.breaks]
        if self.nameless:
            lines.append("但没有它的名称列")
        return lines


class Recogniser:
    """The dictionaries and words of all layers."""

    def __init__(self, catalog: Catalog) -> None:
        self.layers = list(catalog)
        self._dictionaries = {x.id: Dictionary(x) for x in self.layers}
        self._names = _alone({x.id: _name_words(x) for x in self.layers})
        self._titles = _alone({x.id: _title_words(x) for x in self.layers})

    def keyed(self, sheet: Sheet, layer: Layer) -> bool:
        """Has the sheet a heading for code or name that only this layer has? Cheap."""
        heading = find_heading(sheet, self._dictionaries[layer.id])
        return heading is not None and any(
            c.target in _OWN and self._share(c) == 1.0 for c in heading.by_target.values()
        )

    def weigh(self, sheet: Sheet, filename: str) -> list[Evidence]:
        """The evidence for each layer under which the sheet has a heading, best first."""
        found = []
        for layer in self.layers:
            heading = find_heading(sheet, self._dictionaries[layer.id])
            if heading is not None:
                found.append(self._evidence(sheet, heading, layer, filename))
        return sorted(found, key=lambda e: -e.score)

    def _share(self, column: Column) -> float:
        """1 for a heading that one layer has for a column of its own, 0 for one that all have."""
        owners = 0
        for dictionary in self._dictionaries.values():
            hit = dictionary.known(column.heading)
            owners += hit is not None and _is_own(hit[0])
        others = len(self.layers) - 1
        return 1.0 if others < 1 else max(0.0, 1.0 - (owners - 1) / others)

    def _evidence(self, sheet: Sheet, heading: Heading, layer: Layer, filename: str) -> Evidence:
        found = Evidence(layer)
        columns = heading.by_target
        for target, column in columns.items():
            if not _is_own(target):
                continue
            share = self._share(column)
            keyed = target in _OWN
            found.score += share * (KEYED if keyed else 1.0)
            if share == 1.0:
                found.headings.append(column.heading)
                found.keyed = found.keyed or keyed
            if not keyed:
                _judge(found, column, _sample(sheet, heading, column))
        self._weigh_names(found, sheet, heading)
        self._weigh_titles(found, sheet.name, filename)
        stamp = next((c for c in heading.columns if plain(c.heading) == "layer"), None)
        if stamp is not None and {*_sample(sheet, heading, stamp)} == {layer.id}:
            found.stamped = True
            found.score += STAMPED
        return found

    def _weigh_names(self, found: Evidence, sheet: Sheet, heading: Heading) -> None:
        columns = heading.by_target
        built = [f"field:{name}" for name in found.layer.headings.name_from]
        if "name" in columns:
            found.names = _sample(sheet, heading, columns["name"])
        elif not built or any(target not in columns for target in built):
            found.nameless = True
            found.score += NAMELESS
        for name in found.names:
            word = next((w for w in self._names[found.layer.id] if w in name), None)
            if word:
                found.words[word] += 1
        if found.names and found.words.total() * 5 >= len(found.names):
            found.score += CALLED * found.words.total() / len(found.names)
        else:
            found.words.clear()

    def _weigh_titles(self, found: Evidence, sheet: str, filename: str) -> None:
        for title, text in (("工作表名", sheet), ("文件名", filename)):
            told = fold(text)
            word = next((w for w in self._titles[found.layer.id] if w in told), None)
            if word:
                found.told_by += [title, word]
                found.score += TOLD


def _is_own(target: str) -> bool:
    return target in _OWN or target.startswith(("field:", "item:"))


def _sample(sheet: Sheet, heading: Heading, column: Column) -> list[str]:
    cells = sheet.columns[column.position][heading.first : heading.first + SAMPLED_ROWS]
    return [text for cell in cells if not blank(cell) and (text := unwrapped(cell))]


def _judge(found: Evidence, column: Column, cells: list[str]) -> None:
    """Do the values fit the field that the heading would make of them?"""
    kind, _, name = (column.target or "").partition(":")
    if kind != "field" or not cells:
        return
    wanted = found.layer.field(name)
    if wanted.type not in _JUDGED:
        return
    parse = parser(wanted)
    values: dict[str, Any] = {text: parse(text) for text in dict.fromkeys(cells)}
    fit = sum(type(values[text]) is not Wrong for text in cells)
    if wanted.type == "enum" and fit * 10 >= len(cells) * 9:
        found.fits.append((column.heading, fit, len(cells)))
        found.score += FITS
    elif fit * 2 < len(cells):
        found.breaks.append((column.heading, fit, len(cells)))
        found.score += BREAKS


def _alone(words: dict[str, set[str]]) -> dict[str, list[str]]:
    """Of each layer the words that no other has, the longest first."""
    owners = Counter(word for own in words.values() for word in own)
    return {
        layer: sorted((w for w in own if owners[w] == 1), key=lambda w: (-len(w), w))
        for layer, own in words.items()
    }


def _name_words(layer: Layer) -> set[str]:
    """What features of a layer are called by: its noun, its headings for a name, its kinds."""
    stems = (h.removesuffix("名称") for h in layer.headings.name)
    kind = layer.field(layer.symbol.kind).values if layer.symbol.kind else ()
    kinds = (spelling for value in kind for spelling in (value.value, *value.synonyms))
    return _spoken((layer.noun, *stems, *kinds))


def _title_words(layer: Layer) -> set[str]:
    """What a table of the layer is called by: also the halves of its title and noun."""
    title = layer.title.removesuffix("图")
    halves = (text[i : i + 2] for text in (title, layer.noun) for i in range(0, len(text) - 1, 2))
    return _name_words(layer) | _spoken((layer.title, title, layer.id, *halves))


def _spoken(words: Iterable[str]) -> set[str]:
    folded = (unicodedata.normalize("NFKC", word).strip() for word in words)
    return {word for word in folded if (len(word) >= 2 and not word.isascii()) or "_" in word}
