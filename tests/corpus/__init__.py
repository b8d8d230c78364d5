"""Nasty files made by code, each with what must become of every row."""

from tests.corpus.case import Case
from tests.corpus.dressed import cases as dressed
from tests.corpus.hostile import cases as hostile
from tests.corpus.ledgers import cases as ledgers
from tests.corpus.meaning import cases as meaning
from tests.corpus.odd import cases as odd
from tests.corpus.parted import cases as parted
from tests.corpus.positions import cases as positions
from tests.corpus.said import cases as said
from tests.corpus.sheets import cases as sheets
from tests.corpus.texts import cases as texts
from tests.corpus.traps import cases as traps
from tests.corpus.vectors import cases as vectors

__all__ = ["Case", "all_cases"]


def all_cases() -> list[Case]:
    plain = [*texts(), *positions(), *sheets(), *vectors(), *hostile()]
    return [*plain, *traps(), *meaning(), *odd(), *said(), *parted(), *dressed(), *ledgers()]
