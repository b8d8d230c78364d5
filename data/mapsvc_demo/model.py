"""What the demo county is made of: plain records, every geometry in WGS-84 lon/lat (EPSG:4326)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from shapely import LineString, MultiPolygon, Point, Polygon

DEMO_DAY = date(2026, 11, 20)  # fixed, so that the same seed gives the same bytes on any day


@dataclass(frozen=True, slots=True)
class Region:
    """One administrative region; `level` is county, township or village."""

    code: str
    name: str
    level: str
    parent_code: str | None
    geometry: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Ground:
    """One object of the base map: `kind` is road, river, water, forest or mine."""

    kind: str
    class_: str
    name: str
    geometry: LineString | Polygon | MultiPolygon | Point


@dataclass(frozen=True, slots=True)
class Relief:
    """Shaded relief as PNG. Rows are evenly spaced in Web Mercator, bounds are degrees."""

    png: bytes
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way in OpenStreetMap's sense: node ids in order, and tags."""

    id: int
    nodes: tuple[int, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """Nodes by id as (lon, lat), and the ways over them: roads, and the rivers they cross."""

    nodes: Mapping[int, tuple[float, float]]
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of a layer; `attrs` holds the declared fields of the layer, absent when unknown."""

    code: str
    name: str
    lon: float
    lat: float
    attrs: dict[str, object]
    verified_on: date


@dataclass(frozen=True, slots=True)
class County:
    """A county with its regions, base map, roads and the four layers.

    `features` is keyed by layer id: risk_points, depots, forces, command_posts. Without scenery
    `ground` is empty and `relief` and `roads` are None.
    """

    code: str
    name: str
    regions: list[Region]
    features: dict[str, list[Feature]]
    ground: list[Ground] = field(default_factory=list)
    relief: Relief | None = None
    roads: RoadNetwork | None = None
