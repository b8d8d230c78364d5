"""A township ledger from file to map: first load, again, 2 % changed; against floors and peers."""

import asyncio
import csv
import http.client
import io
import json
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import geopandas
import openpyxl
import pandas as pd
import psycopg
import python_calamine
import shapely
import sqlalchemy

from bench import beside, county, measure
from mapsvc import regions
from mapsvc.catalog import load_catalog
from mapsvc.database import sqlalchemy_url
from mapsvc.ingest import uploads
from mapsvc.settings import PROJECT, Settings

LAYER = "risk_points"
HEAD = (
    *("名称", "编号", "风险等级", "灾害类型", "经度", "纬度", "威胁人口", "威胁户数", "威胁财产"),
    *("地址", "防灾责任人", "责任人电话", "监测责任人", "监测人电话", "发现时间"),
)
ROUNDS = 3
MOST = 100_000
"""Rows that one upload may have."""
_TILES = 18  # villages along each side of the county

Rows = list[list[Any]]
Call = Callable[[], object]


def ledger(count: int) -> Rows:
    """`count` made-up risk points, 15 columns each."""
    west, south, east, north = county.BOX
    grades, kinds = ("红", "橙", "一般", "低"), ("滑坡", "泥石流", "内涝")
    golden = 0.6180339887498949
    return [
        [
            f"青山镇第{n}号隐患点",
            f"D{n:06d}",
            grades[n % 4],
            kinds[n % 3],
            round(west + (east - west) * (n * golden % 1), 6),
            round(south + (north - south) * ((n + 0.5) / count), 6),
            n * 7 % 500,
            n * 3 % 100,
            n * 13 % 10_000 / 10,
            f"青山镇{n % 300}村{n % 17}组",
            "王李张刘陈"[n % 5] + "伟芳敏静"[n % 4],
            f"138{n:08d}",
            "张三",
            f"139{n:08d}",
            f"2024-05-{n % 28 + 1:02d}",
        ]
        for n in range(count)
    ]


def changed(rows: Rows) -> Rows:
    """Every fiftieth row with one more household."""
    return [[*r[:7], r[7] + 1, *r[8:]] if n % 50 == 0 else r for n, r in enumerate(rows)]


def as_csv(rows: Rows) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([HEAD, *rows])
    return text.getvalue().encode()


def as_xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("台账")
    for row in [HEAD, *rows]:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def villages() -> list[regions.Region]:
    """One county of 81 townships and 324 villages."""
    west, south, east, _ = county.BOX
    step = (east - west) / _TILES
    found = [regions.Region("990101", "演示县", "county", None, shapely.box(*county.BOX))]
    for level, wide in (("township", 2), ("village", 1)):
        for i in range(0, _TILES, wide):
            for j in range(0, _TILES, wide):
                town = f"990101{i // 2 * 9 + j // 2 + 1:03d}"
                code = town if wide == 2 else f"{town}{i % 2 * 2 + j % 2 + 1:03d}"
                x, y = west + i * step, south + j * step
                box = shapely.segmentize(shapely.box(x, y, x + wide * step, y + wide * step), 1e-3)
                above = "990101" if wide == 2 else town
                found.append(regions.Region(code, f"演示{i}-{j}", level, above, box))
    return found


