"""What an upload says, for those who may not read personal values in clear."""

from typing import Any
from uuid import UUID

from mapsvc.catalog import Catalog, FieldType, Layer
from mapsvc.database import Db
from mapsvc.errors import Forbidden
from mapsvc.ingest.record import recorded, require
from mapsvc.masking import masked, phones_masked, without_personal


async def layer_of(
    db: Db, catalog: Catalog, upload_id: UUID, scope: str | None, unless_by: str | None = None
) -> Layer | None:
    """The upload's layer; None where `unless_by` sent it, to whom his own file is shown whole."""
    head = await require(db, upload_id, scope)
    return None if head["created_by"] == unless_by else catalog.layer(head["layer"])


async def require_own_file(db: Db, upload_id: UUID, scope: str | None, username: str) -> None:
    """Forbidden where somebody else sent the file: it may hold names and phones anywhere."""
    if (await require(db, upload_id, scope))["created_by"] != username:
        raise Forbidden(
            "原表里可能有姓名、电话，只有上报人和有权查看个人信息的账号可以下载。"
            "检查结果可在页面上查看。",
            code="personal_file",
        )


async def taken_out(db: Db, upload_id: UUID, scope: str | None) -> None:
    """Put on record that the file, or a copy with marks, was handed out."""
    await recorded(db, "personal.exported", await require(db, upload_id, scope))


def told(answer: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """An upload as `record.get` tells it."""
    return answer | {
        "problems": problems(answer["problems"], layer),
        "problem_groups": [_group(g, layer) for g in answer["problem_groups"]],
    }


def problems(found: list[dict[str, Any]], layer: Layer) -> list[dict[str, Any]]:
    """Their values masked, in the words too."""
    return [_problem(p, layer) for p in found]


def rows(found: list[dict[str, Any]], layer: Layer) -> list[dict[str, Any]]:
    """Rows whose `changes` are {field: [old, new]}."""
    return [row | {"changes": _changes(row["changes"], layer)} for row in found]


def preview(found: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """The difference as GeoJSON; the same `changes`."""
    features = [
        f
        | {"properties": f["properties"] | {"changes": _changes(f["properties"]["changes"], layer)}}
        for f in found["features"]
    ]
    return found | {"features": features}


def _changes(changes: dict[str, Any] | None, layer: Layer) -> dict[str, Any] | None:
    if changes is None:
        return None
    return without_personal(layer, changes)


def _kind(layer: Layer, field: str | None) -> FieldType | None:
    return next((f.type for f in layer.fields if f.personal and f.id == field), None)


def _hidden(value: str, kind: FieldType | None) -> str:
    return str(masked(value, kind)) if kind else phones_masked(value)


def _problem(found: dict[str, Any], layer: Layer) -> dict[str, Any]:
    value, message = found["value"], found["message"]
    if value:
        shown = _hidden(value, _kind(layer, found["field"]))
        message = message.replace(value, shown)
        value = shown
    return found | {"value": value, "message": phones_masked(message)}


def _group(found: dict[str, Any], layer: Layer) -> dict[str, Any]:
    kind = _kind(layer, found["field"])
    values, message = found["values"] or [], found["message"] or ""
    for value in values:
        message = message.replace(value, _hidden(value, kind))
    return found | {
        "values": [_hidden(v, kind) for v in values],
        "message": phones_masked(message),
    }
