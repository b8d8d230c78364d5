"""The change set of a single edit: a head and one row, kept as those of a file are.

So an edit stands in the record with who, when and what, and is taken back as an upload is.
"""

from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
from psycopg.types.json import Jsonb

from mapsvc.catalog import Layer
from mapsvc.database import Db, carry_out

Act = Literal["new", "changed", "deleted"]
_VERBS = {"new": "新增", "changed": "修改", "deleted": "删除"}

_HEAD = """
insert into upload (id, kind, layer, region_code, filename, sha256, original, status, declared_crs,
    used_crs, reading, counts, layer_version, created_by, applied_by, applied_at)
select %(id)s, 'edit', l.id, %(scope)s, %(title)s, '', %(sent)b, 'applied', %(crs)s, %(crs)s,
    %(reading)s, %(counts)s, l.version, %(actor)s, %(actor)s, clock_timestamp()
from layer l where l.id = %(layer)s
"""

_ROW = """
insert into upload_row (upload_id, seq, sheet, row, action, feature_id, base_version, code, name,
    region_code, township_code, geom, attrs, grade, search, verified_at, moved_m, provenance)
select upload_id, 0, '', 0, %(act)s, id, %(base)s, code, name, region_code, township_code, geom,
    attrs, grade, search, verified_at, %(moved)s, provenance
from feature where layer = %(layer)s and id = %(feature)s
"""

_COUNTS = ("rows", "accepted", "rejected", "new", "changed", "moved", "unchanged", "skipped")


def new_id() -> UUID:
    """The id that a feature is to carry before its change set is kept."""
    return uuid4()


async def keep(
    db: Db,
    layer: Layer,
    upload_id: UUID,
    act: Act,
    *,
    feature: tuple[int, int | None],
    named: tuple[str, str | None],
    sent: Any,
    crs: str,
    moved_m: float | None,
    actor: str,
    scope: str | None,
) -> None:
    """Keep what was done to a feature, in the transaction that did it.

    `feature`: its id and the version before, None for a new one; `named`: its name and code.
    """
    feature_id, base = feature
    gone = [[feature_id, base]] if act == "deleted" else []
    edit = {"action": act, "feature_id": feature_id, "name": named[0], "code": named[1]}
    await carry_out(
        db,
        _HEAD,
        {
            "id": upload_id,
            "layer": layer.id,
            "scope": scope,
            "title": f"{_VERBS[act]}{layer.noun}“{named[0]}”"[:200],
            "sent": msgspec.json.encode(sent),
            "crs": crs,
            "reading": Jsonb({"edit": edit, "deleted": gone}),
            "counts": Jsonb(_counts(act, moved_m)),
            "actor": actor,
        },
        1,
    )
    if act != "deleted":
        values = {"act": act, "base": base, "moved": moved_m, "layer": layer.id}
        await carry_out(db, _ROW, values | {"feature": feature_id}, 1)


def _counts(act: Act, moved_m: float | None) -> dict[str, int]:
    counts = dict.fromkeys((*_COUNTS, "features", "missing", "deleted"), 0)
    if act == "deleted":
        return counts | {"deleted": 1}
    return counts | {
        "rows": 1, "accepted": 1, "features": 1, act: 1, "moved": int(moved_m is not None),
    }  # fmt: skip
