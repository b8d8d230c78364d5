"""Coordinates of every row: their form, their system, the proof for it, and WGS-84.

A declared system is used unless the evidence is clearly against it. With `auto` every possible
system is scored by where its points land and by points that are already known; unless one stands
out, nothing is guessed and the person is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from mapsvc.ingest.assign import RegionIndex, metres_between, spoken
from mapsvc.ingest.declared import (
    against_heading,
    against_words,
    alike,
    places_apart,
    same,
)
from mapsvc.ingest.given import Given, Located, read_given
from mapsvc.ingest.ledger import Ledger
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.spoken import UNKNOWN
from mapsvc.ingest.vague import reads_as_d_mmss, rough_places
from mapsvc.ingest.wire import ASSUMED, OLD

Floats = NDArray[np.float64]

AUTO = "auto"
SAMPLE = 2000
_FEW = 10
"""Points, of which each one counts."""
_WORLD_M = 2e7
_MERCATOR_M = 2.004e7
"""Half the equator: farther east Web Mercator has no place, but Gauss-Krüger zones have."""
DIGITS = 7
"""Decimals of a stored degree: one centimetre."""
_DEGREES = ("wgs84", "gcj02", "bd09")
_MERCATOR = "EPSG:3857"
_SAME_M, _APART_M = 20, 100
"""Metres from where a feature is known to be: it fits; it does not."""
_PROOF = 3
"""Known points that prove a system."""


@dataclass(slots=True)
class Known:
    """Where features that the file names again lie now: row → lon, lat."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)


def locate(
    ledger: Ledger,
    geometry: str,
    declared: str,
    regions: RegionIndex,
    targets: Sequence[str | None],
    known: Known,
) -> Located:
    """Places of all rows; `targets` is the region that each row should lie in (None: anywhere)."""
    given = read_given(ledger, geometry)
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
        for part in ledger.parts:
            given.problems += against_words(part, ledger, wanted)
    for (in_metres, named, hint), rows in alike(
        wanted, located.problems, ledger, present, projected
    ).items():
        groups = [rows]
        if in_metres and named is None:
            groups = _by_prefix(given, rows, regions, targets, known)
        for group in groups:
            _place(located, given, group, in_metres, named, hint, ledger, regions, targets, known)
    located.problems += rough_places(ledger, given)
    _mark_swapped(located, ledger)
    return located


