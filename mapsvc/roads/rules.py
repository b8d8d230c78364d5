"""How fast one travels: speeds by class, what a truck may not use, what night and rain cost.

A county sets its own values (`mapsvc roads rules rain=1.5`); they are kept in the database, so all
processes agree.
"""

from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, Literal

from mapsvc import county, record
from mapsvc.database import Db
from mapsvc.errors import BadInput

Profile = Literal["light", "truck"]
Conditions = Literal["day", "night", "rain", "night_rain"]
Direction = Literal["to", "from"]
"""`to`: they come to the event; `from`: away from it."""

PROFILES: dict[Profile, str] = {"light": "轻型车", "truck": "载重货车"}
CONDITIONS: dict[Conditions, str] = {
    "day": "白天",
    "night": "夜间",
    "rain": "雨天",
    "night_rain": "雨夜",
}
_KEY = "travel"
_SPEEDS_KMH = {
    "motorway": 100.0,
    "motorway_link": 50.0,
    "trunk": 70.0,
    "trunk_link": 45.0,
    "primary": 60.0,
    "primary_link": 40.0,
    "secondary": 50.0,
    "secondary_link": 35.0,
    "tertiary": 40.0,
    "tertiary_link": 30.0,
    "unclassified": 30.0,
    "residential": 25.0,
    "living_street": 15.0,
    "service": 15.0,
    "track": 12.0,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that turns a road into seconds. Speeds in km/h, the truck in tonnes and metres."""

    speeds: dict[str, float] = field(default_factory=lambda: dict(_SPEEDS_KMH))
    """By OpenStreetMap class, for the light vehicle; a `maxspeed` tag stands above them. They and
    the truck's four values count when a network is loaded."""
    truck_share: float = 0.8
    truck_top: float = 80.0
    truck_weight: float = 10.0
    truck_height: float = 3.5
    night: float = 1.25
    rain: float = 1.3
    night_rain: float = 1.6
    offroad: float = 4.0
    """From the road to the place itself, on foot or at that pace."""
    offroad_most: float = 3000.0
    """Metres; a place farther than this from every road is not reached by road."""
    estimate: float = 30.0
    """Where there is no road: the straight line times `detour` at this speed."""
    detour: float = 1.4

    def factor(self, conditions: Conditions) -> float:
        """What every duration is multiplied by."""
        return 1.0 if conditions == "day" else float(getattr(self, conditions))

    def estimate_s(self, line_m: float, conditions: Conditions) -> float:
        return line_m * self.detour / (self.estimate / 3.6) * self.factor(conditions)

    def likely_s(self, line_m: float, conditions: Conditions) -> float:
        """A time in which one has most likely come so far by road; a search may begin with it."""
        return (300 + line_m / 4) * self.factor(conditions)

    def estimated_m(self, seconds: float, conditions: Conditions) -> float:
        """The longest straight line that is estimated at so many seconds."""
        return seconds / self.estimate_s(1.0, conditions)

    @property
    def offroad_mps(self) -> float:
        return self.offroad / 3.6

    @property
    def estimate_words(self) -> str:
        return f"直线距离 × {self.detour:g}，按每小时 {self.estimate:g} 公里估算"


_TITLES = {
    "truck_share": "货车车速与轻型车之比",
    "truck_top": "货车最高车速（km/h）",
    "truck_weight": "货车总重（吨）",
    "truck_height": "货车高度（米）",
    "night": "夜间用时倍数",
    "rain": "雨天用时倍数",
    "night_rain": "雨夜用时倍数",
    "offroad": "离开道路后的速度（km/h）",
    "offroad_most": "离路最远多少米仍算能到",
    "estimate": "没有道路时的估算速度（km/h）",
    "detour": "没有道路时的绕行系数",
}


ON_THE_ROAD = frozenset(
    ("night", "rain", "night_rain", "offroad", "offroad_most", "estimate", "detour")
)
"""Rules that count at once; the others when a network is loaded."""


async def read(db: Db) -> Rules:
    """The county's rules: its own values over the usual ones."""
    return rules_of(await county.read(db, _KEY))


def rules_of(kept: Any) -> Rules:
    """The rules from what the database keeps of them."""
    own = dict(kept or {})
    speeds = _SPEEDS_KMH | own.pop("speeds", {})
    return replace(Rules(), speeds=speeds, **own)


async def change(db: Db, values: dict[str, float]) -> Rules:
    """Set some of the rules (`rain`, or a class of road such as `tertiary`); raises BadInput."""
    kept = dict(await county.read(db, _KEY) or {})
    speeds = dict(kept.pop("speeds", {}))
    for name, value in values.items():
        if name not in _TITLES and name not in _SPEEDS_KMH:
            raise BadInput(f"没有“{name}”这一项。可用：{'、'.join([*_TITLES, *_SPEEDS_KMH])}。")
        least = 1.0 if name in ("night", "rain", "night_rain", "detour") else 0.01
        if not isfinite(value) or not least <= value <= 100_000:
            raise BadInput(f"{name} 不能是 {value:g}，应不小于 {least:g}。")
        (kept if name in _TITLES else speeds)[name] = value
    if values:
        async with db.transaction():
            was = dict(await county.read(db, _KEY) or {})
            await county.write(db, _KEY, kept | {"speeds": speeds})
            told = kept | {"speeds": speeds}
            await record.write(db, "roads.rules", subject="、".join(values), old=was, new=told)
    return await read(db)


def table(rules: Rules) -> list[tuple[str, float, str]]:
    """Name, value and meaning of every rule."""
    values = asdict(rules)
    return [(name, values[name], title) for name, title in _TITLES.items()] + [
        (class_, kmh, "道路类别的车速（km/h）") for class_, kmh in rules.speeds.items()
    ]
