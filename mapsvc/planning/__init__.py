"""Plans: what an event needs, who gives it, what is missing. Need cards fill the needs."""

from mapsvc.planning.cards import NeedBook, need_book
from mapsvc.planning.needs import Asked, resolve
from mapsvc.planning.plan import Question, plan
from mapsvc.planning.sources import able

__all__ = ["Asked", "NeedBook", "Question", "able", "need_book", "plan", "resolve"]
