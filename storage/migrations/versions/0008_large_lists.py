"""What is asked again and again is read along an index, also among millions of rows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WITH_FILES = sa.text("purged_at IS NULL OR last_received_at >= purged_at")
_WAITING = sa.text("state IN ('queued', 'sending')")
_QUEUED = sa.text("state = 'queued'")


def upgrade() -> None:
    """Add indexes for retention and the audit page; let that of the delivery queue be usable."""
    op.create_index(
        "series_with_files",
        "series",
        ["state", "last_received_at", "id"],
        unique=False,
        sqlite_where=_WITH_FILES,
        postgresql_where=_WITH_FILES,
    )
    op.create_index("actions_by_kind", "actions", ["subject", "id"], unique=False)
    op.drop_index("deliveries_waiting", table_name="deliveries")
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["destination", "not_before", "id"],
        unique=False,
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )


def downgrade() -> None:
    """Bring the indexes back to what they were."""
    op.drop_index("deliveries_waiting", table_name="deliveries")
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["destination", "not_before"],
        unique=False,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.drop_index("actions_by_kind", table_name="actions")
    op.drop_index("series_with_files", table_name="series")
