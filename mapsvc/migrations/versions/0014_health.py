"""The newest entry of an action, and the uploads that nobody has confirmed, are found at once."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index audit_action_idx on audit (action, id)")
    op.execute("create index upload_staged_idx on upload (created_at) where status = 'staged'")


def downgrade() -> None:
    op.execute("drop index audit_action_idx; drop index upload_staged_idx")
