"""The road network: loaded from OpenStreetMap data, closed in places, travelled on."""

from mapsvc.roads.fan import Journey, Route
from mapsvc.roads.reach import Band, each_within, fastest, reach
from mapsvc.roads.rules import CONDITIONS, PROFILES, Conditions, Direction, Profile
from mapsvc.roads.snapping import Place
from mapsvc.roads.travel import has_network, journeys, route, summary

__all__ = [
    "CONDITIONS",
    "PROFILES",
    "Band",
    "Conditions",
    "Direction",
    "Journey",
    "Place",
    "Profile",
    "Route",
    "each_within",
    "fastest",
    "has_network",
    "journeys",
    "reach",
    "route",
    "summary",
]
