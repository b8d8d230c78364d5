"""The coordinates that a file gives, row by row: numbers of which the system is still unknown."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from sys import intern
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapsvc.coordinates.pairs import parse_pairs, read_d_mmss
from mapsvc.ingest.declared import columns_apart
from mapsvc.ingest.ledger import Ledger, Part, Raw
from mapsvc.ingest.messages import Problem, problem

Floats = NDArray[np.float64]

_D_MMSS = re.compile(r"(?P<sure>度\.分\.?秒|d+\.mmss)|度分秒")
"""A heading of numbers like 112.3015 for 112°30′15″; without the stop only the numbers tell."""
_KINDS = {1: "线", 2: "线", 3: "面", 4: "点群", 5: "线", 6: "面", 7: "图形集合"}
_SHAPES = {"line": ({1, 5}, "线"), "polygon": ({3, 6}, "面")}


@dataclass(slots=True)
class Given:
    """East and north, or degrees, of every row; NaN where there is none."""

    x: Floats
    y: Floats
    form: list[str]
    swapped: NDArray[np.bool_]
    raw: Raw
    shapes: dict[int, Any]
    problems: list[Problem]


@dataclass(slots=True)
class Located:
    """WGS-84 places of all rows (NaN where there is none) and how they came about."""

    lon: Floats
    lat: Floats
    shapes: dict[int, Any]
    """Rows of a line or polygon layer → geometry in WGS-84; lon/lat is a point inside it."""
    raw: Raw
    form: list[str]
    swapped: NDArray[np.bool_]
    declared: str
    used: list[str | None]
    """System of each row."""
    evidence: list[dict[str, Any]]
    problems: list[Problem]

    @property
    def used_crs(self) -> str | None:
        """The system or systems of the file, None where it must still be chosen."""
        found = sorted({u for u in self.used if u is not None})
        return "+".join(found) or None


def read_given(ledger: Ledger, geometry: str) -> Given:
    size = ledger.height
    given = Given(
        x=np.full(size, np.nan),
        y=np.full(size, np.nan),
        form=[""] * size,
        swapped=np.zeros(size, np.bool_),
        raw=Raw([""] * size, [""] * size),
        shapes={},
        problems=[],
    )
    for part in ledger.parts:
        if part.sheet.has_shapes:
            _from_shapes(
                given, ledger, part.offset, part.sheet.shapes[part.heading.first :], geometry
            )
            rows = slice(part.offset, part.offset + part.height)
            given.problems += columns_apart(part, given.x[rows], given.y[rows], given.form[rows])
    texts = _texts(ledger)
    if texts is not None and geometry == "point":
        _from_cells(given, ledger, *texts, without=_without_shapes(given, *texts[:2]))
    elif not all(part.sheet.has_shapes for part in ledger.parts):
        given.problems.append(problem("no_coordinates_column"))
    return given


def _texts(ledger: Ledger) -> tuple[list[str], list[str], list[str]] | None:
    """Two columns of texts and the column that each row's problem is shown at."""
    pairs = [(a, b) for a, b in (("lon", "lat"), ("x", "y")) if ledger.has(a) or ledger.has(b)]
    single = ["point"] if ledger.has("point") else []
    columns = [(a, ledger.cells(a), ledger.cells(b)) for a, b in pairs]
    columns += [(p, ledger.cells(p), [""] * ledger.height) for p in single]
    if not columns:
        return None
    where, xs, ys = columns[0]
    at = [where] * len(xs)
    for other, more_x, more_y in columns[1:]:
        for row, (x, y) in enumerate(zip(xs, ys, strict=True)):
            if not x.strip() and not y.strip():
                xs[row], ys[row], at[row] = more_x[row], more_y[row], other
    return xs, ys, at


def _without_shapes(given: Given, xs: list[str], ys: list[str]) -> set[int]:
    """Rows of a vector file that say their place in columns only; they are missing it no more."""
    rows = {p.seq for p in given.problems if p.code == "coordinates_missing"}
    rows = {row for row in rows if xs[row].strip() and ys[row].strip()}
    given.problems = [p for p in given.problems if p.seq not in rows]
    return rows


