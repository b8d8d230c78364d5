"""The base map of the county: rivers, lakes, forests, mines and roads as drawn objects."""

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from . import cover, water
from .crossings import River, network
from .model import Ground, RoadNetwork
from .places import Places
from .plane import Plane
from .roads import roads
from .sites import Land


def drawn(
    land: Land,
    stems: list[water.Stem],
    places: Places,
    county: Polygon | MultiPolygon,
    rng: Generator,
) -> tuple[list[Ground], RoadNetwork]:
    """All ground objects, cut at the county's border, and the road network."""
    plane = land.terrain.plane
    inside = land.territory.labels >= 0
    out = [
        Ground("forest", "", f"{_base(places, plane, wood)}林区" if wood.area > 8e-4 else "", wood)
        for wood in cover.woods(land.stand, inside, plane)
    ]
    for dam in land.dams:
        base = _village(land, places, dam.cell)
        out.append(Ground("water", "reservoir", f"{base}水库", water.lake(land.terrain, dam)))
    rivers = _rivers(land, stems, places, county)
    out += rivers
    for mine in land.mines:
        name = f"{_village(land, places, mine.cell)}{mine.product}"
        out.append(Ground("mine", "", name, cover.pit(mine, plane, rng)))
    lines = [
        River(g.geometry, g.class_, g.name) for g in rivers if isinstance(g.geometry, LineString)
    ]
    built = roads(land, lines, places.townships[0].name, rng)
    out += [
        Ground("road", r.tags["highway"], r.tags.get("name", ""), LineString(r.line)) for r in built
    ]
    return out, network(built, lines, plane)


def _village(land: Land, places: Places, cell: int) -> str:
    place = places.villages[int(land.territory.labels.flat[cell])]
    return place.name.removesuffix("村").removesuffix("社区")


def _base(places: Places, plane: Plane, shape: BaseGeometry) -> str:
    rural = [p for p in places.villages if p.name.endswith("村")]
    seats = np.array([p.xy for p in rural])
    x, y = plane.metres(shapely.get_coordinates(shapely.point_on_surface(shape)))[0]
    nearest = rural[int(np.hypot(seats[:, 0] - x, seats[:, 1] - y).argmin())]
    return nearest.name.removesuffix("村").removesuffix("社区")


def _rivers(
    land: Land, stems: list[water.Stem], places: Places, county: Polygon | MultiPolygon
) -> list[Ground]:
    """The streams of the county, the largest first; small ones have no name."""
    plane = land.terrain.plane
    out: list[Ground] = []
    shapely.prepare(county)
    for stem in stems:
        line = shapely.simplify(LineString(stem.line), 4.0)
        line = LineString(plane.degrees(shapely.get_coordinates(line)))
        kept = shapely.transform(shapely.intersection(line, county), lambda xy: np.round(xy, 7))
        if kept.is_empty:
            continue
        class_ = "river" if stem.km2 >= water.RIVER_KM2 else "stream"
        name = ""
        if stem.km2 >= 15:
            name = (
                "青岚江" if stem.into is None else _river_name(_base(places, plane, kept), class_)
            )
        out += [
            Ground("river", class_, name, part)
            for part in shapely.get_parts(kept)
            if part.geom_type == "LineString" and part.length > 1e-3
        ]
    return out


def _river_name(base: str, class_: str) -> str:
    if base[-1] in "溪河江":
        return base
    return f"{base}{'河' if class_ == 'river' else '溪'}"
