"""The layer forces: rescue teams of the county, the townships and the villages."""

from . import names
from .dice import Dice
from .model import Feature
from .places import Place
from .spots import beside
from .survey import Survey

_Plan = tuple[Place, str, str]  # whose, force_type, title

_GEAR: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "综合消防": (
        ("水罐消防车", "辆", 2, 5),
        ("抢险救援车", "辆", 1, 2),
        ("空气呼吸器", "具", 10, 30),
        ("液压破拆工具", "套", 1, 4),
    ),
    "专职消防": (
        ("轻型消防车", "辆", 1, 2),
        ("空气呼吸器", "具", 4, 10),
        ("消防水带", "盘", 10, 30),
    ),
    "森林消防": (
        ("风力灭火机", "台", 6, 30),
        ("高压水泵", "台", 1, 5),
        ("割灌机", "台", 2, 10),
        ("运兵车", "辆", 1, 3),
    ),
    "矿山救护": (
        ("正压氧气呼吸器", "台", 6, 18),
        ("矿山救护车", "辆", 1, 2),
        ("气体检测仪", "台", 4, 12),
    ),
    "危化救援": (("重型防化服", "套", 4, 12), ("堵漏工具", "套", 1, 4), ("洗消帐篷", "顶", 1, 2)),
    "医疗救护": (("救护车", "辆", 1, 4), ("除颤监护仪", "台", 1, 4), ("担架", "副", 2, 8)),
    "水上救援": (
        ("冲锋舟", "艘", 2, 6),
        ("橡皮艇", "艘", 2, 6),
        ("救生衣", "件", 20, 60),
        ("水下机器人", "台", 1, 1),
    ),
    "工程抢险": (
        ("挖掘机", "台", 1, 5),
        ("装载机", "台", 1, 4),
        ("自卸车", "辆", 2, 8),
        ("发电机", "台", 1, 3),
    ),
    "通信保障": (("卫星电话", "部", 1, 4), ("应急通信车", "辆", 1, 1), ("无人机", "架", 1, 4)),
    "基干民兵": (
        ("铁锹", "把", 10, 40),
        ("救生绳", "根", 2, 8),
        ("强光手电", "支", 8, 30),
        ("二号工具", "把", 8, 30),
    ),
    "志愿者": (("急救包", "个", 2, 10), ("对讲机", "部", 2, 8), ("强光手电", "支", 5, 20)),
}
_SKILLS: dict[str, tuple[str, ...]] = {
    "综合消防": ("灭火救援", "破拆", "山岳救援", "水域救援", "危化处置"),
    "专职消防": ("灭火救援", "破拆", "排水"),
    "森林消防": ("森林灭火", "山岳救援", "转移安置"),
    "矿山救护": ("矿山救援", "山岳救援", "破拆"),
    "危化救援": ("危化处置", "灭火救援"),
    "医疗救护": ("医疗急救", "转移安置"),
    "水上救援": ("水域救援", "排水", "转移安置"),
    "工程抢险": ("道路抢通", "排水", "破拆"),
    "通信保障": ("通信保障",),
    "基干民兵": ("转移安置", "森林灭火", "道路抢通"),
    "志愿者": ("转移安置", "医疗急救"),
}
_SIZE = {
    "综合消防": (35, 60),
    "专职消防": (8, 20),
    "森林消防": (15, 50),
    "医疗救护": (8, 40),
    "基干民兵": (10, 30),
    "志愿者": (8, 40),
}
_COUNTY_TEAMS = (
    ("综合消防", "消防救援大队"),
    ("综合消防", "消防救援大队城南站"),
    ("森林消防", "森林消防大队"),
    ("矿山救护", "矿山救护队"),
    ("危化救援", "危险化学品应急救援队"),
    ("医疗救护", "人民医院急救队"),
    ("医疗救护", "中医医院急救队"),
    ("水上救援", "水上应急救援队"),
    ("工程抢险", "公路抢险队"),
    ("工程抢险", "水利工程抢险队"),
    ("工程抢险", "电力抢修队"),
    ("通信保障", "应急通信保障队"),
    ("基干民兵", "基干民兵应急连"),
    ("志愿者", "青山应急志愿服务队"),
    ("其他", "地质灾害技术支撑组"),
    ("其他", "燃气抢修队"),
)
_TOWN_TEAMS = (("专职消防", "专职消防队"), ("医疗救护", "卫生院急救组"), ("基干民兵", "应急救援队"))
_UNLISTED_GEAR = (("工程抢修车", "辆", 1, 2), ("检测仪器", "套", 1, 4))


def forces(survey: Survey, count: int) -> list[Feature]:
    """Sixteen county teams, three in each township, then villages in a random order."""
    places, plane, rng, dice = survey.places, survey.land.terrain.plane, survey.rng, survey.dice
    plan: list[_Plan] = [(places.county, kind, title) for kind, title in _COUNTY_TEAMS]
    for town in sorted(places.townships, key=lambda p: p.code):
        plan += [(town, kind, title) for kind, title in _TOWN_TEAMS]
    villages = sorted(places.villages, key=lambda p: p.code)
    while len(plan) < count:
        some = dice.shuffled(villages)[: count - len(plan)]
        plan += [(v, *_village_team(dice)) for v in sorted(some, key=lambda p: p.code)]
    plan = plan[:count]
    hosts = [place for place, _, _ in plan]
    spots = beside(plane, rng, hosts, 40.0, 280.0)
    own = [i for i, place in enumerate(hosts) if place.level == "county"]
    spots[own] = beside(plane, rng, [hosts[i] for i in own], 200.0, 1100.0)
    return [
        _force(survey, n, row, (lon, lat))
        for n, (row, (lon, lat)) in enumerate(zip(plan, spots.tolist(), strict=True), 1)
    ]


def _village_team(dice: Dice) -> tuple[str, str]:
    lot = dice.roll()
    if lot < 0.62:
        return "基干民兵", "民兵应急分队"
    if lot < 0.86:
        return "志愿者", "应急志愿服务队"
    return "森林消防", "半专业扑火队"


def _force(survey: Survey, n: int, row: _Plan, spot: tuple[float, float]) -> Feature:
    place, kind, title = row
    dice = survey.dice
    low, high = _SIZE.get(kind, (8, 30))
    in_village = place.level == "village"
    heads = dice.whole(low, high) // (2 if in_village else 1)
    gear = _GEAR.get(kind, _UNLISTED_GEAR)
    chosen = dice.some(gear, dice.whole(2, 3) if in_village else len(gear))
    skills = _SKILLS.get(kind, ("通信保障", "道路抢通"))
    attrs: dict[str, object] = {
        "force_type": kind,
        "headcount": max(4, heads),
        "leader": names.person(dice),
        "leader_phone": names.phone(dice),
        "duty_phone": names.phone(dice),
        "equipment": [
            {
                "item": item,
                "quantity": max(1, dice.whole(least, most) // (3 if in_village else 1)),
                "unit": unit,
            }
            for item, unit, least, most in chosen
        ],
        "capabilities": dice.some(skills, dice.whole(1, len(skills))),
        "on_duty": dice.chance(0.55 if in_village else 0.92),
        "address": place.address,
    }
    code = survey.number("LL", n)
    return Feature(code, f"{place.name}{title}", *spot, attrs, survey.checked())
