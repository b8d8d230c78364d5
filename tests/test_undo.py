"""Undo over random histories: uploads, single edits and undoing them, by two people, any order.

Beside the database stands a model: what each change set found and what it left. After every undo
the whole table must be as the model says, or nothing may have changed and the conflicts are told.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from mapsvc.catalog import Catalog
from mapsvc.errors import BadInput, Conflict
from mapsvc.ingest import edits, uploads
from mapsvc.settings import Settings
from tests.conftest import Make
from tests.corpus.write import csv_of
from tests.test_corpus import county_of

STEPS, UPLOADS = 48, 8
HEAD = ["隐患点编号", "隐患点名称", "风险等级", "经度", "纬度", "地址"]
LEVELS, ADDRESSES = ("重大", "较大", "一般", "低"), ("一组", "二组", "", "村口")
PEOPLE = ("甲", "乙")
CONTENT = (
    "code", "name", "region_code", "township_code", "geom", "attrs", "grade", "verified_at",
    "search", "provenance", "upload_id",
)  # fmt: skip
COMPARED = 8
"""Of which so many speak of the feature itself; the rest say where they came from."""
State = dict[int, tuple[Any, ...]]


@dataclass
class Done:
    """A change set: of each feature that it wrote, what was there and what it left."""

    upload: Any
    was: State
    left: State
    undone: bool = False

    @property
    def wrote(self) -> set[int]:
        return {i for i in {*self.was, *self.left} if self.was.get(i) != self.left.get(i)}


@dataclass
class Walk:
    db: Any
    catalog: Catalog
    chance: random.Random
    sets: list[Done] = field(default_factory=list)
    versions: dict[tuple[int, int], tuple[Any, ...]] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    deeds: int = 0
    refused: int = 0
    undone: int = 0

    @property
    def layer(self) -> Any:
        return self.catalog.layer("risk_points")

    async def state(self) -> State:
        cursor = await self.db.execute(
            f"select id, version, {', '.join(CONTENT)} from feature".encode()
        )
        found: State = {}
        for number, version, *content in await cursor.fetchall():
            found[number] = tuple(content)
            self.versions[number, version] = found[number]
        return found

    async def step(self, upload: bool) -> None:
        before = await self.state()
        try:
            made = await (self.upload() if upload else self.edit_or_undo(before))
        except (Conflict, BadInput):
            assert await self.state() == before
            self.refused += 1
            return
        if made is not None:
            self.deeds += 1
            self.sets.append(Done(made, before, await self.state()))

    def row(self) -> list[Any]:
        n = self.chance.randrange(9)
        code = "" if self.chance.random() < 0.2 else f"R{n}"
        far = 0.15 if self.chance.random() < 0.1 else 0
        place = [110.05 + 0.01 * n + far, 30.05 + self.chance.choice((0, 0, 0.001))]
        level = self.chance.choice((*LEVELS, "坏"))
        return [code, f"青山{n}号", level, *place, self.chance.choice(ADDRESSES)]

    async def upload(self) -> Any:
        """One file is staged; it, or one that has waited since, is applied."""
        rows = [self.row() for _ in range(self.chance.randrange(1, 7))]
        staged = await uploads.stage(
            self.db, self.catalog, Settings(), filename="台账.csv", content=csv_of([HEAD, *rows]),
            layer_id="risk_points", declared_crs="wgs84", actor=self.chance.choice(PEOPLE),
        )  # fmt: skip
        self.waiting.append(staged["id"])
        chosen = self.chance.choice(self.waiting)
        self.waiting.remove(chosen)
        deletes = self.chance.random() < 0.3
        done = await uploads.apply(
            self.db, self.catalog, chosen, actor=self.chance.choice(PEOPLE), delete_missing=deletes
        )
        return done["id"]

    async def edit_or_undo(self, before: State) -> Any:
        if self.sets and self.chance.random() < 0.5:
            return await self.undo(self.chance.choice(self.sets[-6:]), before)
        actor = self.chance.choice(PEOPLE)
        whose: dict[str, Any] = {"crs": "wgs84", "actor": actor, "scope": None, "sees": None}
        what = self.chance.choice(("form", "move", "new", "gone"))
        code, name, level, x, y, address = self.row()
        point = {"type": "Point", "coordinates": [x, y]}
        given = {"code": code or None, "name": name, "risk_level": level, "address": address}
        if what == "new" or not before:
            sent = {"type": "Feature", "geometry": point, "properties": given}
            return (await edits.create(self.db, self.layer, sent, **whose)).upload
        number = self.chance.choice(sorted(before))
        version = max(v for n, v in self.versions if n == number)
        if what == "gone":
            del whose["crs"]
            return await edits.remove(self.db, self.layer, number, version, **whose)
        sent = {"geometry": point} if what == "move" else {"properties": given}
        return (await edits.change(self.db, self.layer, number, version, sent, **whose)).upload

    async def undo(self, done: Done, before: State) -> None:
        blocked = {
            n for n in done.wrote
            if not done.undone and _itself(before.get(n)) != _itself(done.left.get(n))
        }  # fmt: skip
        expected = dict(before)
        for n in done.wrote if not done.undone else ():
            expected.pop(n, None)
            if n in done.was:
                expected[n] = done.was[n]
        if blocked or _codes_clash(expected):
            with pytest.raises(Conflict) as refused:
                await uploads.rollback(self.db, done.upload, self.chance.choice(PEOPLE))
            assert refused.value.code == "rollback_blocked"
            assert {c["id"] for c in refused.value.extra.get("conflicts", ())} == blocked
            raise refused.value
        await uploads.rollback(self.db, done.upload, self.chance.choice(PEOPLE))
        assert await self.state() == expected
        self.undone += not done.undone
        self.deeds += not done.undone
        done.undone = True

    async def history_is_whole(self) -> None:
        """Every version of every feature once, with what it held, each from the last one's end."""
        cursor = await self.db.execute(
            f"select id, version, updated_at, valid_to, {', '.join(CONTENT)} from feature_history"
            f" union all select id, version, updated_at, null, {', '.join(CONTENT)} from feature"
            " order by id, version".encode()
        )
        last: dict[int, tuple[int, Any]] = {}
        for number, version, since, until, *content in await cursor.fetchall():
            assert tuple(content) == self.versions[number, version]
            previous, ended = last.get(number, (0, None))
            assert version == previous + 1
            assert ended is None or ended <= since
            last[number] = version, until
        entries = await (
            await self.db.execute(
                "select count(*) from audit where action in ('upload.applied', 'feature.created',"
                " 'upload.rolled_back', 'feature.changed', 'feature.deleted')"
            )
        ).fetchone()
        assert entries == (self.deeds,)


def _itself(content: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return None if content is None else content[:COMPARED]


def _codes_clash(state: State) -> bool:
    codes = [(content[3], content[0]) for content in state.values() if content[0] is not None]
    return len(set(codes)) < len(codes)


@pytest.mark.anyio
@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happened_is_undone_exactly_or_not_at_all(
    make_database: Make, template: str, catalog: Catalog, seed: int
) -> None:
    conninfo = county_of(make_database(template))
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        walk = Walk(db, catalog, random.Random(seed))
        for number in range(STEPS):
            await walk.step(upload=number % (STEPS // UPLOADS) == 0)
        await walk.history_is_whole()
    assert walk.undone >= 4
    assert walk.refused >= 4
