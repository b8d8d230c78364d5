"""KML and its kin, GPX, GeoPackage, GeoJSON and shapefiles."""

from typing import Any

import shapely

from mapsvc.coordinates import from_wgs84
from tests.corpus.case import Case, good, place, row, standard
from tests.corpus.write import (
    dumped,
    frame_of,
    geojson_of,
    gpkg_of,
    kml_of,
    placemark,
    shp_of,
    zip_of,
)

AREA = (
    "<Polygon><outerBoundaryIs><LinearRing><coordinates>110.05,30.05 110.06,30.05 110.06,30.06"
    "</coordinates></LinearRing></outerBoundaryIs></Polygon>"
)
LINE = "<LineString><coordinates>110.05,30.05,0\n110.06,30.06,0</coordinates></LineString>"


def cases() -> list[Case]:
    return [*_kml(), *_ov(), *_kmz(), *_gpx(), *_gpkg(), *_geojson(), *_shp()]


def _marks(count: int = 3) -> list[str]:
    return [placemark(row(i)) for i in range(1, count + 1)]


def _kml() -> list[Case]:
    marks = _marks()
    plain = kml_of(marks)
    simple = [
        f"<Placemark><name>青山{i}号滑坡</name><ExtendedData><SchemaData schemaUrl='#s'>"
        f"<SimpleData name='编号'>00{i}</SimpleData></SchemaData></ExtendedData>"
        f"<Point><coordinates>\n {place(i)[0]} , {place(i)[1]}\n</coordinates></Point></Placemark>"
        for i in range(1, 4)
    ]
    aliased = [m.replace("name='编号'", "name='F1'") for m in simple]
    titled = "<SimpleField name='F1'><displayName>编号</displayName></SimpleField>"
    schema = f"<Schema id='s'>{titled}</Schema>"
    multi = "<MultiGeometry><Point><coordinates>{},{}</coordinates></Point></MultiGeometry>"
    folders = "".join(f"<Folder><name>组{i}</name>{m}</Folder>" for i, m in enumerate(marks))
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    odd = [
        marks[0],
        placemark(row(2), AREA),
        placemark(row(3), LINE),
        placemark(row(4), " "),
        placemark(row(5), "<Point><coordinates>见图</coordinates></Point>"),
        placemark(row(6), multi.format(*place(6))),
        placemark(row(7), f"<MultiGeometry>{LINE}{AREA}</MultiGeometry>"),
    ]
    fates = {
        2: "not_a_point",
        3: "not_a_point",
        4: "coordinates_missing",
        5: "coordinates_missing",
        6: "new",
        7: "not_a_point",
    }
    graded = {i: {"risk_level": "重大"} for i in (1, 2, 3)}
    return [
        good("kml", plain.encode(), 1, values=graded),
        Case(
            "kml-auto",
            kml_of(marks, inner="").encode(),
            rows=dict.fromkeys((1, 2, 3), "crs_ambiguous"),
            crs="auto",
        ),
        good("kml-leading-newline", b"\n\n" + plain.encode(), 1),
        good("kml-bom", b"\xef\xbb\xbf" + plain.encode(), 1),
        good("kml-gbk-says-utf8", plain.encode("gbk"), 1),
        good("kml-utf16", plain.replace("UTF-8", "UTF-16").encode("utf-16"), 1),
        good("kml-root-folder", kml_of(marks, "Folder", "Folder").encode(), 1),
        good("kml-root-document", kml_of(marks, "Document", "").encode(), 1),
        good(
            "kml-no-namespace",
            plain.replace(' xmlns="http://www.opengis.net/kml/2.2"', "").encode(),
            1,
        ),
        good("kml-prefix", plain.replace("<Point>", "<gx:a/><Point>").encode(), 1),
        good(
            "kml-bare-and", plain.replace("说明", "说明").replace("隐患点<", "隐患&点<").encode(), 1
        ),
        good("kml-folders", kml_of([folders]).encode(), 1, also=frozenset({"column_unused"})),
        good("kml-schema-data", kml_of(simple).encode(), 1),
        good("kml-schema-names", kml_of([schema, *aliased]).encode(), 1),
        good(
            "kml-network-link", kml_of([*marks, link]).encode(), 1, also=frozenset({"network_link"})
        ),
        good("kml-odd-shapes", kml_of(odd).encode(), 1, count=1, rows=fates),
        good(
            "kml-swapped",
            kml_of([placemark(row(i, *reversed(place(i)))) for i in (1, 2, 3)]).encode(),
            1,
            also=frozenset({"axes_swapped"}),
        ),
        Case("kml-empty", kml_of([]).encode(), refused="no_rows"),
        Case("kml-cut", plain[:-200].encode(), refused="damaged_map"),
    ]


