"""Texts in cells that no spreadsheet program computes, and that read back as they were."""

import re
from collections.abc import Iterable
from math import ceil
from typing import Any
from unicodedata import east_asian_width

from openpyxl.cell import Cell, MergedCell, WriteOnlyCell
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_LONGEST = 32_000
"""A cell holds 32,767 characters."""
_LINE_PT, _HIGHEST_PT = 16, 409
_A4 = 200
"""Characters beside each other that can still be read on A4 across."""


def put_text(cell: Any, text: str) -> None:
    """Write a text as text, whatever it looks like; one like a formula is marked as quoted."""
    # A workbook writes control characters as _x0009_; a text that looks like that must not be one.
    cell.value = _ESCAPE.sub("_x005F_", text[:_LONGEST])
    cell.data_type = "s"
    if text.startswith(_STARTS_FORMULA):
        cell.quotePrefix = True


def text_cell(sheet: Any, text: str) -> Any:
    """A guarded cell in text format for a sheet that is only written."""
    cell = WriteOnlyCell(sheet)
    put_text(cell, text)
    cell.number_format = "@"
    return cell


def cell_or_text(sheet: Any, text: str) -> Any:
    """A guarded cell where the text needs one, else the text itself, which is written faster."""
    special = text.startswith((*_STARTS_FORMULA, "#")) or text.isdigit() or "_x" in text
    return text_cell(sheet, text) if special else text[:_LONGEST]


def quote(cell: Cell | MergedCell) -> None:
    """Mark a text of theirs that would be taken for a formula once somebody edits it."""
    if cell.data_type == "s" and str(cell.value).startswith(_STARTS_FORMULA):
        cell.quotePrefix = True


def breadth(text: str) -> int:
    """Characters in a line of a sheet's font, Chinese ones counted twice."""
    return sum(1 + (east_asian_width(c) in "WFA") for c in text)


def fit_height(sheet: Any, row: int, texts: Iterable[tuple[str, float]]) -> None:
    """Make a row (from 1) as high as its wrapped texts need in columns of these widths.

    Only Excel does that by itself, and not in a row whose height was set by hand.
    """
    lines = max(
        (
            sum(max(1, ceil(breadth(line) / (width - 1))) for line in text.split("\n"))
            for text, width in texts
        ),
        default=1,
    )
    if lines > 1:
        dimension = sheet.row_dimensions[row]
        needed = min(lines * _LINE_PT, _HIGHEST_PT)
        dimension.height = max(dimension.height or 0, needed)


def fit_paper(sheet: Any, heading_row: int = 0) -> None:
    """Print all columns on one page's width, the heading (row number from 1) on every page."""
    widths = sum(dimension.width for dimension in sheet.column_dimensions.values())
    setup = sheet.page_setup
    setup.paperSize = Worksheet.PAPERSIZE_A3 if widths > _A4 else Worksheet.PAPERSIZE_A4
    setup.orientation = Worksheet.ORIENTATION_LANDSCAPE
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.6, footer=0.3)
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    setup.fitToWidth, setup.fitToHeight = 1, 0
    sheet.oddFooter.center.text = "第 &P 页，共 &N 页"
    if heading_row:
        sheet.print_title_rows = f"{heading_row}:{heading_row}"


def sheet_name(title: str) -> str:
    """A name that a workbook allows for a sheet."""
    return re.sub(r"[\[\]:*?/\\]", "_", title).strip("'")[:31] or "数据"
