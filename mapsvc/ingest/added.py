"""What reports and templates add to a workbook, and how the reader knows it again.

Writer and reader take the words from here: a report that is sent back must read like the file that
it was made from, and the notes of a template are no data.
"""

from mapsvc.ingest.sandbox import Sheet

OUTCOME = "处理结果"
REMEDY = "问题与改法"
RESULT_SHEET = "上报结果"
RESULT_TITLE = "上报结果（系统生成；再次上传时自动略过这张表）"
NOTES_SHEET = "填写说明"
NOTES_TITLE = "填写说明（上传时自动略过这张表）"
EXAMPLE = "示例"
"""Stands in the first column of a template's example row."""

_SEARCHED_ROWS = 60


def is_added(sheet: Sheet) -> bool:
    """A sheet of ours, known by its first cell; a sheet of theirs may well have the same name."""
    return bool(sheet.columns) and sheet.columns[0][0].strip() in (RESULT_TITLE, NOTES_TITLE)


def added_at(sheet: Sheet) -> tuple[int, int] | None:
    """Row and position of the heading `处理结果` with `问题与改法` right of it, else None.

    Either heading alone is a column of theirs.
    """
    for position, (left, right) in enumerate(zip(sheet.columns, sheet.columns[1:], strict=False)):
        for row in range(min(_SEARCHED_ROWS, sheet.height)):
            if left[row].strip() == OUTCOME and right[row].strip() == REMEDY:
                return row, position
    return None


def clear_added(sheet: Sheet) -> None:
    """Blank the two columns of an earlier report; the columns beside them keep their places."""
    found = added_at(sheet)
    if found is not None:
        row, position = found
        for column in sheet.columns[position : position + 2]:
            column[row:] = [""] * (len(column) - row)
