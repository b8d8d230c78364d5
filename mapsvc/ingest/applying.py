"""A change set into the map and out of it again, each in one transaction.

The order of locks is always: the layer's applying, the upload, the features in order of their ids;
the layer's own row comes last, by trigger. A single edit takes them in the same order.
"""

from typing import Any, Literal
from uuid import UUID

from psycopg import errors
from psycopg.types.json import Jsonb

from mapsvc.catalog import Catalog, Layer
from mapsvc.database import Db, carry_out
from mapsvc.errors import Conflict
from mapsvc.ingest import compare
from mapsvc.ingest.record import LISTED, recorded, require

Mode = Literal["valid_rows", "all_or_nothing"]

_CONTENT = (
    "code, name, region_code, township_code, geom, attrs, grade, search, verified_at, provenance"
)
_NEXT_MOMENT = "greatest(clock_timestamp(), f.updated_at + interval '1 microsecond')"


async def apply(
    db: Db,
    catalog: Catalog,
    upload_id: UUID | str,
    *,
    mode: Mode = "valid_rows",
    delete_missing: bool = False,
    actor: str,
    scope: str | None = None,
) -> dict[str, Any]:
    """Put a staged upload on the map; a second time changes nothing.

    Raises Conflict where the preview is outdated (with the list), where `all_or_nothing` meets
    refused rows, and where missing features would be deleted although rows were refused.
    """
    layer = catalog.layer((await require(db, upload_id, scope))["layer"])
    try:
        async with db.transaction():
            await begin(db, layer.id, actor)
            head = await require(db, upload_id, scope, lock=True)
            if head["status"] != "applied":
                _refuse_unfit(head, mode, delete_missing)
                await _write(db, layer, head, delete_missing, actor)
    except errors.UniqueViolation:
        raise Conflict(
            "预览之后，同一乡镇里已有别人录入了相同的编号。请重新上传这个文件，再看一次预览。",
            code="outdated_preview",
        ) from None
    done = await require(db, upload_id, scope)
    return {"id": str(done["id"]), "status": done["status"], "counts": done["counts"]}


async def begin(db: Db, layer_id: str, actor: str) -> None:
    await db.execute("set local statement_timeout = '120s'")
    await db.execute("select set_config('mapsvc.actor', %s, true)", [actor])
    await db.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"mapsvc.apply.{layer_id}"])


def _refuse_unfit(head: dict[str, Any], mode: Mode, delete_missing: bool) -> None:
    counts = head["counts"]
    if head["status"] == "rolled_back":
        raise Conflict("这次上传已经撤销。请重新上传文件。", code="already_rolled_back")
    if counts["accepted"] == 0:
        raise Conflict("没有可以入库的行。请按提示改正文件后重新上传。", code="nothing_to_apply")
    if counts["rejected"] and mode == "all_or_nothing":
        raise Conflict(
            f"有 {counts['rejected']} 行有错，按“全部正确才入库”的要求没有写入。请改正后重新上传。",
            code="has_rejected_rows",
        )
    if counts["rejected"] and delete_missing:
        raise Conflict(
            f"有 {counts['rejected']} 行被退回，它们可能正是“文件中没有”的那些，因此不能同时删除。"
            "请先改正后重新上传。",
            code="has_rejected_rows",
        )


async def _write(
    db: Db, layer: Layer, head: dict[str, Any], delete_missing: bool, actor: str
) -> None:
    gone = (
        await compare.missing(db, layer.id, head["id"], head["region_code"], None)
        if delete_missing
        else []
    )
    await db.execute(_IN_BULK)
    await _lock_features(db, layer, head["id"], [f["id"] for f in gone])
    await _refuse_outdated(db, layer, head, gone)
    values: dict[str, Any] = {"upload": head["id"], "layer": layer.id, "actor": actor}
    planned = await _planned(db, head["id"])
    if gone:
        values["ids"] = [f["id"] for f in gone]
        await carry_out(db, _DELETE, values, len(gone))
    await carry_out(db, _UPDATE, values, planned["changed"])
    await carry_out(db, _INSERT, values, planned["new"])
    await carry_out(
        db,
        "update upload set status = 'applied', applied_at = clock_timestamp(), applied_by = %s,"
        " delete_missing = %s, reading = reading || %s, counts = counts || %s,"
        " applied_version = (select version from layer where id = upload.layer) where id = %s",
        [
            actor,
            delete_missing,
            Jsonb({"deleted": [[f["id"], f["version"]] for f in gone]}),
            Jsonb({"deleted": len(gone)}),
            head["id"],
        ],
        1,
    )
    done = await require(db, head["id"], None)
    await recorded(db, "upload.applied", head, done["counts"] | {"delete_missing": delete_missing})


