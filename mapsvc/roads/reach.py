"""How far one gets in so many seconds: times for many places from many starts, areas by band."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from mapsvc.database import Db, moment
from mapsvc.errors import Unavailable
from mapsvc.roads import state
from mapsvc.roads.graph import Floats, Options, Stands, Tree
from mapsvc.roads.lines import metres_per_degree
from mapsvc.roads.rules import Conditions, Direction, Profile
from mapsvc.roads.snapping import Place, Use, snap, uses
from mapsvc.roads.state import Roads

NO_NETWORK = "尚未载入路网，不能按道路计算。请管理员运行 mapsvc roads load 文件.osm.pbf。"
_GRID = 400
"""Cells along the longer side of the picture that areas are traced from."""
_FINEST_M = 30.0
_ON_FOOT_M = (60.0, 150.0, 300.0, 500.0, 800.0, 1200.0, 1800.0, 3000.0)
"""Distances from the road at which the area's edge is taken."""


@dataclass(frozen=True, slots=True)
class Band:
    """The whole area reached within `seconds`, a GeoJSON MultiPolygon in WGS-84."""

    seconds: int
    geometry: dict[str, Any]


async def fastest(
    db: Db,
    starts: Sequence[Place],
    places: Sequence[Place],
    *,
    profile: Profile = "light",
    conditions: Conditions = "day",
    direction: Direction = "from",
) -> list[float | None]:
    """For each place the seconds by road from (`from`) or to (`to`) the start that is fastest.

    None where no road leads. Raises Unavailable without a network.
    """
    async with moment(db):
        spread = await Spread.open(db, starts, profile, conditions, direction)
    seconds = await anyio.to_thread.run_sync(
        lambda: spread.seconds(_stands(spread.roads, places, uses(direction)[0]), places)
    )
    return [s if np.isfinite(s) else None for s in seconds.tolist()]


async def each_within(
    db: Db,
    starts: Sequence[Place],
    places: Sequence[Place],
    seconds: float,
    *,
    profile: Profile = "light",
    conditions: Conditions = "day",
    direction: Direction = "from",
) -> NDArray[np.bool_]:
    """For every start alone and every place: is one there within `seconds`? [start, place]

    Raises Unavailable without a network.
    """
    async with moment(db):
        roads = await state.now(db, profile, conditions)
        if roads is None:
            raise Unavailable(NO_NETWORK, code="no_road_network")
    limit = seconds / roads.factor

    def one_by_one() -> NDArray[np.bool_]:
        use, start_use = uses(direction)
        at, stands = _stands(roads, starts, start_use), _stands(roads, places, use)
        out = np.zeros((len(starts), len(places)), dtype=bool)
        for n, start in enumerate(starts):
            spread = Spread(roads, [start], at.only(n), direction, limit)
            out[n] = spread.seconds(stands, places) <= seconds
        return out

    return await anyio.to_thread.run_sync(one_by_one)


async def reach(
    db: Db,
    starts: Sequence[Place],
    seconds: Sequence[int],
    *,
    profile: Profile = "light",
    conditions: Conditions = "day",
    direction: Direction = "from",
) -> list[Band]:
    """The area within each of the times from (`from`) the starts, or from which one gets to them.

    By road first, then on foot from the road for what is left of the time. The outline is exact to
    about a two-hundredth of its width; whether one place is reached in time is `fastest`'s answer.
    Raises Unavailable without a network.
    """
    async with moment(db):
        spread = await Spread.open(db, starts, profile, conditions, direction, max(seconds))
    return await anyio.to_thread.run_sync(lambda: _bands(spread, sorted(set(seconds))))


def _stands(roads: Roads, places: Sequence[Place], use: Use) -> Stands:
    most = roads.rules.offroad_most
    return snap(roads.graph, places, roads.profile, roads.closed(), most, use)


