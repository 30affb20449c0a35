"""What a destination stored becomes something to confirm, by storage commitment or C-FIND."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TO_CONFIRM = sa.text("check_at IS NOT NULL")
_TIMES = ("queued_at", "stored_at", "check_at")
_COUNTS = ("checks", "losses")


def upgrade() -> None:
    """Add columns and tables; nobody is asked about what was stored before."""
    for name in _TIMES:
        op.add_column("deliveries", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in _COUNTS:
        op.add_column("deliveries", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("confirmed_by", sa.String(length=16), nullable=True))
    op.add_column("deliveries", sa.Column("released", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE deliveries SET queued_at = created_at, checks = 0, losses = 0, released = false, "
        "stored_at = CASE WHEN state = 'stored' THEN finished_at END"
    )
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("queued_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        for name in _COUNTS:
            table.alter_column(name, existing_type=sa.Integer(), nullable=False)
        table.alter_column("released", existing_type=sa.Boolean(), nullable=False)
    op.create_index(
        "deliveries_to_confirm",
        "deliveries",
        ["destination", "check_at"],
        unique=False,
        sqlite_where=_TO_CONFIRM,
        postgresql_where=_TO_CONFIRM,
    )
    _create_commitments()


def downgrade() -> None:
    """Forget who confirmed what."""
    op.drop_table("commitment_items")
    op.drop_table("commitments")
    op.drop_index("deliveries_to_confirm", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        for name in (*_TIMES, *_COUNTS, "confirmed_by", "released"):
            table.drop_column(name)


def _create_commitments() -> None:
    op.create_table(
        "commitments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commitments"),
        sa.UniqueConstraint("transaction_uid", name="uq_commitments_transaction_uid"),
    )
    op.create_table(
        "commitment_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commitment_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=True),
        sa.Column("failure_reason", sa.Integer(), nullable=True),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["commitment_id"], ["commitments.id"], name="fk_commitment_items_commitment_id"
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_commitment_items_delivery_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_commitment_items"),
        sa.UniqueConstraint(
            "commitment_id", "delivery_id", name="uq_commitment_items_commitment_id_delivery_id"
        ),
    )
    op.create_index(
        "ix_commitment_items_delivery_id", "commitment_items", ["delivery_id"], unique=False
    )
