"""Administrative regions: read from any GIS file, kept as a tree, asked for by scope."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry.base import BaseGeometry

from mapsvc import record
from mapsvc.database import Db
from mapsvc.errors import BadInput, NotFound
from mapsvc.search_text import search_text

if TYPE_CHECKING:
    import geopandas

LEVELS = ("province", "city", "county", "township", "village")
LEVEL_TITLES = {
    "province": "省",
    "city": "市",
    "county": "县（区）",
    "township": "乡镇（街道）",
    "village": "村（社区）",
}
# GB/T 2260 (6 digits), GB/T 10114 (9), village codes (12).
_LEVEL_BY_DIGITS = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
_NAME_FIELDS = ("name", "名称", "xzqmc", "区县名称", "乡镇名称", "村名称", "qxmc", "xzmc", "cmc")
_CODE_FIELDS = ("code", "admincode", "adcode", "xzqdm", "行政区划代码", "区划代码", "pac", "代码")
_PARENT_FIELDS = ("parent", "parent_code", "上级代码")


@dataclass(frozen=True, slots=True)
class Region:
    """One administrative area; `geometry` in WGS-84 lon/lat."""

    code: str
    name: str
    level: str
    parent_code: str | None
    geometry: BaseGeometry


def read(
    path: Path,
    *,
    name_field: str | None = None,
    code_field: str | None = None,
    level: str | None = None,
    parent: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
) -> list[Region]:
    """Regions of a GIS file (zip included), repaired and in WGS-84; raises BadInput."""
    frame = _frame(path, encoding)
    if crs is not None or frame.crs is None:
        if crs is None:
            raise BadInput("文件没有写明坐标系，请用 --crs 指定，例如 --crs EPSG:4490。")
        frame = frame.set_crs(crs, allow_override=True)
    frame = frame.to_crs(4326)
    names = _column(frame, name_field, _NAME_FIELDS, "名称", "--name-field")
    codes = _column(frame, code_field, _CODE_FIELDS, "代码", "--code-field")
    parents = next((c for c in frame.columns if c.lower() in _PARENT_FIELDS), None)
    return [
        _region(
            code=_code(row[codes]),
            name=str(row[names] or "").strip(),
            level=level,
            parent=parent or (_code(row[parents]) if parents and row[parents] else None),
            geometry=row["geometry"],
        )
        for row in frame.to_dict("records")
    ]


def _frame(path: Path, encoding: str | None) -> geopandas.GeoDataFrame:
    # Bring in pandas: a second of every command's start, for the one that reads a file.
    import geopandas  # noqa: PLC0415
    from pyogrio.errors import DataLayerError, DataSourceError  # noqa: PLC0415

    # GDAL takes a missing .cpg for Latin-1: Chinese names would be stored as mojibake.
    for attempt in [encoding] if encoding else [None, "GB18030"]:
        try:
            frame = geopandas.read_file(path, encoding=attempt)
        except UnicodeDecodeError:
            continue
        except (DataSourceError, DataLayerError) as broken:
            raise BadInput(f"无法读取 {path.name}：{broken}") from None
        if attempt is not None or not _latin(frame):
            return frame
    raise BadInput(f"{path.name} 的文字编码无法识别，请用 --encoding 指定（如 GBK）。")


def _latin(frame: geopandas.GeoDataFrame) -> bool:
    texts = (str(v) for c in frame.columns if c != "geometry" for v in frame[c].head(50))
    return any("\u0080" <= letter <= "\u00ff" for text in texts for letter in text)


def _column(
    frame: geopandas.GeoDataFrame,
    wanted: str | None,
    known: tuple[str, ...],
    what: str,
    option: str,
) -> str:
    columns = [str(c) for c in frame.columns if c != "geometry"]
    if wanted in columns:
        return str(wanted)
    found = next((c for k in known for c in columns if c.lower() == k), None)
    if wanted is None and found:
        return found
    raise BadInput(f"找不到{what}字段，请用 {option} 指定。文件中有：{'、'.join(columns)}。")


def _code(value: object) -> str:
    text = str(int(value)) if isinstance(value, float) else str(value)
    return text.strip().removesuffix(".0")


def _region(
    *, code: str, name: str, level: str | None, parent: str | None, geometry: BaseGeometry | None
) -> Region:
    level = level or _LEVEL_BY_DIGITS.get(len(code))
    if level not in LEVELS:
        raise BadInput(f"看不出“{name}”（{code}）的级别，请用 --level 指定：{'、'.join(LEVELS)}。")
    if not name or not code or geometry is None or geometry.is_empty:
        raise BadInput(f"区域“{name or code}”缺少名称、代码或边界。")
    repaired = geometry if geometry.is_valid else shapely.make_valid(geometry)
    areas = [p for p in shapely.get_parts(repaired) if p.geom_type in ("Polygon", "MultiPolygon")]
    if not areas:
        raise BadInput(f"区域“{name}”（{code}）不是面状边界。")
    return Region(code, name, level, parent, shapely.force_2d(shapely.union_all(areas)))


async def load(db: Db, regions: list[Region], *, source: str | None = None) -> int:
    """Insert or replace the regions and rebuild every path; returns how many were written.

    `source` is the file that they come from.
    """
    codes = [r.code for r in regions]
    twins = sorted({c for c in codes if codes.count(c) > 1}) if len(codes) < 5000 else []
    if twins or len(set(codes)) != len(codes):
        raise BadInput(f"区域代码重复：{'、'.join(twins[:10])}。")
    async with db.transaction():
        await db.execute(
            "create temp table incoming (code text, name text, level text, parent_code text,"
            " search text, geom bytea) on commit drop"
        )
        async with (
            db.cursor() as cursor,
            cursor.copy("copy incoming from stdin (format binary)") as copy,
        ):
            copy.set_types(["text", "text", "text", "text", "text", "bytea"])
            for r in regions:
                await copy.write_row(
                    (
                        r.code,
                        r.name,
                        r.level,
                        r.parent_code,
                        search_text(r.name, r.code),
                        shapely.to_wkb(r.geometry),
                    )
                )
        await db.execute(_MERGE)
        orphan = await (await db.execute(_ORPHAN)).fetchone()
        if orphan:
            raise BadInput(f"区域“{orphan[0]}”的上级代码 {orphan[1]} 不存在，请先载入上级。")
        await db.execute(_PATHS)
        told = {"regions": len(regions), "codes": codes[:50], "source": source}
        await record.write(db, "regions.loaded", subject=f"{len(regions)} 个行政区", new=told)
    return len(regions)


# A parent that the file does not name is found by the code: 990101001 lies in 990101.
_MERGE = """
insert into region (code, name, level, parent_code, path, search, geom)
select i.code, i.name, i.level,
    coalesce(i.parent_code, (
        select c.code from (select code from region union select code from incoming) c
        where c.code <> i.code and i.code like c.code || '%'
        order by length(c.code) desc limit 1)),
    array[i.code], i.search, ST_Multi(ST_SetSRID(ST_GeomFromWKB(i.geom), 4326))
