"""No door of the demo county lets a raw phone or name out to whoever may not read it.

Every GET of the API description is asked, so a new door is walked through by itself; one that
needs something to be asked with stands in `ASKED`.
"""

import logging
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

import httpx2 as httpx
import psycopg
import pytest

from mapsvc.catalog import Catalog
from mapsvc.tiles.address import containing
from tests.conftest import Signed
from tests.inside import Call, ask_all

OWN = "990101001"
LON, LAT = 111.2, 27.9
NEEDS = [{"item": "编织袋", "quantity": 100, "unit": "条"}]
CIRCLE = {"circle": {"lon": LON, "lat": LAT, "radius_m": 8000}}
EVERYTHING = {"limit": 10_000}

ASKED: dict[str, list[dict[str, Any]]] = {
    "/api/nearest": [
        {"lon": LON, "lat": LAT, "k": 100, "mode": mode, "format": form}
        for mode in ("line", "road")
        for form in ("json", "geojson", "xlsx")
    ],
    "/api/coverage": [{"format": form} for form in ("json", "geojson", "xlsx")],
    "/api/coverage/rings": [{"lon": LON, "lat": LAT}],
    "/api/command/chain": [{"lon": LON, "lat": LAT}],
    "/api/search": [{"q": "村", "limit": 50}, {"q": "1990000", "limit": 50}],
    "/api/coordinates": [{"text": "111.2, 27.9"}],
    "/api/layers/{layer}/features": [EVERYTHING],
    "/api/layers/{layer}/template.xlsx": [{}, {"prefilled": True}],
    "/api/changes": [{"limit": 1000}],
}
NEVER_ENDS = {"/api/events"}
PAGES = (
    *("/", "/map", "/screen", "/uploads", "/guide", "/api/docs", "/login", "/record"),
    *("/health", "/sheet"),
)


@pytest.fixture(scope="module")
def personal(catalog: Catalog, demo_conninfo: str) -> dict[str, tuple[re.Pattern[str], list[str]]]:
    """What each kind of reader must never meet: the phones, and every personal text."""
    public: set[str] = set()
    told: dict[str, set[str]] = {"own": set(), "foreign": set()}
    with psycopg.connect(demo_conninfo) as db:
        rows = db.execute("select layer, region_code, attrs from feature").fetchall()
    for layer, region, attrs in rows:
        for field in catalog.layer(layer).fields:
            value = attrs.get(field.id)
            if field.type != "phone" or not isinstance(value, str):
                continue
            phones = set(re.findall(r"1[0-9]{10}", value))
            if not field.personal:
                public |= phones
                continue
            told["own" if str(region).startswith(OWN) else "foreign"] |= phones
    # Some people answer for places in several townships.
    told = {"all": told["own"] | told["foreign"], "foreign": told["foreign"] - told["own"]}
    return {k: (re.compile(r"1[0-9]{10}"), sorted(v - public)) for k, v in told.items()}


@pytest.fixture(scope="module")
def names(catalog: Catalog, demo_conninfo: str) -> dict[str, tuple[re.Pattern[str], set[str]]]:
    """The same for people's names; not those that some public word contains by chance."""
    told: dict[str, set[str]] = {"own": set(), "foreign": set()}
    public: list[str] = []
    with psycopg.connect(demo_conninfo) as db:
        rows = db.execute("select layer, region_code, name, attrs from feature").fetchall()
        for table in ("region", "ground", "road_edge"):
            found = db.execute(f"select distinct name from {table}".encode()).fetchall()
            public += [row[0] for row in found]
    for layer, region, name, attrs in rows:
        public.append(name)
        for field in catalog.layer(layer).fields:
            value = attrs.get(field.id)
            if not field.personal:
                public.append(str(value))
            elif (
                field.type != "phone"
                and isinstance(value, str)
                and re.fullmatch("[\u4e00-\u9fff]{3}", value)
            ):
                told["own" if str(region).startswith(OWN) else "foreign"].add(value)
    every = told["own"] | told["foreign"]
    pattern = _windows(every)
    by_chance = set(pattern.findall("\n".join(public)))
    hidden = {"all": every - by_chance, "foreign": told["foreign"] - told["own"] - by_chance}
    return {kind: (pattern, those) for kind, those in hidden.items()}


def _windows(names: set[str]) -> re.Pattern[str]:
    """Every three characters that begin as one of the names does."""
    return re.compile(f"(?=([{''.join(sorted({n[0] for n in names}))}][\u4e00-\u9fff]{{2}}))")


def texts(answer: httpx.Response) -> Iterator[str]:
    """The body as a reader may read it, a workbook's parts too, and the headers."""
    yield str(answer.headers)
    if answer.content[:2] == b"PK":
        try:
            with ZipFile(BytesIO(answer.content)) as book:
                for name in book.namelist():
                    yield book.read(name).decode("utf-8", "replace")
                return
        except BadZipFile:
            pass
    yield answer.content.decode("utf-8", "replace")


