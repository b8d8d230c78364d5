"""Checked rows and their places → rows of a change set, before they are compared with the map.

Here a row gets its region, is held against the uploader's scope, and is joined with the rows that
speak of the same feature.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsvc.catalog import Layer
from mapsvc.ingest.assign import Named, RegionIndex, spoken
from mapsvc.ingest.check import Checked
from mapsvc.ingest.given import Located
from mapsvc.ingest.joined import Groups
from mapsvc.ingest.ledger import Ledger, Part
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.values import blank, fold

NEAR_BORDER_M = 500
_MERGED_ROWS = 10
CHINA = (72.0, 3.0, 136.0, 54.5)
_NAMING = ("county", "township", "village", "adcode")
"""Columns that say in which region a row belongs."""
_FAR_FROM_VILLAGE_M = 1000
"""A post often stands in its neighbour's ground, but not so far."""
_NAMED_ROWS = 8
"""Row numbers that a message repeats."""


@dataclass(slots=True)
class Draft:
    """One entry a row of the ledger; `action` is '' where the row is accepted so far."""

    layer: Layer
    ledger: Ledger
    checked: Checked
    located: Located
    region: list[str | None]
    township: list[str]
    action: list[str]
    lead: list[int | None]
    problems: list[Problem]

    def refuse(self, seq: int, code: str, target: str | None = None, **gaps: Any) -> None:
        where = self.ledger.at(seq, target)
        field = target and (target.partition(":")[2] or target)
        self.add(problem(code, field=field, **where, **gaps))

    def place_of(self, seq: int) -> str:
        """The coordinates as the file has them."""
        return "，".join(text for text in self.located.raw[seq] if text)

    def refuse_named(self, seq: int, code: str, **gaps: Any) -> None:
        """A problem of what the row says of its region, with those words as its value."""
        part = self.ledger.part_of(seq)
        said = {t: cell for t in _NAMING if (cell := self._cell(part, seq, t))}
        at = next((t for t in ("township", "adcode", "village", "county") if t in said), "township")
        self.refuse(seq, code, at, value="，".join(said.values()) or None, **gaps)

    @staticmethod
    def _cell(part: Part, seq: int, target: str) -> str:
        cells = part.cells(target)
        return "" if cells is None else cells[seq - part.offset].strip()

    def add(self, found: Problem) -> None:
        self.problems.append(found)
        if found.severity == "error" and found.seq >= 0:
            self.action[found.seq] = "refused"

    def open_rows(self) -> list[int]:
        return [seq for seq, action in enumerate(self.action) if not action]

    def rows_named(self, seqs: Sequence[int]) -> str:
        """Row numbers as the person sees them: `5、9`, with the sheet where there are several."""
        many = len(self.ledger.parts) > 1
        places = [self.ledger.at(seq) for seq in seqs[:_NAMED_ROWS]]
        names = [f"{p['sheet']}!{p['row']}" if many else str(p["row"]) for p in places]
        return "、".join(names) + ("…" if len(seqs) > _NAMED_ROWS else "")


def named_regions(ledger: Ledger, regions: RegionIndex) -> list[Named]:
    """The region that each row names."""
    if not len(regions) or not any(ledger.has(t) for t in _NAMING):
        return [Named()] * ledger.height
    memo: dict[tuple[str, ...], Named] = {}
    found: list[Named] = []
    for row in zip(*(ledger.cells(t) for t in _NAMING), strict=True):
        if row not in memo:
            memo[row] = regions.named(*("" if blank(text) else fold(text) for text in row))
        found.append(memo[row])
    return found


