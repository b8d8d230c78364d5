"""Coordinates of every row: their form, their system, the proof for it, and WGS-84.

A declared system is used unless the evidence is clearly against it. With `auto` every possible
system is scored by where its points land and by points that are already known; unless one stands
out, nothing is guessed and the person is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from sys import intern
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapsvc.coordinates import (
    System,
    gauss_kruger_candidates,
    parse_system,
    to_wgs84,
)
from mapsvc.coordinates.pairs import parse_pairs
from mapsvc.ingest.assign import RegionIndex, metres_between
from mapsvc.ingest.declared import against_heading, alike, columns_apart, places_apart, same
from mapsvc.ingest.ledger import Ledger, Raw
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.wire import ASSUMED, OLD

Floats = NDArray[np.float64]

AUTO = "auto"
SAMPLE = 2000
_FEW = 10
"""Points, of which each one counts."""
_WORLD_M = 2e7
DIGITS = 7
"""Decimals of a stored degree: one centimetre."""
_DEGREES = ("wgs84", "gcj02", "bd09")
_KINDS = {1: "线", 2: "线", 3: "面", 4: "点群", 5: "线", 6: "面", 7: "图形集合"}
_SHAPES = {"line": ({1, 5}, "线"), "polygon": ({3, 6}, "面")}


@dataclass(slots=True)
class Known:
    """Where features that the file names again lie now: row → lon, lat."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)


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


@dataclass(slots=True)
class _Given:
    """What the file says: numbers in an unknown system."""

    x: Floats
    y: Floats
    form: list[str]
    swapped: NDArray[np.bool_]
    raw: Raw
    shapes: dict[int, Any]
    problems: list[Problem]


def locate(
    ledger: Ledger,
    geometry: str,
    declared: str,
    regions: RegionIndex,
    targets: Sequence[str | None],
    known: Known,
) -> Located:
    """Places of all rows; `targets` is the region that each row should lie in (None: anywhere)."""
    given = _given(ledger, geometry)
    given.problems += places_apart(ledger)
    located = Located(
        lon=np.full(given.x.size, np.nan),
        lat=np.full(given.x.size, np.nan),
        shapes={},
        raw=given.raw,
        form=given.form,
        swapped=given.swapped,
        declared=declared,
        used=[None] * given.x.size,
        evidence=[],
        problems=given.problems,
    )
    projected = np.array([f == "projected" for f in given.form], np.bool_)
    present = np.isfinite(given.x)
    wanted = None if located.declared == AUTO else parse_system(located.declared)
    if wanted is not None:
        told = (against_heading(part, wanted) for part in ledger.parts)
        given.problems += [found for found in told if found is not None]
    for (in_metres, named, hint), rows in alike(
        wanted, located.problems, ledger, present, projected
    ).items():
        _place(located, given, rows, in_metres, named, hint, ledger, regions, targets, known)
    _mark_swapped(located, ledger)
    return located


