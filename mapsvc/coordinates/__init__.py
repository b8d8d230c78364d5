"""Coordinate systems, the GCJ-02/BD-09 offset, and coordinates written as text.

See docs/coordinates.md for formulas, sources and accuracy.
"""

from mapsvc.coordinates.china import in_china
from mapsvc.coordinates.pairs import Form, Pair, Pairs, parse_pair, parse_pairs
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
from mapsvc.coordinates.text import Angle, Problem, format_dms, parse_coordinate
from mapsvc.coordinates.typed import GAUSS, Typed, read_typed

__all__ = [
    "GAUSS",
    "Angle",
    "Form",
    "GaussKruger",
    "Pair",
    "Pairs",
    "Problem",
    "System",
    "Typed",
    "UnknownSystem",
    "format_dms",
    "from_wgs84",
    "gauss_kruger_candidates",
    "in_china",
    "parse_coordinate",
    "parse_pair",
    "parse_pairs",
    "parse_system",
    "read_typed",
    "stated_accuracy",
    "to_wgs84",
]
