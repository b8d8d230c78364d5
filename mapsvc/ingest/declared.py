"""What a file itself says of its coordinate systems: in headings, in a .prj, row by row."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mapsvc.coordinates import System, parse_system
from mapsvc.coordinates.pairs import parse_pairs
from mapsvc.ingest.assign import Floats, metres_between, spoken
from mapsvc.ingest.beside import said_beside, said_in_folders, said_in_name
from mapsvc.ingest.ledger import Ledger, Part
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.spoken import UNKNOWN, spoken_system
from mapsvc.ingest.wire import ASSUMED, OLD

_DEGREES = ("decimal", "dms")
_APART_M = 20

Kind = tuple[bool, System | None, str | None]
"""In metres?, the system that must hold, the system that headings or file suggest."""


def alike(
    declared: System | None,
    problems: list[Problem],
    ledger: Ledger,
    present: NDArray[np.bool_],
    projected: NDArray[np.bool_],
) -> dict[Kind, NDArray[np.int64]]:
    """Rows whose system is decided together."""
    hints = [hinted(part, ledger) for part in ledger.parts]
    common = hints[0] if len(set(hints)) == 1 else None
    kinds: dict[Kind, NDArray[np.int64]] = {}
    if common is not None or len(ledger.parts) == 1 or set(hints) == {None}:
        spans = [(0, ledger.height, common)]
    else:
        spans = [
            (p.offset, p.offset + p.height, h) for p, h in zip(ledger.parts, hints, strict=True)
        ]
    named = (
        _named_systems(problems, ledger, declared, present, projected) if ledger.has("crs") else {}
    )
    for start, stop, hint in spans:
        here = np.zeros(present.size, np.bool_)
        here[start:stop] = True
        for row in named:
            here[row] = False
        for in_metres, mask in ((False, ~projected), (True, projected)):
            rows = np.flatnonzero(present & here & mask)
            if rows.size:
                kinds[in_metres, declared, hint] = np.concatenate(
                    (kinds.get((in_metres, declared, hint), rows[:0]), rows)
                )
    for system in {s for s in named.values() if s is not None}:
        for in_metres in (False, True):
            rows = np.array(
                [r for r, s in named.items() if s == system and projected[r] == in_metres], np.int64
            )
            if rows.size:
                kinds[in_metres, system, None] = np.sort(rows)
    return kinds


def _named_systems(
    problems: list[Problem],
    ledger: Ledger,
    declared: System | None,
    present: NDArray[np.bool_],
    projected: NDArray[np.bool_],
) -> dict[int, System | None]:
    """Rows that name their system themselves; None where that refuses the row."""
    named: dict[int, System | None] = {}
    memo: dict[str, System | None] = {}
    for row, text in enumerate(ledger.cells("crs")):
        if not text.strip() or row in ledger.skipped or not present[row]:
            continue
        if text not in memo:
            memo[text] = spoken_system(text)
        system = memo[text]
        where = ledger.at(row, "crs")
        if system is None and "来源" in str(where["column"]):
            continue  # 现场测量, 手机: a source that names no system
        if system is None:
            found = problem("crs_of_row_unknown", field="coordinates", value=text, **where)
        elif system.id == "cgcs2000" and projected[row]:
            continue  # It names the datum; which projection, the numbers must say.
        elif declared is not None and not same(system.id, declared.id):
            found = problem(
                "crs_of_row_differs",
                field="coordinates",
                value=text,
                named=system.title,
                declared=declared.title,
                **where,
            )
        else:
            named[row] = system
            continue
        named[row] = None
        problems.append(found)
    return named


def hinted(part: Part, ledger: Ledger) -> str | None:
    """The one system that headings, file or words beside the table name; None where they name
    none, or several that differ. An old datum is never outvoted: no polygon tells it apart.
    """
    named: set[str] = set()
    for target in ("lon", "lat", "x", "y", "point"):
        column = part.columns.get(target)
        if column is not None and column.hint:
            named.add(column.hint)
    if part.sheet.crs and part.sheet.crs != ASSUMED:
        system = spoken_system(part.sheet.crs)
        if part.sheet.crs == OLD or (system is not None and system.of_old_datum):
            named.add(OLD)
        else:
            named.add(system.id if system is not None else UNKNOWN)
    beside, called = said_beside(part, _notes(ledger)), said_in_name(ledger.called)
    if named or beside:
        called.pop(UNKNOWN, None)  # what is inside says more
    beside = called | beside
    for doubt in (OLD, UNKNOWN):  # these are never outvoted
        if doubt in beside:
            return doubt
    named |= beside.keys()
    if {"wgs84", "cgcs2000"} <= named:
        named.remove("wgs84")
    if not named and part.sheet.crs == ASSUMED:
        return ASSUMED
    return named.pop() if len(named) == 1 else None


def _notes(ledger: Ledger) -> list[int]:
    return [row for row, code in ledger.skipped.items() if code == "footer_row"]


def columns_apart(part: Part, x: Floats, y: Floats, form: Sequence[str]) -> Iterator[Problem]:
    """A vector file's columns of coordinates are not used; where they say another place, tell."""
    lon, lat = part.cells("lon"), part.cells("lat")
    if lon is None or lat is None:
        return
    told = parse_pairs(lon, lat)
    here = np.isin(told.form, _DEGREES) & np.isin(np.asarray(form, np.str_), _DEGREES)
    apart = here & (metres_between(told.x, told.y, x, y) > _APART_M)
    if count := int(np.count_nonzero(apart)):
        column = part.columns["lon"].heading
        yield problem("geometry_used", sheet=part.sheet.name, column=column, count=count)


