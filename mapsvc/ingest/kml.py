"""KML, KMZ and 奥维's ovkml and ovkmz, read without GDAL, which loses Chinese attribute names.

A Placemark is a row. Its columns are name, Folder (the path of its folders), address, description,
every value of its ExtendedData, and OvCoordType where 奥维 says in which system it is.
"""

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.delimited import decoded
from mapsvc.ingest.markup import local, steps, words
from mapsvc.ingest.wire import Limits, Message, Note, Refused, SheetStart

_PIECE = 1 << 20
_DOCUMENTS = 20
_DEEPEST = 100
_PLAIN = ("name", "address", "phoneNumber", "Snippet", "description", "OvCoordType")
_FOLDERS = ("Folder", "Document")
_OVERLAYS = {"GroundOverlay": "贴图", "PhotoOverlay": "照片", "ScreenOverlay": "屏幕图例"}
_APART = ("Placemark", "NetworkLink", *_OVERLAYS)
"""What holds names and places of its own."""
_OF_DATA = ("value", "displayName", "ExtendedData", "SchemaData")
_TIMES = ("TimeStamp", "TimeSpan")
Position = tuple[float, float]


def kmz(path: Path, limits: Limits) -> Iterator[Message]:
    """Every .kml of the archive, inflated under a count; nothing is unpacked under its name."""
    left = limits.memory // 4
    with zipfile.ZipFile(path) as archive:
        found = [e for e in archive.infolist() if e.filename.lower().endswith(".kml")]
        if len(found) > _DOCUMENTS:
            raise Refused("too_many_entries", limit=_DOCUMENTS)
        for entry in found:
            if entry.flag_bits & 1:
                raise Refused("password")
            content = bytearray()
            try:
                with archive.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        content += piece
                        if len(content) > left:
                            raise Refused("too_big_inside")
            except (zipfile.BadZipFile, NotImplementedError, EOFError):
                raise Refused("damaged") from None
            left -= len(content)
            name = entry.filename.replace("\\", "/").rpartition("/")[2][:-4]
            yield from kml(decoded(bytes(content))[0], limits, name if len(found) > 1 else "")


def kml(text: str, limits: Limits, name: str = "") -> Iterator[Message]:
    """One sheet: row 0 is the column names, Placemark n is row n. Links are named, not followed."""
    reader = _Reader(limits)
    notes = list(reader.read(text))
    names = list(reader.names)
    if len(names) > limits.columns:
        raise Refused("too_many_columns", limit=limits.columns)
    yield SheetStart(name=name, visible=True, shapes=True)
    rows = ([row.get(column, "") for column in names] for row in reader.rows)
    yield from blocks(_numbered(names, rows), limits, iter([b"", *reader.shapes]))
    for note in notes:
        yield Note(note.code, note.values, name)


