"""How well each possible system fits: by where points land, and by points known already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapsvc.coordinates import System, gauss_kruger_candidates, parse_system, to_wgs84
from mapsvc.ingest.assign import RegionIndex, metres_between
from mapsvc.ingest.given import Given

Floats = NDArray[np.float64]

SAMPLE = 2000
_WORLD_M = 2e7
_MERCATOR_M = 2.004e7
"""Half the equator: farther east Web Mercator has no place, but Gauss-Krüger zones have."""
_DEGREES = ("wgs84", "gcj02", "bd09")
MERCATOR, SHIFTED_MERCATOR = "EPSG:3857", "gcj02mercator"
_PROOF = 3
"""Known points that prove a system."""


@dataclass(slots=True)
class Known:
    """Where features that the file names again lie now: row → lon, lat."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)


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


def score_all(
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
        shifts = shifts_of(given, recognised, system, known)
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
            systems += [parse_system(MERCATOR), parse_system(SHIFTED_MERCATOR)]
    seen: set[str] = set()
    for system in ([declared] if declared else []) + systems:
        # CGCS2000 and WGS-84 degrees differ by decimetres: one candidate for both.
        key = "wgs84" if system.id == "cgcs2000" else system.id
        if key not in seen:
            seen.add(key)
            yield system


def shifts_of(given: Given, rows: list[int], system: System, known: Known) -> Floats:
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


def stands_out(best: Score, others: list[Score]) -> bool:
    """Clear evidence for one system against all others; better no answer than a wrong one."""
    # A zone in which all points lie far outside the county is out of the question, however few.
    others = [o for o in others if o.near]
    # Zones lie hundreds of kilometres apart: half of the points inside are no chance.
    apart = all((o.inside or 0) * 3 <= (best.inside or 0) for o in others)
    if not best.system.in_degrees and (best.inside or 0) >= 0.6 and apart:
        return True
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


def ranked_scores(scores: list[Score]) -> list[Score]:
    return sorted(
        scores,
        key=lambda s: (
            s.shift_m if s.matched >= _PROOF and s.shift_m is not None else 0,
            -(s.inside or 0),
        ),
    )
