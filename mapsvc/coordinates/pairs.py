"""What two cells together mean: the form is decided on the pair, never on one cell.

Longitudes, latitudes and metres of China lie in ranges that do not meet, so a pair of numbers has
one form and one order, with two exceptions that are named instead of guessed: millionths of a
degree that are also packed degrees with hundredths of a second, and packed columns in which too
many rows break the sixties.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mapsvc.coordinates.text import LABEL, Angle, Axis, Problem, normalise, parse_coordinate

Form = Literal["", "decimal", "dms", "packed_dms", "packed_dm", "micro", "projected"]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_LONGEST_BOTH: Final = 240
_FEWEST_TOLD: Final = 3
"""Rows of which none breaks the sixties by chance."""
_AXES: Final[dict[Axis, int]] = {"": 0, "lon": 1, "lat": 2}

D_MMSS_NOTE: Final = (
    "这两列的小数部分看起来像“度.分秒”(例如 112.3015 表示 112°30′15″)，"
    "目前按十进制度读取。如确为度.分秒，请把表头写成“经度（度.分秒）”“纬度（度.分秒）”再上传。"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One position. `x`, `y` are lon/lat degrees, or east/north metres when `form` is projected.

    `swapped`: the first cell held the latitude or the north value. `labelled`: 东经, N and the
    like were written. With a `problem`, x and y are NaN and `form` is empty.
    """

    x: float
    y: float
    form: Form
    swapped: bool
    labelled: bool
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns of `Pair`, index for index; `problems` holds the refused rows only."""

    x: Floats
    y: Floats
    form: NDArray[np.str_]  # of Form
    swapped: Bools
    labelled: Bools
    problems: dict[int, Problem]
    notes: tuple[str, ...] = ()  # Chinese doubts about the columns as a whole


def parse_pair(x_text: object, y_text: object = None) -> Pair:
    """Read one position from two cells, or from one cell that holds both."""
    many = parse_pairs([x_text], [y_text])
    form: Form = many.form[0].item()
    flags = bool(many.swapped[0]), bool(many.labelled[0])
    return Pair(float(many.x[0]), float(many.y[0]), form, *flags, many.problems.get(0))


def parse_pairs(x_texts: Sequence[object], y_texts: Sequence[object]) -> Pairs:
    """Read two columns of equal length; cells are text, numbers or None.

    A row whose one cell is blank may hold both coordinates in the other.
    """
    cells = _Cells(
        np.array(_numbers(x_texts), np.float64),
        np.array(_numbers(y_texts), np.float64),
    )
    for row in np.flatnonzero(np.isnan(cells.a) | np.isnan(cells.b)).tolist():
        cells.read(row, _as_text(x_texts[row]), _as_text(y_texts[row]))
    return _decide(cells)


_PLAIN: Final = re.compile(r"-?\d{1,17}(?:\.\d{1,17})?", re.ASCII).fullmatch


_PLAIN_COLUMN: Final = re.compile(r"(?:-?\d{1,17}(?:\.\d{1,17})?\n)*+", re.ASCII).fullmatch
_AT_ONCE: Final = 2000


def _numbers(cells: Sequence[object]) -> list[float]:
    """`_plain` of each; where all are usual, they are told to be together."""
    found: list[float] = []
    for start in range(0, len(cells), _AT_ONCE):
        some = cells[start : start + _AT_ONCE]
        texts = [cell for cell in some if type(cell) is str]
        together = "\n".join(texts) + "\n"
        usual = len(texts) == len(some) == together.count("\n") and _PLAIN_COLUMN(together)
        found += map(float, texts) if usual else map(_plain, some)
    return found


def _plain(cell: object) -> float:
    """The number of the usual cell, quickly; NaN for everything that needs reading."""
    if type(cell) is str:
        return float(cell) if _PLAIN(cell) else np.nan
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 1e308:
        return float(cell)
    return np.nan


def _as_text(cell: object) -> str:
    return "" if cell is None else str(cell)


class _Cells:
    """Both columns as numbers, with what was written around them."""

    def __init__(self, a: Floats, b: Floats) -> None:
        self.a, self.b = a, b
        self.degrees = np.zeros((2, a.size), np.bool_)
        self.axes = np.zeros((2, a.size), np.int8)
        self.problems: dict[int, Problem] = {}

    def read(self, row: int, x_text: str, y_text: str) -> None:
        """Fill one row from text, or note its problem."""
        found = _read_two(x_text, y_text)
        if isinstance(found, Problem):
            self.problems[row] = found
            self.a[row] = self.b[row] = np.nan
            return
        self.a[row], self.b[row] = found[0].value, found[1].value
        for side, angle in enumerate(found):
            self.degrees[side, row] = angle.degrees
            self.axes[side, row] = _AXES[angle.axis]


def _read_two(x_text: str, y_text: str) -> tuple[Angle, Angle] | Problem:
    x, y = parse_coordinate(x_text), parse_coordinate(y_text)
    if isinstance(x, Angle) and isinstance(y, Angle):
        return x, y
    blank_x, blank_y = x == Problem("missing"), y == Problem("missing")
    if blank_x and blank_y:
        return Problem("missing")
    if blank_x or blank_y or x_text.strip() == y_text.strip():  # merged cells repeat their text
        return _read_both(y_text if blank_x else x_text)
    if _split(x_text) or _split(y_text):
        return Problem("two_values")
    return x if isinstance(x, Problem) else y if isinstance(y, Problem) else (x, y)


def _read_both(text: str) -> tuple[Angle, Angle] | Problem:
    """Two coordinates from one cell, in the order of their labels, else as written."""
    whole, halves = parse_coordinate(text), _split(text)
    if halves is None:
        return Problem("one_missing") if isinstance(whole, Angle) else whole
    if isinstance(whole, Angle):  # `112 28` is a pair of degrees, or 112°28′
        return Problem("ambiguous_form")
    lat_first = halves[0].axis == "lat" and halves[1].axis == "lon"
    return halves[::-1] if lat_first else halves


_SEPARATOR: Final = re.compile(r"\s*[,;/|]\s*")
_HEIGHT: Final = re.compile(r"(?:海拔|高程|高度|H|Z)?[:=]?-?\d{1,4}(?:\.\d+)?(?:M|米)?")
_GAP: Final = r"[\s,;/|]*"
_POINT: Final = re.compile(r"(?:SRID=\d+;)?POINT\s*\(\s*(\S+)\s+(\S+)\s*\)")
_BRACKETS: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_JOINED: Final = (
    re.compile(rf"((?:{LABEL})\W*\d.*?){_GAP}((?:{LABEL})\W*\d.*)"),  # N28.25E112.5
    re.compile(rf"(\d.*?(?:{LABEL})){_GAP}(\d.*(?:{LABEL}))"),  # 112.5E28.25N
    re.compile(rf"(.*?°.*?){_GAP}((?<![\d.])\d+(?:\.\d+)?°.*)"),  # 112°30'28°15'
)


def _split(text: str) -> tuple[Angle, Angle] | None:
    """The two coordinates of one cell, None where it does not hold exactly two."""
    if len(text) > _LONGEST_BOTH:
        return None
    clean = normalise(text)
    if found := _POINT.fullmatch(clean):
        return _both(found[1], found[2])
    if found := _BRACKETS.fullmatch(clean):
        clean = found[1].strip()
    parts = _SEPARATOR.split(clean)
    if len(parts) == 3 and _HEIGHT.fullmatch(parts[2]) and all("." in p for p in parts[:2]):
        del parts[2]
    if len(parts) > 1:
        return _both(*parts) if len(parts) == 2 else None
    for pattern in _JOINED:
        if found := pattern.fullmatch(clean):
            return _both(found[1], found[2])
    words = clean.split()
    if len(words) not in (2, 4, 6):
        return None
    middle = len(words) // 2
    return _both(" ".join(words[:middle]), " ".join(words[middle:]))


def _both(first: str, second: str) -> tuple[Angle, Angle] | None:
    a, b = parse_coordinate(first), parse_coordinate(second)
    return (a, b) if isinstance(a, Angle) and isinstance(b, Angle) else None


def _decide(cells: _Cells) -> Pairs:
    """Choose form and order of every row from both its numbers."""
    a, b, axes = cells.a, cells.b, cells.axes
    marked = cells.degrees.any(axis=0)
    form = np.full(a.shape, "", "<U10")
    swapped = np.zeros(a.shape, np.bool_)
    usable = (a != 0) & (b != 0)
    orders = (
        (False, a, b, usable & (axes[0] != 2) & (axes[1] != 1)),
        (True, b, a, usable & (axes[0] != 1) & (axes[1] != 2)),
    )
    for name, fits in _TESTS:
        for turned, lon, lat, allowed in orders:
            rows = fits(lon, lat) & allowed & (form == "")
            if name != "decimal":
                rows &= ~marked
            form[rows], swapped[rows] = name, turned
    form[marked & (form == "decimal")] = "dms"
    x, y = np.where(swapped, b, a), np.where(swapped, a, b)
    problems = cells.problems | _unresolved(cells, form)
    _unpack(x, y, form, problems)
    if problems:
        refused = np.fromiter(problems, np.intp)
        x[refused] = y[refused] = np.nan
        form[refused], swapped[refused] = "", False
    notes = (D_MMSS_NOTE,) if _looks_like_d_mmss(x, y, form == "decimal") else ()
    labelled = (axes != 0).any(axis=0)
    return Pairs(x, y, form, swapped, labelled, dict(sorted(problems.items())), notes)


def _within(lon: Floats, lat: Floats, scale: float) -> Bools:
    """Longitude 73 to 136, latitude 3 to 54, times `scale`."""
    east = (lon >= 73 * scale) & (lon < 136 * scale)
    return np.asarray(east & (lat >= 3 * scale) & (lat < 54 * scale))


def _on_earth(lon: Floats, lat: Floats) -> Bools:
    return np.asarray((np.abs(lon) <= 180) & (np.abs(lat) <= 90))


def _is_projected(east: Floats, north: Floats) -> Bools:
    """Gauss-Krüger with or without zone prefix (13-23, 25-45), or Web Mercator, over China."""
    zone = np.floor(east / 1e6)
    prefix = (zone == 0) | ((zone >= 13) & (zone <= 45) & (zone != 24))
    gauss = prefix & (np.abs(east - zone * 1e6 - 5e5) <= 3.8e5) & (north >= 1.99e6)
    mercator = (east >= 8.1e6) & (east <= 1.52e7) & (north >= 3.3e5) & (north <= 7.2e6)
    return np.asarray((gauss & (north <= 5.95e6)) | mercator)


# In this order, each as given before swapped. The ranges of different names do not meet.
_TESTS: Final[tuple[tuple[Form, Callable[[Floats, Floats], Bools]], ...]] = (
    ("decimal", lambda lon, lat: _within(lon, lat, 1.0)),
    ("packed_dms", lambda lon, lat: _within(lon, lat, 1e4)),
    ("packed_dm", lambda lon, lat: _within(lon, lat, 1e2)),
    ("micro", lambda lon, lat: _within(lon, lat, 1e6)),
    ("projected", _is_projected),
    ("decimal", _on_earth),
)


def _unresolved(cells: _Cells, form: NDArray[np.str_]) -> dict[int, Problem]:
    """Why the rows that are readable cell by cell make no pair."""
    problems: dict[int, Problem] = {}
    for row in np.flatnonzero((form == "") & np.isfinite(cells.a)).tolist():
        a, b = abs(cells.a[row]), abs(cells.b[row])
        labels = cells.axes[:, row]
        if a == 0 or b == 0:
            code = "zero"
        elif labels.any() and (labels[0] == labels[1] or max(a, b) <= 180):
            code = "axis_conflict"
        else:
            code = "mixed_forms" if (a <= 180) != (b <= 180) else "out_of_range"
        problems[row] = Problem(code)
    return problems


def _unpack(x: Floats, y: Floats, form: NDArray[np.str_], problems: dict[int, Problem]) -> None:
    """Turn packed numbers into degrees in place; refuse what breaks the sixties."""
    for name, read in (("packed_dms", _dms), ("packed_dm", _dm)):
        rows = np.flatnonzero(form == name)
        (lon, bad_lon), (lat, bad_lat) = read(x[rows]), read(y[rows])
        x[rows], y[rows] = lon, lat
        bad = np.maximum(bad_lon, bad_lat)
        if rows.size >= 10 and np.count_nonzero(bad) > rows.size / 10:
            problems |= dict.fromkeys(rows.tolist(), Problem("ambiguous_form"))
            continue
        for row, what in zip(rows[bad > 0].tolist(), bad[bad > 0].tolist(), strict=True):
            problems[row] = Problem("minutes_over_59" if what == 2 else "seconds_over_59")
    rows = np.flatnonzero(form == "micro")
    # 1163012.50 without its point is in the same range: only broken sixties prove millionths
    proof = np.maximum(_dms(x[rows] / 100)[1], _dms(y[rows] / 100)[1]) > 0
    if np.count_nonzero(proof) * 2 < rows.size:
        problems |= dict.fromkeys(rows.tolist(), Problem("ambiguous_form"))
    x[rows], y[rows] = x[rows] / 1e6, y[rows] / 1e6


def _dm(packed: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """DDDMM.m as degrees, and 2 where the minutes are over 59."""
    degrees, minutes = np.divmod(packed, 100)
    return degrees + minutes / 60, np.where(minutes >= 60, 2, 0).astype(np.int8)


def _dms(packed: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """DDDMMSS.s as degrees, and 2 where the minutes are over 59, 1 where the seconds are."""
    degrees, rest = np.divmod(packed, 1e4)
    minutes, seconds = np.divmod(rest, 100)
    bad = np.where(minutes >= 60, 2, np.where(seconds >= 60, 1, 0)).astype(np.int8)
    return degrees + minutes / 60 + seconds / 3600, bad


def d_mmss(value: Floats) -> Floats:
    """112.3015 read as 112°30′15″, in degrees."""
    return _dms(np.rint(value * 1e8) / 1e4)[0]


def breaks_sixties(value: Floats) -> Bools:
    """Where 112.7512 or 112.3075 has over 59 minutes or seconds."""
    return np.asarray(_dms(np.rint(value * 1e8) / 1e4)[1] > 0)


def read_d_mmss(pairs: Pairs, rows: NDArray[np.intp], certain: bool) -> None:
    """Read decimals as degree.minute-second, in place, because a heading says so.

    `certain`: rows that break the sixties are refused; else one of them speaks against it all.
    """
    rows = rows[pairs.form[rows] == "decimal"]
    bad = breaks_sixties(pairs.x[rows]) | breaks_sixties(pairs.y[rows])
    if not certain and (bad.any() or rows.size < _FEWEST_TOLD):
        return
    for row in rows[bad].tolist():
        pairs.problems[row] = Problem("seconds_over_59")
    pairs.x[rows] = np.where(bad, np.nan, d_mmss(pairs.x[rows]))
    pairs.y[rows] = np.where(bad, np.nan, d_mmss(pairs.y[rows]))
    pairs.form[rows] = np.where(bad, "", "dms")


def _looks_like_d_mmss(x: Floats, y: Floats, decimal: Bools) -> bool:
    """No fraction of a thousand sampled rows breaks the sixties: chance alone would not do that."""
    rows = np.flatnonzero(decimal)
    rows = rows[:: max(1, rows.size // 1000)]
    both = np.concatenate([x[rows], y[rows]])
    digits = np.rint(np.abs(both) % 1 * 1e6).astype(np.int64)
    return not breaks_sixties(both).any() and np.unique(digits[digits % 10_000 > 0]).size >= 8
