"""Journeys: from many places to one, the route between two, by the roads as they are now."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mapsvc.database import Db, moment
from mapsvc.roads import state
from mapsvc.roads.fan import Fan, Journey, Route, estimates, line_m
from mapsvc.roads.rules import CONDITIONS, PROFILES, Conditions, Direction, Profile, read, table
from mapsvc.roads.snapping import Place


async def has_network(db: Db) -> bool:
    """Was a road network loaded?"""
    row = await (await db.execute("select exists (select from road_network)")).fetchone()
    return bool(row and row[0])


async def summary(db: Db) -> dict[str, Any]:
    """What is loaded (`network` with its report, or None), the rules, what may be chosen."""
    row = await (
        await db.execute(
            "select json_build_object('loaded_at', loaded_at, 'source', source, 'edges', edges,"
            " 'nodes', nodes, 'length_m', round(length_m), 'report', report)"
            " from road_network order by id desc limit 1"
        )
    ).fetchone()
    usual = await read(db)
    return {
        "network": row[0] if row else None,
        "rules": [
            {"name": name, "value": value, "title": title} for name, value, title in table(usual)
        ],
        "profiles": PROFILES,
        "conditions": {
            name: {"title": title, "factor": usual.factor(name)}
            for name, title in CONDITIONS.items()
        },
    }


async def journeys(
    db: Db,
    places: Sequence[Place],
    to: Place,
    *,
    profile: Profile = "light",
    conditions: Conditions = "day",
    direction: Direction = "to",
) -> list[Journey]:
    """One journey a place, in their order; seconds and metres.

    `direction` to: from the places to the event; from: from the event to the places.
    """
    if not places:
        return []
    async with moment(db):
        roads = await state.now(db, profile, conditions)
        if roads is None:
            return estimates(await read(db), places, to, conditions)
        likely_s = roads.rules.likely_s(float(line_m(places, to).max()), conditions)
        fan = await Fan.open(roads, to, direction, sure_s=likely_s)
        await fan.add(places)
        if np.isinf(fan.seconds()).any():
            await fan.grow()
        return fan.journeys()


async def route(
    db: Db,
    start: Place,
    end: Place,
    *,
    profile: Profile = "light",
    conditions: Conditions = "day",
) -> Route | None:
    """The fastest way by road, drawn and in words; None where there is none."""
    async with moment(db):
        roads = await state.now(db, profile, conditions)
        if roads is None:
            return None
        fan = await Fan.open(roads, end, "to")
        await fan.add([start])
        return (await fan.routes(db, [0]))[0]
