"""The record: entries chained by their hashes in the order of commits, never changed again."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS = """
    username text not null,
    roles text[] default '{}' not null,
    ip text default '' not null,
    request_id text default '' not null,
    action text not null,
    layer text,
    subject text default '' not null,
    region_code text,
    old jsonb,
    new jsonb,
    upload_id uuid,
    sha256 text,
"""

TABLES = f"""
create table audit (
    id bigint not null,
    at timestamptz not null,
    {COLUMNS}
    prev_hash bytea not null,
    hash bytea not null,
    primary key (id)
);
create index audit_at_idx on audit (at);
create index audit_username_idx on audit (username, id);
create index audit_subject_idx on audit (layer, subject, id);
create index audit_upload_idx on audit (upload_id);
create table audit_draft (
    id bigserial not null,
    {COLUMNS}
    primary key (id)
);
create table audit_head (
    single boolean default true not null,
    first_id bigint default 1 not null,
    first_prev bytea default sha256('mapsvc') not null,
    last_id bigint default 0 not null,
    last_hash bytea default sha256('mapsvc') not null,
    primary key (single),
    constraint audit_head_single check (single)
);
insert into audit_head default values;
"""

# What is hashed: the entry as text, the same wherever and whenever it is computed.
TEXT = """
create function audit_text(entry audit) returns text language sql stable as $$
    select jsonb_build_object('id', entry.id,
        'at', to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'),
        'username', entry.username, 'roles', entry.roles, 'ip', entry.ip,
        'request_id', entry.request_id, 'action', entry.action, 'layer', entry.layer,
        'subject', entry.subject, 'region_code', entry.region_code, 'old', entry.old,
        'new', entry.new, 'upload_id', entry.upload_id, 'sha256', entry.sha256)::text
$$;
create function audit_hash(entry audit) returns bytea language sql stable as $$
    select sha256(entry.prev_hash || convert_to(audit_text(entry), 'UTF8'))
$$;
"""

# Sealed at the very end of a transaction, under the lock that orders the log of changes too (one
# lock, so that two transactions never wait for each other): the chain's order is the commits'.
SEALED = """
create function audit_sealed() returns trigger language plpgsql as $$
declare
    entry audit;
    head audit_head;
begin
    perform pg_advisory_xact_lock(1835104371, 1);
    select * into head from audit_head for update;
    entry := row(head.last_id + 1, clock_timestamp(), new.username, new.roles, new.ip,
        new.request_id, new.action, new.layer, new.subject, new.region_code, new.old, new.new,
        new.upload_id, new.sha256, head.last_hash, ''::bytea)::audit;
    entry.hash := audit_hash(entry);
    insert into audit select entry.*;
    update audit_head set last_id = entry.id, last_hash = entry.hash;
    delete from audit_draft where id = new.id;
    return null;
end $$;
create constraint trigger audit_sealed after insert on audit_draft
    deferrable initially deferred for each row execute function audit_sealed();

create function audit_noted() returns trigger language plpgsql as $$
begin
    perform set_config('mapsvc.recorded', pg_current_xact_id()::text, true);
    return null;
end $$;
create trigger audit_noted after insert on audit_draft
    for each statement execute function audit_noted();
"""

# Six months is the law's least; no setting goes below it.
KEPT = """
create function audit_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_level = 'ROW' then
        if current_setting('mapsvc.audit_prune', true) = 'on'
                and old.at < now() - interval '6 months' then
            return old;
        end if;
    end if;
    raise exception 'the record is only ever added to' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_kept before update or delete on audit
    for each row execute function audit_kept();
create trigger audit_not_emptied before truncate on audit
    for each statement execute function audit_kept();
create trigger audit_head_kept before delete or truncate on audit_head
    for each statement execute function audit_kept();
"""

# A write that came without an entry (somebody at a database prompt) gets one by itself.
UNRECORDED = """
create function audit_unrecorded() returns trigger language plpgsql as $$
begin
    if current_setting('mapsvc.recorded', true) is distinct from pg_current_xact_id()::text then
        insert into audit_draft (username, ip, action, layer, subject, new)
        values (session_user, coalesce(host(inet_client_addr()), ''), 'database.write',
            case when tg_table_name = 'change' then to_jsonb(new) ->> 'layer' end,
            tg_table_name || ' ' || lower(tg_op),
            case when tg_table_name = 'change'
                then jsonb_build_object('event', to_jsonb(new) ->> 'event')
                    || ((to_jsonb(new) -> 'data') - 'summary') end);
    end if;
    return null;
end $$;
create constraint trigger audit_unrecorded after insert on change
    deferrable initially deferred for each row execute function audit_unrecorded();
create constraint trigger audit_unrecorded after insert or delete
        or update of password_hash, roles, region_code on account
    deferrable initially deferred for each row execute function audit_unrecorded();
create constraint trigger audit_unrecorded after insert or update or delete on region
    deferrable initially deferred for each row execute function audit_unrecorded();
create constraint trigger audit_unrecorded after insert or update or delete on road_network
    deferrable initially deferred for each row execute function audit_unrecorded();
create constraint trigger audit_unrecorded after insert or update on setting
    deferrable initially deferred for each row
        when (new.key not in ('changes_trimmed_to', 'region_version'))
    execute function audit_unrecorded();
create constraint trigger audit_unrecorded_gone after delete on setting
    deferrable initially deferred for each row execute function audit_unrecorded();
"""


def upgrade() -> None:
    op.execute(TABLES + TEXT + SEALED + KEPT + UNRECORDED)


def downgrade() -> None:
    raise NotImplementedError("the record stays")
