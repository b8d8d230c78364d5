"""Vector tiles: the points of a layer, counted at low zooms; the county's ground."""

from mapsvc.tiles.address import DEEPEST
from mapsvc.tiles.cache import Tile, TileCache, is_settled
from mapsvc.tiles.land import ground
from mapsvc.tiles.marks import SINGLE_FROM, points

__all__ = ["DEEPEST", "SINGLE_FROM", "Tile", "TileCache", "ground", "is_settled", "points"]
