"""Writers of every format that the corpus needs, as plain as possible."""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import geopandas
import openpyxl
import shapely

Rows = Sequence[Sequence[Any]]


def text_of(rows: Rows, delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return out.getvalue()


def csv_of(rows: Rows, encoding: str = "utf-8", delimiter: str = ",", end: str = "\r\n") -> bytes:
    return text_of(rows, delimiter, end).encode(encoding)


def xlsx_of(
    sheets: Rows | dict[str, Rows], tweak: Callable[[openpyxl.Workbook], None] | None = None
) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in (sheets if isinstance(sheets, dict) else {"台账": sheets}).items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    if tweak:
        tweak(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def patched(archive: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """A zip with one member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename == member else content)
    return out.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def html_of(rows: Rows, before: str = "", tag: str = "td") -> str:
    lines = ["".join(f"<{tag}>{escape(str(c))}</{tag}>" for c in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f"<html><head><meta charset='x'></head><body>{before}<table>{body}</table></body></html>"


def geojson_of(rows: Rows, **more: Any) -> dict[str, Any]:
    """Rows as in `standard`: the last two cells are the place."""
    head = rows[0][:-2]
    features = [
        {
            "type": "Feature",
            "properties": dict(zip(head, row[:-2], strict=True)),
            "geometry": {"type": "Point", "coordinates": list(row[-2:])},
        }
        for row in rows[1:]
    ]
    return {"type": "FeatureCollection", "features": features, **more}


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def frame_of(rows: Rows, crs: Any, shapes: list[Any] | None = None) -> geopandas.GeoDataFrame:
    head = rows[0][:-2]
    data = {name: [row[i] for row in rows[1:]] for i, name in enumerate(head)}
    points = shapes or [shapely.Point(row[-2], row[-1]) for row in rows[1:]]
    return geopandas.GeoDataFrame(data, geometry=points, crs=crs)


def gpkg_of(frame: geopandas.GeoDataFrame, layer: str = "隐患点") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio")
        return path.read_bytes()


def shp_of(
    frame: geopandas.GeoDataFrame,
    encoding: str = "GBK",
    drop: Sequence[str] = (),
    prefix: str = "",
    prj: str = "",
) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        frame.rename(
            columns=dict(zip(frame.columns, ["编号", "名称", "等级"], strict=False))
        ).to_file(Path(folder) / "a.shp", encoding=encoding, engine="pyogrio")
        if prj:
            (Path(folder) / "a.prj").write_text(prj)
        return zip_of(
            {
                prefix + p.name: p.read_bytes()
                for p in sorted(Path(folder).iterdir())
                if p.suffix not in drop
            }
        )


def kml_of(placemarks: Sequence[str], root: str = "kml", inner: str = "Document") -> str:
    body = "".join(placemarks)
    space = ' xmlns="http://www.opengis.net/kml/2.2"'
    inside = f"<{inner}><name>隐患点</name>{body}</{inner}>" if inner else body
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{space}>{inside}</{root}>'


def placemark(row: Sequence[Any], shape: str | None = None, extra: str = "") -> str:
    """A Placemark with code and grade in ExtendedData."""
    code, name, grade, x, y = row
    point = shape or f"<Point><coordinates>{x},{y},0</coordinates></Point>"
    data = "".join(
        f'<Data name="{key}"><value>{escape(str(value))}</value></Data>'
        for key, value in (("隐患点编号", code), ("等级", grade))
    )
    return (
        f"<Placemark><name>{escape(str(name))}</name><description><![CDATA[<b>说明</b>]]>"
        f"</description><ExtendedData>{data}</ExtendedData>{extra}{point}</Placemark>"
    )


ODF = b"application/vnd.oasis.opendocument."
