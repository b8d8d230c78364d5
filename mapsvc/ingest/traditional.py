"""Characters of Hong Kong and Taiwan, as far as headings and classes are written with them."""

_TRADITIONAL = str.maketrans(
    "脅經緯維風險級隱點編號稱類災種責電話聯繫監測財產戶數職務處狀態機構單規發現時間報鄉鎮縣區劃碼庫儲備資隊"
    "伍總員長負設應護衛車輛較紅黃藍還標準註說達對積圖層響場業無線東壩礦與體會開關實際檢驗",
    "胁经纬维风险级隐点编号称类灾种责电话联系监测财产户数职务处状态机构单规发现时间报乡镇县区划码库储备资队"
    "伍总员长负设应护卫车辆较红黄蓝还标准注说达对积图层响场业无线东坝矿与体会开关实际检验",
)


def simplified(text: str) -> str:
    """Traditional characters that headings and classes are written with, in simplified form."""
    return text if text.isascii() else text.translate(_TRADITIONAL)
