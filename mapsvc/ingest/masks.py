"""Masked values that come back in a file: the same person as before, or nobody that is known.

Who may not read a phone fills in forms where it stands as 138****1234. Such a cell means what is
stored, if it is the mask of that; else the row is refused. A mask itself is never stored.
"""

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.ingest.draft import Draft
from mapsvc.ingest.messages import problem
from mapsvc.masking import looks_masked

_MASKED = """
create temp table upload_masked (seq int, field text, kind text, written text) on commit drop
"""
# The stored value takes the mask's place, so that the row is compared as if it stood there.
_RESOLVED = """
with known as (
    select m.seq, jsonb_object_agg(m.field, f.attrs -> m.field) stored, array_agg(m.field) fields
    from upload_masked m join upload_match u using (seq) join {f} f on f.id = u.feature_id
    where personal_masked(f.attrs -> m.field, m.kind) #>> '{{}}' = m.written
    group by m.seq
), filled as (
    update upload_incoming i set attrs = i.attrs || k.stored from known k where i.seq = k.seq
)
select m.seq, m.field, m.written from upload_masked m left join known k using (seq)
where k.seq is null or m.field <> all (k.fields) order by m.seq, m.field
"""


Masked = list[tuple[int, str, str, str]]
"""Row, field, kind and text of every masked cell of a row that bears a feature."""


async def resolve(db: Db, layer: Layer, draft: Draft, found: Masked) -> list[int]:
    """Put stored values where their masks stand; the rows refused because none does."""
    if not found:
        return []
    await db.execute(_MASKED)
    async with db.cursor() as cursor, cursor.copy("copy upload_masked from stdin") as copy:
        for row in found:
            await copy.write_row(row)
    cursor = await db.execute(sql.SQL(_RESOLVED).format(f=sql.Identifier(layer.partition)))
    refused = await cursor.fetchall()
    for seq, field, written in refused:
        where = draft.ledger.at(seq, f"field:{field}")
        draft.add(problem("masked_value", field=field, value=written, **where))
    return [row[0] for row in refused]


def masked_cells(layer: Layer, draft: Draft) -> Masked:
    return [
        (seq, f.id, f.type, value)
        for f in layer.fields
        if f.personal
        for seq, value in enumerate(draft.checked.fields.get(f.id, ()))
        if isinstance(value, str)
        and "**" in value
        and looks_masked(value)
        and not draft.action[seq]
        and draft.lead[seq] is None
    ]
