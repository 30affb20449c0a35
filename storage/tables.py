"""The tables: what was received, what became of it, what was answered.

One row each: `Instance`, `Series`, `Job`, `Report`, `ReportObject`, `Delivery`; `SeriesEvent` and
`JobEvent` are append-only histories. States are closed sets, guarded by CHECK constraints, so that
no row can stand in a state that no code knows.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.columns import AE_TITLE, UID, Base, UtcDateTime, one_of
from storage.records import Action, Notice, NoticeSend
from storage.states import (
    AssociationEnding,
    DeliveryState,
    InstanceState,
    JobKind,
    JobState,
    ObjectKind,
    RemovalReason,
    SeriesState,
)

__all__ = [
    "AE_TITLE", "UID", "Action", "Association", "AssociationEnding", "Base", "Commitment",
    "CommitmentItem", "Delivery", "DeliveryState", "Instance", "InstanceState", "Job", "JobEvent",
    "JobKind", "JobState", "Lease", "Notice", "NoticeSend", "ObjectKind", "Removal",
    "RemovalReason", "Report", "ReportObject", "Series", "SeriesEvent", "SeriesState",
    "UtcDateTime",
]  # fmt: skip


class Series(Base):
    """All instances that share one SeriesInstanceUID.

    `revision` rises with every new instance or correction, and nothing else: a job belongs to one
    revision, so a late image makes a new job and a repeated one does not. `processed_revision` is
    the last revision that was judged (accepted or rejected).
    """

    __tablename__ = "series"
    __table_args__ = (
        one_of("state", SeriesState),
        Index("series_by_state", "state", "last_received_at"),
        # The administrator's lists are read backwards along these, a page at a time.
        Index("series_by_time", "first_received_at", "id"),
        Index("series_by_state_and_time", "state", "first_received_at", "id"),
        Index("series_by_sender", "calling_ae_title", "first_received_at", "id"),
        Index("series_by_sender_and_state", "calling_ae_title", "state", "first_received_at", "id"),
        # Retention reads along this one; whatever is received anew is younger than `purged_at`.
        Index(
            "series_with_files",
            "state",
            "last_received_at",
            "id",
            sqlite_where=text("purged_at IS NULL OR last_received_at >= purged_at"),
            postgresql_where=text("purged_at IS NULL OR last_received_at >= purged_at"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    series_instance_uid: Mapped[str] = mapped_column(UID, unique=True)
    study_instance_uid: Mapped[str] = mapped_column(UID, index=True)
    patient_id: Mapped[str] = mapped_column(String(255), index=True, default="")
    accession_number: Mapped[str] = mapped_column(String(255), index=True, default="")
    modality: Mapped[str] = mapped_column(String(32), default="")
    series_description: Mapped[str] = mapped_column(String(255), default="")
    calling_ae_title: Mapped[str] = mapped_column(AE_TITLE, default="")  # who sent last
    state: Mapped[str] = mapped_column(String(16), default=SeriesState.RECEIVING)
    reason: Mapped[str | None] = mapped_column(Text)  # one sentence: why it stands in this state
    verdict: Mapped[dict[str, Any] | None] = mapped_column()  # every rule's verdict, all reasons
    evidence: Mapped[dict[str, Any] | None] = mapped_column()  # why it was called complete
    revision: Mapped[int] = mapped_column(default=1)
    processed_revision: Mapped[int] = mapped_column(default=0)
    first_received_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]  # a series that waits for images is not looked at earlier
    purged_at: Mapped[datetime | None]  # since when files of it are no longer kept

    instances: Mapped[list["Instance"]] = relationship(back_populates="series")


class Instance(Base):
    """One received object: a file that is kept as it came, and who sent it."""

    __tablename__ = "instances"
    __table_args__ = (
        one_of("state", InstanceState),
        UniqueConstraint("sop_instance_uid", "data_sha256"),
        Index(
            "one_current_instance",
            "sop_instance_uid",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(UID)
    sop_class_uid: Mapped[str] = mapped_column(UID)
    transfer_syntax_uid: Mapped[str] = mapped_column(UID)
    study_instance_uid: Mapped[str] = mapped_column(UID)
    patient_id: Mapped[str] = mapped_column(String(255), default="")
    instance_number: Mapped[int | None]
    path: Mapped[str] = mapped_column(String(255))  # below the storage folder
    size_bytes: Mapped[int] = mapped_column(BigInteger)  # enhanced multi-frames pass 2 GiB
    data_sha256: Mapped[str] = mapped_column(String(64))  # of the encoded data set as received
    calling_ae_title: Mapped[str] = mapped_column(AE_TITLE, default="")
    calling_host: Mapped[str] = mapped_column(String(64), default="")
    association: Mapped[str | None] = mapped_column(String(64))  # over which it came
    state: Mapped[str] = mapped_column(String(16), default=InstanceState.CURRENT)
    received_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]  # since when its file is no longer kept

    series: Mapped[Series] = relationship(back_populates="instances")


class Association(Base):
    """An association that brought instances and has ended; see `storage.associations`."""

    __tablename__ = "associations"
    __table_args__ = (one_of("ending", AssociationEnding),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    ending: Mapped[str] = mapped_column(String(16))
    calling_ae_title: Mapped[str] = mapped_column(AE_TITLE, default="")
    ended_at: Mapped[datetime]


class SeriesEvent(Base):
    """One line in the history of a series; never changed, never deleted before its series."""

    __tablename__ = "series_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text, default="")


class Job(Base):
    """One piece of work on one revision of a series; the table is the queue.

    `fencing_token` rises with every claim; every later write must carry it, so that a worker that
    lost its lease cannot overwrite its successor's result.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("state", JobState),
        one_of("kind", JobKind),
        Index(
            "jobs_waiting",
            "not_before",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "jobs_leased",
            "lease_expires_at",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "one_open_job_per_revision",
            "series_id",
            "series_revision",
            "kind",
            unique=True,
            sqlite_where=text("state IN ('queued', 'running')"),
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    series_revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16), default=JobKind.LOCALISATION)
    reason: Mapped[str | None] = mapped_column(Text)  # why a withdrawal, or a localisation anew
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    fencing_token: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    lease_expires_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # a sentence an administrator understands
    seconds: Mapped[dict[str, Any] | None] = mapped_column()  # time per step

    series: Mapped[Series] = relationship()
    events: Mapped[list["JobEvent"]] = relationship(order_by="JobEvent.id")