class Spread:
    """The tree of many starts at once. Seconds inside are those of a dry day."""

    def __init__(
        self,
        roads: Roads,
        starts: Sequence[Place],
        at: Stands,
        direction: Direction,
        limit: float,
    ) -> None:
        self.roads, self.starts, self.at, self.direction = roads, starts, at, direction
        graph, profile = roads.graph, roads.profile
        ends = (graph.entering if direction == "to" else graph.leaving)(at, profile)
        self.access = at.off_m / roads.rules.offroad_mps
        first = Options(
            ends.point,
            ends.arc,
            ends.share,
            ends.node,
            ends.seconds + self.access[ends.point],
        )
        self.tree: Tree = graph.tree(first, profile, direction, roads.closed(), limit)

    @classmethod
    async def open(
        cls,
        db: Db,
        starts: Sequence[Place],
        profile: Profile,
        conditions: Conditions,
        direction: Direction,
        seconds: float = np.inf,
    ) -> "Spread":
        roads = await state.now(db, profile, conditions)
        if roads is None:
            raise Unavailable(NO_NETWORK, code="no_road_network")
        limit = seconds / roads.factor

        def grown() -> "Spread":
            at = _stands(roads, starts, uses(direction)[1])
            return cls(roads, starts, at, direction, limit)

        return await anyio.to_thread.run_sync(grown)

    def seconds(self, stands: Stands, places: Sequence[Place]) -> Floats:
        """For each place the seconds from the fastest start, conditions and access included."""
        graph, profile = self.roads.graph, self.roads.profile
        ends = (graph.leaving if self.direction == "to" else graph.entering)(stands, profile)
        best = np.full(len(stands), np.inf)
        np.minimum.at(best, ends.point, self.tree.seconds[ends.node] + ends.seconds)
        self._along_one_edge(best, stands)
        by_road = best + stands.off_m / self.roads.rules.offroad_mps
        return np.minimum(by_road, self._on_foot(stands, places)) * self.roads.factor

    def _along_one_edge(self, best: Floats, stands: Stands) -> None:
        """Who stands on the same edge as a start may get there without passing a node."""
        order = np.argsort(self.at.edge, kind="stable")
        first = np.searchsorted(self.at.edge[order], stands.edge, "left")
        count = np.searchsorted(self.at.edge[order], stands.edge, "right") - first
        mine = np.repeat(np.arange(len(count)), count)
        theirs = order[np.repeat(first - count.cumsum() + count, count) + np.arange(len(mine))]
        ends = self.at.share[theirs], stands.share[mine]
        if self.direction == "to":
            ends = ends[::-1]
        graph, edge = self.roads.graph, stands.edge[mine]
        seconds = graph.along_each(edge, *ends, self.roads.profile)
        np.minimum.at(best, stands.point[mine], seconds + self.access[self.at.point[theirs]])

    def _on_foot(self, stands: Stands, places: Sequence[Place]) -> Floats:
        """Dry seconds from the nearest start where that is nearer than the road; else infinite."""
        rules = self.roads.rules
        spots = [np.array([(p.lon, p.lat) for p in of]) for of in (self.starts, places)]
        scale = np.array([k[0] for k in metres_per_degree(spots[0][:1, 1])])
        _, nearest = cKDTree(spots[0] * scale).query(spots[1] * scale)
        east, north = metres_per_degree(spots[1][:, 1])
        gap = spots[1] - spots[0][nearest]
        line_m = np.hypot(gap[:, 0] * east, gap[:, 1] * north)
        ends = stands.off_m, self.at.off_m[nearest]
        straight = (line_m < np.maximum(*ends)) & (line_m <= rules.offroad_most)
        straight &= np.isfinite(ends[1])
        return np.where(straight, line_m / rules.offroad_mps, np.inf)

    def samples(self, step_m: float) -> tuple[Floats, Floats, Floats]:
        """Points all along the reached roads: lon, lat, dry seconds. Edges are taken as straight;
        they are short."""
        graph = self.roads.graph
        cost = graph.cost[self.roads.profile].copy()
        cost[self.roads.closed()[graph.arc_edge]] = np.inf
        near, far = graph.source, graph.target
        if self.direction == "to":
            near, far = far, near
        begin = self.tree.seconds[near]
        arcs = np.flatnonzero(np.isfinite(begin) & np.isfinite(cost))
        count = np.ceil(graph.length_m[graph.arc_edge[arcs]] / step_m).astype(np.int64) + 1
        arc = np.repeat(arcs, count)
        part = (np.arange(count.sum()) - np.repeat(count.cumsum() - count, count)) / np.repeat(
            np.maximum(count - 1, 1), count
        )
        lon = graph.lon[near[arc]] * (1 - part) + graph.lon[far[arc]] * part
        lat = graph.lat[near[arc]] * (1 - part) + graph.lat[far[arc]] * part
        own_lon, own_lat = (np.array([getattr(s, k) for s in self.starts]) for k in ("lon", "lat"))
        return (
            np.append(lon, own_lon),
            np.append(lat, own_lat),
            np.append(begin[arc] + part * cost[arc], np.zeros(len(self.starts))),
        )