def doors(catalog: Catalog, client: httpx.Client, feature: int) -> Iterator[httpx.Response]:
    """The answers of every GET, of questions asked by POST, of pages and of errors."""
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    z, (x, y) = 9, containing(LON, LAT, 9)
    for path, methods in paths.items():
        if "get" not in methods or path in NEVER_ENDS or "upload_id" in path:
            continue
        for layer in catalog.ids if "{layer}" in path else [""]:
            at = path.format(layer=layer, feature_id=feature, z=z, x=x, y=y, name="planner")
            for query in ASKED.get(path, [{}]):
                yield client.get(at, params=query)
    for form in ("json", "geojson", "xlsx"):
        yield client.post("/api/within", params={"format": form}, json=CIRCLE | {"limit": 1000})
        plan = {"lon": LON, "lat": LAT, "needs": NEEDS}
        yield client.post("/api/plans", params={"format": form}, json=plan)
    for page in PAGES:
        yield client.get(page, headers={"Accept": "text/html"})
    point = {"properties": {"manager_phone": "1", "name": "x"}}
    for wrong in ('"999"', '"1"'):
        yield client.patch(
            f"/api/layers/depots/features/{feature}", json=point, headers={"If-Match": wrong}
        )


@pytest.mark.parametrize("username", ["planner", "command", "wall", "auditor", f"town-{OWN}", ""])
def test_no_raw_phone_leaves(
    signed_copy_of_all: Signed,
    catalog: Catalog,
    personal: dict[str, tuple[re.Pattern[str], list[str]]],
    names: dict[str, tuple[re.Pattern[str], set[str]]],
    username: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    whose = "foreign" if username.startswith("town") else "all"
    (pattern, hidden), (beginnings, called) = personal[whose], names[whose]
    assert len(hidden) > 800
    assert len(called) > 300
    client = signed_copy_of_all(username) if username else signed_copy_of_all.client
    secret, seen = set(hidden), 0
    for answer in doors(catalog, client, 160):
        assert answer.status_code < 500, answer.request.url
        for text in texts(answer):
            met = secret & set(pattern.findall(text))
            assert not met, (str(answer.request.url), sorted(met)[:3])
            met = called & set(beginnings.findall(text))
            assert not met, (str(answer.request.url), sorted(met)[:3])
            seen += len(text)
    streamed = _stream(signed_copy_of_all, client)
    for text in (caplog.text, streamed):
        assert not secret & set(pattern.findall(text))
        assert not called & set(beginnings.findall(text))
    if username in ("planner", "command"):
        assert seen > 2_000_000


def _stream(signed: Signed, client: httpx.Client) -> str:
    """What the live stream tells of an edit of a person's name and phone."""
    headers = {k: v for k, v in client.headers.items() if k == "authorization"}
    call = Call("GET", "/api/events", {"after": 0}, headers=headers, leaves=True)
    (answer,) = ask_all(signed.client, [call])
    if answer.status == 200:
        assert b"feature.changed" in answer.body
    return answer.body.decode()


@pytest.fixture(scope="module")
def signed_copy_of_all(make_app: Any, make_database: Any, demo_source: str) -> Signed:
    """Every identity over one copy of the demo county; the wall has the command's password."""
    conninfo = make_database(demo_source)
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into account (username, password_hash, roles)"
            " select 'wall', password_hash, '{wall}' from account where username = 'command'"
        )
    signed = Signed(make_app(conninfo))
    with psycopg.connect(conninfo) as db:
        rows = db.execute("select id, attrs from feature where layer = 'depots' limit 2").fetchall()
    (one, _), (_, other) = rows
    sent = {"properties": {k: other[k] for k in ("manager", "manager_phone")}}
    at = f"/api/layers/depots/features/{one}"
    changed = signed("admin").patch(at, json=sent, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    return signed


def test_the_net_catches_what_it_is_for(
    signed: Signed,
    personal: dict[str, tuple[re.Pattern[str], list[str]]],
    names: dict[str, tuple[re.Pattern[str], set[str]]],
) -> None:
    """Who may read them meets nearly all: the doors above do lead somewhere."""
    (pattern, hidden), (beginnings, called) = personal["all"], names["all"]
    admin, met, people = signed("admin"), set(), set()
    for layer in ("risk_points", "depots", "forces", "command_posts"):
        told = admin.get(f"/api/layers/{layer}/features", params=EVERYTHING)
        met |= set(pattern.findall(told.text))
        people |= set(beginnings.findall(told.text))
    assert set(hidden) <= met
    assert called <= people