class JobEvent(Base):
    """One line in the history of a job; never changed, never deleted before its job."""

    __tablename__ = "job_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text, default="")


class Report(Base):
    """What a job found, and what became of that; its objects are what peers get to see.

    `key` stands for everything that the objects depend on: the content (`content_key`), and the
    earlier reports that they supersede. Equal keys, equal objects.
    """

    __tablename__ = "reports"
    __table_args__ = (Index("reports_by_study", "study_instance_uid", "frame_of_reference_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), index=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    content_key: Mapped[str] = mapped_column(String(64))
    study_instance_uid: Mapped[str] = mapped_column(UID)
    frame_of_reference_uid: Mapped[str] = mapped_column(
        UID, default=""
    )  # empty: none that is valid
    located: Mapped[int]  # foramina with a point, 0..10
    prediction: Mapped[dict[str, Any]] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(index=True)
    current: Mapped[bool] = mapped_column(default=True)  # the newest result of its series
    dispute: Mapped[dict[str, Any] | None] = mapped_column()  # `reason`, and `series_ids` at odds
    withdrawn: Mapped[str | None] = mapped_column(Text)  # why, after it had been sent

    job: Mapped[Job] = relationship()
    series: Mapped[Series] = relationship()
    objects: Mapped[list["ReportObject"]] = relationship(
        order_by="ReportObject.id", back_populates="report"
    )


class ReportObject(Base):
    """One DICOM object of a report, written once; sending it again sends the same bytes.

    A report has one per `kind` and `variant`, shared by all destinations that want it so.
    """

    __tablename__ = "report_objects"
    __table_args__ = (UniqueConstraint("report_id", "kind", "variant"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    kind: Mapped[str] = mapped_column(String(32))
    variant: Mapped[str] = mapped_column(String(64), default="")
    sop_instance_uid: Mapped[str] = mapped_column(UID, unique=True)
    sop_class_uid: Mapped[str] = mapped_column(UID)
    study_instance_uid: Mapped[str] = mapped_column(UID)
    series_instance_uid: Mapped[str] = mapped_column(UID)  # its own, not that of its source
    instance_number: Mapped[int] = mapped_column(default=1)
    names: Mapped[list[str]] = mapped_column()  # earlier objects: predecessors, or what it rejects
    path: Mapped[str] = mapped_column(String(255))  # below the storage folder
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    current: Mapped[bool] = mapped_column(default=True)  # false: nothing of it is sent any more
    purged_at: Mapped[datetime | None]  # since when its file is no longer kept

    report: Mapped[Report] = relationship(back_populates="objects")


class Delivery(Base):
    """One object of a report for one destination; a queue of the same kind as `jobs`.

    `offered` is set by the first attempt and never taken back: from then on the destination may
    have the object, whatever was answered. `stored` is what the destination answered; only what it
    said when it was asked (`confirmed_by`) makes it `committed`.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        one_of("state", DeliveryState),
        UniqueConstraint("object_id", "destination"),
        Index(
            "deliveries_waiting",
            "destination",
            "not_before",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "deliveries_to_confirm",
            "destination",
            "check_at",
            sqlite_where=text("check_at IS NOT NULL"),
            postgresql_where=text("check_at IS NOT NULL"),
        ),
        Index("deliveries_by_destination", "destination", "id"),
        Index("deliveries_by_destination_and_state", "destination", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    object_id: Mapped[int] = mapped_column(ForeignKey("report_objects.id"), index=True)
    destination: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.QUEUED, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    fencing_token: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    lease_expires_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    dimse_status: Mapped[int | None]  # of the last C-STORE response, PS3.7 annex C
    error: Mapped[str | None] = mapped_column(Text)
    offered: Mapped[bool] = mapped_column(default=False)
    queued_at: Mapped[datetime]  # from here its days to arrive are counted
    stored_at: Mapped[datetime | None]  # when the destination last answered that it stores it
    check_at: Mapped[datetime | None]  # when it is asked whether it holds it; null: it is not
    checks: Mapped[int] = mapped_column(default=0)  # since it was stored
    losses: Mapped[int] = mapped_column(default=0)  # stored, then not there when asked
    confirmed_by: Mapped[str | None] = mapped_column(String(16))  # one of `Confirmation`
    released: Mapped[bool] = mapped_column(default=False)  # a person wants it sent unasked

    object: Mapped[ReportObject] = relationship()


class Commitment(Base):
    """A request for storage commitment; its answer may come days later, or never.

    Written before the destination is asked, so that no answer can come before it.
    """

    __tablename__ = "commitments"

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str] = mapped_column(UID, unique=True)
    destination: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]  # N-ACTION was answered with success
    answered_at: Mapped[datetime | None]  # by N-EVENT-REPORT, for the first time
    answered_by: Mapped[str | None] = mapped_column(AE_TITLE)

    items: Mapped[list["CommitmentItem"]] = relationship(
        order_by="CommitmentItem.id", back_populates="commitment"
    )


class CommitmentItem(Base):
    """One delivery that a request for storage commitment names, and what was said of it."""

    __tablename__ = "commitment_items"
    __table_args__ = (UniqueConstraint("commitment_id", "delivery_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    commitment_id: Mapped[int] = mapped_column(ForeignKey("commitments.id"))
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    holds: Mapped[bool | None]  # null: nothing was said yet
    failure_reason: Mapped[int | None]  # PS3.3 section C.14.1.1
    judged: Mapped[bool] = mapped_column(default=False)  # what was said has had its consequence

    commitment: Mapped[Commitment] = relationship(back_populates="items")
    delivery: Mapped[Delivery] = relationship()


class Removal(Base):
    """A file, or a folder of files, that no row wants any more and that is still to be deleted."""

    __tablename__ = "removals"
    __table_args__ = (one_of("why", RemovalReason),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), index=True)
    path: Mapped[str] = mapped_column(String(255))  # below the storage folder
    why: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime]


class Lease(Base):
    """Which process runs a loop that must run once over all hosts; see `storage.leases`."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime]