def _bands(spread: Spread, seconds: list[int]) -> list[Band]:
    factor, pace = spread.roads.factor, spread.roads.rules.offroad_mps
    limit = max(seconds) / factor
    lon, lat, t = spread.samples(60.0)
    lon, lat, t = (a[t <= limit] for a in (lon, lat, t))
    east, north = (float(v[0]) for v in metres_per_degree(np.array([lat.mean()])))
    x, y = (lon - lon.mean()) * east, (lat - lat.mean()) * north
    rim = min(limit * pace, spread.roads.rules.offroad_most) + 100
    cell = max(_FINEST_M, (max(np.ptp(x), np.ptp(y)) + 2 * rim) / _GRID)
    west, south = float(x.min()) - rim, float(y.min()) - rim
    shape = (int((np.ptp(y) + 2 * rim) / cell) + 2, int((np.ptp(x) + 2 * rim) / cell) + 2)
    grid = np.full(shape, np.inf)
    np.minimum.at(grid, (((y - south) / cell).astype(int), ((x - west) / cell).astype(int)), t)
    out = []
    for band in seconds:
        inside = _grown(grid, band / factor, pace, cell, rim - 100)
        area = _traced(inside, cell)
        placed = shapely.transform(
            area,
            lambda p: np.column_stack(
                [(p[:, 0] + west) / east + lon.mean(), (p[:, 1] + south) / north + lat.mean()]
            ),
        )
        rounded = shapely.set_precision(placed, 1e-6)
        out.append(Band(band, shapely.geometry.mapping(_multi(rounded))))
    return out


def _grown(
    grid: Floats, limit: float, pace: float, cell: float, most_m: float
) -> NDArray[np.bool_]:
    """Cells reached: roads in time, and around them as far as one walks in the rest of it."""
    inside = np.zeros(grid.shape, dtype=bool)
    for metres in _ON_FOOT_M:
        starts = grid <= limit - (metres / pace if metres > _ON_FOOT_M[0] else 0)
        if metres > max(most_m, _ON_FOOT_M[0]) or not starts.any():
            break
        part = _around(starts, int(metres / cell) + 2)
        inside[part] |= ndimage.distance_transform_edt(~starts[part], sampling=cell) <= metres
    return inside


def _around(cells: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The part of the picture that holds these cells and so many around them."""
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
        slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
    )


def _traced(inside: NDArray[np.bool_], cell: float) -> BaseGeometry:
    """The cells' outline, its steps smoothed away."""
    padded = np.pad(inside, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    row, first = np.nonzero(change == 1)
    _, last = np.nonzero(change == -1)
    boxes = shapely.box(first * cell, row * cell, last * cell, (row + 1) * cell)
    area = shapely.simplify(shapely.union_all(boxes), cell * 0.75)
    smooth: BaseGeometry = shapely.simplify(
        shapely.buffer(shapely.buffer(area, cell, quad_segs=3), -cell), cell * 0.2
    )
    return smooth


def _multi(area: BaseGeometry) -> MultiPolygon:
    parts = [p for p in shapely.get_parts(area) if p.geom_type == "Polygon"]
    return MultiPolygon(parts)
