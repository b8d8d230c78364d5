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
PAGES = ("/", "/map", "/screen", "/uploads", "/guide", "/api/docs", "/login", "/record", "/sheet")


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
    username: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    pattern, hidden = personal["foreign" if username.startswith("town") else "all"]
    assert len(hidden) > 800
    client = signed_copy_of_all(username) if username else signed_copy_of_all.client
    secret, seen = set(hidden), 0
    for answer in doors(catalog, client, 160):
        assert answer.status_code < 500, answer.request.url
        for text in texts(answer):
            met = secret & set(pattern.findall(text))
            assert not met, (str(answer.request.url), sorted(met)[:3])
            seen += len(text)
    assert not secret & set(pattern.findall(caplog.text))
    if username in ("planner", "command"):
        assert seen > 2_000_000


@pytest.fixture(scope="module")
def signed_copy_of_all(make_app: Any, make_database: Any, demo_source: str) -> Signed:
    """Every identity over one copy of the demo county; the wall has the command's password."""
    conninfo = make_database(demo_source)
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute(
            "insert into account (username, password_hash, roles)"
            " select 'wall', password_hash, '{wall}' from account where username = 'command'"
        )
    return Signed(make_app(conninfo))


def test_the_net_catches_what_it_is_for(
    signed: Signed, personal: dict[str, tuple[re.Pattern[str], list[str]]]
) -> None:
    """Who may read them meets nearly all: the doors above do lead somewhere."""
    pattern, hidden = personal["all"]
    admin, met = signed("admin"), set()
    for layer in ("risk_points", "depots", "forces", "command_posts"):
        told = admin.get(f"/api/layers/{layer}/features", params=EVERYTHING)
        met |= set(pattern.findall(told.text))
    assert set(hidden) <= met
