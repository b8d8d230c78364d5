"""One feature added, changed or deleted by hand: the change set of a single row.

Checks, words, versions, history and the order of locks are those of an upload, and it is taken
back like one. `scope` is the code
of the region that the person may write in, None for the whole county; another region's feature is
answered as if there were none. `sees` is that of the region whose personal values the person may
read in clear; elsewhere the answers are masked, and a mask that is sent back changes nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from psycopg import errors
from psycopg.types.json import Jsonb

from mapsvc import features, record
from mapsvc.catalog import Layer
from mapsvc.coordinates import System, UnknownSystem, from_wgs84, parse_system, read_typed
from mapsvc.database import Db, carry_out
from mapsvc.errors import (
    BadInput,
    Conflict,
    NotFound,
    OutsideWorld,
    Unavailable,
    VersionConflict,
)
from mapsvc.ingest.applying import begin
from mapsvc.ingest.assign import RegionIndex, metres_between
from mapsvc.ingest.cells import clean, text_of
from mapsvc.ingest.compare import SAME_SPOT_M
from mapsvc.ingest.entry import GIVEN_BY_US, Entry, Place, read_entry, read_place, settle
from mapsvc.ingest.locate import DIGITS
from mapsvc.ingest.messages import Problem, problem
from mapsvc.ingest.single import keep, new_id
from mapsvc.ingest.twins import refuse_twin
from mapsvc.masking import looks_masked, masked
from mapsvc.search_text import search_text

SHOWN_PROBLEMS = 100
_MEMBERS = ("type", "id", "bbox", "geometry", "properties", "typed")
_LONGEST_TYPED = 240
_SAME_DEG = 2e-7
PATIENCE = "10s"
"""How long an edit waits for an upload that is being applied to the same layer."""
FORM = "edit"
"""`provenance.form` of what was typed and not uploaded."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A feature as it now stands: its id, its version, itself as GeoJSON, and its change set."""

    id: int
    version: int
    body: bytes
    upload: UUID | None = None
    """None where nothing changed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What was sent: a GeoJSON Feature or a part of one, its coordinates in `system`."""

    sent: dict[str, Any]
    system: System
    has_geometry: bool
    geometry: Any
    properties: dict[str, Any]
    typed: tuple[str, str] | None = None
    """What somebody typed for the place, and in which system; the geometry is what it gave."""

    @classmethod
    def of(cls, sent: Any, crs: str) -> "Draft":
        """Raises BadInput where it is no Feature at all, UnknownSystem for the system."""
        system = parse_system(crs)
        if not isinstance(sent, dict) or sent.get("type", "Feature") != "Feature":
            raise BadInput("请求内容应是一个 GeoJSON Feature。", code="not_a_feature")
        strange = [str(name)[:40] for name in sent if name not in _MEMBERS]
        if strange:
            raise BadInput(
                f"不认识“{'”、“'.join(strange[:5])}”。Feature 里只能有 type、id、geometry 和"
                " properties，手写的坐标写在 typed 里；字段写在 properties 里。",
                code="not_a_feature",
            )
        properties = sent.get("properties")
        if properties is not None and not isinstance(properties, dict):
            raise BadInput("properties 应是一个对象。", code="not_a_feature")
        geometry, typed = sent.get("geometry"), _typed(sent.get("typed"))
        return cls(sent, system, "geometry" in sent, geometry, properties or {}, typed)


def _typed(given: Any) -> tuple[str, str] | None:
    if given is None:
        return None
    told = (given.get("text"), given.get("crs")) if isinstance(given, dict) else ()
    if len(told) != 2 or not all(isinstance(t, str) and len(t) <= _LONGEST_TYPED for t in told):
        raise BadInput(
            "typed 应写成 {text: 手写的坐标, crs: 它的坐标系}，都是文字。", code="not_a_feature"
        )
    return clean([str(told[0])])[0], str(told[1])


