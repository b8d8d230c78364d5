"""A real PostGIS for every test: one private cluster, a migrated template, a fresh copy a test."""

import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg.conninfo import make_conninfo

from mapsvc import demo, health
from mapsvc.access import passwords, single
from mapsvc.api import health as api_health
from mapsvc.backup import restoring
from mapsvc.catalog import Catalog, load_catalog
from mapsvc.cluster import running
from mapsvc.database import Db, upgrade
from mapsvc.main import create_app
from mapsvc.planning import solve
from mapsvc.settings import PROJECT, Settings
from tests.aside import run

# Patience for a busy machine: what must be quick is measured where it must be.
PATIENCE_S = 60
expect.set_options(timeout=PATIENCE_S * 1000)
os.environ.setdefault("MAPSVC_POOL_WAIT_S", str(PATIENCE_S))
os.environ.setdefault("MAPSVC_STATEMENT_TIMEOUT_S", str(PATIENCE_S))
os.environ.setdefault("MAPSVC_UPLOAD_MAX_SECONDS", str(5 * PATIENCE_S))
health._CONNECT_S = api_health._PATIENCE_S = PATIENCE_S  # type: ignore[assignment]
health._ASKING_S = health._COUNTING_S = single._TIMEOUT_S = PATIENCE_S
restoring.LEAVING_S = solve._SECONDS = PATIENCE_S
# The same examples in every run, however long they take to make up.
settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
PASSWORD = "demo-password-for-tests"
# What keeps guessers slow would keep the tests slow too: they sign in some thousand times.
STRONG_HASHER = passwords.HASHER
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
passwords.NOBODY = passwords.HASHER.hash("nobody")
SHARED = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(PROJECT / "layers")


@pytest.fixture(scope="session")
def server_conninfo() -> Iterator[str]:
    with running(PROJECT / ".mapsvc-test", durable=False) as cluster:
        yield cluster.dsn


Make = Callable[[str | None], str]


@pytest.fixture(scope="session")
def make_database(server_conninfo: str) -> Iterator[Make]:
    """Creates databases, copies of a template when one is named; drops them all at the end."""
    made: list[str] = []

    def make(template: str | None) -> str:
        name = f"t_{os.getpid()}_{secrets.token_hex(4)}"
        with psycopg.connect(server_conninfo, autocommit=True) as db:
            source = psycopg.conninfo.conninfo_to_dict(template)["dbname"] if template else None
            like = f'template "{source}" strategy file_copy' if source else ""
            _create(db, f'create database "{name}" {like}')
        made.append(name)
        return make_conninfo(server_conninfo, dbname=name)

    yield make
    with psycopg.connect(server_conninfo, autocommit=True) as db:
        for name in made:
            _drop(db, name)


def _create(db: psycopg.Connection, statement: str) -> None:
    for _ in range(12):
        try:
            db.execute(statement.encode())
            return
        except psycopg.errors.ObjectInUse:
            time.sleep(0.1)  # whoever filled the template is just leaving; it waited 5 s for him
    db.execute(statement.encode())


def _drop(db: psycopg.Connection, name: str) -> None:
    for _ in range(60):
        try:
            db.execute(f'drop database if exists "{name}" with (force)'.encode())
            return
        except psycopg.errors.InsufficientPrivilege:
            time.sleep(0.5)  # an autovacuum worker is in it, and is not ours to end


@pytest.fixture(scope="session")
def template(make_database: Make, catalog: Catalog) -> str:
    """A database at the newest schema, built by the migrations, with the four core layers."""
    conninfo = make_database(None)
    upgrade(conninfo, catalog)
    return conninfo


@pytest.fixture
def conninfo(make_database: Make, template: str) -> str:
    return make_database(template)


@pytest.fixture
async def db(conninfo: str) -> AsyncIterator[Db]:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def demo_source(make_database: Make, template: str, catalog: Catalog) -> str:
    """The demo county and its accounts; nothing stays connected to it, so it can be copied."""
    conninfo = make_database(template)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as db:
            await demo.load(db, catalog, lambda _: None)
            await demo.accounts(db, {}, PASSWORD)

    run(fill())
    return conninfo


@pytest.fixture(scope="session")
def demo_conninfo(make_database: Make, demo_source: str) -> str:
    """The demo county for tests that only read."""
    return make_database(demo_source)


@pytest.fixture
def demo_copy(make_database: Make, demo_source: str) -> str:
    """The demo county for one test to change."""
    return make_database(demo_source)


