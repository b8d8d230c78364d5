"""Uploads that were kept: their state, their problems, their rows, their file, their difference."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mapsvc.database import Db
from mapsvc.errors import NotFound
from mapsvc.ingest import compare

SHOWN_PROBLEMS = 1000
LISTED = 200


async def require(
    db: Db, upload_id: UUID | str, scope: str | None, *, lock: bool = False
) -> dict[str, Any]:
    """The upload's own row; NotFound where it does not exist or is another region's."""
    try:
        wanted = upload_id if isinstance(upload_id, UUID) else UUID(upload_id)
    except ValueError:
        raise NotFound("没有这次上传。", code="unknown_upload") from None
    if lock:
        await db.execute("select from upload where id = %s for update", [wanted])
    cursor = await db.execute(
        "select id, layer, region_code, filename, sha256, status, declared_crs, used_crs, evidence,"
        " reading, counts, layer_version, created_at, created_by, applied_at, applied_by,"
        " delete_missing from upload where id = %(id)s and (%(scope)s::text is null"
        " or region_code = any(array(select code from region where path @> array[%(scope)s])))",
        {"id": wanted, "scope": scope},
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("没有这次上传。", code="unknown_upload")
    return dict(zip([c.name for c in cursor.description or ()], row, strict=True))


async def get(db: Db, upload_id: UUID | str, scope: str | None) -> dict[str, Any]:
    """An upload as CONTRACT describes it, with its first problems and first missing features."""
    head = await require(db, upload_id, scope)
    found = await problems(db, head["id"], scope, limit=SHOWN_PROBLEMS)
    total = await (
        await db.execute(
            "select count(*) filter (where severity <> 'note'), count(*)"
            " from upload_problem where upload_id = %s",
            [head["id"]],
        )
    ).fetchone()
    answer = _shown(head)
    answer["crs"]["evidence"] = head["evidence"]
    answer["reading"] = {k: v for k, v in head["reading"].items() if k != "deleted"}
    answer["problems"] = found
    answer["problem_count"] = int(total[1]) if total else 0
    if head["status"] == "staged" and head["counts"].get("missing"):
        lost = await compare.missing(db, head["layer"], head["id"], head["region_code"], LISTED)
        answer["missing_features"] = [{k: f[k] for k in ("id", "code", "name")} for f in lost]
    return answer


def _shown(head: dict[str, Any]) -> dict[str, Any]:
    def moment(value: datetime | None) -> str | None:
        return value.isoformat() if value else None

    return {
        "id": str(head["id"]),
        "status": head["status"],
        "layer": head["layer"],
        "region": head["region_code"],
        "filename": head["filename"],
        "crs": {"declared": head["declared_crs"], "used": head["used_crs"]},
        "counts": head["counts"],
        "created_at": moment(head["created_at"]),
        "created_by": head["created_by"],
        "applied_at": moment(head["applied_at"]),
        "applied_by": head["applied_by"],
    }


async def listing(db: Db, scope: str | None, limit: int = 100) -> list[dict[str, Any]]:
    """The newest uploads of a scope, without their problems."""
    cursor = await db.execute(
        "select id, layer, region_code, filename, status, declared_crs, used_crs, counts,"
        " created_at, created_by, applied_at, applied_by from upload where %(scope)s::text is null"
        " or region_code = any(array(select code from region where path @> array[%(scope)s::text]))"
        " order by created_at desc, id limit %(limit)s",
        {"scope": scope, "limit": limit},
    )
    names = [c.name for c in cursor.description or ()]
    return [_shown(dict(zip(names, row, strict=True))) for row in await cursor.fetchall()]


async def problems(
    db: Db, upload_id: UUID | str, scope: str | None, *, after: int = -1, limit: int = 1000
) -> list[dict[str, Any]]:
    """Problems in the order of the rows, those of the whole file first; `seq` pages on."""
    head_id = (await require(db, upload_id, scope))["id"]
    cursor = await db.execute(
        'select seq, sheet, row, "column", field, code, message, value, severity'
        " from upload_problem where upload_id = %s and seq > %s order by seq limit %s",
        [head_id, after, limit],
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def rows(
    db: Db, upload_id: UUID | str, scope: str | None, *, after: int = -1, limit: int = 1000
) -> list[dict[str, Any]]:
    """Every row of the file and what becomes of it; `seq` pages on."""
    head_id = (await require(db, upload_id, scope))["id"]
    cursor = await db.execute(
        "select seq, sheet, row, action, lead_seq, feature_id, code, name, moved_m from upload_row"
        " where upload_id = %s and seq > %s order by seq limit %s",
        [head_id, after, limit],
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def original(db: Db, upload_id: UUID | str, scope: str | None = None) -> tuple[str, bytes]:
    """Name and bytes of the uploaded file."""
    head = await require(db, upload_id, scope)
    cursor = await db.execute("select original from upload where id = %s", [head["id"]])
    row = await cursor.fetchone()
    return str(head["filename"]), bytes(row[0]) if row else b""


_PREVIEW = """
select json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(
    json_build_object('type', 'Feature', 'id', u.feature_id,
    'geometry', ST_AsGeoJSON(u.geom, 7)::json,
    'properties', json_build_object('action', u.action, 'sheet', u.sheet, 'row', u.row,
        'code', u.code, 'name', u.name, 'moved_m', round(u.moved_m::numeric, 1),
        'from', case when u.moved_m is not null then ST_AsGeoJSON(f.geom, 7)::json end,
        'changes', case when u.action = 'changed' then (
            select json_object_agg(k, json_build_array(f.attrs -> k, u.attrs -> k))
            from jsonb_object_keys(f.attrs || u.attrs) k
            where f.attrs -> k is distinct from u.attrs -> k) end,
        'was', case when f.name <> u.name then f.name end)) order by u.seq), '[]'::json))
from (select * from upload_row where upload_id = %(id)s and lead_seq is null
    and action in ('new', 'changed') order by seq limit %(limit)s) u
left join feature f on f.layer = %(layer)s and f.id = u.feature_id
"""


async def preview(
    db: Db, upload_id: UUID | str, scope: str | None = None, limit: int = 5000
) -> dict[str, Any]:
    """GeoJSON of the difference: new and changed features, [old, new] values, old places."""
    head = await require(db, upload_id, scope)
    cursor = await db.execute(_PREVIEW, {"id": head["id"], "layer": head["layer"], "limit": limit})
    row = await cursor.fetchone()
    return dict(row[0]) if row else {}
