"""tipg over our typed views, for the bench alone."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict
from tipg.collections import register_collection_catalog
from tipg.database import close_db_connection, connect_to_db
from tipg.factory import Endpoints
from tipg.settings import DatabaseSettings, PostgresSettings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts = conninfo_to_dict(os.environ["MAPSVC_DATABASE_URL"])
    await connect_to_db(
        app,
        schemas=["ogc"],
        tipg_schema="pg_temp",
        settings=PostgresSettings(
            database_url=f"postgresql://{parts['user']}@localhost:{parts['port']}/{parts['dbname']}"
        ),
        host=parts["host"],
        port=int(parts["port"]),
    )
    await register_collection_catalog(
        app, db_settings=DatabaseSettings(schemas=["ogc"], functions=["ogc.near"])
    )
    yield
    await close_db_connection(app)


app = FastAPI(lifespan=lifespan)
app.include_router(Endpoints(with_tiles_viewer=False).router)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
