"""The tables of what is told to people: what was done, and what needs them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.columns import Base, one_of
from storage.states import NoticeState, Phase, SendState


class Action(Base):
    """What was done, or refused: who, when, to what; never changed, never deleted.

    Triggers of the database refuse to change or delete a row; only `forwarded_at` may be set.
    """

    __tablename__ = "actions"
    __table_args__ = (
        Index("actions_by_subject", "subject", "subject_id", "id"),
        Index("actions_by_kind", "subject", "id"),
        Index("actions_by_person", "person", "id"),
        Index(
            "actions_to_forward",
            "id",
            sqlite_where=text("forwarded_at IS NULL"),
            postgresql_where=text("forwarded_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    person: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(64), default="")  # where the person sat
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(16), default="")  # series, job, delivery; or none
    subject_id: Mapped[int | None]
    done: Mapped[bool]  # false: refused, and `detail` says why
    detail: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any] | None] = mapped_column()  # counts, AE titles; no patient data
    forwarded_at: Mapped[datetime | None]  # since when a collector of audit messages has it


class Notice(Base):
    """A condition that people have to know of: from its first sight until it is over.

    It is `pending` until it has lasted long enough to be told. One that is not over exists once
    for each event and key, so that a condition is told once however often it is seen.
    """

    __tablename__ = "notices"
    __table_args__ = (
        one_of("state", NoticeState),
        Index(
            "one_open_notice",
            "event",
            "key",
            unique=True,
            sqlite_where=text("state <> 'over'"),
            postgresql_where=text("state <> 'over'"),
        ),
        Index("notices_by_key", "event", "key", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(64))  # a row's id, a destination's name, or empty
    state: Mapped[str] = mapped_column(String(16), default=NoticeState.PENDING)
    facts: Mapped[dict[str, Any]] = mapped_column()  # what the message says
    began_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # since when it is not seen any more
    told_at: Mapped[datetime | None]  # when it was queued to be told, last
    over_at: Mapped[datetime | None]

    sends: Mapped[list["NoticeSend"]] = relationship(
        order_by="NoticeSend.id", back_populates="notice"
    )


class NoticeSend(Base):
    """One notice for one channel: the queue of what is to be sent, kept until it was."""

    __tablename__ = "notice_sends"
    __table_args__ = (
        one_of("state", SendState),
        one_of("phase", Phase),
        Index(
            "notice_sends_waiting",
            "channel",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index("notice_sends_by_channel", "channel", "finished_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    phase: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default=SendState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)

    notice: Mapped[Notice] = relationship(back_populates="sends")