def make_draft(
    layer: Layer,
    ledger: Ledger,
    checked: Checked,
    located: Located,
    regions: RegionIndex,
    named: Sequence[Named],
    scope: str | None,
) -> Draft:
    """Everything that can be said about the rows without looking at the stored features."""
    height = ledger.height
    draft = Draft(
        layer,
        ledger,
        checked,
        located,
        region=[None] * height,
        township=[""] * height,
        action=[""] * height,
        lead=[None] * height,
        problems=list(ledger.problems),
    )
    _note_skipped(draft)
    for found in checked.problems:
        draft.add(found)
    groups = Groups(draft)
    for found in located.problems:
        if not groups.inherits(found):
            draft.add(found)
    _set_regions(draft, regions, named, scope)
    groups.settle()
    if any(p.seq < 0 and p.severity == "error" for p in draft.problems):
        draft.action = [action or "refused" for action in draft.action]
    return draft


def _note_skipped(draft: Draft) -> None:
    for seq, code in draft.ledger.skipped.items():
        draft.action[seq] = "skipped"
        where = draft.ledger.at(seq)
        draft.problems.append(problem(code, **where))


def _set_regions(
    draft: Draft, regions: RegionIndex, named: Sequence[Named], scope: str | None
) -> None:
    lon, lat = draft.located.lon, draft.located.lat
    placed = np.isfinite(lon) & np.array([a != "skipped" for a in draft.action], np.bool_)
    west, south, east, north = CHINA
    far = placed & ~((lon > west) & (lon < east) & (lat > south) & (lat < north))
    for seq in np.flatnonzero(far).tolist():
        draft.refuse(seq, "not_a_place", "coordinates", value=draft.place_of(seq))
    if not len(regions):
        return
    held = regions.assign(lon, lat)
    homes = [(r.code, regions.township_of(r.code)) for r in regions.regions]
    inside = np.flatnonzero(placed & ~far & (held >= 0))
    for seq, index in zip(inside.tolist(), held[inside].tolist(), strict=True):
        draft.region[seq], draft.township[seq] = homes[index]
    outside = np.flatnonzero(placed & ~far & (held < 0))
    if scope is None:
        _report_outside(draft, regions, outside)
    else:
        named = _hold_to_scope(draft, regions, named, scope, np.flatnonzero(placed & ~far))
    _tell_sheets(draft, regions)
    _hold_to_words(draft, regions, named)
    _hold_to_name(draft, regions, [n.code if len(n.codes) == 1 else None for n in named])


def _report_outside(draft: Draft, regions: RegionIndex, rows: Any) -> None:
    if not rows.size:
        return
    nearest, metres = regions.nearest(draft.located.lon[rows], draft.located.lat[rows])
    for seq, index, distance in zip(rows.tolist(), nearest.tolist(), metres.tolist(), strict=True):
        name = regions.regions[index].name
        draft.refuse(
            seq,
            "outside_county",
            "coordinates",
            value=draft.place_of(seq),
            distance=spoken(distance),
            nearest=name,
        )


def _hold_to_scope(
    draft: Draft, regions: RegionIndex, named: Sequence[Named], scope: str, rows: Any
) -> list[Named]:
    """A township's upload: its own ground and its own name; nothing is said of neighbours.

    Returns what the rows name without those that name another region: that is said already.
    """
    title = regions.by_code[scope].name if scope in regions.by_code else scope
    foreign = [
        seq
        for seq in rows.tolist()
        if (code := draft.region[seq]) is None or scope not in regions.by_code[code].path
    ]
    if foreign:
        at = np.asarray(foreign)
        metres = regions.distances(
            draft.located.lon[at], draft.located.lat[at], regions.area(scope)
        )
        for seq, distance in zip(foreign, metres.tolist(), strict=True):
            draft.region[seq], draft.township[seq] = None, ""
            draft.refuse(
                seq,
                "outside_region",
                "coordinates",
                value=draft.place_of(seq),
                region=title,
                distance=spoken(distance),
            )
    above = regions.by_code[scope].path if scope in regions.by_code else ()
    left = list(named)
    for seq, found in enumerate(named):
        if draft.action[seq] != "skipped" and any(
            code not in above and scope not in regions.by_code[code].path for code in found.codes
        ):
            draft.refuse_named(seq, "other_region_named", region=title)
            left[seq] = Named()
    return left


