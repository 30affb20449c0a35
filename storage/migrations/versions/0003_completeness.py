"""Evidence for completeness: how associations ended, and when a waiting series is looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table of ended associations and two columns, empty for what is there."""
    op.create_table(
        "associations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ending", sa.String(length=16), nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ending IN ('released', 'aborted')", name="ending_known"),
        sa.PrimaryKeyConstraint("id", name="pk_associations"),
        sa.UniqueConstraint("name", name="uq_associations_name"),
    )
    op.add_column("instances", sa.Column("association", sa.String(length=64), nullable=True))
    op.add_column("series", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Forget the evidence."""
    op.drop_column("series", "not_before")
    op.drop_column("instances", "association")
    op.drop_table("associations")
