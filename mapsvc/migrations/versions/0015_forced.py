"""Row security binds the owner too; what the health page needs is read without the owner."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The owner works by a policy that says so, and by nothing else. The policy names a role, which is
# another one where a backup is restored: a function makes it there.
OWNER = """
create function owner_bound() returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    guarded record;
begin
    for guarded in
        select c.oid::regclass as name, c.relowner::regrole as owner, c.relforcerowsecurity forced,
            exists (select from pg_policy p where p.polrelid = c.oid
                and p.polname = 'owner_works' and p.polroles = array[c.relowner]) as works
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and c.relrowsecurity
    loop
        if not guarded.works then
            execute format('drop policy if exists owner_works on %s', guarded.name);
            execute format('create policy owner_works on %s for all to %s using (true)'
                ' with check (true)', guarded.name, guarded.owner);
        end if;
        if not guarded.forced then
            execute format('alter table %s force row level security', guarded.name);
        end if;
    end loop;
end $$;
revoke execute on function owner_bound from public;
select owner_bound();
"""

# What only the owner sees, and what of it the keeper of the service is told: no values, no texts.
KEEPER = """
create function service_state() returns json
stable language sql security definer set search_path = public, pg_temp as $$
    select json_build_object(
        'schema', (select version_num from alembic_version),
        'connections', (select count(*) from pg_stat_activity where usesysid is not null),
        'oldest_s', (select extract(epoch from max(clock_timestamp() - query_start))
            from pg_stat_activity where datname = current_database() and state = 'active'
            and backend_type = 'client backend' and pid <> pg_backend_pid()),
        'waiting', (select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock'),
        'entries', (select last_id - first_id + 1 from audit_head),
        'since', (select a.at from audit_head h join audit a on a.id = h.first_id))
$$;
revoke execute on function service_state from public;
grant execute on function service_state to mapsvc_service;
create policy audit_upkeep on audit for select to mapsvc_service using (
    (select mapsvc_may('reads_health')) and action in ('backup.made', 'backup.drilled',
        'record.verified', 'regions.loaded', 'roads.loaded', 'upload.refused'));
"""


def upgrade() -> None:
    op.execute(OWNER + KEEPER)


def downgrade() -> None:
    raise NotImplementedError("the second wall stays")
