"""Rows of one ledger that speak of the same feature.

A stock table gives an item a row: those of one depot are joined. Elsewhere two rows of the same
code or name are two answers to one question, and both are refused.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from mapsvc.catalog import LayerField
from mapsvc.ingest.assign import metres_between
from mapsvc.ingest.messages import Problem
from mapsvc.ingest.values import LONGEST_TEXT, fold

if TYPE_CHECKING:
    from mapsvc.ingest.draft import Draft

SAME_PLACE_M = 50


class Groups:
    """Rows that speak of the same feature: joined where each holds an item, else refused."""

    def __init__(self, draft: "Draft") -> None:
        self._draft = draft
        self._placed_by: dict[int, int] = {}
        if draft.checked.itemised:
            self._find_places()

    def _ident(self, seq: int) -> str | None:
        """A code, else a name, in which neither case nor width tells two things apart."""
        code, name = self._draft.checked.codes[seq], self._draft.checked.names[seq]
        return (
            f"c{code.upper()}"
            if code is not None
            else None
            if name is None
            else f"n{fold(name).upper()}"
        )

    def _shown(self, seq: int) -> str:
        """The code or name that a group shares, as this row writes it."""
        return self._draft.checked.codes[seq] or self._draft.checked.names[seq] or ""

    def _find_places(self) -> None:
        """Rows without coordinates take those of the row above with the same code or name."""
        last: dict[str, int] = {}
        waiting: dict[str, list[int]] = defaultdict(list)
        for seq in range(self._draft.ledger.height):
            ident = self._ident(seq)
            if ident is None or seq in self._draft.ledger.skipped:
                continue
            if np.isfinite(self._draft.located.lon[seq]):
                last[ident] = seq
                for earlier in waiting.pop(ident, ()):
                    self._placed_by[earlier] = seq
            elif ident in last:
                self._placed_by[seq] = last[ident]
            else:
                waiting[ident].append(seq)

    def inherits(self, found: Problem) -> bool:
        """Is the missing coordinate given in another row of the same feature?"""
        return found.code == "coordinates_missing" and found.seq in self._placed_by

    def settle(self) -> None:
        draft = self._draft
        for seq, source in self._placed_by.items():
            draft.region[seq], draft.township[seq] = draft.region[source], draft.township[source]
        groups = self._groups()
        for (ident, _), rows in groups.items():
            if len(rows) > 1:
                if draft.checked.itemised:
                    self._join(rows)
                else:
                    self._refuse_twins(ident, rows)
        self._carry_refusals(groups)
        if draft.checked.itemised:
            self._lay_items(list(groups.values()))

    def _groups(self) -> dict[tuple[str, str], list[int]]:
        """Rows by what they speak of; one row alone is a group only where rows hold items."""
        draft, alone = self._draft, self._draft.checked.itemised
        if not alone and not self._any_twice():
            return {}
        first: dict[tuple[str, str], int] = {}
        groups: dict[tuple[str, str], list[int]] = {}
        for seq in range(draft.ledger.height):
            ident = self._ident(seq)
            if ident is None or draft.action[seq] == "skipped":
                continue
            home = draft.township[seq]
            if ident[0] == "n":
                home = home or draft.region[seq] or ""
            key = ident, home
            earlier = first.setdefault(key, seq)
            if earlier != seq:
                groups.setdefault(key, [earlier]).append(seq)
            elif alone:
                groups[key] = [seq]
        return groups

    def _any_twice(self) -> bool:
        """Does any code or name stand twice, wherever the rows lie? In most ledgers none does."""
        height = self._draft.ledger.height
        idents = [code.upper() for code in self._draft.checked.codes if code is not None]
        if len(idents) < height:
            idents = [i for seq in range(height) if (i := self._ident(seq))]
        return len(set(idents)) < len(idents)

    def _refuse_twins(self, ident: str, rows: list[int]) -> None:
        kind, target = ("编号", "code") if ident[0] == "c" else ("名称", "name")
        for seq in rows:
            others = self._draft.rows_named([other for other in rows if other != seq])
            key = self._shown(seq)
            self._draft.refuse(
                seq, "duplicate_key", target, rows=others, key=key, kind=kind, value=key
            )

    def _join(self, rows: list[int]) -> None:
        lead, *rest = rows
        columns = self._columns()
        differing = [
            title
            for title, values in columns
            if len({msgspec.json.encode(values[s]) for s in rows if values[s] is not None}) > 1
        ]
        if self._spread(rows) > SAME_PLACE_M:
            differing.append("坐标")
        for seq in rest:
            self._draft.lead[seq] = lead
            if differing:
                self._draft.refuse(
                    seq,
                    "group_disagrees",
                    rows=self._draft.rows_named([lead]),
                    noun=self._draft.layer.noun,
                    key=self._shown(lead),
                    titles="、".join(differing),
                )
        for _, values in columns:
            values[lead] = next((values[s] for s in rows if values[s] is not None), None)
        for target, values in self._remarks():
            said = dict.fromkeys(values[s] for s in rows if values[s] is not None)
            text = "；".join(said)
            values[lead] = text or None
            if len(text) > LONGEST_TEXT:
                self._draft.refuse(lead, "too_long", target, limit=LONGEST_TEXT, value=text[:40])

    def _columns(self) -> list[tuple[str, list[Any]]]:
        checked = self._draft.checked
        return [
            ("名称", checked.names),
            ("核实日期", checked.verified),
            *(
                (f.title, checked.fields[f.id])
                for f in self._draft.layer.fields
                if f.type != "records" and not f.joins and f.id in checked.fields
            ),
        ]

    def _remarks(self) -> list[tuple[str, list[Any]]]:
        fields, layer = self._draft.checked.fields, self._draft.layer
        return [(f"field:{f.id}", fields[f.id]) for f in layer.fields if f.joins and f.id in fields]

    def _spread(self, rows: list[int]) -> float:
        at = np.array([s for s in rows if np.isfinite(self._draft.located.lon[s])], np.int64)
        if at.size < 2:
            return 0.0
        lon, lat = self._draft.located.lon[at], self._draft.located.lat[at]
        return float(metres_between(lon[:1], lat[:1], lon[1:], lat[1:]).max())

    def _carry_refusals(self, groups: dict[tuple[str, str], list[int]]) -> None:
        """A feature whose one row is wrong is refused whole: half of its items would be a lie."""
        if not self._draft.checked.itemised:
            return
        for rows in groups.values():
            bad = [seq for seq in rows if self._draft.action[seq] == "refused"]
            if not bad:
                continue
            for seq in rows:
                if not self._draft.action[seq]:
                    self._draft.refuse(
                        seq,
                        "group_refused",
                        rows=self._draft.rows_named(bad),
                        noun=self._draft.layer.noun,
                    )

    def _lay_items(self, groups: list[list[int]]) -> None:
        """The records of all rows of a feature, in their order, on its first row."""
        draft = self._draft
        records = next(f for f in draft.layer.fields if f.type == "records")
        column = draft.checked.fields[records.id]
        for rows in groups:
            items = [item for seq in rows if (item := draft.checked.items[seq]) is not None]
            lead = rows[0]
            column[lead] = items or None
            self._tell_repeated(rows, records)
            if lead in self._placed_by:
                source = self._placed_by[lead]
                draft.located.lon[lead] = draft.located.lon[source]
                draft.located.lat[lead] = draft.located.lat[source]
                draft.located.raw[lead] = draft.located.raw[source]
                draft.located.form[lead] = draft.located.form[source]
                draft.located.used[lead] = draft.located.used[source]

    def _tell_repeated(self, group: list[int], records: LayerField) -> None:
        """The same item in two rows may be two deliveries, or one that was written down twice."""
        counted = {c.id for c in records.columns if c.type in ("integer", "number")}
        named = next(c.id for c in records.columns if c.type == "text")
        first: dict[bytes, int] = {}
        for seq in group:
            item = self._draft.checked.items[seq]
            if item is None:
                continue
            kind = {k: v for k, v in item.items() if k not in counted}
            earlier = first.setdefault(msgspec.json.encode(kind, order="sorted"), seq)
            if earlier != seq:
                rows = self._draft.rows_named([earlier])
                self._draft.refuse(
                    seq, "item_repeated", f"item:{named}", rows=rows, value=item[named]
                )
