"""What people have to know becomes a table, and what was done can only be added to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TO_FORWARD = sa.text("forwarded_at IS NULL")
_OPEN = sa.text("state <> 'over'")
_QUEUED = sa.text("state = 'queued'")
_FIXED = "id, at, person, host, action, subject, subject_id, done, detail, facts"


def upgrade() -> None:
    """Add the tables of notices, empty; let the database itself refuse changes of `actions`."""
    op.add_column("actions", sa.Column("facts", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("actions", sa.Column("forwarded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "actions_to_forward",
        "actions",
        ["id"],
        unique=False,
        sqlite_where=_TO_FORWARD,
        postgresql_where=_TO_FORWARD,
    )
    _create_notices()
    _create_sends()
    _guard_actions()


def downgrade() -> None:
    """Forget the notices, and let actions be changed."""
    for name in ("actions_stay", "actions_stay_as_they_are"):
        on = "" if op.get_bind().dialect.name == "sqlite" else " ON actions"
        op.execute(f"DROP TRIGGER {name}{on}")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_change()")
    op.drop_table("notice_sends")
    op.drop_table("notices")
    op.drop_index("actions_to_forward", table_name="actions")
    with op.batch_alter_table("actions") as table:
        table.drop_column("forwarded_at")
        table.drop_column("facts")


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'raised', 'over')", name="state_known"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index(
        "one_open_notice",
        "notices",
        ["event", "key"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("notices_by_key", "notices", ["event", "key", "id"], unique=False)


def _create_sends() -> None:
    op.create_table(
        "notice_sends",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed', 'dropped')", name="state_known"),
        sa.CheckConstraint("phase IN ('raised', 'reminder', 'over')", name="phase_known"),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name="fk_notice_sends_notice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notice_sends"),
    )
    op.create_index("ix_notice_sends_notice_id", "notice_sends", ["notice_id"], unique=False)
    op.create_index(
        "notice_sends_waiting",
        "notice_sends",
        ["channel", "id"],
        unique=False,
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_index(
        "notice_sends_by_channel", "notice_sends", ["channel", "finished_at"], unique=False
    )


def _guard_actions() -> None:
    """Refuse UPDATE and DELETE in the database; a later rebuild of the table has to do it anew."""
    if op.get_bind().dialect.name == "sqlite":
        refusal = "BEGIN SELECT RAISE(ABORT, 'actions can only be added to'); END"
    else:
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION ''actions can only be added to''; END'"
        )
        refusal = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    op.execute(f"CREATE TRIGGER actions_stay BEFORE DELETE ON actions {refusal}")
    op.execute(
        f"CREATE TRIGGER actions_stay_as_they_are BEFORE UPDATE OF {_FIXED} ON actions {refusal}"
    )