class Ours:
    """The functions that the service calls, over a connection of its own."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.catalog = load_catalog(PROJECT / "layers")

    def regions(self) -> None:
        async def load(db: Any) -> None:
            await regions.load(db, villages())

        self._run(load)

    def upload(self, content: bytes, want: str) -> Call:
        """Stage and apply; `want` is the fate that most rows must have."""

        async def both(db: Any) -> None:
            staged = await uploads.stage(
                db,
                self.catalog,
                Settings(),
                filename="ledger",
                content=content,
                layer_id=LAYER,
                declared_crs="wgs84",
                actor="bench",
            )
            assert staged["counts"][want], staged["counts"]
            assert staged["counts"]["rejected"] == 0, staged["counts"]
            await uploads.apply(db, self.catalog, staged["id"], actor="bench")

        return lambda: self._run(both)

    def _run(self, work: Callable[[Any], Any]) -> None:
        async def run() -> None:
            async with await psycopg.AsyncConnection.connect(
                self.conninfo, autocommit=True, options="-c jit=off", prepare_threshold=1
            ) as db:
                await work(db)

        asyncio.run(run())


def _ask(path: str, body: bytes | None, kind: str) -> dict[str, Any]:
    link = http.client.HTTPConnection("127.0.0.1", county.PORT)
    headers = {"Authorization": f"Bearer {county.TOKEN}", "Content-Type": kind}
    link.request("GET" if body is None else "POST", path, body, headers)
    answer = link.getresponse()
    told = answer.read()
    assert answer.status in (200, 201), told
    found: dict[str, Any] = json.loads(told)
    return found


def _sent(content: bytes) -> str:
    """The id of the upload that a file became."""
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (("layer", LAYER), ("crs", "wgs84"))
    ]
    name = 'name="file"; filename="ledger"'
    start = f"--{edge}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode()
    body = b"".join([*parts, start, content, f"\r\n--{edge}--\r\n".encode()])
    staged = _ask("/api/uploads", body, f"multipart/form-data; boundary={edge}")
    return str(staged["id"])


def over_http(content: bytes) -> Call:
    """The same over the service: two requests of one client."""
    return lambda: _ask(f"/api/uploads/{_sent(content)}/apply", b"{}", "application/json")


def previewed(content: bytes) -> Call:
    """What the page asks for before somebody confirms."""

    def call() -> None:
        path = f"/api/uploads/{_sent(content)}"
        for more in ("/preview", "/rows?limit=1000"):
            assert _ask(path + more, None, "application/json")

    return call


_STAGING = """
drop table if exists staging;
create table staging (code text, name text, geom geometry, attrs jsonb, grade smallint,
    search text, township_code text, region_code text)"""
_COPY_FEATURE = """
copy feature (layer, code, name, geom, attrs, grade, search, township_code, region_code) from stdin
"""
_MERGE = """
merge into feature f using staging s
    on f.layer = 'risk_points' and f.township_code = s.township_code and f.code = s.code
when matched and (f.name, f.attrs, f.geom::bytea) is distinct from (s.name, s.attrs, s.geom::bytea)
    then update set name = s.name, attrs = s.attrs, geom = s.geom, grade = s.grade,
        search = s.search, version = f.version + 1, updated_at = clock_timestamp()