async def _planned(db: Db, upload_id: UUID) -> dict[str, int]:
    """How many features the change set makes and changes."""
    row = await (
        await db.execute(
            "select count(*) filter (where action = 'new'),"
            " count(*) filter (where action = 'changed') from upload_row"
            " where upload_id = %s and lead_seq is null",
            [upload_id],
        )
    ).fetchone()
    return dict(zip(("new", "changed"), row or (0, 0), strict=True))


# A third of a bulk insert is the index of search texts. Part of that can wait until after the
# commit: `features.settle_search`.
_IN_BULK = "set local gin_pending_list_limit = '256MB'"

_DELETE = "delete from feature where layer = %(layer)s and id = any(%(ids)s)"

_UPDATE = f"""
update feature f set code = u.code, name = u.name, region_code = u.region_code,
    township_code = u.township_code, geom = u.geom, attrs = u.attrs, grade = u.grade,
    search = u.search, verified_at = u.verified_at, provenance = u.provenance,
    version = f.version + 1, updated_at = {_NEXT_MOMENT}, updated_by = %(actor)s,
    upload_id = u.upload_id
from upload_row u
where u.upload_id = %(upload)s and u.action = 'changed' and u.lead_seq is null
    and f.layer = %(layer)s and f.id = u.feature_id
"""  # noqa: S608

_INSERT = """
insert into feature (layer, id, code, name, region_code, township_code, geom, attrs, grade, search,
    verified_at, provenance, updated_by, upload_id)
select %(layer)s, feature_id, code, name, region_code, township_code, geom, attrs, grade, search,
    verified_at, provenance, %(actor)s, upload_id
from upload_row
where upload_id = %(upload)s and action = 'new' and lead_seq is null order by seq
"""


async def _lock_features(db: Db, layer: Layer, upload_id: UUID, more: list[int]) -> None:
    await db.execute(
        "select id from feature where layer = %(layer)s and (id = any(%(more)s) or id in ("
        " select feature_id from upload_row where upload_id = %(upload)s and action = 'changed'))"
        " order by id for update",
        {"layer": layer.id, "upload": upload_id, "more": more},
    )


async def _refuse_outdated(
    db: Db, layer: Layer, head: dict[str, Any], gone: list[dict[str, Any]]
) -> None:
    """Conflict where a row would now do something else than the preview showed."""
    now = await (await db.execute("select version from layer where id = %s", [layer.id])).fetchone()
    if now and now[0] == head["layer_version"]:
        return
    await compare.open_incoming(db)
    await db.execute(_AS_INCOMING, {"upload": head["id"]})
    await compare.match(db, layer, head["region_code"])
    # Without it the planner, misjudging a new upload, goes through all matches for each row.
    await db.execute("create index on upload_match (seq)")
    cursor = await db.execute(_DRIFT, {"upload": head["id"], "layer": layer.id, "limit": LISTED})
    names = ("sheet", "row", "code", "name", "reason", "updated_at", "updated_by")
    changed = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
    changed += [
        {
            "sheet": "",
            "row": None,
            "code": f["code"],
            "name": f["name"],
            "reason": "预览之后新增或改动，不能随缺失行删除",
        }
        for f in gone
        if f["updated_at"] > head["created_at"]
    ][:LISTED]
    if changed:
        for entry in changed:
            if entry.get("updated_at"):
                entry["updated_at"] = entry["updated_at"].isoformat()
        raise Conflict(
            f"预览之后，图上的数据又有变动（{len(changed)} 处，见列表）。"
            "请重新上传这个文件，再看一次预览。",
            code="outdated_preview",
            changed=changed,
        )


_AS_INCOMING = """
insert into upload_incoming (seq, action, code, name, region_code, township_code, geom)
select seq, '', code, name, region_code, township_code, geom from upload_row
where upload_id = %(upload)s and lead_seq is null and action in ('new', 'changed', 'unchanged')
"""

_DRIFT = """
select u.sheet, u.row, u.code, u.name,
    case when u.action = 'new' then '已有人录入了同一个对象'
        when f.id is null then '已被删除' else '已被修改' end, f.updated_at, f.updated_by
from upload_row u
left join upload_match m on m.seq = u.seq
left join feature f on f.layer = %(layer)s
    and f.id = case when u.action = 'new' then m.feature_id else u.feature_id end
where u.upload_id = %(upload)s and u.lead_seq is null and (
    (u.action = 'new' and m.seq is not null)
    or (u.action in ('changed', 'unchanged') and (f.id is null or f.version <> u.base_version)))
order by u.seq limit %(limit)s
"""


