"""Every reason that a file, a column or a row can be given: code → Chinese, with the remedy.

The one source for the page, the API, the reports and the user guide. A text names the value and
says what to write instead; sheet, row and column stand beside it.
"""

# A sentence stays on its line, however wide its characters are.
# ruff: noqa: E501

from typing import Any, Literal

from msgspec import Struct

from mapsvc.coordinates.text import MESSAGES as COORDINATES

Severity = Literal["error", "warning", "note"]


class Problem(Struct):
    """One thing wrong: `row` as the person sees it, `column` as their file calls it.

    An `error` refuses its row (or, without a row, all rows); a `warning` asks to look; a `note`
    only says what was done.
    """

    sheet: str
    row: int | None
    column: str | None
    field: str | None
    code: str
    message: str
    value: str | None = None
    severity: Severity = "error"
    seq: int = -1
    """Position of the row in the change set; -1 for the whole file."""


SAVE_AS_XLSX = "请用 Excel 或 WPS 打开它，选择“另存为”→“Excel 工作簿（.xlsx）”，再上传新文件。"

FILE: dict[str, str] = {
    "empty_file": "文件是空的。请打开原文件确认有内容，保存后再上传。",
    "damaged": "文件已损坏或没有传完整。" + SAVE_AS_XLSX,
    "damaged_map": "文件已损坏或没有传完整。请在原软件（奥维、QGIS、ArcGIS 等）中重新导出，再上传新文件。",
    "password": "文件加了密码。请用 Excel 或 WPS 打开，取消打开密码后另存为 .xlsx 再上传。",
    "old_workbook": "这是很早期的 Excel 格式。" + SAVE_AS_XLSX,
    "rar_archive": "这是压缩包（rar、7z、gz 等）。请解压，把里面的表格直接上传；Shapefile 请打成 zip。",
    "pdf_file": "这是 PDF 文件，无法可靠地读出表格。请上传它的 Excel 原表。",
    "gpkg_without_features": "GeoPackage 里没有矢量图层。请在 QGIS 中导出要上传的图层再上传。",
    "xml_entities": "文件里有 XML 实体定义，为安全起见没有读取。请用奥维、QGIS 等软件打开后重新导出再上传。",
    "html_frames": "这是分成几个文件保存的网页，表格不在这个文件里。" + SAVE_AS_XLSX,
    "picture_file": "这是图片，无法读出数据。请上传 Excel、CSV 或 GeoJSON 文件。",
    "html_nested": "网页里的表格一层套一层，分不清哪一层是数据。请用 Excel 或 WPS 打开它，只留下数据表，"
    "选择“另存为”→“Excel 工作簿（.xlsx）”，再上传新文件。",
    "html_table": "这是网页，里面没有表格。" + SAVE_AS_XLSX,
    "xml_file": "这是 XML 文件。" + SAVE_AS_XLSX,
    "not_a_table": "这是{kind}，不是表格文件。请把里面的表格复制到 Excel 或 WPS 表格，另存为 .xlsx 再上传。",
    "other_workbook": "这是 {kind} 格式的表格，编号前的零、合并的单元格等读不完整。" + SAVE_AS_XLSX,
    "numbers_file": "这是苹果 Numbers 等 iWork 文件。请在 Numbers 中选择“文件”→“导出为”→“Excel…”，再上传导出的 .xlsx。",
    "database_file": "这是 Access 数据库。请用 Access 打开它，把表导出为 Excel 工作簿（.xlsx）再上传。",
    "drawing_file": "这是 CAD 或 MapInfo 的图形文件。请在原软件中导出为 Shapefile（打成一个 zip）、KML 或 GeoJSON 再上传。",
    "dbf_alone": "这是单独的 .dbf，只有属性、没有图形。请把同名的 .shp、.shx、.dbf、.prj 一起打成一个 zip 上传；"
    "如果只要里面的表，请用 Excel 或 WPS 打开它，另存为 .xlsx 再上传。",
    "shp_alone": "这是 Shapefile 的一个部分。请把同名的 .shp、.shx、.dbf、.prj 一起打成一个 zip 上传。",
    "shapefile_parts_differ": "Shapefile 的图形有 {shapes} 个，属性却有 {records} 行，可能没有传完整或混进了别的文件。"
    "请在 GIS 软件中重新导出，再打成一个 zip 上传。",
    "archive_without_table": "压缩包里没有 .shp 或 .kml 文件。表格请解压后直接上传；Shapefile 请打包完整再上传。",
    "unknown_format": "认不出文件的格式。表格请另存为 .xlsx；奥维的 .ovobj 请在奥维中导出为 ovkml 或 KML；其他图形请导出为 GeoJSON 再上传。",
    "encoding_unknown": "文字编码无法识别，为避免乱码没有读取。" + SAVE_AS_XLSX,
    "mojibake": "文件里的文字已经是乱码（如“锟斤拷”），无法复原。请从原始表格重新导出。",
    "csv_quotes": "第 {row} 行附近的引号没有成对，后面的行会被并成一格。" + SAVE_AS_XLSX,
    "not_geojson": "这是 JSON，但不是 GeoJSON 要素集合。请导出为 GeoJSON（FeatureCollection）再上传。",
    "geojson_twice": "同一个要素里“{name}”写了两次，不知道以哪个为准。请在导出的软件里改掉一个字段名，再重新导出上传。",
    "shapefile_incomplete": "Shapefile 不完整：.shp、.shx、.dbf 三个文件要放在同一个 zip 里。请补齐后再上传。",
    "too_many_bytes": "文件超过 {limit} MB。请删除图片和无关的工作表，或分成几个文件上传。",
    "too_many_rows": "数据超过 {limit} 行。请分成几个文件上传。",
    "too_many_columns": "表格超过 {limit} 列。请删除右侧无关的列后再上传。",
    "too_many_entries": "压缩包里的文件超过 {limit} 个。请只打包需要的文件。",
    "too_big_inside": "文件解开后过大，超出内存限制。请删除空白格式、图片和无关的工作表后另存再上传。",
    "too_slow": "读取超过 {limit} 秒仍未完成。请分成几个文件上传。",
    "no_heading": "没有找到表头。表头行里要有“名称”一列，以及“经度”“纬度”两列；也可以先下载模板填写。",
    "no_rows": "表头下面没有数据行。请填写后再上传。",
    "layer_unclear": "看不准这份文件属于哪个图层（{guess}）。请选定图层再上传。",
    "layers_several": "这份文件里有几个图层的内容：{parts}。请先选定一个图层上传，再用同一份文件、选另一个图层上传一次。",
    "wrong_layer": "这份文件像是“{better}”的内容，不是“{chosen}”：{why}。请把图层改选为“{better}”再上传；"
    "如果确实属于“{chosen}”，请把名称列的表头写成“{expected}”。",
}
"""The whole file is refused: nothing was staged."""

