"""Coordinate systems, the GCJ-02/BD-09 offset, and coordinates written as text.

See docs/coordinates.md for formulas, sources and accuracy.
"""

from mapsvc.coordinates.china import in_china
from mapsvc.coordinates.systems import (
    GaussKruger,
    System,
    UnknownSystem,
    from_wgs84,
    gauss_kruger_candidates,
    parse_system,
    stated_accuracy,
    to_wgs84,
)

__all__ = [
    "GaussKruger",
    "System",
    "UnknownSystem",
    "from_wgs84",
    "gauss_kruger_candidates",
    "in_china",
    "parse_system",
    "stated_accuracy",
    "to_wgs84",
]
