"""Rows against the stored features: which is new, changed, unchanged, and which cannot be told.

All in SQL over a temporary table, `upload_incoming`; no query is sent per row. A row is matched by
its code inside its township, else by the same in another case, else by code and name together (a
feature that moved over a border), else by name: the only one of that name in its township, or the
only one within 500 m; then by a name that differs in spaces, width or case only; last by such a
name within 500 m over a township's border.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.ingest.copying import COLUMNS, KEPT_COLUMNS

SAME_SPOT_M = 0.05
"""Below it a feature has not moved: the stored position is kept."""
SAME_NAME_M = 500

_INCOMING = """
drop table if exists upload_part, upload_incoming, upload_match, upload_decided;
create temp table upload_part (part int, sheet text, keys text[]) on commit drop;
create temp table upload_incoming (
    seq int, part int, row int, action text, lead_seq int, code text, name text, region_code text,
    township_code text, geom geometry, attrs jsonb, grade smallint, search text, verified_at date,
    provenance jsonb, raw jsonb
) on commit drop
"""


async def open_incoming(db: Db, parts: Sequence[tuple[str, Sequence[str]]] = ()) -> None:
    """An empty table for the rows of one upload, gone when the transaction ends.

    `parts` are the sheets: their names and the fields that they have a column for.
    """
    await db.execute(_INCOMING)
    for number, (sheet, keys) in enumerate(parts):
        await db.execute("insert into upload_part values (%s, %s, %s)", [number, sheet, list(keys)])
    # Else the planner takes it for a large table, and sorts all rows to merge them with it.
    await db.execute("analyze upload_part")


def copy_into_incoming() -> sql.Composed:
    return _copy_into("upload_incoming", COLUMNS)


async def open_kept(db: Db, upload_id: UUID) -> sql.Composed:
    """The COPY of rows that there is nothing to compare with; `keep` takes them on from there.

    COPY does not go into a table that has row security.
    """
    await db.execute(
        "drop table if exists upload_kept;"
        "create temp table upload_kept (like upload_row including defaults) on commit drop"
    )
    whose = sql.SQL("alter table upload_kept alter upload_id set default {}")
    await db.execute(whose.format(sql.Literal(str(upload_id))))
    return _copy_into("upload_kept", KEPT_COLUMNS)


async def keep(db: Db) -> None:
    await db.execute("insert into upload_row select * from upload_kept")


def _copy_into(table: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


async def nothing_there(db: Db, layer: Layer, scope: str | None) -> bool:
    """Is there no feature that a row of this upload could mean? So it is at every first load."""
    query = _fill("select from {f} f where {mine} limit 1", layer.partition)
    return not (await db.execute(query, {"scope": scope})).rowcount


async def new_ids(db: Db, many: int) -> NDArray[np.int64]:
    """Ids for features to come."""
    cursor = await db.execute(
        "select string_agg(nextval('feature_id_seq')::text, ',') from generate_series(1, %s)",
        [many],
    )
    row = await cursor.fetchone()
    return np.array(row[0].split(",") if row and row[0] else [], np.int64)


def _fill(text: str, partition: str, grade: str | None = None) -> sql.Composed:
    return sql.SQL(text).format(
        f=sql.Identifier(partition),
        grade=sql.Literal(grade or ""),
        spot=sql.Literal(SAME_SPOT_M),
        near=sql.Literal(SAME_NAME_M),
        # Features that this upload may touch: all, or those of its region.
        mine=sql.SQL(
            "(%(scope)s::text is null or f.region_code = any(array("
            "select code from region where path @> array[%(scope)s::text])))"
        ),
        # A township's name space; where no townships are loaded, the region's.
        home=sql.SQL(
            "f.township_code = i.township_code and (i.township_code <> ''"
            " or f.region_code is not distinct from i.region_code)"
        ),
    )


_UNMATCHED = """
from upload_incoming i join {f} f on {same}
where i.action = '' and i.lead_seq is null and {mine}
    and not exists (select from upload_match m where m.seq = i.seq)
    and not exists (select from upload_match m where m.feature_id = f.id)
