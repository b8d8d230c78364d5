"""Accounts: age of passwords, second factors, refused sign-ins, kiosks, sessions that tell."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ACCOUNTS = """
alter table account
    add column password_at timestamptz default now() not null,
    add column must_change boolean default false not null,
    add column locked boolean default false not null,
    add column signed_in_at timestamptz,
    add column totp_secret text,
    add column totp_step bigint default 0 not null,
    add column recovery bytea[] default '{}' not null;
create table familiar (
    username text not null,
    address text not null,
    at timestamptz default now() not null,
    primary key (username, address),
    foreign key (username) references account (username) on delete cascade
);
create table attempt (
    key text not null,
    failures integer default 1 not null,
    refused integer default 0 not null,
    last_at timestamptz default clock_timestamp() not null,
    free_at timestamptz default clock_timestamp() not null,
    primary key (key)
);
create index attempt_last_idx on attempt (last_at);
"""

SESSIONS = """
create table kiosk (
    id bigserial not null,
    name text not null,
    token_hash bytea not null,
    created_at timestamptz default now() not null,
    created_by text default '' not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    used_from text default '' not null,
    primary key (id)
);
create unique index kiosk_name_key on kiosk (name);
create unique index kiosk_token_key on kiosk (token_hash);
alter table session
    alter column username drop not null,
    add column id bigserial not null,
    add column kiosk_id bigint references kiosk (id) on delete cascade,
    add column kind text default 'page' not null,
    add column address text default '' not null,
    add column agent text default '' not null,
    add column seen_at timestamptz default now() not null,
    add constraint session_kind check (kind in ('page','single','token','kiosk')),
    add constraint session_whose check ((username is null) <> (kiosk_id is null));
create unique index session_id_key on session (id);
create index session_kiosk_idx on session (kiosk_id);
"""

# What a person may do, and how he proves who he is, changes only on record.
WATCHED = """
drop trigger audit_unrecorded on account;
create constraint trigger audit_unrecorded after insert or delete
        or update of password_hash, roles, region_code, locked, must_change, totp_secret on account
    deferrable initially deferred for each row execute function audit_unrecorded();
create constraint trigger audit_unrecorded after insert or delete
        or update of token_hash, expires_at on kiosk
    deferrable initially deferred for each row execute function audit_unrecorded();
"""


def upgrade() -> None:
    op.execute(ACCOUNTS + SESSIONS + WATCHED)


def downgrade() -> None:
    raise NotImplementedError("second factors and kiosks would be lost")
