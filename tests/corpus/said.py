"""Systems that words beside a table name, coordinates as they were typed, and parts left out."""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyproj import CRS

from mapsvc.coordinates import from_wgs84
from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.positions import dms
from tests.corpus.write import (
    csv_of,
    dumped,
    frame_of,
    geojson_of,
    gpkg_of,
    kml_of,
    placemark,
    shp_of,
    xlsx_of,
)


def cases() -> list[Case]:
    return [*_beside(), *_contradicted(), *_typed(), *_sixties(), *_vague(), *_regions(), *_parts()]


_HEADINGS = (
    ("gcjLng", "gcjLat", "gcj02"),
    ("bd_lon", "bd_lat", "bd09"),
    ("百度坐标X", "百度坐标Y", "bd09"),
    ("amap_lng", "amap_lat", "gcj02"),
    ("WGS84_X", "WGS84_Y", "wgs84"),
    ("经度（大地2000）", "纬度（大地2000）", "wgs84"),
)


def _in(crs: str, count: int = 5) -> list[list[Any]]:
    return [row(i, *from_wgs84(*place(i), crs)) for i in range(1, count + 1)]


def _beside() -> list[Case]:
    """People write where they read their coordinates, somewhere on the sheet."""
    maps: dict[str, Any] = {"count": 5, "crs": "auto", "tolerance": 0.1}
    two = {"高德坐标": [HEAD, *_in("gcj02")[:2]], "百度坐标": [HEAD, *_in("bd09")[2:4]]}
    kml = [placemark(r) for r in _in("gcj02", 3)]
    named = kml_of(kml).replace("<name>隐患点</name>", "<name>隐患点（高德坐标）</name>", 1)
    village = [["高德镇隐患点坐标台账"], HEAD, *_in("wgs84", 2)]
    height = [[*HEAD[:3], "坐标"], [*row(1)[:3], f"{place(1)[0]},{place(1)[1]},88.5"]]
    height += [[*row(2)[:3], "110,21,15"]]
    part = [[*HEAD, "坐标系"], [*_in("gcj02")[0], "gcj02ll"], [*row(2), ""],
            [*row(3), "WGS-84（GPS）"], [*row(4), "WGS84/高德"]]  # fmt: skip
    source = [[*HEAD, "坐标来源"], [*_in("gcj02", 1)[0], "高德地图"], [*row(2), "现场测量"]]
    return [
        Case("said-source-of-row", csv_of(source), rows={2: "crs_of_row_differs", 3: "new"}),
        Case("said-with-height", csv_of(height), rows={2: "new", 3: "coordinates_comma"},
             places={2: place(1)}),
        good("said-title", xlsx_of([["台账（坐标系：GCJ-02）"], HEAD, *_in("gcj02")]), 3, **maps),
        good("said-source", xlsx_of([["坐标来源：高德地图"], HEAD, *_in("gcj02")]), 3, **maps),
        good("said-sheet", xlsx_of({"隐患点(百度坐标)": [HEAD, *_in("bd09")]}), **maps),
        good("said-foot", xlsx_of([HEAD, *_in("bd09"), ["注：坐标采用百度坐标系。"]]),
             rows={7: "footer_row"}, **maps),
        *(good(f"said-{n}", csv_of([[*HEAD[:3], x, y], *_in(crs)]), **maps)
          for n, (x, y, crs) in enumerate(_HEADINGS)),
        Case("said-in-part", csv_of(part), crs="auto", places={2: place(1), 4: place(3)},
             tolerance=0.1, rows={2: "new", 3: "row_crs_ambiguous", 4: "new",
                                  5: "crs_of_row_unknown"}),
        good("said-name-高德坐标", csv_of([HEAD, *_in("gcj02")]), **maps),
        good("said-in-geojson", dumped(geojson_of([HEAD, *_in("gcj02")], name="百度坐标")
             | geojson_of([HEAD, *_in("bd09")])), 1, sheet="百度坐标", **maps),
        good("said-folder", named.encode(), 1, crs="auto", tolerance=0.1),
        Case("said-sheet-by-sheet", xlsx_of(two), crs="auto", tolerance=0.1,
             rows={f"{s}!{n}": "new" for s in two for n in (2, 3)},
             places={f"{s}!{n}": place(i) for i, (s, n) in
                     enumerate(((s, n) for s in two for n in (2, 3)), 1)}),
        Case("said-name-of-a-town", xlsx_of(village), crs="auto",
             rows=dict.fromkeys((3, 4), "crs_ambiguous")),
    ]  # fmt: skip


