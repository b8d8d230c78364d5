"""The application: its wiring on one screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from mapsvc import __version__, logs
from mapsvc.access import Sessions, SingleSignOn
from mapsvc.api import (
    accounts,
    closures,
    command,
    coordinates,
    coverage,
    direct,
    edits,
    events,
    health,
    layers,
    me,
    metrics,
    overview,
    pages,
    personal,
    planning,
    problems,
    proximity,
    record,
    roads,
    session,
    single,
    surroundings,
    tiles,
    uploads,
    workbooks,
)
from mapsvc.api.bundle import Bundle
from mapsvc.api.gate import Gate
from mapsvc.api.service import Service
from mapsvc.api.throttle import Throttle
from mapsvc.api.traces import Traces
from mapsvc.catalog import Catalog, load_catalog
from mapsvc.database import libpq, make_pool, make_tile_pool
from mapsvc.errors import BrokenSetup
from mapsvc.live import Feed
from mapsvc.maps.assets import Assets
from mapsvc.maps.guides import read_guides
from mapsvc.maps.pages import Pages
from mapsvc.maps.shells import Shells
from mapsvc.overview import Overview
from mapsvc.planning import need_book
from mapsvc.settings import Settings
from mapsvc.symbols import symbol_set
from mapsvc.tiles import TileCache

ROOMS = (
    proximity,
    surroundings,
    tiles,
    session,
    layers,
    overview,
    closures,
    command,
    planning,
    coverage,
    coordinates,
    roads,
    edits,
    personal,
    me,
    accounts,
    record,
    events,
    uploads,
    workbooks,
    health,
    metrics,
    single,
    pages,
)
"""The first routes are matched first: the hot ones stand in front."""


def create_app(settings: Settings, catalog: Catalog, conninfo: str) -> FastAPI:
    """The service for a database that is already at the newest schema."""
    asset = Assets()
    pool = make_pool(conninfo, settings)
    tile_pool = make_tile_pool(conninfo, settings)
    kept_tiles = TileCache(tile_pool, pool)
    sessions = Sessions(settings)
    feed = Feed(conninfo, pool, [kept_tiles], idle=sessions.idle)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open(wait=False)
        await tile_pool.open(wait=False)
        async with feed.running():
            with events.ended_by_signal(feed):
                yield
        await tile_pool.close()
        await pool.close()

    app = FastAPI(
        title="mapsvc 一网四图",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = Service(
        settings=settings,
        catalog=catalog,
        pool=pool,
        sessions=sessions,
        single=SingleSignOn(settings),
        throttle=Throttle(settings),
        asset=asset,
        pages=Pages(asset),
        shells=Shells(catalog, settings, asset),
        guides=read_guides(),
        needs=need_book(settings),
        symbols=symbol_set(settings, catalog),
        feed=feed,
        overview=Overview(pool, catalog),
        tiles=kept_tiles,
    )
    app.add_middleware(Gate, upload_max_bytes=settings.upload_max_bytes)
    app.add_middleware(Traces)
    problems.install(app)
    _open_doors(app)
    return app


def _open_doors(app: FastAPI) -> None:
    direct.install(app, "GET", "/api/nearest", proximity.nearest)
    direct.install(app, "POST", "/api/within", surroundings.within_directly)
    tile = "/tiles/{layer}/{z:int}/{x:int}/{y:int}.mvt"
    direct.install(app, "GET", tile, tiles.points_directly)
    for room in ROOMS:
        app.include_router(room.router)
    app.mount("/static", Bundle(), name="static")


def from_environment() -> FastAPI:
    """For uvicorn: the application as the environment describes it."""
    settings = Settings()
    logs.configure(settings.log_format)
    if settings.database_url is None:
        raise BrokenSetup("请用 mapsvc serve 启动，或设置 MAPSVC_DATABASE_URL。")
    return create_app(settings, load_catalog(settings.layers), libpq(settings.database_url))