@dataclass(frozen=True)
class Signed:
    """Clients of one running application, each signed in as one account."""

    client: TestClient

    def __call__(self, username: str) -> httpx.Client:
        answer = self.client.post("/api/session", json={"username": username, "password": PASSWORD})
        token = answer.json()["token"]
        self.client.cookies.clear()
        return TestClient(self.client.app, headers={"Authorization": f"Bearer {token}"})


def own_login(conninfo: str) -> str:
    """As the service logs in: from there no way leads to the owner of the tables."""
    return make_conninfo(conninfo, user="mapsvc_login")


@contextmanager
def application(conninfo: str, catalog: Catalog, **settings: object) -> Iterator[TestClient]:
    """An application over a database, its pool open for as long as the block runs.

    It logs in as the service does, or as `login`.
    """
    login = str(settings.pop("login", None) or own_login(conninfo))
    # The tests do in seconds, from one address, what people do in a week.
    free = {f"rate_{kind}": "" for kind in ("sign_in", "reveal", "export", "upload")}
    app = create_app(Settings(**{"pool_size": 4, **free, **settings}), catalog, login)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def make_app(catalog: Catalog) -> Iterator[Callable[..., TestClient]]:
    """Opens applications that last until the test file ends."""
    with ExitStack() as opened:

        def make(conninfo: str, layers: Catalog = catalog, **settings: object) -> TestClient:
            return opened.enter_context(application(conninfo, layers, **settings))

        yield make


@pytest.fixture(scope="session")
def signed(demo_conninfo: str, catalog: Catalog) -> Iterator[Signed]:
    """The application over the demo county, for tests that only read."""
    with application(demo_conninfo, catalog) as client:
        yield Signed(client)


@pytest.fixture
def signed_copy(demo_copy: str, catalog: Catalog) -> Iterator[Signed]:
    """The application over a copy of the demo county, for tests that write."""
    with application(demo_copy, catalog) as client:
        yield Signed(client)


@pytest.fixture(scope="session")
def password() -> str:
    return PASSWORD


def soon(seconds: float, once: Callable[[], object]) -> None:
    """It takes less than so long. Only one try of thirty must: others may have had the machine."""
    took: list[float] = []
    while not took or took[-1] >= seconds:
        assert len(took) < 30, took
        begin = time.monotonic()
        once()
        took.append(time.monotonic() - begin)


_HELD: list[socket.socket] = []


def free_port() -> int:
    """A port that nothing uses and that no other test is given while this process lives.

    Below those that the kernel gives away by itself: such a one could be gone before it is used.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 500):
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0mapsvc-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            held.close()
            continue
        _HELD.append(held)
        return port
    raise AssertionError("no port is free")


def ended(process: subprocess.Popen[Any]) -> None:
    """Ask it to stop and wait for it, however busy the machine is."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """Starts `mapsvc serve` over a database in a process of its own; returns its address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(conninfo: str, said: Path | None = None, **settings: str) -> str:
        """`said`: the file that gets what the command prints."""
        port = free_port()
        out = said.open("w") if said else None
        process = subprocess.Popen(
            [sys.executable, "-m", "mapsvc.cli", "serve", "--port", str(port)],
            env={**os.environ, "MAPSVC_DATABASE_URL": conninfo, **settings},
            cwd=PROJECT,
            stdout=out,
        )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 200:
                    return url
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError("mapsvc serve did not become ready")

    try:
        yield start
    finally:
        for process in started:
            ended(process)


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., str]]:
    """Servers that last until the test file ends."""
    with serving() as start:
        yield start


@pytest.fixture(scope="session")
def base_url(demo_conninfo: str) -> Iterator[str]:
    """A running server over the demo county, for the browser tests."""
    with serving() as start:
        yield start(demo_conninfo)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": "/usr/bin/chromium",
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        ],
    }


@pytest.fixture(scope="module")
def browser(browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Of one module only: while it lives its event loop runs, and async tests cannot."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**browser_type_launch_args)
        yield patient(started)
        started.close()


def patient(browser: Browser) -> Browser:
    """Its pages wait longer for what they are told to do than playwright's half minute."""
    usual = browser.new_context

    def new_context(**options: Any) -> BrowserContext:
        context = usual(**options)
        context.set_default_timeout(PATIENCE_S * 1000)
        return context

    browser.new_context = new_context  # type: ignore[method-assign]
    return browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="zh-CN")
    yield context.new_page()
    context.close()
