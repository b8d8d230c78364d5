"""What hangs on the cells of an xlsx or lies over them: remarks, text boxes, pictures.

People write data there too. None of it is read; it is told, so that nobody takes it for uploaded.
"""

import posixpath
import re
import zipfile
from html import unescape

from mapsvc.ingest.cells import number_of

_LINK = re.compile(r"<Relationship\s[^>]*>")
_PARTS = re.compile(r"""(\w+)=["']([^"']*)["']""")
_REMARK = re.compile(rb"<(?:\w+:)?comment\s")
_AT = re.compile(rb"""[^>]*?\bref=["']([A-Z]+)(\d+)["']""")
_WORDS = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*)?>([^<]*)<")
_PICTURE = re.compile(rb"<(?:\w+:)?pic[\s>]")
_LONGEST = 200


def beside(archive: zipfile.ZipFile, entry: str) -> tuple[dict[tuple[int, int], str], str]:
    """Of the sheet in that entry: remarks by row and column, and what is drawn, in words."""
    folder, _, name = entry.rpartition("/")
    names = archive.NameToInfo
    links = f"{folder}/_rels/{name}.rels"
    remarks: dict[tuple[int, int], str] = {}
    drawn = ""
    if links not in names:
        return remarks, drawn
    for tag in _LINK.findall(archive.read(links).decode("utf-8", "replace")):
        given = dict(_PARTS.findall(tag))
        target = posixpath.normpath(posixpath.join("/", folder, given.get("Target", "")))[1:]
        kind = given.get("Type", "").rpartition("/")[2]
        if target in names and kind == "comments":
            for one in _REMARK.split(archive.read(target))[1:]:
                if at := _AT.match(one):
                    remarks[int(at[2]), number_of(at[1])] = _words(one)
        elif target in names and kind == "drawing":
            drawn = _drawn(archive.read(target))
    return remarks, drawn


def _words(xml: bytes) -> str:
    text = unescape(b"".join(_WORDS.findall(xml)).decode("utf-8", "replace"))
    return " ".join(text.split())[:_LONGEST]


def _drawn(xml: bytes) -> str:
    text, pictures = _words(xml), len(_PICTURE.findall(xml))
    found = [f"文本框（“{text}”）"] if text else []
    return "和".join(found + ([f" {pictures} 张图片"] if pictures else []))
