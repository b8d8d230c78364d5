"""Cells whose digits or letters say one thing and whose surroundings another."""

import io
import zipfile

from tests.corpus.case import HEAD, Case, good, place, row, standard
from tests.corpus.write import (
    csv_of,
    dumped,
    frame_of,
    geojson_of,
    html_of,
    kml_of,
    placemark,
    shp_of,
    xlsx_of,
    zip_of,
)


def cases() -> list[Case]:
    return [*_units(), *_phones(), *_lost(), *_maps()]


def _units() -> list[Case]:
    money = [["隐患点台账"], ["（金额单位：元）"], [*HEAD, "威胁财产", "威胁人口"]]
    money += [[*row(1), 200000, "1.2万"], [*row(2), "20万", "3百人"], [*row(3), 5, "12①"]]
    below = [[*HEAD, "威胁人口"], [None, None, None, "度", "度", "千人"], [*row(1), 2]]
    dollars = [[*HEAD, "威胁财产（万美元）"], [*row(1), 2]]
    area = [["储备库名称", "经度", "纬度", "库房面积（万㎡）"], ["镇仓库", *row(1)[3:], 2]]
    return [
        Case("mean-unit-in-title", xlsx_of(money), rows={4: "new", 5: "new", 6: "not_a_number"},
             values={4: {"threatened_property": 20, "threatened_people": 12000},
                     5: {"threatened_property": 20, "threatened_people": 300}}),
        Case("mean-unit-below", xlsx_of(below), rows={3: "new"},
             values={3: {"threatened_people": 2000}}),
        Case("mean-unit-foreign", xlsx_of(dollars), rows={2: "unit_unknown"}),
        Case("mean-unit-multiple", xlsx_of(area), layer="depots", rows={2: "new"},
             values={2: {"area": 20000}}),
    ]  # fmt: skip


def _phones() -> list[Case]:
    pairs = ["责任人", "联系电话", "监测责任人", "联系电话", "填报人", "电话"]
    told = ("张三", "13800138000", "李四", "13900139000", "王五", "13700137000")
    alone = [[*HEAD, "填报人", "联系电话"], [*row(1), "王五", "13700137000"]]
    stored = {"responsible_phone": "13800138000", "monitor_phone": "13900139000"}
    return [
        Case("mean-phone-behind-person", xlsx_of([[*HEAD, *pairs], [*row(1), *told]]),
             rows={2: "new"}, values={2: stored}, also=frozenset({"column_unused"})),
        Case("mean-phone-of-reporter", xlsx_of(alone), rows={2: "new"},
             values={2: {"responsible_phone": None}}, also=frozenset({"column_unused"})),
    ]  # fmt: skip


def _lost() -> list[Case]:
    filler = [[f"a{i}", f"西坪{i}组", "红", 110.01, 30.01 + 0.0001 * i] for i in range(250)]
    late = [*filler, ["b1", "闈掑北婊戝潯", *row(1)[2:]], ["b2", "ÇàÉ½å—åª", *row(2)[2:]]]
    names = ["青山??滑坡", "黄?村滑坡", "青山滑坡"]
    cut = [[f"c{i}", name, *row(i)[2:]] for i, name in enumerate(names)]
    fates = {i + 2: "new" for i in range(250)} | dict.fromkeys((252, 253, 254, 255), "garbled")
    return [Case("mean-mojibake-late", csv_of([HEAD, *late, *cut]), rows=fates | {256: "new"})]


def _maps() -> list[Case]:
    x, y = place(1)
    two = placemark(row(1), f"<Point><coordinates>{x},{y} {x},{y + 0.1}</coordinates></Point>")
    archive = {"doc.kml": kml_of([placemark(row(1))]).encode(), "台账.xlsx": b"PK"}
    apart = geojson_of([[*HEAD[:3], "经度", "纬度", "x", "y"], [*row(1), x + 0.01, y]])
    with zipfile.ZipFile(io.BytesIO(shp_of(frame_of(standard(), 4490)))) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    short = parts["a.dbf"][:4] + (2).to_bytes(4, "little") + parts["a.dbf"][8:]
    field = html_of(standard()).replace("<td>002</td>", "<td><input value='002'></td>")
    spaced = "\n".join(",".join(f' "{cell}"' for cell in line) for line in standard())
    return [
        Case("map-point-twice", kml_of([two]).encode(), rows={1: "not_a_point"}),
        good("map-with-a-workbook", zip_of(archive), 1, 1, also=frozenset({"archive_rest"})),
        Case("map-columns-elsewhere", dumped(apart), rows={1: "new"}, places={1: (x + 0.01, y)},
             also=frozenset({"geometry_used"})),
        Case("shp-parts-differ", zip_of(parts | {"a.dbf": short}),
             refused="shapefile_parts_differ"),
        good("html-fields", field.encode()),
        good("csv-spaces-before-quotes", spaced.encode()),
    ]  # fmt: skip
