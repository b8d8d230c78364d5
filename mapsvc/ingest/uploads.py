"""Uploads: a file is staged as a change set, looked at, applied, and taken back.

The room's face. Nothing here knows of HTTP; `scope` and `region_code` are the code of the region
that the person may work in, None for the whole county.
"""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from anyio.to_thread import run_sync
from psycopg import sql
from psycopg.types.json import Jsonb

from mapsvc import record as deeds
from mapsvc.catalog import Catalog, Layer
from mapsvc.coordinates import UnknownSystem, parse_system
from mapsvc.database import Db, carry_out
from mapsvc.errors import BadInput, NotFound, TooLarge, Unreadable
from mapsvc.ingest import compare, masks
from mapsvc.ingest.applying import apply, rollback
from mapsvc.ingest.assign import RegionIndex
from mapsvc.ingest.check import Checked, check
from mapsvc.ingest.choosing import Choice, choose
from mapsvc.ingest.copying import bearers, copy_blocks, copy_original, kept_blocks
from mapsvc.ingest.doubtful import refuse_doubtful, second_tables
from mapsvc.ingest.draft import Draft, make_draft, named_regions
from mapsvc.ingest.ledger import Ledger, gather
from mapsvc.ingest.locate import AUTO, locate
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.record import (
    get,
    listing,
    original,
    preview,
    problems,
    recorded,
    require,
    rows,
)
from mapsvc.ingest.repeated import Asked, basis, repeat, sent_to
from mapsvc.ingest.sandbox import Reading, read_file
from mapsvc.ingest.scores import Known
from mapsvc.ingest.vague import shared_places
from mapsvc.settings import Settings

__all__ = [
    "apply",
    "get",
    "listing",
    "original",
    "preview",
    "problems",
    "rollback",
    "rows",
    "stage",
]

_PATIENCE = "set local statement_timeout = '120s'"


async def stage(
    db: Db,
    catalog: Catalog,
    settings: Settings,
    *,
    filename: str,
    content: bytes,
    layer_id: str,
    declared_crs: str = AUTO,
    region_code: str | None = None,
    actor: str,
) -> dict[str, Any]:
    """Read a file and keep what it would change; nothing on the map changes yet.

    `layer_id` may be `auto`. Returns the upload as CONTRACT describes it. Raises Unreadable or
    TooLarge for a file that cannot be read at all or whose layer must be asked for, BadInput for
    an unknown coordinate system, NotFound for an unknown layer or region.
    """
    chosen = None if layer_id.strip().lower() in ("", AUTO) else catalog.layer(layer_id)
    declared = _declared(declared_crs)
    await _require_region(db, region_code)
    sha256 = (await run_sync(hashlib.sha256, content)).hexdigest()

    async def ask(layer: Layer) -> Asked:
        return Asked(
            id=uuid4(),
            layer=layer.id,
            region_code=region_code,
            filename=_safe_name(filename),
            actor=actor,
            declared_crs=declared,
            sha256=sha256,
            basis=await basis(db, layer, settings, _safe_name(filename)),
        )

    sent = chosen.id if chosen else await sent_to(db, sha256, region_code)
    if sent in catalog.ids:
        asked = await ask(catalog.layer(sent))
        if await _repeated(db, catalog.layer(sent), asked):
            return await get(db, asked.id, None)
    try:
        reading = await read_file(content, settings)
    except (Unreadable, TooLarge) as refused:
        await deeds.write(
            db,
            "upload.refused",
            subject=_safe_name(filename),
            region=region_code,
            new={"reason": refused.code},
            sha256=sha256,
        )
        raise
    reading.called = _safe_name(filename)
    choice = await choose(db, catalog, reading, chosen, filename=filename, scope=region_code)
    asked = await ask(choice.layer)
    # Sheets that are left out for another layer's are a part of what is read.
    reading.digest += "".join(f" {at}" for at in sorted(choice.elsewhere))
    if not await _repeated(db, choice.layer, asked, content, reading):
        await _stage(db, choice, asked, reading, content)
    return await get(db, asked.id, None)


async def _repeated(
    db: Db,
    layer: Layer,
    asked: Asked,
    content: bytes | None = None,
    reading: Reading | None = None,
) -> bool:
    async with db.transaction():
        await db.execute(_PATIENCE)
        if found := await repeat(db, asked, content, reading):
            await _count(db, layer, asked)
            await _put_on_record(db, asked)
    return found


async def _stage(db: Db, choice: Choice, asked: Asked, reading: Reading, content: bytes) -> None:
    layer, scope = choice.layer, asked.region_code
    regions = await region_index(db)
    ledger, checked = await run_sync(_understand, reading, choice)
    known = await _known(db, layer, checked, scope)
    draft = await run_sync(
        _settle, layer, ledger, checked, regions, asked.declared_crs, scope, known
    )
    async with db.transaction():
        await db.execute(_PATIENCE)
        await copy_original(db, content)
        await _insert_head(db, asked, draft, _read_as(reading, draft, choice))
        await _compare(db, layer, draft, asked)
        await _put_on_record(db, asked)