def _contradicted() -> list[Case]:
    metres = [*HEAD[:3], "X坐标", "Y坐标"]
    old = xlsx_of([["1980西安坐标系，3度带"], metres, *_in("EPSG:4546", 3)])
    beside = [[*r, m[4] + 900 * (i == 4), m[3]] for i, (r, m) in
              enumerate(zip(standard(5)[1:], _in("EPSG:4546"), strict=True))]  # fmt: skip
    heading = [*HEAD[:3], "经度（GCJ02）", "纬度（GCJ02）"]
    both = xlsx_of([["坐标系：WGS84"], heading, *_in("gcj02", 3)])
    away = geojson_of([HEAD, *_in("EPSG:4546", 6)])
    away["crs"] = {"type": "name", "properties": {"name": "EPSG:4547"}}
    mercator = csv_of([metres, *_in("EPSG:3857", 6)])
    prefixed = [r if i % 2 else _in("EPSG:4525", 6)[i] for i, r in enumerate(_in("EPSG:4546", 6))]
    strayed = [*_in("EPSG:4546", 5), *_in("EPSG:4547", 6)[5:]]
    return [
        good("said-metres-apart", csv_of([[*HEAD, "X坐标", "Y坐标"], *beside]), count=4,
             rows={6: "two_places"}),
        Case("said-old-datum", old, crs="auto", rows=dict.fromkeys((3, 4, 5), "crs_old")),
        good("said-utm", xlsx_of([["WGS 1984 UTM Zone 49N"], metres, *_in("EPSG:32649", 3)]), 3,
             crs="auto", tolerance=0.05),
        Case("said-utm-of-no-zone", xlsx_of([["坐标系：UTM"], metres, *_in("EPSG:32649", 3)]),
             crs="auto", rows=dict.fromkeys((3, 4, 5), "crs_unknown")),
        Case("said-two-systems", both, crs="auto",
             rows=dict.fromkeys((3, 4, 5), "crs_ambiguous")),
        good("said-against-choice", xlsx_of([["坐标来源：高德地图"], *standard()]), 3,
             also=frozenset({"crs_words_differ"})),
        good("said-old-against-choice", old, 3, crs="EPSG:4546", tolerance=0.05,
             also=frozenset({"crs_words_differ"})),
        good("said-wrong-zone", dumped(away), 1, 6, crs="auto", tolerance=0.05,
             also=frozenset({"crs_of_file_differs"})),
        Case("said-mercator", mercator, crs="auto",
             rows=dict.fromkeys(range(2, 8), "crs_ambiguous")),
        good("said-mercator-of-tiles", csv_of([metres, *_in("gcj02mercator", 3)]), crs="gcj02",
             tolerance=0.1),
        good("said-metres-under-degrees", shp_of(frame_of([HEAD, *_in("EPSG:4546", 3)], 4546),
             prj=CRS.from_epsg(4490).to_wkt("WKT1_ESRI")), 1, sheet="a", crs="auto",
             tolerance=0.05, also=frozenset({"crs_of_file_form"})),
        Case("said-not-in-system", csv_of([metres, *prefixed]), crs="EPSG:4525",
             rows={i + 2: "new" if i % 2 == 0 else "not_in_system" for i in range(6)}),
        good("said-with-and-without-prefix", csv_of([metres, *prefixed]), count=6, crs="auto",
             tolerance=0.05),
        good("said-one-of-another-zone", csv_of([metres, *strayed]), count=5, crs="auto",
             rows={7: "outside_county"}, tolerance=0.05),
        good("said-one-row-in-metres", csv_of([metres, *_in("EPSG:4546", 1)]), count=1, crs="auto"),
    ]  # fmt: skip


def _typed() -> list[Case]:
    x, y = place(1)
    east, north = from_wgs84(x, y, "EPSG:4546")
    ways: list[tuple[Callable[[float], str], float]] = [
        (lambda v: dms(v, "。′″"), 0.5),
        (lambda v: dms(v, "o'\""), 0.5),
        (lambda v: f"{v}，", 0.02),
        (lambda v: f"{v}{'东' if v > 90 else '北'}", 0.02),
    ]
    found = [
        good(f"typed-{n}", csv_of([HEAD, row(1, write(x), write(y))]), count=1, tolerance=near)
        for n, (write, near) in enumerate(ways)
    ]
    metres = [row(1, f"{north:.3f}m", f"X={east:.3f}米")]
    one = [[*HEAD[:3], "坐标"], [*row(1)[:3], f"X:{x} Y:{y}"]]
    return [
        *found,
        good("typed-metres", csv_of([HEAD, *metres]), count=1, crs="EPSG:4546", tolerance=0.05),
        good("typed-x-and-y", csv_of(one), count=1),
        Case("typed-degrees-in-metres", csv_of([HEAD, row(1, f"{x}米", f"{y}米")]),
             rows={2: "coordinates_unreadable"}),
    ]  # fmt: skip


