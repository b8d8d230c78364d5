"""The shaded relief: light from the north-west over a calm tint by height."""

import io
import math

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from shapely import MultiPolygon, Polygon

from .model import Relief
from .plane import Floats
from .terrain import Terrain

_TINT = (  # height above the lowest, metres; red, green, blue
    (0, 226, 232, 220),
    (120, 231, 235, 222),
    (350, 236, 235, 222),
    (700, 233, 229, 216),
    (1100, 228, 225, 217),
    (1500, 238, 238, 235),
)
_WIDTH = 1360  # pixels
_SHADES = 40

Bytes = NDArray[np.uint8]


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
    veil = np.asarray(_veil(county, (west, south, east, north), rows))
    index, palette = _coloured(height, metre, veil)
    picture = Image.fromarray(index, "P")
    picture.putpalette(palette, "RGBA")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return Relief(buffer.getvalue(), west, south, east, north)


def _mercator(lat: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))


def _coloured(height: Floats, metre: float, veil: Bytes) -> tuple[Bytes, bytes]:
    """Palette indices (rows, columns) of the shaded land, and the RGBA palette.

    Forty shades of six tints, and sixteen strengths of one colour where the land fades out: an
    octree would spend the palette on the fade and leave terraces on the slopes.
    """
    south, east = np.gradient(ndimage.gaussian_filter(height, 1.0), metre)
    lit = np.zeros_like(height)
    # Three soft lamps instead of one: valleys across the light stay readable.
    for azimuth, share in ((315, 0.6), (270, 0.2), (0, 0.2)):
        a = math.radians(azimuth)
        slope = -(east * math.sin(a) - south * math.cos(a))
        lit += share * (0.72 + 0.70 * slope) / np.sqrt(1 + 1.2 * (east**2 + south**2))
    shades = np.linspace(0.70, 1.12, _SHADES)
    shade = 1 + 0.55 * (np.clip(lit, 0.15, 1.1) - 0.72)
    tone = np.rint((shade - shades[0]) / (shades[-1] - shades[0]) * (_SHADES - 1))
    stops = np.array(_TINT, dtype=np.float64)
    tint = np.rint(np.interp(height - height.min(), stops[:, 0], np.arange(len(stops))))
    index = np.clip(tone, 0, _SHADES - 1) * len(stops) + tint
    colours = np.clip(shades[:, None, None] * stops[None, :, 1:], 0, 255).reshape(-1, 3)
    fades = 256 - len(colours)
    faint = np.tile(stops[2, 1:], (fades, 1))
    strength = np.concatenate([np.full(len(colours), 255.0), np.linspace(0, 255, fades)])
    palette = np.column_stack([np.vstack([colours, faint]), strength]).astype(np.uint8)
    fading = len(colours) + np.rint(veil.astype(np.float64) / 255 * (fades - 1))
    return np.where(veil == 255, index, fading).astype(np.uint8), palette.tobytes()


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
