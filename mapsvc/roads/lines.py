"""The drawn lines of the edges in memory: what is nearest to a spot, and where on it."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

STEP_M = 100.0
"""Samples stand so close on every line: no point of it is farther than half of it from one."""
_A, _E2 = 6_378_137.0, 0.006694379990141
"""The WGS-84 ellipsoid: half its width in metres, its eccentricity squared."""


class Lines:
    """Segments of all edges, sorted by edge; `spots` (n, 2) in WGS-84 degrees, `edge` of each."""

    def __init__(self, spots: Floats, edge: Numbers) -> None:
        inner = np.flatnonzero(edge[1:] == edge[:-1])
        self.edge_of = edge[inner].astype(np.int32)
        """The edge of every segment."""
        self.start = spots[inner]
        self.along = spots[inner + 1] - self.start
        east, north = metres_per_degree(self.start[:, 1])
        length = np.hypot(self.along[:, 0] * east, self.along[:, 1] * north)
        before = length.cumsum() - length
        count = int(edge.max(initial=-1)) + 1
        first = np.searchsorted(self.edge_of, np.arange(count))
        total = np.maximum(np.bincount(self.edge_of, length, count), 1e-9)
        self._share = (before - before[first][self.edge_of]) / total[self.edge_of]
        self._part = length / total[self.edge_of]
        self._many = np.maximum(1, np.ceil(length / STEP_M)).astype(np.int64)

    @cached_property
    def segment_of(self) -> NDArray[np.int32]:
        """The segment of every sample."""
        return np.repeat(np.arange(len(self.edge_of), dtype=np.int32), self._many)

    @cached_property
    def tree(self) -> cKDTree:
        """The samples, in metres in space: each in the middle of a piece of its segment."""
        segment = self.segment_of
        first = self._many.cumsum() - self._many
        share = (np.arange(len(segment)) - first[segment] + 0.5) / self._many[segment]
        return cKDTree(on_globe(self.start[segment] + self.along[segment] * share[:, None]))

    def foot(self, spots: Floats, segment: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """For pairs of a spot and a segment: share of the edge's length, metres off it."""
        scale = np.column_stack(metres_per_degree(spots[:, 1]))
        along = self.along[segment] * scale
        away = (spots - self.start[segment]) * scale
        square = np.maximum((along**2).sum(axis=1), 1e-12)
        part = np.clip((away * along).sum(axis=1) / square, 0.0, 1.0)
        off_m = np.hypot(*(away - along * part[:, None]).T)
        share = self._share[segment] + self._part[segment] * part
        return np.clip(share, 0.0, 1.0), off_m


def on_globe(spots: Floats) -> Floats:
    """Metres from the middle of the ellipsoid, (n, 3)."""
    lon, lat = np.radians(spots[:, 0]), np.radians(spots[:, 1])
    normal = _A / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    flat = normal * np.cos(lat)
    return np.column_stack(
        [flat * np.cos(lon), flat * np.sin(lon), normal * (1 - _E2) * np.sin(lat)]
    )


def metres_per_degree(lat: Floats) -> tuple[Floats, Floats]:
    """Of longitude and of latitude, on the WGS-84 ellipsoid at these latitudes."""
    phi = np.radians(np.clip(lat, -89.9, 89.9))
    north = 111132.954 - 559.822 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    east = 111412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
    return east, north
