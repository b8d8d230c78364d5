"""Layers: the files as they stand now, and stored data that no longer fits them."""

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from mapsvc.catalog import Catalog, Layer, LayerFile, inspect
from mapsvc.database import Db
from mapsvc.errors import MapsvcError
from mapsvc.planning import need_book
from mapsvc.settings import Settings
from mapsvc.symbols import symbol_set

SAMPLE = 4000
"""Features of a layer that are looked at for drift; of a bigger layer a random part."""
_MOST_NAMED = 20


def files(settings: Settings, catalog: Catalog) -> tuple[list[LayerFile], list[str]]:
    """The layer files now, and what is wrong with the symbols and need cards beside them."""
    wrong = []
    for read in (lambda: symbol_set(settings, catalog), lambda: need_book(settings)):
        try:
            read()
        except MapsvcError as broken:
            wrong.append(broken.detail)
        except OSError as refused:
            wrong.append(f"{refused.filename or settings.layers}：{refused.strerror}")
    return inspect(settings.layers), wrong


async def kept(db: Db) -> dict[str, dict[str, Any]]:
    """What the database holds of each layer, whether there is still a file for it or not."""
    rows = await (
        await db.execute(
            "select l.id, l.version, l.feature_count, l.updated_at,"
            " coalesce(pg_total_relation_size(to_regclass('feature_' || l.id)), 0)"
            " from layer l order by l.id"
        )
    ).fetchall()
    return {
        row[0]: {
            "version": row[1],
            "count": row[2],
            "updated_at": row[3].isoformat(timespec="seconds"),
            "bytes": row[4],
        }
        for row in rows
    }


_SAMPLE = sql.SQL(
    "(select {layer} as layer, attrs from {partition} tablesample system ({share})"
    " repeatable (1) limit {most})"
)
_DRIFT = sql.SQL("""
with field as (
    select * from jsonb_to_recordset(%(fields)s)
        as x(layer text, key text, allowed text[], low float8, high float8)),
sample as ({samples})
select s.layer, e.key, f.key is null, count(*)
from sample s cross join jsonb_each(s.attrs) e
    left join field f on (f.layer, f.key) = (s.layer, e.key)
where f.key is null
    or (f.allowed is not null and jsonb_typeof(e.value) = 'string'
        and not (e.value #>> '{{}}') = any(f.allowed))
    or (jsonb_typeof(e.value) = 'number'
        and ((e.value #>> '{{}}')::float8 < f.low or (e.value #>> '{{}}')::float8 > f.high))
group by 1, 2, 3
union all select layer, '', null, count(*) from sample group by 1
""")


async def drift(
    db: Db, catalog: Catalog, known: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Layer → `{looked_at, unknown: {key: features}, outside: {field: features}}`.

    `unknown`: stored values that no field of the file declares. `outside`: values that the file
    does not (or no longer) allow. One statement; a random part of the pages of a big layer.
    """
    present = [x for x in catalog if x.id in known]
    if not present:
        return {}
    samples = sql.SQL(" union all ").join(
        _SAMPLE.format(
            layer=sql.Literal(x.id),
            partition=sql.Identifier(x.partition),
            share=sql.Literal(min(100.0, 100.0 * SAMPLE / max(known[x.id]["count"], 1))),
            most=sql.Literal(SAMPLE),
        )
        for x in present
    )
    fields = [_limits(x, f.id) for x in present for f in x.fields]
    cursor = await db.execute(_DRIFT.format(samples=samples), {"fields": Jsonb(fields)})
    found: dict[str, dict[str, Any]] = {
        x.id: {"looked_at": 0, "unknown": {}, "outside": {}} for x in present
    }
    for layer_id, key, unknown, count in await cursor.fetchall():
        if unknown is None:
            found[layer_id]["looked_at"] = count
        else:
            found[layer_id]["unknown" if unknown else "outside"][key] = count
    return found


def _limits(layer: Layer, name: str) -> dict[str, Any]:
    field = layer.field(name)
    return {
        "layer": layer.id,
        "key": name,
        "allowed": [v.value for v in field.values] or None,
        "low": field.minimum,
        "high": field.maximum,
    }


def told(
    catalog: Catalog,
    found: tuple[list[LayerFile], list[str]],
    known: Mapping[str, dict[str, Any]] | None,
    drifted: Mapping[str, dict[str, Any]] | None,
) -> dict[str, Any]:
    """`{files: [...], orphans: [...], beside: [...]}`: each file with its layer's data and drift.

    `state`: in use as it stands; `changed` since the start; `new`; `broken`.
    """
    seen, beside = found
    read = {file.layer.id for file in seen if file.layer}
    return {
        "files": [_file(file, catalog, known, drifted or {}) for file in sorted(seen, key=_order)],
        "gone": [x.id for x in catalog if x.id not in read],
        "orphans": [
            {"id": name, "count": one["count"]}
            for name, one in (known or {}).items()
            if name not in catalog.ids and one["count"]
        ],
        "beside": beside,
    }


def _file(
    file: LayerFile,
    catalog: Catalog,
    known: Mapping[str, dict[str, Any]] | None,
    drifted: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    layer = file.layer
    line: dict[str, Any] = {
        "file": file.name,
        "sha256": file.sha256,
        "state": _state(file, catalog),
        "fault": file.fault,
    }
    if layer is None:
        return line
    titles = {f.id: f.title for f in layer.fields}
    drift_ = drifted.get(layer.id, {"looked_at": None, "unknown": {}, "outside": {}})
    return line | {
        "id": layer.id,
        "title": layer.title,
        "noun": layer.noun,
        "fields": len(layer.fields),
        "personal": sum(f.personal for f in layer.fields),
        "freshness_days": layer.freshness.days,
        "missing": known is not None and layer.id in catalog.ids and layer.id not in known,
        **{k: (known or {}).get(layer.id, {}).get(k) for k in ("count", "bytes", "updated_at")},
        "looked_at": drift_["looked_at"],
        # A key that no file declares is anybody's text: its length is bounded, its meaning is not.
        "unknown": dict(sorted((k[:60], n) for k, n in drift_["unknown"].items())[:_MOST_NAMED]),
        "outside": {titles.get(k, k): n for k, n in sorted(drift_["outside"].items())},
    }


def _order(file: LayerFile) -> tuple[int, str]:
    """As the layers are shown, what cannot be read first."""
    return (file.layer.order if file.layer else -1, file.name)


def _state(file: LayerFile, catalog: Catalog) -> str:
    if file.fault or file.layer is None:
        return "broken"
    if file.layer.id not in catalog.ids:
        return "new"
    same = file.layer.model_dump() == catalog.layer(file.layer.id).model_dump()
    return "in_use" if same else "changed"
