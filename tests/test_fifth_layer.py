"""A layer is one file: drop a TOML in and there are its API, upload, tiles, search and view."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import psycopg
import pytest
from fastapi.testclient import TestClient
from mapbox_vector_tile import decode

from mapsvc.catalog import load_catalog
from mapsvc.database import upgrade
from mapsvc.settings import PROJECT
from tests.conftest import Signed

SHELTERS = """
id = "shelters"
title = "避难场所图"
noun = "避难场所"
order = 5
popup = ["capacity", "kind", "keeper"]

[symbol]
shape = "pentagon"

[freshness]
days = 365

[headings]
name = ["应急避难场所名称", "避难场所名称"]
code = ["避难场所编码"]

[[fields]]
id = "capacity"
title = "容纳人数"
type = "integer"
unit = "人"
minimum = 0
headings = ["避难所容纳人数", "可容纳人数"]

[[fields]]
id = "kind"
title = "类型"
type = "enum"
values = [{ value = "室内", synonyms = ["室内型"] }, { value = "室外" }]

[[fields]]
id = "keeper"
title = "负责人"
type = "person"
personal = true
"""


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def county(
    tmp_path: Path, demo_copy: str, make_app: Callable[..., TestClient]
) -> tuple[Signed, str]:
    folder = tmp_path / "layers"
    shutil.copytree(PROJECT / "layers", folder)
    (folder / "shelters.toml").write_text(SHELTERS, encoding="utf-8")
    catalog = load_catalog(folder)
    upgrade(demo_copy, catalog)
    return Signed(make_app(demo_copy, catalog)), demo_copy


def test_a_fifth_layer_is_only_a_file(county: tuple[Signed, str]) -> None:
    signed, conninfo = county
    planner = signed("planner")
    layer = planner.get("/api/layers").json()[-1]
    assert (layer["id"], layer["title"], layer["count"]) == ("shelters", "避难场所图", 0)
    assert [f["id"] for f in layer["fields"]] == ["capacity", "kind", "keeper"]

    content = workbook(
        ("应急避难场所名称", "避难场所编码", "经度", "纬度", "可容纳人数（人）", "类型", "负责人"),
        ("实验小学操场", "B001", 111.2003, 27.9004, "1,200", "室外", "某甲"),
        ("文化馆", "B002", 111.2103, 27.9104, 300, "室内型", "某乙"),
        ("老祠堂", "B003", 111.2203, 27.9204, "很多", "露天", "某丙"),
    )
    staged = planner.post(
        "/api/uploads",
        files={"file": ("避难场所.xlsx", content)},
        data={"layer": "shelters", "crs": "wgs84"},
    )
    assert staged.status_code == 201, staged.text
    upload = staged.json()
    assert (upload["status"], upload["layer"]) == ("staged", "shelters")
    assert upload["counts"]["rows"] == 3
    assert upload["counts"]["new"] == 2
    assert upload["counts"]["rejected"] == 1
    assert {p["field"] for p in upload["problems"]} == {"capacity", "kind"}
    assert {p["row"] for p in upload["problems"]} == {4}
    assert planner.get("/api/layers/shelters/features").json()["numberMatched"] == 0

    applied = planner.post(f"/api/uploads/{upload['id']}/apply", json={"mode": "valid_rows"})
    assert applied.json()["status"] == "applied"
    features = planner.get("/api/layers/shelters/features").json()["features"]
    assert [f["properties"]["capacity"] for f in features] == [1200, 300]
    assert features[1]["properties"]["kind"] == "室内"
    assert features[0]["properties"]["region_code"].startswith("990101")

    near = planner.get("/api/nearest?lon=111.2003&lat=27.9004&layers=shelters&k=1").json()
    assert near["results"][0]["name"] == "实验小学操场"
    assert near["results"][0]["distance_m"] < 0.01
    found = planner.get("/api/search", params={"q": "syxxcc"}).json()["results"]
    assert found[0]["name"] == "实验小学操场"
    tile = planner.get("/tiles/shelters/0/0/0.mvt").content
    assert decode(tile)["shelters"]["features"][0]["properties"]["count"] == 2
    assert "shelters" in planner.get("/map").text
    with psycopg.connect(conninfo) as db:
        rows = db.execute("select name, capacity + 1, kind from ogc.shelters order by id")
        assert rows.fetchall() == [("实验小学操场", 1201, "室外"), ("文化馆", 301, "室内")]


def test_township_writes_its_own_only(county: tuple[Signed, str]) -> None:
    signed, _ = county
    town = signed("town-990101001")
    content = workbook(("避难场所名称", "经度", "纬度"), ("别处的点", 111.2, 27.9))
    staged = town.post(
        "/api/uploads",
        files={"file": ("a.xlsx", content)},
        data={"layer": "shelters", "crs": "wgs84"},
    ).json()
    where = town.get("/api/nearest?lon=111.2&lat=27.9&layers=command_posts&k=1").json()
    home = where["results"][0]["feature"]["properties"]["region_code"].startswith("990101001")
    assert staged["counts"]["rejected" if not home else "new"] == 1
    foreign = town.post(
        "/api/uploads",
        files={"file": ("a.xlsx", content)},
        data={"layer": "shelters", "region": "990101100"},
    )
    assert foreign.status_code == 403
    viewer = signed("command").post(
        "/api/uploads", files={"file": ("a.xlsx", content)}, data={"layer": "shelters"}
    )
    assert viewer.status_code == 403
