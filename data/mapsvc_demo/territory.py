"""Who governs what: villages round their valleys, joined to townships and the county."""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.random import Generator
from scipy import ndimage
from scipy.cluster.vq import kmeans2
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from .flow import neighbours
from .plane import Floats, Ints, Mask, Plane
from .terrain import Terrain, noise


@dataclass(frozen=True, slots=True)
class Territory:
    """Villages 0..n-1: `seat` is the grid cell of each, `township` its township's number,
    `labels` (rows, cols) the village of each cell, -1 outside. `capital` is the village of each
    township's seat, township 0 holds the county's seat."""

    seat: Ints
    township: Ints
    capital: Ints
    labels: Ints


def settle(
    terrain: Terrain, rng: Generator, water: Mask, townships: int, villages: int
) -> Territory:
    """Divide the middle of the terrain into townships and villages; no seat stands in `water`."""
    plane = terrain.plane
    seeds = _seeds(terrain, rng, water, villages)
    owner = _allotted(terrain, rng, seeds)
    chosen = _inside(plane, rng, seeds, owner, villages)
    number = np.full(seeds.size, -1, dtype=np.int64)
    number[chosen] = np.arange(villages)
    labels = _unruled(number[owner].reshape(plane.shape), plane, rng, seeds[chosen])
    labels = _rounded(labels, plane, rng, seeds[chosen])
    labels = _patched(labels, seeds[chosen])
    seat = seeds[chosen]
    capital, township = _townships(terrain, seat, labels, townships)
    return Territory(seat, township, capital, labels)


def _seeds(terrain: Terrain, rng: Generator, water: Mask, villages: int) -> Ints:
    """Village centres over the whole grid: denser in the basin, each on the flattest low spot."""
    plane, height, slope = terrain.plane, terrain.height, terrain.slope
    rows, cols = plane.shape
    low = np.exp(-(height - height.min()) / 500)
    crowd = (0.25 + low).ravel()
    count = int(villages * 1.44 * plane.width * plane.height / 2.8e9)
    sample = rng.choice(crowd.size, size=min(crowd.size, 24 * count), p=crowd / crowd.sum())
    points = np.column_stack(np.divmod(sample, cols)) + rng.uniform(-0.5, 0.5, (sample.size, 2))
    centre, _ = kmeans2(points, points[:count].copy(), iter=8, minit="matrix")
    reach = max(1, round(420 / plane.cell))
    burden = slope * 1000 + (height - ndimage.uniform_filter(height, 2 * reach + 1)) * 0.5
    burden[ndimage.binary_dilation(water, iterations=2)] += 1e6
    km2 = terrain.flow.area.reshape(rows, cols) * plane.cell**2 / 1e6
    burden[ndimage.binary_dilation(km2 > 3.5, iterations=max(1, round(150 / plane.cell)))] += 500
    out = []
    for r, c in np.rint(centre).astype(int).tolist():
        r0, c0 = max(reach, r - reach), max(reach, c - reach)
        window = burden[r0 : r + reach + 1, c0 : c + reach + 1]
        i, j = divmod(int(window.argmin()), window.shape[1])
        out.append((r0 + i) * cols + c0 + j)
    seeds = np.unique(np.array(out, dtype=np.int64))
    # Two centres in one hollow would leave one of them hardly any land.
    close = cKDTree(plane.centres(seeds)).query_pairs(800.0, output_type="ndarray")
    return np.delete(seeds, close[:, 1])


def _allotted(terrain: Terrain, rng: Generator, seeds: Ints) -> Ints:
    """The seed that each cell reaches most easily: borders come to lie on ridges and slopes."""
    rows, cols = terrain.plane.shape
    a, b, length = neighbours(rows, cols)
    toil = (0.2 + 7 * terrain.slope + 0.4 * np.exp(1.1 * noise(rng, (rows, cols), 90, 4))).ravel()
    weight = length * (toil[a] + toil[b]) / 2
    graph = coo_matrix((weight, (a, b)), shape=(rows * cols, rows * cols)).tocsr()
    _, _, source = dijkstra(
        graph, directed=False, indices=seeds, min_only=True, return_predecessors=True
    )
    index = np.full(rows * cols, -1, dtype=np.int64)
    index[seeds] = np.arange(seeds.size)
    owner: Ints = index[source]
    return owner