@dataclass(slots=True)
class _Row:
    """A feature's own columns, as stored or to be stored."""

    code: str | None
    name: str
    region_code: str | None
    township_code: str
    lon: float
    lat: float
    attrs: dict[str, Any]
    verified_at: str | None
    provenance: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """Its content by field, for the record."""
        names = ("code", "name", "region_code", "lon", "lat", "verified_at")
        return {name: getattr(self, name) for name in names} | self.attrs


async def create(
    db: Db, layer: Layer, sent: Any, *, crs: str, actor: str, scope: str | None, sees: str | None
) -> Saved:
    """Add a feature. Raises BadInput with all `problems`, Conflict for a code that is taken."""
    draft = Draft.of(sent, crs)
    if draft.sent.get("id") is not None:
        raise BadInput("新增时不能指定 id，它由系统给出。请删除 id。", code="not_a_feature")
    entry = _read(layer, draft.properties, None)
    async with _writing(db, layer, actor):
        place = await _place(db, draft, scope, entry)
        if entry.problems or place is None:
            raise _refusal(entry)
        empty = _Row(None, "", None, "", place.lon, place.lat, {}, None, {})
        row = _merged(empty, entry, place)
        row.provenance = _provenance(place, draft)
        await _refuse_twin(db, layer, row, scope)
        upload = new_id()
        feature_id, version = await _write(db, layer, _INSERT, row, actor, upload)
        await keep(
            db, layer, upload, "new", feature=(feature_id, None), named=(row.name, row.code),
            sent=sent, crs=draft.system.id, moved_m=None, actor=actor, scope=scope,
        )  # fmt: skip
        await _put_on_record(db, layer, "feature.created", feature_id, None, row, upload)
        saved = await _saved(db, layer, feature_id, version, sees, draft.system)
        return replace(saved, upload=upload)


async def change(
    db: Db,
    layer: Layer,
    feature_id: int,
    version: int,
    sent: Any,
    *,
    crs: str,
    actor: str,
    scope: str | None,
    sees: str | None,
) -> Saved:
    """Merge what was sent into a feature: absent stays, null clears, a geometry moves it.

    Nothing is written when nothing changes. Raises NotFound, VersionConflict with both sides,
    BadInput with all `problems`, Conflict for a code that is taken.
    """
    draft = Draft.of(sent, crs)
    async with _writing(db, layer, actor):
        now, row = await _lock(db, layer, feature_id, scope)
        current = await _saved(db, layer, feature_id, now, sees, draft.system)
        _require_version(version, current, draft.sent)
        entry = _read(layer, _without_echo(draft, current), row)
        place = await _place(db, draft, scope, entry, row) if draft.has_geometry else None
        if entry.problems:
            raise _refusal(entry)
        changed = _merged(row, entry, place)
        if changed == row:
            return current
        metres = _metres(place, row) if place is not None else 0.0
        if metres and place is not None:
            changed.provenance = _provenance(place, draft)
        elif row.provenance.get("form") != FORM:
            # Where the position came from stays known, whoever edits the rest.
            kept = {"position": row.provenance} if row.provenance else {}
            changed.provenance = {"form": FORM} | kept
        if (changed.name, changed.code, changed.township_code) != (
            row.name, row.code, row.township_code,
        ):  # fmt: skip
            await _refuse_twin(db, layer, changed, scope, feature_id)
        upload = new_id()
        _, after = await _write(db, layer, _UPDATE, changed, actor, upload, feature_id)
        await keep(
            db, layer, upload, "changed", feature=(feature_id, now),
            named=(changed.name, changed.code), sent=sent, crs=draft.system.id,
            moved_m=metres or None, actor=actor, scope=scope,
        )  # fmt: skip
        await _put_on_record(db, layer, "feature.changed", feature_id, row, changed, upload)
        saved = await _saved(db, layer, feature_id, after, sees, draft.system)
        return replace(saved, upload=upload)


