"""Answers in forms to take along: GeoJSON for a GIS, a workbook for the file.

Each holds what the JSON answer holds, with the same rights, and says what was asked, by whom, when,
of data of what time.
"""

from mapsvc.answers.about import About, about
from mapsvc.answers.book import Part, workbook
from mapsvc.answers.coverage import (
    coverage_geojson,
    coverage_parts,
    sites_geojson,
    sites_parts,
)
from mapsvc.answers.nearest import nearest_geojson, nearest_parts
from mapsvc.answers.plans import plan_geojson, plan_parts
from mapsvc.answers.within import within_geojson, within_parts

__all__ = [
    "About",
    "Part",
    "about",
    "coverage_geojson",
    "coverage_parts",
    "nearest_geojson",
    "nearest_parts",
    "plan_geojson",
    "plan_parts",
    "sites_geojson",
    "sites_parts",
    "within_geojson",
    "within_parts",
    "workbook",
]
