"""Zipped shapefiles by GDAL, from files that we unpacked ourselves under names of our own."""

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.wire import OLD, Limits, Message, Refused, SheetStart

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_PIECE = 1 << 20
_LAYERS = 20
# dBase language ids that mean simplified Chinese, and what a .cpg may say.
_LDID = {0x4D: "GB18030", 0x7A: "GB18030", 0x57: None, 0x00: None}
_CPG = {"utf8": "UTF-8", "65001": "UTF-8"} | dict.fromkeys(
    ("gbk", "gb2312", "gb18030", "936", "cp936", "ansi936", "54936"), "GB18030"
)


def shapefiles(path: Path, limits: Limits) -> Iterator[Message]:
    """Each .shp of the archive as a sheet; row 0 is the field names, record n is row n."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        for position, (name, entries) in enumerate(sorted(_members(archive).items())):
            if position >= _LAYERS:
                raise Refused("too_many_entries", limit=_LAYERS)
            base = Path(folder) / f"layer{position}"
            limits = _unpack(archive, entries, base, limits)
            if ".dbf" not in entries or ".shx" not in entries:
                raise Refused("shapefile_incomplete")
            _require_equal(base)
            yield from _layer(name, base, limits)


def _members(archive: zipfile.ZipFile) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """Path without suffix → suffix → entry, for every group that holds a .shp."""
    groups: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for entry in archive.infolist():
        name = entry_name(entry)
        stem, dot, suffix = name.rpartition(".")
        if f".{suffix.lower()}" in _PARTS and dot and not name.startswith("__MACOSX"):
            groups.setdefault(stem, {})[f".{suffix.lower()}"] = entry
    return {stem: parts for stem, parts in groups.items() if ".shp" in parts}


def entry_name(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _unpack(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], base: Path, limits: Limits
) -> Limits:
    left = limits.memory
    for suffix, entry in entries.items():
        if entry.flag_bits & 1:
            raise Refused("password")
        try:
            with archive.open(entry) as source, base.with_suffix(suffix).open("wb") as target:
                while piece := source.read(_PIECE):
                    left -= len(piece)
                    if left < 0:
                        raise Refused("too_big_inside")
                    target.write(piece)
        except (zipfile.BadZipFile, NotImplementedError, EOFError):
            raise Refused("damaged") from None
    return Limits(limits.rows, left, limits.seconds, limits.columns, limits.entries)


def _require_equal(base: Path) -> None:
    """Every shape has its record: GDAL would drop those without one, and say nothing."""
    shapes = (base.with_suffix(".shx").stat().st_size - 100) // 8
    with base.with_suffix(".dbf").open("rb") as file:
        records = int.from_bytes(file.read(8)[4:8], "little")
    if shapes != records:
        raise Refused("shapefile_parts_differ", shapes=max(0, shapes), records=records)


def _pyogrio() -> Any:
    """pyogrio's reader of arrays, without the frames that it would load for nothing: five times
    faster."""
    absent = [name for name in ("geopandas", "pandas", "pyarrow") if name not in sys.modules]
    sys.modules |= dict.fromkeys(absent)  # type: ignore[arg-type]
    try:
        import pyogrio.raw  # noqa: PLC0415
    finally:
        for name in absent:
            del sys.modules[name]
    return pyogrio.raw


def _layer(name: str, base: Path, limits: Limits) -> Iterator[Message]:
    import numpy as np  # noqa: PLC0415

    raw = _pyogrio()
    prj = base.with_suffix(".prj")
    crs = epsg_of(prj.read_bytes()[:8192].decode("latin-1")) if prj.exists() else None
    yield SheetStart(name=name.rpartition("/")[2], visible=True, crs=crs, shapes=True)
    encoding = _encoding(base)
    names = _rename_fields(base.with_suffix(".dbf"), encoding)
    try:
        _, records, shapes, fields = raw.read(
            base.with_suffix(".shp"),
            encoding=encoding,
            force_2d=True,
            max_features=limits.rows + 1,
            return_fids=True,
        )
    except Exception:  # noqa: BLE001 - whatever a parser throws, the file is to blame
        raise Refused("damaged") from None
    if len(shapes) > limits.rows:
        raise Refused("too_many_rows", limit=limits.rows)
    columns = [_values(np.asarray(column)) for column in fields]
    rows = zip(*columns, strict=True) if columns else iter([()] * len(shapes))
    wkb = (bytes(s) if s is not None else b"" for s in [None, *shapes])
    numbers = [0, *(int(record) + 1 for record in records)]
    table = [tuple(names[: len(fields)]), *rows]
    yield from blocks(zip(numbers, table, strict=True), limits, wkb)


def _values(column: Any) -> list[Any]:
    if column.dtype.kind == "M":
        return [None if str(v) == "NaT" else v.item() for v in column]
    return list(column.tolist())


def _encoding(base: Path) -> str:
    """A valid .cpg or language id, else UTF-8 where the bytes are, else GB18030."""
    content = base.with_suffix(".dbf").read_bytes()
    if len(content) < 32:
        raise Refused("damaged")
    text = content[int.from_bytes(content[8:10], "little") :]
    cpg = base.with_suffix(".cpg")
    said = (
        _CPG.get(re.sub(r"[^a-z0-9]", "", cpg.read_text("latin-1").lower()))
        if cpg.exists()
        else None
    )
    for encoding in (said, _LDID.get(content[29]), "UTF-8", "GB18030"):
        if encoding is None:
            continue
        try:
            text.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Refused("encoding_unknown")


def _rename_fields(dbf: Path, encoding: str) -> list[str]:
    """Field names as written, while the file gets F0, F1, …

    Ten bytes end in the middle of a Chinese character, on which GDAL would refuse the whole file.
    """
    content = bytearray(dbf.read_bytes())
    names: list[str] = []
    for at in range(32, int.from_bytes(content[8:10], "little") - 32, 32):
        if content[at] == 0x0D:
            break
        names.append(content[at : at + 11].split(b"\x00")[0].decode(encoding, "ignore"))
        content[at : at + 11] = f"F{len(names) - 1}".encode().ljust(11, b"\x00")
    dbf.write_bytes(content)
    return names


def epsg_of(wkt: str) -> str | None:
    """`EPSG:n` that a .prj names, by its authority or by the usual ESRI names; else `unknown`.

    `old` for the systems before CGCS2000, None for an empty file.
    """
    if not wkt.strip():
        return None
    authority = re.search(r'AUTHORITY\["EPSG",\s*"?(\d{4,6})"?\]\]\s*$', wkt)
    if authority:
        return f"EPSG:{authority[1]}"
    name = re.sub(r"[^a-z0-9]+", "_", (re.match(r'\s*\w+\["([^"]*)"', wkt) or ["", ""])[1].lower())
    for pattern, first, offset, step in (
        (r"cgcs2000_3_degree_g\w*_zone_(\d+)", 4513, 25, 1),
        (r"cgcs2000_3_degree_g\w*_cm_(\d+)e", 4534, 75, 3),
        (r"cgcs2000_g\w*_zone_(\d+)", 4491, 13, 1),
        (r"cgcs2000_g\w*_cm_(\d+)e", 4502, 75, 6),
        (r"wgs_1984_utm_zone_(\d+)n", 32601, 1, 1),
    ):
        match = re.fullmatch(pattern, name)
        if match:
            found = f"EPSG:{first + (int(match[1]) - offset) // step}"
            return found if "utm" in name else _by_parameters(wkt) or found
    plain = {
        "gcs_wgs_1984": "EPSG:4326",
        "wgs_84": "EPSG:4326",
        "gcs_china_geodetic_coordinate_system_2000": "EPSG:4490",
        "cgcs2000": "EPSG:4490",
        "china_geodetic_coordinate_system_2000": "EPSG:4490",
        "wgs_1984_web_mercator_auxiliary_sphere": "EPSG:3857",
    }
    if re.search(r"(beijing|xian)_?(1954|1980)|bj_?54|xi?an_?80", name):
        return OLD
    if name not in plain and re.search(r"china_?2000|cgcs_?2000|system_2000", wkt.lower()):
        return _by_parameters(wkt) or "unknown"
    return plain.get(name, "unknown")


def _by_parameters(wkt: str) -> str | None:
    """The Gauss-Krüger system that the numbers of a .prj describe, whatever its name is.

    `unknown` where they describe none of the national ones, None where there are no numbers.
    """
    told = re.findall(r'PARAMETER\["([^"]+)",\s*([-+.\deE]+)\]', wkt)
    numbers = {name.lower(): float(value) for name, value in told}
    meridian, easting = numbers.get("central_meridian"), numbers.get("false_easting")
    if meridian is None or easting is None:
        return None
    rest = (numbers.get(n, 0.0) for n in ("false_northing", "latitude_of_origin"))
    if numbers.get("scale_factor", 1.0) != 1 or any(rest):
        return "unknown"
    for first, zone, lowest, highest, prefix in (
        (4534, meridian / 3, 25, 45, 0),
        (4513, meridian / 3, 25, 45, 1),
        (4491, (meridian + 3) / 6, 13, 23, 1),
    ):
        if zone.is_integer() and lowest <= zone <= highest and easting == prefix * zone * 1e6 + 5e5:
            return f"EPSG:{first + int(zone) - lowest}"
    return "unknown"
