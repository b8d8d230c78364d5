"""The log of what changed, in the order of commits: what the live stream says and resumes from."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
create table change (
    id bigserial not null,
    position bigint,
    at timestamptz default clock_timestamp() not null,
    event text not null,
    layer text,
    data jsonb default '{}' not null,
    primary key (id)
);
create unique index change_position_key on change (position);
create index change_at_idx on change (at);
create sequence change_position_seq;
"""

# A sequence counts in the order in which it is asked, and transactions end in another. So the
# position is given at the very end of a transaction, under a lock that is held until the commit is
# visible: whoever has read up to a position has missed nothing before it.
COMMITTED = """
create function change_committed() returns trigger language plpgsql as $$
declare
    place bigint;
begin
    perform pg_advisory_xact_lock(1835104371, 1);
    place := nextval('change_position_seq');
    update change set position = place where id = new.id;
    perform pg_notify('mapsvc_change', place::text);
    return null;
end $$;

create constraint trigger change_committed after insert on change
    deferrable initially deferred for each row execute function change_committed();
"""

# Few rows are named one by one; of many the log keeps how many.
FEATURES = """
drop function layer_touched(text, bigint);
create function layer_touched(touched text, gained bigint) returns bigint language sql as $$
    with bumped as (
        update layer set version = version + 1, feature_count = feature_count + gained,
            updated_at = clock_timestamp()
        where id = touched returning id, version
    ), told as (
        select pg_notify('mapsvc_layer', id || ':' || version) from bumped
    )
    select version from bumped, told
$$;

create function feature_changed(
    touched text, operation text, many bigint, gained bigint, ids jsonb, summary jsonb, who text
) returns void language sql as $$
    insert into change (event, layer, data)
    select 'feature.changed', touched, jsonb_build_object(
        'layer', touched, 'version', layer_touched(touched, gained), 'op', operation,
        'count', many, 'by', who,
        'ids', coalesce(ids, '[]'),
        'deleted', case when operation = 'delete' then coalesce(ids, '[]') else '[]' end)
        || case when ids is null then '{"many": true}' else '{}'::jsonb end
        || case when summary is null then '{}' else jsonb_build_object('summary', summary) end
$$;

create or replace function feature_inserted() returns trigger language plpgsql as $$
declare
    part record;
begin
    for part in
        select layer, count(*) many, max(updated_by) who from new_rows group by layer order by layer
    loop
        perform feature_changed(part.layer, 'insert', part.many, part.many,
            case when part.many <= 200 then (
                select jsonb_agg(id order by id) from new_rows where layer = part.layer) end,
            case when part.many <= 20 then (
                select jsonb_agg(jsonb_build_object('id', n.id, 'name', n.name, 'op', 'insert',
                    'by', n.updated_by, 'at', n.updated_at, 'region_name', r.name,
                    'grade', n.grade, 'lon', round(ST_X(ST_PointOnSurface(n.geom))::numeric, 7),
                    'lat', round(ST_Y(ST_PointOnSurface(n.geom))::numeric, 7)) order by n.id)
                from new_rows n left join region r on r.code = n.region_code
                where n.layer = part.layer) end,
            part.who);
    end loop;
    return null;
end $$;

create or replace function feature_updated() returns trigger language plpgsql as $$
declare
    part record;
begin
    insert into feature_history (layer, id, code, name, region_code, township_code, geom,
        attrs, grade, search, version, updated_at, updated_by, verified_at, upload_id, provenance,
        valid_to, op, changed_by)
    select o.layer, o.id, o.code, o.name, o.region_code, o.township_code, o.geom,
        o.attrs, o.grade, o.search, o.version, o.updated_at, o.updated_by, o.verified_at,
        o.upload_id, o.provenance,
        n.updated_at, 'update', n.updated_by
    from old_rows o join new_rows n using (layer, id);
    for part in
        select layer, count(*) many, max(updated_by) who from new_rows group by layer order by layer
    loop
        perform feature_changed(part.layer, 'update', part.many, 0,
            case when part.many <= 200 then (
                select jsonb_agg(id order by id) from new_rows where layer = part.layer) end,
            case when part.many <= 20 then (
                select jsonb_agg(jsonb_build_object('id', n.id, 'name', n.name, 'op', 'update',
                    'by', n.updated_by, 'at', n.updated_at, 'region_name', r.name,
                    'grade', n.grade, 'old_grade', o.grade,
                    'moved', not ST_OrderingEquals(o.geom, n.geom),
                    'lon', round(ST_X(ST_PointOnSurface(n.geom))::numeric, 7),
                    'lat', round(ST_Y(ST_PointOnSurface(n.geom))::numeric, 7)) order by n.id)
                from new_rows n join old_rows o on o.layer = n.layer and o.id = n.id
                left join region r on r.code = n.region_code
                where n.layer = part.layer) end,
            part.who);
    end loop;
    return null;
end $$;

create or replace function feature_deleted() returns trigger language plpgsql as $$
declare
    part record;
    who text := coalesce(current_setting('mapsvc.actor', true), '');
begin
    insert into feature_history (layer, id, code, name, region_code, township_code, geom,
        attrs, grade, search, version, updated_at, updated_by, verified_at, upload_id, provenance,
        valid_to, op, changed_by)
    select o.layer, o.id, o.code, o.name, o.region_code, o.township_code, o.geom,
        o.attrs, o.grade, o.search, o.version, o.updated_at, o.updated_by, o.verified_at,
        o.upload_id, o.provenance,
        greatest(clock_timestamp(), o.updated_at + interval '1 microsecond'), 'delete', who
    from old_rows o;
    for part in select layer, count(*) many from old_rows group by layer order by layer loop
        perform feature_changed(part.layer, 'delete', part.many, -part.many,
            case when part.many <= 200 then (
                select jsonb_agg(id order by id) from old_rows where layer = part.layer) end,
            case when part.many <= 20 then (
                select jsonb_agg(jsonb_build_object('id', o.id, 'name', o.name, 'op', 'delete',
                    'by', who, 'at', clock_timestamp(), 'region_name', r.name,
                    'grade', o.grade, 'lon', round(ST_X(ST_PointOnSurface(o.geom))::numeric, 7),
                    'lat', round(ST_Y(ST_PointOnSurface(o.geom))::numeric, 7)) order by o.id)
                from old_rows o left join region r on r.code = o.region_code
                where o.layer = part.layer) end,
            who);
    end loop;
    return null;
end $$;
"""

