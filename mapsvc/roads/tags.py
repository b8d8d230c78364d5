"""What a way's tags mean to a vehicle: which way it may go, how fast, and whether at all.

The tags are OpenStreetMap's: oneway, junction, access and its finer forms, maxspeed, hgv,
maxweight, maxheight.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mapsvc.roads.rules import Rules

_CLOSED = frozenset(("no", "private"))
_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph|t|m)?\s*$")
_MPH = 1.609344


@dataclass(frozen=True, slots=True)
class Traffic:
    """Metres a second along the way and against it, for each profile; 0 is no entry."""

    light: tuple[float, float]
    truck: tuple[float, float]


def traffic(tags: Mapping[str, str], rules: Rules) -> Traffic:
    """Which vehicles may use the way in which direction, and how fast."""
    class_ = tags["highway"]
    along, against = _directions(tags)
    if not _admitted(tags):
        return Traffic((0.0, 0.0), (0.0, 0.0))
    usual = rules.speeds[class_]
    speeds = [
        _speed(tags.get(f"maxspeed:{side}")) or _speed(tags.get("maxspeed")) or usual
        for side in ("forward", "backward")
    ]
    limit = _speed(tags.get("maxspeed:hgv")) or rules.truck_top
    carries = _carries_truck(tags, rules)
    light, truck = [], []
    for open_, kmh in zip((along, against), speeds, strict=True):
        light.append(kmh / 3.6 if open_ else 0.0)
        heavy = min(kmh * rules.truck_share, limit, rules.truck_top) / 3.6
        truck.append(heavy if open_ and carries else 0.0)
    return Traffic((light[0], light[1]), (truck[0], truck[1]))


def _directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Is the way open along its drawing, and against it?"""
    oneway = tags.get("oneway:motor_vehicle") or tags.get("oneway", "")
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway == "reversible":  # changes by the hour: promised to nobody
        return False, False
    circles = tags.get("junction") in ("roundabout", "circular")
    implied = circles or tags["highway"] == "motorway"
    return True, oneway == "no" or not implied


def _admitted(tags: Mapping[str, str]) -> bool:
    """The finest access tag decides; what is kept open for emergency vehicles is open to us."""
    if tags.get("emergency") in ("yes", "designated"):
        return True
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):
        if key in tags:
            return tags[key] not in _CLOSED
    return True


def _carries_truck(tags: Mapping[str, str], rules: Rules) -> bool:
    if tags.get("hgv") in _CLOSED or tags.get("goods") in _CLOSED:
        return False
    weight = _number(tags.get("maxweight"))
    height = _number(tags.get("maxheight"))
    return (weight is None or weight >= rules.truck_weight) and (
        height is None or height >= rules.truck_height
    )


def _number(text: str | None) -> float | None:
    found = _NUMBER.match(text or "")
    return float(found[1]) if found else None


def _speed(text: str | None) -> float | None:
    """km/h, or None for what is no number (`none`, `CN:urban`) or no speed."""
    found = _NUMBER.match(text or "")
    if not found or found[2] in ("t", "m"):
        return None
    kmh = float(found[1]) * (_MPH if found[2] == "mph" else 1.0)
    return kmh if 1 <= kmh <= 200 else None