from incoming i
on conflict (code) do update set name = excluded.name, level = excluded.level,
    parent_code = excluded.parent_code, path = excluded.path, search = excluded.search,
    geom = excluded.geom
"""

_ORPHAN = """
select r.name, r.parent_code from region r left join region p on p.code = r.parent_code
where r.parent_code is not null and p.code is null limit 1
"""

_PATHS = """
with recursive tree as (
    select code, array[code] path from region where parent_code is null
    union all
    select r.code, t.path || r.code from region r join tree t on r.parent_code = t.code
    where not r.code = any(t.path)
)
update region r set path = t.path from tree t where t.code = r.code and r.path <> t.path
"""


async def require(db: Db, code: str) -> str:
    """The region's name, or NotFound."""
    row = await (await db.execute("select name from region where code = %s", [code])).fetchone()
    if row is None:
        raise NotFound(f"没有代码为“{code[:30]}”的区域。", code="unknown_region")
    return str(row[0])


async def within(db: Db, code: str | None, scope: str | None) -> bool:
    """Is the region the scope itself or below it? Everything is in the scope None."""
    if scope is None:
        return True
    asked = "select path @> array[%s] from region where code = %s"
    row = await (await db.execute(asked, [scope, code])).fetchone()
    return bool(row and row[0])


async def outlines(db: Db, level: str, code: str | None) -> bytes:
    """GeoJSON of all regions of a level inside `code`, simplified to about 10 m, made in SQL."""
    row = await (await db.execute(_OUTLINES, {"level": level, "code": code})).fetchone()
    return bytes(row[0]) if row else b""


_OUTLINES = """
select convert_to(json_build_object('type', 'FeatureCollection', 'features',
    coalesce(json_agg(json_build_object(
        'type', 'Feature',
        'geometry', ST_AsGeoJSON(ST_SimplifyPreserveTopology(geom, 0.0001), 5)::json,
        'properties', json_build_object('code', code, 'name', name, 'level', level,
            'parent_code', parent_code)) order by code), '[]'::json))::text, 'UTF8')
from region where level = %(level)s and (%(code)s::text is null or path @> array[%(code)s::text])
"""


async def places(db: Db) -> list[dict[str, Any]]:
    """Every region with what it is found by and a point inside, WGS-84."""
    cursor = await db.execute(
        "select code, name, search, round(ST_X(c)::numeric, 7)::float8,"
        " round(ST_Y(c)::numeric, 7)::float8"
        " from (select *, ST_PointOnSurface(geom) c from region) r order by code"
    )
    names = ("code", "name", "search", "lon", "lat")
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def overview(db: Db) -> dict[str, Any]:
    """The whole territory: topmost region when there is one, and the bounds of all of them."""
    row = await (
        await db.execute(
            "select ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) from"
            " (select ST_Extent(geom) e from region where parent_code is null) x"
            " where e is not null"
        )
    ).fetchone()
    tops = await (
        await db.execute("select code, name from region where parent_code is null limit 2")
    ).fetchall()
    one = tops[0] if len(tops) == 1 else (None, None)
    return {"code": one[0], "name": one[1], "bounds": list(row) if row else None}
