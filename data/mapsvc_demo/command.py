"""The layer command_posts: one post a region, each below the post of the superior region."""

from . import names
from .model import Feature
from .places import Place
from .spots import beside
from .survey import Survey

_LEVEL = {"county": "县级", "township": "乡镇级", "village": "村级"}


def post_code(region: str) -> str:
    """The code of the post that commands a region."""
    return f"ZH-{region}"


def command_posts(survey: Survey) -> list[Feature]:
    """The command tree of the county, from the county down."""
    hosts = survey.places.all()
    spots = beside(survey.land.terrain.plane, survey.rng, hosts, 15.0, 120.0)
    return [
        _post(survey, place, (lon, lat))
        for place, (lon, lat) in zip(hosts, spots.tolist(), strict=True)
    ]


def _post(survey: Survey, place: Place, spot: tuple[float, float]) -> Feature:
    dice = survey.dice
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
    return Feature(post_code(place.code), unit, *spot, attrs, survey.checked())
