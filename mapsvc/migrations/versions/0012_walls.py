"""The second wall: row security for the service's own roles; the grants are in mapsvc.walls."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Who is asking stands in settings of the connection. Each is read once a statement: a policy asks
# in a subquery of its own, which the planner makes an InitPlan.
ASKED = """
create function mapsvc_may(variadic rights text[]) returns boolean
stable parallel safe language sql as $$
    select string_to_array(coalesce(current_setting('mapsvc.rights', true), ''), ',') && rights
$$;
create function mapsvc_scope() returns text stable parallel safe language sql as $$
    select nullif(current_setting('mapsvc.scope', true), '')
$$;
"""

_MINE = """((select mapsvc_scope()) is null or {region} in (
    select code from region where path @> array[(select mapsvc_scope())]))"""
_WRITES = "(select mapsvc_may('edit', 'upload'))"
_OWN_ROWS = """((select mapsvc_scope()) is null or upload_id in (select id from upload))"""
_INSIDE = """((select mapsvc_scope()) is null or coalesce((
    select ST_Covers(geom, area) from region where code = (select mapsvc_scope())), false))"""


def _policies(table: str, reads: str, writes: str, *commands: str) -> str:
    """Row security on a table: which rows the service's role sees, which it may write."""
    made = f"""
        alter table {table} enable row level security;
        create policy {table}_read on {table} for select to mapsvc_service using ({reads});
    """
    for command in commands:
        rows = {
            "insert": f"with check ({writes})",
            "update": f"using ({writes}) with check ({writes})",
            "delete": f"using ({writes})",
        }[command]
        made += (
            f"create policy {table}_{command} on {table} for {command} to mapsvc_service {rows};"
        )
    return made


# All who read read all features (personal fields are masked by the query): a condition here would
# keep the spatial index from being used, whose operators are not leakproof.
FEATURES = _policies(
    "feature",
    "true",
    f"{_WRITES} and {_MINE.format(region='region_code')}",
    "insert",
    "update",
    "delete",
)
CLOSURES = _policies(
    "closure", "true", f"(select mapsvc_may('close_roads')) and {_INSIDE}", "insert", "update"
)
UPLOADS = (
    _policies(
        "upload",
        _MINE.format(region="region_code"),
        f"{_WRITES} and {_MINE.format(region='region_code')}",
        "insert",
        "update",
        "delete",
    )
    + _policies("upload_row", _OWN_ROWS, f"{_WRITES} and {_OWN_ROWS}", "insert", "delete")
    + _policies("upload_problem", _OWN_ROWS, f"{_WRITES} and {_OWN_ROWS}", "insert", "delete")
)
RECORD = """
alter table audit enable row level security;
create policy audit_read on audit for select to mapsvc_service, mapsvc_door
    using ((select mapsvc_may('reads_record')));
"""

# Whoever signs in is looked up by nobody, and notes on his account when; accounts are made and
# deleted by who manages them, and the very first one by whoever holds the printed code.
PEOPLE = """
create function no_account_yet() returns boolean
stable language sql security definer set search_path = public, pg_temp as $$
    select not exists (select from account)
$$;
alter table account enable row level security;
create policy account_read on account for select to mapsvc_service, mapsvc_door using (true);
create policy account_update on account for update to mapsvc_service, mapsvc_door
    using (true) with check (true);
create policy account_insert on account for insert to mapsvc_service, mapsvc_door
    with check ((select mapsvc_may('manages_accounts')) or (select no_account_yet()));
create policy account_delete on account for delete to mapsvc_service
    using ((select mapsvc_may('manages_accounts')));
alter table kiosk enable row level security;
create policy kiosk_read on kiosk for select to mapsvc_service, mapsvc_door using (true);
create policy kiosk_update on kiosk for update to mapsvc_service, mapsvc_door
    using (true) with check (true);
create policy kiosk_insert on kiosk for insert to mapsvc_service
    with check ((select mapsvc_may('manages_accounts')));
create policy kiosk_delete on kiosk for delete to mapsvc_service
    using ((select mapsvc_may('manages_accounts')));
"""

# What the service does beside its own rows, and no more of it. The auditor finds the entries of a
# feature's uploads without reading either.
DEEDS = """
create function feature_uploads(of_layer text, of_id bigint) returns setof uuid
stable language sql security definer set search_path = public, pg_temp as $$
    select upload_id from feature where layer = of_layer and id = of_id
    union select upload_id from feature_history where layer = of_layer and id = of_id
    union select id from upload u, jsonb_array_elements(u.reading -> 'deleted') d
        where u.layer = of_layer and (d ->> 0)::bigint = of_id
$$;
create function changes_trimmed(kept interval) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    reached bigint;
begin
    with gone as (
        delete from change where at < now() - greatest(kept, interval '1 day') returning position
    )
    select max(position) into reached from gone;
    if reached is not null then
        insert into setting (key, value) values ('changes_trimmed_to', to_jsonb(reached))
        on conflict (key) do update set value = excluded.value;
    end if;
end $$;
revoke execute on function feature_uploads, changes_trimmed from public;
grant execute on function feature_uploads to mapsvc_service, mapsvc_door;
grant execute on function changes_trimmed to mapsvc_service;
"""


def upgrade() -> None:
    op.execute(ASKED + FEATURES + CLOSURES + UPLOADS + RECORD + PEOPLE + DEEDS)


def downgrade() -> None:
    raise NotImplementedError("the second wall stays")