def _sixties() -> list[Case]:
    def packed(value: float) -> str:
        degrees, rest = dms(value, ".  ", 2).split(".", 1)
        return f"{degrees}.{rest.replace(' ', '').replace('.', '')}"

    rows = [row(i, packed(place(i)[0]), packed(place(i)[1])) for i in range(1, 5)]
    broken = [*rows, row(5, "110.7512", "30.0512")]
    head = [*HEAD[:3], "经度（度.分秒）", "纬度（度.分秒）"]
    loose = [*HEAD[:3], "经度（度分秒）", "纬度（度分秒）"]
    return [
        good("sixties-said", csv_of([head, *broken]), count=4, tolerance=0.5,
             rows={6: "coordinates_seconds_over_59"}),
        good("sixties-said-below", csv_of([HEAD, [None] * 3 + ["度.分秒"] * 2, *rows]), 3, 4,
             tolerance=0.5),
        good("sixties-said-loosely", csv_of([loose, *rows]), count=4, tolerance=0.5),
        good("sixties-decimal-after-all", csv_of([loose, *standard(5)[1:]]), count=5),
        Case("sixties-unsaid", csv_of([HEAD, *rows]), rows=dict.fromkeys(range(2, 6), "new"),
             also=frozenset({"coordinates_doubt"})),
    ]  # fmt: skip


def _vague() -> list[Case]:
    same = [row(i, 110.123456, 30.123456) for i in range(1, 4)]
    return [
        Case("vague-one-place", csv_of([HEAD, *same]), rows=dict.fromkeys((2, 3, 4), "new"),
             also=frozenset({"place_shared"})),
        Case("vague-two-decimals", csv_of([HEAD, row(1, 110.12, 30.1)]), rows={2: "new"},
             also=frozenset({"place_rough"})),
        Case("vague-minutes", csv_of([HEAD, row(1, "110°5′", "30°7′")]), rows={2: "new"},
             also=frozenset({"place_rough"})),
    ]  # fmt: skip


def _regions() -> list[Case]:
    towns = {"西山镇": [HEAD, row(1), row(2, 110.25123, 30.05123)], "说明": [["填报说明"]]}
    codes = [[*HEAD, "所属乡镇"], [*row(1), "990101001"], [*row(2), "990101002"]]
    return [
        Case("region-sheet-called-so", xlsx_of(towns), also=frozenset({"sheet_of_other_region"}),
             rows={"西山镇!2": "new", "西山镇!3": "new"}),
        Case("region-code-for-name", csv_of(codes), region="990101001",
             rows={2: "new", 3: "other_region_named"}),
    ]  # fmt: skip


def _parts() -> list[Case]:
    lines = [json.dumps(f, ensure_ascii=False) for f in geojson_of(standard())["features"]]
    blank = geojson_of([[*HEAD, "x", "y"], *([*r, *r[-2:]] for r in standard()[1:])])
    for feature in blank["features"]:
        feature["geometry"] = None
    overlay = "<GroundOverlay><name>底图</name></GroundOverlay>"
    extended = (
        "<ExtendedData><x:等级 xmlns:x='u'>红</x:等级><SchemaData><SimpleArrayData name='威胁人口'>"
        "<value>3</value></SimpleArrayData></SchemaData></ExtendedData>"
    )
    own = placemark(row(1)).replace("<ExtendedData>", extended + "<ExtendedData>")
    people = frame_of(standard(), 4490)
    people.insert(3, "威胁人口", [1, 2, 3])
    return [
        good("lines-of-geojson", "\n".join(lines).encode(), 1),
        good("lines-of-geojson-marked", "".join(f"\x1e{t}\n" for t in lines).encode(), 1),
        good("geojson-place-in-properties", dumped(blank), 1),
        good("kml-overlay", kml_of([*(placemark(r) for r in standard()[1:]), overlay]).encode(), 1,
             also=frozenset({"overlay_left"})),
        good("kml-others-elements", kml_of([own]).encode(), 1, 1,
             values={1: {"risk_level": "重大", "threatened_people": 3}}),
        good("shp-name-cut", shp_of(people, "UTF-8"), 1, sheet="a",
             values={f"a!{i}": {"threatened_people": i} for i in (1, 2, 3)}),
        good("gpkg-endless-view", _with_view(gpkg_of(frame_of(standard(), 4490))), 1,
             sheet="隐患点", also=frozenset({"view_left"})),
    ]  # fmt: skip


def _with_view(content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        path.write_bytes(content)
        db = sqlite3.connect(path)
        db.executescript("""
            create view v as with recursive r(x) as (select 1 union all select x + 1 from r)
              select x as fid, x as 名称, null as geom from r;
            insert into gpkg_geometry_columns values ('v', 'geom', 'POINT', 4490, 0, 0);
        """)
        db.execute(
            "insert into gpkg_contents (table_name, data_type, identifier, srs_id)"
            " values ('v', 'features', 'v', 4490)"
        )
        db.commit()
        db.close()
        return path.read_bytes()
