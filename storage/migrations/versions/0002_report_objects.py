"""A report becomes several objects, and jobs learn to withdraw one.

What was one row of `reports` is now the result (`reports`) and the one object that was made of it
(`report_objects`), which deliveries refer to. Every row is kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('queued', 'running')")
_JSON = sa.JSON(none_as_null=True)
_OBJECT_COLUMNS = ("sop_instance_uid", "sop_class_uid", "series_instance_uid", "path", "sha256")


def upgrade() -> None:
    """Split the reports, point the deliveries at objects, and give jobs a kind."""
    _create_objects()
    _split_reports()
    _redirect_deliveries()
    _strip_reports()
    _give_jobs_a_kind()


def downgrade() -> None:
    """Refuse: several objects of one report do not fit into the one row of before.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("0002 cannot be undone; restore the backup of the database made before it")


def _create_objects() -> None:
    op.create_table(
        "report_objects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_number", sa.Integer(), nullable=False),
        sa.Column("names", _JSON, nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_report_objects_report_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_objects"),
        sa.UniqueConstraint("sop_instance_uid", name="uq_report_objects_sop_instance_uid"),
        sa.UniqueConstraint(
            "report_id", "kind", "variant", name="uq_report_objects_report_id_kind_variant"
        ),
    )


def _split_reports() -> None:
    """Make one object of each report: so far all were Comprehensive 3D SR with the prefix."""
    op.execute(
        "INSERT INTO report_objects (report_id, kind, variant, sop_instance_uid, sop_class_uid, "
        "study_instance_uid, series_instance_uid, instance_number, names, path, sha256, "
        "created_at, current) "
        "SELECT reports.id, 'report', 'comprehensive-3d+cornerstone', sop_instance_uid, "
        "sop_class_uid, series.study_instance_uid, reports.series_instance_uid, 1, '[]', path, "
        "sha256, created_at, current "
        "FROM reports JOIN series ON series.id = reports.series_id ORDER BY reports.id"
    )


def _redirect_deliveries() -> None:
    op.add_column("deliveries", sa.Column("object_id", sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("offered", sa.Boolean(), nullable=True))
    op.execute(
        "UPDATE deliveries SET object_id = (SELECT report_objects.id FROM report_objects "
        "WHERE report_objects.report_id = deliveries.report_id), "
        "offered = (attempts > 0 OR state IN ('sending', 'stored', 'committed'))"
    )
    op.drop_index("ix_deliveries_report_id", table_name="deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint("uq_deliveries_report_id_destination", type_="unique")
        table.drop_constraint("fk_deliveries_report_id", type_="foreignkey")
        table.drop_column("report_id")
        table.alter_column("object_id", existing_type=sa.Integer(), nullable=False)
        table.alter_column("offered", existing_type=sa.Boolean(), nullable=False)
        table.create_foreign_key("fk_deliveries_object_id", "report_objects", ["object_id"], ["id"])
        table.create_unique_constraint(
            "uq_deliveries_object_id_destination", ["object_id", "destination"]
        )
    op.create_index("ix_deliveries_object_id", "deliveries", ["object_id"], unique=False)


def _strip_reports() -> None:
    """Leave the result; a report of before is known by the UID of its object."""
    for name, kind in (
        ("key", sa.String(length=64)),
        ("content_key", sa.String(length=64)),
        ("study_instance_uid", sa.String(length=64)),
        ("frame_of_reference_uid", sa.String(length=64)),
        ("dispute", _JSON),
        ("withdrawn", sa.Text()),
    ):
        op.add_column("reports", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE reports SET key = sop_instance_uid, content_key = '', frame_of_reference_uid = '', "
        "study_instance_uid = (SELECT series.study_instance_uid FROM series "
        "WHERE series.id = reports.series_id)"
    )
    with op.batch_alter_table("reports") as table:
        table.drop_constraint("uq_reports_sop_instance_uid", type_="unique")
        for column in _OBJECT_COLUMNS:
            table.drop_column(column)
        for column in ("key", "content_key", "study_instance_uid", "frame_of_reference_uid"):
            table.alter_column(column, existing_type=sa.String(length=64), nullable=False)
        table.create_unique_constraint("uq_reports_key", ["key"])
    op.create_index(
        "reports_by_study",
        "reports",
        ["study_instance_uid", "frame_of_reference_uid"],
        unique=False,
    )


def _give_jobs_a_kind() -> None:
    op.add_column("jobs", sa.Column("kind", sa.String(length=16), nullable=True))
    op.add_column("jobs", sa.Column("reason", sa.Text(), nullable=True))
    op.execute("UPDATE jobs SET kind = 'localisation'")
    op.drop_index("one_open_job_per_revision", table_name="jobs")
    with op.batch_alter_table("jobs") as table:
        table.alter_column("kind", existing_type=sa.String(length=16), nullable=False)
        table.create_check_constraint("kind_known", "kind IN ('localisation', 'withdrawal')")
    op.create_index(
        "one_open_job_per_revision",
        "jobs",
        ["series_id", "series_revision", "kind"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
