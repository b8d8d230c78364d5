"""Points counted by square, for low zooms: kept exact by whoever writes a feature."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A square of level n is a map tile of zoom n. Positions are summed as whole numbers of the world's
# 2^31 columns and rows, so that adding and taking away leaves no rounding behind; the sum of the
# ids is the id where there is one point.
TABLES = """
create table feature_cell (
    layer text not null,
    level smallint not null,
    cell bigint not null,
    many integer not null,
    grade1 integer not null,
    grade2 integer not null,
    grade3 integer not null,
    grade4 integer not null,
    columns bigint not null,
    rows bigint not null,
    ids bigint not null,
    primary key (layer, level, cell)
) with (fillfactor = 70);

create function world_column(lon float8) returns bigint immutable parallel safe language sql as $$
    select least(greatest(floor((lon + 180) / 360 * 2147483648), 0), 2147483647)::bigint
$$;
create function world_row(lat float8) returns bigint immutable parallel safe language sql as $$
    select least(greatest(floor((1 - ln(tan(pi() / 4
        + radians(least(greatest(lat, -85.06), 85.06)) / 2)) / pi()) / 2 * 2147483648),
        0), 2147483647)::bigint
$$;

-- The bits of column and row in turn: all squares inside a larger one are neighbours in the index.
create function cell_number(x bigint, y bigint) returns bigint
immutable parallel safe language plpgsql as $$
begin
    x := (x | (x << 8)) & 16711935;  y := (y | (y << 8)) & 16711935;
    x := (x | (x << 4)) & 252645135; y := (y | (y << 4)) & 252645135;
    x := (x | (x << 2)) & 858993459; y := (y | (y << 2)) & 858993459;
    x := (x | (x << 1)) & 1431655765; y := (y | (y << 1)) & 1431655765;
    return x | (y << 1);
end $$;
"""

# Every second level is kept; the one between adds up four squares of the finer one.
COUNT = """
    with spot as (
        select layer, id, grade, sign,
            world_column(ST_X(at)) x, world_row(ST_Y(at)) y
        from (select layer, id, grade, sign, case when ST_GeometryType(geom) = 'ST_Point'
            then geom else ST_PointOnSurface(geom) end at from ({rows}) given) placed
    ), fine as materialized (
        select layer, cell_number(x, y) cell, many, grade1, grade2, grade3, grade4,
            columns, rows, ids
        from (select layer, x >> 17 x, y >> 17 y, sum(sign) many,
            count(*) filter (where grade = 1 and sign > 0)
                - count(*) filter (where grade = 1 and sign < 0) grade1,
            count(*) filter (where grade = 2 and sign > 0)
                - count(*) filter (where grade = 2 and sign < 0) grade2,
            count(*) filter (where grade = 3 and sign > 0)
                - count(*) filter (where grade = 3 and sign < 0) grade3,
            count(*) filter (where grade = 4 and sign > 0)
                - count(*) filter (where grade = 4 and sign < 0) grade4,
            sum(sign * x) columns, sum(sign * y) rows, sum(sign * id) ids
            from spot group by 1, 2, 3) summed
    )
    insert into feature_cell as c
    select layer, level, cell >> (28 - 2 * level), sum(many), sum(grade1), sum(grade2),
        sum(grade3), sum(grade4), sum(columns), sum(rows), sum(ids)
    from fine, unnest(array[4, 6, 8, 10, 12, 14]) level
    group by 1, 2, 3
    on conflict (layer, level, cell) do update set many = c.many + excluded.many,
        grade1 = c.grade1 + excluded.grade1, grade2 = c.grade2 + excluded.grade2,
        grade3 = c.grade3 + excluded.grade3, grade4 = c.grade4 + excluded.grade4,
        columns = c.columns + excluded.columns, rows = c.rows + excluded.rows,
        ids = c.ids + excluded.ids
"""
INSERTED = "select layer, id, grade, geom, 1 sign from new_rows"
DELETED = "select layer, id, grade, geom, -1 sign from old_rows"
UPDATED = """
    select v.layer, v.id, v.grade, v.geom, v.sign
    from old_rows o join new_rows n on n.layer = o.layer and n.id = o.id,
        lateral (values (o.layer, o.id, o.grade, o.geom, -1), (n.layer, n.id, n.grade, n.geom, 1))
            v(layer, id, grade, geom, sign)
    where o.grade is distinct from n.grade or not ST_OrderingEquals(o.geom, n.geom)
"""

# They run after the trigger that has locked the layer's row: the names are in that order.
TRIGGER = """
create function feature_{what}_cells() returns trigger language plpgsql as $$
begin
    {count};
    return null;
end $$;
create trigger feature_{what}_cells after {event} on feature referencing {tables}
    for each statement execute function feature_{what}_cells();
"""

# A change says where its features were before: the tiles there are made anew as well.
UPDATE = """
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
                    'old_lon', round(ST_X(ST_PointOnSurface(o.geom))::numeric, 7),
                    'old_lat', round(ST_Y(ST_PointOnSurface(o.geom))::numeric, 7),
                    'lon', round(ST_X(ST_PointOnSurface(n.geom))::numeric, 7),
                    'lat', round(ST_Y(ST_PointOnSurface(n.geom))::numeric, 7)) order by n.id)
                from new_rows n join old_rows o on o.layer = n.layer and o.id = n.id
                left join region r on r.code = n.region_code
                where n.layer = part.layer) end,
            part.who);
    end loop;
    return null;
end $$;
"""

# For what came in without the triggers.
RECOUNT = """
create function feature_cells_recounted() returns void language plpgsql as $$
begin
    delete from feature_cell;
    {count};
end $$;
select feature_cells_recounted();
"""


def upgrade() -> None:
    op.execute(TABLES + UPDATE)
    new, old = "new table as new_rows", "old table as old_rows"
    for what, event, tables, rows in (
        ("inserted", "insert", new, INSERTED),
        ("updated", "update", f"{old} {new}", UPDATED),
        ("deleted", "delete", old, DELETED),
    ):
        count = COUNT.format(rows=rows)
        op.execute(TRIGGER.format(what=what, event=event, tables=tables, count=count))
    everything = "select layer, id, grade, geom, 1 sign from feature"
    op.execute(RECOUNT.format(count=COUNT.format(rows=everything)))


def downgrade() -> None:
    op.execute("""
        drop trigger feature_inserted_cells on feature;
        drop trigger feature_updated_cells on feature;
        drop trigger feature_deleted_cells on feature;
        drop function feature_inserted_cells, feature_updated_cells, feature_deleted_cells;
        drop function feature_cells_recounted, cell_number, world_column, world_row;
        drop table feature_cell;
    """)