ERRORS: dict[str, str] = {
    "no_name_column": "没有找到名称列，全部行都不能入库。请把名称列的表头写成“{expected}”。",
    "no_coordinates_column": "没有找到坐标列，全部行都不能入库。请加上“经度”“纬度”两列。",
    "crs_ambiguous": "看不出坐标属于哪种坐标系（{candidates} 都有可能）。请在“坐标系”中选定一种再上传。",
    "row_crs_ambiguous": "这一行没有写明坐标系，看不出是哪种（{candidates} 都有可能）。请加一列“坐标系”，在这一行写明；"
    "或者把这样的行另存为一个文件上传。",
    "crs_none_fits": "按各种坐标系计算，落在应在范围内的点都不到一半{share}。请核对坐标；如果知道是哪种坐标系，"
    "请在“坐标系”中选定再上传。",
    "crs_unknown": "文件声明的坐标系认不出来。请在“坐标系”中选定一种再上传。",
    "crs_old": "坐标是北京 54 或西安 80 坐标系的，与 2000 国家坐标系相差几十米，这里不能准确换算。"
    "请先用测绘软件或 GIS 软件转换为 2000 国家坐标系（CGCS2000）再上传。",
    "crs_contradicted": "选定的坐标系是 {declared}，但按它计算只有 {share} 的点{where}，按 {better} 计算有"
    " {better_share}。请把“坐标系”改选为 {better} 再上传。",
    "crs_shifted": "选定的坐标系是 {declared}，但与已入库的 {matched} 个同一对象整体偏差 {shift} 米，按 {better}"
    " 计算则吻合。请改选 {better}；若是已入库的数据错了，请先撤销那次上传。",
    "crs_of_row_unknown": "“{value}”不是认得的坐标系。请写 WGS84、CGCS2000、GCJ02 或 BD09，或在“坐标系”中选定后删去这一格。",
    "crs_of_row_differs": "这一行写明的坐标系是 {named}，选定的却是 {declared}。请改正这一格；"
    "这一格没错的，把其余各行的坐标系也都写明，再选“自动识别”上传。",
    "row_crs_unclear": "这一行按 {used} 计算，离已入库的位置 {distance}；按 {better} 计算则正好吻合，看不出是点移动了，还是坐标"
    "取自另一种地图。请加一列“坐标系”，在这一行写明 {used} 或 {better}。",
    "crs_heading_differs": "表头写的是 {named}，选定的坐标系却是 {declared}。请把“坐标系”改为自动识别，或改正表头。",
    "two_places": "这一行写了两个位置，与“{other}”一列相差约 {distance}，不知道以哪个为准。请只留下对的一处，另一处清空或改成一致。",
    "crs_of_axes_differs": "“{x}”和“{y}”不是同一种坐标系的。请给出同一种坐标系的经度、纬度两列，或把表头改对。",
    "crs_of_other_form": "选定的坐标系是 {declared}，但这一行写的是{form}。请改为相应的写法，或另存为一个文件上传。",
    "heading_twice": "表头“{heading}”出现了两次且内容不同，不知道用哪一列。请删去或改名其中一列；"
    "如果是并排的两张表，请把右边的一张移到另一个工作表。",
    "unit_unknown": "表头的单位“{unit}”不能换算成“{expected}”。请把数值换算好，并把表头单位改成“{expected}”。",
    "name_missing": "名称是空的。请填写{noun}的名称。",
    "required_missing": "“{title}”是空的，这一项必须有。请填写。",
    "too_long": "文字超过 {limit} 个字。请缩短。",
    "formula_error": "单元格是公式错误 {value}。请改成具体的内容。",
    "formula_no_value": "单元格是没有计算结果的公式。请在 Excel 中打开并保存一次，或改成具体的内容。",
    "ditto": "“{value}”看不出指的是哪一格。请把内容写全。",
    "lost_digits": "数字被 Excel 变成了科学计数法，原来的位数已丢失。请把这一列设为“文本”格式，重新填写完整号码。",
    "became_date": "“{value}”是 Excel 自动改成的日期，原来写的已经看不出来。请把这一列设为“文本”格式，重新填写。",
    "garbled": "“{value}”是乱码，原来的文字已经丢失。请从原始表格重新填写。",
    "second_table": "这一行上面第 {above} 行是另一张表的表头，列的顺序或内容与本表不同。请把这两张表分别放在两个工作表里再上传。",
    "row_too_long": "这一行的格数比表头多（“{value}”没有对应的列），多半是某一格里有逗号，后面的内容都错了位。"
    "请用 Excel 打开，把内容移回原来的列，另存为 .xlsx 再上传；如果只是少写了表头，请补上。",
    "not_in_list": "“{value}”不在可选范围内。请改为其中之一：{allowed}。",
    "not_a_number": "“{value}”不是数字。请只写数字，例如 12 或 3.5{unit_hint}。",
    "merged_number": "“{value}”写在跨 {count} 行的合并单元格里，看不出是每行各有这么多，还是合起来这么多。"
    "请取消合并，在每一行分别填写；不知道的留空。",
    "merged_numbers": "“{value}”写在合并了“{headings}”的格里，看不出各是多少。请取消合并，每一列分别填写；不知道的留空。",
    "money_unit": "“{value}”显示成金额（¥），表头却没有写单位，看不出是元还是{unit}。请在表头写明单位，例如“（{unit}）”，"
    "并核对这一列的数。",
    "struck_out": "“{value}”有删除线，看不出是不是作废了。作废的请删去（整条作废就删除这一行），没有作废的请去掉删除线。",
    "not_an_integer": "“{value}”不是整数。请写整数，例如 12。",
    "too_small": "{value} 太小，{title}不能小于 {limit}。请改成正确的数。",
    "too_big": "{value} 太大，{title}不能大于 {limit}。请改成正确的数。",
    "not_a_date": "“{value}”不是完整的日期。请写成年-月-日，例如 2026-05-01；不知道哪一天就留空。",
    "date_serial": "“{value}”像是 Excel 的日期序号，即 {meant}。如果没错，请直接写 {meant}。",
    "not_boolean": "“{value}”看不出是或否。请写“是”或“否”。",
    "not_a_phone": "“{value}”不是完整的电话号码。请只写号码：手机写 11 位数字，座机写区号-号码，多个电话用顿号分开；没有就留空。",
    "person_with_phone": "“{value}”里有电话号码。请在这里只写姓名，把电话写到{where}。",
    "masked_value": "“{value}”是隐去一部分后的样子，系统里没有与它相符的原值。"
    "请写完整的内容；没有变动就保持导出时的样子。",
    "record_unreadable": "“{value}”看不出数量。请写成“名称 数量单位”，多项用分号隔开，例如：帐篷 20顶；棉被 100床。",
    "item_parts": "“{value}”里的“其中”说到哪里为止看不出来。请只写总数，把“其中……”删去；要细分就每一种各写一项。",
    "item_not_a_number": "“{item}”一列的“{quantity}”不是数量。请只写数字，例如 12；没有就留空。",
    "record_incomplete": "这一行缺少“{title}”，每一项都要写明。请填写；这一项不要了，就把这一行的物品和数量都清空。",
    "not_a_place": "坐标“{value}”不在地球上或不在中国附近。请核对经度和纬度。",
    "not_in_system": "坐标“{value}”不是 {used} 的数：带号或位数不对。请核对，或写明这一行的坐标系。",
    "not_a_point": "这里应该是点，文件里是{kind}。请改成点（例如取中心点）再上传。",
    "wrong_shape": "这个图层要{expected}，文件里是{kind}。请用带图形的 GeoJSON 或 Shapefile 上传。",
    "outside_county": "点不在辖区内，离最近的边界约 {distance}（{nearest}）。请核对坐标和坐标系。",
    "outside_region": "点不在“{region}”范围内，在界外约 {distance}。乡镇只能上传本辖区的数据，请核对坐标和坐标系。",
    "other_region_named": "这一行写的不是“{region}”。乡镇只能上传本辖区的数据，请删除这一行或改正。",
    "region_said_twice": "地名写的是“{by_name}”，行政区划代码却是“{by_code}”的。请改成一致。",
    "region_contradicted": "表中写的是“{named}”，但点在“{actual}”，离“{named}”约 {distance}。请核对坐标或所属地区。",
    "duplicate_key": "与第 {rows} 行重复（{key} 相同），不知道以哪一行为准。请只保留一行，或改成不同的{kind}。",
    "group_disagrees": "与第 {rows} 行是同一个{noun}（{key} 相同），但“{titles}”写得不一样。请改成一致，或把编号分开。",
    "group_refused": "与第 {rows} 行是同一个{noun}，那一行有错，因此一起退回。请先改正那一行。",
    "ambiguous_match": "已入库的数据里有 {count} 个同名的“{name}”，不知道要更新哪一个。请填写编号。",
    "duplicate_match": "与第 {rows} 行指的是已入库的同一个{noun}“{name}”。请只保留一行，或填写不同的编号。",
} | {f"coordinates_{code}": text for code, text in COORDINATES.items()}
"""A row (or, where no row is named, every row) is refused."""

