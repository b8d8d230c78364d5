"""Mountains and valleys: noise lifted and cut down by running water, from coarse to fine."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from .flow import Drainage, drain, made_downhill
from .plane import Floats, Ints, Plane

LOWEST, HIGHEST = 85.0, 1420.0  # metres above sea level


@dataclass(frozen=True, slots=True)
class Terrain:
    """Heights in metres (rows, cols), downhill along `flow`; `slope` is rise over run."""

    plane: Plane
    height: Floats
    flow: Drainage
    slope: Floats


def noise(rng: Generator, shape: tuple[int, int], waves: float, octaves: int = 4) -> Floats:
    """Smooth noise (rows, cols), mean about 0 and deviation about 1.

    `waves` is the number of swells across the columns; each further octave halves both the
    length and the strength.
    """
    total = np.zeros(shape)
    for octave in range(octaves):
        across = max(2, round(waves * 2**octave))
        down = max(2, round(across * shape[0] / shape[1]))
        lattice = rng.standard_normal((down + 3, across + 3))
        rows = np.linspace(1, down + 1, shape[0])
        cols = np.linspace(1, across + 1, shape[1])
        grid = np.meshgrid(rows, cols, indexing="ij")
        total += ndimage.map_coordinates(lattice, grid, order=3, mode="nearest") / 2**octave
    out: Floats = (total - total.mean()) / total.std()
    return out


def raise_land(plane: Plane, rng: Generator) -> Terrain:
    """The terrain of one county; everything drains to one outlet on the eastern edge."""
    coarse = max(plane.cell, 640.0)
    lift_seed, rough_seed = rng.integers(0, 2**63, 2)
    exit_at = float(rng.uniform(0.30, 0.42))
    height: Floats | None = None
    while True:
        step = Plane(plane.lon, plane.lat, plane.width, plane.height, coarse)
        shape = step.shape
        lift = _lift(np.random.default_rng(lift_seed), shape, exit_at)
        rough = np.random.default_rng(rough_seed).standard_normal(shape)
        if height is None:
            height = 300 * lift + 60 * rough
        else:
            height = _resized(height, shape) + 0.05 * coarse * rough * lift
        rounds = {640: 50, 320: 12, 160: 5}.get(round(coarse), 3)
        outlet = np.array([int(shape[0] * exit_at) * shape[1] + shape[1] - 1])
        height = _eroded(height, lift, coarse, outlet, rounds)
        if coarse <= plane.cell:
            return _finished(step, height, outlet)
        coarse = max(plane.cell, coarse / 2)


def _lift(rng: Generator, shape: tuple[int, int], exit_at: float) -> Floats:
    """How fast the ground rises: ranges west, north and round the rim, a valley to the outlet."""
    rows, cols = np.meshgrid(
        np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij"
    )
    swell = noise(rng, shape, 3, 3)
    bend, phase = rng.uniform(0.12, 0.2), rng.uniform(0, 2 * np.pi)
    middle = (2 * exit_at - 1) * (0.5 + 0.5 * cols) + bend * np.sin(3.2 * cols + phase)
    valley = np.exp(-(((rows - middle) / 0.22) ** 2)) / (1 + np.exp(-(cols + 0.45) * 7))
    basin = np.exp(-(((cols - 0.3) / 0.4) ** 2 + ((rows - middle) / 0.45) ** 2))
    rim = np.maximum(np.abs(rows), np.abs(cols)) ** 5
    tilt = 0.55 - 0.2 * cols + 0.14 * rows
    lift: Floats = np.clip(
        tilt + 0.24 * swell + 0.5 * rim - 0.42 * valley - 0.28 * basin, 0.14, None
    )
    return lift


def _resized(grid: Floats, shape: tuple[int, int]) -> Floats:
    rows = (np.arange(shape[0]) + 0.5) * grid.shape[0] / shape[0] - 0.5
    cols = (np.arange(shape[1]) + 0.5) * grid.shape[1] / shape[1] - 0.5
    out: Floats = ndimage.map_coordinates(
        grid, np.meshgrid(rows, cols, indexing="ij"), order=1, mode="nearest"
    )
    return out


def _eroded(height: Floats, lift: Floats, cell: float, outlet: Ints, rounds: int) -> Floats:
    """Rounds of uplift and river cutting: dz/dt = lift - k * sqrt(drained area) * slope.

    Solved implicitly from the outlet upwards (Braun and Willett 2013), so any step is stable.
    """
    uplift = 40.0 * lift.ravel()
    for _ in range(rounds):
        flow = drain(height, outlet)
        z = height.ravel() + uplift
        z[outlet] = 0.0
        factor = 0.5 * np.sqrt(flow.area * (cell / 100) ** 2 + 6.0) / (flow.step * cell / 100)
        for cells in flow.levels[1:]:
            f = factor[cells]
            z[cells] = (z[cells] + f * z[flow.receiver[cells]]) / (1 + f)
        height = ndimage.gaussian_filter(z.reshape(height.shape), 0.35)
    return height


def _finished(plane: Plane, height: Floats, outlet: Ints) -> Terrain:
    height = ndimage.gaussian_filter(height, 75 / plane.cell)
    low, high = float(height.min()), float(np.quantile(height, 0.9995))
    height = LOWEST + (height - low) * (HIGHEST - LOWEST) / (high - low)
    flow = drain(height, outlet)
    height = made_downhill(height, flow, 0.02)
    dy, dx = np.gradient(ndimage.gaussian_filter(height, 80 / plane.cell), plane.cell)
    return Terrain(plane, height, flow, np.hypot(dx, dy))
