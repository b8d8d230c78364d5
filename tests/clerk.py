"""A clerk who does literally what the messages say, and nothing else.

He sees what the page and the report show of a problem: sheet, row, column and words. He knows the
world (which phone is right, where the place lies) as a table of the right value of each cell, but
turns to it only for a cell that a message names, and writes it in the form that the words ask for.
Words that do not say what to do leave their row as it is.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mapsvc.ingest.added import OUTCOME, REMEDY

PLACE = ("经度", "纬度")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One message as the clerk sees it."""

    sheet: str
    row: int
    column: str | None
    words: str


def told_by_api(problems: Iterable[dict[str, Any]]) -> list[Complaint]:
    return [
        Complaint(p["sheet"], p["row"], p["column"], p["message"])
        for p in problems
        if p["severity"] == "error" and p["row"] is not None
    ]


def told_by_report(book: Any, title: str) -> list[Complaint]:
    """What stands beside the rows that came back."""
    sheet = book[title]
    (head,) = [c for row in sheet.iter_rows() for c in row if c.value == OUTCOME]
    assert sheet.cell(head.row, head.column + 1).value == REMEDY
    found: list[Complaint] = []
    for row in range(head.row + 1, sheet.max_row + 1):
        if sheet.cell(row, head.column).value != "退回":
            continue
        for line in str(sheet.cell(row, head.column + 1).value or "").splitlines():
            column = re.match(r"【(.+?)】", line)
            words = line[column.end() :] if column else line
            found.append(Complaint(title, row, column[1] if column else None, words))
    return found


@dataclass(slots=True)
class Clerk:
    """`sheet` is his own workbook's; `truth` the right values by row and heading."""

    sheet: Any
    heading_row: int
    truth: dict[int, dict[str, Any]]
    deleted: set[int] = field(default_factory=set)
    helpless: list[Complaint] = field(default_factory=list)

    def follow(self, complaints: list[Complaint]) -> None:
        """All of them, then the rows that were to go are taken out."""
        for complaint in complaints:
            if not self._obey(complaint):
                self.helpless.append(complaint)
        for row in sorted(self.deleted, reverse=True):
            self.sheet.delete_rows(row)

    def _obey(self, c: Complaint) -> bool:
        acts: tuple[tuple[str, Callable[[Complaint, re.Match[str]], bool]], ...] = (
            (r"请改为其中之一：(.+)。", self._choose),
            (r"请直接写 (\S+?)。", lambda c, m: self._write(c.row, c.column, m[1])),
            (r"第 (.+?) 行.*请只保留一行", self._keep_first),
            (r"请先改正那一行", lambda *_: True),
            (r"请删除这一行", lambda c, _: self._drop(c.row)),
            (r"请取消合并", self._take_apart),
            (r"把电话写到“(.+?)”一列", self._part_from_phone),
            (r"请写 (\S+ 或 \S+)", self._choose),
            (r"核对坐标或所属地区|请改成一致", self._all_of_region),
            (
                r"请核对坐标|请填写经度和纬度|请填写实际坐标|改填十进制度|经度、纬度各填",
                self._place,
            ),
            (
                r"请(?:补上|填写|改成|改填|写|只写|核对|统一|缩短)|重新填写|改成具体的|写全",
                self._right,
            ),
        )
        for pattern, act in acts:
            found = re.search(pattern, c.words)
            if found:
                return act(c, found)
        return False

    def _write(self, row: int, heading: str | None, value: Any) -> bool:
        for cell in self.sheet[self.heading_row]:
            if heading and cell.value == heading:
                self.sheet.cell(row, cell.column).value = value
                return True
        return False

    def _drop(self, row: int) -> bool:
        self.deleted.add(row)
        return True

    def _right(self, c: Complaint, _: Any = None) -> bool:
        if c.column in PLACE:
            return self._place(c)
        known = self.truth[c.row]
        return c.column in known and self._write(c.row, c.column, known[c.column])

    def _choose(self, c: Complaint, found: re.Match[str]) -> bool:
        """Of the words on offer the one that is right; he does not make up others."""
        offered = re.split(r"、| 或 ", found[1])
        right = self.truth[c.row].get(c.column or "")
        return self._write(c.row, c.column, right if right in offered else offered[0])

    def _keep_first(self, c: Complaint, found: re.Match[str]) -> bool:
        others = [int(n) for n in re.findall(r"\d+", found[1])]
        return c.row < min(others) or self._drop(c.row)

    def _take_apart(self, c: Complaint, _: Any) -> bool:
        for merged in list(self.sheet.merged_cells.ranges):
            if merged.min_row <= c.row <= merged.max_row:
                heading = self.sheet.cell(self.heading_row, merged.min_col).value
                if heading == c.column:
                    self.sheet.unmerge_cells(str(merged))
        return self._right(c)

    def _part_from_phone(self, c: Complaint, found: re.Match[str]) -> bool:
        known = self.truth[c.row]
        return all(
            heading in known and self._write(c.row, heading, known[heading])
            for heading in (c.column or "", found[1])
        )

    def _place(self, c: Complaint, _: Any = None) -> bool:
        known = self.truth[c.row]
        return all(self._write(c.row, heading, known[heading]) for heading in PLACE)

    def _all_of_region(self, c: Complaint, found: re.Match[str]) -> bool:
        known = self.truth[c.row]
        if "坐标" in found[0] and not self._place(c):
            return False
        named = [h for h in ("乡镇", "行政区划代码") if h in known]
        return bool(named) and all(self._write(c.row, h, known[h]) for h in named)
