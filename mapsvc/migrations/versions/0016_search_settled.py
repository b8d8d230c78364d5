"""Search texts of many features at once are put into their index after the commit, by the service.

Until then they wait in the index's list, which a search reads as well.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Only the owner of an index may empty its list.
SETTLED = """
create function search_settled() returns bigint
language sql security definer set search_path = public, pg_temp as $$
    select coalesce(sum(gin_clean_pending_list(i.indexrelid)), 0)::bigint
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    join pg_inherits p on p.inhrelid = i.indrelid
    where p.inhparent = 'feature'::regclass and a.amname = 'gin'
$$;
revoke execute on function search_settled from public;
grant execute on function search_settled to mapsvc_service;
"""


def upgrade() -> None:
    op.execute(SETTLED)


def downgrade() -> None:
    op.execute("drop function search_settled")
