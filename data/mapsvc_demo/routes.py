"""Which villages are joined by road, along which cells, and how important each road is."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from .flow import neighbours
from .plane import Floats, Ints
from .sites import Land

CLASSES = ("trunk", "primary", "secondary", "tertiary", "unclassified")


Step = tuple[int, int]  # two touching grid cells, the lower number first
Kind = tuple[int, str]  # rank in CLASSES, and the road's number or ''


@dataclass(frozen=True, slots=True)
class _Net:
    """Places (village seats, then exits) and what a road between neighbours would cost."""

    places: Ints
    cost: csr_matrix
    paths: dict[tuple[int, int], Ints]


@dataclass(frozen=True, slots=True)
class _Built:
    """The steps that are road, the cells in use in ascending order, and the cost of each step."""

    steps: list[Step]
    cells: Ints
    cost: Floats


def routes(land: Land) -> dict[Step, Kind]:
    """All steps of the grid that are road; every place can be reached from every other."""
    net = _surveyed(land)
    steps = sorted(
        {
            (min(a, b), max(a, b))
            for pair in _kept(net.cost)
            for a, b in zip(
                net.paths[pair][:-1].tolist(), net.paths[pair][1:].tolist(), strict=True
            )
        }
    )
    capital = net.places[land.territory.capital].tolist()
    exits = net.places[land.territory.seat.size :].tolist()
    kinds: dict[Step, Kind] = dict.fromkeys(steps, (4, ""))
    plan = [(0, capital[0], exits[0], "G990"), (0, capital[0], exits[2], "G990")]
    plan += [(1, capital[0], exits[k], f"S99{n}") for n, k in ((1, 1), (2, 3), (3, 4))]
    plan += [(2, capital[0], town, f"X{n}") for n, town in enumerate(capital[1:], 901)]
    ring = zip(capital[1:], [*capital[2:], capital[1]], strict=True)
    plan += [(3, a, b, f"Y{n}") for n, (a, b) in enumerate(ring, 901)]
    built = _compact(land, steps)
    for rank, start, end, ref in plan:
        for step in _shortest(built, kinds, start, end):
            kinds[step] = min(kinds[step], (rank, ref))
    return kinds


def _compact(land: Land, steps: list[Step]) -> _Built:
    pairs = np.array(steps, dtype=np.int64)
    xy = land.terrain.plane.centres(pairs.ravel()).reshape(-1, 2, 2)
    length = np.hypot(*(xy[:, 0] - xy[:, 1]).T)
    return _Built(steps, np.unique(pairs), _toil(land, pairs[:, 0], pairs[:, 1], length))


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
        graph, directed=False, indices=places, min_only=True, return_predecessors=True
    )
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
    wet = np.interp(km2, [3.0, 4.0, 40.0, 400.0], [0.0, 260.0, 700.0, 1200.0])
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
    rim[1:-1, 1:-1] &= ~(
        inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    )
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
    kept = {
        (min(u, v), max(u, v)) for u, v in zip(tree.row.tolist(), tree.col.tolist(), strict=True)
    }
    full = cost.toarray()
    full = np.maximum(full, full.T)
    full[full == 0] = np.inf
    for u, v in zip(*(i.tolist() for i in cost.nonzero()), strict=True):
        detour = np.maximum(full[u], full[v]).min()
        if full[u, v] < 1.02 * detour:
            kept.add((u, v))
    return kept


def _shortest(built: _Built, kinds: dict[Step, Kind], start: int, end: int) -> list[Step]:
    """The steps of the cheapest way by road; better roads count less, so that roads bundle."""
    steps, cells = built.steps, built.cells
    ease = np.array((0.55, 0.62, 0.72, 0.85, 1.0))
    weight = built.cost * ease[[kinds[step][0] for step in steps]]
    a, b = np.searchsorted(cells, np.array(steps)).T
    graph = coo_matrix((weight, (a, b)), shape=(cells.size, cells.size)).tocsr()
    at, home = np.searchsorted(cells, [end, start]).tolist()
    _, before = dijkstra(graph, directed=False, indices=home, return_predecessors=True)
    out = []
    while at != home:
        p, q = int(cells[at]), int(cells[before[at]])
        out.append((min(p, q), max(p, q)))
        at = int(before[at])
    return out
