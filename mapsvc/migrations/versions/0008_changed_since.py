"""What changed since a moment is found at once: a past map is today's, less that."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index feature_updated_idx on feature (updated_at)")


def downgrade() -> None:
    op.execute("drop index feature_updated_idx")
