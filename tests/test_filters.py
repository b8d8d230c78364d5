"""`where`: what is understood gives what a person would pick; what is not is refused in words."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import msgspec
import numpy as np
import psycopg
import pytest
from psycopg import sql
from pyproj import Geod

from mapsvc import proximity
from mapsvc.catalog import Catalog
from mapsvc.errors import MapsvcError
from mapsvc.filters import compile_for, compile_where, reading
from tests.conftest import Make, Signed
from tests.test_api import problem

GEOD = Geod(ellps="WGS84")
Pick = Callable[[dict[str, Any]], bool]


@pytest.fixture(scope="module")
def everything(demo_conninfo: str) -> dict[str, list[dict[str, Any]]]:
    """Every feature of two layers as the test reads them, apart from the filters."""
    with psycopg.connect(demo_conninfo, options="-c timezone=Asia/Shanghai") as db:
        return {
            layer: [
                attrs | {"id": number, "age": age, "today": today}
                for number, attrs, age, today in db.execute(
                    "select id, attrs, current_date - coalesce(verified_at, updated_at::date),"
                    " current_date::text from feature where layer = %s",
                    [layer],
                )
            ]
            for layer in ("forces", "depots")
        }


@pytest.fixture(scope="module")
def planner(signed: Signed) -> httpx.Client:
    return signed("planner")


def stock(row: dict[str, Any], item: str, unit: str | None = None) -> float:
    return sum(
        i["quantity"]
        for i in row.get("items") or row.get("equipment") or []
        if i["item"] == item
        and (unit is None or i.get("unit") == unit)
        and i.get("expires", row["today"]) >= row["today"]
    )


def skills(row: dict[str, Any]) -> set[str]:
    return set(row["capabilities"])


FORCES: dict[str, Pick] = {
    "headcount > 30 AND on_duty = true": lambda r: r["headcount"] > 30 and r["on_duty"],
    "总人数 between 10 and 20": lambda r: 10 <= r["headcount"] <= 20,
    "has(capabilities, '破拆') AND NOT 在岗": lambda r: "破拆" in skills(r) and not r["on_duty"],
    "a_contains(救援能力, ('破拆', '排水'))": lambda r: {"破拆", "排水"} <= skills(r),
    "a_overlaps(capabilities, ('破拆', '排水'))": lambda r: bool({"破拆", "排水"} & skills(r)),
    "队伍类型 in ('综合消防', '扑火队')": lambda r: r["force_type"] in ("综合消防", "森林消防"),
    "force_type <> '基干民兵' and name like '%民兵%'": lambda _: False,
    "name LIKE '%消防%' or casei(code) like casei('ll-%')": lambda _: True,
    "核实天数 < 30": lambda r: r["age"] < 30,
    "stock('风力灭火机') >= 5": lambda r: stock(r, "风力灭火机") >= 5,
}
DEPOTS: dict[str, Pick] = {
    "stock('救灾帐篷', '顶') >= 5": lambda r: stock(r, "救灾帐篷", "顶") >= 5,
    "stock('救灾帐篷', '个') > 0": lambda _: False,
    "stock('瓶装饮用水') = 0 and level = '村'": lambda r: (
        stock(r, "瓶装饮用水") == 0 and r["level"] == "村级"
    ),
    "duty_phone is null": lambda r: "duty_phone" not in r,
    "\"库房面积\" >= 100.5 and (level = '县级' or depot_kind = '综合')": lambda r: (
        r["area"] >= 100.5 and (r["level"] == "县级" or r["depot_kind"] == "综合库")
    ),
}


@pytest.mark.parametrize(
    ("layer", "text"), [("forces", t) for t in FORCES] + [("depots", t) for t in DEPOTS]
)
def test_it_picks_what_a_person_would(
    planner: httpx.Client, everything: dict[str, list[dict[str, Any]]], layer: str, text: str
) -> None:
    picks = (FORCES | DEPOTS)[text]
    answer = planner.get(f"/api/layers/{layer}/features", params={"where": text, "limit": 10_000})
    assert answer.status_code == 200, answer.text
    wanted = {r["id"] for r in everything[layer] if picks(r)}
    assert {f["id"] for f in answer.json()["features"]} == wanted
    assert answer.json()["numberMatched"] == len(wanted)


@pytest.mark.parametrize(
    ("layer", "text", "code", "words"),
    [
        ("forces", "headcounts > 3", "unknown_field", "headcounts”。可用的字段：队伍类型"),
        ("forces", "headcount > 'abc'", "bad_where", "“总人数”是数字，不能与 文字“abc” 比较"),
        ("forces", "force_type = '消防员'", "bad_where", "没有取值“消防员”。可用：综合消防"),
        ("forces", "capabilities = '破拆'", "bad_where", "请用 has"),
        ("forces", "name > 'a'", "bad_where", "没有大小"),
        ("forces", "name = 3", "bad_where", "是文字"),
        ("forces", "on_duty = 1", "bad_where", "写 true 或 false"),
        ("forces", "verified_at > '2026-13-45'", "bad_where", "日期写成"),
        ("forces", "headcount = null", "bad_where", "IS NULL"),
        ("forces", "headcount + 1 > 3", "bad_where", "不能用“+”"),
        ("forces", "pg_sleep(10) = 1", "bad_where", "不能用“pg_sleep”"),
        ("forces", "headcount > 3; drop table feature", "bad_where", "从“; drop"),
        ("forces", "1 = 1", "bad_where", "至少写一个字段"),
        ("forces", "headcount", "bad_where", "不是是否型字段"),
        ("forces", "总人数（人） > 3", "bad_where", "半角"),
        ("forces", "name like 'a\\'", "bad_where", "反斜杠"),
        ("forces", "name = 'a\x00b'", "bad_where", "NUL"),
        ("forces", "name = 'a", "bad_where", "引号"),
        ("forces", "(headcount > 3", "bad_where", "右括号"),
        ("forces", "", "bad_where", "空的"),
        ("forces", "(" * 9 + "on_duty" + ")" * 9, "bad_where", "括号超过"),
        ("forces", "not " * 400 + "on_duty", "bad_where", "过于复杂"),
        ("forces", "headcount in (" + "1," * 300 + "1)", "bad_where", "过于复杂"),
        ("forces", "name = '" + "长" * 3000 + "'", "bad_where", "过长"),
        ("command_posts", "stock('帐篷') > 1", "bad_where", "没有物资清单"),
    ],
)  # fmt: skip
def test_refused_in_words(catalog: Catalog, layer: str, text: str, code: str, words: str) -> None:
    with pytest.raises(MapsvcError) as refused:
        compile_where(catalog.layer(layer), text)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert words in refused.value.detail


def test_a_bracket_that_never_closes_costs_nothing() -> None:
    """The parser would double its work with each."""
    for text in (
        "((((((((a",
        "not (" * 8 + "a=" + ")" * 8,
        "f((((" * 2,
        "a in (" * 8 + "1 1" + ")" * 8,
    ):
        with pytest.raises(MapsvcError):
            reading.read(text)


def test_everything_written_is_a_parameter(catalog: Catalog) -> None:
    text = "name = 'x'' or true --' and address like '%$$%' and has(capabilities, '\"); drop')"
    made = compile_where(catalog.layer("forces"), text)
    assert sorted(made.values.values()) == ['"); drop', "%$$%", "x' or true --"]
    assert not any(part in made.condition for part in ("drop", "$$", "--", "x'"))


def test_only_who_reads_people_asks_about_them(planner: httpx.Client, signed: Signed) -> None:
    town, county = signed("town-990101001"), signed("admin")
    ask = {"where": "leader_phone like '199%'"}
    near = {"lon": 111.2, "lat": 27.9, "layers": "forces"}
    for url, more in (("/api/layers/forces/features", {}), ("/api/nearest", near)):
        for reader in (town, planner):
            problem(reader.get(url, params=ask | more), 403, "personal_field")
        assert county.get(url, params=ask | more).status_code == 200
    assert town.get("/api/layers/forces/features", params={"where": "on_duty"}).status_code == 200


def test_a_field_that_one_layer_lacks_names_the_layer(planner: httpx.Client) -> None:
    ask = {"lon": 111.2, "lat": 27.9, "layers": "forces,depots", "where": "on_duty"}
    answer = planner.get("/api/nearest", params=ask)
    problem(answer, 422, "unknown_field")
    assert "“物资装备图”没有字段“on_duty”" in answer.json()["detail"]
    assert answer.json()["layer"] == "depots"


@pytest.mark.parametrize("mode", ["line", "road"])
def test_nearest_counts_only_what_matches(planner: httpx.Client, mode: str) -> None:
    ask = {"lon": 111.2, "lat": 27.9, "layers": "forces", "k": 5, "mode": mode, "routes": "false"}
    some = planner.get("/api/nearest", params=ask | {"where": "headcount >= 30"}).json()
    every = planner.get("/api/nearest", params=ask | {"k": 1000}).json()["results"]
    true = [r for r in every if r["feature"]["properties"]["headcount"] >= 30][:5]
    key = "distance_m" if mode == "line" else "duration_s"
    assert [r["id"] for r in some["results"]] == [r["id"] for r in true]
    assert [r[key] for r in some["results"]] == pytest.approx([r[key] for r in true], abs=0.2)


@pytest.fixture(scope="module")
def sparse(make_database: Make, template: str) -> tuple[str, np.ndarray]:
    """9,000 depots; how large they are depends on where, so that few near by are large."""
    rng = np.random.default_rng(7)
    spots = rng.uniform((111.0, 27.6), (111.5, 28.1), (9000, 2))
    area = np.floor((spots[:, 0] - 111.0) * 200 + rng.uniform(0, 3, 9000))
    conninfo = make_database(template)
    with psycopg.connect(conninfo, autocommit=True) as db:
        rows = db.execute(
            "insert into feature (layer, name, geom, attrs)"
            " select 'depots', 'n', ST_Point(x, y, 4326), jsonb_build_object('area', a)"
            " from unnest(%s::float8[], %s::float8[], %s::float8[]) t (x, y, a) returning id",
            [spots[:, 0].tolist(), spots[:, 1].tolist(), area.tolist()],
        ).fetchall()
        db.execute("analyze feature_depots")
    return conninfo, np.column_stack([[r[0] for r in rows], spots, area])


@pytest.mark.anyio
async def test_filtered_nearest_is_exact_far_and_near(
    sparse: tuple[str, np.ndarray], catalog: Catalog
) -> None:
    """Whether the walk finds k or all that match must be gathered."""
    conninfo, rows = sparse
    layers = (catalog.layer("depots"),)
    rng = np.random.default_rng(8)
    cases = [(0, 5), (20, 7), (60, 10), (95, 3), (99, 20), (101, 20), (102, 1000), (900, 4)]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:

        async def ask(**more: Any) -> tuple[list[int], list[float]]:
            body = await proximity.nearest(db, layers, lon, lat, k=k, filters=filters, **more)
            found = msgspec.json.decode(body)["results"]
            return [r["id"] for r in found], [r["distance_m"] for r in found]

        for least, k in cases:
            some = rows[rows[:, 3] >= least]
            filters = compile_for(layers, f"area >= {least}")
            for lon, lat in rng.uniform((110.9, 27.5), (111.6, 28.2), (6, 2)).tolist():
                here = np.full(len(some), lon), np.full(len(some), lat)
                _, _, m = GEOD.inv(*here, some[:, 1], some[:, 2])
                order = np.lexsort((some[:, 0], m))[:k]
                ids, metres = await ask()
                assert ids == some[order, 0].astype(int).tolist()
                assert metres == pytest.approx(m[order], abs=0.002)
                _, near = await ask(max_m=9000.0)
                assert near == pytest.approx([d for d in m[order] if d <= 9000], abs=0.002)


def test_conditions_are_valid_sql_for_every_field(demo_conninfo: str, catalog: Catalog) -> None:
    values = {"number": "3", "date": "'2026-01-01'", "boolean": "true"}
    with psycopg.connect(demo_conninfo, autocommit=True) as db:
        for layer in catalog:
            for field in layer.fields:
                kind = {"integer": "number"}.get(field.type, field.type)
                value = values.get(kind, f"'{field.values[0].value}'" if field.values else "'x'")
                texts = [f"{field.id} is null", f"not {field.id} is null"]
                if kind not in ("list", "records"):
                    texts += [f'"{field.title}" = {value}', f"{field.id} in ({value})"]
                for text in texts:
                    made = compile_where(layer, text)
                    query = sql.SQL("select count(*) from {} f where {}").format(
                        sql.Identifier(layer.partition), made.sql
                    )
                    db.execute(query, made.values)


def test_each_of_several_layers_may_have_a_filter_of_its_own(signed: Signed) -> None:
    client = signed("planner")
    ask = {"lon": 111.2, "lat": 27.9, "layers": "depots,forces", "k": 5}
    own = {"where.forces": "headcount >= 30"}
    for mode in ("line", "road"):
        results = client.get("/api/nearest", params={**ask, **own, "mode": mode}).json()["results"]
        plain = client.get("/api/nearest", params={**ask, "mode": mode}).json()["results"]
        of = {x: [r for r in results if r["layer"] == x] for x in ("depots", "forces")}
        assert all(r["feature"]["properties"]["headcount"] >= 30 for r in of["forces"])
        assert len(of["forces"]) == 5
        assert [r["id"] for r in of["depots"]] == [r["id"] for r in plain if r["layer"] == "depots"]
    for wrong, code in (
        ({"where.nothing": "headcount >= 30"}, "unknown_layer"),
        ({"where": "code = 'x'", **own}, "two_filters"),
        ({"where.depots": "headcount >= 30"}, "unknown_field"),
    ):
        refused = client.get("/api/nearest", params={**ask, **wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, code)
