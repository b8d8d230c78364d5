"""The peer: the nearest endpoint as one would write it by hand in an afternoon, no sign-in."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

# Geography's own order, over an index of its own: the way tutorials show it.
NEAREST = """
select id, code, name, attrs, ST_X(geom) lon, ST_Y(geom) lat,
    ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
from feature_depots
order by geom::geography <-> ST_Point(%(lon)s, %(lat)s, 4326)::geography limit 10"""

pool = AsyncConnectionPool(
    os.environ["MAPSVC_DATABASE_URL"], open=False, kwargs={"autocommit": True}, max_size=10
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/nearest")
async def nearest(lon: float, lat: float) -> list[dict[str, Any]]:
    async with pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(NEAREST, {"lon": lon, "lat": lat})
        return await cursor.fetchall()