def _from_cells(
    given: Given,
    ledger: Ledger,
    xs: list[str],
    ys: list[str],
    at: list[str],
    without: Collection[int],
) -> None:
    rows = [
        row
        for part in ledger.parts
        for row in range(part.offset, part.offset + part.height)
        if (row in without if part.sheet.has_shapes else row not in ledger.skipped)
    ]
    pairs = parse_pairs([xs[i] for i in rows], [ys[i] for i in rows])
    index = np.asarray(rows, np.int64)
    for part in ledger.parts:
        inside = (index >= part.offset) & (index < part.offset + part.height)
        if inside.any() and (told := _D_MMSS.search(_heading_of(part))):
            read_d_mmss(pairs, np.flatnonzero(inside), certain=bool(told["sure"]))
    given.x[index], given.y[index], given.swapped[index] = pairs.x, pairs.y, pairs.swapped
    for position, (row, form) in enumerate(zip(rows, pairs.form.tolist(), strict=True)):
        given.raw[row] = (xs[row], ys[row])
        given.form[row] = intern(form)
        if position in pairs.problems:
            found = pairs.problems[position]
            value = "，".join(t for t in (xs[row].strip(), ys[row].strip()) if t) or None
            where = ledger.at(row, at[row])
            code = f"coordinates_{found.code}"
            given.problems.append(problem(code, value=value, field="coordinates", **where))
    given.problems += [problem("coordinates_doubt", note=note) for note in pairs.notes]


def _heading_of(part: Part) -> str:
    """What the heading says of how longitudes are written."""
    column = part.columns.get("lon") or part.columns.get("point")
    told = f"{column.heading} {column.unit}" if column else ""
    return "".join(unicodedata.normalize("NFKC", told).lower().split())


def _from_shapes(
    given: Given, ledger: Ledger, offset: int, blobs: list[bytes], geometry: str
) -> None:
    shapes = shapely.from_wkb([b or None for b in blobs], on_invalid="ignore")
    for index in np.flatnonzero(np.isin(shapely.get_type_id(shapes), (4, 7))).tolist():
        if shapely.get_num_geometries(shapes[index]) == 1:  # a group of one point is that point
            shapes[index] = shapely.get_geometry(shapes[index], 0)
    kinds = shapely.get_type_id(shapes)
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    allowed, title = _SHAPES.get(geometry, ({0}, "点"))
    for index in np.flatnonzero(~np.isin(kinds, list(allowed)) | empty).tolist():
        where = ledger.at(offset + index, "coordinates")
        if empty[index]:
            given.problems.append(problem("coordinates_missing", field="coordinates", **where))
        else:
            kind = _KINDS.get(int(kinds[index]), "点")
            code = "not_a_point" if geometry == "point" else "wrong_shape"
            given.problems.append(
                problem(code, field="coordinates", kind=kind, expected=title, **where)
            )
    good = np.flatnonzero(np.isin(kinds, list(allowed)) & ~empty)
    inner = shapes[good] if geometry == "point" else shapely.point_on_surface(shapes[good])
    xs, ys = shapely.get_x(inner).tolist(), shapely.get_y(inner).tolist()
    pairs = parse_pairs(xs, ys)
    for position, index in enumerate(good.tolist()):
        row = offset + index
        given.raw[row] = (repr(xs[position]), repr(ys[position]))
        found = pairs.problems.get(position)
        if found is None:
            given.x[row], given.y[row] = pairs.x[position], pairs.y[position]
            given.form[row], given.swapped[row] = str(pairs.form[position]), pairs.swapped[position]
            if geometry != "point":
                given.shapes[row] = shapes[index]
        else:
            where = ledger.at(row, "coordinates")
            value = "，".join(given.raw[row])
            code = f"coordinates_{found.code}"
            given.problems.append(problem(code, value=value, field="coordinates", **where))
