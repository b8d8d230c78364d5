"""Is what somebody types there already? The rule by which a row of an upload finds its feature.

A row of a file would change the feature that it finds; whoever adds one by hand, or gives one
another name, code or township, means another, and is told which one stands there.
"""

from psycopg import sql

from mapsvc.catalog import Layer
from mapsvc.database import Db
from mapsvc.errors import Conflict
from mapsvc.ingest.compare import PLAIN, SAME_NAME_M

# `nearby` is wider than the distance anywhere in China: it is there for the index.
_TWINS = """
with point as (select ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) p)
select f.id, f.name, f.code, r.name, same_code from (
    select f.*, true same_code from {f} f
    where f.township_code = %(town)s and upper(f.code) = upper(%(code)s)
    union all
    select f.*, false from {f} f
    where f.township_code = %(town)s and {same_name} and {unsure}
        and (f.township_code <> '' or f.region_code is not distinct from %(region)s)
    union all
    select f.*, false from {f} f, point
    where f.geom && ST_Expand(p, 0.01) and f.township_code <> %(town)s and {same_name}
        and {unsure} and ST_DWithin(f.geom::geography, p::geography, {near})
) f left join region r on r.code = f.region_code
where f.id is distinct from %(id)s
    and (%(scope)s::text is null or r.path @> array[%(scope)s::text])
order by same_code desc, f.id limit 1
"""


async def refuse_twin(
    db: Db,
    layer: Layer,
    *,
    name: str,
    code: str | None,
    region: str | None,
    town: str,
    at: tuple[float, float],
    scope: str | None,
    own_id: int | None = None,
) -> None:
    """Conflict, with its `twin`, where an upload would take it for a feature that is there already.

    `at` is WGS-84 lon/lat; `own_id` the feature that is being changed, which is no twin of itself.
    """
    query = sql.SQL(_TWINS).format(
        f=sql.Identifier(layer.partition),
        near=sql.Literal(SAME_NAME_M),
        # Spaces, width and case tell no two names apart.
        same_name=sql.SQL(f"{PLAIN.format('f.name')} = {PLAIN.format('%(name)s::text')}"),
        # Two codes tell two features of one name apart; a missing one does not.
        unsure=sql.SQL("(f.code is null or %(code)s::text is null)"),
    )
    wanted = {
        "name": name, "code": code, "region": region, "town": town, "lon": at[0], "lat": at[1],
        "scope": scope, "id": own_id,
    }  # fmt: skip
    found = await (await db.execute(query, wanted)).fetchone()
    if found is None:
        return
    twin_id, twin, twin_code, where, same_code = found
    which = {"layer": layer.id, "id": twin_id}
    if same_code:
        raise Conflict(
            f"同一乡镇里已有编号为“{code}”的{layer.noun}“{twin}”。请改用别的编号，或去修改那一条。",
            code="code_taken",
            twin=which,
        )
    numbered = f"编号“{twin_code}”" if twin_code else "没有编号"
    raise Conflict(
        f"{where or '这里'}已有同名的{layer.noun}“{twin}”（{numbered}）。"
        "如果是同一个，请去修改那一条；如果不是，请给两条都填上不同的编号，或改用能区分的名称。",
        code="name_taken",
        twin=which,
    )