"""

_BY_CODE = """
insert into upload_match select i.seq, f.id, 1
from upload_incoming i join {f} f on f.township_code = i.township_code and f.code = i.code
where i.action = '' and i.lead_seq is null and {mine}
"""

_BY_BOTH = """
insert into upload_match
select seq, min(id), 1 from (select i.seq, f.id {unmatched}) x group by seq having count(*) = 1
"""

# `bare` are those without a code, which a row without a code means first. A row with a code that
# finds no single nameless one is new; a row without a code has nothing else to go by.
_BY_NAME = """
insert into upload_match
select seq, case when n = 1 then id when n_near = 1 then near_id when n_bare = 1 then bare_id end, n
from (
    select seq, coded, count(*) n, min(id) id,
        count(*) filter (where d <= {near}) n_near, min(id) filter (where d <= {near}) near_id,
        count(*) filter (where d <= {near} and code is null) n_bare,
        min(id) filter (where d <= {near} and code is null) bare_id
    from (select i.seq, i.code is not null coded, f.id, f.code,
        ST_Distance(f.geom::geography, i.geom::geography) d {unmatched}) c
    group by seq, coded
) x
where not coded or n = 1 or n_near = 1
"""

# Spaces, width and case tell no two names apart. Both sides are fenced off, so that each name is
# folded once and the names are hashed.
PLAIN = (
    "upper(regexp_replace(normalize({}, NFKC),"
    " '[[:space:]\\u00ad\\u200b-\\u200f\\u2060\\ufeff]+', '', 'g'))"
)
_FOLDED = f"""
from (
    select i.*, {PLAIN.format("i.name")} plain from upload_incoming i
    where i.action = '' and i.lead_seq is null
        and not exists (select from upload_match m where m.seq = i.seq) offset 0
) i join (
    select f.*, {PLAIN.format("f.name")} plain from {{f}} f
    where f.township_code in (select township_code from upload_incoming) and {{mine}}
        and not exists (select from upload_match m where m.feature_id = f.id) offset 0
) f on f.plain = i.plain and {{home}} and (i.code is null or f.code is null)
"""  # noqa: S608
# Beside a border names are told apart as inside a township.
_ACROSS = (
    _FOLDED.replace("f.township_code in (select township_code from upload_incoming) and ", "")
    .replace("{home}", "f.township_code <> i.township_code")
    .rstrip()
)
_ACROSS += " and ST_DWithin(f.geom::geography, i.geom::geography, {near})"
_ANY_CASE = "f.township_code = i.township_code and upper(f.code) = upper(i.code)"
_MATCH = (
    (_BY_CODE, "true"),
    (_BY_BOTH, _ANY_CASE),
    (_BY_BOTH, "f.code = i.code and f.name = i.name"),
    (_BY_NAME, "f.name = i.name and {home} and (i.code is null or f.code is null)"),
    (_BY_NAME.replace("{unmatched}", _FOLDED), ""),
    (_BY_BOTH.replace("{unmatched}", _ACROSS), ""),
)


async def match(db: Db, layer: Layer, scope: str | None) -> None:
    """Fill `upload_match`: seq → feature_id; null where several features may be meant."""
    await db.execute(
        "analyze upload_incoming (seq, part, action, lead_seq, code, name, township_code)"
    )
    await db.execute(
        "create temp table upload_match (seq int, feature_id bigint, many int) on commit drop"
    )
    waiting = await db.execute(
        "select count(*) from upload_incoming where action = '' and lead_seq is null"
    )
    row = await waiting.fetchone()
    left = int(row[0]) if row else 0
    for statement, same in _MATCH:
        text = statement.replace("{unmatched}", _UNMATCHED.replace("{same}", same))
        found = await db.execute(_fill(text, layer.partition), {"scope": scope})
        await db.execute("analyze upload_match")
        left -= found.rowcount
        if left <= 0:
            break


# What a row leaves behind is worked out here for rows that found their feature; a new row's own
# values stay where they are until `_STORE`. Most rows of a ledger say what is stored already: plain
# equality is asked first. A field that the sheet has and the row leaves blank is cleared.
_DECIDE = """
create temp table upload_decided on commit drop as
select seq, action, feature_id, base_version, new_code, case when far then here else there end geom,
    case when changed then new_attrs end new_attrs, case when changed then new_grade end grade,
    case when changed then new_search end search, case when changed then new_verified end
    new_verified, case when far then moved end moved_m, named and not coded renamed
