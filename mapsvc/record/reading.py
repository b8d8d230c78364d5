"""The record, read: searched, paged from the newest back, personal values masked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from mapsvc.catalog import Catalog
from mapsvc.database import Db
from mapsvc.errors import BadInput
from mapsvc.masking import without_personal
from mapsvc.record.entries import ACTIONS, ROLE_TITLES

_COLUMNS = (
    "id", "at", "username", "roles", "ip", "request_id", "action", "layer", "subject",
    "region_code", "region_name", "old", "new", "upload_id", "sha256", "hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; all that is given must hold."""

    q: str | None = None
    """Part of a name, an address, a file's name or the beginning of its SHA-256."""
    username: str | None = None
    action: str | None = None
    """An action, or the noun before its dot for all of its kind."""
    layer: str | None = None
    feature: int | None = None
    """Entries of one feature of `layer`, those of the uploads that wrote it too."""
    upload: UUID | None = None
    region: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        known = {*ACTIONS, *(name.partition(".")[0] for name in ACTIONS)}
        if self.action is not None and self.action not in known:
            raise BadInput(f"没有“{self.action[:40]}”这种操作。", code="unknown_action")
        if self.feature is not None and self.layer is None:
            raise BadInput("按要素编号查找时，请同时指定图层。", code="layer_missing")


_COUNT = sql.SQL("select count(*) from audit a where {}")
_LINES = sql.SQL(
    "select a.id, a.at, username, roles, ip, request_id, action, a.layer, subject,"
    " a.region_code, r.name, old, new, upload_id, sha256, encode(hash, 'hex')"
    " from audit a left join region r on r.code = a.region_code where {}"
    " order by a.id desc limit %(limit)s"
)
_HOLDS: dict[str, LiteralString] = {
    "q": "(subject ilike %(like)s or username ilike %(like)s or ip like %(like)s"
    " or sha256 like %(begins)s or request_id = %(q)s)",
    "username": "username = %(username)s",
    "action": "(action = %(action)s or action like %(action)s || '.%%')",
    "layer": "a.layer = %(layer)s",
    "feature": """(subject = %(feature)s::text and (action like 'feature.%%'
            or action like 'personal.%%')
        or upload_id in (select feature_uploads(%(layer)s, %(feature)s)))""",
    "upload": "upload_id = %(upload)s",
    "region": "region_code = any(array(select code from region where path @> array[%(region)s]))",
    "since": "at >= %(since)s",
    "until": "at < %(until)s",
}


async def page(
    db: Db, catalog: Catalog, wanted: Wanted, *, before: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """`{entries: […], matched, next}`, newest first; `next` is the `before` of the page after."""
    rows = await lines(db, catalog, wanted, before=before, limit=limit + 1)
    condition, values = _condition(wanted, None)
    row = await (await db.execute(_COUNT.format(condition), values)).fetchone()
    more = len(rows) > limit
    return {
        "entries": rows[:limit],
        "matched": row[0] if row else 0,
        "next": rows[limit - 1]["id"] if more else None,
    }


async def lines(
    db: Db, catalog: Catalog, wanted: Wanted, *, before: int | None = None, limit: int
) -> list[dict[str, Any]]:
    """The newest entries that fit, each as a reader may see it."""
    condition, values = _condition(wanted, before)
    cursor = await db.execute(
        _LINES.format(condition),
        values | {"limit": limit},
    )
    rows = await cursor.fetchall()
    return [_told(catalog, dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _condition(wanted: Wanted, before: int | None) -> tuple[sql.Composable, dict[str, Any]]:
    parts = [sql.SQL("true")]
    values: dict[str, Any] = {}
    for name, holds in _HOLDS.items():
        value = getattr(wanted, name)
        if value is not None:
            parts.append(sql.SQL(holds))
            values[name] = value
    if wanted.q is not None:
        plain = wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values |= {"like": f"%{plain}%", "begins": f"{plain.lower()}%"}
    if before is not None:
        parts.append(sql.SQL("a.id < %(before)s"))
        values["before"] = before
    return sql.SQL(" and ").join(parts), values


def _told(catalog: Catalog, entry: dict[str, Any]) -> dict[str, Any]:
    layer = next((x for x in catalog if x.id == entry["layer"]), None)
    if entry["layer"] is not None:
        for side in ("old", "new"):
            if entry[side] is not None:
                entry[side] = without_personal(layer, entry[side])
    upload = entry["upload_id"]
    return entry | {
        "at": entry["at"].isoformat(),
        "upload_id": str(upload) if upload else None,
        "roles_title": "、".join(ROLE_TITLES.get(role, role) for role in entry["roles"]),
        "titles": {f.id: f.title for f in layer.fields} if layer else {},
        "action_title": ACTIONS.get(entry["action"], entry["action"]),
        "layer_title": layer.title if layer else entry["layer"],
    }
