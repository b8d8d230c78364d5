"""Which villages are joined by road, along which cells, and how important each road is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from .flow import neighbours
from .plane import Floats, Ints
from .sites import Land

CLASSES = ("trunk", "primary", "secondary", "tertiary", "unclassified")


@dataclass(frozen=True, slots=True)
class Route:
    """A road between two places: its grid cells, its rank in CLASSES, and its number or ''."""

    cells: Ints
    rank: int
    ref: str


@dataclass(frozen=True, slots=True)
class _Net:
    """Places (village seats, then exits) and what a road between neighbours would cost."""

    places: Ints
    cost: csr_matrix
    paths: dict[tuple[int, int], Ints]


def routes(land: Land) -> list[Route]:
    """All roads between places; every place can be reached from every other."""
    net = _surveyed(land)
    kept = _kept(net.cost)
    rank: dict[tuple[int, int], tuple[int, str]] = {pair: (4, "") for pair in kept}
    capital = land.territory.capital.tolist()
    exits = list(range(land.territory.seat.size, net.places.size))
    towns = [int(t) for t in capital[1:]]
    plan: list[tuple[int, int, int, str]] = [
        (0, exits[0], exits[2], "G990"), (1, capital[0], exits[1], "S991"),
        (1, capital[0], exits[3], "S992"), (1, capital[0], exits[4], "S993"),
    ]
    plan = [(0, capital[0], exits[0], "G990"), (0, capital[0], exits[2], "G990"), *plan[1:]]
    plan += [(2, capital[0], town, f"X{n:03d}") for n, town in enumerate(towns, 901)]
    joined = list(zip(towns, [*towns[1:], towns[0]], strict=True))
    plan += [(3, a, b, f"Y{n:03d}") for n, (a, b) in enumerate(joined, 901)]
    for level, start, end, ref in plan:
        for pair in _shortest(net, kept, rank, start, end):
            if rank[pair][0] > level:
                rank[pair] = (level, ref)
    return [Route(net.paths[pair], *rank[pair]) for pair in sorted(kept)]


def _surveyed(land: Land) -> _Net:
    """Least-cost paths between all neighbouring places, from one search over the grid.

    The search starts at all places at once. Where two of its fronts meet at the least cost, the
    two halves are the best path between their places.
    """
    plane = land.terrain.plane
    inside = land.territory.labels.ravel() >= 0
    places = np.concatenate([land.territory.seat, _exits(land)])
    a, b, length = neighbours(*plane.shape)
    both = inside[a] & inside[b]
    a, b, length = a[both], b[both], length[both] * plane.cell
    weight = _toil(land, a, b, length)
    size = inside.size
    graph = coo_matrix((weight, (a, b)), shape=(size, size)).tocsr()
    far, before, source = dijkstra(
        graph, directed=False, indices=places, min_only=True, return_predecessors=True)
    number = np.full(size, -1, dtype=np.int64)
    number[places] = np.arange(places.size)
    p, q = number[source[a]], number[source[b]]
    meet = np.flatnonzero(p != q)
    total = far[a[meet]] + weight[meet] + far[b[meet]]
    low, high = np.minimum(p, q)[meet], np.maximum(p, q)[meet]
    order = np.lexsort((meet, total, high, low))
    low, high, total, meet = low[order], high[order], total[order], meet[order]
    first = np.r_[True, (np.diff(low) != 0) | (np.diff(high) != 0)]
    paths = {
        (u, v): _joined(before, int(a[m]), int(b[m]), places[u])
        for u, v, m in zip(low[first].tolist(), high[first].tolist(), meet[first], strict=True)
    }
    shape = (places.size, places.size)
    cost = coo_matrix((total[first], (low[first], high[first])), shape=shape).tocsr()
    return _Net(places, cost, paths)


def _toil(land: Land, a: Ints, b: Ints, length: Floats) -> Floats:
    """The cost of a step in metres of easy road: steep ground, streams and lakes cost more."""
    terrain, plane = land.terrain, land.terrain.plane
    z = terrain.height.ravel()
    grade = np.abs(z[a] - z[b]) / length
    side = terrain.slope.ravel()
    cost = length * (1 + (grade / 0.06) ** 2 + 2.0 * (side[a] + side[b]))
    km2 = terrain.flow.area * plane.cell**2 / 1e6
    wet = np.interp(km2, [3.0, 4.0, 40.0, 400.0], [0.0, 160.0, 450.0, 900.0])
    cost += (wet[a] + wet[b]) / 2
    lake = np.zeros(z.size, dtype=bool)
    for dam in land.dams:
        lake |= dam.flooded
    return np.where(lake[a] | lake[b], cost * 60, cost)


def _exits(land: Land) -> Ints:
    """Five border cells, the lowest of each fifth of the round: roads leave the county there."""
    plane, labels = land.terrain.plane, land.territory.labels
    inside = labels >= 0
    rim = inside.copy()
    rim[1:-1, 1:-1] &= ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2]
                         & inside[1:-1, 2:])
    cells = np.flatnonzero(rim)
    cells = cells[~np.isin(cells, land.territory.seat)]
    xy = plane.centres(cells) - plane.centres(land.territory.seat).mean(axis=0)
    part = ((np.arctan2(xy[:, 1], xy[:, 0]) / (2 * np.pi) + 0.1) % 1 * 5).astype(np.int64)
    z = land.terrain.height.ravel()[cells]
    return np.array([cells[part == n][z[part == n].argmin()] for n in range(5)])


def _joined(before: Ints, left: int, right: int, start: int) -> Ints:
    """The cells from `start` over the meeting step (left, right) to the other place."""
    halves = []
    for cell in (left, right):
        half = [cell]
        while before[half[-1]] >= 0:
            half.append(int(before[half[-1]]))
        halves.append(half)
    if halves[0][-1] != start:
        halves.reverse()
    return np.array(halves[0][::-1] + halves[1], dtype=np.int64)


def _kept(cost: csr_matrix) -> set[tuple[int, int]]:
    """The roads built: the cheapest tree, and each link that no detour by one place replaces."""
    tree = minimum_spanning_tree(cost).tocoo()
    kept = {(min(u, v), max(u, v)) for u, v in
            zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    full = cost.toarray()
    full = np.maximum(full, full.T)
    full[full == 0] = np.inf
    for u, v in zip(*(i.tolist() for i in cost.nonzero()), strict=True):
        detour = np.maximum(full[u], full[v]).min()
        if full[u, v] < 1.02 * detour:
            kept.add((u, v))
    return kept


def _shortest(
    net: _Net, kept: set[tuple[int, int]], rank: dict[tuple[int, int], tuple[int, str]],
    start: int, end: int,
) -> Sequence[tuple[int, int]]:
    """The links of the cheapest way over built roads; better roads count less, so roads bundle."""
    ease = (0.55, 0.62, 0.72, 0.85, 1.0)
    pairs = sorted(kept)
    size = net.places.size
    cost = [net.cost[pair] * ease[rank[pair][0]] for pair in pairs]
    u, v = np.array(pairs).T
    graph = coo_matrix((cost, (u, v)), shape=(size, size)).tocsr()
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    links = []
    while end != start:
        links.append((min(end, int(before[end])), max(end, int(before[end]))))
        end = int(before[end])
    return links


