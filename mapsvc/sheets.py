"""Texts in cells that no spreadsheet program computes, and that read back as they were."""

import re
from typing import Any

from openpyxl.cell import Cell, MergedCell, WriteOnlyCell
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_LONGEST = 32_000
"""A cell holds 32,767 characters."""


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


def fit_paper(sheet: Any, heading_row: int = 0) -> None:
    """Print all columns on one A4 page's width, the heading (row number from 1) on every page."""
    setup = sheet.page_setup
    setup.paperSize, setup.orientation = Worksheet.PAPERSIZE_A4, Worksheet.ORIENTATION_LANDSCAPE
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    setup.fitToWidth, setup.fitToHeight = 1, 0
    sheet.oddFooter.center.text = "第 &P 页，共 &N 页"
    if heading_row:
        sheet.print_title_rows = f"{heading_row}:{heading_row}"


def sheet_name(title: str) -> str:
    """A name that a workbook allows for a sheet."""
    return re.sub(r"[\[\]:*?/\\]", "_", title).strip("'")[:31] or "数据"
