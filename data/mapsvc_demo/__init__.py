"""A fictional county for demonstrations and benchmarks, made by code from a fixed seed."""

from .county import build, build_province
from .model import DEMO_DAY, County, Feature, Ground, Region, Relief, RoadNetwork, Way
from .osmfile import write_roads

__all__ = [
    "DEMO_DAY",
    "County",
    "Feature",
    "Ground",
    "Region",
    "Relief",
    "RoadNetwork",
    "Way",
    "build",
    "build_province",
    "write_roads",
]
