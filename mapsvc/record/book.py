"""Entries of the record as a workbook; every text stays a text."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec
from openpyxl import Workbook

from mapsvc.sheets import fit_paper, text_cell

_HEAD = {
    "id": "序号", "at": "时间", "username": "操作人", "roles_title": "角色", "ip": "来自",
    "action_title": "操作", "layer_title": "图层", "subject": "对象", "region_name": "区域",
    "old": "原值", "new": "新值", "sha256": "文件 SHA-256", "request_id": "请求编号",
    "hash": "校验值",
}  # fmt: skip


def workbook(entries: Sequence[dict[str, Any]]) -> bytes:
    """One sheet, newest first."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("审计记录")
    sheet.freeze_panes = "A2"
    fit_paper(sheet, 1)
    sheet.append(list(_HEAD.values()))
    for entry in entries:
        sheet.append([text_cell(sheet, _text(entry[name])) for name in _HEAD])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