async def rollback(
    db: Db, upload_id: UUID | str, actor: str, *, scope: str | None = None
) -> dict[str, Any]:
    """Put every feature that the upload wrote back as it was before it.

    Works after later uploads too, as long as they left these features alone or were taken back
    themselves; else Conflict with the list of what stands in the way, and nothing is changed.
    """
    layer_id = str((await require(db, upload_id, scope))["layer"])
    try:
        async with db.transaction():
            await begin(db, layer_id, actor)
            head = await require(db, upload_id, scope, lock=True)
            if head["status"] == "staged":
                raise Conflict("这次上传还没有入库，不需要撤销。", code="not_applied")
            if head["status"] == "applied":
                await _undo(db, layer_id, head, actor)
    except errors.UniqueViolation:
        raise Conflict(
            "原来的编号现在被同一乡镇的另一个对象使用，无法恢复。请先改正那个对象的编号。",
            code="rollback_blocked",
        ) from None
    done = await require(db, upload_id, scope)
    return {"id": str(done["id"]), "status": done["status"], "counts": done["counts"]}


async def _undo(db: Db, layer_id: str, head: dict[str, Any], actor: str) -> None:
    deleted = head["reading"].get("deleted", [])
    values = {
        "upload": head["id"],
        "layer": layer_id,
        "actor": actor,
        "ids": [d[0] for d in deleted],
        "versions": [d[1] for d in deleted],
        "limit": LISTED,
    }
    await db.execute(
        "select id from feature where layer = %(layer)s and id in ("
        " select feature_id from upload_row"
        " where upload_id = %(upload)s and action in ('new', 'changed')) order by id for update",
        values,
    )
    cursor = await db.execute(_BLOCKED, values)
    names = ("id", "code", "name", "reason", "updated_at", "updated_by", "upload_id")
    blocked = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
    if blocked:
        for entry in blocked:
            entry["updated_at"] = entry["updated_at"].isoformat() if entry["updated_at"] else None
            entry["upload_id"] = str(entry["upload_id"]) if entry["upload_id"] else None
        raise Conflict(
            "在这之后，其中一些对象又被改动（见列表），撤销会覆盖后来的内容，因此没有撤销。"
            "请先撤销后来的上传或修改，或逐个处理这些对象。",
            code="rollback_blocked",
            conflicts=blocked,
        )
    planned = await _planned(db, head["id"])
    await carry_out(db, _TAKE_OUT, values, planned["new"])
    await carry_out(db, _PUT_BACK, values, planned["changed"])
    await carry_out(db, _REVIVE, values, len(deleted))
    taken_back = "update upload set status = 'rolled_back' where id = %s"
    await carry_out(db, taken_back, [head["id"]], 1)
    await recorded(db, "upload.rolled_back", head)


# What the upload wrote must still be what stands there, whatever happened in between.
_BLOCKED = """
select u.feature_id, u.code, u.name, case when f.id is null then '已被删除' else '已被修改' end,
    f.updated_at, f.updated_by, f.upload_id
from upload_row u left join feature f on f.layer = %(layer)s and f.id = u.feature_id
where u.upload_id = %(upload)s and u.lead_seq is null and u.action in ('new', 'changed')
    and (f.id is null or f.name <> u.name or not ST_OrderingEquals(f.geom, u.geom)
        or f.attrs <> u.attrs
        or (f.code, f.region_code, f.township_code, f.grade, f.verified_at)
            is distinct from (u.code, u.region_code, u.township_code, u.grade, u.verified_at))
union all
select d.id, f.code, f.name, '删除后又被恢复', f.updated_at, f.updated_by, f.upload_id
from unnest(%(ids)s::bigint[]) d(id) join feature f on f.layer = %(layer)s and f.id = d.id
limit %(limit)s
"""

_TAKE_OUT = """
delete from feature f using upload_row u where u.upload_id = %(upload)s and u.lead_seq is null
    and u.action = 'new' and f.layer = %(layer)s and f.id = u.feature_id
"""

_PUT_BACK = f"""
update feature f set ({_CONTENT}) = (h.code, h.name, h.region_code, h.township_code,
        h.geom, h.attrs, h.grade, h.search, h.verified_at, h.provenance),
    upload_id = h.upload_id, version = f.version + 1, updated_by = %(actor)s,
    updated_at = {_NEXT_MOMENT}
from upload_row u join feature_history h
    on h.layer = %(layer)s and h.id = u.feature_id and h.version = u.base_version
where u.upload_id = %(upload)s and u.action = 'changed' and u.lead_seq is null
    and f.layer = %(layer)s and f.id = u.feature_id
"""  # noqa: S608

_REVIVE = f"""
insert into feature (layer, id, {_CONTENT}, version, updated_at, updated_by, upload_id)
select h.layer, h.id, {", ".join("h." + c for c in _CONTENT.split(", "))}, h.version + 1,
    greatest(clock_timestamp(), h.valid_to + interval '1 microsecond'), %(actor)s, h.upload_id
from unnest(%(ids)s::bigint[], %(versions)s::int[]) d(id, version)
join feature_history h on h.layer = %(layer)s and h.id = d.id and h.version = d.version
"""  # noqa: S608
