"""What people did becomes a table, and the administrator's lists get indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = (
    ("series_by_time", "series", ["first_received_at", "id"]),
    ("series_by_state_and_time", "series", ["state", "first_received_at", "id"]),
    ("series_by_sender", "series", ["calling_ae_title", "first_received_at", "id"]),
    (
        "series_by_sender_and_state",
        "series",
        ["calling_ae_title", "state", "first_received_at", "id"],
    ),
    ("deliveries_by_destination", "deliveries", ["destination", "id"]),
    ("deliveries_by_destination_and_state", "deliveries", ["destination", "state", "id"]),
)


def upgrade() -> None:
    """Add the table of actions, empty, and the indexes."""
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_actions"),
    )
    op.create_index("actions_by_subject", "actions", ["subject", "subject_id", "id"], unique=False)
    op.create_index("actions_by_person", "actions", ["person", "id"], unique=False)
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns, unique=False)


def downgrade() -> None:
    """Forget what people did, and drop the indexes."""
    for name, table, _columns in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("actions")
