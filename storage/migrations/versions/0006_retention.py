"""What was received may be deleted: rows tell since when, and which files still have to go.

Histories stay append-only, but for one change: the words of a line may be taken away (erasure).
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PURGED = ("series", "instances", "report_objects")
_HISTORIES = {"series_events": "series_id", "job_events": "job_id"}


def upgrade() -> None:
    """Add `purged_at` where files belong to rows, the files to delete, and the leases of loops."""
    for table in _PURGED:
        op.add_column(table, sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("why IN ('retention', 'erasure')", name="why_known"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_removals_series_id"),
        sa.PrimaryKeyConstraint("id", name="pk_removals"),
    )
    op.create_index("ix_removals_series_id", "removals", ["series_id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    for table, parent in _HISTORIES.items():
        same = " AND ".join(f"NEW.{name} = OLD.{name}" for name in ("id", parent, "at", "kind"))
        _guard(table, f"WHEN (NOT (NEW.detail = '' AND {same}))")


def downgrade() -> None:
    """Forget what was deleted: rows name files that are gone."""
    for table in _HISTORIES:
        _guard(table, "")
    op.drop_table("leases")
    op.drop_index("ix_removals_series_id", table_name="removals")
    op.drop_table("removals")
    for table in reversed(_PURGED):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("purged_at")


def _guard(table: str, when: str) -> None:
    """Refuse to change lines of a history, by the trigger that the first migration named."""
    name = f"{table}_append_only"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {name}")
        action = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} {when} {action}")
        return
    op.execute(f"DROP TRIGGER {name} ON {table}")
    action = "EXECUTE FUNCTION refuse_history_change()"
    op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW {when} {action}")
