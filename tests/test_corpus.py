"""Every file of the corpus through the upload's own path, each row to its expected fate."""

from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from pyproj import Geod

from mapsvc import regions
from mapsvc.catalog import Catalog
from mapsvc.errors import TooLarge, Unreadable
from mapsvc.ingest import uploads
from mapsvc.ingest.assign import RegionIndex
from mapsvc.ingest.vague import reads_as_d_mmss
from mapsvc.settings import Settings
from tests.aside import run
from tests.conftest import Make
from tests.corpus import Case, all_cases

CASES = all_cases()
COUNTY, WEST, EAST = "990101", "990101001", "990101002"
GEOD = Geod(ellps="WGS84")

_ROWS = """
select sheet, row, action, code, name, ST_X(geom), ST_Y(geom), attrs
from upload_row where upload_id = %s order by seq
"""
_PROBLEMS = """
select sheet, row, code, severity from upload_problem where upload_id = %s
"""


def county_of(conninfo: str) -> str:
    """A database with one county of two townships that touch at 110.2 E."""
    box = shapely.box

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            areas = [
                regions.Region(COUNTY, "云岭县", "county", None, box(110.0, 30.0, 110.4, 30.2)),
                regions.Region(WEST, "西山镇", "township", COUNTY, box(110.0, 30.0, 110.2, 30.2)),
                regions.Region(EAST, "东河乡", "township", COUNTY, box(110.2, 30.0, 110.4, 30.2)),
            ]
            await regions.load(db, areas)

    run(fill())
    return conninfo


@pytest.fixture(scope="module")
def corpus_conninfo(make_database: Make, template: str) -> str:
    """One county for all files: each is rolled back."""
    return county_of(make_database(template))


def test_the_corpus_is_broad() -> None:
    names = [case.id for case in CASES]
    assert len(names) == len(set(names)) >= 120
    assert len({case.content for case in CASES}) >= 120


def test_degree_minute_second_is_told_where_only_that_lies_inside() -> None:
    town = shapely.to_wkb(shapely.box(110.3, 30.2, 110.6, 30.4))
    regions = RegionIndex.of([(WEST, "西山镇", "township", (WEST,), town)])
    packed, decimal = np.array([110.2115, 110.3045]), np.array([110.2175, 110.3045])
    lat = np.array([30.1330, 30.1859])
    (told,) = reads_as_d_mmss(packed, lat, regions, [WEST, WEST])
    assert told.code == "coordinates_doubt"
    assert "度.分秒" in told.message
    assert not list(reads_as_d_mmss(decimal, lat, regions, [WEST, WEST]))


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_every_row_meets_its_fate(case: Case, corpus_conninfo: str, catalog: Catalog) -> None:
    async with (
        await psycopg.AsyncConnection.connect(corpus_conninfo, autocommit=True) as db,
        db.transaction(force_rollback=True),
    ):
        if case.refused:
            with pytest.raises((Unreadable, TooLarge)) as error:
                await _staged(db, catalog, case)
            assert error.value.code == case.refused
            assert len(error.value.detail) > 10
            return
        staged = await _staged(db, catalog, case)
        rows = await (await db.execute(_ROWS, [staged["id"]])).fetchall()
        problems = await (await db.execute(_PROBLEMS, [staged["id"]])).fetchall()
    assert _fates(rows, problems, case) == case.rows
    counts = staged["counts"]
    parts = ("new", "changed", "unchanged", "rejected", "skipped")
    assert counts["rows"] == len(rows) == sum(counts[p] for p in parts)
    assert case.also <= {code for _, _, code, _ in problems}
    found = {_key(sheet, row, case.rows): rest for sheet, row, _, *rest in rows}
    for key, (lon, lat) in case.places.items():
        x, y = found[key][2:4]
        assert GEOD.inv(lon, lat, x, y)[2] <= case.tolerance, key
    for key, wanted in case.values.items():
        code, name, _, _, attrs = found[key]
        stored = {**(attrs or {}), "code": code, "name": name}
        assert {k: stored.get(k) for k in wanted} == wanted


async def _staged(db: Any, catalog: Catalog, case: Case) -> dict[str, Any]:
    return await uploads.stage(
        db,
        catalog,
        Settings(upload_max_seconds=20),
        filename=f"{case.id}.xls",
        content=case.content,
        layer_id=case.layer,
        declared_crs=case.crs,
        region_code=case.region,
        actor="tester",
    )


def _key(sheet: str, row: int, wanted: dict[Any, str]) -> Any:
    return f"{sheet}!{row}" if f"{sheet}!{row}" in wanted or row not in wanted else row


def _fates(rows: list[Any], problems: list[Any], case: Case) -> dict[Any, str]:
    """Row → what became of it; of several reasons the expected one, if it is among them."""
    fates: dict[Any, str] = {}
    for sheet, row, action, *_ in rows:
        key = _key(sheet, row, case.rows)
        severity = {"refused": "error", "skipped": "note"}.get(action)
        reasons = {
            code
            for s, r, code, found in problems
            if found == severity and (r is None or (s, r) == (sheet, row))
        }
        wanted = case.rows.get(key, "")
        fates[key] = action if severity is None else wanted if wanted in reasons else f"{reasons}"
    return fates