def _ov_mark(index: int, system: str, word: str) -> str:
    at = from_wgs84(*place(index), system)
    return placemark(row(index, *at), extra=f"<OvCoordType>{word}</OvCoordType>")


def _ov() -> list[Case]:
    def whole(system: str, word: str, **more: Any) -> Case:
        content = kml_of([_ov_mark(i, system, word) for i in (1, 2, 3)]).encode()
        return good(f"ovkml-{word}", content, 1, crs="auto", tolerance=0.1, **more)

    mixed = [
        _ov_mark(1, "wgs84", "WGS84"),
        _ov_mark(2, "gcj02", "GCJ02"),
        _ov_mark(3, "cgcs2000", "CGCS2000"),
    ]
    return [
        whole("wgs84", "WGS84"),
        whole("gcj02", "GCJ02"),
        whole("gcj02", "GCJ-02"),
        whole("cgcs2000", "CGCS2000"),
        good("ovkml-mixed", kml_of(mixed).encode(), 1, crs="auto", tolerance=0.1),
        good(
            "ovkmz-mixed", zip_of({"doc.kml": kml_of(mixed).encode()}), 1, crs="auto", tolerance=0.1
        ),
        good(
            "ovkml-unknown-system",
            kml_of([mixed[0], _ov_mark(2, "wgs84", "MARS")]).encode(),
            1,
            count=1,
            crs="auto",
            rows={2: "crs_of_row_unknown"},
        ),
        Case("ovobj", b"OVOB\x01\x02\x00\x00" + bytes(range(256)) * 8, refused="unknown_format"),
    ]


def _kmz() -> list[Case]:
    kml = kml_of(_marks()).encode()
    other = kml_of([placemark(row(4))]).encode()
    traversal = {"../../etc/passwd": b"x", "/abs/../doc.kml": kml}
    return [
        good("kmz", zip_of({"doc.kml": kml, "files/a.png": b"\x89PNG"}), 1),
        good("kmz-upper-case", zip_of({"DOC.KML": kml}), 1),
        good("kmz-traversal", zip_of(traversal), 1),
        good(
            "kmz-two", zip_of({"a.kml": kml, "b/乙.kml": other}), 1, sheet="a", rows={"乙!1": "new"}
        ),
        Case("kmz-empty", zip_of({"a.png": b"\x89PNG"}), refused="archive_without_table"),
    ]


def _gpx() -> list[Case]:
    points = "".join(
        f'<wpt lat="{place(i)[1]}" lon="{place(i)[0]}"><ele>3</ele><name>青山{i}号滑坡</name>'
        f"<extensions><code>00{i}</code></extensions></wpt>"
        for i in (1, 2, 3)
    )
    track = "<trk><name>路</name><trkseg><trkpt lat='30' lon='110'/></trkseg></trk>"
    head = '<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">'
    return [
        good("gpx", f"{head}{points}</gpx>".encode(), 1, crs="auto"),
        good("gpx-track", f"{head}{points}{track}</gpx>".encode(), 1, rows={4: "not_a_point"}),
        good(
            "gpx-bad-place",
            f"{head}{points}<wpt lat='x' lon='1'><name>坏</name></wpt></gpx>".encode(),
            1,
            rows={4: "coordinates_missing"},
        ),
    ]


def _in(crs: str) -> list[list[Any]]:
    rows = standard()
    return [rows[0], *(row(i, *from_wgs84(*place(i), crs)) for i in (1, 2, 3))]


def _gpkg() -> list[Case]:
    ring = shapely.box(110.05, 30.05, 110.06, 30.06)
    shapes = [shapely.Point(place(1)), ring, None]
    odd = frame_of(standard(), 4326, shapes)
    return [
        good("gpkg-4326", gpkg_of(frame_of(standard(), 4326)), 1, sheet="隐患点", crs="auto"),
        good("gpkg-4490", gpkg_of(frame_of(standard(), 4490)), 1, sheet="隐患点", crs="auto"),
        good(
            "gpkg-gk",
            gpkg_of(frame_of(_in("EPSG:4546"), 4546)),
            1,
            sheet="隐患点",
            crs="auto",
            tolerance=0.05,
        ),
        good(
            "gpkg-odd-shapes",
            gpkg_of(odd),
            1,
            count=1,
            sheet="隐患点",
            rows={"隐患点!2": "not_a_point", "隐患点!3": "coordinates_missing"},
        ),
        Case("gpkg-cut", gpkg_of(frame_of(standard(), 4326))[:5000], refused="damaged_map"),
        Case("sqlite-of-others", b"SQLite format 3\x00" + bytes(2000), refused="damaged_map"),
    ]


