"""Where water runs on a height grid: every cell drains, over the lowest pass, to the outlet."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from .plane import Floats, Ints


@dataclass(frozen=True, slots=True)
class Drainage:
    """The drainage tree: `receiver` of each cell (the outlet's own number for outlets),
    `levels` of cells by steps from the outlet, `area` drained in cells, `step` in cells."""

    receiver: Ints
    levels: list[Ints]
    area: Floats
    step: Floats


def neighbours(rows: int, cols: int) -> tuple[Ints, Ints, Floats]:
    """All pairs of touching cells (8 directions, each pair once) and their distance in cells."""
    number = np.arange(rows * cols, dtype=np.int64).reshape(rows, cols)
    pairs = [
        (number[:, :-1], number[:, 1:], 1.0),
        (number[:-1], number[1:], 1.0),
        (number[:-1, :-1], number[1:, 1:], 2**0.5),
        (number[:-1, 1:], number[1:, :-1], 2**0.5),
    ]
    a = np.concatenate([p.ravel() for p, _, _ in pairs])
    b = np.concatenate([q.ravel() for _, q, _ in pairs])
    length = np.concatenate([np.full(p.size, d) for p, _, d in pairs])
    return a, b, length


def drain(height: Floats, outlets: Ints) -> Drainage:
    """The drainage tree of a height grid (rows, cols) towards the given flat outlet cells.

    The minimum spanning tree over max(height of both cells) holds, for every cell, the path with
    the lowest highest point: the same as filling the pits, without a queue in Python. Steeper
    links win ties, so a cell without a pit below it follows its steepest slope.
    """
    rows, cols = height.shape
    n = rows * cols
    a, b, length = neighbours(rows, cols)
    z = height.ravel()
    high, low = np.maximum(z[a], z[b]), np.minimum(z[a], z[b])
    weight = high - z.min() + 1000.0 - 0.05 * (high - low) / length
    root = np.full(outlets.size, n, dtype=np.int64)
    graph = coo_matrix(
        (
            np.concatenate([weight, np.full(outlets.size, 1.0)]),
            (np.concatenate([a, root]), np.concatenate([b, outlets])),
        ),
        shape=(n + 1, n + 1),
    ).tocsr()
    tree = minimum_spanning_tree(graph)
    order, parent = breadth_first_order(tree, n, directed=False)
    receiver = parent[:n].astype(np.int64)
    levels = _levels(order.astype(np.int64), parent.astype(np.int64))
    receiver[outlets] = outlets
    area = np.ones(n)
    for cells in reversed(levels[1:]):
        np.add.at(area, receiver[cells], area[cells])
    cell = np.arange(n, dtype=np.int64)
    straight = (np.abs(receiver - cell) == 1) | (np.abs(receiver - cell) == cols)
    return Drainage(receiver, levels, area, np.where(straight, 1.0, 2**0.5))


def _levels(order: Ints, parent: Ints) -> list[Ints]:
    """Cells grouped by their number of steps from the root, nearest first, root left out."""
    # Breadth-first order is sorted by depth, so the groups are runs of it; a run ends where the
    # parent of the next cell is no longer in the run before.
    position = np.empty(order.size, dtype=np.int64)
    position[order] = np.arange(order.size)
    of_parent = position[parent[order[1:]]]
    levels: list[Ints] = []
    end = 1
    while end < order.size:
        last = int(np.searchsorted(of_parent, end, side="left")) + 1
        levels.append(order[end:last])
        end = last
    return levels


def made_downhill(height: Floats, flow: Drainage, fall: float) -> Floats:
    """The grid with pits filled: every cell at least `fall` above the cell that it drains to."""
    z = height.ravel().copy()
    for cells in flow.levels[1:]:
        z[cells] = np.maximum(z[cells], z[flow.receiver[cells]] + fall)
    return z.reshape(height.shape)
