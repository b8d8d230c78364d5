"""Short ways, which end where the long one does: the same file again, and a first load."""

from typing import Any

import pytest
import shapely

from mapsvc import regions
from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.errors import Conflict
from mapsvc.ingest import compare, record, uploads
from mapsvc.settings import Settings

pytestmark = pytest.mark.anyio

TOWN = "990101001"
FILE = (
    "编号,名称,物资名称,数量,单位,经度,纬度\n"
    "D-1,青山储备点,帐篷,10,顶,110.05,30.05\n"
    "D-1,青山储备点,棉被,20,床,110.05,30.05\n"
    ",河口仓库,编织袋,300,条,110.06,30.06\n"
    "合计,,,330,,,\n"
).encode()
RESAVED = FILE.replace(b"\n", b"\r\n")
# Other cells that mean the same take the long way.
RETYPED = FILE.replace(b",10,", b",10 ,")


@pytest.fixture
async def county(db: Db) -> Db:
    box = shapely.box(110.0, 30.0, 110.4, 30.2)
    await regions.load(
        db,
        [
            regions.Region("990101", "云岭县", "county", None, box),
            regions.Region(TOWN, "西山镇", "township", "990101", box),
        ],
    )
    return db


async def send(db: Db, catalog: Catalog, content: bytes = FILE, **more: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = {"filename": "台账.csv", "declared_crs": "wgs84", "actor": "tester"}
    return await uploads.stage(
        db, catalog, Settings(), content=content, layer_id="depots", **{**wanted, **more}
    )


async def put(db: Db, catalog: Catalog, content: bytes = FILE) -> dict[str, Any]:
    staged = await send(db, catalog, content)
    return await uploads.apply(db, catalog, staged["id"], actor="tester")


async def kept(db: Db, upload_id: str) -> tuple[Any, ...]:
    """All that an upload lists, but its own identity and moment."""
    told = await uploads.get(db, upload_id, None)
    own = ("id", "sha256", "created_at", "crs", "reading")
    stored = await db.execute(
        "select seq, sheet, row, action, lead_seq, feature_id, base_version, code, name,"
        " region_code, township_code, geom, attrs, provenance, raw from upload_row"
        " where upload_id = %s order by seq",
        [upload_id],
    )
    name, content = await record.original(db, upload_id)
    return (
        {k: v for k, v in told.items() if k not in own},
        await stored.fetchall(),
        name,
        content.replace(b",10 ,", b",10,"),
    )


def same_as(staged: dict[str, Any]) -> str | None:
    return staged["reading"].get("same_as")


async def test_it_lists_what_reading_it_again_lists(county: Db, catalog: Catalog) -> None:
    first = await put(county, catalog)
    again = await send(county, catalog)
    assert same_as(again) == first["id"]
    read = await send(county, catalog, RETYPED)
    assert same_as(read) is None
    assert await kept(county, again["id"]) == await kept(county, read["id"])
    assert (again["counts"]["unchanged"], again["counts"]["skipped"]) == (3, 1)
    assert again["crs"]["used"] == "wgs84"


async def test_saved_anew_it_is_known_by_its_cells(county: Db, catalog: Catalog) -> None:
    first = await put(county, catalog)
    again = await send(county, catalog, RESAVED, filename="另存.csv")
    assert same_as(again) == first["id"]
    assert await record.original(county, again["id"]) == ("另存.csv", RESAVED)
    assert again["counts"]["unchanged"] == 3
    assert "digest" not in again["reading"]
    text = FILE.decode().encode("gb18030")
    assert same_as(await send(county, catalog, text)) == first["id"]
    assert (await send(county, catalog, text))["reading"]["encoding"] == "gb18030"
    assert same_as(await send(county, catalog, FILE.replace(b",20,", b",21,"))) is None


async def test_after_a_change_the_versions_are_those_on_the_map(
    county: Db, catalog: Catalog
) -> None:
    await put(county, catalog, FILE.replace(b",300,", b",250,"))
    changed = await put(county, catalog)
    assert changed["counts"]["changed"] == 1
    again = await send(county, catalog)
    assert same_as(again) == changed["id"]
    read = await send(county, catalog, RETYPED)
    assert await kept(county, again["id"]) == await kept(county, read["id"])
    applied = await uploads.apply(county, catalog, again["id"], actor="tester")
    assert same_as(await send(county, catalog)) == applied["id"]


async def test_whatever_moved_meanwhile_is_read_anew(county: Db, catalog: Catalog) -> None:
    first = await put(county, catalog)
    assert same_as(await send(county, catalog, declared_crs="gcj02")) is None
    assert same_as(await send(county, catalog, region_code=TOWN)) is None
    await regions.load(
        county, [regions.Region("990102", "邻县", "county", None, shapely.box(111, 30, 112, 31))]
    )
    assert same_as(await send(county, catalog)) is None
    await county.execute("delete from region where code = '990102'")
    assert same_as(await send(county, catalog)) == first["id"]
    await county.execute("update feature set attrs = attrs - 'items', version = version + 1")
    staged = await send(county, catalog)
    assert same_as(staged) is None
    assert staged["counts"]["changed"] == 3


async def test_an_upload_taken_back_or_with_refused_rows_answers_for_none(
    county: Db, catalog: Catalog
) -> None:
    first = await put(county, catalog)
    await uploads.rollback(county, first["id"], "tester")
    again = await send(county, catalog)
    assert (same_as(again), again["counts"]["new"]) == (None, 3)
    bad = FILE.replace(b",300,", ",很多,".encode())
    done = await put(county, catalog, bad)
    assert done["counts"]["rejected"] >= 1
    assert same_as(await send(county, catalog, bad)) is None


async def test_an_outdated_copy_is_refused(county: Db, catalog: Catalog) -> None:
    await put(county, catalog)
    again = await send(county, catalog)
    assert same_as(again)
    await county.execute("update feature set name = name || '二', version = version + 1")
    with pytest.raises(Conflict) as refused:
        await uploads.apply(county, catalog, again["id"], actor="tester")
    assert refused.value.code == "outdated_preview"


async def rows_of(db: Db, staged: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All that is kept of the rows; features by the order of their ids."""
    cursor = await db.execute(
        "select seq, sheet, row, action, lead_seq, dense_rank() over (order by feature_id),"
        " feature_id is null, base_version, code, name, region_code, township_code, geom, attrs,"
        " grade, search, verified_at, moved_m, provenance, raw from upload_row"
        " where upload_id = %s order by seq",
        [staged["id"]],
    )
    return await cursor.fetchall()


async def test_a_first_load_keeps_what_comparing_would(
    county: Db, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = (
        'D-2,"仓\\库",帐篷,多,顶,110.07,30.07\n,"三\t号",棉被,5,床,110.08,30.08\n'
        ",外地,棉被,5,床,150,30\nD-5,五,帐篷,1,顶,110.1,30.1\nD-5,六,帐篷,1,顶,110.1,30.1\n"
    )
    lines = (FILE.decode() + more).splitlines()
    file = "\n".join([f"{lines[0]},看法", *(f"{line},\\闲" for line in lines[1:])]).encode()
    short = await send(county, catalog, file)

    async def never(*_: Any) -> bool:
        return False

    monkeypatch.setattr(compare, "nothing_there", never)
    long = await send(county, catalog, file)
    assert await rows_of(county, short) == await rows_of(county, long)
    assert short["counts"] == long["counts"]
    assert {"new", "rejected", "skipped"} <= {k for k, v in short["counts"].items() if v}
    assert short["problems"] == long["problems"]
