"""The flat working plane of one county: metres east and north of its centre, and its grid."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_A, _E2 = 6378137.0, 0.0066943799901413165  # WGS-84


@dataclass(frozen=True, slots=True)
class Plane:
    """A grid of square cells round (lon, lat); arrays are [row, column], row 0 in the south.

    One degree has one fixed length in each direction, exact at the centre; 25 km away the error
    of a length is below 0.3 %, which no drawing of a fictional county can show.
    """

    lon: float
    lat: float
    width: float
    height: float
    cell: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return round(self.height / self.cell), round(self.width / self.cell)

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Metres in one degree of longitude and of latitude at the centre."""
        phi = math.radians(self.lat)
        w = math.sqrt(1 - _E2 * math.sin(phi) ** 2)
        return (
            math.radians(1) * _A * math.cos(phi) / w,
            math.radians(1) * _A * (1 - _E2) / w**3,
        )

    def degrees(self, xy: Floats) -> Floats:
        """Metres (n, 2) to lon/lat (n, 2), rounded to 7 decimals (1 cm)."""
        per_lon, per_lat = self.metres_per_degree
        out = np.asarray(xy, dtype=np.float64) / np.array([per_lon, per_lat])
        rounded: Floats = np.round(out + np.array([self.lon, self.lat]), 7)
        return rounded

    def metres(self, lonlat: Floats) -> Floats:
        """Lon/lat (n, 2) to metres (n, 2)."""
        per_lon, per_lat = self.metres_per_degree
        shifted = np.asarray(lonlat, dtype=np.float64) - np.array([self.lon, self.lat])
        out: Floats = shifted * np.array([per_lon, per_lat])
        return out

    def centres(self, cells: Ints) -> Floats:
        """Flat cell numbers (n,) to the metres of their centres (n, 2)."""
        rows, cols = np.divmod(cells, self.shape[1])
        return self.of_rowcol(np.column_stack([rows, cols]).astype(np.float64))

    def of_rowcol(self, rowcol: Floats) -> Floats:
        """Fractional (row, column), whole numbers being cell centres, to metres (n, 2)."""
        x = (rowcol[:, 1] + 0.5) * self.cell - self.width / 2
        y = (rowcol[:, 0] + 0.5) * self.cell - self.height / 2
        return np.column_stack([x, y])

    def rowcol(self, xy: Floats) -> Floats:
        """Metres (n, 2) to fractional (row, column) (n, 2), the inverse of `of_rowcol`."""
        col = (xy[:, 0] + self.width / 2) / self.cell - 0.5
        row = (xy[:, 1] + self.height / 2) / self.cell - 0.5
        return np.column_stack([row, col])

    def cells(self, xy: Floats) -> Ints:
        """Metres (n, 2) to flat cell numbers (n,), clipped to the grid."""
        rows, cols = self.shape
        rc = np.rint(self.rowcol(xy)).astype(np.int64)
        return np.clip(rc[:, 0], 0, rows - 1) * cols + np.clip(rc[:, 1], 0, cols - 1)