WARNINGS: dict[str, str] = {
    "axes_swapped": "经度和纬度写反了，已对调后入库。请核对位置。",
    "near_border": "表中写的是“{named}”，点在“{actual}”一侧，离界约 {distance}，按点的位置入库。请核对。",
    "village_differs": "表中写的是“{named}”，点在“{actual}”，离“{named}”约 {distance}，按点的位置归入。请核对坐标和所属村。",
    "sheet_of_other_region": "工作表名是“{named}”，点在“{actual}”，按点的位置归入。请核对坐标，或把这一行移到对的工作表。",
    "row_fits_other_crs": "这一行按 {used} 计算，离已入库的位置 {distance}；按 {better} 计算则正好吻合。如果这一行的坐标取自"
    "另一种地图，请在“坐标系”一列单独写明。",
    "region_unknown": "“{unknown}”不是本辖区的地名或代码，按点的位置归入“{actual}”。请核对坐标和所属地区。",
    "region_renamed": "表中写的是“{named}”，点在“{actual}”。这一带多数行都这样写，像是区划已合并，"
    "按点的位置入库。请核对行政区边界是否过时。",
    "same_name_other_code": "已有同名的“{name}”，编号是“{other}”，与这一行不同，按新的一条入库。若是同一个，请改成原编号。",
    "name_of_another": "“{value}”原来是编号“{other}”那一条的名称，这里改到了另一个编号上。如果是排序或粘贴时名称与编号错开了，"
    "请改正后再上传。",
    "date_shortened": "这一格没有显示完整的年月日，按 {value} 入库。如果不知道是哪一天，请清空这一格。",
    "column_unused": "这一列没有对应的字段，内容只保留在原文件里。",
    "column_unnamed": "第 {letter} 列有内容，但没有表头，没有读取。如需上传，请给这一列写上表头。",
    "heading_ignored": "“{used}”已作为{title}，这一列没有使用。",
    "sheet_without_heading": "工作表没有找到表头，没有读取。",
    "sheet_hidden": "工作表是隐藏的，没有读取。如需上传，请取消隐藏。",
    "sheet_empty": "工作表是空的。",
    "sheet_other_layer": "工作表像是“{layer}”的内容，没有读取。请用同一份文件、图层选“{layer}”再上传一次。",
    "coordinates_doubt": "{note}",
    "rows_continued": "有 {count} 行只写了物品，没有写名称和坐标，按上一行的名称归在一起。请在预览中核对。",
    "place_rough": "坐标“{value}”只写到{words}，位置不准。请填写更准确的坐标（十进制度至少 5 位小数）。",
    "place_shared": "有 {count} 个对象的坐标完全相同（第 {rows} 行），像是用同一个位置代替的。请核对；确在同一处就不用改。",
    "merged_place": "坐标写在跨 {count} 行的合并单元格里，这几行按同一个位置入库。如果不在同一处，请取消合并后分别填写。",
    "item_repeated": "与第 {rows} 行是同一种物品，两行的数量都计入。如果是重复填写，请删去一行。",
    "item_parts_left": "“其中……”的数量已经包含在前面的数里，没有单独计入。",
    "merged_columns": "“{text}”写在合并了“{headings}”的格里，只算第一列的，其余的列没有内容。如果不对，请取消合并后分别填写。",
    "remark_unread": "这一格带着批注{said}，批注没有读取。批注里如有要上传的内容，请写到格子里。",
    "colour_unread": "这一格没有写字，只填了{colour}色，颜色没有读取。如果颜色表示{title}，请写上文字。",
    "colours_unread": "工作表里有 {count} 行用颜色区分（{colours}），颜色没有读取。如果颜色表示{title}，请加一列“{title}”写明。",
    "drawings_unread": "工作表里有{what}，没有读取。里面如有要上传的内容，请写到格子里。",
    "hidden_columns": "第 {letters} 列是隐藏的，这些列也已读取。如不需要，请删除后再上传。",
    "hidden_rows": "工作表里有 {count} 行被隐藏或筛选掉了，这些行也已读取。如不需要，请删除后再上传。",
    "archive_rest": "压缩包里还有 {names}，没有读取。如需上传，请解压后单独上传。",
    "geometry_used": "有 {count} 行的经纬度两列与图形的位置相差 20 米以上，按图形的位置入库。请在预览图上核对。",
    "phone_rounded": "“{value}”的后八位都是 0，多半是被 Excel 变成过科学计数法。请核对号码。",
    "network_link": "文件里有指向别处的链接（{link}），没有读取。请在原软件中打开它，把内容另存后上传。",
    "view_left": "文件里的“{name}”是视图，显示的是别的表里的数据，没有读取。",
    "overlay_left": "文件里有{kind}“{name}”，它不是数据点，没有读取。里面若有要上报的点，请在原软件中另画成点标记。",
    "crs_of_file_differs": "文件里写的坐标系是 {named}，但按它计算只有 {share} 的点落在应在的范围内，按 {used} 计算有"
    " {used_share}，已按 {used} 处理。请在预览图上核对位置。",
    "crs_assumed": "文件没有写明坐标系，按标准当作 WGS-84 处理，但{candidates} 都有可能，差别可达数百米。"
    "请在预览图上核对位置，不对就选定坐标系重新上传。",
    "crs_of_file_form": "文件里写的坐标系是 {named}，坐标却是{form}，已按 {used} 处理。请在预览图上核对位置。",
    "crs_words_differ": "表上或文件名里写着“{said}”（{named}），按选定的 {declared} 处理，可能差几十到几百米。请在预览图上核对，"
    "不对就把“坐标系”改为自动识别，或改选。",
    "crs_mercator": "坐标像是 Web 墨卡托（EPSG:3857），按 WGS-84 的算。如果取自高德、腾讯或百度地图，会差几百米。"
    "请在预览图上核对位置。",
    "crs_roughly": "{declared} 没有当地的转换参数，按通用参数换算，位置可能偏差几十米。"
    "请在预览图上核对；最好先用测绘软件转换为 2000 国家坐标系再上传。",
    "crs_unproved": "没有可供核对的行政区边界，坐标系按选定的 {declared} 处理，请在预览图上核对位置。",
}
"""Accepted, but a person should look."""

