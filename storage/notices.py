"""What people have to know, and the queue of what is to be told to them.

A condition is told once, however often it is seen; again when it goes on for very long; and once
more when it is over. What is to be told is a row for each channel, kept until it was sent, so that
neither a restart nor a mail server that is away loses it. Functions never commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from storage.database import now
from storage.records import Notice, NoticeSend
from storage.states import NoticeState, Phase, SendState

Known = Mapping[tuple[str, str], Notice]
"""Notices that are not over, by event and key."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that people have to know of, as it is seen now.

    Attributes:
        event: which kind, of those that the node knows.
        key: what tells it from others of its kind: a row's id, a destination's name, or empty.
        facts: what a message says; no patient data unless that is wanted.
        lasts_s: it is told only after it has been seen for so long.
        began_at: when it began, where that is known; otherwise when it is first seen.
    """

    event: str
    key: str
    facts: dict[str, Any]
    lasts_s: float = 0.0
    began_at: datetime | None = None


def unfinished(session: Session, events: Collection[str]) -> dict[tuple[str, str], Notice]:
    """Give the notices of these events that are not over, locked."""
    query = (
        select(Notice)
        .where(Notice.event.in_(events), Notice.state != NoticeState.OVER)
        .order_by(Notice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(row.event, row.key): row for row in session.scalars(query)}


def see(
    session: Session,
    known: Known,
    conditions: Iterable[Condition],
    channels: Sequence[str],
    remind_s: float | None = None,
) -> int:
    """Keep what is seen now; queue what has to be told of it; how many messages that makes.

    Args:
        session: a write transaction.
        known: what `unfinished` gave.
        conditions: what is seen.
        channels: where it is told.
        remind_s: what goes on for so long is told again; None: it is not.
    """
    moment, queued = now(session), 0
    for condition in conditions:
        notice = known.get((condition.event, condition.key))
        if notice is None:
            notice = Notice(
                event=condition.event,
                key=condition.key,
                state=NoticeState.PENDING,
                facts=condition.facts,
                began_at=condition.began_at or moment,
            )
            session.add(notice)
        notice.facts = condition.facts
        notice.gone_at = None
        session.flush()
        phase = _to_tell(notice, moment, condition.lasts_s, remind_s)
        if phase is not None:
            notice.state = NoticeState.RAISED
            notice.told_at = moment
            queued += _queue(session, notice, channels, phase, moment)
    session.flush()
    return queued


def _to_tell(
    notice: Notice, moment: datetime, lasts_s: float, remind_s: float | None
) -> Phase | None:
    """Say what has to be told of a notice that is seen; None: nothing new."""
    if notice.state == NoticeState.PENDING:
        lasted_s = (moment - notice.began_at).total_seconds()
        return Phase.RAISED if lasted_s >= lasts_s else None
    told_at = notice.told_at or notice.began_at
    due = remind_s is not None and (moment - told_at).total_seconds() >= remind_s
    return Phase.REMINDER if due else None


def end(session: Session, gone: Iterable[Notice], channels: Sequence[str], settle_s: float) -> int:
    """Keep that conditions are seen no more; queue that they are over; how many messages.

    One that comes back within `settle_s` was never over: what comes and goes is told once. A
    channel hears that something is over only if it heard of it; what it did not is dropped.
    """
    moment, queued = now(session), 0
    for notice in gone:
        if notice.state == NoticeState.PENDING:
            session.delete(notice)
            continue
        notice.gone_at = notice.gone_at or moment
        if (moment - notice.gone_at).total_seconds() < settle_s:
            continue
        notice.state = NoticeState.OVER
        notice.over_at = moment
        heard = _heard(session, notice, moment)
        queued += _queue(session, notice, [each for each in channels if each in heard], Phase.OVER,
                         moment)  # fmt: skip
    session.flush()
    return queued


def _heard(session: Session, notice: Notice, moment: datetime) -> set[str]:
    """Give the channels that were told of a notice, and drop what is still queued of it."""
    heard = set()
    query = (
        select(NoticeSend)
        .where(NoticeSend.notice_id == notice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for send in session.scalars(query):
        if send.state == SendState.QUEUED and not send.attempts:
            _finish(send, SendState.DROPPED, moment, "it was over before it could be told")
        elif send.state in (SendState.QUEUED, SendState.SENT):  # an attempt may have arrived
            heard.add(send.channel)
    return heard


def _queue(
    session: Session, notice: Notice, channels: Sequence[str], phase: Phase, moment: datetime
) -> int:
    session.add_all(
        NoticeSend(
            notice_id=notice.id,
            channel=channel,
            phase=phase,
            state=SendState.QUEUED,
            attempts=0,
            created_at=moment,
            not_before=moment,
        )
        for channel in channels
    )
    return len(channels)


def claim(
    session: Session, channel: str, *, window_s: float, lease_s: float, limit: int
) -> list[NoticeSend]:
    """Take what is to be told by a channel, in one message, for `lease_s`; oldest first.

    Nothing when its last message is younger than `window_s`: what comes meanwhile goes into the
    next one. Notices are loaded.
    """
    moment = now(session)
    last = session.scalars(
        select(func.max(NoticeSend.finished_at)).where(
            NoticeSend.channel == channel, NoticeSend.state == SendState.SENT
        )
    ).one()
    if last is not None and (moment - last).total_seconds() < window_s:
        return []
    query = (
        select(NoticeSend)
        .where(
            NoticeSend.channel == channel,
            NoticeSend.state == SendState.QUEUED,
            NoticeSend.not_before <= moment,
        )
        .options(joinedload(NoticeSend.notice, innerjoin=True))
        .order_by(NoticeSend.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=NoticeSend)
        .execution_options(populate_existing=True)
    )
    claimed = list(session.scalars(query))
    for send in claimed:
        send.attempts += 1
        send.not_before = moment + timedelta(seconds=lease_s)
    session.flush()
    return claimed


def told(session: Session, ids: Collection[int]) -> None:
    """Keep that these were sent."""
    moment = now(session)
    for send in _locked(session, ids):
        _finish(send, SendState.SENT, moment, None)
    session.flush()


def not_told(
    session: Session, ids: Collection[int], error: str, *, delay_s: float, give_up_s: float
) -> int:
    """Keep that these could not be sent, and when to try again; how many are given up.

    What is older than `give_up_s` is given up.
    """
    moment, given_up = now(session), 0
    for send in _locked(session, ids):
        send.error = error
        send.not_before = moment + timedelta(seconds=delay_s)
        if (moment - send.created_at).total_seconds() >= give_up_s:
            _finish(send, SendState.FAILED, moment, error)
            given_up += 1
    session.flush()
    return given_up


def drop_others(session: Session, channels: Collection[str]) -> int:
    """Drop what is queued for channels that are not among these; how many."""
    moment = now(session)
    query = (
        select(NoticeSend)
        .where(NoticeSend.state == SendState.QUEUED, NoticeSend.channel.not_in(channels))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    dropped = session.scalars(query).all()
    for send in dropped:
        _finish(send, SendState.DROPPED, moment, "this channel is not configured any more")
    session.flush()
    return len(dropped)


def end_others(session: Session, events: Collection[str]) -> int:
    """End the notices of other events than these: nobody looks for them any more; how many."""
    moment = now(session)
    query = (
        select(Notice)
        .where(Notice.state != NoticeState.OVER, Notice.event.not_in(events))
        .order_by(Notice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    others = session.scalars(query).all()
    for notice in others:
        _heard(session, notice, moment)  # drops what is still queued
        notice.state = NoticeState.OVER
        notice.gone_at = notice.over_at = moment
    session.flush()
    return len(others)


def listing(session: Session, *, limit: int = 50, open_only: bool = False) -> list[Notice]:
    """List notices with their sends, newest first."""
    query = select(Notice).options(joinedload(Notice.sends)).order_by(Notice.id.desc()).limit(limit)
    if open_only:
        query = query.where(Notice.state != NoticeState.OVER)
    return list(session.scalars(query).unique())


def _locked(session: Session, ids: Collection[int]) -> Sequence[NoticeSend]:
    """Give those of these sends that still wait."""
    query = (
        select(NoticeSend)
        .where(NoticeSend.id.in_(ids), NoticeSend.state == SendState.QUEUED)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _finish(send: NoticeSend, state: SendState, moment: datetime, error: str | None) -> None:
    send.state = state
    send.finished_at = moment
    send.error = error
