"""GeoPackage, read as the SQLite file that it is: no driver of GDAL gets to see it.

Format: OGC 12-128r19, clauses 1.1 (tables) and 2.1.3 (geometry blobs).
"""

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mapsvc.ingest.cells import blocks
from mapsvc.ingest.wire import Limits, Message, Note, Refused, SheetStart

_LAYERS = 20
_READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_PRAGMA,
}
_WITHOUT_SHAPES = (
    "select table_name from gpkg_contents where data_type = 'attributes'"
    " and table_name not in ('layer_styles', 'qgis_projects') order by rowid"
)
_VIEWS = "select name from sqlite_master where type = 'view'"
_ENVELOPES = (0, 32, 48, 48, 64)
"""Bytes of each kind of envelope before the geometry."""


def geopackage(path: Path, limits: Limits) -> Iterator[Message]:
    """Each table as a sheet, those with shapes first; row 0 is the column names."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    db.text_factory = _text
    try:
        db.execute("pragma trusted_schema = off")
        db.execute("pragma cell_size_check = on")
        db.set_authorizer(lambda action, *_: int(action not in _READS))
        tables = db.execute(
            "select c.table_name, g.column_name, lower(s.organization), s.organization_coordsys_id"
            " from gpkg_contents c join gpkg_geometry_columns g using (table_name)"
            " left join gpkg_spatial_ref_sys s on s.srs_id = g.srs_id order by c.rowid"
        ).fetchall()
        # A view shows the rows of tables again, and may run for ever.
        views = {name for (name,) in db.execute(_VIEWS)}
        if seen := [t for t in tables if t[0] in views]:
            tables = [t for t in tables if t[0] not in views] or seen
        if len(tables) > _LAYERS:
            raise Refused("too_many_entries", limit=_LAYERS)
        bare = db.execute(_WITHOUT_SHAPES).fetchmany(_LAYERS)
        if not tables and not bare:
            raise Refused("gpkg_without_features")
        for table, column, organization, number in tables:
            crs = f"EPSG:{number}" if organization == "epsg" else "unknown"
            yield SheetStart(name=table, visible=True, crs=crs, shapes=True)
            yield from _rows(db, table, column, limits)
        for (table,) in bare:
            yield SheetStart(name=table, visible=True)
            yield from _rows(db, table, None, limits)
        for view in [t[0] for t in seen if t not in tables]:
            yield Note("view_left", {"name": view[:60]})
    except (sqlite3.Error, UnicodeDecodeError):
        raise Refused("damaged") from None
    finally:
        db.close()


def _text(content: bytes) -> str:
    return content.decode("utf-8")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows(
    db: sqlite3.Connection, table: str, column: str | None, limits: Limits
) -> Iterator[Message]:
    cursor = db.execute(f"select * from {_quoted(table)}")  # noqa: S608 - quoted, and read only
    names = [str(c[0]) for c in cursor.description]
    if column is not None and column not in names:
        raise Refused("damaged")
    at = -1 if column is None else names.index(column)
    # The key of the file is no number of theirs.
    keys = {r[1] for r in db.execute(f"pragma table_info({_quoted(table)})") if r[5]}
    kept = [i for i, name in enumerate(names) if i != at and name not in keys]
    shapes: list[bytes] = [b""]

    def rows() -> Iterator[tuple[int, list[Any]]]:
        yield 0, [names[i] for i in kept]
        for number, row in enumerate(cursor, 1):
            if number > limits.rows:
                raise Refused("too_many_rows", limit=limits.rows)
            if column is not None:
                shapes.append(_wkb(row[at]))
            yield number, [None if isinstance(row[i], bytes) else row[i] for i in kept]

    yield from blocks(rows(), limits, None if column is None else _drained(shapes))


def _drained(shapes: list[bytes]) -> Iterator[bytes]:
    """Shapes in the order in which `rows` finds them; each is let go once it was passed on."""
    position = 0
    while True:
        yield shapes[position]
        shapes[position] = b""
        position += 1


def _wkb(blob: object) -> bytes:
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return b""
    flags = blob[3]
    kind = flags >> 1 & 7
    if kind >= len(_ENVELOPES) or flags & 0x20 or flags & 0x10:
        return b""
    wkb = blob[8 + _ENVELOPES[kind] :]
    if len(wkb) < 21:
        return wkb
    order = "<" if wkb[0] else ">"
    number = int(struct.unpack(f"{order}I", wkb[1:5])[0])
    if number % 1000 == 1 and number & 0xFFFF < 4000:
        return struct.pack("<BIdd", 1, 1, *struct.unpack(f"{order}dd", wkb[5:21]))
    return wkb
