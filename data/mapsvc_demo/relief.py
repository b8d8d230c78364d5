"""The shaded relief: light from the north-west over a calm tint by height."""

import io
import math

import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from shapely import MultiPolygon, Polygon

from .model import Relief
from .plane import Floats
from .terrain import Terrain

_TINT = (  # height above the lowest, metres; red, green, blue
    (0, 226, 232, 220), (120, 231, 235, 222), (350, 236, 235, 222), (700, 233, 229, 216),
    (1100, 228, 225, 217), (1500, 238, 238, 235),
)
_WIDTH = 1360  # pixels


def relief(terrain: Terrain, county: Polygon | MultiPolygon) -> Relief:
    """The county's relief as a PNG with a palette, fading out beyond the border."""
    west, south, east, north = county.buffer(0.02).bounds
    rows = round(_WIDTH * (_mercator(north) - _mercator(south)) / math.radians(east - west))
    lon = west + (np.arange(_WIDTH) + 0.5) * (east - west) / _WIDTH
    up = _mercator(north) - (np.arange(rows) + 0.5) * (_mercator(north) - _mercator(south)) / rows
    lat = np.degrees(2 * np.arctan(np.exp(up)) - math.pi / 2)
    grid = np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2)
    plane = terrain.plane
    per_lon, per_lat = plane.metres_per_degree
    xy = (grid - np.array([plane.lon, plane.lat])) * np.array([per_lon, per_lat])
    at = plane.rowcol(xy).T.reshape(2, rows, _WIDTH)
    height: Floats = ndimage.map_coordinates(terrain.height, at, order=3, mode="nearest")
    metre = math.radians(east - west) / _WIDTH * 6378137.0 * math.cos(math.radians(plane.lat))
    rgb = _coloured(height, metre)
    alpha = _veil(county, (west, south, east, north), rows)
    picture = Image.fromarray(np.dstack([rgb, np.asarray(alpha)]), "RGBA")
    buffer = io.BytesIO()
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "PNG", optimize=True)
    return Relief(buffer.getvalue(), west, south, east, north)


def _mercator(lat: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))


def _coloured(height: Floats, metre: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Height (rows from the north, metres) to shaded colours (rows, columns, 3)."""
    south, east = np.gradient(ndimage.gaussian_filter(height, 1.0), metre)
    lit = np.zeros_like(height)
    # Three soft lamps instead of one: valleys across the light stay readable.
    for azimuth, share in ((315, 0.6), (270, 0.2), (0, 0.2)):
        a = math.radians(azimuth)
        slope = -(east * math.sin(a) - south * math.cos(a))
        lit += share * (0.72 + 0.70 * slope) / np.sqrt(1 + 1.2 * (east**2 + south**2))
    shade = 1 + 0.62 * (np.clip(lit, 0.15, 1.1) - 0.72)
    stops = np.array(_TINT, dtype=np.float64)
    above = height - height.min()
    tint = np.dstack([np.interp(above, stops[:, 0], stops[:, i]) for i in (1, 2, 3)])
    return np.clip(tint * shade[..., None], 0, 255).astype(np.uint8)


def _veil(
    county: Polygon | MultiPolygon, bounds: tuple[float, float, float, float], rows: int
) -> Image.Image:
    """Opaque inside the county, soft over some 600 metres outside."""
    west, south, east, north = bounds
    image = Image.new("L", (_WIDTH, rows), 0)
    draw = ImageDraw.Draw(image)
    for part in shapely.get_parts(county):
        ring = shapely.get_coordinates(part.exterior)
        x = (ring[:, 0] - west) / (east - west) * _WIDTH
        span = _mercator(north) - _mercator(south)
        y = [(_mercator(north) - _mercator(v)) / span * rows for v in ring[:, 1].tolist()]
        draw.polygon(list(zip(x.tolist(), y, strict=True)), fill=255)
    soft = image.filter(ImageFilter.GaussianBlur(9))
    # Twice the blurred value, capped: full strength inside, fading only outside.
    return soft.point(lambda v: min(255, 2 * v))
