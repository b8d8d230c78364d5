"""The layer command_posts: one post a region, each below the post of the superior region."""

from datetime import date

from numpy.random import Generator

from . import names
from .depots import checked
from .dice import Dice
from .model import Feature
from .places import Place, Places
from .plane import Plane
from .spots import beside

_LEVEL = {"county": "县级", "township": "乡镇级", "village": "村级"}


def post_code(region: str) -> str:
    """The code of the post that commands a region."""
    return f"ZH-{region}"


def command_posts(
    plane: Plane, rng: Generator, dice: Dice, places: Places, today: date
) -> list[Feature]:
    """The command tree of the county, from the county down."""
    hosts = places.all()
    spots = beside(plane, rng, hosts, 15.0, 120.0)
    return [
        _post(dice, place, lon, lat, today)
        for place, (lon, lat) in zip(hosts, spots.tolist(), strict=True)
    ]


def _post(dice: Dice, place: Place, lon: float, lat: float, today: date) -> Feature:
    if place.level == "county":
        post, unit = "指挥长（县长）", f"{place.name}应急指挥部"
    elif place.level == "township":
        chief = {"道": "街道办事处主任", "镇": "镇长", "乡": "乡长"}[place.name[-1]]
        post, unit = f"指挥长（{chief}）", f"{place.name}应急指挥所"
    else:
        chief = "社区主任" if place.name.endswith("社区") else "村委会主任"
        post, unit = f"站长（{chief}）", f"{place.name}应急服务站"
    attrs: dict[str, object] = {
        "post": post,
        "unit": unit,
        "holder": names.person(dice),
        "holder_phone": names.phone(dice),
        "deputy": names.person(dice),
        "deputy_phone": names.phone(dice),
        "duty_phone": names.phone(dice),
        "level": _LEVEL[place.level],
    }
    if place.parent:
        attrs["parent"] = post_code(place.parent)
    return Feature(post_code(place.code), unit, lon, lat, attrs, checked(dice, today))
