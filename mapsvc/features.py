"""Features read: one, a page of them, their history, a layer's summary, search by name.

JSON is made by the database and passed on as bytes; `feature_text` is the one place that says
what a feature looks like outside.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, LiteralString

import msgspec
from psycopg import sql

from mapsvc import record
from mapsvc.catalog import Catalog, Layer, LayerField
from mapsvc.database import Db
from mapsvc.errors import BadInput, NotFound
from mapsvc.filters import ALWAYS, Filter
from mapsvc.search_text import fold, search_text

BBox = tuple[float, float, float, float]

COLUMNS = sql.SQL(
    "layer, id, code, name, region_code, township_code, geom, attrs, grade, search, version,"
    " updated_at, updated_by, verified_at, upload_id"
)


def relation(layer: Layer, *, past: bool) -> sql.Composable:
    """The rows of a layer: as they are now, or as they stood at a moment (`%(as_of)s`)."""
    table = sql.Identifier(layer.partition)
    if not past:
        return table
    return sql.SQL(
        "(select {columns} from {table} where updated_at <= %(as_of)s union all"
        " select {columns} from feature_history where layer = {layer}"
        " and updated_at <= %(as_of)s and valid_to > %(as_of)s)"
    ).format(columns=COLUMNS, table=table, layer=sql.Literal(layer.id))


def readable_attrs(layer: Layer) -> sql.Composable:
    """SQL expression of the declared fields as the reader may see them, from aliases f and r.

    Personal values leave in clear inside the region of parameter `scope` (null: everywhere; a code
    that no region has: nowhere), else masked, with the masked fields' ids as `masked`.
    """
    personal = [f for f in layer.fields if f.personal]
    if not personal:
        return sql.SQL("f.attrs")
    return sql.SQL(
        "(case when %(scope)s::text is null or r.path @> array[%(scope)s::text]"
        " then f.attrs else f.attrs || {} end)"
    ).format(masked_attrs("f.attrs", personal))


def _members(layer: Layer) -> sql.Composable:
    """SQL expression of the text of `readable_attrs` after its opening brace; null if it is empty.

    Personal values are taken out and written in front: a third of the time of putting them in.
    """
    personal = [f for f in layer.fields if f.personal]
    after = "nullif(substr(({})::text, 2), '}}')"
    if not personal:
        return sql.SQL(after).format(sql.SQL("f.attrs"))
    ids = sql.SQL("array[{}]").format(sql.SQL(", ").join(sql.Literal(f.id) for f in personal))
    first = sql.SQL(" || ").join(
        sql.SQL("coalesce({} || {} || ', ', '')").format(
            sql.Literal(f'"{f.id}": '), _masked_text(f)
        )
        for f in personal
    )
    return sql.SQL(
        "case when %(scope)s::text is null or r.path @> array[%(scope)s::text] then {clear}"
        """ else {first} || '"masked": ' || {names} || coalesce(', ' || {others}, '}}') end"""
    ).format(
        clear=sql.SQL(after).format(sql.SQL("f.attrs")),
        first=first,
        names=sql.SQL("case when f.attrs ?& {} then {} else to_jsonb({})::text end").format(
            ids, sql.Literal(json.dumps([f.id for f in personal])), _held("f.attrs", personal)
        ),
        others=sql.SQL(after).format(sql.SQL("f.attrs - {}").format(ids)),
    )


def _masked_text(field: LayerField) -> sql.Composable:
    """SQL expression of JSON text: personal_masked, without the call for the usual values."""
    written = "f.attrs ->> {id}"
    usual = {
        "phone": (
            written + " ~ '^1[0-9]{{10}}$'",
            "'\"' || left(" + written + ", 3) || '****' || right(" + written + ", 4) || '\"'",
        )
    }
    is_usual, masked = usual.get(
        field.type,
        ("strpos(" + written + ", '、') = 0", "to_json(left(" + written + ", 1) || '**')::text"),
    )
    return sql.SQL(
        "case when jsonb_typeof(f.attrs -> {id}) = 'string' and "
        + is_usual
        + " then "
        + masked
        + " else personal_masked(f.attrs -> {id}, {type})::text end"
    ).format(id=sql.Literal(field.id), type=sql.Literal(field.type))


def masked_attrs(attrs: LiteralString, personal: Sequence[LayerField]) -> sql.Composable:
    """SQL expression of the personal values among `attrs`, masked, and `masked`, who they are."""
    values = sql.SQL(", ").join(
        sql.SQL("{}, personal_masked({} -> {}, {})").format(
            sql.Literal(f.id), sql.SQL(attrs), sql.Literal(f.id), sql.Literal(f.type)
        )
        for f in personal
    )
    return sql.SQL("jsonb_strip_nulls(jsonb_build_object({}, 'masked', {}))").format(
        values, _held(attrs, personal)
    )


def _held(attrs: LiteralString, fields: Sequence[LayerField]) -> sql.Composable:
    """SQL expression of the ids of those fields that `attrs` has."""
    names = sql.SQL(", ").join(
        sql.SQL("case when {} ? {} then {} end").format(
            sql.SQL(attrs), sql.Literal(f.id), sql.Literal(f.id)
        )
        for f in fields
    )
    return sql.SQL("array_remove(array[{}], null)").format(names)


def object_text(members: Mapping[str, sql.Composable]) -> sql.Composable:
    """SQL expression of a JSON object as text; each member an expression of JSON text, never null.

    Half the time of json_build_object, which looks up each value's type for every row.
    """
    return sql.SQL("({} || '}}')").format(_opened(members))


def _opened(members: Mapping[str, sql.Composable]) -> sql.Composable:
    parts: list[sql.Composable] = []
    for number, (name, value) in enumerate(members.items()):
        opening = ", " if number else "{"
        parts += [sql.Literal(f'{opening}"{name}": '), value]
    return sql.SQL(" || ").join(parts)


def json_text(value: str) -> sql.Composable:
    """SQL expression of JSON text from any expression; `null` for null."""
    return sql.SQL("coalesce(to_json(" + value + ")::text, 'null')")


def feature_text(layer: Layer, also: Mapping[str, sql.Composable] | None = None) -> sql.Composable:
    """SQL expression of one GeoJSON feature, as text, from aliases f (feature) and r (its region).

    `also`: more properties, expressions of JSON text.
    """
    columns = ("code", "name", "region_code")
    more = ("version", "updated_at", "verified_at")
    own = {
        "layer": sql.Literal(f'"{layer.id}"'),
        **{name: json_text(f"f.{name}") for name in columns},
        "region_name": json_text("r.name"),
        **{name: json_text(f"f.{name}") for name in more},
        **(also or {}),
    }
    # The fields follow inside the same braces; of none nothing but the brace is left.
    fields = sql.SQL("coalesce(', ' || {}, '}}')").format(_members(layer))
    return object_text(
        {
            "type": sql.Literal('"Feature"'),
            "id": sql.SQL("f.id"),
            "geometry": sql.SQL("ST_AsGeoJSON(f.geom, 7)"),
            "properties": sql.SQL("{} || {}").format(_opened(own), fields),
        }
    )


def feature_json(layer: Layer, also: Mapping[str, sql.Composable] | None = None) -> sql.Composable:
    """`feature_text` as a JSON value."""
    return sql.SQL("({})::json").format(feature_text(layer, also))


Stale = Literal["keep", "sink", "omit"]
"""Features past their freshness duty: in their place, after the fresh ones, or not at all."""


def is_fresh(layer: Layer) -> sql.Composable:
    """The condition that a row of the layer is within its freshness duty."""
    return sql.SQL("coalesce(verified_at, updated_at::date) >= current_date - {}::int").format(
        sql.Literal(layer.freshness.days)
    )


async def summaries(db: Db, catalog: Catalog, stale: dict[str, int]) -> list[dict[str, Any]]:
    """Every layer with its declared fields, count, version, time of data and stale share."""
    rows = await (
        await db.execute("select id, feature_count, version, updated_at from layer")
    ).fetchall()
    known = {row[0]: row for row in rows}
    return [_summary(x, known[x.id], stale[x.id]) for x in catalog]


def _summary(layer: Layer, row: tuple[Any, ...], stale: int) -> dict[str, Any]:
    count, version, updated_at = row[1:]
    return {
        **layer.model_dump(mode="json", exclude={"headings", "fields", "freshness"}),
        "count": count,
        "version": version,
        "updated_at": updated_at.isoformat(),
        "freshness": {"days": layer.freshness.days, "stale": stale},
        "fields": [
            f.model_dump(mode="json", exclude={"headings"}, exclude_defaults=True)
            | {"id": f.id, "title": f.title, "type": f.type, "unit": f.unit, "personal": f.personal}
            for f in layer.fields
        ],
    }


async def one(db: Db, layer: Layer, feature_id: int, scope: str | None) -> bytes:
    """The feature as GeoJSON bytes, or NotFound."""
    query = sql.SQL(
        "select ({json})::text from {table} f left join region r on r.code = f.region_code"
        " where f.layer = {layer} and f.id = %(id)s"
    ).format(
        json=feature_json(layer),
        table=sql.Identifier(layer.partition),
        layer=sql.Literal(layer.id),
    )
    row = await (await db.execute(query, {"id": feature_id, "scope": scope})).fetchone()
    if row is None:
        raise NotFound(f"{layer.title}中没有编号为 {feature_id} 的{layer.noun}，可能已被删除。")
    return str(row[0]).encode()


async def reveal(db: Db, layer: Layer, feature_id: int, field_id: str) -> Any:
    """One personal value in clear, None where there is none; put on record with it.

    Raises NotFound for what is no feature, BadInput for what is no personal field.
    """
    if not any(f.id == field_id and f.personal for f in layer.fields):
        raise BadInput("这一项不是隐去的个人信息，不需要显示。", code="not_personal")
    query = sql.SQL("select attrs -> %s, name, region_code from {} where id = %s").format(
        sql.Identifier(layer.partition)
    )
    async with db.transaction():
        row = await (await db.execute(query, [field_id, feature_id])).fetchone()
        if row is None:
            raise NotFound(f"{layer.title}中没有编号为 {feature_id} 的{layer.noun}，可能已被删除。")
        await record.write(
            db,
            "personal.revealed",
            layer=layer.id,
            subject=feature_id,
            region=row[2],
            new={"name": row[1], "field": field_id},
        )
    return row[0]


async def history(db: Db, layer: Layer, feature_id: int, scope: str | None) -> bytes:
    """Every version of a feature, newest first: `{versions: [{valid_from, valid_to, op, …}]}`."""
    query = sql.SQL(
        "with v as ("
        " select {columns}, null::timestamptz valid_to, null::text op, null::text changed_by"
        " from {table} where layer = {layer} and id = %(id)s union all"
        " select {columns}, valid_to, op, changed_by from feature_history"
        " where layer = {layer} and id = %(id)s)"
        " select json_build_object('versions', json_agg(json_build_object("
        " 'version', f.version, 'valid_from', f.updated_at, 'valid_to', f.valid_to,"
        " 'by', f.updated_by, 'upload_id', f.upload_id, 'ended_by', f.op,"
        " 'feature', {json}) order by f.version desc))::text, count(*)"
        " from v f left join region r on r.code = f.region_code"
    ).format(
        columns=COLUMNS,
        table=sql.Identifier(layer.partition),
        layer=sql.Literal(layer.id),
        json=feature_json(layer),
    )
    row = await (await db.execute(query, {"id": feature_id, "scope": scope})).fetchone()
    if row is None or row[1] == 0:
        raise NotFound(f"{layer.title}中没有编号为 {feature_id} 的{layer.noun}。")
    return str(row[0]).encode()


async def page(
    db: Db,
    layer: Layer,
    *,
    bbox: BBox | None = None,
    region: str | None = None,
    q: str | None = None,
    as_of: datetime | None = None,
    after: int = 0,
    limit: int = 1000,
    scope: str | None = None,
    where: Filter = ALWAYS,
) -> tuple[list[str], int, int | None]:
    """Features in order of id as GeoJSON texts, how many match in all, and where the next begin."""
    wanted: dict[str, Any] = {"scope": scope, "as_of": as_of, "after": after, "limit": limit}
    wanted |= where.values
    # The key is (layer, id): without the layer a partition would be read from end to end.
    filters = [sql.SQL("f.layer = {}").format(sql.Literal(layer.id)), where.sql]
    if bbox is not None:
        # Not `&&` alone: it compares boxes in single precision, up to a metre too wide.
        filters.append(
            sql.SQL("ST_Intersects(f.geom, ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326))")
        )
        wanted |= dict(zip("wsen", bbox, strict=True))
    if region is not None:
        filters.append(
            sql.SQL(
                "f.region_code = any(array(select code from region"
                " where path @> array[%(region)s::text]))"
            )
        )
        wanted["region"] = region
    if q:
        filters.append(sql.SQL("f.search like %(q)s"))
        wanted["q"] = _pattern(q)
    all_filters = sql.SQL(" and ").join(filters)
    rows_of = relation(layer, past=as_of is not None)
    matched = await (
        await db.execute(
            sql.SQL("select count(*) from {} f where {}").format(rows_of, all_filters), wanted
        )
    ).fetchone()
    query = sql.SQL(
        "select f.id, ({json})::text from {rows} f left join region r on r.code = f.region_code"
        " where {where} and f.id > %(after)s order by f.id limit %(limit)s + 1"
    ).format(json=feature_json(layer), rows=rows_of, where=all_filters)
    rows = await (await db.execute(query, wanted)).fetchall()
    more = int(rows[limit - 1][0]) if len(rows) > limit else None
    return [str(r[1]) for r in rows[:limit]], int(matched[0]) if matched else 0, more


async def find(db: Db, catalog: Catalog, q: str, limit: int) -> list[dict[str, Any]]:
    """Features and regions whose name, code or pinyin initials hold `q`; best first."""
    parts: list[sql.Composable] = [
        sql.SQL(
            "(select {id}::text layer, {title}::text title, f.id, f.code, f.name,"
            " r.name region_name, round(ST_X(f.geom)::numeric, 7)::float8 lon,"
            " round(ST_Y(f.geom)::numeric, 7)::float8 lat,"
            " {order}::int o, position(%(plain)s in f.search) p"
            " from {table} f left join region r on r.code = f.region_code"
            " where f.search like %(q)s order by p, length(f.name), f.id limit %(limit)s)"
        ).format(
            id=sql.Literal(x.id),
            title=sql.Literal(x.title),
            order=sql.Literal(x.order),
            table=sql.Identifier(x.partition),
        )
        for x in catalog
    ]
    parts.append(
        sql.SQL(
            "(select null, '行政区', null, code, name, null, ST_X(c), ST_Y(c), 0,"
            " position(%(plain)s in search) from (select *, ST_PointOnSurface(geom) c from region"
            " where search like %(q)s order by length(code), code limit %(limit)s) x)"
        )
    )
    query = sql.SQL("select * from ({}) hit order by p, o, length(name), code, id limit %(limit)s")
    plain = fold(q)
    cursor = await db.execute(
        query.format(sql.SQL(" union all ").join(parts)),
        {"q": _pattern(q), "plain": plain, "limit": limit},
    )
    names = ("layer", "title", "id", "code", "name", "region_name", "lon", "lat")
    return [dict(zip(names, row, strict=False)) for row in await cursor.fetchall()]


async def settle_search(db: Db) -> int:
    """Put the search texts that wait for it into their index; how many of its pages they filled.

    Nothing is lost without it: a search reads what waits, only not as fast.
    """
    row = await (await db.execute("select search_settled()")).fetchone()
    return int(row[0]) if row else 0


def _pattern(q: str) -> str:
    plain = fold(q).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


@dataclass(frozen=True, slots=True)
class Draft:
    """A feature to be: WGS-84 lon/lat, declared fields already checked."""

    code: str | None
    name: str
    lon: float
    lat: float
    attrs: dict[str, Any]
    verified_on: date | None = None


async def insert(db: Db, layer: Layer, drafts: Iterable[Draft], *, actor: str) -> int:
    """Add checked features in bulk, in one statement; each gets the region that holds it."""
    async with db.transaction():
        await db.execute(
            "create temp table draft (code text, name text, lon float8, lat float8, attrs jsonb,"
            " grade smallint, search text, verified_at date) on commit drop"
        )
        async with db.cursor() as cursor, cursor.copy("copy draft from stdin") as copy:
            for d in drafts:
                grade = layer.grades.get(str(d.attrs.get(layer.grade or "")))
                attrs = msgspec.json.encode(d.attrs).decode()
                search = search_text(d.name, d.code)
                await copy.write_row(
                    (d.code, d.name, d.lon, d.lat, attrs, grade, search, d.verified_on)
                )
        done = await db.execute(_INSERT, {"layer": layer.id, "actor": actor})
        await db.execute("drop table draft")
    return done.rowcount


# The deepest region that holds the point; on a shared border the one with the lowest code.
_REGION_AT = sql.SQL("""
left join lateral (
    select g.code, coalesce((select t.code from region t
        where t.level = 'township' and t.code = any(g.path)), '') township_code
    from region g where ST_Covers(g.geom, p.geom)
    order by cardinality(g.path) desc, g.code limit 1
) at on true""")

_INSERT = sql.SQL("""
insert into feature (layer, code, name, region_code, township_code, geom, attrs, grade, search,
    verified_at, updated_by)
select %(layer)s, p.code, p.name, at.code, coalesce(at.township_code, ''), p.geom, p.attrs,
    p.grade, p.search, p.verified_at, %(actor)s
from (select *, ST_SetSRID(ST_MakePoint(lon, lat), 4326) geom from draft) p {}""").format(
    _REGION_AT
)

_REASSIGN = sql.SQL("""
update feature f set region_code = n.code, township_code = n.township_code,
    version = f.version + 1, updated_by = %(actor)s,
    updated_at = greatest(clock_timestamp(), f.updated_at + interval '1 microsecond')
from (select p.layer, p.id, at.code, coalesce(at.township_code, '') township_code
    from feature p {}) n
where f.layer = n.layer and f.id = n.id
    and (f.region_code is distinct from n.code or f.township_code <> n.township_code)
""").format(_REGION_AT)


async def reassign(db: Db, *, actor: str) -> int:
    """Give every feature the region that holds it now; returns how many changed."""
    async with db.transaction():
        moved = (await db.execute(_REASSIGN, {"actor": actor})).rowcount
        if moved:
            await record.write(db, "features.reassigned", new={"features": moved})
    return moved