async def remove(
    db: Db,
    layer: Layer,
    feature_id: int,
    version: int,
    *,
    actor: str,
    scope: str | None,
    sees: str | None,
) -> UUID:
    """Delete a feature, its history stays; returns the change set. Raises NotFound,
    VersionConflict."""
    async with _writing(db, layer, actor):
        now, row = await _lock(db, layer, feature_id, scope)
        current = await _saved(db, layer, feature_id, now, sees, parse_system("wgs84"))
        _require_version(version, current, None)
        await carry_out(db, _DELETE, [layer.id, feature_id], 1)
        upload = new_id()
        await keep(
            db, layer, upload, "deleted", feature=(feature_id, now), named=(row.name, row.code),
            sent=None, crs="wgs84", moved_m=None, actor=actor, scope=scope,
        )  # fmt: skip
        await _put_on_record(db, layer, "feature.deleted", feature_id, row, None, upload)
        return upload


async def _put_on_record(
    db: Db,
    layer: Layer,
    action: str,
    feature_id: int,
    was: _Row | None,
    now: _Row | None,
    upload: UUID,
) -> None:
    """What the edit changed, old beside new; of a new or deleted feature all there is."""
    old, new = (row.told() if row else None for row in (was, now))
    if old is not None and new is not None:
        changed = [k for k in {**old, **new} if old.get(k) != new.get(k)]
        old, new = ({k: side.get(k) for k in changed} for side in (old, new))
    place = now or was
    await record.write(
        db,
        action,
        layer=layer.id,
        subject=feature_id,
        region=place.region_code if place else None,
        old=old,
        new=new,
        upload=upload,
    )


@asynccontextmanager
async def _writing(db: Db, layer: Layer, actor: str) -> AsyncIterator[None]:
    """The transaction of one edit, with the layer's applying locked first, as an upload does."""
    try:
        async with db.transaction():
            await db.execute("select set_config('lock_timeout', %s, true)", [PATIENCE])
            await begin(db, layer.id, actor)
            yield
    except errors.LockNotAvailable:
        raise Unavailable(
            f"{layer.title}正有一批数据在入库，这次修改没有保存。请稍候几秒再保存一次。",
            code="layer_busy",
        ) from None


_LOCK = """
select f.version, f.code, f.name, f.region_code, f.township_code, ST_X(f.geom), ST_Y(f.geom),
    f.attrs, f.verified_at::text, f.provenance
from feature f left join region r on r.code = f.region_code
where f.layer = %(layer)s and f.id = %(id)s
    and (%(scope)s::text is null or r.path @> array[%(scope)s::text])
for update of f
"""


async def _lock(db: Db, layer: Layer, feature_id: int, scope: str | None) -> tuple[int, _Row]:
    wanted = {"layer": layer.id, "id": feature_id, "scope": scope}
    found = await (await db.execute(_LOCK, wanted)).fetchone()
    if found is None:
        raise NotFound(f"{layer.title}中没有编号为 {feature_id} 的{layer.noun}，可能已被删除。")
    return int(found[0]), _Row(*found[1:])


def _require_version(asked: int, current: Saved, sent: dict[str, Any] | None) -> None:
    if asked == current.version:
        return
    raise VersionConflict(
        f"您看到的是第 {asked} 版，这期间它已被改到第 {current.version} 版，因此没有保存。"
        "请对照两边的内容，在新版上重新修改。",
        yours=sent,
        current=msgspec.json.decode(current.body),
        versions={"yours": asked, "current": current.version},
    )


def _without_echo(draft: Draft, current: Saved) -> dict[str, Any]:
    """The given properties without those of ours that were merely sent back as they are."""
    if str(draft.sent.get("id", current.id)) != str(current.id):
        raise BadInput("内容里的 id 与网址中的不同。请核对要改的是哪一条。", code="not_a_feature")
    shown = msgspec.json.decode(current.body)["properties"]
    return {
        name: value
        for name, value in draft.properties.items()
        if not (name in GIVEN_BY_US and shown[name] == value)
    }


