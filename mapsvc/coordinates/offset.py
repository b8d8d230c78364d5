"""GCJ-02 and BD-09: the publicly known offset formulas, and their inverses by iteration.

Degrees in, degrees out, float64 arrays of one shape. GCJ-02 moves a WGS-84 point by some hundred
metres with a polynomial and sines laid on the Krasovsky ellipsoid; BD-09 turns and stretches
GCJ-02 once more. Neither has a closed inverse: one pass of the usual inverse is up to 4.8 m off,
four fixed-point rounds (three for BD-09) end below 1e-5 m everywhere.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mapsvc.coordinates.china import in_china

Floats = NDArray[np.float64]
PointFunction = Callable[[Floats, Floats], tuple[Floats, Floats]]

_A: Final = 6378245.0  # Krasovsky 1940, metres
_EE: Final = 0.00669342162296594323
_GCJ_ROUNDS: Final = 4
_BD_ROUNDS: Final = 3
_BD_TURN: Final = np.pi * 3000.0 / 180.0
_CHUNK: Final = 16_384  # points a pass: the dozen temporaries stay in the processor's cache


def wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Shift points of the outline; leave the others as they are."""
    return _chunked(_wgs84_to_gcj02, lon, lat)


def gcj02_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Undo `wgs84_to_gcj02`: a point is unshifted where its unshifted place lies in the outline.

    Every inside point comes back exactly. Within one shift (at most 0.8 km) outside the line an
    unshifted point and a shifted one share a place; the shifted reading wins there.
    """
    return _chunked(_gcj02_to_wgs84, lon, lat)


def gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Apply Baidu's second offset, in China or not."""
    return _chunked(_gcj02_to_bd09, lon, lat)


def bd09_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Undo `gcj02_to_bd09`: the closed approximation (0.22 m), then three rounds."""
    return _chunked(_bd09_to_gcj02, lon, lat)


def _chunked(function: PointFunction, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    out_lon, out_lat = np.empty(lon.shape), np.empty(lon.shape)
    flat = (lon.ravel(), lat.ravel(), out_lon.ravel(), out_lat.ravel())
    for start in range(0, lon.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        with np.errstate(all="ignore"):  # points abroad may overflow; their result is not used
            flat[2][part], flat[3][part] = function(flat[0][part], flat[1][part])
    return out_lon, out_lat


def _delta(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The GCJ-02 shift at WGS-84 points, in degrees."""
    x, y = lon - 105.0, lat - 35.0
    root, xy = np.sqrt(np.abs(x)), x * y
    (x1, x3, x12, x30), x_double = _waves(x)
    (y1, y3, y12, y30), _ = _waves(y)
    both = 20.0 * x_double * (4.0 - 4.0 * x_double * x_double)  # 20 sin 6πx + 20 sin 2πx
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * xy + 0.2 * root
    d_lat += (both + 20.0 * y1 + 40.0 * y3 + 160.0 * y12 + 320.0 * y30) * (2.0 / 3.0)
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * xy + 0.1 * root
    d_lon += (both + 20.0 * x1 + 40.0 * x3 + 150.0 * x12 + 300.0 * x30) * (2.0 / 3.0)
    sine = np.sin(np.radians(lat))
    squared = sine * sine
    magic = 1.0 - _EE * squared
    normal = _A / np.sqrt(magic)  # radius across the meridian
    d_lat = np.degrees(d_lat / (normal * (1.0 - _EE) / magic))
    return np.degrees(d_lon / (normal * np.sqrt(1.0 - squared))), d_lat


def _waves(v: Floats) -> tuple[tuple[Floats, Floats, Floats, Floats], Floats]:
    """sin of πv, πv/3, πv/12, πv/30, and sin 2πv; multiple angles halve the time spent in sin."""
    twelfth, cosine = np.sin(v * (np.pi / 12.0)), np.cos(v * (np.pi / 12.0))
    sixth, sixth_cosine = 2.0 * twelfth * cosine, 1.0 - 2.0 * twelfth * twelfth
    third, third_cosine = 2.0 * sixth * sixth_cosine, 1.0 - 2.0 * sixth * sixth
    whole = third * (3.0 - 4.0 * third * third)
    whole_cosine = third_cosine * (4.0 * third_cosine * third_cosine - 3.0)
    waves = (whole, third, twelfth, np.sin(v * (np.pi / 30.0)))
    return waves, 2.0 * whole * whole_cosine


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    inside = in_china(lon, lat)
    d_lon, d_lat = _delta(lon, lat)
    return np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)


def _gcj02_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon, lat
    for _ in range(_GCJ_ROUNDS):
        d_lon, d_lat = _delta(x, y)
        x, y = lon - d_lon, lat - d_lat
    inside = in_china(x, y, slack=True)
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _bd09_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 0.0065, lat - 0.006
    radius = np.hypot(x, y) - 2e-5 * np.sin(y * _BD_TURN)
    angle = np.arctan2(y, x) - 3e-6 * np.cos(x * _BD_TURN)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    for _ in range(_BD_ROUNDS):
        again_lon, again_lat = _gcj02_to_bd09(x, y)
        x, y = x + (lon - again_lon), y + (lat - again_lat)
    return x, y
