"""GeoJSON, read as plain JSON: properties become columns, the geometry stays."""

import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from mapsvc.ingest.cells import blocks, text_of
from mapsvc.ingest.wire import ASSUMED, Limits, Message, Refused, SheetStart

_HALF = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F]..)"
)


class _Geometry(msgspec.Struct, omit_defaults=True):
    type: str
    coordinates: msgspec.Raw = msgspec.Raw()
    geometries: list["_Geometry"] = []


class _Feature(msgspec.Struct):
    geometry: _Geometry | None = None
    properties: dict[str, Any] | None = None
    id: Any = None


class _File(msgspec.Struct):
    type: str
    features: list[_Feature] = []
    geometry: _Geometry | None = None
    properties: dict[str, Any] | None = None
    crs: Any = None
    name: Any = None


def geojson(content: bytes, limits: Limits) -> Iterator[Message]:
    """One sheet: row 0 is the property names, feature n is row n."""
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    if b"\\ud" in content or b"\\uD" in content:
        content = _whole(content)
    try:
        file = msgspec.json.decode(content, type=_File)
        _refuse_twice(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        file = _File("FeatureCollection", list(_in_lines(content, limits)))
    if file.type == "Feature":
        file.features = [_Feature(file.geometry, file.properties)]
    elif file.type != "FeatureCollection":
        raise Refused("not_geojson")
    if len(file.features) > limits.rows:
        raise Refused("too_many_rows", limit=limits.rows)
    names = list({name: None for f in file.features for name in f.properties or ()})
    if len(names) > limits.columns:
        raise Refused("too_many_columns", limit=limits.columns)
    name = file.name[:60] if isinstance(file.name, str) else ""
    yield SheetStart(name=name, visible=True, crs=_declared(file.crs), shapes=True)
    rows = [[_plain((f.properties or {}).get(name)) for name in names] for f in file.features]
    shapes = iter([b"", *(_wkb(f.geometry) for f in file.features)])
    yield from blocks(enumerate([names, *rows]), limits, shapes)


def _whole(content: bytes) -> bytes:
    """Half a character, left by a program that cut a text short, becomes the sign for a lost one:
    its row is refused for it, and not the file.
    """
    return _HALF.sub(lambda found: rb"\ufffd" if found[1] else found[0], content)


def _refuse_twice(content: bytes) -> None:
    """A name that stands twice in one object: readers keep the last value without a word."""

    def names(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            counted = Counter(name for name, _ in pairs)
            raise Refused("geojson_twice", name=counted.most_common(1)[0][0][:60])

    json.loads(content, object_pairs_hook=names)


def _in_lines(content: bytes, limits: Limits) -> Iterator[_Feature]:
    """A feature on each line, as GDAL's GeoJSONSeq and ogr2ogr write; raises Refused."""
    for number, line in enumerate(content.splitlines()):
        if number > limits.rows * 2:
            raise Refused("too_many_rows", limit=limits.rows)
        if not (text := line.strip(b" \t\r\x1e")):
            continue
        try:
            file = msgspec.json.decode(text, type=_File)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused("not_geojson") from None
        _refuse_twice(text)
        if file.type != "Feature" or file.crs is not None:
            raise Refused("not_geojson")
        yield _Feature(file.geometry, file.properties)


def _declared(crs: Any) -> str:
    """`EPSG:n` of an old-style crs member; `unknown` for links, which are never followed."""
    if crs is None:
        return ASSUMED
    if not isinstance(crs, dict) or crs.get("type") != "name":
        return "unknown"
    properties = crs.get("properties")
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if name.endswith(("CRS84", "WGS84")):
        return "EPSG:4326"
    match = re.search(r"EPSG:{1,2}(?:[\d.]*:)?(\d{4,6})$", name)
    # GCJ02 and the like are no names of a standard, but people write them here.
    return f"EPSG:{match[1]}" if match else name[:60] or "unknown"


def _plain(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        return "、".join(text_of(v) for v in value)
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return text_of(value)


def _wkb(geometry: _Geometry | None) -> bytes:
    if geometry is None:
        return b""
    if geometry.type == "Point":
        try:
            x, y = msgspec.json.decode(geometry.coordinates, type=list[float], strict=False)[:2]
        except (msgspec.DecodeError, ValueError):
            return b""
        return struct.pack("<BIdd", 1, 1, x, y)
    # Lines and areas are rare here: only they pay for importing shapely.
    import shapely  # noqa: PLC0415

    shape = shapely.from_geojson(msgspec.json.encode(geometry), on_invalid="ignore")
    if shape is None:
        return _mended(geometry)
    return bytes(shapely.to_wkb(shapely.force_2d(shape)))


def _mended(geometry: _Geometry) -> bytes:
    """An area whose rings were never closed is still an area."""
    from mapsvc.ingest.kml import polygon  # noqa: PLC0415

    if geometry.type != "Polygon":
        return b""
    try:
        rings = msgspec.json.decode(geometry.coordinates, type=list[list[list[float]]])
        return polygon([[(x, y) for x, y, *_ in ring] for ring in rings])
    except (msgspec.DecodeError, ValueError):
        return b""
