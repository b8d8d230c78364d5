"""Whatever a workbook holds: rows in file = new + changed + unchanged + refused + skipped."""

import io
from typing import Any

import openpyxl
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapsvc.catalog import Catalog
from mapsvc.errors import Conflict, Unreadable
from mapsvc.ingest import uploads
from mapsvc.settings import Settings
from tests.aside import run

HEAD = ["编号", "名称", "风险等级", "经度", "纬度", "威胁人口", "责任人电话"]
CELL = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "合计",
            "填表人：张三",
            "名称",
            "甲",
            "乙",
            "红",
            "特大",
            "112.5",
            "1.38E+10",
            "\x07",
            "　",
        ]
    ),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8),
    st.integers(-5, 200),
    st.floats(-200, 200, allow_nan=False),
    st.booleans(),
)
ROW = st.one_of(
    st.lists(CELL, min_size=7, max_size=7),
    st.tuples(
        st.sampled_from([None, "001", "002", "003"]),
        st.sampled_from(["甲", "乙", "丙", None]),
        st.sampled_from(["红", "低", "特大", None]),
        st.sampled_from([112.5, 112.6, "112°30′", 28.2, None]),
        st.sampled_from([28.2, "28°12′", 112.5, None]),
        st.sampled_from([1, "12人", "很多", None]),
        st.sampled_from(["13800138000", "1380013800", None]),
    ).map(list),
    st.just([None] * 7),
)


def book(rows: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    for row in [HEAD, *rows, ["END", "末", "低", 112.7, 28.3, 1, None]]:
        made.worksheets[0].append(
            ["".join(c for c in v if c >= " ") if isinstance(v, str) else v for v in row]
        )
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


async def account(conninfo: str, catalog: Catalog, histories: list[list[list[Any]]]) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
        await db.execute("truncate feature, feature_history, upload cascade")
        states: list[Any] = [await _state(db)]
        applied: list[str] = []
        for rows in histories:
            try:
                staged = await uploads.stage(
                    db,
                    catalog,
                    Settings(),
                    filename="a.xlsx",
                    content=book(rows),
                    layer_id="risk_points",
                    declared_crs="wgs84",
                    actor="t",
                )
            except Unreadable as refused:
                if refused.code != "mojibake":
                    raise
                continue  # a text drawn at random looked like it
            await _adds_up(db, staged, rows)
            try:
                await uploads.apply(db, catalog, staged["id"], actor="t")
            except Conflict:
                assert staged["counts"]["accepted"] == 0
                continue
            applied.append(staged["id"])
            states.append(await _state(db))
        for upload in reversed(applied):
            assert await _state(db) == states.pop()
            await uploads.rollback(db, upload, "t")
        assert await _state(db) == states.pop()


async def _state(db: Any) -> Any:
    cursor = await db.execute(
        "select id, code, name, ST_AsText(geom), attrs, grade, search, upload_id, provenance"
        " from feature order by id"
    )
    return await cursor.fetchall()


async def _adds_up(db: Any, staged: dict[str, Any], rows: list[list[Any]]) -> None:
    counts = staged["counts"]
    parts = ("new", "changed", "unchanged", "rejected", "skipped")
    assert counts["rows"] == sum(counts[p] for p in parts)
    assert counts["accepted"] == counts["new"] + counts["changed"] + counts["unchanged"]
    assert counts["moved"] <= counts["changed"]
    # The last row of the file is never lost, and every row number between is listed once.
    listed = [r["row"] for r in await uploads.rows(db, staged["id"], None)]
    assert listed == sorted(set(listed))
    assert listed[-1] == len(rows) + 2
    written = {n for n, row in enumerate(rows, 2) if any(v not in (None, "") for v in row)}
    # Row 2 may be read as the heading's row of units.
    assert staged["reading"]["sheets"][0]["heading_row"] == 1
    assert written - {2} <= set(listed)
    told = {p["row"] for p in staged["problems"] if p["severity"] in ("error", "note")}
    refused = {
        r["row"]
        for r in await uploads.rows(db, staged["id"], None)
        if r["action"] in ("refused", "skipped")
    }
    assert refused <= told or None in told


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(histories=st.lists(st.lists(ROW, max_size=8), min_size=1, max_size=3))
def test_every_row_is_accounted_for_and_undone(
    conninfo: str, catalog: Catalog, histories: list[list[list[Any]]]
) -> None:
    run(account(conninfo, catalog, histories))
