"""Uploads that were kept: their state, their problems, their rows, their file, their difference."""

import re
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from mapsvc.database import Db, carry_out
from mapsvc.errors import Conflict, Forbidden, NotFound
from mapsvc.ingest import compare
from mapsvc.ingest.messages import ERRORS, NOTES, WARNINGS
from mapsvc.record import write as put_on_record

Action = Literal["new", "changed", "moved", "unchanged", "refused", "skipped"]
Kind = Literal["file", "edit"]

SHOWN_PROBLEMS = 1000
LISTED = 200
KINDS = 300
"""Kinds of problem that are told apart at most."""
_TEXTS = ERRORS | WARNINGS | NOTES
_OWN = ("deleted", "digest")
"""What the reading of an upload holds for the program itself."""


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
        "select id, kind, layer, region_code, filename, sha256, status, declared_crs, used_crs,"
        " evidence, reading, counts, layer_version, created_at, created_by, applied_at, applied_by,"
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
    answer["reading"] = {k: v for k, v in head["reading"].items() if k not in _OWN}
    answer["problems"] = found
    answer["problem_count"] = int(total[1]) if total else 0
    answer["problem_groups"] = await _groups(db, head["id"])
    if head["status"] == "staged" and head["counts"].get("missing"):
        lost = await compare.missing(db, head["layer"], head["id"], head["region_code"], LISTED)
        answer["missing_features"] = [{k: f[k] for k in ("id", "code", "name")} for f in lost]
    return answer


async def recorded(
    db: Db, action: str, head: dict[str, Any], new: dict[str, Any] | None = None
) -> None:
    """Put what was done with a change set on record: which layer, region and file."""
    await put_on_record(
        db,
        action,
        layer=head["layer"],
        subject=head["filename"],
        region=head["region_code"],
        new=new,
        upload=head["id"],
        sha256=head["sha256"],
    )


