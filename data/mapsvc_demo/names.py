"""Invented names: places from common landscape words, people from common surnames.

No register of places or people was read. Any likeness to a real place or person is chance.
Phone numbers begin with 1990000, a block that stands for "nobody" all through the demo.
"""

from collections.abc import Iterator

from .dice import Dice

COUNTIES = ("青岚", "云溪", "松陵", "望川", "碧泉", "石桥", "鹿鸣", "长汀坪", "金竹", "霞岭")
STREETS = ("青岚", "临江")
TOWNS = ("石门", "龙潭", "白水", "枫木", "茶亭", "双溪", "黄沙", "木洞", "银杏")
RURAL = ("高峰", "云台", "大坳", "竹溪", "雷公坪")
MORE_TOWNS = ("柳林", "铁炉", "花桥", "清水", "七里", "东坪", "沙湾", "古楼", "红岩", "乌石")

_FIRST = tuple(
    "桃梨杨柳松竹梅樟枫茶石岩沙黄白青红金银铁龙虎牛马鹿鹤燕凤高长"
    "大小上下双三五七九南北东西新老清响冷水云月阳羊麻油板土木花"
)
_SECOND = tuple("溪坪冲湾坳岭塘洞桥坡田源井泉垭坝滩峪埠岗畲垅园屋亭庙铺树潭墩")
_PEOPLE = ("家", "仙", "树", "花", "竹", "石", "云", "茅", "枣", "山")
_QUARTERS = (
    "城东",
    "城西",
    "城南",
    "城北",
    "临江",
    "东门",
    "西门",
    "南桥",
    "北塔",
    "文昌",
    "凤凰",
    "河街",
    "新建路",
    "学府",
    "滨河",
    "青年路",
    "和平",
    "朝阳",
    "南苑",
    "站前",
    "梅园",
    "锦绣",
    "江心洲",
    "火神庙",
    "东风",
    "百花",
    "古井",
    "望江",
    "鼓楼",
    "体育路",
)
_SURNAMES = tuple(
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏"
    "蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万"
)
_GIVEN_ONE = tuple("伟强磊军洋勇艳杰涛明超霞平刚桂芬玲辉斌波鹏浩亮健飞俊帆松林宁琴丽敏静凯峰岚")
_GIVEN_A = tuple("建志国文晓春海永德光家世秀玉红金小立正新庆天雪思俊子一振长先贵友仁昌兴")
_GIVEN_B = tuple("华平明军生林祥云峰兰英芳民辉强成荣安良勇斌宏东福根清珍梅发全才山松泉江")


def person(dice: Dice) -> str:
    """A full name."""
    if dice.chance(0.25):
        return dice.pick(_SURNAMES) + dice.pick(_GIVEN_ONE)
    return dice.pick(_SURNAMES) + dice.pick(_GIVEN_A) + dice.pick(_GIVEN_B)


def phone(dice: Dice) -> str:
    """A mobile number of the right form that belongs to nobody in the demo."""
    return f"1990000{dice.whole(0, 9999):04d}"


def village_names(dice: Dice) -> Iterator[str]:
    """Endless different names of villages without 村: 桃花溪, 石坪, …"""
    seen: set[str] = set()
    round_ = 0
    while True:
        round_ += 1
        middle = dice.pick(_PEOPLE) if dice.chance(0.35 + 0.1 * (round_ > 3000)) else ""
        first, second = dice.pick(_FIRST), dice.pick(_SECOND)
        if round_ > 6000:
            first = dice.pick(_FIRST) + first
        name = first + middle + second
        if first != second and name not in seen:
            seen.add(name)
            yield name


def quarter_names(dice: Dice) -> Iterator[str]:
    """Different names of urban communities without 社区."""
    yield from dice.shuffled(_QUARTERS)
    number = 0
    while True:
        number += 1
        yield f"新城{number}区"


def township_names(dice: Dice, townships: int) -> list[str]:
    """Full names of townships: two street offices first, then towns, then rural townships."""
    streets = min(2, townships)
    rural = max(0, (townships - streets) * 5 // 14)
    towns = townships - streets - rural
    pool = iter([*TOWNS, *MORE_TOWNS])
    spare = village_names(dice)
    used = {*STREETS, *TOWNS, *RURAL, *MORE_TOWNS}

    def fresh() -> str:
        name = next(pool, "") or next(n for n in spare if n not in used)
        used.add(name)
        return name

    low = [*RURAL, *(fresh() for _ in range(rural - len(RURAL)))][:rural]
    return (
        [f"{s}街道" for s in STREETS[:streets]]
        + [f"{fresh()}镇" for _ in range(towns)]
        + [f"{s}乡" for s in low]
    )


def county_name(number: int) -> str:
    """The name of the n-th county of a demo province, n from 0; the first is 青岚县."""
    if number < len(COUNTIES):
        return f"{COUNTIES[number]}县"
    first, second = divmod(number - len(COUNTIES), len(_SECOND))
    return (
        f"{_FIRST[first % len(_FIRST)]}{_SECOND[second]}县"
        if first < len(_FIRST)
        else (f"{_FIRST[first % len(_FIRST)]}{_SECOND[second]}{first // len(_FIRST)}县")
    )
