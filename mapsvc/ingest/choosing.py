"""The layer of a file: as it was chosen, recognised, or asked for.

Nothing is guessed: where two layers stay possible the person is asked, and a choice that the file
plainly contradicts is refused with the reason. A sheet that plainly is another layer's is left out
and named.
"""

from dataclasses import dataclass, field
from typing import Any

from anyio.to_thread import run_sync
from psycopg import sql

from mapsvc.catalog import Catalog, Layer
from mapsvc.database import Db
from mapsvc.errors import Unreadable
from mapsvc.ingest.added import is_added
from mapsvc.ingest.messages import file_reason
from mapsvc.ingest.recognise import Evidence, Recogniser
from mapsvc.ingest.sandbox import Reading, Sheet

SURE, LEAD = 2.0, 2.0
"""Score of a layer that is recognised, and how far the next must stay behind."""
PLAIN, FAR = 4.0, 5.0
"""The same for a layer that contradicts the one that was chosen."""


@dataclass(slots=True)
class Choice:
    """The layer, why, and the sheets that are another's: their place in the file → that layer."""

    layer: Layer
    evidence: list[dict[str, Any]] = field(default_factory=list)
    """Of each candidate, best first; empty where the layer was chosen by hand."""
    elsewhere: dict[int, Layer] = field(default_factory=dict)


async def choose(
    db: Db,
    catalog: Catalog,
    reading: Reading,
    chosen: Layer | None,
    *,
    filename: str,
    scope: str | None,
) -> Choice:
    """The layer of a file that was read; `chosen` None where it is to be recognised.

    Raises Unreadable `layer_unclear`, `layers_several` or `wrong_layer`, each with `candidates:
    [{layer, title, score, evidence: [sentence], sheets}]`.
    """
    weighed, kept = await run_sync(_weigh, catalog, reading.sheets, chosen, filename)
    if not all(_clear(found) for found in weighed.values()):
        await _ask_map(db, weighed, scope)
    names = {at: reading.sheets[at].name for at in weighed}
    if chosen is None:
        return _recognised(weighed, names, catalog)
    return _checked(weighed, names, chosen, kept=kept)


def _weigh(
    catalog: Catalog, sheets: list[Sheet], chosen: Layer | None, filename: str
) -> tuple[dict[int, list[Evidence]], bool]:
    """The evidence of each sheet that has any; and whether some sheet is the chosen layer's by its
    own headings, which needs no weighing."""
    recogniser = Recogniser(catalog)
    weighed, kept = {}, False
    for at, sheet in enumerate(sheets):
        if not sheet.visible or not sheet.height or is_added(sheet):
            continue
        if chosen is not None and recogniser.keyed(sheet, chosen):
            kept = True
        elif found := recogniser.weigh(sheet, filename):
            weighed[at] = found
    return weighed, kept


def _clear(found: list[Evidence]) -> Layer | None:
    """The layer of a sheet, where there is no doubt."""
    best, rest = found[0], found[1:]
    lead = best.score - rest[0].score if rest else best.score
    return best.layer if best.score >= SURE and lead >= LEAD else None


async def _ask_map(db: Db, weighed: dict[int, list[Evidence]], scope: str | None) -> None:
    """Count the names that are on the map already: a ledger mostly comes again."""
    for found in weighed.values():
        for evidence in found:
            if evidence.names:
                evidence.add_known(await _known(db, evidence, scope))
        found.sort(key=lambda e: -e.score)


async def _known(db: Db, evidence: Evidence, scope: str | None) -> int:
    query = sql.SQL(
        "select count(*) from unnest(%(names)s::text[]) n where exists (select from {} f"
        " where f.name = n and (%(scope)s::text is null or f.region_code = any(array("
        "  select code from region where path @> array[%(scope)s::text]))))"
    ).format(sql.Identifier(evidence.layer.partition))
    cursor = await db.execute(query, {"names": evidence.names, "scope": scope})
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _recognised(
    weighed: dict[int, list[Evidence]], names: dict[int, str], catalog: Catalog
) -> Choice:
    clear = {at: layer for at, found in weighed.items() if (layer := _clear(found)) is not None}
    wanted = list(dict.fromkeys(clear.values()))
    if len(wanted) == 1:
        layer = wanted[0]
        evidence = [_told(e) for e in next(weighed[at] for at in clear)]
        others = {at: x for at in weighed if (x := _contradicted(weighed[at], layer)) is not None}
        return Choice(layer, evidence, others)
    if len(wanted) > 1:
        told = [
            _told(
                next(e for at in clear if clear[at] == layer for e in weighed[at][:1]),
                [names[at] for at in clear if clear[at] == layer],
            )
            for layer in wanted
        ]
        parts = "；".join(
            f"{'、'.join(f'“{name}”' for name in c['sheets'])}是{c['title']}" for c in told
        )
        raise _question("layers_several", told, parts=parts)
    total = _totals(weighed)
    if not total:
        layer = next(iter(catalog))
        return Choice(layer)  # no sheet has a heading: the ledger says so
    close = [e.layer.title for e in total if e.score > max(0.0, total[0].score - LEAD)]
    guess = "".join(f"“{title}”" for title in close) + ("都有可能" if len(close) > 1 else "有可能")
    raise _question(
        "layer_unclear", [_told(e) for e in total], guess=guess if close else "依据不足"
    )


def _totals(weighed: dict[int, list[Evidence]]) -> list[Evidence]:
    """Of each layer the sheet that speaks for it most, best first."""
    best: dict[str, Evidence] = {}
    for found in weighed.values():
        for evidence in found:
            held = best.get(evidence.layer.id)
            if held is None or evidence.score > held.score:
                best[evidence.layer.id] = evidence
    return sorted(best.values(), key=lambda e: -e.score)


def _contradicted(found: list[Evidence], chosen: Layer) -> Layer | None:
    """The layer that a sheet plainly is instead of the chosen one, or None."""
    best = found[0]
    own = next((e for e in found if e.layer.id == chosen.id), None)
    if best.layer.id == chosen.id or best.score < PLAIN or (own is not None and own.keyed):
        return None
    held = own.score if own is not None else 0.0
    return best.layer if best.score - held >= FAR else None


def _checked(
    weighed: dict[int, list[Evidence]], names: dict[int, str], chosen: Layer, *, kept: bool
) -> Choice:
    """The chosen layer, unless all sheets are plainly others'."""
    found = {at: _contradicted(found, chosen) for at, found in weighed.items()}
    others = {at: layer for at, layer in found.items() if layer is not None}
    if kept or not others or len(others) < len(found):
        return Choice(chosen, elsewhere=others)
    told: dict[str, dict[str, Any]] = {}
    for at, layer in others.items():
        best = weighed[at][0]
        entry = told.setdefault(layer.id, _told(best, []))
        entry["sheets"].append(names[at])
    first = next(iter(told.values()))
    raise _question(
        "wrong_layer",
        list(told.values()),
        chosen=chosen.title,
        better=first["title"],
        why="，".join(first["evidence"][:3]),
        expected=f"{chosen.noun}名称",
    )


def _told(evidence: Evidence, sheets: list[str] | None = None) -> dict[str, Any]:
    layer = evidence.layer
    found = {
        "layer": layer.id,
        "title": layer.title,
        "score": round(evidence.score, 1),
        "evidence": evidence.said(),
    }
    return found if sheets is None else found | {"sheets": sheets}


def _question(code: str, told: list[dict[str, Any]], **gaps: str) -> Unreadable:
    return Unreadable(file_reason(code, **gaps), code=code, candidates=told)