def _shown(head: dict[str, Any]) -> dict[str, Any]:
    def moment(value: datetime | None) -> str | None:
        return value.isoformat() if value else None

    return {
        "id": str(head["id"]),
        "kind": head["kind"],
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


async def listing(
    db: Db, scope: str | None, limit: int = 100, kind: Kind | None = None
) -> list[dict[str, Any]]:
    """The newest uploads and single edits of a scope, or one kind of them, without problems.

    An edit names what it did to which feature: `edit: {action, feature_id, name, code}`.
    """
    cursor = await db.execute(
        "select id, kind, layer, region_code, filename, status, declared_crs, used_crs, counts,"
        " created_at, created_by, applied_at, applied_by, reading -> 'edit' edit from upload"
        " where (%(kind)s::text is null or kind = %(kind)s) and (%(scope)s::text is null or"
        " region_code = any(array(select code from region where path @> array[%(scope)s::text])))"
        " order by created_at desc, id limit %(limit)s",
        {"scope": scope, "limit": limit, "kind": kind},
    )
    names = [c.name for c in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
    return [_shown(u) | ({"edit": u["edit"]} if u["edit"] else {}) for u in found]


_GROUPS = """
select severity, code, "column", count(*) problems, count(distinct (sheet, row)) rows,
    case when count(distinct text) = 1 then min(text) end same, min(text) example,
    min(field) field,
    to_json((array_agg(distinct value) filter (where value is not null))[1:5]) "values"
from (
    select *, replace(message, '“' || coalesce(value, '') || '”', '“…”') as text
    from upload_problem where upload_id = %s and row is not null
) p
group by 1, 2, 3 order by array_position('{error,warning,note}', severity), 5 desc, 2, 3 limit %s
"""


async def _groups(db: Db, head_id: UUID) -> list[dict[str, Any]]:
    """Problems of rows by kind and column: how many, up to five of the values, and the text
    (`…` for the value) where all say the same."""
    cursor = await db.execute(_GROUPS, [head_id, KINDS])
    names = [c.name for c in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
    for group in found:
        same, example = group.pop("same"), group.pop("example")
        group["message"] = same or _common(group["code"]) or example
    return found


def _common(code: str) -> str:
    """A kind's text with `…` for what differs from row to row; empty where nothing is left."""
    text = re.sub(r"\{\w+\}", "…", _TEXTS.get(code, ""))
    return "" if text == "…" else text


async def problems(
    db: Db,
    upload_id: UUID | str,
    scope: str | None,
    *,
    after: int = -1,
    limit: int = 1000,
    code: str | None = None,
    column: str | None = None,
) -> list[dict[str, Any]]:
    """Problems in the order of the rows, those of the whole file first; `seq` pages on.

    With `code`, those rows' problems of that kind; with `column` too, only in that column
    (empty for those that stand at none).
    """
    head_id = (await require(db, upload_id, scope))["id"]
    cursor = await db.execute(
        'select seq, sheet, row, "column", field, code, message, value, severity'
        " from upload_problem where upload_id = %(id)s and seq > %(after)s"
        " and (%(code)s::text is null or (code = %(code)s and row is not null))"
        " and (%(column)s::text is null or coalesce(\"column\", '') = %(column)s)"
        " order by seq limit %(limit)s",
        {"id": head_id, "after": after, "limit": limit, "code": code, "column": column},
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


# A changed row beside the version that it was compared with, whatever has happened since.
_BEFORE = """
left join lateral (
    select f.code, f.name, f.attrs, f.geom, f.verified_at, f.region_code from feature f
    where f.layer = %(layer)s and f.id = u.feature_id and f.version = u.base_version
    union all
    select h.code, h.name, h.attrs, h.geom, h.verified_at, h.region_code from feature_history h
    where h.layer = %(layer)s and h.id = u.feature_id and h.version = u.base_version
    limit 1
) f on u.action = 'changed' and u.lead_seq is null
left join lateral (
    select json_object_agg(k, json_build_array(o -> k, n -> k)) changes from (
        select f.attrs || jsonb_strip_nulls(jsonb_build_object('code', f.code, 'name', f.name,
            'verified_at', f.verified_at,
            'region', (select name from region where code = f.region_code))) o,
        u.attrs || jsonb_strip_nulls(jsonb_build_object('code', u.code, 'name', u.name,
            'verified_at', u.verified_at,
            'region', (select name from region where code = u.region_code))) n) v,
        jsonb_object_keys(o || n) k
    where f.name is not null and o -> k is distinct from n -> k
) d on true
"""

_ROWS = f"""
select u.seq, u.sheet, u.row, u.action, u.lead_seq, u.feature_id, u.code, u.name, u.moved_m,
    (select row from upload_row l where l.upload_id = u.upload_id and l.seq = u.lead_seq) lead_row,
    round(ST_X(p)::numeric, 7)::float8 lon, round(ST_Y(p)::numeric, 7)::float8 lat, d.changes
from (
    select * from upload_row where upload_id = %(id)s and seq > %(after)s
        and case when %(action)s::text is null then true
            when %(action)s = 'moved' then moved_m is not null else action = %(action)s end
    order by seq limit %(limit)s
) u {_BEFORE}
left join lateral (select ST_PointOnSurface(u.geom) p) g on true
order by u.seq
"""  # noqa: S608


async def rows(
    db: Db,
    upload_id: UUID | str,
    scope: str | None,
    *,
    after: int = -1,
    limit: int = 1000,
    action: Action | None = None,
) -> list[dict[str, Any]]:
    """Every row of the file, or those of one fate, and what becomes of it; `seq` pages on.

    `changes` is {field: [old, new]}; `lead_row` the row that speaks of the same feature first.
    """
    head = await require(db, upload_id, scope)
    cursor = await db.execute(
        _ROWS,
        {
            "id": head["id"],
            "layer": head["layer"],
            "after": after,
            "limit": limit,
            "action": action,
        },
    )
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def missing(
    db: Db, upload_id: UUID | str, scope: str | None, *, offset: int = 0, limit: int = LISTED
) -> list[dict[str, Any]]:
    """Features in scope that a staged upload does not name, by id."""
    head = await require(db, upload_id, scope)
    if head["status"] != "staged":
        return []
    lost = await compare.missing(db, head["layer"], head["id"], head["region_code"], offset + limit)
    return [{k: f[k] for k in ("id", "code", "name")} for f in lost[offset:]]


async def discard(db: Db, upload_id: UUID | str, scope: str | None, actor: str) -> None:
    """Forget an upload that was never applied; Conflict for one that was.

    A township takes back what it sent itself and leaves the county's uploads for it alone.
    """
    async with db.transaction():
        head = await require(db, upload_id, scope, lock=True)
        if head["status"] != "staged":
            raise Conflict(
                "这次上传已经入库，不能放弃。如需恢复原状，请用“撤销”。", code="not_staged"
            )
        if scope is not None and head["created_by"] != actor:
            raise Forbidden("这次上传是别人发起的，只能由他本人或县级账号放弃。")
        await db.execute("delete from upload_row where upload_id = %s", [head["id"]])
        await carry_out(db, "delete from upload where id = %s", [head["id"]], 1)
        await recorded(db, "upload.discarded", head)


async def original(db: Db, upload_id: UUID | str, scope: str | None = None) -> tuple[str, bytes]:
    """Name and bytes of the uploaded file."""
    head = await require(db, upload_id, scope)
    cursor = await db.execute("select original from upload where id = %s", [head["id"]])
    row = await cursor.fetchone()
    return str(head["filename"]), bytes(row[0]) if row else b""


_PREVIEW = f"""
select json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(
    json_build_object('type', 'Feature', 'id', u.feature_id,
    'geometry', ST_AsGeoJSON(u.geom, 7)::json,
    'properties', json_build_object('action', u.action, 'sheet', u.sheet, 'row', u.row,
        'code', u.code, 'name', u.name, 'moved_m', round(u.moved_m::numeric, 1),
        'from', case when u.moved_m is not null then ST_AsGeoJSON(f.geom, 7)::json end,
        'changes', d.changes,
        'was', case when f.name <> u.name then f.name end)) order by u.seq), '[]'::json))
from (select * from upload_row where upload_id = %(id)s and lead_seq is null
    and action in ('new', 'changed') order by seq limit %(limit)s) u
{_BEFORE}
"""  # noqa: S608


async def preview(
    db: Db, upload_id: UUID | str, scope: str | None = None, limit: int = 5000
) -> dict[str, Any]:
    """GeoJSON of the difference: new and changed features, [old, new] values, old places.

    The same before and after it is applied: what counts is the version it was compared with.
    """
    head = await require(db, upload_id, scope)
    cursor = await db.execute(_PREVIEW, {"id": head["id"], "layer": head["layer"], "limit": limit})
    row = await cursor.fetchone()
    return dict(row[0]) if row else {}