def _read(layer: Layer, given: dict[str, Any], row: _Row | None) -> Entry:
    """The given values, checked. A mask of what is stored changes nothing; no mask is stored."""
    kept = {k: v for k, v in given.items() if k != "masked"}
    wrong: list[Problem] = []
    for field in layer.fields:
        value = kept.get(field.id)
        if not field.personal or value is None or not looks_masked(str(value)):
            continue
        stored = row.attrs.get(field.id) if row else None
        if stored is None or value not in (stored, masked(stored, field.type)):
            wrong.append(problem("masked_value", field=field.id, value=str(value)))
        del kept[field.id]
    entry = read_entry(layer, kept, whole=row is None)
    entry.problems += wrong
    return entry


async def _place(
    db: Db, draft: Draft, scope: str | None, entry: Entry, row: _Row | None = None
) -> Place | None:
    """Where the feature is to be, or None with the reason among the entry's problems."""
    place = read_place(draft.geometry, draft.system)
    if isinstance(place, Problem):
        entry.problems.append(place)
        return None
    if row is not None and _metres(place, row) <= SAME_SPOT_M:
        place.lon, place.lat = row.lon, row.lat
    fault = settle(place, await _regions_around(db, place, scope), scope)
    if fault is not None:
        entry.problems.append(fault)
        return None
    return place


def _metres(place: Place, row: _Row) -> float:
    lon, lat, lon2, lat2 = (np.array([v]) for v in (place.lon, place.lat, row.lon, row.lat))
    return float(metres_between(lon, lat, lon2, lat2)[0])


_REGION = "select code, name, level, path, ST_AsBinary(geom) from region"
_POINT = "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326)"
_AROUND = f"""
with held as (select path from region where ST_Intersects(geom, {_POINT}))
{_REGION} where code = %(scope)s or code = any(array(select unnest(path) from held)) order by code
"""  # noqa: S608
_NEAREST = f"""
{_REGION} r where not exists (select from region c where c.parent_code = r.code)
order by geom <-> {_POINT} limit 8
"""


async def _regions_around(db: Db, place: Place, scope: str | None) -> RegionIndex:
    """The regions that may hold a point and those above them; where there are none, the nearest."""
    wanted = {"lon": place.lon, "lat": place.lat, "scope": scope}
    rows = await (await db.execute(_AROUND, wanted)).fetchall()
    if not rows and scope is None:
        rows = await (await db.execute(_NEAREST, wanted)).fetchall()
    regions = RegionIndex.of([(r[0], r[1], r[2], r[3], bytes(r[4])) for r in rows])
    if scope is not None and scope not in regions.by_code:
        raise NotFound(f"没有代码为“{scope}”的区域。", code="unknown_region")
    return regions


def _merged(row: _Row, entry: Entry, place: Place | None) -> _Row:
    attrs = {k: v for k, v in (row.attrs | entry.attrs).items() if v is not None}
    given: dict[str, Any] = {**entry.head, "attrs": attrs}
    changed = replace(row, **given)
    if place is not None:
        changed.lon, changed.lat = place.lon, place.lat
        changed.region_code, changed.township_code = place.region_code, place.township_code
    return changed


def _provenance(place: Place, draft: Draft) -> dict[str, Any]:
    """Where a place came from: the words that were typed, if they say it, else the numbers."""
    if draft.typed is not None and _says(*draft.typed, place):
        text, crs = draft.typed
        return {"raw_x": text, "raw_y": "", "form": FORM, "declared": crs, "used": crs}
    x, y = map(text_of, place.raw)
    system = draft.system.id
    return {"raw_x": x, "raw_y": y, "form": FORM, "declared": system, "used": system}


