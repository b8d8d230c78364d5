"""Who has something of what is needed: stock by unit and expiry, people by skill, how far off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from mapsvc.catalog import Layer, LayerField
from mapsvc.database import Db
from mapsvc.features import is_fresh
from mapsvc.filters import ALWAYS, Filter
from mapsvc.planning.cards import folded
from mapsvc.planning.needs import Need
from mapsvc.roads import Journey, Place

MOST = 5000
"""Places of a layer that are read, the nearest first."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What one place has of one item in one unit."""

    good: float
    expired: float


@dataclass(frozen=True, slots=True)
class Source:
    """A place that has at least one thing that is needed."""

    layer: Layer
    id: int
    name: str
    place: Place
    line_m: float
    age_days: int
    region_name: str | None
    duty_phone: str | None
    items: Mapping[tuple[str, str], Stock]
    """By folded name and unit."""
    skills: frozenset[str]
    people: int | None
    off_duty: bool

    @property
    def stale(self) -> bool:
        return self.age_days > self.layer.freshness.days

    def stock(self, need: Need, unit: str) -> Stock:
        """Of an item under all its names."""
        found = [self.items[s, unit] for s in need.spellings if (s, unit) in self.items]
        return Stock(sum(s.good for s in found), sum(s.expired for s in found))

    def units(self, need: Need) -> set[str]:
        return {unit for name, unit in self.items if name in need.spellings}

    def offers(self, need: Need) -> float:
        """How much may be promised of a need whose unit is known."""
        if need.what == "item":
            return self.stock(need, need.unit or "").good
        if self.off_duty or not self.skills & set(need.spellings):
            return 0.0
        return 1.0 if need.kind == "teams" else float(self.people or 0)


@dataclass(frozen=True, slots=True)
class Way:
    """A source and how it gets to the event."""

    source: Source
    journey: Journey
    at: int
    """Its place in the fan."""


@dataclass(slots=True)
class Found:
    sources: list[Source] = field(default_factory=list)
    cut: list[Layer] = field(default_factory=list)
    """Layers of which more places have something than are read."""


def able(layer: Layer) -> bool:
    """Can features of this layer give anything?"""
    return _stock_field(layer) is not None or _skill_field(layer) is not None


def _stock_field(layer: Layer) -> LayerField | None:
    for one in layer.fields:
        if one.type == "records" and {"item", "quantity"} <= {c.id for c in one.columns}:
            return one
    return None


def _skill_field(layer: Layer) -> LayerField | None:
    return next((f for f in layer.fields if f.id == "capabilities" and f.type == "list"), None)


# Written names are compared as `cards.folded` folds them.
_FOLDED = r"lower(regexp_replace(normalize({}, NFKC), '\s+', '', 'g'))"
_ITEMS = """coalesce((select jsonb_agg(i) from jsonb_array_elements(
    case when jsonb_typeof(f.attrs -> {field}) = 'array' then f.attrs -> {field} else '[]' end) i
    where {folded} = any(%(items)s)), '[]')"""
_SKILLS = """coalesce((select jsonb_agg(s) from jsonb_array_elements_text(
    case when jsonb_typeof(f.attrs -> {field}) = 'array' then f.attrs -> {field} else '[]' end) s
    where {folded} = any(%(skills)s)), '[]')"""
_QUERY = """
select f.id, f.name, ST_X(f.at), ST_Y(f.at), f.d, f.age_days, r.name, {phone},
    f.items, f.skills, f.attrs -> 'headcount', f.attrs -> 'on_duty', current_date::text
from (
    select f.*, {items} items, {skills} skills, ST_PointOnSurface(f.geom) at,
        ST_Distance(f.geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d,
        current_date - coalesce(f.verified_at, f.updated_at::date) age_days
    from {table} f where {fresh} and {where}
) f left join region r on r.code = f.region_code
where f.items <> '[]' or f.skills <> '[]'
order by f.d, f.id limit {most}"""


async def find(
    db: Db,
    layers: Sequence[Layer],
    filters: Mapping[str, Filter],
    event: Place,
    needs: Sequence[Need],
    *,
    fresh: bool,
) -> Found:
    """All places that have something under a needed name, whatever its unit or date."""
    names = {
        what: sorted({s for n in needs if n.what == what for s in n.spellings})
        for what in ("item", "capability")
    }
    values: dict[str, Any] = {
        "lon": event.lon,
        "lat": event.lat,
        "items": names["item"],
        "skills": names["capability"],
    }
    found = Found()
    for layer in layers:
        where = filters.get(layer.id, ALWAYS)
        query = sql.SQL(_QUERY).format(
            items=_part(_ITEMS, _stock_field(layer), "i ->> 'item'"),
            skills=_part(_SKILLS, _skill_field(layer), "s"),
            table=sql.Identifier(layer.partition),
            fresh=is_fresh(layer) if fresh else sql.SQL("true"),
            where=where.sql,
            most=sql.Literal(MOST + 1),
            phone=_duty_phone(layer),
        )
        rows = await (await db.execute(query, values | where.values)).fetchall()
        if len(rows) > MOST:
            found.cut.append(layer)
        found.sources += [_source(layer, row) for row in rows[:MOST]]
    return found


def _part(text: str, one: LayerField | None, value: str) -> sql.Composable:
    if one is None:
        return sql.SQL("'[]'::jsonb")
    return sql.SQL(text).format(
        field=sql.Literal(one.id), folded=sql.SQL(_FOLDED.replace("{}", value))
    )


def _duty_phone(layer: Layer) -> sql.Composable:
    """The number of the post; where the county declares it a person's, masked for everybody."""
    if any(f.id == "duty_phone" and f.personal for f in layer.fields):
        return sql.SQL("personal_masked(f.attrs -> 'duty_phone', 'phone') #>> '{{}}'")
    return sql.SQL("f.attrs ->> 'duty_phone'")


def _source(layer: Layer, row: tuple[Any, ...]) -> Source:
    number, name, lon, lat, far, age, region, phone, items, skills, people, duty, today = row
    return Source(
        layer,
        number,
        name,
        Place(lon, lat),
        far,
        age,
        region,
        phone,
        _stocks(items, today),
        frozenset(folded(s) for s in skills),
        int(people) if isinstance(people, (int, float)) else None,
        duty is False,
    )


def _stocks(items: list[Any], today: str) -> dict[tuple[str, str], Stock]:
    out: dict[tuple[str, str], Stock] = {}
    for item in items:
        quantity = item.get("quantity")
        if not isinstance(quantity, (int, float)) or quantity <= 0:
            continue
        key = folded(str(item["item"])), "".join(str(item.get("unit") or "").split())
        old = out.get(key, Stock(0.0, 0.0))
        if str(item.get("expires") or today) < today:
            out[key] = Stock(old.good, old.expired + quantity)
        else:
            out[key] = Stock(old.good + quantity, old.expired)
    return out