async def _put_on_record(db: Db, asked: Asked) -> None:
    head = await require(db, asked.id, None)
    told = {"crs": asked.declared_crs, "used": head["used_crs"], **head["counts"]}
    await recorded(db, "upload.staged", head, told)


async def _require_region(db: Db, code: str | None) -> None:
    cursor = await db.execute("select from region where code = %s", [code])
    if code is not None and not cursor.rowcount:
        raise NotFound(f"没有代码为“{code[:30]}”的区域。", code="unknown_region")


def _declared(text: str) -> str:
    if text.strip().lower() in ("", AUTO):
        return AUTO
    try:
        return parse_system(text).id
    except UnknownSystem as unknown:
        raise BadInput(str(unknown), code="unknown_crs") from None


def _safe_name(filename: str) -> str:
    """The last part of the name, printable, for showing only."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip()[:200] or "upload"


def _understand(reading: Reading, choice: Choice) -> tuple[Ledger, Checked]:
    ledger = gather(reading, choice.layer, choice.elsewhere)
    ledger.problems += [
        problem("sheet_other_layer", sheet=reading.sheets[at].name, layer=layer.title)
        for at, layer in choice.elsewhere.items()
    ]
    apart = second_tables(ledger, choice.layer)
    checked = check(ledger, choice.layer)
    for found in apart:
        checked.refuse(found)
    refuse_doubtful(ledger, checked, choice.layer)
    return ledger, checked


def _settle(
    layer: Layer,
    ledger: Ledger,
    checked: Checked,
    regions: RegionIndex,
    declared: str,
    scope: str | None,
    known: dict[str, tuple[float, float]],
) -> Draft:
    named = named_regions(ledger, regions)
    targets = [found.code if found.code is not None else scope for found in named]
    places = _places(checked, known) if known else Known()
    located = locate(ledger, layer.geometry, declared, regions, targets, places)
    if not layer.headings.name_from:  # people of one office are at one place
        located.problems += shared_places(ledger, located, checked.names)
    return make_draft(layer, ledger, checked, located, regions, named, scope)


def _places(checked: Checked, known: dict[str, tuple[float, float]]) -> Known:
    """Rows of the file that name a known feature by its code and name."""
    found: dict[int, tuple[float, float]] = {}
    for seq, (code, name) in enumerate(zip(checked.codes, checked.names, strict=True)):
        # Without a code the name goes by itself; it is there only where it is the only one.
        place = known.get(f"{code or ''}\n{name}") or (known.get(f"\n{name}") if not code else None)
        if place is not None:
            found[seq] = place
    return Known(found)


async def region_index(db: Db) -> RegionIndex:
    """All regions that are loaded."""
    cursor = await db.execute(
        "select code, name, level, path, ST_AsBinary(geom) from region order by code"
    )
    rows = await cursor.fetchall()
    return await run_sync(RegionIndex.of, [(r[0], r[1], r[2], r[3], bytes(r[4])) for r in rows])


async def _known(
    db: Db, layer: Layer, checked: Checked, scope: str | None
) -> dict[str, tuple[float, float]]:
    """Places of stored features with the names of the file.

    By code and name, where only one has both, and by the name where only one has it.
    """
    names = list({name for name in checked.names if name})[:5000]
    query = sql.SQL(
        "select case when grouping(code) = 0 then code else '' end || E'\\n' || name,"
        " min(ST_X(p)), min(ST_Y(p)) from ("
        " select code, name, ST_PointOnSurface(geom) p from {} f where name = any(%(names)s)"
        " and (%(scope)s::text is null or region_code = any(array("
        "  select code from region where path @> array[%(scope)s::text])))) x"
        " group by grouping sets ((code, name), (name))"
        " having count(*) = 1 and (grouping(code) = 1 or code is not null)"
    ).format(sql.Identifier(layer.partition))
    cursor = await db.execute(query, {"names": names, "scope": scope})
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


async def _insert_head(db: Db, asked: Asked, draft: Draft, read_as: dict[str, Any]) -> None:
    await carry_out(
        db,
        "insert into upload (id, layer, region_code, filename, sha256, original, status,"
        " declared_crs, used_crs, evidence, reading, layer_version, basis, created_by)"
        " select %s, id, %s, %s, %s, content, 'staged', %s, %s, %s, %s, version, %s, %s"
        " from layer, upload_original where id = %s",
        [
            asked.id,
            asked.region_code,
            asked.filename,
            asked.sha256,
            asked.declared_crs,
            draft.located.used_crs,
            Jsonb(draft.located.evidence),
            Jsonb(read_as),
            asked.basis,
            asked.actor,
            asked.layer,
        ],
        1,
    )


def _read_as(reading: Reading, draft: Draft, choice: Choice) -> dict[str, Any]:
    """What was read: format, sheets, heading rows, which column became which field; and, where
    the layer was recognised, by what."""
    titles = {f"field:{f.id}": f.title for f in draft.layer.fields}
    titles |= {f"item:{c.id}": c.title for f in draft.layer.fields for c in f.columns}
    return {
        "format": reading.format,
        "encoding": reading.encoding,
        "digest": reading.digest,
        "sheets": [
            {
                "name": part.sheet.name,
                "heading_row": part.heading.row,
                "rows": part.height,
                "columns": [
                    {
                        "heading": c.heading,
                        "field": c.target.partition(":")[2] or c.target
                        if c.target and c.loses_to is None
                        else None,
                        "title": titles.get(c.target or ""),
                    }
                    for c in part.heading.columns
                ],
            }
            for part in draft.ledger.parts
        ],
        "left_out": draft.ledger.left_out,
        "recognised": choice.evidence,
    }


async def _compare(db: Db, layer: Layer, draft: Draft, asked: Asked) -> None:
    masked = masks.masked_cells(layer, draft)
    if not masked and await compare.nothing_there(db, layer, asked.region_code):
        ids = await compare.new_ids(db, bearers(draft))
        await _copy(db, await compare.open_kept(db, asked.id), kept_blocks(draft, ids))
        await compare.keep(db)
    else:
        await _compare_rows(db, layer, draft, asked, masked)
    await _store_problems(db, asked.id, draft.problems)
    await _count(db, layer, asked)


async def _compare_rows(
    db: Db, layer: Layer, draft: Draft, asked: Asked, masked: masks.Masked
) -> None:
    scope = asked.region_code
    parts = zip(draft.ledger.parts, draft.checked.keys, strict=True)
    await compare.open_incoming(db, [(part.sheet.name, keys) for part, (_, _, keys) in parts])
    await _copy(db, compare.copy_into_incoming(), copy_blocks(draft))
    await compare.match(db, layer, scope)
    ambiguous, same = await compare.unclear(db)
    _report_unclear(draft, ambiguous, same)
    unknown = await masks.resolve(db, layer, draft, masked)
    unclear = {*ambiguous, *unknown, *(seq for seqs in same for seq in seqs)}
    await compare.refuse(db, sorted(unclear))
    await compare.decide(db, layer)
    for seq, name, code in await compare.same_names(db, layer, scope):
        draft.refuse(seq, "same_name_other_code", "code", name=name, other=code)
    for seq, name, code in await compare.taken_names(db, layer):
        draft.refuse(seq, "name_of_another", "name", value=name, other=code)
    await compare.store(db, layer, asked.id)


async def _copy(db: Db, statement: sql.Composed, blocks: Iterator[bytes]) -> None:
    async with db.cursor() as cursor, cursor.copy(statement) as copy:
        while block := await run_sync(next, blocks, b""):
            await copy.write(block)


async def _count(db: Db, layer: Layer, asked: Asked) -> None:
    counts = await compare.counts(db, layer, asked.id, asked.region_code)
    counted = "update upload set counts = %s where id = %s"
    await carry_out(db, counted, [Jsonb(counts), asked.id], 1)


def _report_unclear(draft: Draft, ambiguous: dict[int, int], same: list[list[int]]) -> None:
    names = draft.checked.names
    for seq, count in ambiguous.items():
        draft.refuse(seq, "ambiguous_match", "name", name=names[seq], count=count)
    for seqs in same:
        for seq in seqs:
            rows = draft.rows_named([other for other in seqs if other != seq])
            draft.refuse(
                seq, "duplicate_match", "name", rows=rows, noun=draft.layer.noun, name=names[seq]
            )
    refused = {*ambiguous, *(seq for seqs in same for seq in seqs)}
    for seq, lead in enumerate(draft.lead):
        if lead in refused and not draft.action[seq]:
            rows = draft.rows_named([lead])
            draft.refuse(seq, "group_refused", rows=rows, noun=draft.layer.noun)


async def _store_problems(db: Db, upload_id: UUID, problems: list[Problem]) -> None:
    # By way of a table of its own: COPY does not go into one that has row security.
    problems.sort(key=lambda p: p.seq)
    await db.execute(
        "drop table if exists upload_found;"
        "create temp table upload_found (like upload_problem including defaults) on commit drop"
    )
    async with (
        db.cursor() as cursor,
        cursor.copy(
            'copy upload_found (upload_id, seq, sheet, row, "column", field, code, message,'
            " value, severity) from stdin"
        ) as copy,
    ):
        for number, p in enumerate(problems):
            await copy.write_row(
                (upload_id, number, p.sheet, p.row, p.column, p.field, p.code, p.message, p.value,
                 p.severity)
            )  # fmt: skip
    found = "insert into upload_problem select * from upload_found"
    await carry_out(db, found, None, len(problems))
