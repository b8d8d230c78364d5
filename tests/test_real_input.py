"""Real files of a city: districts from a zipped shapefile, thousands of hospitals from a CSV."""

import csv
import json
import random

import pytest
from pyproj import Geod

from mapsvc import proximity, regions
from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.ingest import uploads
from mapsvc.settings import PROJECT, Settings

DATA = PROJECT.parent / "shared" / "data"
HOSPITALS = DATA / "shanghai_hospital_utf8.csv"
DISTRICTS = DATA / "shanghai_qxj_gbkdbf.zip"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not HOSPITALS.exists(), reason=f"the real files are not here: {DATA} is missing"
    ),
]


async def loaded(db: Db, catalog: Catalog) -> dict[str, object]:
    areas = regions.read(DISTRICTS, level="county")
    assert await regions.load(db, areas) == len(areas) > 15
    assert {"浦东新区", "黄浦区"} <= {area.name for area in areas}
    return await uploads.stage(
        db,
        catalog,
        Settings(),
        filename=HOSPITALS.name,
        content=HOSPITALS.read_bytes(),
        layer_id="forces",
        declared_crs="wgs84",
        actor="tester",
    )


async def test_every_row_is_applied_or_listed(db: Db, catalog: Catalog) -> None:
    staged = await loaded(db, catalog)
    done = await uploads.apply(db, catalog, str(staged["id"]), actor="tester")
    with HOSPITALS.open(encoding="utf-8-sig", newline="") as file:
        in_file = sum(1 for _ in csv.reader(file)) - 1
    counts = done["counts"]
    assert in_file == 7513
    assert counts["rows"] == in_file
    assert counts["new"] + counts["rejected"] + counts["skipped"] == in_file
    stored = await (await db.execute("select count(*) from feature_forces")).fetchone()
    assert stored == (counts["new"],)
    assert counts["new"] > 0.8 * in_file
    refused = await (
        await db.execute(
            "select count(distinct (p.sheet, p.row)) from upload_problem p"
            " where p.severity in ('error', 'note') and p.row is not null"
        )
    ).fetchone()
    assert refused == (counts["rejected"] + counts["skipped"],)


async def test_the_same_hospitals_again_change_nothing(db: Db, catalog: Catalog) -> None:
    first = await loaded(db, catalog)
    await uploads.apply(db, catalog, str(first["id"]), actor="tester")
    again = await loaded(db, catalog)
    assert again["counts"]["new"] == again["counts"]["changed"] == 0  # type: ignore[index]
    assert again["counts"]["unchanged"] == first["counts"]["new"]  # type: ignore[index]


async def test_nearest_hospitals_equal_a_brute_force(db: Db, catalog: Catalog) -> None:
    staged = await loaded(db, catalog)
    await uploads.apply(db, catalog, str(staged["id"]), actor="tester")
    rows = await (
        await db.execute("select id, ST_X(geom), ST_Y(geom) from feature_forces order by id")
    ).fetchall()
    geod, chance = Geod(ellps="WGS84"), random.Random(7)
    for _ in range(25):
        lon, lat = chance.uniform(120.9, 122.0), chance.uniform(30.7, 31.6)
        starts = [lon] * len(rows), [lat] * len(rows)
        _, _, metres = geod.inv(*starts, [r[1] for r in rows], [r[2] for r in rows])
        expected = sorted(zip(metres, (r[0] for r in rows), strict=True))[:10]
        answer = json.loads(await proximity.nearest(db, (catalog.layer("forces"),), lon, lat, k=10))
        found = [(r["distance_m"], r["id"]) for r in answer["results"]]
        assert [f[0] for f in found] == pytest.approx([e[0] for e in expected], abs=0.06)
        assert {f[1] for f in found[:9]} <= {e[1] for e in expected}
