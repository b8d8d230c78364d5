"""The county's own base map as vector tiles: regions, water, forest, roads."""

from mapsvc.database import Db
from mapsvc.tiles.address import require

_GROUND = """
with tile as materialized (
    select e, ST_Transform(ST_Expand(e, m * 64), 4326) g, m, m / 111320.0 / 2 as deg
    from (select e, (ST_XMax(e) - ST_XMin(e)) / 256 m
        from (select ST_TileEnvelope(%(z)s, %(x)s, %(y)s) e) a) b
), regions as (
    select r.code, r.name, r.level,
        ST_AsMVTGeom(ST_Transform(ST_Simplify(r.geom, deg, true), 3857), e, 4096, 64) geom
    from region r, tile
    where r.geom && tile.g and (level <> 'village' or %(z)s >= 12)
), labels as (
    select r.code, r.name, r.level,
        ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(r.geom), 3857), e, 4096, 2048) geom
    from region r, tile where r.geom && tile.g
        and (level <> 'village' or %(z)s >= 12) and (level <> 'township' or %(z)s >= 9)
), things as (
    select kind, class, name, bridge,
        ST_AsMVTGeom(ST_Transform(ST_Simplify(k.geom, deg, true), 3857), e, 4096, 64) geom
    from ground k, tile where k.geom && tile.g
        and (kind <> 'road' or %(z)s >= 13 or class in ('motorway', 'trunk', 'primary')
            or (%(z)s >= 10 and class in ('secondary', 'tertiary')) or %(z)s >= 12)
        and (class <> 'stream' or %(z)s >= 11)
)
select (select coalesce(ST_AsMVT(t, 'region'), '') from regions t)
    || (select coalesce(ST_AsMVT(t, 'region_label'), '') from labels t)
    || (select coalesce(ST_AsMVT(t, 'forest'), '') from things t where kind = 'forest')
    || (select coalesce(ST_AsMVT(t, 'water'), '') from things t where kind = 'water')
    || (select coalesce(ST_AsMVT(t, 'river'), '') from things t where kind = 'river')
    || (select coalesce(ST_AsMVT(t, 'mine'), '') from things t where kind = 'mine')
    || (select coalesce(ST_AsMVT(t, 'road'), '') from things t where kind = 'road')
"""


async def ground(db: Db, z: int, x: int, y: int) -> bytes:
    """The county's own base map as MVT: regions, their labels, forest, water, rivers, roads."""
    require(z, x, y)
    async with db.cursor(binary=True) as cursor:
        await cursor.execute(_GROUND, {"z": z, "x": x, "y": y})
        row = await cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""