NOTES: dict[str, str] = {
    "blank_row": "空行（或只有序号），已跳过。",
    "total_row": "合计行，已跳过。",
    "part_row": "“其中”的一部分，上面的数量里已经包含，没有单独计入。",
    "footer_row": "填表说明或落款，已跳过。",
    "section_row": "分段的小标题，已跳过。",
    "repeated_heading": "重复的表头，已跳过。",
    "unit_row": "单位或栏号行，已跳过。",
    "person_split": "“{heading}”里姓名和电话写在一起，已分成“{person}”和“{phone}”。",
    "counts_split": "“{heading}”里写着几个数，已按单位分成{titles}。",
    "ticks_read": "这些列按“{title}”读取，打勾的为准：{headings}。",
    "items_from_columns": "这些列按物资读取，一列一种：{headings}。",
    "example_row": "模板的示例行，已跳过。",
}
"""Rows that are no data and were skipped; what was done with columns."""

_ALL: dict[str, tuple[str, Severity]] = (
    {code: (text, "error") for code, text in ERRORS.items()}
    | {code: (text, "warning") for code, text in WARNINGS.items()}
    | {code: (text, "note") for code, text in NOTES.items()}
)
SHOWN = 80
"""Characters of a value that are repeated in a message."""


def file_reason(code: str, **values: Any) -> str:
    """Why a whole file is refused."""
    return FILE[code].format(**values)


def problem(
    code: str,
    *,
    sheet: str = "",
    row: int | None = None,
    column: str | None = None,
    field: str | None = None,
    value: str | None = None,
    seq: int = -1,
    **gaps: Any,
) -> Problem:
    """A problem with its text filled in."""
    template, severity = _ALL[code]
    shown = None if value is None else shorten(value)
    message = template.format(value=shown, **gaps)
    return Problem(sheet, row, column, field, code, message, shown, severity, seq)


def shorten(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