def _inside(plane: Plane, rng: Generator, seeds: Ints, owner: Ints, villages: int) -> Ints:
    """The seeds of the county: the nearest to its middle by an uneven measure, away from edges."""
    xy = plane.centres(seeds)
    angle = np.arctan2(xy[:, 1] / plane.height, xy[:, 0] / plane.width)
    radius = np.hypot(xy[:, 0] / plane.width, xy[:, 1] / plane.height)
    swell = np.zeros(seeds.size)
    for wave in range(2, 8):
        swell += np.cos(wave * angle + rng.uniform(0, 2 * np.pi)) * rng.normal(0, 0.22 / wave)
    grid = owner.reshape(plane.shape)
    rim = np.unique(np.concatenate([grid[0], grid[-1], grid[:, 0], grid[:, -1]]))
    radius[rim] = np.inf
    measure = radius * (1 + swell)
    a, b, shared = adjacency(grid)
    wide = shared > 2
    near: dict[int, list[int]] = defaultdict(list)
    for u, v in zip(a[wide].tolist(), b[wide].tolist(), strict=True):
        near[u].append(v)
        near[v].append(u)
    # Grown from the middle over shared borders, so that no village stands apart.
    first = int(measure.argmin())
    chosen: list[int] = []
    reached, waiting = {first}, [(0.0, first)]
    while waiting and len(chosen) < villages:
        far, seed = heappop(waiting)
        if not np.isfinite(far):
            break
        chosen.append(seed)
        for other in near[seed]:
            if other not in reached:
                reached.add(other)
                heappush(waiting, (float(measure[other]), other))
    if len(chosen) < villages:
        raise ValueError("too few village centres for the county")
    return np.sort(np.array(chosen, dtype=np.int64))


def _unruled(labels: Ints, plane: Plane, rng: Generator, seat: Ints) -> Ints:
    """Shake the borders by some 130 metres: on flat ground the search runs along the grid.

    Round the seats the ground stays still, so that each keeps its village.
    """
    free = np.ones(plane.shape, dtype=bool)
    free.flat[seat] = False
    calm = 1 - np.exp(-((ndimage.distance_transform_edt(free) * plane.cell / 500) ** 2))
    grid = np.indices(plane.shape).astype(np.float64)
    for axis in (0, 1):
        grid[axis] += calm * noise(rng, plane.shape, 55, 4) * 130 / plane.cell
    shaken: Ints = ndimage.map_coordinates(labels, grid, order=0, mode="nearest")
    return shaken


def _rounded(labels: Ints, plane: Plane, rng: Generator, seat: Ints) -> Ints:
    """Cut off the teeth of the county's border and fill its notches, but keep it uneven."""
    soft = ndimage.gaussian_filter((labels >= 0).astype(np.float64), 520 / plane.cell)
    inside = soft + 0.10 * noise(rng, plane.shape, 40, 4) > 0.5
    home = np.zeros(plane.shape, dtype=bool)
    home.flat[seat] = True
    inside |= ndimage.binary_dilation(home, iterations=max(2, round(300 / plane.cell)))
    patches = ndimage.label(inside)[0]
    main = np.bincount(patches.flat[seat]).argmax()
    cut_off = np.flatnonzero(patches.flat[seat] != main)
    inside = patches == main
    if cut_off.size:
        # The border stays as it was round a village that rounding would cut off.
        reach = ndimage.distance_transform_edt(~np.isin(labels, cut_off)) * plane.cell
        inside |= (labels >= 0) & (reach < 2000)
    near = ndimage.distance_transform_edt(labels < 0, return_distances=False, return_indices=True)
    return np.where(inside, labels[tuple(near)], -1)


def _patched(labels: Ints, seat: Ints) -> Ints:
    """Make every village one 4-connected patch round its seat; the county gets no holes."""
    rows, cols = labels.shape
    outside = ndimage.label(labels < 0)[0]
    main = int(np.bincount(outside.ravel())[1:].argmax()) + 1
    hole = (labels < 0) & (outside != main)
    number = np.arange(rows * cols, dtype=np.int64).reshape(rows, cols)
    same_row, same_col = labels[:, :-1] == labels[:, 1:], labels[:-1] == labels[1:]
    a = np.concatenate([number[:, :-1][same_row], number[:-1][same_col]])
    b = np.concatenate([number[:, 1:][same_row], number[1:][same_col]])
    graph = coo_matrix((np.ones(a.size, dtype=np.int8), (a, b)), shape=(labels.size, labels.size))
    _, part = connected_components(graph, directed=False)
    kept = np.zeros(int(part.max()) + 1, dtype=bool)
    kept[part[seat]] = True
    corner = part[np.flatnonzero(outside.ravel() == main)[0]]
    kept[corner] = True
    stray = ~kept[part].reshape(rows, cols) | hole
    out = labels.copy()
    while stray.any():
        for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            near, free = np.roll(out, shift, axis), np.roll(stray, shift, axis)
            take = stray & ~free
            out[take] = near[take]
            stray &= ~take
    return out


