"""What the four layers are filled from."""

from dataclasses import dataclass
from datetime import date, timedelta

from numpy.random import Generator

from .dice import Dice
from .places import Places
from .sites import Land


@dataclass(frozen=True, slots=True)
class Survey:
    """The land with its named places, the sources of chance, and the day of the demo."""

    land: Land
    places: Places
    rng: Generator
    dice: Dice
    today: date

    def number(self, prefix: str, n: int) -> str:
        """The business code of the n-th row of a layer, as FX-990101-0001."""
        return f"{prefix}-{self.places.county.code}-{n:04d}"

    def checked(self) -> date:
        """When a row was last verified: mostly within three months, some long ago."""
        dice = self.dice
        return self.today - timedelta(
            days=dice.whole(120, 480) if dice.chance(0.12) else dice.whole(0, 95)
        )
