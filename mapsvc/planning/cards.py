"""Need cards: what an event of a kind and level needs, as the county set it; and what things are
called.

`layers/needs/*.toml`, one card a file, and `names.toml` with the other names of items and skills.
Read once at start; a broken file is refused with its name, the field and the reason.
"""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic import model_validator as check

from mapsvc.catalog import Identifier, Words, fault_words
from mapsvc.errors import BrokenLayerFile
from mapsvc.settings import PROJECT, Settings

LEVELS = {"Ⅰ": "特别重大", "Ⅱ": "重大", "Ⅲ": "较大", "Ⅳ": "一般"}
_NAMES = "names.toml"
_SPACES = re.compile(r"\s+")

Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Four = Annotated[tuple[Amount, ...], Field(min_length=4, max_length=4)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CardNeed(_Strict):
    """One line of a card: an item with its unit, or a skill in people (人) or teams (支)."""

    item: Words | None = None
    capability: Words | None = None
    unit: Words
    quantities: Four

    @check(mode="after")
    def _is_one(self) -> Self:
        if (self.item is None) == (self.capability is None):
            raise ValueError("item 和 capability 应写且只写一个")
        if self.capability is not None and self.unit not in ("人", "支"):
            raise ValueError("unit: 能力的单位只能是 人 或 支")
        return self

    @property
    def key(self) -> tuple[str, str]:
        return ("item", self.item) if self.item else ("capability", str(self.capability))


class Card(_Strict):
    """What one kind of event needs at each of the four levels, worst first."""

    id: Identifier
    title: Words
    hazard_types: tuple[Words, ...] = ()
    note: str = Field(default="", max_length=300)
    within_minutes: Four | None = None
    needs: tuple[CardNeed, ...] = Field(min_length=1, max_length=30)

    @check(mode="after")
    def _once_each(self) -> Self:
        keys = [need.key for need in self.needs]
        twins = sorted({name for key in keys if keys.count(key) > 1 for name in key[1:]})
        if twins:
            raise ValueError(f"needs: 重复：{'、'.join(twins)}")
        return self

    def told(self) -> dict[str, Any]:
        """As the API gives it: the needs of each level, those of 0 left out."""
        return {
            **self.model_dump(include={"id", "title", "note"}),
            "hazard_types": list(self.hazard_types),
            "levels": [self._level(rank, *names) for rank, names in enumerate(LEVELS.items())],
        }

    def _level(self, rank: int, level: str, title: str) -> dict[str, Any]:
        needs = [
            {need.key[0]: need.key[1], "quantity": _plain(need.quantities[rank]), "unit": need.unit}
            for need in self.needs
            if need.quantities[rank]
        ]
        limit = self.within_minutes[rank] * 60 if self.within_minutes else None
        return {"level": level, "title": title, "within_s": limit, "needs": needs}


class Names(_Strict):
    """The name that cards use → the other names of the same thing."""

    items: dict[Words, tuple[Words, ...]] = {}
    capabilities: dict[Words, tuple[Words, ...]] = {}

    @check(mode="after")
    def _mean_one_thing(self) -> Self:
        for part, names in (("items", self.items), ("capabilities", self.capabilities)):
            seen: dict[str, str] = {}
            for name, others in names.items():
                for spelling in (name, *others):
                    other = seen.setdefault(folded(spelling), name)
                    if other != name:
                        raise ValueError(f"{part}: “{spelling}”同时属于“{other}”和“{name}”")
        return self


class NeedBook:
    """All cards, and what things are called."""

    def __init__(self, cards: list[Card], names: Names) -> None:
        self.cards = cards
        self.names = names
        self._known = {
            "item": _spellings(names.items),
            "capability": _spellings(names.capabilities),
        }

    def name_of(self, kind: str, given: str) -> str:
        """The one name of what is written, which is itself if nobody calls it otherwise."""
        return self._known[kind].get(folded(given), _SPACES.sub("", given))

    def spellings(self, kind: str, name: str) -> list[str]:
        """All folded spellings of a name."""
        table = self.names.items if kind == "item" else self.names.capabilities
        return [folded(s) for s in (name, *table.get(name, ()))]

    def told(self) -> dict[str, Any]:
        return {
            "cards": [card.told() for card in self.cards],
            "items": sorted(self.names.items),
            "capabilities": sorted(self.names.capabilities),
        }


def folded(text: str) -> str:
    """One spelling for what reads the same."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text)).lower()


def _spellings(names: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {folded(s): name for name, others in names.items() for s in (name, *others)}


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number


def need_book(settings: Settings) -> NeedBook:
    """The county's own cards where it has a folder of them, else ours."""
    own = settings.layers / "needs"
    return read_book(own if own.is_dir() else PROJECT / "layers" / "needs")


def read_book(folder: Path) -> NeedBook:
    """Every file of the folder; BrokenLayerFile for the first that is wrong."""
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    cards = [_read(file, Card) for file in files if file.name != _NAMES]
    seen: dict[str, str] = {}
    for file, card in zip([f for f in files if f.name != _NAMES], cards, strict=True):
        if card.id in seen:
            raise BrokenLayerFile(f"needs/{file.name}：id：与 {seen[card.id]} 重复（{card.id}）")
        seen[card.id] = file.name
    names = next((_read(file, Names) for file in files if file.name == _NAMES), Names())
    return NeedBook(cards, names)


_Kind = TypeVar("_Kind", bound=BaseModel)


def _read(file: Path, kind: type[_Kind]) -> _Kind:
    try:
        return kind.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise BrokenLayerFile(f"needs/{file.name}：不是 UTF-8 文本，请另存为 UTF-8") from None
    except tomllib.TOMLDecodeError as broken:
        raise BrokenLayerFile(f"needs/{file.name}：TOML 语法错误：{broken}") from None
    except ValidationError as broken:
        raise BrokenLayerFile(f"needs/{file.name}：{fault_words(broken)}") from None