when not matched then insert (layer, code, name, geom, attrs, grade, search, township_code,
    region_code) values ('risk_points', s.code, s.name, s.geom, s.attrs, s.grade, s.search,
    s.township_code, s.region_code)"""


def _copy(db: psycopg.Connection, statement: str, lines: list[bytes], lead: bytes = b"") -> None:
    with db.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for start in range(0, len(lines), 5000):
            copy.write(b"".join(lead + line for line in lines[start : start + 5000]))


def _lines(db: psycopg.Connection) -> list[bytes]:
    """The rows as they stand on the map, ready for COPY: the floors begin with these."""
    with (
        db.cursor() as cursor,
        cursor.copy(
            "copy (select code, name, geom, attrs, grade, search, township_code, region_code"
            " from feature_risk_points order by id) to stdout"
        ) as copy,
    ):
        return [bytes(row) for row in copy]


def _merge(db: psycopg.Connection, lines: list[bytes]) -> None:
    db.execute(_STAGING)
    with db.transaction():
        _copy(db, "copy staging from stdin", lines)
        db.execute(_MERGE)


def _parse(xlsx: bytes) -> None:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(xlsx))
    for _ in book.get_sheet_by_index(0).iter_rows():
        pass


def _to_postgis(engine: sqlalchemy.Engine, read: Callable[[], pd.DataFrame]) -> None:
    frame = read()
    points = geopandas.points_from_xy(frame["经度"], frame["纬度"], crs=4326)
    geopandas.GeoDataFrame(frame, geometry=points).to_postgis("peer", engine, if_exists="replace")


class _Clock:
    """Seconds of each call, each begun over the map that it needs."""

    def __init__(self, db: psycopg.Connection) -> None:
        self._db = db
        self.seen: dict[str, list[float]] = {}

    def __call__(self, name: str, call: Call, *, empty: bool = True) -> None:
        if empty:
            self.clear()
        begin = time.perf_counter()
        call()
        self.seen.setdefault(name, []).append(time.perf_counter() - begin)

    def clear(self) -> None:
        self._db.execute("truncate feature, feature_history, upload, upload_row, upload_problem")


def run(count: int) -> None:
    rows = ledger(count)
    other = changed(rows)
    files = {"csv": as_csv(rows), "xlsx": as_xlsx(rows)}
    # The same rows in other bytes: nothing can be known of them before they are read.
    resaved, edited = files["csv"].replace(b"\r\n", b"\n"), as_csv(other)
    with (
        county.database(0) as conninfo,
        psycopg.connect(conninfo, autocommit=True) as db,
        county.service(conninfo),
    ):
        db.execute("set jit = off")
        # The floors copy straight into the table, which row security forbids even its owner.
        db.execute("alter table feature no force row level security")
        ours, clock = Ours(conninfo), _Clock(db)
        ours.regions()
        url = sqlalchemy_url(conninfo).replace("postgresql:", "postgresql+psycopg:", 1)
        engine = sqlalchemy.create_engine(url)
        ours.upload(files["csv"], "new")()
        lines = _lines(db)
        ours.upload(edited, "changed")()
        edits = _lines(db)
        clock.clear()
        for _ in range(ROUNDS):
            clock("copy", lambda: _copy(db, _COPY_FEATURE, lines, b"risk_points\t"))
            clock("merge", lambda: _merge(db, lines))
            clock("merge again", lambda: _merge(db, lines), empty=False)
            clock("merge 2 %", lambda: _merge(db, edits), empty=False)
            clock("parse", lambda: _parse(files["xlsx"]))
            clock("xlsx", ours.upload(files["xlsx"], "new"))
            clock("http", over_http(files["csv"]))
            clock("csv", ours.upload(files["csv"], "new"))
            clock("same file", ours.upload(files["csv"], "unchanged"), empty=False)
            clock("same rows", ours.upload(resaved, "unchanged"), empty=False)
            clock("2 %", ours.upload(edited, "changed"), empty=False)
            _peers(clock, engine, files)
        engine.dispose()
    _report(count, clock.seen)
    if count == MOST:
        small = as_xlsx(ledger(1000))
        beside.run(files, small, villages(), over_http, previewed)


def _peers(clock: _Clock, engine: sqlalchemy.Engine, files: dict[str, bytes]) -> None:
    def excel(engine_name: str) -> Call:
        source = io.BytesIO(files["xlsx"])
        return lambda: _to_postgis(engine, lambda: pd.read_excel(source, engine=engine_name))

    clock("openpyxl", excel("openpyxl"))
    clock("calamine", excel("calamine"))
    clock("pandas", lambda: _to_postgis(engine, lambda: pd.read_csv(io.BytesIO(files["csv"]))))


# What is measured, its name, and the floor that it is held against.
_SHOWN = (
    ("plain COPY of the finished rows (floor)", "copy", "copy"),
    ("bare merge: COPY to staging, merge, first load (floor)", "merge", "merge"),
    ("csv, stage + apply, first load", "csv", "merge"),
    ("csv over HTTP", "http", "merge"),
    ("pandas.read_csv + to_postgis: no check, no key, no report", "pandas", "merge"),
    ("bare merge, unchanged (floor)", "merge again", "merge again"),
    ("the same file again", "same file", "merge again"),
    ("the same rows in another file", "same rows", "merge again"),
    ("bare merge, 2 % changed (floor)", "merge 2 %", "merge 2 %"),
    ("csv, 2 % changed", "2 %", "merge 2 %"),
    ("calamine parse + COPY (floor)", "xlsx floor", "xlsx floor"),
    ("xlsx, stage + apply, first load", "xlsx", "xlsx floor"),
    ("pandas.read_excel, calamine, + to_postgis", "calamine", "xlsx floor"),
    ("pandas.read_excel, openpyxl, + to_postgis", "openpyxl", "xlsx floor"),
)


def _report(count: int, seen: dict[str, list[float]]) -> None:
    seconds = {name: statistics.median(values) for name, values in seen.items()}
    seconds["xlsx floor"] = seconds["parse"] + seconds["copy"]
    measure.table(
        f"A ledger of {count:,} rows",
        ["what", "s", "x floor"],
        [
            [
                title,
                f"{seconds[name]:.2f}",
                f"{seconds[name] / seconds[floor]:.2f}" if floor else "",
            ]
            for title, name, floor in _SHOWN
        ],
    )