from (
    select i.seq, f.id feature_id, f.version base_version, i.geom here, f.geom there, v.*,
        d.far, d.named, d.coded,
        case when {grade} = any(p.keys) then i.grade else f.grade end new_grade,
        case when i.code is null and f.code is not null and not d.named then f.search
            else i.search end new_search,
        d.far or d.named or d.coded or d.placed or d.filled or d.verified changed
    from upload_incoming i
    join upload_part p on p.part = i.part
    join upload_match m on m.seq = i.seq
    join {f} f on f.id = m.feature_id
    cross join lateral (select coalesce(i.code, f.code) new_code,
        case when f.attrs <> i.attrs then (f.attrs - p.keys) || i.attrs else f.attrs end new_attrs,
        coalesce(i.verified_at, f.verified_at) new_verified,
        case when not ST_OrderingEquals(f.geom, i.geom)
            then greatest(ST_Distance(f.geom::geography, i.geom::geography),
                case when GeometryType(i.geom) <> 'POINT' then 2 * {spot} else 0 end)
            else 0 end moved offset 0) v
    cross join lateral (select v.moved > {spot} far, f.name <> i.name named,
        f.code is distinct from v.new_code coded,
        (f.region_code, f.township_code) is distinct from (i.region_code, i.township_code) placed,
        f.attrs <> v.new_attrs filled,
        f.verified_at is distinct from v.new_verified verified) d
    where i.action = '' and i.lead_seq is null
    offset 0
) x
cross join lateral (select case when changed then 'changed' else 'unchanged' end action) a;
insert into upload_decided (seq, action, feature_id)
select i.seq, 'new', nextval('feature_id_seq') from upload_incoming i
where i.action = '' and i.lead_seq is null
    and not exists (select from upload_decided d where d.seq = i.seq)
order by i.seq
"""

_STORE = """
insert into upload_row (upload_id, seq, sheet, row, action, lead_seq, feature_id, base_version,
    code, name, region_code, township_code, geom, attrs, grade, search, verified_at, moved_m,
    provenance, raw)
select %(upload)s, i.seq, p.sheet, i.row,
    case when i.action <> '' then i.action else d.action end, i.lead_seq,
    d.feature_id, d.base_version,
    coalesce(case when i.lead_seq is null then d.new_code end, i.code), i.name, i.region_code,
    i.township_code, case when i.lead_seq is null then coalesce(d.geom, i.geom) end,
    case when added then i.attrs when fresh then d.new_attrs end,
    case when added then i.grade when fresh then d.grade end,
    case when added then i.search when fresh then d.search end,
    case when added then i.verified_at when fresh then d.new_verified end,
    case when fresh then d.moved_m end, case when fresh then i.provenance else '{{}}' end,
    case when d.action = 'unchanged' then '[]' else i.raw end
from upload_incoming i
join upload_part p on p.part = i.part
left join upload_decided d on d.seq = coalesce(i.lead_seq, i.seq) and i.action = ''
cross join lateral (select i.lead_seq is null and d.action = 'new' added,
    i.lead_seq is null and d.action in ('new', 'changed') fresh) x
