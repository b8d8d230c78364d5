"""Templates: what they offer, and that they come back as they went out."""

import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import openpyxl
import psycopg
import pytest
import python_calamine
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from mapsvc.catalog import Catalog, Layer
from mapsvc.ingest.added import EXAMPLE, NOTES_SHEET
from tests.conftest import Make, Signed, application

CORE = ("risk_points", "depots", "forces", "command_posts")
TOWN, NEIGHBOUR = "990101001", "990101002"


@pytest.fixture(scope="module")
def county_db(make_database: Make, demo_source: str) -> str:
    return make_database(demo_source)


@pytest.fixture(scope="module")
def county(county_db: str, catalog: Catalog) -> Iterator[Signed]:
    """One copy of the demo county for all tests here: they stage, or use codes of their own."""
    with application(county_db, catalog) as client:
        yield Signed(client)


def fetch(client: Any, layer: str, **query: Any) -> bytes:
    answer = client.get(f"/api/layers/{layer}/template.xlsx", params=query)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def upload(client: Any, layer: str, content: bytes, crs: str = "auto") -> dict[str, Any]:
    files = {"file": ("模板.xlsx", content)}
    answer = client.post("/api/uploads", files=files, data={"layer": layer, "crs": crs})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def grid(content: bytes) -> list[list[Any]]:
    """The data sheet as python-calamine, the reader's own library, sees it."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


def on_map(conninfo: str, layer: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    with psycopg.connect(conninfo) as db:
        rows = db.execute(
            "select township_code, code, name, region_code, grade, verified_at, attrs,"
            " round(ST_X(geom)::numeric, 6), round(ST_Y(geom)::numeric, 6)"
            " from feature where layer = %s",
            [layer],
        ).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}


def change(conninfo: str, statement: str, *values: Any) -> None:
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(statement.encode(), values)


@pytest.mark.parametrize("layer", CORE)
def test_an_empty_template_offers_every_field(signed: Signed, catalog: Catalog, layer: str) -> None:
    content = fetch(signed("planner"), layer)
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet, notes = book.worksheets
    headings = [cell.value for cell in sheet[1]]
    assert headings[0] == "编号"
    assert {"名称*", "乡镇", "村", "经度*", "纬度*", "核实日期"} <= set(headings)
    explained = {row[0].value for row in notes.iter_rows()}
    for f in catalog.layer(layer).fields:
        for title, unit in [(c.title, "") for c in f.columns] or [(f.title, f.unit)]:
            shown = f"{title}（{unit}）" if unit else title
            assert shown in headings
            assert shown in explained
    assert sheet.freeze_panes == "C2"
    for printed in (sheet, notes):
        assert printed.sheet_properties.pageSetUpPr.fitToPage
        assert (printed.page_setup.fitToWidth, printed.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$1:$1"
    assert notes.title == NOTES_SHEET
    said = "".join(str(cell.value or "") for row in notes.iter_rows() for cell in row)
    for words in ("坐标系", "WGS84", "CGCS2000", "GCJ-02", "BD-09", "度分秒"):
        assert words in said


def rules(sheet: Any) -> dict[str, str]:
    """Heading → what its drop-down offers."""
    offered = {}
    for rule in sheet.data_validations.dataValidation:
        column = next(iter(rule.sqref.ranges)).min_col
        offered[str(sheet.cell(1, column).value)] = str(rule.formula1)
    return offered


def test_drop_downs_and_formats_follow_the_layer_file(signed: Signed) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(fetch(signed("planner"), "forces"))).worksheets[0]
    offered = rules(sheet)
    assert offered["在岗"] == '"是,否"'
    assert offered["队伍类型"].startswith('"综合消防,专职消防,')
    formats = {
        str(cell.value): sheet.column_dimensions[cell.column_letter].number_format
        for cell in sheet[1]
    }
    assert formats["编号"] == formats["队长电话"] == "@"
    assert formats["核实日期"] == "yyyy-mm-dd"
    assert formats["总人数（人）"] == "0"


def test_the_example_row_is_known_as_one(signed: Signed) -> None:
    for layer in CORE:
        content = fetch(signed("planner"), layer)
        assert grid(content)[1][0] == EXAMPLE
        staged = upload(signed("planner"), layer, content)
        assert staged["counts"]["rows"] == staged["counts"]["skipped"] == 1
        assert [p["code"] for p in staged["problems"]] == ["example_row"]


@pytest.mark.parametrize("crs", ["auto", "wgs84"])
@pytest.mark.parametrize("who", ["planner", f"town-{TOWN}"])
@pytest.mark.parametrize("layer", CORE)
def test_prefilled_and_sent_back_changes_nothing(
    county: Signed, layer: str, who: str, crs: str
) -> None:
    client = county(who)
    content = fetch(client, layer, prefilled=True)
    staged = upload(client, layer, content, crs)
    counts = staged["counts"]
    assert counts["rows"] == counts["unchanged"] == len(grid(content)) - 1 > 0
    assert counts["missing"] == 0
    assert staged["problems"] == []


@pytest.mark.parametrize("layer", CORE)
def test_prefilled_holds_everything_that_the_layer_knows(
    county: Signed, county_db: str, layer: str
) -> None:
    client = county("admin")
    content = fetch(client, layer, prefilled=True, personal=True)
    before = on_map(county_db, layer)
    change(county_db, "delete from feature where layer = %s", layer)
    staged = upload(client, layer, content, "wgs84")
    assert staged["counts"]["new"] == staged["counts"]["rows"]
    client.post(f"/api/uploads/{staged['id']}/apply", json={})
    assert on_map(county_db, layer) == before


def test_records_stand_one_a_row_with_their_keys(signed: Signed) -> None:
    head, *rows = grid(fetch(signed("planner"), "depots", prefilled=True))
    code, name, item, lon = (head.index(h) for h in ("编号", "名称*", "物资名称", "经度（WGS84）*"))
    several = [row for row in rows if sum(r[code] == row[code] for r in rows) > 1]
    assert len(several) > 500
    assert all(row[code] and row[name] and row[item] for row in several)
    # Only a depot's first row says where it is: moving it must not take ten corrections.
    assert sum(1 for row in rows if row[lon] != "") == len({row[code] for row in rows})


def test_whose_rows(signed: Signed) -> None:
    everything = grid(fetch(signed("command"), "risk_points", prefilled=True))
    town = signed(f"town-{TOWN}")
    own = grid(fetch(town, "risk_points", prefilled=True, personal=False))
    of_town = grid(fetch(signed("command"), "risk_points", prefilled=True, region=TOWN))
    assert own == of_town
    assert 1 < len(own) < len(everything)
    assert len({row[2] for row in own[1:]}) == 1
    url = "/api/layers/risk_points/template.xlsx"
    foreign = town.get(url, params={"prefilled": True, "region": NEIGHBOUR})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    nowhere = town.get(url, params={"prefilled": True, "region": "1"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown_region")
    # An empty form holds nobody's data, whatever region is named.
    assert grid(fetch(town, "risk_points", region=NEIGHBOUR))[1][0] == EXAMPLE


def test_a_township_gets_the_phones_of_its_own_people(signed: Signed) -> None:
    head, *rows = grid(fetch(signed(f"town-{TOWN}"), "risk_points", prefilled=True, personal=True))
    phone = head.index("责任人电话")
    assert all(isinstance(row[phone], str) for row in rows)
    assert any(row[phone].isdigit() for row in rows)


STRANGE = [
    "=1+1",
    "+86-1",
    "-2+3",
    "@SUM(A1)",
    "=cmd|'/c calc'!A0",
    "007",
    "1E5x",
    "a_x0041_b",
    "两行\n文字",
    "'单引号",
]


def test_texts_like_formulas_are_guarded_and_come_back_equal(
    county: Signed, county_db: str
) -> None:
    with psycopg.connect(county_db, autocommit=True) as db:
        ids = db.execute(
            "select id from feature where layer = 'risk_points' order by id"
        ).fetchall()
        for (feature,), text in zip(ids, STRANGE, strict=False):
            db.execute(
                "update feature set name = %s, attrs = attrs || %s, version = version + 1,"
                " updated_at = clock_timestamp() where layer = 'risk_points' and id = %s",
                [text.partition("\n")[0], Jsonb({"address": text}), feature],
            )
    client = county("planner")
    content = fetch(client, "risk_points", prefilled=True)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    guarded = sorted(cell.value for cell in cells if cell.quotePrefix)
    assert guarded == sorted(2 * [text for text in STRANGE if text[0] in "=+-@"])
    staged = upload(client, "risk_points", content, "wgs84")
    assert staged["counts"]["unchanged"] == staged["counts"]["rows"]
    assert staged["problems"] == []


def test_the_download_has_a_chinese_and_an_ascii_name(signed: Signed) -> None:
    answer = signed("planner").get("/api/layers/depots/template.xlsx")
    named = answer.headers["content-disposition"]
    assert named.isascii()
    assert 'filename="depots.xlsx"' in named
    assert unquote(named.rpartition("''")[2]) == "物资装备图-模板.xlsx"
    assert answer.headers["x-content-type-options"] == "nosniff"
    missing = signed("planner").get("/api/layers/nothing/template.xlsx")
    assert missing.json()["code"] == "unknown_layer"


def test_more_rows_than_may_come_back_are_refused(
    make_app: Callable[..., TestClient], demo_conninfo: str
) -> None:
    small = Signed(make_app(demo_conninfo, upload_max_rows=50))
    answer = small("planner").get("/api/layers/depots/template.xlsx?prefilled=true")
    assert answer.status_code == 413
    assert "50 行" in answer.json()["detail"]
    assert len(grid(fetch(small(f"town-{TOWN}"), "risk_points", prefilled=True))) > 1


def test_long_lists_and_awkward_titles(
    make_app: Callable[..., TestClient], county_db: str, catalog: Catalog
) -> None:
    """A layer file nobody has tried: long lists, a field called 编号, quotes in values."""
    raw = catalog.layer("command_posts").model_dump()
    raw["fields"] = (
        {"id": "many", "title": "类型", "type": "enum", "values": [
            {"value": f"很长很长的一个取值之{i}"} for i in range(40)]},
        {"id": "quoted", "title": "写法", "type": "enum", "values": [
            {"value": '带"引号"'}, {"value": "带,逗号"}]},
        {"id": "number", "title": "编号", "type": "text"},
        {"id": "township_name", "title": "乡镇", "type": "text"},
    )  # fmt: skip
    raw["popup"], raw["title"] = ("many",), "甲/乙:图"
    raw["symbol"]["kind"], raw["headings"]["name_from"] = None, ()
    layers = [x for x in catalog if x.id != "command_posts"] + [Layer.model_validate(raw)]
    client = Signed(make_app(county_db, Catalog(layers)))("planner")
    content = fetch(client, "command_posts")
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet, notes = book.worksheets
    for heading, source in rules(sheet).items():
        place = source.rpartition("!")[2].replace("$", "")
        offered = [row[0].value for row in notes[place]]
        field = next(f for f in layers[-1].fields if f.title == heading)
        assert offered == [v.value for v in field.values]
    read = upload(client, "command_posts", content)["reading"]["sheets"][0]["columns"]
    meant = [column["field"] for column in read]
    assert None not in meant
    assert len(meant) == len(set(meant))
    assert {"code", "name", "lon", "lat", "many", "quoted", "number", "township_name"} <= set(meant)