def _place(
    located: Located,
    given: Given,
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
    decimal = [row for row in rows.tolist() if given.form[row] == "decimal"][:SAMPLE]
    located.problems += reads_as_d_mmss(
        given.x[decimal], given.y[decimal], regions, [targets[row] for row in decimal]
    )
    if declared is not None:
        if declared.of_old_datum:
            located.problems.append(problem("crs_roughly", declared=declared.title))
        found = _contradiction(declared, scores, len(regions) > 0, located)
        system = declared if not found else None
    else:
        system = _choose(scores, hint, located)
        located.problems += _unlike_file(scores, likely, system)
    located.evidence += [s.shown(system) for s in scores]
    if system is None:
        return
    told = likely is not None
    _tell_misfits(located, given, rows, system, scores, ledger, known, told=told)
    lon, lat = to_wgs84(given.x[rows], given.y[rows], system)
    located.lon[rows], located.lat[rows] = np.round(lon, DIGITS), np.round(lat, DIGITS)
    for row in rows[~np.isfinite(lon)].tolist():  # an easting without the zone that was chosen
        value = "，".join(located.raw[row])
        where = ledger.at(row, "coordinates")
        located.problems.append(
            problem("not_in_system", value=value, used=system.title, field="coordinates", **where)
        )
    for row in rows.tolist():
        located.used[row] = system.id
    for row, shape in given.shapes.items():
        if located.used[row] == system.id:
            located.shapes[row] = shapely.transform(shape, partial(_to_wgs84, system=system))


def _by_prefix(
    given: Given,
    rows: NDArray[np.int64],
    regions: RegionIndex,
    targets: Sequence[str | None],
    known: Known,
) -> list[NDArray[np.int64]]:
    """Metres with one zone's prefix and with another's, or with none, are of two systems.

    Rows of which nothing is certain by themselves stay with the most.
    """
    zones = np.floor(given.x[rows] / 1e6)
    main, *others = sorted(
        (rows[zones == zone] for zone in np.unique(zones)), key=lambda g: -g.size
    )
    apart = []
    for group in others:
        ranked = _ranked(_score(given, group, True, None, regions, targets, known))
        if ranked and _stands_out(ranked[0], ranked[1:]):
            apart.append(group)
        else:
            main = np.sort(np.concatenate((main, group)))
    return [main, *apart]


def _tell_misfits(
    located: Located,
    given: Given,
    rows: NDArray[np.int64],
    system: System,
    scores: Sequence["Score"],
    ledger: Ledger,
    known: Known,
    *,
    told: bool,
) -> None:
    """Known features that another system puts exactly where they are, and the one used does not.

    Of a system that was recognised and not told, such a row is asked back.
    """
    code = "row_fits_other_crs" if told else "row_crs_unclear"
    recognised = [row for row in rows.tolist() if row in known.places]
    here = _shifts(given, recognised, system, known)
    for other in (s.system for s in scores if not same(s.system.id, system.id)):
        there = _shifts(given, recognised, other, known)
        for index in np.flatnonzero((here >= _APART_M) & (there <= _SAME_M)).tolist():
            located.problems.append(
                problem(
                    code, field="coordinates", used=system.title,
                    better=other.title, distance=spoken(float(here[index])),
                    value="，".join(located.raw[recognised[index]]),
                    **ledger.at(recognised[index], "coordinates"),
                )
            )  # fmt: skip


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
    near: bool = True
    """Does any point lie in the county or within some kilometres of it?"""

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
    given: Given,
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
                not len(regions) or regions.any_near(lon, lat),
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
        if 8e6 < np.nanmedian(x) < _MERCATOR_M:
            systems.append(parse_system(_MERCATOR))
    seen: set[str] = set()
    for system in ([declared] if declared else []) + systems:
        # CGCS2000 and WGS-84 degrees differ by decimetres: one candidate for both.
        key = "wgs84" if system.id == "cgcs2000" else system.id
        if key not in seen:
            seen.add(key)
            yield system


def _shifts(given: Given, rows: list[int], system: System, known: Known) -> Floats:
    if not rows:
        return np.empty(0)
    at = np.asarray(rows)
    lon, lat = to_wgs84(given.x[at], given.y[at], system)
    there = np.array([known.places[row] for row in rows])
    shifts = metres_between(lon, lat, there[:, 0], there[:, 1])
    # Numbers that are no place in this system lie a world away from where the feature is.
    return np.where(np.isfinite(shifts), shifts, _WORLD_M)


def _proved(score: Score) -> bool:
    """Does this system put known features where they are?"""
    shift = score.shift_m
    return score.matched >= _PROOF and shift is not None and shift <= 30 and score.close >= 0.7


def _stands_out(best: Score, others: list[Score]) -> bool:
    """Clear evidence for one system against all others; better no answer than a wrong one."""
    # A zone in which all points lie far outside the county is out of the question, however few.
    others = [o for o in others if o.near]
    # Zones lie hundreds of kilometres apart: half of the points inside are no chance.
    if best.system.epsg and not best.system.in_degrees and (best.inside or 0) >= 0.6:
        return all((o.inside or 0) * 3 <= (best.inside or 0) for o in others)
    if not others:
        return best.inside is not None and best.inside >= 0.9
    if _proved(best):
        rivals = [o.shift_m for o in others if o.shift_m is not None]
        return all(r >= (best.shift_m or 0) + 100 for r in rivals)
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
            s.shift_m if s.matched >= _PROOF and s.shift_m is not None else 0,
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
    if hint in (UNKNOWN, OLD):
        located.problems.append(problem("crs_old" if hint == OLD else "crs_unknown"))
        return None
    ranked = _ranked(scores)
    if ranked and _stands_out(ranked[0], ranked[1:]):
        if ranked[0].system.id == _MERCATOR and not _proved(ranked[0]):
            located.problems.append(problem("crs_mercator"))
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


def _unlike_file(
    scores: list[Score], named: System | None, used: System | None
) -> Iterator[Problem]:
    """The evidence is against what headings or file name."""
    if named is None or used is None or same(named.id, used.id):
        return
    shares = {s.system.id: s.inside for s in scores}
    if (share := shares.get(named.id)) is not None and (better := shares.get(used.id)) is not None:
        yield problem(
            "crs_of_file_differs", named=named.title, used=used.title,
            share=f"{share:.0%}", used_share=f"{better:.0%}",
        )  # fmt: skip


def _hinted_system(hint: str | None, in_metres: bool) -> System | None:
    if hint in (None, UNKNOWN, ASSUMED, OLD):
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
