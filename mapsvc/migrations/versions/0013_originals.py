"""Uploaded files are kept as they came: to compress a large one cost more than to read it."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table upload alter column original set storage external")


def downgrade() -> None:
    op.execute("alter table upload alter column original set storage extended")
