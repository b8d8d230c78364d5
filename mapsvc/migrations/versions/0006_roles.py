"""An account holds a set of roles; administering accounts and editing data are two of them."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Until now an administrator edited data too: those who are there go on as both.
ROLES = """
alter table account add column roles text[];
update account set roles = case role when 'admin' then array['admin','county'] else array[role] end;
alter table account alter column roles set not null,
    drop constraint account_township_region, drop column role,
    add constraint account_roles check (cardinality(roles) > 0 and roles <@
        array['admin','county','planner','command','wall','township','auditor']),
    add constraint account_township_region check (
        ('township' = any(roles)) = (region_code is not null)
        and (region_code is null or cardinality(roles) = 1));
"""


def upgrade() -> None:
    op.execute(ROLES)


def downgrade() -> None:
    raise NotImplementedError("one role cannot say what several did")
