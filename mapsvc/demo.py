"""The demo county brought into the database, and the accounts to try it with."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mapsvc import access, county, features, ground, record, regions, roads
from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.roads import loading, osm
from mapsvc_demo import County, RoadNetwork, build

Say = Callable[[str], None]
Known = list[tuple[str, str, str]]
CHINA = ZoneInfo("Asia/Shanghai")
_KEPT = "demo-accounts.json"


async def load(db: Db, catalog: Catalog, say: Say) -> None:
    """Build and load the county, unless this database already has regions.

    A demo county loaded before there was a road network gets it now; nothing else is touched.
    """
    row = await (await db.execute("select exists (select from region)")).fetchone()
    if row and row[0]:
        if await county.is_demo(db) and not await roads.has_network(db):
            say("正在为演示县补上路网……")
            await _load_network(db, build(today=datetime.now(CHINA).date()).roads)
        return
    say("正在生成演示县（地形、水系、乡镇、道路、点位）……")
    made = build(today=datetime.now(CHINA).date())
    async with db.transaction():
        counts = {name: len(rows) for name, rows in made.features.items()}
        await record.write(db, "demo.loaded", subject=made.name, new=counts)
        say(f"正在载入{made.name}：{len(made.regions)} 个行政区……")
        await county.write(db, county.DEMO, True)
        await county.write(db, county.TITLE, f"{made.name}应急一张图")
        await regions.load(
            db,
            [
                regions.Region(r.code, r.name, r.level, r.parent_code, r.geometry)
                for r in made.regions
            ],
        )
        await _load_ground(db, made)
        await _load_network(db, made.roads)
        for layer_id, rows in made.features.items():
            layer = catalog.layer(layer_id)
            say(f"正在载入{layer.title}：{len(rows)} 个{layer.noun}……")
            await features.insert(
                db,
                layer,
                (
                    features.Draft(r.code, r.name, r.lon, r.lat, r.attrs, r.verified_on)
                    for r in rows
                ),
                actor="demo",
            )
    await db.execute("analyze")


async def _load_ground(db: Db, made: County) -> None:
    things = [ground.Thing(g.kind, g.class_, g.name, g.geometry) for g in made.ground]
    await ground.replace(db, sorted({t.kind for t in things}), things)
    if made.relief is not None:
        r = made.relief
        await ground.set_relief(db, ground.Relief(r.png, r.west, r.south, r.east, r.north))


async def _load_network(db: Db, made: RoadNetwork | None) -> None:
    """The county's roads by the same way as a file's."""
    if made is None:
        return
    ways = [
        osm.Way(w.id, w.nodes, tuple(made.nodes[n] for n in w.nodes), w.tags)
        for w in made.ways
        if w.tags.get("highway") in osm.CLASSES
    ]
    await loading.load(db, osm.Drawn(ways), source="演示县路网（虚构）", actor="demo")


async def accounts(db: Db, known: dict[str, str], password: str | None) -> Known:
    """The demo accounts with their passwords; those not yet `known` are made and added to it."""
    towns = await (
        await db.execute("select code, name from region where level = 'township' order by code")
    ).fetchall()
    people: list[tuple[str, tuple[str, ...], str | None, str]] = [
        ("admin", ("admin", "county"), None, "系统管理员、县级数据管理"),
        ("command", ("command",), None, "指挥中心"),
        ("planner", ("planner",), None, "预案人员"),
        ("auditor", ("auditor",), None, "审计员"),
        *((f"town-{code}", ("township",), code, f"{name}") for code, name in towns),
    ]
    existing = {a.username for a in await access.accounts(db)}
    for username, roles, region, _ in people:
        if username in existing and username in known and password in (None, known[username]):
            continue
        known[username] = password or secrets.token_urlsafe(9)
        await access.add_account(db, username, known[username], roles, region)
    return [(username, known[username], title) for username, _, _, title in people]


def remembered(home: Path) -> dict[str, str]:
    """The random passwords of an earlier start, so that the next one can print them again."""
    kept = home / _KEPT
    return dict(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else {}


def remember(home: Path, known: dict[str, str]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    kept = home / _KEPT
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(known), encoding="utf-8")