def places_apart(ledger: Ledger) -> Iterator[Problem]:
    """Rows whose columns of coordinates say two places: 经度 and 纬度 here, 坐标 there."""
    for part in ledger.parts:
        pairs = [
            (part.cells(a), part.cells(b) if b else [""] * part.height, a)
            for a, b in (("lon", "lat"), ("x", "y"), ("point", ""))
        ]
        (x, y, _), *others = [(a, b, at) for a, b, at in pairs if a and b] or [([], [], "")]
        if part.sheet.has_shapes or not others:
            continue
        first = parse_pairs(x, y)
        for more_x, more_y, at in others:
            told = parse_pairs(more_x, more_y)
            metres = metres_between(first.x, first.y, told.x, told.y)
            degrees = np.isin(first.form, _DEGREES) & np.isin(told.form, _DEGREES)
            for index in np.flatnonzero(degrees & (metres > _APART_M)).tolist():
                if part.offset + index not in ledger.skipped:
                    where = ledger.at(part.offset + index, "coordinates")
                    other = part.columns[at].heading
                    yield problem(
                        "two_places", field="coordinates", other=other,
                        distance=spoken(float(metres[index])), **where,
                    )  # fmt: skip


def against_heading(part: Part, declared: System) -> Problem | None:
    """What headings say of the system, where another was chosen."""
    for target in ("lon", "lat", "point"):
        column = part.columns.get(target)
        known = column is not None and column.hint not in (None, OLD, UNKNOWN)
        if column and column.hint and known and declared.in_degrees:
            named = parse_system(column.hint)
            if not same(named.id, declared.id):
                return problem(
                    "crs_heading_differs", sheet=part.sheet.name, column=column.heading,
                    named=named.title, declared=declared.title,
                )  # fmt: skip
    return None


def against_words(part: Part, ledger: Ledger, declared: System) -> Iterator[Problem]:
    """What words beside the table say of the system, where another was chosen."""
    words = said_in_name(ledger.called) | said_beside(part, _notes(ledger))
    words |= said_in_folders(part, of_all=False)
    for said, clause in words.items():
        if said == OLD:
            system = "北京 54 或西安 80"
        elif said != UNKNOWN and _against(parse_system(said), declared):
            system = parse_system(said).title
        else:
            continue
        yield problem(
            "crs_words_differ", sheet=part.sheet.name, value=clause, said=clause, named=system,
            declared=declared.title,
        )  # fmt: skip


def _against(said: System, declared: System) -> bool:
    """Degrees that are not shifted are any projection's datum."""
    datum = said.id in ("wgs84", "cgcs2000") and not declared.in_degrees
    return not datum and not same(said.id, declared.id)


def same(one: str, other: str) -> bool:
    """CGCS2000 and WGS-84 degrees differ by decimetres."""
    return one == other or {one, other} == {"wgs84", "cgcs2000"}
