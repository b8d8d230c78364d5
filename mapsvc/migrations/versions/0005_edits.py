"""A single edit is a change set too: kept among the uploads, told apart by its kind."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table upload add column kind text not null default 'file',"
        " add constraint upload_kind check (kind in ('file','edit'))"
    )


def downgrade() -> None:
    op.execute("alter table upload drop column kind")
