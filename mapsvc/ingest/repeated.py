"""The same file again while nothing has moved since it was applied: every row is unchanged.

What an upload would change follows from what its file says, the uploader's region, the coordinate
system chosen, the layer's definition, the regions and the features. Where all of these are as they
were when an upload had been applied without refusing a row, its rows are what stands on the map,
and they are listed again as such instead of being compared again. The same bytes need not even be
read; a file that was saved anew is read, and then known by the digest of its cells.
"""

import hashlib
from uuid import UUID

import msgspec
from msgspec import Struct

from mapsvc import __version__
from mapsvc.catalog import Layer
from mapsvc.database import Db, carry_out
from mapsvc.ingest.beside import said_in_name
from mapsvc.ingest.sandbox import Reading, limits_of
from mapsvc.settings import Settings


class Asked(Struct):
    """What identifies an upload, and all that its outcome depends on but the features."""

    id: UUID
    layer: str
    region_code: str | None
    filename: str
    actor: str
    declared_crs: str
    sha256: str
    basis: str


async def basis(db: Db, layer: Layer, settings: Settings, filename: str) -> str:
    """Digest of the program, its limits, the layer's definition and the regions; and of the
    coordinate systems that the file's name gives."""
    cursor = await db.execute(
        "select md5(string_agg(concat_ws(' ', code, name, level, path, md5(geom::bytea)), ','"
        " order by code)) from region"
    )
    row = await cursor.fetchone()
    rules = msgspec.json.encode(
        [
            __version__,
            limits_of(settings),
            layer.model_dump_json(),
            row[0] if row else None,
            *sorted(said_in_name(filename)),
        ]
    )
    return hashlib.sha256(rules).hexdigest()


async def sent_to(db: Db, sha256: str, region_code: str | None) -> str | None:
    """The layer to which the same file was applied last for the same region."""
    cursor = await db.execute(
        "select layer from upload where sha256 = %s and region_code is not distinct from %s"
        " and status = 'applied' order by created_at desc limit 1",
        [sha256, region_code],
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def repeat(
    db: Db, asked: Asked, content: bytes | None = None, reading: Reading | None = None
) -> bool:
    """Keep the upload as a copy of its applied twin with nothing left to do; False without one.

    Without a reading, the twin is the file with the same bytes; with one, that with the same cells.
    """
    values = _values(asked) | {
        "content": content,
        "digest": reading.digest if reading else None,
        "encoding": reading.encoding if reading else None,
    }
    cursor = await db.execute(_TWIN.format(same=_SAME_CELLS if reading else _SAME_BYTES), values)
    twin = await cursor.fetchone()
    if twin is None:
        return False
    values["twin"] = twin[0]
    await carry_out(db, _HEAD, values, 1)
    for statement in (_ROWS, _PROBLEMS):
        await db.execute(statement, values)
    return True


def _values(asked: Asked) -> dict[str, object]:
    return msgspec.structs.asdict(asked)


_TWIN = """
select u.id from upload u join layer l on l.id = u.layer
where u.layer = %(layer)s and {same} and u.declared_crs = %(declared_crs)s
    and u.region_code is not distinct from %(region_code)s and u.basis = %(basis)s
    and u.status = 'applied' and u.applied_version = l.version and u.counts -> 'rejected' = '0'
order by u.created_at desc limit 1
"""

_SAME_BYTES = "u.sha256 = %(sha256)s"
_SAME_CELLS = "u.reading ->> 'digest' = %(digest)s"

_HEAD = """
insert into upload (id, layer, region_code, filename, sha256, original, status, declared_crs,
    used_crs, evidence, reading, layer_version, basis, created_by)
select %(id)s, u.layer, u.region_code, %(filename)s, %(sha256)s,
    coalesce(%(content)b, u.original), 'staged', u.declared_crs, u.used_crs, u.evidence,
    u.reading - 'deleted' || jsonb_build_object('same_as', u.id,
        'encoding', coalesce(%(encoding)s, u.reading ->> 'encoding')),
    u.applied_version, u.basis, %(actor)s
from upload u where u.id = %(twin)s
"""

# A feature's version when it was compared, and one more where the upload then wrote it.
_ROWS = """
insert into upload_row (upload_id, seq, sheet, row, action, lead_seq, feature_id, base_version,
    code, name, region_code, township_code, geom, raw)
select %(id)s, seq, sheet, row, case action when 'skipped' then action else 'unchanged' end,
    lead_seq, feature_id,
    case action when 'new' then 1 when 'changed' then base_version + 1 else base_version end,
    code, name, region_code, township_code, geom,
    case action when 'skipped' then raw else '[]' end
from upload_row where upload_id = %(twin)s order by seq
"""

# That a row resembles another stored feature is said of rows that change something.
_PROBLEMS = """
insert into upload_problem
    (upload_id, seq, sheet, row, "column", field, code, message, value, severity)
select %(id)s, seq, sheet, row, "column", field, code, message, value, severity
from upload_problem where upload_id = %(twin)s
    and code not in ('same_name_other_code', 'name_of_another')
"""
