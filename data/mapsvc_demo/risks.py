"""The layer risk_points: hazards where the land makes them, with those who answer for them."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from . import names
from .dice import Dice
from .model import Feature
from .places import Place
from .plane import Ints
from .sites import fitting
from .spots import beside, on_cells
from .survey import Survey

LEVELS = {"重大": 8, "较大": 25, "一般": 45, "低": 29}
HAZARDS = {
    "滑坡": 28,
    "崩塌": 14,
    "泥石流": 9,
    "山洪": 14,
    "森林火灾": 10,
    "溃坝": 6,
    "内涝": 6,
    "危险化学品": 6,
    "矿山": 5,
    "道路交通": 4,
    "尾矿库": 2,
    "房屋": 2,
    "其他": 1,
}
_KNOWN = frozenset({"溃坝", "矿山", "尾矿库"})  # stand where the dam or the mine stands
_GEOLOGICAL = frozenset({"滑坡", "崩塌", "泥石流"})
_TITLE = {
    "滑坡": "{place}{group}组滑坡隐患点",
    "崩塌": "{place}{group}组崩塌隐患点",
    "泥石流": "{place}{group}组沟谷泥石流隐患点",
    "山洪": "{place}{group}组沿河山洪危险区",
    "内涝": "{place}低洼地段内涝点",
    "溃坝": "{base}水库大坝",
    "森林火灾": "{base}林区火险点",
    "矿山": "{base}{product}",
    "尾矿库": "{base}尾矿库",
    "危险化学品": "{base}{works}",
    "道路交通": "{place}{group}组急弯陡坡路段",
    "房屋": "{place}{group}组连片老旧房屋",
    "其他": "{place}{group}组电力线路跨越点",
}
_WORKS = ("加油站", "液化气储配站", "烟花爆竹仓库", "化工原料库", "农药经营库", "自来水厂氯库")
_MEASURES = {
    "滑坡": (
        "专人监测，雨天加密巡查，超警戒值立即转移",
        "设置裂缝简易监测桩，后缘开挖截排水沟",
        "避险搬迁，汛期夜间转移住户",
    ),
    "崩塌": ("清除危岩，设置被动防护网", "封闭坡下道路，设置警示牌，雨天禁止停留"),
    "泥石流": ("清理沟道堆积物，上游设雨量监测", "汛期专人值守，红色预警全员转移"),
    "山洪": ("设水位雨量站与预警广播，明确转移路线和安置点", "河道清障，暴雨红色预警前完成转移"),
    "内涝": ("疏通排水管网，汛期备移动泵车", "设置警戒水位标尺，积水二十五厘米封闭通行"),
    "溃坝": (
        "落实三个责任人，汛期控制运行，每日巡坝两次",
        "除险加固，完善大坝安全监测和下游转移预案",
    ),
    "森林火灾": ("防火期设卡值守，清理林缘可燃物", "修建防火隔离带，护林员每日巡护"),
    "矿山": ("边坡在线监测，雨天停止作业", "整改采场边坡，规范台阶开采"),
    "尾矿库": ("浸润线在线监测，保持干滩长度，清理排洪设施", "坝体位移监测，汛前降低库水位"),
    "危险化学品": ("重大危险源在线监控，每月检查，半年演练一次", "完善可燃气体报警，落实动火审批"),
    "道路交通": ("增设护栏和反光标志，冬季撒盐防滑", "设置减速带和凸面镜，雨雾天气限速"),
    "房屋": ("鉴定后分类加固，雨雪天气转移住户", "张贴警示标识，逐户落实包保干部"),
    "其他": ("定期巡查，修剪线路通道树木", "设置限高架和警示牌"),
}
_HEADS = {"重大": (120, 1150), "较大": (35, 320), "一般": (8, 90), "低": (0, 14)}


@dataclass(frozen=True, slots=True)
class _Site:
    kind: str
    lon: float
    lat: float
    place: Place
    product: str = ""


def shared_out(shares: dict[str, int], count: int) -> dict[str, int]:
    """`count` split in the proportion of the shares, by largest remainder."""
    total = sum(shares.values())
    exact = {k: count * s / total for k, s in shares.items()}
    out = {k: int(v) for k, v in exact.items()}
    order = sorted(shares, key=lambda k: (out[k] - exact[k], k))
    for k in order[: count - sum(out.values())]:
        out[k] += 1
    return out


def risk_points(survey: Survey, count: int) -> list[Feature]:
    """`count` risk points in the order of the villages they stand in."""
    land, dice = survey.land, survey.dice
    cells = fitting(land)
    cells |= {
        "溃坝": np.array([d.cell for d in land.dams], dtype=np.int64),
        "矿山": np.array([m.cell for m in land.mines], dtype=np.int64),
        "尾矿库": np.array([m.cell for m in land.mines[::-1]], dtype=np.int64),
    }
    sites: list[_Site] = []
    for kind, wanted in shared_out(HAZARDS, count).items():
        sites += _chosen(survey, kind, cells[kind], wanted)
    sites.sort(key=lambda s: (s.place.code, s.kind, s.lon, s.lat))
    levels = dice.shuffled([k for k, n in shared_out(LEVELS, count).items() for _ in range(n)])
    return [
        _risk(survey, n, site, level)
        for n, (site, level) in enumerate(zip(sites, levels, strict=True), 1)
    ]


def _chosen(survey: Survey, kind: str, cells: Ints, wanted: int) -> list[_Site]:
    """Sites of one kind: known ones first, then random fitting cells, then beside villages."""
    land, places, rng = survey.land, survey.places, survey.rng
    plane = land.terrain.plane
    if kind not in _KNOWN:
        size = min(cells.size, 2 * wanted + 8)
        cells = rng.choice(cells, size=size, replace=False) if size else cells
    lonlat, village, used = on_cells(plane, rng, places, land.territory.labels, cells)
    product = {m.cell: m.product for m in land.mines}
    out = [
        _Site(kind, lon, lat, places.villages[v], product.get(cell, ""))
        for (lon, lat), v, cell in zip(
            lonlat[:wanted].tolist(), village[:wanted].tolist(), used[:wanted].tolist(), strict=True
        )
    ]
    hosts = [survey.dice.pick(places.villages) for _ in range(wanted - len(out))]
    spots = beside(plane, rng, hosts, 300.0, 900.0)
    return out + [
        _Site(kind, lon, lat, host) for host, (lon, lat) in zip(hosts, spots.tolist(), strict=True)
    ]


def _risk(survey: Survey, n: int, site: _Site, level: str) -> Feature:
    dice = survey.dice
    place, kind = site.place, site.kind
    base = place.name.removesuffix("村").removesuffix("社区")
    group = dice.whole(1, 14)
    name = _TITLE[kind].format(
        place=place.name,
        base=base,
        group=group,
        works=dice.pick(_WORKS),
        product=site.product or "采石场",
    )
    low, high = _HEADS[level]
    people = int(low + (high - low) * dice.roll() ** 2)
    found_on = survey.today - timedelta(days=dice.whole(200, 3200))
    attrs: dict[str, object] = {
        "risk_level": level,
        "hazard_type": kind,
        "threatened_people": people,
        "threatened_households": -(-people // 4) if people else 0,
        "threatened_property": round(people * (1.5 + 6 * dice.roll()) + 5 * dice.roll(), 1),
        "address": f"{place.address}{group}组",
        "responsible_person": names.person(dice),
        "responsible_post": dice.pick(
            ("驻村干部", "分管副镇长", "村支部书记", "安监站站长", "包片干部")
        ),
        "responsible_phone": names.phone(dice),
        "monitor_person": names.person(dice),
        "monitor_phone": names.phone(dice),
        "measures": dice.pick(_MEASURES[kind]),
        "found_on": found_on.isoformat(),
        "status": _status(dice),
    }
    grade = _danger(dice, level)
    if grade:
        attrs["danger_grade"] = grade
    if kind in _GEOLOGICAL:
        attrs["scale"] = _scale(people)
    code = survey.number("FX", n)
    return Feature(code, name, site.lon, site.lat, attrs, survey.checked())


def _scale(people: int) -> str:
    """The size class of a geological hazard by the people it threatens."""
    if people >= 1000:
        return "特大型"
    if people >= 500:
        return "大型"
    return "中型" if people >= 100 else "小型"


def _danger(dice: Dice, level: str) -> str:
    """The grade of a hidden danger found there: a scale of its own, often nothing was found."""
    lot = dice.roll()
    if level == "重大":
        return "重大事故隐患" if lot < 0.6 else "一般事故隐患"
    if level == "较大":
        return "重大事故隐患" if lot < 0.12 else "一般事故隐患" if lot < 0.6 else ""
    return "一般事故隐患" if lot < 0.25 else ""


def _status(dice: Dice) -> str:
    lot = dice.roll()
    return "在册" if lot < 0.72 else "整改中" if lot < 0.92 else "已销号"
