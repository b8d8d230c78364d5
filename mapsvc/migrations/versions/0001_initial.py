"""Regions, features with history, uploads, accounts, ground."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
create sequence feature_id_seq;
create table account (
    username text not null,
    password_hash text not null,
    role text not null,
    region_code text,
    created_at timestamptz default now() not null,
    primary key (username),
    constraint account_role check (role in ('admin','command','planner','township')),
    constraint account_township_region check ((role = 'township') = (region_code is not null))
);
create table feature (
    layer text not null,
    id bigint default nextval('feature_id_seq') not null,
    code text,
    name text not null,
    region_code text,
    township_code text default '' not null,
    geom geometry(geometry,4326) not null,
    attrs jsonb default '{}' not null,
    grade smallint,
    search text default '' not null,
    version integer default 1 not null,
    updated_at timestamptz default clock_timestamp() not null,
    updated_by text default '' not null,
    verified_at date,
    upload_id uuid,
    provenance jsonb default '{}' not null,
    primary key (layer, id)
) partition by list (layer);
create unique index feature_code_key on feature (layer, township_code, code) where code is not null;
create index feature_geom_idx on feature using gist (geom);
create index feature_name_idx on feature (township_code, name);
create index feature_region_idx on feature (region_code);
create index feature_search_idx on feature using gin (search gin_trgm_ops);
create table feature_history (
    layer text not null,
    code text,
    name text not null,
    region_code text,
    township_code text default '' not null,
    geom geometry(geometry,4326) not null,
    attrs jsonb default '{}' not null,
    grade smallint,
    search text default '' not null,
    version integer default 1 not null,
    updated_at timestamptz default clock_timestamp() not null,
    updated_by text default '' not null,
    verified_at date,
    upload_id uuid,
    provenance jsonb default '{}' not null,
    id bigint not null,
    valid_to timestamptz not null,
    op text not null,
    changed_by text default '' not null,
    primary key (layer, id, version)
);
create index feature_history_time_idx on feature_history (layer, valid_to, updated_at);
create index feature_history_upload_idx on feature_history (upload_id);
create table ground (
    id bigserial not null,
    kind text not null,
    class text default '' not null,
    name text default '' not null,
    bridge boolean default false not null,
    geom geometry(geometry,4326) not null,
    primary key (id)
);
create index ground_geom_idx on ground using gist (geom);
create index ground_kind_idx on ground (kind);
create table layer (
    id text not null,
    version bigint default 0 not null,
    feature_count bigint default 0 not null,
    updated_at timestamptz default now() not null,
    primary key (id)
);
create table region (
    code text not null,
    name text not null,
    level text not null,
    parent_code text,
    path text[] not null,
    search text default '' not null,
    geom geometry(multipolygon,4326) not null,
    primary key (code),
    constraint region_level check (level in ('province','city','county','township','village')),
    foreign key(parent_code) references region (code) deferrable initially deferred
);
create index region_geom_idx on region using gist (geom);
create index region_level_idx on region (level, code);
create index region_path_idx on region using gin (path);
create table relief (
    id text not null,
    png bytea not null,
    west double precision not null,
    south double precision not null,
    east double precision not null,
    north double precision not null,
    primary key (id)
);
create table setting (
    key text not null,
    value jsonb default '{}' not null,
    primary key (key)
);
create table upload (
    id uuid not null,
    layer text not null,
    region_code text,
    filename text not null,
    sha256 text not null,
    original bytea not null,
    status text not null,
    declared_crs text not null,
    used_crs text,
    evidence jsonb default '[]' not null,
    reading jsonb default '{}' not null,
    counts jsonb default '{}' not null,
    layer_version bigint not null,
    created_at timestamptz default now() not null,
    created_by text not null,
    applied_at timestamptz,
    applied_by text,
    applied_version bigint,
    basis text default '' not null,
    delete_missing boolean default false not null,
    primary key (id),
    constraint upload_status check (status in ('staged','applied','rolled_back'))
);
-- Most files are compressed already, and a clerk waits while the others would be.
alter table upload alter column original set storage external;
create index upload_created_idx on upload (created_at);
create index upload_sha256_idx on upload (sha256);
create table session (
    token_hash bytea not null,
    username text not null,
    created_at timestamptz default now() not null,
    expires_at timestamptz not null,
    primary key (token_hash),
    foreign key(username) references account (username) on delete cascade
);
create index session_username_idx on session (username);
create table upload_problem (
    upload_id uuid not null,
    seq integer not null,
    sheet text not null,
    row integer,
    "column" text,
    field text,
    code text not null,
    message text not null,
    value text,
    severity text default 'error' not null,
    primary key (upload_id, seq),
    foreign key(upload_id) references upload (id) on delete cascade
);
create table upload_row (
    upload_id uuid not null,
    seq integer not null,
    sheet text not null,
    row integer not null,
    action text not null,
    lead_seq integer,
    feature_id bigint,
    base_version integer,
    code text,
    name text,
    region_code text,
    township_code text,
    geom geometry(geometry,4326),
    attrs jsonb,
    grade smallint,
    search text,
    verified_at date,
    moved_m double precision,
    provenance jsonb default '{}' not null,
    raw jsonb default '{}' not null,
    primary key (upload_id, seq),
    constraint upload_row_action check (
        action in ('new','changed','unchanged','refused','skipped'))
);
"""

