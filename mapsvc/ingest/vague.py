"""Places that are no real places: written too roughly, or one that stands for many features."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mapsvc.coordinates import gauss_kruger_candidates, to_wgs84
from mapsvc.coordinates.pairs import breaks_sixties, d_mmss, parse_pairs
from mapsvc.ingest.assign import RegionIndex, metres_between, spoken
from mapsvc.ingest.given import Given, Located
from mapsvc.ingest.ledger import Ledger
from mapsvc.ingest.messages import Problem, problem

_MANY = 3
"""Features at exactly one place that are no chance."""
_NAMED = 5
_DATUM_M = 150
"""How far an old datum may lie from CGCS2000, and then some."""
_ROUGH = {"decimal": (100, "两位小数（约 1 公里）"), "dms": (60, "分（约 1.8 公里）"),
          "packed_dm": (60, "分（约 1.8 公里）")}  # fmt: skip
"""Form → how many of its coarse steps a degree has."""


def rough_places(ledger: Ledger, given: Given) -> Iterator[Problem]:
    """A warning for each row that says only to about a kilometre where it is."""
    form = np.asarray(given.form)
    for name, (steps, words) in _ROUGH.items():
        rows = np.flatnonzero((form == name) & np.isfinite(given.x))
        x, y = given.x[rows] * steps, given.y[rows] * steps
        whole = (np.abs(x - np.rint(x)) < 1e-7) & (np.abs(y - np.rint(y)) < 1e-7)
        for row in rows[whole].tolist():
            yield problem(
                "place_rough", words=words, value="，".join(t for t in given.raw[row] if t),
                field="coordinates", **ledger.at(row, "coordinates"),
            )  # fmt: skip


def shared_places(
    ledger: Ledger, located: Located, names: Sequence[str | None]
) -> Iterator[Problem]:
    """A warning for each row at a place that many other features have too."""
    present = np.flatnonzero(np.isfinite(located.lon))
    places = located.lon[present] + 1j * located.lat[present]
    _, back, counts = np.unique(places, return_inverse=True, return_counts=True)
    groups: dict[int, list[int]] = {}
    for at in np.flatnonzero(counts[back] >= _MANY).tolist():
        groups.setdefault(int(back[at]), []).append(int(present[at]))
    for rows in groups.values():
        if len(who := {names[row] for row in rows}) < _MANY:
            continue
        numbers = [str(ledger.at(row)["row"]) for row in rows[:_NAMED]]
        listed = "、".join(numbers) + (" 等" if len(rows) > _NAMED else "")
        for row in rows:
            yield problem(
                "place_shared", count=len(who), rows=listed,
                value="，".join(t for t in located.raw[row] if t),
                field="coordinates", **ledger.at(row, "coordinates"),
            )  # fmt: skip


def metres_apart(ledger: Ledger, located: Located) -> Iterator[Problem]:
    """Rows whose metres say another place than their degrees, where those of the others agree.

    Which projection the metres are in is the one that fits; an old datum lies within `_DATUM_M`.
    """
    for part in ledger.parts:
        x, y = part.cells("x"), part.cells("y")
        if x is None or y is None or "lon" not in part.columns:
            continue
        rows = slice(part.offset, part.offset + part.height)
        lon, lat, told = located.lon[rows], located.lat[rows], parse_pairs(x, y)
        both = np.flatnonzero((told.form == "projected") & np.isfinite(lon))
        if both.size < _MANY:
            continue
        east, north = told.x[both], told.y[both]
        found = gauss_kruger_candidates(east, north, float(np.median(lon[both])))
        apart = [
            metres_between(*to_wgs84(east, north, c.system), lon[both], lat[both])
            for c in found
            if not c.swapped
        ]
        best = min(apart, key=lambda m: float(np.nanmedian(m)), default=None)
        if best is None or not (usual := float(np.nanmedian(best))) <= _DATUM_M:
            continue
        for index in np.flatnonzero(~(best <= usual + _DATUM_M)).tolist():
            seq = part.offset + int(both[index])
            if seq not in ledger.skipped:
                yield problem(
                    "two_places", field="coordinates", other=part.columns["x"].heading,
                    distance=spoken(float(best[index])), **ledger.at(seq, "coordinates"),
                )  # fmt: skip


def reads_as_d_mmss(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    regions: RegionIndex,
    targets: Sequence[str | None],
) -> Iterator[Problem]:
    """Says so where decimal degrees lie elsewhere but 度.分秒 would lie here."""
    if not len(regions) or not x.size or (breaks_sixties(x) | breaks_sixties(y)).any():
        return
    now, then = (
        regions.inside_share(*to_wgs84(a, b, "wgs84"), targets)
        for a, b in ((x, y), (d_mmss(x), d_mmss(y)))
    )
    if now >= 0.5 or then < 0.9:
        return
    note = (
        f"按十进制度读取，只有 {now:.0%} 的点在应在的范围内；按“度.分秒”"
        f"（112.3015 表示 112°30′15″）则有 {then:.0%}。"
        "如确为度.分秒，请把表头写成“经度（度.分秒）”“纬度（度.分秒）”再上传。"
    )
    yield problem("coordinates_doubt", note=note)