def _given(ledger: Ledger, geometry: str) -> _Given:
    size = ledger.height
    given = _Given(
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
        _from_cells(given, ledger, *texts)
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


def _from_cells(given: _Given, ledger: Ledger, xs: list[str], ys: list[str], at: list[str]) -> None:
    rows = [
        part.offset + i
        for part in ledger.parts
        if not part.sheet.has_shapes
        for i in range(part.height)
        if part.offset + i not in ledger.skipped
    ]
    pairs = parse_pairs([xs[i] for i in rows], [ys[i] for i in rows])
    index = np.asarray(rows, np.int64)
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


def _from_shapes(
    given: _Given, ledger: Ledger, offset: int, blobs: list[bytes], geometry: str
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


def _place(
    located: Located,
    given: _Given,
    rows: NDArray[np.int64],
    in_metres: bool,
    declared: System | None,
    hint: str | None,
    ledger: Ledger,
    regions: RegionIndex,
    targets: Sequence[str | None],
    known: Known,
) -> None:
    """Decide the system of the rows of one kind and fill in their places."""
    if declared is not None and in_metres == declared.in_degrees:
        form = "平面坐标（米）" if in_metres else "经纬度"
        for row in rows.tolist():
            where = ledger.at(row, "coordinates")
            located.problems.append(
                problem(
                    "crs_of_other_form",
                    field="coordinates",
                    declared=declared.title,
                    form=form,
                    **where,
                )
            )
        return
    likely = declared or _hinted_system(hint, in_metres)
    scores = _score(given, rows, in_metres, likely, regions, targets, known)
    if declared is not None:
        if declared.of_old_datum:
            located.problems.append(problem("crs_roughly", declared=declared.title))
        found = _contradiction(declared, scores, len(regions) > 0, located)
        system = declared if not found else None
    else:
        system = _choose(scores, hint, located)
    located.evidence += [s.shown(system) for s in scores]
    if system is None:
        return
    lon, lat = to_wgs84(given.x[rows], given.y[rows], system)
    located.lon[rows], located.lat[rows] = np.round(lon, DIGITS), np.round(lat, DIGITS)
    for row in rows.tolist():
        located.used[row] = system.id
    for row, shape in given.shapes.items():
        if located.used[row] == system.id:
            located.shapes[row] = shapely.transform(shape, partial(_to_wgs84, system=system))


def _to_wgs84(xy: Floats, system: System) -> Floats:
    lon, lat = to_wgs84(xy[:, 0], xy[:, 1], system)
    return np.asarray(np.round(np.column_stack((lon, lat)), DIGITS), np.float64)


@dataclass(slots=True)
class Score:
    """How well one system fits: share inside, and the shift from points already known."""

    system: System
    points: int
    inside: float | None
    matched: int
    shift_m: float | None
    close: float
    """Share of the known points within 20 m."""

    def shown(self, chosen: System | None) -> dict[str, Any]:
        return {
            "crs": self.system.id,
            "title": self.system.title,
            "points": self.points,
            "inside_share": None if self.inside is None else round(self.inside, 4),
            "matched": self.matched,
            "median_shift_m": None if self.shift_m is None else round(self.shift_m, 1),
            "used": self.system == chosen,
        }


def _score(
    given: _Given,
    rows: NDArray[np.int64],
    in_metres: bool,
    declared: System | None,
    regions: RegionIndex,
    targets: Sequence[str | None],
    known: Known,
) -> list[Score]:
    sample = rows[:: max(1, rows.size // SAMPLE)][:SAMPLE]
    x, y = given.x[sample], given.y[sample]
    wanted = [targets[row] for row in sample.tolist()]
    recognised = [row for row in rows.tolist() if row in known.places]
    scores: list[Score] = []
    for system in _candidates(x, y, in_metres, declared, regions):
        lon, lat = to_wgs84(x, y, system)
        inside = regions.inside_share(lon, lat, wanted) if len(regions) else None
        shifts = _shifts(given, recognised, system, known)
        scores.append(
            Score(
                system,
                int(sample.size),
                inside,
                len(recognised),
                float(np.median(shifts)) if shifts.size else None,
                float(np.mean(shifts <= 20)) if shifts.size else 0.0,
            )
        )
    return scores


def _candidates(
    x: Floats, y: Floats, in_metres: bool, declared: System | None, regions: RegionIndex
) -> Iterator[System]:
    if not in_metres:
        systems = [parse_system(name) for name in _DEGREES]
    else:
        hint = float(shapely.centroid(regions.top).x) if len(regions) else None
        found = gauss_kruger_candidates(x, y, hint)
        # The column order is already settled row by row: x is east here.
        systems = [c.system for c in found if not c.swapped]
        if np.nanmedian(x) > 8e6:
            systems.append(parse_system("EPSG:3857"))
    seen: set[str] = set()
    for system in ([declared] if declared else []) + systems:
        # CGCS2000 and WGS-84 degrees differ by decimetres: one candidate for both.
        key = "wgs84" if system.id == "cgcs2000" else system.id
        if key not in seen:
            seen.add(key)
            yield system


def _shifts(given: _Given, rows: list[int], system: System, known: Known) -> Floats:
    if not rows:
        return np.empty(0)
    at = np.asarray(rows)
    lon, lat = to_wgs84(given.x[at], given.y[at], system)
    there = np.array([known.places[row] for row in rows])
    shifts = metres_between(lon, lat, there[:, 0], there[:, 1])
    # Numbers that are no place in this system lie a world away from where the feature is.
    return np.where(np.isfinite(shifts), shifts, _WORLD_M)


def _stands_out(best: Score, others: list[Score]) -> bool:
    """Clear evidence for one system against all others; better no answer than a wrong one."""
    if not others:
        return best.inside is not None and best.inside >= 0.9
    if best.matched >= 3 and best.shift_m is not None and best.shift_m <= 30 and best.close >= 0.7:
        rivals = [o.shift_m for o in others if o.shift_m is not None]
        return all(r >= best.shift_m + 100 for r in rivals)
    if best.inside is None or best.inside < 0.9:
        return False
    return all(
        o.inside is not None
        and best.inside - o.inside >= 0.1
        and (best.inside - o.inside) * best.points >= 5
        for o in others
    )


def _ranked(scores: list[Score]) -> list[Score]:
    return sorted(
        scores,
        key=lambda s: (
            s.shift_m if s.matched >= 3 and s.shift_m is not None else 0,
            -(s.inside or 0),
        ),
    )


def _contested(hinted: Score, best: Score) -> bool:
    """Do points speak against the system that headings or file suggest?"""
    if hinted.inside is None or best.inside is None:
        return False
    against = round((best.inside - hinted.inside) * hinted.points)
    return hinted.inside < 0.5 or against >= (1 if hinted.points < _FEW else 2)


def _choose(scores: list[Score], hint: str | None, located: Located) -> System | None:
    # What the file says of itself and we do not know is no matter for guessing: datums lie
    # tens of metres apart, and no polygon tells.
    if hint in ("unknown", OLD):
        located.problems.append(problem("crs_old" if hint == OLD else "crs_unknown"))
        return None
    ranked = _ranked(scores)
    if ranked and _stands_out(ranked[0], ranked[1:]):
        return ranked[0].system
    wanted = "wgs84" if hint == ASSUMED else hint
    hinted = next((s for s in scores if wanted and same(s.system.id, wanted)), None)
    names = "、".join(s.system.title for s in ranked[:4])
    if hinted is not None and not _contested(hinted, ranked[0]):
        if hint == ASSUMED:
            located.problems.append(problem("crs_assumed", candidates=names))
        return parse_system(wanted or "")
    best = ranked[0] if ranked else None
    if best is None or (best.inside is not None and best.inside < 0.5):
        share = f"，最多的 {best.system.title} 也只有 {best.inside:.0%}" if best else ""
        located.problems.append(problem("crs_none_fits", share=share))
    else:
        located.problems.append(problem("crs_ambiguous", candidates=names))
    return None


def _hinted_system(hint: str | None, in_metres: bool) -> System | None:
    if hint in (None, "unknown", ASSUMED, OLD):
        return None
    system = parse_system(hint or "")
    return system if in_metres != system.in_degrees else None


def _contradiction(
    declared: System, scores: list[Score], have_regions: bool, located: Located
) -> bool:
    mine = scores[0]
    if not have_regions:
        located.problems.append(problem("crs_unproved", declared=declared.title))
    better = next(iter(_ranked(scores[1:])), None)
    if better is None:
        return False
    mine_inside, better_inside = mine.inside or 0.0, better.inside or 0.0
    clear = better_inside >= 0.95 and (better_inside - mine_inside) * mine.points >= 5
    if (mine_inside < 0.2 and better_inside > 0.8) or (
        clear and better_inside - mine_inside >= 0.2
    ):
        located.problems.append(
            problem(
                "crs_contradicted",
                declared=declared.title,
                better=better.system.title,
                share=f"{mine_inside:.0%}",
                better_share=f"{better_inside:.0%}",
                where="落在应在的范围内",
            )
        )
        return True
    if (
        better.matched >= 5
        and mine.shift_m is not None
        and better.shift_m is not None
        and mine.shift_m >= 100
        and better.shift_m <= 20
        and better.close >= 0.8
    ):
        located.problems.append(
            problem(
                "crs_shifted",
                declared=declared.title,
                better=better.system.title,
                matched=better.matched,
                shift=f"{mine.shift_m:.0f}",
            )
        )
        return True
    return False


def _mark_swapped(located: Located, ledger: Ledger) -> None:
    """Degrees in the wrong columns were put right: every such row says so.

    A column of X and one of Y may hold either by custom, and so may one cell with both.
    """
    for row in np.flatnonzero(located.swapped & np.isfinite(located.lon)).tolist():
        part = ledger.part_of(row)
        if located.form[row] != "projected" and ("lon" in part.columns or part.sheet.has_shapes):
            where = ledger.at(row, "lon")
            value = "，".join(located.raw[row])
            located.problems.append(
                problem("axes_swapped", value=value, field="coordinates", **where)
            )