def _geojson() -> list[Case]:
    rows = standard()
    plain = geojson_of(rows)
    odd = geojson_of(standard(5))
    features = odd["features"]
    features[1]["geometry"] = None
    features[2]["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[110, 30], [110, 31], [111, 30]]],
    }
    features[3]["geometry"]["coordinates"] = ["a", "b"]
    features[4]["geometry"]["coordinates"] = []
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    crs84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    link = {"type": "link", "properties": {"href": "http://127.0.0.1:9/crs", "type": "proj4"}}
    strange = {"type": "name", "properties": {"name": "EPSG:999999"}}
    high = geojson_of([rows[0], *([*r, 12.5] for r in [])])
    for feature in geojson_of(rows)["features"]:
        feature["geometry"]["coordinates"].append(35.5)
        high["features"].append(feature)
    return [
        good("geojson", dumped(plain), 1, crs="auto", also=frozenset({"crs_assumed"})),
        good("geojson-crs84", dumped(plain | {"crs": crs84}), 1, crs="auto"),
        Case(
            "geojson-crs-link-auto",
            dumped(plain | {"crs": link}),
            rows=dict.fromkeys((1, 2, 3), "crs_unknown"),
            crs="auto",
        ),
        good("geojson-bom", b"\xef\xbb\xbf" + dumped(plain), 1),
        good("geojson-gbk", dumped(plain).decode().encode("gbk"), 1),
        good("geojson-utf16", dumped(plain).decode().encode("utf-16"), 1),
        good("geojson-height", dumped(high), 1),
        good("geojson-one-feature", dumped(plain["features"][0]), 1, count=1),
        good("geojson-crs-4490", dumped(plain | {"crs": named}), 1, crs="auto"),
        good("geojson-crs-link", dumped(plain | {"crs": link}), 1),
        good("geojson-crs-strange", dumped(plain | {"crs": strange}), 1),
        Case(
            "geojson-crs-strange-auto",
            dumped(plain | {"crs": strange}),
            rows=dict.fromkeys((1, 2, 3), "crs_unknown"),
            crs="auto",
        ),
        good(
            "geojson-odd-shapes",
            dumped(odd),
            1,
            count=1,
            rows={
                2: "coordinates_missing",
                3: "not_a_point",
                4: "coordinates_missing",
                5: "coordinates_missing",
            },
        ),
        good(
            "geojson-half-a-character",
            dumped(geojson_of(standard(4))).replace("青山4".encode(), rb"\ud83d\ud83d\ude00"),
            1,
            rows={4: "garbled"},
        ),
        Case("geojson-topojson", b'{"type":"Topology","objects":{}}', refused="not_geojson"),
        Case("geojson-cut", dumped(plain)[:-20], refused="not_geojson"),
        Case("geojson-nan", dumped(plain).replace(b"110.05", b"NaN", 1), refused="not_geojson"),
    ]


def _shp() -> list[Case]:
    frame = frame_of(standard(), 4490)
    return [
        good("shp-gbk", shp_of(frame), 1, sheet="a", crs="auto"),
        good("shp-utf8", shp_of(frame, "UTF-8"), 1, sheet="a", crs="auto"),
        good("shp-no-cpg", shp_of(frame, drop=[".cpg"]), 1, sheet="a", crs="auto"),
        good("shp-no-prj", shp_of(frame, drop=[".prj"]), 1, sheet="a"),
        Case(
            "shp-no-prj-auto",
            shp_of(frame, drop=[".prj"]),
            rows=dict.fromkeys((1, 2, 3), "crs_ambiguous"),
            crs="auto",
        ),
        good("shp-folder", shp_of(frame, prefix="数据/"), 1, sheet="a"),
        good("shp-traversal", shp_of(frame, prefix="../../x/"), 1, sheet="a"),
        good(
            "shp-gk",
            shp_of(frame_of(_in("EPSG:4525"), 4525)),
            1,
            sheet="a",
            crs="auto",
            tolerance=0.05,
        ),
        Case("shp-no-dbf", shp_of(frame, drop=[".dbf"]), refused="shapefile_incomplete"),
        Case("shp-no-shx", shp_of(frame, drop=[".shx"]), refused="shapefile_incomplete"),
    ]
