"""The peers: nearest and within 3 km as one would write them by hand, no sign-in.

Under /api as tutorials have it, rows to dict; under /floor the least that gives a right answer.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

# Geography's own order, over an index of its own: the way tutorials show it.
NEAREST = """
select id, code, name, attrs, ST_X(geom) lon, ST_Y(geom) lat,
    ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
from feature_depots
order by geom::geography <-> ST_Point(%(lon)s, %(lat)s, 4326)::geography limit 10"""

WITHIN = """
select id, code, name, attrs, ST_X(geom) lon, ST_Y(geom) lat,
    ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
from feature_depots
where ST_DWithin(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography, 3000) order by d"""

# In practice right: more candidates than needed by degrees, re-ranked; a box, then the distance.
LEAST = {
    "nearest": """
        from (select * from feature_depots
            order by geom <-> ST_Point(%(lon)s, %(lat)s, 4326) limit 40) f
        order by d limit 10""",
    "within": """
        from (select *, ST_Distance(geom::geography,
                ST_Point(%(lon)s, %(lat)s, 4326)::geography) d
            from feature_depots where geom && ST_MakeEnvelope(
                %(lon)s - 3030 / (111132 * cos(radians(%(lat)s))), %(lat)s - 3030 / 110574.0,
                %(lon)s + 3030 / (111132 * cos(radians(%(lat)s))), %(lat)s + 3030 / 110574.0, 4326)
        ) f where d <= 3000 order by d""",
}
_D = "ST_Distance(geom::geography, ST_Point(%(lon)s, %(lat)s, 4326)::geography)"
_COLUMNS = "select id, code, name, attrs, ST_X(geom) lon, ST_Y(geom) lat, {d} d"


def least(name: str) -> str:
    """The SQL limit: rows, nothing else."""
    return _COLUMNS.format(d=_D if name == "nearest" else "d") + LEAST[name]


pool = AsyncConnectionPool(
    os.environ.get("MAPSVC_DATABASE_URL", ""),
    open=False,
    kwargs={"autocommit": True, "prepare_threshold": 1, "options": "-c jit=off"},
    max_size=10,
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


@app.get("/api/within")
async def within(lon: float, lat: float) -> list[dict[str, Any]]:
    async with pool.connection() as db, db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(WITHIN, {"lon": lon, "lat": lat})
        return await cursor.fetchall()


@app.get("/floor/{name}")
async def floor(name: str, lon: float, lat: float) -> Response:
    query = f"select coalesce(json_agg(row_to_json(q)), '[]')::text from ({least(name)}) q"
    async with pool.connection() as db:
        row = await (await db.execute(query.encode(), {"lon": lon, "lat": lat})).fetchone()
    return Response(row[0] if row else b"", media_type="application/json")
