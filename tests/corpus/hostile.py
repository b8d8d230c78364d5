"""Files that mean harm, and files that are no table at all."""

import io
import struct
import zipfile

from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.sheets import SHEET
from tests.corpus.write import (
    csv_of,
    dumped,
    geojson_of,
    html_of,
    kml_of,
    patched,
    placemark,
    xlsx_of,
    zip_of,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "aaaaaaaaaa">'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
NAMES = [
    "{{7*7}}",
    "<img src=x onerror=alert(1)>",
    "=cmd|'/C calc'!A0",
    "@SUM(A1)",
    "+1+1",
    "${jndi:ldap://127.0.0.1/a}",
    "'; drop table feature; --",
    "%s%n\\N\\.",
    "</script><script>alert(1)</script>",
    "../../etc/passwd",
]


def cases() -> list[Case]:
    return [*_bombs(), *_lures(), *_texts(), *_foreign()]


def _zeros(name: str, size: int, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in members.items():
            archive.writestr(other.replace("__", "/").replace("_xml", ".xml"), content)
        with archive.open(name, "w") as entry:
            for _ in range(size >> 20):
                entry.write(bytes(1 << 20))
    return out.getvalue()


def _overlapping(name: str, size: int) -> bytes:
    """Many names for the same bytes."""
    whole = _zeros(name, size)
    at = whole.index(b"PK\x01\x02")
    end = whole.rindex(b"PK\x05\x06")
    entries = whole[at:end] * 30
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 30, 30, len(entries), at, 0)
    return whole[:at] + entries + tail


def _bombs() -> list[Case]:
    deep = "<Folder>" * 5000 + "</Folder>" * 5000
    big = zip_of({"doc.kml": kml_of([placemark(row(1))]).encode()})
    quine = zip_of({"a.zip": zip_of({"b.zip": big})})
    rows = standard()
    entity = patched(
        xlsx_of(rows), SHEET, lambda x: BOMB.encode() + x.replace("青山1号".encode(), b"&c;")
    )
    return [
        Case("bomb-kmz", _zeros("doc.kml", 400 << 20), refused="too_big_inside"),
        Case("bomb-shp", _zeros("a.shp", 700 << 20), refused="too_big_inside"),
        Case("bomb-overlapping", _overlapping("a.kml", 100 << 20), refused="too_many_entries"),
        Case("bomb-nested-zip", quine, refused="archive_without_table"),
        Case(
            "bomb-kml-entities",
            (BOMB + "<kml><name>&c;</name></kml>").encode(),
            refused="xml_entities",
        ),
        Case(
            "lure-kml-external",
            b'<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml><name>&x;</name></kml>',
            refused="xml_entities",
        ),
        Case("bomb-xlsx-entities", entity, refused="damaged"),
        Case("bomb-deep-kml", kml_of([deep]).encode(), refused="damaged_map"),
        Case(
            "bomb-deep-json",
            b'{"type":"FeatureCollection","features":' + b"[" * 100_000,
            refused="not_geojson",
        ),
        Case(
            "bomb-colspan",
            b"<table><tr><td colspan=999999999>x<td colspan=9999>",
            refused="no_heading",
        ),
        good(
            "bomb-rowspan",
            html_of(rows)
            .replace("<td>红", "<td rowspan=99999999>红", 1)
            .replace("<td>红</td>", "")
            .encode(),
            values={2: {"risk_level": "重大"}},
        ),
        Case(
            "bomb-entries",
            zip_of({f"{i}.txt": b"" for i in range(6000)}),
            refused="too_many_entries",
        ),
        Case(
            "bomb-columns-csv",
            csv_of([[*HEAD, *["列"] * 10_000], row(1)]),
            refused="too_many_columns",
        ),
        good("bomb-wide-blank-csv", csv_of([[*HEAD, *[""] * 5000], row(1)]), count=1),
    ]


def _lures() -> list[Case]:
    source = b"<OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
    vrt = b"<OGRVRTDataSource>" + source + b"</OGRVRTDataSource>"
    wfs = b"<OGRWFSDataSource><URL>http://127.0.0.1:9/wfs</URL></OGRWFSDataSource>"
    gdalg = b'{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read /etc/passwd"}'
    include = kml_of([placemark(row(1)), "<xi:include href='file:///etc/passwd'/>"]).encode()
    overlay = "<GroundOverlay><Icon><href>http://127.0.0.1:9/a.png</href></Icon></GroundOverlay>"
    return [
        Case("lure-vrt", vrt, refused="xml_file"),
        Case("lure-wfs", wfs, refused="xml_file"),
        Case("lure-gdalg", gdalg, refused="not_geojson"),
        Case("lure-vrt-in-zip", zip_of({"a.vrt": vrt}), refused="archive_without_table"),
        Case("lure-vsi", b"/vsicurl/http://127.0.0.1:9/a.csv\n", refused="no_heading"),
        Case("lure-wfs-address", b"WFS:http://127.0.0.1:9/wfs", refused="no_heading"),
        Case("lure-postgres", b"PG:host=127.0.0.1 dbname=mapsvc", refused="no_heading"),
        good("lure-xinclude", include, 1, count=1),
        good("lure-overlay", kml_of([placemark(row(1)), overlay]).encode(), 1, count=1),
        good(
            "lure-geojson-extra",
            dumped(geojson_of(standard(), links=[{"href": "file:///etc/passwd"}], bbox=["x"])),
            1,
        ),
    ]


def _texts() -> list[Case]:
    rows = [[f"{i}", name, "红", *place(i)] for i, name in enumerate(NAMES, 1)]
    fates = dict.fromkeys(range(2, len(NAMES) + 2), "new")
    stored = {i: {"name": name} for i, name in enumerate(NAMES, 2)}
    marks = [placemark([f"{i}", name, "红", *place(i)]) for i, name in enumerate(NAMES, 1)]
    dirty = csv_of([HEAD, ["0\u200b01", "青\u202e山\x071号\ufeff滑坡\u2066", *row(1)[2:]]])
    nul = csv_of([HEAD, ["001", "青山\x001号滑坡", *row(1)[2:]]])
    long = csv_of(
        [HEAD, row(1), ["002", "长" * 101, "红", *place(2)], ["3" * 65, "乙", "红", *place(3)]]
    )
    return [
        Case("text-csv", csv_of([HEAD, *rows]), rows=fates, values=stored),
        Case(
            "text-kml",
            kml_of(marks).encode(),
            rows={i - 1: "new" for i in fates},
            values={i - 1: v for i, v in stored.items()},
        ),
        Case("text-html", html_of([HEAD, *rows]).encode(), rows=fates, values=stored),
        Case(
            "text-geojson",
            dumped(geojson_of([HEAD, *rows])),
            rows={i - 1: "new" for i in fates},
            values={i - 1: v for i, v in stored.items()},
        ),
        good("text-invisible", dirty, count=1),
        good("text-nul", nul, count=1),
        good("text-long", long, count=1, rows={3: "too_long", 4: "too_long"}),
    ]


def _foreign() -> list[Case]:
    book = xlsx_of(standard())
    return [
        Case("empty", b"", refused="empty_file"),
        Case("blank", b" \r\n\t\n", refused="empty_file"),
        Case(
            "password-xlsx",
            OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600),
            refused="password",
        ),
        Case("doc", OLE + "WordDocument".encode("utf-16-le") + bytes(600), refused="not_a_table"),
        Case("docx", zip_of({"word/document.xml": b"<w/>"}), refused="not_a_table"),
        Case("xls-damaged", OLE + "Workbook".encode("utf-16-le") + bytes(600), refused="damaged"),
        Case("xls-biff4", b"\x09\x04\x06\x00" + bytes(60), refused="old_workbook"),
        Case("rar", b"Rar!\x1a\x07\x00" + bytes(60), refused="rar_archive"),
        Case("7z", b"7z\xbc\xaf\x27\x1c" + bytes(60), refused="rar_archive"),
        Case("gzip", b"\x1f\x8b\x08" + bytes(60), refused="rar_archive"),
        Case("pdf", b"%PDF-1.7\n1 0 obj", refused="pdf_file"),
        Case("png", b"\x89PNG\r\n\x1a\n" + bytes(60), refused="picture_file"),
        Case("jpeg", b"\xff\xd8\xff\xe0" + bytes(60), refused="picture_file"),
        Case("tiff", b"II*\x00" + bytes(60), refused="picture_file"),
        Case(
            "random",
            bytes((i * i * 7 + i * 13 + i // 256) % 251 for i in range(4000)),
            refused="unknown_format",
        ),
        Case("xlsx-cut", book[: len(book) * 2 // 3], refused="damaged"),
        Case("xml-of-others", b"<?xml version='1.0'?><Workbook/>", refused="xml_file"),
        Case("zip-encrypted", _locked(zip_of({"doc.kml": b"x"})), refused="password"),
        good("xlsx-named-csv", book + b"", 2),
    ]


def _locked(archive: bytes) -> bytes:
    """Marked as encrypted in both headers."""
    data = bytearray(archive)
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)
