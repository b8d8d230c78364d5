"""Files that hold no table that we read: told by their bytes, never by their name."""

import re
import zipfile

from mapsvc.ingest.wire import Note, Refused

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURE, _PACKED, _OLD = "picture_file", "rar_archive", "old_workbook"
_MAGIC = (
    (b"Rar!", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", _PACKED),
    (b"\x1f\x8b", _PACKED),
    (b"BZh", _PACKED),
    (b"\xfd7zXZ", _PACKED),
    (b"MSCF", _PACKED),
    (b"%PDF", "pdf_file"),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"II*\x00", _PICTURE),
    (b"MM\x00*", _PICTURE),
    (b"MIME-Version:", "html_frames"),
    (b"\x09\x08", _OLD),
    (b"\x09\x04", _OLD),
    (b"\x09\x02", _OLD),
    (b"\x09\x00", _OLD),
    (b"\x00\x00\x27\x0a", "shp_alone"),
    (b"\x00\x01\x00\x00Standard ", "database_file"),
    (b"AC10", "drawing_file"),
)
_DRAWING = re.compile(
    rb"\s*(?:999\s+[^\n]*\n\s*)?0\s+SECTION\s|\s*!table\b|version\s+\d+\s+charset\b", re.IGNORECASE
).match
_STREAMS = (
    ("WordDocument", "Word 或 WPS 文字文档"),
    ("PowerPoint Document", "演示文稿"),
    ("VisioDocument", "Visio 图"),
    ("__nameid_version", "Outlook 邮件"),
)
_OPEN_DOCUMENTS = {"text": "文字文档（odt）", "presentation": "演示文稿（odp）", "graphics": "绘图"}
_DATA = re.compile(
    r"\.(?:xlsx?|xlsm|xlsb|et|ods|csv|tsv|txt|docx?|wps|pdf|kml|kmz|ovkml|ovkmz|geojson|gpx|gpkg|shp|dxf|dwg|zip|rar|7z)$"
).search
_NAMED = 5


def refuse_foreign(head: bytes) -> None:
    """Raise Refused where the first bytes belong to no format of tables or maps."""
    for magic, code in _MAGIC:
        if head.startswith(magic):
            raise Refused(code)
    if head.startswith(b"BM") and b"\x00" in head:
        raise Refused(_PICTURE)
    if head[8:12] == b"WEBP" or head[4:12] in (b"ftypheic", b"ftypmif1"):
        raise Refused(_PICTURE)
    if head[257:262] == b"ustar":
        raise Refused(_PACKED)
    if _is_dbf(head):
        raise Refused("dbf_alone")
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"{\\rtf"):
        raise Refused("not_a_table", kind="文字文档（rtf）")
    if _DRAWING(text):
        raise Refused("drawing_file")


def _is_dbf(head: bytes) -> bool:
    """A version, a date, and field descriptions of 32 bytes each that end with a line break."""
    if len(head) < 65 or head[0] not in (0x03, 0x30, 0x83, 0x8B, 0xF5):
        return False
    end = int.from_bytes(head[8:10], "little")
    return 1 <= head[2] <= 12 and 1 <= head[3] <= 31 and end >= 65 and end % 32 in (1, 8)


def document_kind(content: bytes) -> str:
    """What an OLE file without a workbook is, in words."""
    for name, kind in _STREAMS:
        if name.encode("utf-16-le") in content:
            return kind
    return "旧版 Office 或 WPS 的文档"


def refuse_documents(archive: zipfile.ZipFile, lower: list[str]) -> None:
    """Raise Refused for archives that are documents of a program, but no workbook."""
    if any(n.startswith("word/") for n in lower):
        raise Refused("not_a_table", kind="Word 或 WPS 文字文档")
    if any(n.startswith("ppt/") for n in lower):
        raise Refused("not_a_table", kind="演示文稿")
    if any(n.endswith(".iwa") or n == "index.zip" for n in lower):
        raise Refused("numbers_file")
    kind = open_document(archive)
    if kind not in ("", "spreadsheet"):
        raise Refused("not_a_table", kind=_OPEN_DOCUMENTS.get(kind, "OpenDocument 文档"))
    # What the formats of their numbers show, merged cells and struck-out texts stay unread there.
    if kind or "content.xml" in lower:
        raise Refused("other_workbook", kind="ODS")
    if "xl/workbook.bin" in lower:
        raise Refused("other_workbook", kind="XLSB")


def open_document(archive: zipfile.ZipFile) -> str:
    """`spreadsheet`, `text`, …; empty for other archives."""
    try:
        with archive.open("mimetype") as stream:
            said = stream.read(200).decode("latin-1").strip()
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ""
    found = re.match(r"application/vnd\.oasis\.opendocument\.(\w+)", said)
    return found[1] if found else ""


def unread(names: list[str], *read: str) -> Note | None:
    """A note of the members of an archive that hold data and are not read; suffixes of those that
    are come with their dots."""
    rest = [
        name.rpartition("/")[2]
        for name in names
        if _DATA(name.lower()) and not name.lower().endswith(read) and "__MACOSX" not in name
    ]
    if not rest:
        return None
    more = "等" if len(rest) > _NAMED else ""
    return Note("archive_rest", {"names": "、".join(f"“{n[:60]}”" for n in rest[:_NAMED]) + more})
