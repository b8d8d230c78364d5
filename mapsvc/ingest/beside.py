"""What stands beside a table about its coordinates: in lines above it, in remarks below, in the
sheet's name, in the file's.

People name the system in words (`坐标来源：高德地图`). A clause counts when it speaks of
coordinates or a map; what it forbids, or says was converted, does not.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from mapsvc.ingest.ledger import Part
from mapsvc.ingest.spoken import in_clause

_LINES = 60
_LONGEST = 500
_CLAUSE = re.compile(r"[,;。!\n]")


def said_beside(part: Part, skipped: Collection[int]) -> dict[str, str]:
    """Systems that are named beside a sheet's table → the clause; `skipped` rows are no data."""
    return _said(_texts(part, skipped)) | said_in_folders(part, of_all=True)


def said_in_name(filename: str) -> dict[str, str]:
    """Systems that the file's own name gives: 隐患点_百度坐标.xlsx."""
    return _said([filename])


def said_in_folders(part: Part, of_all: bool) -> dict[str, str]:
    """Systems that the folders of a KML name; `of_all`: only what every row's folder names."""
    folders = [c.position for c in part.heading.columns if c.heading == "Folder"]
    if not folders or not part.sheet.has_shapes:
        return {}
    names = set(part.sheet.columns[folders[0]][part.heading.first :])
    said = [_said([name]) for name in sorted(names)[:_LINES]]
    together = {system: clause for found in said for system, clause in found.items()}
    return {s: c for s, c in together.items() if not of_all or all(s in found for found in said)}


def _said(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        folded = unicodedata.normalize("NFKC", text[:_LONGEST])
        for clause in _CLAUSE.split(folded):
            for system in in_clause(clause):
                found.setdefault(system, clause.strip())
    return found


def _texts(part: Part, skipped: Collection[int]) -> Iterator[str]:
    yield part.sheet.name
    if part.sheet.has_shapes:
        return
    above = [i for i, n in enumerate(part.sheet.numbers[:_LINES]) if n < part.heading.row]
    first, end = part.heading.first, part.offset + part.height
    below = [first + row - part.offset for row in skipped if part.offset <= row < end]
    for column in part.sheet.columns:
        for row in above + below[-_LINES:]:
            yield column[row]