# File names stay out of the stream: people put names of people into them.
OTHERS = """
create function upload_decided() returns trigger language plpgsql as $$
begin
    insert into change (event, layer, data)
    select 'upload.' || new.status, new.layer, jsonb_build_object(
        'id', new.id, 'layer', new.layer, 'counts', new.counts,
        'by', case when new.status = 'applied' then new.applied_by
            else coalesce(current_setting('mapsvc.actor', true), '') end,
        'region_code', new.region_code,
        'region_name', (select name from region where code = new.region_code),
        'version', (select version from layer where id = new.layer));
    return null;
end $$;
create trigger upload_decided after update of status on upload for each row
    when (new.status is distinct from old.status and new.status <> 'staged')
    execute function upload_decided();

create function closure_changed() returns trigger language plpgsql as $$
begin
    insert into change (event, data) values ('closure.changed', jsonb_build_object(
        'id', new.id, 'reason', new.reason, 'starts_at', new.starts_at, 'ends_at', new.ends_at,
        'active', new.starts_at <= now() and coalesce(new.ends_at > now(), true),
        'by', new.updated_by,
        'lon', round(ST_X(ST_PointOnSurface(new.area))::numeric, 7),
        'lat', round(ST_Y(ST_PointOnSurface(new.area))::numeric, 7)));
    return null;
end $$;
create trigger closure_changed after insert or update on closure
    for each row execute function closure_changed();
"""


def upgrade() -> None:
    op.execute(TABLES + COMMITTED + FEATURES + OTHERS)


def downgrade() -> None:
    raise NotImplementedError("the log of changes stays")