"""

_REFUSE = """
update upload_incoming set action = 'refused'
where seq = any(%(seqs)s) or (lead_seq = any(%(seqs)s) and action = '')
"""


async def unclear(db: Db) -> tuple[dict[int, int], list[list[int]]]:
    """Rows that may mean one of several features (with how many), and rows that mean the same."""
    many = await db.execute("select seq, many from upload_match where feature_id is null")
    ambiguous = {int(seq): int(n) for seq, n in await many.fetchall()}
    same = await db.execute(
        "select array_agg(seq order by seq) from upload_match where feature_id is not null"
        " group by feature_id having count(*) > 1"
    )
    return ambiguous, [list(row[0]) for row in await same.fetchall()]


async def refuse(db: Db, seqs: list[int]) -> None:
    if seqs:
        await db.execute(_REFUSE, {"seqs": seqs})


async def decide(db: Db, layer: Layer) -> None:
    """Fill `upload_decided`: what each accepted row would do, and the values it would leave."""
    await db.execute(_fill(_DECIDE, layer.partition, layer.grade))
    await db.execute("create unique index on upload_decided (seq)")


async def store(db: Db, layer: Layer, upload_id: Any) -> None:
    await db.execute(_fill(_STORE, layer.partition), {"upload": upload_id})


_TWINS = """
select i.seq, f.name, f.code from upload_decided d join upload_incoming i using (seq)
join {f} f on f.name = i.name and {home} and f.code <> i.code
where d.action = 'new' and i.code is not null and {mine}
    and not exists (select from upload_match m where m.feature_id = f.id)
order by i.seq, f.code limit 1000
"""


async def same_names(db: Db, layer: Layer, scope: str | None) -> list[tuple[int, str, str]]:
    """New rows whose name a stored feature with another code has: seq, name, that code."""
    cursor = await db.execute(_fill(_TWINS, layer.partition), {"scope": scope})
    return [(int(r[0]), str(r[1]), str(r[2])) for r in await cursor.fetchall()]


_RENAMED = """
select i.seq, f.name, f.code from upload_decided d join upload_incoming i using (seq)
join {f} f on f.name = i.name and {home} and f.code <> i.code
where d.renamed and i.code is not null
order by i.seq, f.code limit 1000
"""


async def taken_names(db: Db, layer: Layer) -> list[tuple[int, str, str]]:
    """Rows that give a feature the name which another stored one has: seq, name, its code."""
    cursor = await db.execute(_fill(_RENAMED, layer.partition))
    return [(int(r[0]), str(r[1]), str(r[2])) for r in await cursor.fetchall()]


_COUNTS = """
select count(*) rows, count(*) filter (where action in ('new', 'changed', 'unchanged')) accepted,
    count(*) filter (where action = 'refused') rejected, count(*) filter (where action = 'new') new,
    count(*) filter (where action = 'changed') changed, count(moved_m) moved,
    count(*) filter (where action = 'unchanged') unchanged,
    count(*) filter (where action = 'skipped') skipped,
    count(distinct feature_id) features
from upload_row where upload_id = %(upload)s
"""

# The planner thinks little of an upload that it has no statistics of yet, and would look through
# its rows anew for each feature. What stands in `not in` is hashed, whatever it thinks.
_MISSING = """
from {f} f where {mine} and f.id not in (
    select feature_id from upload_row where upload_id = %(upload)s and feature_id is not null)
"""


async def counts(db: Db, layer: Layer, upload_id: Any, scope: str | None) -> dict[str, int]:
    """Rows by what becomes of them, and features in scope that the file does not name."""
    cursor = await db.execute(_COUNTS, {"upload": upload_id})
    row = await cursor.fetchone()
    names = [c.name for c in cursor.description or ()]
    found = {name: int(n) for name, n in zip(names, row or (), strict=True)}
    lost = await db.execute(
        _fill("select count(*) " + _MISSING, layer.partition), {"upload": upload_id, "scope": scope}
    )
    missing = await lost.fetchone()
    found["missing"] = int(missing[0]) if missing else 0
    return found


async def missing(
    db: Db, layer_id: str, upload_id: Any, scope: str | None, limit: int | None
) -> list[dict[str, Any]]:
    """Features in scope that the file does not name: id, version, code, name, updated_at."""
    cursor = await db.execute(
        _fill(
            "select f.id, f.version, f.code, f.name, f.updated_at "
            + _MISSING
            + " order by f.id limit %(limit)s",
            f"feature_{layer_id}",
        ),
        {"upload": upload_id, "scope": scope, "limit": limit},
    )
    names = ("id", "version", "code", "name", "updated_at")
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
