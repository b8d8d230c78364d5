"""A number that changes with the regions, for what is kept in memory of them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TRIGGER = """
create function region_changed() returns trigger language plpgsql as $$
begin
    insert into setting (key, value) values ('region_version', '1')
    on conflict (key) do update set value = to_jsonb((setting.value)::bigint + 1);
    return null;
end $$;
create trigger region_changed after insert or update or delete or truncate on region
    for each statement execute function region_changed();
"""


def upgrade() -> None:
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("drop trigger region_changed on region; drop function region_changed()")