def _tell_sheets(draft: Draft, regions: RegionIndex) -> None:
    """A sheet that is called like a township, and rows of it that lie in another one."""
    for part in draft.ledger.parts:
        said = regions.township_called(fold(part.sheet.name))
        if said is None or any(target in part.columns for target in _NAMING):
            continue
        for seq in range(part.offset, part.offset + part.height):
            code = draft.region[seq]
            if code is None or said in regions.by_code[code].path or code in said:
                continue
            draft.refuse(
                seq,
                "sheet_of_other_region",
                "coordinates",
                named=regions.by_code[said].name,
                actual=regions.by_code[code].name,
            )


def _hold_to_words(draft: Draft, regions: RegionIndex, named: Sequence[Named]) -> None:
    """Names and code of a row must mean the same region; one that we do not know is said."""
    for seq, found in enumerate(named):
        if draft.action[seq] == "skipped":
            continue
        if len(found.codes) > 1:
            by_name, by_code = (regions.by_code[code].name for code in found.codes)
            draft.refuse_named(seq, "region_said_twice", by_name=by_name, by_code=by_code)
        elif found.unknown and draft.region[seq] is not None and not draft.action[seq]:
            actual = regions.by_code[draft.region[seq] or ""].name
            draft.refuse_named(seq, "region_unknown", unknown=found.unknown, actual=actual)


def _hold_to_name(draft: Draft, regions: RegionIndex, named: Sequence[str | None]) -> None:
    """A row that names one township and lies well inside another is wrong in one of the two.

    Villages are not held to that: a post often stands in its neighbour's ground.
    """
    apart: dict[tuple[str, str], list[int]] = defaultdict(list)
    neighbours: dict[tuple[str, str], list[int]] = defaultdict(list)
    in_place: Counter[str] = Counter()
    says: dict[str, Counter[str]] = defaultdict(Counter)
    for seq, code in enumerate(named):
        actual = draft.region[seq]
        if code is None or actual is None or draft.action[seq] == "skipped":
            continue
        own = regions.by_code[code]
        title = code if own.level != "village" else regions.township_of(code) or own.path[0]
        says[actual][title] += 1
        if title in regions.by_code[actual].path or actual in regions.by_code[title].path:
            in_place[title] += 1
            if own.level == "village" == regions.by_code[actual].level and code != actual:
                neighbours[code, actual].append(seq)
        else:
            apart[title, actual].append(seq)
    _tell_villages(draft, regions, neighbours)
    for (title, actual), rows in apart.items():
        # Where most rows of a place name the same other region, and others of that name lie in
        # it, the place was merged into it: the boundaries are old, not the rows wrong.
        renamed = (
            len(rows) >= _MERGED_ROWS
            and len(rows) * 2 >= says[actual].total()
            and in_place[title] * 5 >= sum(c[title] for c in says.values())
        )
        at = np.array(rows)
        metres = regions.distances(
            draft.located.lon[at], draft.located.lat[at], regions.by_code[title].polygon
        )
        for seq, distance in zip(rows, metres.tolist(), strict=True):
            near = "near_border" if distance <= NEAR_BORDER_M else "region_contradicted"
            draft.refuse_named(
                seq,
                "region_renamed" if renamed else near,
                named=regions.by_code[title].name,
                actual=regions.by_code[actual].name,
                distance=spoken(distance),
            )


def _tell_villages(
    draft: Draft, regions: RegionIndex, rows_of: dict[tuple[str, str], list[int]]
) -> None:
    """A row that names one village of the township and lies far from it, in another one."""
    for (named, actual), rows in rows_of.items():
        at = np.array(rows)
        shape = regions.by_code[named].polygon
        metres = regions.distances(draft.located.lon[at], draft.located.lat[at], shape)
        for seq, distance in zip(rows, metres.tolist(), strict=True):
            if distance > _FAR_FROM_VILLAGE_M:
                draft.refuse_named(
                    seq,
                    "village_differs",
                    named=regions.by_code[named].name,
                    actual=regions.by_code[actual].name,
                    distance=spoken(distance),
                )