def adjacency(labels: Ints) -> tuple[Ints, Ints, Ints]:
    """Pairs of labels that share a border, each once (lower first), and its length in cells."""
    a = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    b = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    touching = (a != b) & (a >= 0) & (b >= 0)
    low, high = np.minimum(a, b)[touching], np.maximum(a, b)[touching]
    base = int(labels.max()) + 1
    pairs, length = np.unique(low * base + high, return_counts=True)
    return pairs // base, pairs % base, length


def _townships(terrain: Terrain, seat: Ints, labels: Ints, townships: int) -> tuple[Ints, Ints]:
    """Seats of townships, low and far apart, and the township of each village, joined by land."""
    xy = terrain.plane.centres(seat)
    z = terrain.height.ravel()[seat]
    worth = np.exp(-(z - z.min()) / 300) * (0.3 + np.log1p(_river_near(terrain, seat)))
    middle = xy.mean(axis=0)
    first = int((worth * np.exp(-np.hypot(*(xy - middle).T) / 12000)).argmax())
    capital = [first]
    far = np.hypot(*(xy - xy[first]).T)
    # The second seat is the old town beside the county's seat, the others spread out.
    for n in range(1, townships):
        score = (
            np.where(far > 3000, worth * np.exp(-far / 2500), -1)
            if n == 1
            else (far * (0.35 + worth / worth.max()))
        )
        nearest = int(score.argmax())
        capital.append(nearest)
        far = np.minimum(far, np.hypot(*(xy - xy[nearest]).T))
    a, b, shared = adjacency(labels)
    climb = np.abs(z[a] - z[b])
    weight = np.hypot(*(xy[a] - xy[b]).T) + 12 * climb
    graph = coo_matrix((weight, (a, b)), shape=(seat.size, seat.size)).tocsr()
    chosen = np.array(capital, dtype=np.int64)
    owner = _balanced(graph.toarray(), chosen, seat.size)
    border = coo_matrix((shared, (a, b)), shape=graph.shape).toarray()
    return chosen, _trimmed(owner, chosen, border + border.T)


def _balanced(weight: Floats, capital: Ints, villages: int) -> Ints:
    """Grow all townships village by village, the smallest (by weight) next: even, and joined."""
    weight = np.maximum(weight, weight.T)
    owner = np.full(villages, -1, dtype=np.int64)
    owner[capital] = np.arange(capital.size)
    cost = np.where(weight[capital] > 0, weight[capital], np.inf)
    load = np.ones(capital.size)
    load[:2] = 2.0  # the two street offices stay small: they carry the town
    while (owner < 0).any():
        open_ = np.where(owner[None, :] < 0, cost, np.inf)
        rank = open_.min(axis=1) * np.sqrt(load)
        t = int(rank.argmin())
        v = int(open_[t].argmin())
        owner[v] = t
        load[t] += 2.0 if t < 2 else 1.0
        via = np.where(weight[v] > 0, cost[t, v] + weight[v], np.inf)
        cost[t] = np.minimum(cost[t], via)
    return owner


def _trimmed(owner: Ints, capital: Ints, border: Ints) -> Ints:
    """Give a village that sticks out to the township that surrounds it, while both stay joined."""
    owner = owner.copy()
    for _ in range(3):
        for v in np.setdiff1d(np.arange(owner.size), capital).tolist():
            touch = np.bincount(owner, weights=border[v], minlength=capital.size)
            best = int(touch.argmax())
            rest = np.flatnonzero((owner == owner[v]) & (np.arange(owner.size) != v))
            parts, _ = connected_components(border[np.ix_(rest, rest)], directed=False)
            if touch[best] > 1.3 * touch[owner[v]] and parts == 1:
                owner[v] = best
    return owner


def _river_near(terrain: Terrain, seat: Ints) -> Floats:
    """The largest area in km² drained by any cell within a kilometre of each seat."""
    plane = terrain.plane
    km2 = terrain.flow.area * plane.cell**2 / 1e6
    big = np.flatnonzero(km2 > 20)
    far, index = cKDTree(plane.centres(big)).query(plane.centres(seat))
    return np.where(far < 1000, km2[big[index]], 0.0)