def _says(text: str, crs: str, place: Place) -> bool:
    """Is a place what a text gives? A marker that was moved afterwards lies elsewhere."""
    try:
        found = read_typed(text, crs)
    except (BadInput, OutsideWorld, UnknownSystem):
        return False
    return any(max(abs(p.lon - place.lon), abs(p.lat - place.lat)) < _SAME_DEG for p in found)


_DELETE = "delete from feature where layer = %s and id = %s"

_INSERT = f"""
insert into feature (layer, code, name, region_code, township_code, geom, attrs, grade, search,
    verified_at, provenance, updated_by, upload_id)
values (%(layer)s, %(code)s, %(name)s, %(region_code)s, %(township_code)s, {_POINT}, %(attrs)s,
    %(grade)s, %(search)s, %(verified_at)s, %(provenance)s, %(actor)s, %(upload)s)
returning id, version
"""  # noqa: S608

_UPDATE = f"""
update feature f set code = %(code)s, name = %(name)s, region_code = %(region_code)s,
    township_code = %(township_code)s, geom = {_POINT}, attrs = %(attrs)s, grade = %(grade)s,
    search = %(search)s, verified_at = %(verified_at)s, provenance = %(provenance)s,
    upload_id = %(upload)s, version = f.version + 1, updated_by = %(actor)s,
    updated_at = greatest(clock_timestamp(), f.updated_at + interval '1 microsecond')
where f.layer = %(layer)s and f.id = %(id)s
returning f.id, f.version
"""  # noqa: S608


async def _write(
    db: Db,
    layer: Layer,
    statement: str,
    row: _Row,
    actor: str,
    upload: UUID,
    feature_id: int | None = None,
) -> tuple[int, int]:
    """Id and version of the row as written; Conflict where its township has the code already."""
    values = {
        **asdict(row),
        "attrs": Jsonb(row.attrs),
        "provenance": Jsonb(row.provenance),
        "grade": layer.grades.get(str(row.attrs.get(layer.grade or ""))),
        "search": search_text(row.name, row.code),
        "layer": layer.id,
        "id": feature_id,
        "actor": actor,
        "upload": upload,
    }
    try:
        done = await (await db.execute(statement, values)).fetchone()
    except errors.UniqueViolation as twin:
        if twin.diag.table_name != layer.partition:
            raise
        raise Conflict(
            f"同一乡镇里已有编号为“{row.code}”的{layer.noun}。请改用别的编号，或去修改那一条。",
            code="code_taken",
        ) from None
    if done is None:
        raise NotFound("没有这一条，或它不在您的辖区，没有改动。", code="unknown_feature")
    return int(done[0]), int(done[1])


async def _refuse_twin(
    db: Db, layer: Layer, row: _Row, scope: str | None, own_id: int | None = None
) -> None:
    await refuse_twin(
        db, layer, name=row.name, code=row.code, region=row.region_code, town=row.township_code,
        at=(row.lon, row.lat), scope=scope, own_id=own_id,
    )  # fmt: skip


async def _saved(
    db: Db, layer: Layer, feature_id: int, version: int, scope: str | None, system: System
) -> Saved:
    body = await features.one(db, layer, feature_id, scope)
    if system.id != "wgs84":
        feature = msgspec.json.decode(body)
        lon, lat = feature["geometry"]["coordinates"]
        x, y = from_wgs84(float(lon), float(lat), system)
        feature["geometry"]["coordinates"] = [round(float(x), DIGITS), round(float(y), DIGITS)]
        body = msgspec.json.encode(feature)
    return Saved(feature_id, version, body)


def _refusal(entry: Entry) -> BadInput:
    """All that is wrong, in one answer."""
    shown = entry.problems[:SHOWN_PROBLEMS]
    return BadInput(
        f"有 {len(entry.problems)} 处需要改正，没有保存：" + "".join(p.message for p in shown[:3]),
        code="invalid_feature",
        problems=[
            {"field": p.field, "code": p.code, "message": p.message, "value": p.value}
            for p in shown
        ],
    )
