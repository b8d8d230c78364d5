"""The road network that one can travel on, and the closures on it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
create table road_network (
    id bigserial not null,
    source text not null,
    loaded_at timestamptz default clock_timestamp() not null,
    loaded_by text default '' not null,
    nodes integer not null,
    edges integer not null,
    length_m double precision not null,
    first_edge bigint not null,
    light_mps double precision not null,
    truck_mps double precision not null,
    report jsonb default '{}' not null,
    primary key (id)
);
create table road_node (
    id integer not null,
    lon double precision not null,
    lat double precision not null,
    primary key (id)
);
create table road_edge (
    id bigint not null,
    way bigint not null,
    class text not null,
    name text default '' not null,
    ref text default '' not null,
    bridge boolean default false not null,
    tunnel boolean default false not null,
    roundabout boolean default false not null,
    light boolean not null,
    truck boolean not null,
    island integer not null,
    length_m double precision not null,
    geom geometry(linestring,4326) not null,
    primary key (id)
);
create index road_edge_geom_idx on road_edge using gist (geom);
create table road_arc (
    edge bigint not null,
    forward boolean not null,
    source integer not null,
    target integer not null,
    light_s double precision not null,
    truck_s double precision not null,
    primary key (edge, forward, source)
);
create table closure (
    id bigserial not null,
    reason text not null,
    geom geometry(geometry,4326) not null,
    radius_m double precision,
    area geometry(geometry,4326) not null,
    starts_at timestamptz default now() not null,
    ends_at timestamptz,
    created_at timestamptz default now() not null,
    created_by text not null,
    updated_at timestamptz default now() not null,
    updated_by text not null,
    ended_by text,
    primary key (id),
    constraint closure_ends_after_start check (ends_at >= starts_at)
);
create index closure_ends_idx on closure (ends_at);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("drop table closure, road_arc, road_edge, road_node, road_network")