# Whoever changes a feature, by whatever statement: the old version is kept, the layer's version
# and count move in the same transaction, and listeners hear of it when it commits.
TRIGGERS = """
create function layer_touched(touched text, gained bigint) returns void language sql as $$
    with bumped as (
        update layer set version = version + 1, feature_count = feature_count + gained,
            updated_at = clock_timestamp()
        where id = touched returning id, version
    )
    select pg_notify('mapsvc_layer', id || ':' || version) from bumped
$$;

create function feature_inserted() returns trigger language plpgsql as $$
begin
    perform layer_touched(layer, count(*)) from new_rows group by layer order by layer;
    return null;
end $$;

create function feature_updated() returns trigger language plpgsql as $$
begin
    insert into feature_history (layer, id, code, name, region_code, township_code, geom,
        attrs, grade, search, version, updated_at, updated_by, verified_at, upload_id, provenance,
        valid_to, op, changed_by)
    select o.layer, o.id, o.code, o.name, o.region_code, o.township_code, o.geom,
        o.attrs, o.grade, o.search, o.version, o.updated_at, o.updated_by, o.verified_at,
        o.upload_id, o.provenance,
        n.updated_at, 'update', n.updated_by
    from old_rows o join new_rows n using (layer, id);
    perform layer_touched(layer, 0) from new_rows group by layer order by layer;
    return null;
end $$;

create function feature_deleted() returns trigger language plpgsql as $$
begin
    insert into feature_history (layer, id, code, name, region_code, township_code, geom,
        attrs, grade, search, version, updated_at, updated_by, verified_at, upload_id, provenance,
        valid_to, op, changed_by)
    select o.layer, o.id, o.code, o.name, o.region_code, o.township_code, o.geom,
        o.attrs, o.grade, o.search, o.version, o.updated_at, o.updated_by, o.verified_at,
        o.upload_id, o.provenance,
        greatest(clock_timestamp(), o.updated_at + interval '1 microsecond'), 'delete',
        coalesce(current_setting('mapsvc.actor', true), '')
    from old_rows o;
    perform layer_touched(layer, -count(*)) from old_rows group by layer order by layer;
    return null;
end $$;

create trigger feature_inserted after insert on feature
    referencing new table as new_rows for each statement execute function feature_inserted();
create trigger feature_updated after update on feature
    referencing old table as old_rows new table as new_rows
    for each statement execute function feature_updated();
create trigger feature_deleted after delete on feature
    referencing old table as old_rows for each statement execute function feature_deleted();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(TRIGGERS)


def downgrade() -> None:
    raise NotImplementedError("the first schema has nothing before it")
