"""Coordinates of every row: their form, their system, the proof for it, and WGS-84.

A declared system is used unless the evidence is clearly against it. With `auto` every possible
system is scored by where its points land and by points that are already known; unless one stands
out, nothing is guessed and the person is asked.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from mapsvc.coordinates import (
    System,
    parse_system,
    to_wgs84,
)
from mapsvc.ingest.assign import RegionIndex, spoken
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
from mapsvc.ingest.scores import (
    MERCATOR,
    SAMPLE,
    SHIFTED_MERCATOR,
    Known,
    Score,
    ranked_scores,
    score_all,
    shifts_of,
    stands_out,
)
from mapsvc.ingest.spoken import UNKNOWN, spoken_system
from mapsvc.ingest.vague import metres_apart, reads_as_d_mmss, rough_places
from mapsvc.ingest.wire import ASSUMED, OLD

Floats = NDArray[np.float64]

AUTO = "auto"
_FEW = 10
"""Points, of which each one counts."""
DIGITS = 7
"""Decimals of a stored degree: one centimetre."""
_SAME_M, _APART_M = 20, 100
"""Metres from where a feature is known to be: it fits; it does not."""


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
    located.problems += metres_apart(ledger, located)
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
    if declared is not None and in_metres:
        declared = _hinted_system(declared.id, in_metres) or declared
    if declared is not None and in_metres == declared.in_degrees:
        form = "平面坐标（米）" if in_metres else "经纬度"
        located.problems += (
            problem(
                "crs_of_other_form", field="coordinates", declared=declared.title, form=form,
                **ledger.at(row, "coordinates"),
            )
            for row in rows.tolist()
        )  # fmt: skip
        return
    likely = declared or _hinted_system(hint, in_metres)
    scores = score_all(given, rows, in_metres, likely, regions, targets, known)
    decimal = [row for row in rows.tolist() if given.form[row] == "decimal"][:SAMPLE]
    located.problems += reads_as_d_mmss(
        given.x[decimal], given.y[decimal], regions, [targets[row] for row in decimal]
    )
    before, whole = len(located.problems), rows.size == np.count_nonzero(np.isfinite(given.x))
    if declared is not None:
        if declared.of_old_datum:
            located.problems.append(problem("crs_roughly", declared=declared.title))
        found = _contradiction(declared, scores, len(regions) > 0, located)
        system = declared if not found else None
    else:
        system = _choose(scores, hint, likely, located, whole=whole)
        located.problems += _unlike_file(scores, likely, system)
        located.problems += _of_other_form(ledger, rows, in_metres, system)
    if not whole:
        located.problems[before:] = _row_by_row(located.problems[before:], rows, ledger)
    located.evidence += [s.shown(system) for s in scores]
    if system is not None:
        told = likely is not None
        _tell_misfits(located, given, rows, system, scores, ledger, known, told=told)
        _fill_in(located, given, rows, system, ledger)


def _fill_in(
    located: Located, given: Given, rows: NDArray[np.int64], system: System, ledger: Ledger
) -> None:
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
        ranked = ranked_scores(score_all(given, group, True, None, regions, targets, known))
        if ranked and stands_out(ranked[0], ranked[1:]):
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
    here = shifts_of(given, recognised, system, known)
    for other in (s.system for s in scores if not same(s.system.id, system.id)):
        there = shifts_of(given, recognised, other, known)
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


def _contested(hinted: Score, best: Score) -> bool:
    """Do points speak against the system that headings or file suggest?"""
    if hinted.inside is None or best.inside is None:
        return False
    against = round((best.inside - hinted.inside) * hinted.points)
    return hinted.inside < 0.5 or against >= (1 if hinted.points < _FEW else 2)


def _choose(
    scores: list[Score],
    hint: str | None,
    likely: System | None,
    located: Located,
    *,
    whole: bool,
) -> System | None:
    """The system of rows that were not told one; `whole`: they are all rows of the file."""
    # What the file says of itself and we do not know is no matter for guessing: datums lie
    # tens of metres apart, and no polygon tells.
    if hint in (UNKNOWN, OLD):
        located.problems.append(problem("crs_old" if hint == OLD else "crs_unknown"))
        return None
    ranked = ranked_scores(scores)
    if ranked and stands_out(ranked[0], ranked[1:]):
        return ranked[0].system
    wanted = "wgs84" if hint == ASSUMED else likely and likely.id
    hinted = next((s for s in scores if wanted and same(s.system.id, wanted)), None)
    names = "、".join(s.system.title for s in ranked[:4])
    if hinted is not None and not _contested(hinted, ranked[0]):
        if hint == ASSUMED:
            located.problems.append(problem("crs_assumed", candidates=names))
        if hinted.system.id == MERCATOR:
            located.problems.append(problem("crs_mercator"))
        return hinted.system
    best = ranked[0] if ranked else None
    if best is None or (best.inside is not None and best.inside < 0.5):
        share = f"，最多的 {best.system.title} 也只有 {best.inside:.0%}" if best else ""
        located.problems.append(problem("crs_none_fits", share=share))
    else:
        code = "crs_ambiguous" if whole else "row_crs_ambiguous"
        located.problems.append(problem(code, candidates=names))
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
    # Tiles of 高德 and 腾讯 are Web Mercator over GCJ-02.
    named = SHIFTED_MERCATOR if in_metres and hint == "gcj02" else hint or ""
    system = parse_system(named)
    return system if in_metres != system.in_degrees else None


def _of_other_form(
    ledger: Ledger, rows: NDArray[np.int64], in_metres: bool, used: System | None
) -> Iterator[Problem]:
    """Metres under a .prj of degrees, or the reverse: placed by their numbers, and told."""
    for part in ledger.parts if used is not None else ():
        named = spoken_system(part.sheet.crs or "")
        inside = (rows >= part.offset) & (rows < part.offset + part.height)
        if named is not None and named.in_degrees == in_metres and inside.any():
            form = "平面坐标（米）" if in_metres else "经纬度"
            yield problem(
                "crs_of_file_form", sheet=part.sheet.name, named=named.title, form=form,
                used=used.title if used else "",
            )  # fmt: skip


def _row_by_row(found: list[Problem], rows: NDArray[np.int64], ledger: Ledger) -> Iterator[Problem]:
    """What refuses the rows of one kind refuses no others."""
    for p in found:
        if p.severity != "error" or p.seq >= 0:
            yield p
            continue
        for row in rows.tolist():
            yield msgspec.structs.replace(p, field="coordinates", **ledger.at(row, "coordinates"))


def _contradiction(
    declared: System, scores: list[Score], have_regions: bool, located: Located
) -> bool:
    mine = scores[0]
    if not have_regions:
        located.problems.append(problem("crs_unproved", declared=declared.title))
    better = next(iter(ranked_scores(scores[1:])), None)
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