def _numbered(names: list[str], rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    yield 0, names
    yield from enumerate(rows, 1)


class _Reader:
    """Placemarks gathered in the order of the file."""

    def __init__(self, limits: Limits) -> None:
        self.names: dict[str, None] = {"name": None}
        self.rows: list[dict[str, str]] = []
        self.shapes: list[bytes] = []
        self._limits = limits
        self._titles: dict[str, str] = {}

    def read(self, text: str) -> Iterator[Note]:
        """Fill rows and shapes; yields notes of links not followed and pictures not read."""
        folders: list[str] = []
        inside = 0
        for event, tag, element in steps(text):
            if event == "start":
                inside += tag in _APART
                if tag in _FOLDERS:
                    folders.append("")
                continue
            if tag in _APART:
                inside -= 1
                if tag == "Placemark":
                    self._add(element, folders)
                else:
                    yield _left_out(tag, element)
                element.clear()
            elif not inside:
                self._around(tag, element, folders)

    def _around(self, tag: str, element: Any, folders: list[str]) -> None:
        """What stands outside of Placemarks: folders and the titles of fields."""
        if tag == "name" and folders and not folders[-1]:
            folders[-1] = words(element)
        elif tag in _FOLDERS:
            folders.pop()
            element.clear()
        elif tag == "SimpleField":
            self._title(element)

    def _title(self, field: Any) -> None:
        shown = next((words(e) for e in field if local(e.tag) == "displayName"), "")
        if shown and field.get("name"):
            self._titles[str(field.get("name"))] = shown

    def _add(self, placemark: Any, folders: list[str]) -> None:
        if len(self.rows) >= self._limits.rows:
            raise Refused("too_many_rows", limit=self._limits.rows)
        row: dict[str, str] = {}
        shapes: list[bytes] = []
        for element in placemark:
            tag = local(element.tag)
            if tag in _PLAIN:
                keep(row, tag, words(element))
            elif tag == "ExtendedData":
                self._extend(row, element)
            elif tag in _TIMES:
                keep(row, tag, " ".join(words(e) for e in element))
            else:
                shapes += _shapes(element)
        path = "/".join(name for name in folders[-_DEEPEST:] if name)
        if path:
            row["Folder"] = path
        self.names |= dict.fromkeys(column for column, value in row.items() if value)
        self.rows.append(row)
        self.shapes.append(shapes[0] if len(shapes) == 1 else _collection(shapes))

    def _extend(self, row: dict[str, str], data: Any) -> None:
        for element in data.iter():
            tag, key = local(element.tag), str(element.get("name", "")).strip()
            if tag == "Data":
                parts = {local(e.tag): words(e) for e in element}
                key, value = parts.get("displayName") or key, parts.get("value", "")
            elif tag == "SimpleData":
                key, value = self._titles.get(key, key), words(element)
            elif tag == "SimpleArrayData":
                key, value = self._titles.get(key, key), "、".join(words(e) for e in element)
            elif not len(element) and tag not in _OF_DATA:  # OvCoordType, and others' own
                key, value = tag, words(element)
            else:
                continue
            keep(row, key, value)


def _left_out(tag: str, element: Any) -> Note:
    """What a link leads to and what a picture shows is not read, but named."""
    parts = {local(e.tag): words(e) for e in element.iter() if local(e.tag) in ("name", "href")}
    if tag == "NetworkLink":
        return Note("network_link", {"link": parts.get("href", "")[:200]})
    name = parts.get("name") or parts.get("href") or "没有名称"
    return Note("overlay_left", {"kind": _OVERLAYS[tag], "name": name[:60]})


def keep(row: dict[str, str], key: str, value: str) -> None:
    """Two values under one name are both kept."""
    while row.get(key, "") not in ("", value):
        key += "_"
    row[key] = value


def _shapes(element: Any) -> list[bytes]:
    tag = local(element.tag)
    if tag == "MultiGeometry":
        return [shape for inner in element for shape in _shapes(inner)]
    if tag == "Point":
        return [point([at]) for at in _positions(element)]
    if tag in ("LineString", "LinearRing", "Track"):
        return [line(_positions(element))]
    if tag == "Polygon":
        rings = [_positions(e) for e in element.iter() if local(e.tag) == "LinearRing"]
        return [polygon(rings)]
    return []


def _positions(element: Any) -> list[Position]:
    texts = [words(e) for e in element.iter() if local(e.tag) == "coordinates"]
    together = re.sub(r"\s*[,，]\s*", ",", " ".join(texts))
    tracked = [words(e).replace(" ", ",") for e in element.iter() if local(e.tag) == "coord"]
    found: list[Position] = []
    for position in [*together.split(), *tracked]:
        try:
            x, y = (float(part) for part in position.split(",")[:2])
        except ValueError:
            return []
        found.append((x, y))
    return found


def point(at: list[Position]) -> bytes:
    """WKB of the first position."""
    return struct.pack("<BIdd", 1, 1, *at[0]) if at else b""


def _sequence(at: list[Position]) -> bytes:
    return struct.pack("<I", len(at)) + b"".join(struct.pack("<dd", *p) for p in at)


def line(at: list[Position]) -> bytes:
    """WKB of a line; one position alone is doubled, since a line needs two."""
    return struct.pack("<BI", 1, 2) + _sequence(at * 2 if len(at) == 1 else at) if at else b""


def polygon(rings: list[list[Position]]) -> bytes:
    """WKB of an area; rings that were left open are closed."""
    closed = [[*r, *([r[0]] * max(1, 4 - len(r)))] if r[0] != r[-1] else r for r in rings if r]
    if not closed:
        return b""
    return struct.pack("<BII", 1, 3, len(closed)) + b"".join(_sequence(r) for r in closed)


def _collection(shapes: list[bytes]) -> bytes:
    shapes = [shape for shape in shapes if shape]
    return struct.pack("<BII", 1, 7, len(shapes)) + b"".join(shapes) if shapes else b""
