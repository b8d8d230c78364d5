"""Headings that every layer knows: places, regions, days, systems, numbers of rows."""

MINUTES, SECONDS = "_minutes", "_seconds"
"""Behind `lon` or `lat`: the target of a column with the rest of an angle."""

EVERYONES: dict[str, tuple[str, ...]] = {
    "lon": ("经度", "东经", "经度坐标", "经度e", "longitude", "lng", "lon", "long", "x经度"),
    "lat": ("纬度", "维度", "北纬", "纬度坐标", "纬度n", "latitude", "lat", "y纬度"),
    "x": ("x", "x坐标", "坐标x", "横坐标", "东坐标", "东向坐标", "point_x", "coord_x", "e"),
    "y": ("y", "y坐标", "坐标y", "纵坐标", "北坐标", "北向坐标", "point_y", "coord_y", "n"),
    "point": (
        "坐标", "经纬度", "经纬度坐标", "坐标位置", "位置坐标", "地理坐标", "中心点坐标",
        "点位坐标", "坐标点", "定位", "location", "coordinates", "coordinate", "lnglat", "lonlat",
    ),
    "province": ("省", "省份", "所在省", "pname", "province"),
    "city": ("市", "地市", "市州", "州", "城市", "所在市", "cityname", "city"),
    "county": (
        "县", "区县", "县区", "区域", "所属区县", "所在区县", "所属城区", "区县名称", "县名称",
        "县市区", "adname", "county", "district",
    ),
    "township": (
        "乡镇", "乡镇名称", "所属乡镇", "所在乡镇", "镇街", "乡镇街道", "街道", "镇", "乡",
        "乡镇(街道)", "乡镇(街道)名称", "所属乡镇(街道)", "所属镇街", "街镇", "受灾乡镇名称",
        "township", "town", "streetname",
    ),
    "village": (
        "村", "村居", "行政村", "村名", "村名称", "所属村", "所在村", "社区", "所属社区", "村社区",
        "村(社区)", "行政村名称", "社区(行政村)名称", "所属行政村", "village",
    ),
    "adcode": (
        "行政区划代码", "区划代码", "区划编码", "行政区划编码", "行政区规划", "县代码", "区县代码",
        "乡镇代码", "村代码", "region_code", "adcode", "admincode", "areacode",
    ),
    "verified_at": (
        "核实日期", "核查日期", "核实时间", "核查时间", "最近核实日期", "排查日期",
        "排查时间", "verified_at",
    ),
    "crs": (
        "坐标系", "坐标系统", "坐标来源", "坐标系类型", "坐标类型", "坐标系名称", "ovcoordtype",
        "crs",
    ),
    "seq": ("序号", "序", "行号", "no", "no.", "id", "fid", "objectid", "#"),
}  # fmt: skip
