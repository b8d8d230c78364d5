"""The layer depots: stores of the county, the townships and the villages."""

from datetime import date, timedelta

from . import names
from .dice import Dice
from .model import Feature
from .places import Place
from .spots import beside
from .survey import Survey

_Plan = tuple[Place, str, str]  # where, depot_kind, level
Item = tuple[str, str, int, int, int]  # item, unit, least and most in a village, years it keeps

_COUNTY_KINDS = ("综合库", "防汛抗旱", "森林防火", "救灾生活", "地震救援", "卫生应急")
_ITEMS: dict[str, tuple[Item, ...]] = {
    "防汛抗旱": (
        ("编织袋", "条", 200, 2000, 5),
        ("救生衣", "件", 5, 40, 5),
        ("抽水泵", "台", 1, 3, 0),
        ("铁锹", "把", 10, 40, 0),
        ("彩条布", "平方米", 100, 600, 4),
        ("冲锋舟", "艘", 1, 1, 0),
        ("救生绳", "根", 2, 10, 6),
        ("块石", "立方米", 20, 120, 0),
    ),
    "森林防火": (
        ("风力灭火机", "台", 1, 4, 0),
        ("二号工具", "把", 10, 60, 0),
        ("灭火水枪", "支", 2, 12, 0),
        ("防火服", "套", 4, 24, 6),
        ("割灌机", "台", 1, 3, 0),
        ("移动水囊", "个", 1, 4, 5),
    ),
    "救灾生活": (
        ("救灾帐篷", "顶", 2, 12, 8),
        ("棉被", "床", 10, 60, 10),
        ("折叠床", "张", 10, 50, 0),
        ("瓶装饮用水", "箱", 10, 80, 1),
        ("方便食品", "箱", 5, 60, 1),
        ("棉大衣", "件", 10, 50, 10),
        ("毛毯", "条", 10, 60, 10),
    ),
    "地震救援": (
        ("液压破拆工具", "套", 1, 1, 0),
        ("生命探测仪", "台", 1, 1, 0),
        ("起重气垫", "套", 1, 2, 8),
        ("安全绳", "根", 2, 12, 6),
        ("切割机", "台", 1, 2, 0),
        ("撬棍", "根", 5, 20, 0),
    ),
    "卫生应急": (
        ("急救包", "个", 5, 30, 3),
        ("担架", "副", 1, 6, 0),
        ("医用口罩", "只", 200, 2000, 2),
        ("消毒液", "桶", 2, 20, 2),
        ("防护服", "套", 5, 40, 3),
        ("自动体外除颤器", "台", 1, 1, 5),
    ),
    "其他": (
        ("应急灯", "盏", 5, 20, 0),
        ("手摇警报器", "台", 1, 3, 0),
        ("铜锣", "面", 1, 6, 0),
        ("大喇叭", "个", 1, 4, 0),
        ("对讲机", "部", 2, 8, 0),
        ("发电机", "台", 1, 2, 0),
        ("警戒带", "卷", 4, 20, 0),
    ),
}
_ITEMS["综合库"] = tuple(item for kind in _ITEMS.values() for item in kind[:3])
_VILLAGE_KINDS = (
    ("防汛抗旱",) * 6 + ("森林防火",) * 5 + ("救灾生活",) * 2 + ("综合库",) * 5 + ("其他",) * 2
)


def depots(survey: Survey, count: int) -> list[Feature]:
    """Six county stores, two in each township, then one a village, and round again."""
    places, plane, rng, dice = survey.places, survey.land.terrain.plane, survey.rng, survey.dice
    plan: list[_Plan] = [(places.county, kind, "县级") for kind in _COUNTY_KINDS]
    for town in sorted(places.townships, key=lambda p: p.code):
        second = dice.pick(("防汛抗旱", "森林防火"))
        plan += [(town, "综合库", "乡镇级"), (town, second, "乡镇级")]
    villages = sorted(places.villages, key=lambda p: p.code)
    while len(plan) < count:
        plan += [(v, dice.pick(_VILLAGE_KINDS), "村级") for v in villages[: count - len(plan)]]
    plan = plan[:count]
    hosts = [place for place, _, _ in plan]
    spots = beside(plane, rng, hosts, 30.0, 260.0)
    wide = [i for i, place in enumerate(hosts) if place.level == "county"]
    spots[wide] = beside(plane, rng, [hosts[i] for i in wide], 250.0, 900.0)
    return [
        _depot(survey, n, row, (lon, lat))
        for n, (row, (lon, lat)) in enumerate(zip(plan, spots.tolist(), strict=True), 1)
    ]


def _depot(survey: Survey, n: int, row: _Plan, spot: tuple[float, float]) -> Feature:
    place, kind, level = row
    dice = survey.dice
    scale = {"县级": 12, "乡镇级": 4, "村级": 1}[level]
    stock = dice.some(_ITEMS[kind], {"县级": 14, "乡镇级": 7, "村级": dice.whole(2, 5)}[level])
    group = f"{dice.whole(1, 12)}组" if place.level == "village" else ""
    attrs: dict[str, object] = {
        "depot_kind": kind,
        "level": level,
        "items": [_item(dice, item, scale, survey.today) for item in stock],
        "address": place.address + group,
        "area": dice.whole(8, 40) * (1 if scale == 1 else 5 * scale),
        "manager": names.person(dice),
        "manager_phone": names.phone(dice),
    }
    if scale > 1 or dice.chance(0.6):
        attrs["duty_phone"] = names.phone(dice)
    title = f"{kind}物资{'库' if scale > 1 else '储备点'}"
    title = {"综合库": "应急物资综合库", "其他": "应急物资储备点"}.get(kind, title)
    code = survey.number("WZ", n)
    return Feature(code, f"{place.name}{title}", *spot, attrs, survey.checked())


def _item(dice: Dice, item: Item, scale: int, today: date) -> dict[str, object]:
    name, unit, low, high, years = item
    quantity = dice.whole(low, high) * scale
    if quantity >= 100:
        quantity -= quantity % 10
    out: dict[str, object] = {"item": name, "quantity": quantity, "unit": unit}
    if years:
        # Bought at any time of its life; one in twenty five was forgotten past its date.
        left = dice.whole(-150, 0) if dice.chance(0.04) else dice.whole(5, years * 365)
        out["expires"] = (today + timedelta(days=left)).isoformat()
    return out
