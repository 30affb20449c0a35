"""Sees what people have to know, keeps it, and tells it until it was taken."""

import threading
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node import status
from node.backoff import backoff_s
from node.notices.channel import Channel, ChannelError
from node.notices.mail import Mail
from node.notices.message import Item, Templates
from node.notices.settings import Notifications
from node.notices.watch import Watch
from node.notices.webhook import WebhookChannel
from storage import notices, troubles
from storage.database import Database
from storage.records import NoticeSend
from storage.states import Phase

logger = structlog.get_logger(__name__)

_LEASE_S: Final = 300.0  # longer than a mail server takes; then another process may try
_IN_ONE: Final = 500


def channels(settings: Notifications) -> list[Channel]:
    """Make the channels that are configured."""
    made: dict[str, Channel] = {}
    if "email" in settings.channels:
        made["email"] = Mail(settings.email)
    if "webhook" in settings.channels:
        made["webhook"] = WebhookChannel(settings.webhook)
    return list(made.values())


class NoticeLoop:
    """Looks and tells, in a thread of its own, as often as the settings say.

    Several hosts may run one each: a notice is one row, and who claims a send has it.
    """

    def __init__(
        self,
        database: Database,
        settings: Notifications,
        watch: Watch,
        ae_title: str,
        channels: Sequence[Channel],
    ) -> None:
        self._database = database
        self._settings = settings
        self._watch = watch
        self._ae_title = ae_title
        self._channels = channels
        self._names = [channel.name for channel in channels]
        self._templates = Templates(settings.templates, settings.link)
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def look(self) -> int:
        """Keep what is seen now, and queue what has to be told; how many messages that makes."""
        lasting = [event for event in self._settings.events if event.lasts]
        seen = self._watch.seen()  # asks peers: no transaction is open meanwhile
        there = {(condition.event, condition.key) for condition in seen}
        with self._database.begin() as session:
            known = notices.unfinished(session, lasting)
            queued = notices.see(session, known, seen, self._names, self._settings.remind_s)
            gone = [notice for place, notice in known.items() if place not in there]
            queued += notices.end(session, gone, self._names, self._settings.settle_s)
            for event in self._settings.events:
                if not event.lasts:
                    mended = troubles.mended(session, event)
                    queued += notices.end(session, mended, self._names, 0.0)
            queued += notices.see(session, {}, self._watch.rows(session), self._names)
        return queued

    def tell(self) -> int:
        """Send what is queued and due, one message a channel; how many channels took one."""
        return sum(self._tell(channel) for channel in self._channels)

    def _tell(self, channel: Channel) -> bool:
        if time.monotonic() < self._not_before.get(channel.name, 0.0):
            return False
        with self._database.begin() as session:
            claimed = notices.claim(
                session,
                channel.name,
                window_s=self._settings.window_s,
                lease_s=_LEASE_S,
                limit=_IN_ONE,
            )
            items = [_item(send) for send in claimed]
        if not claimed:
            return False
        ids = [send.id for send in claimed]
        log = logger.bind(channel=channel.name, notices=len(ids))
        message = self._templates.message(items, self._ae_title)
        try:
            answer = channel.send(message, f"{ids[0]}-{zlib.crc32(repr(ids).encode()):08x}")
        except ChannelError as error:
            self._not_told(channel, ids, str(error))
            return False
        with self._database.begin() as session:
            notices.told(session, ids)
        self._failures[channel.name] = 0
        log.info("notices told", answer=answer)
        return True

    def _not_told(self, channel: Channel, ids: list[int], error: str) -> None:
        failures = self._failures[channel.name] = self._failures.get(channel.name, 0) + 1
        settings = self._settings
        delay_s = backoff_s(failures, settings.retry_delay_s, settings.retry_delay_max_s)
        # What comes meanwhile would meet the same; it waits with the others.
        self._not_before[channel.name] = time.monotonic() + delay_s
        with self._database.begin() as session:
            given_up = notices.not_told(
                session, ids, error, delay_s=delay_s, give_up_s=settings.give_up_s
            )
        logger.error(
            "notices not told",
            channel=channel.name,
            notices=len(ids),
            reason=error,
            again_in_s=delay_s,
            given_up=given_up,
        )

    def start(self) -> None:
        """Drop what waits for a channel that is configured no more; end what nobody looks for."""
        looked_for = self._settings.events if self._channels else ()
        with self._database.begin() as session:
            dropped = notices.drop_others(session, self._names)
            ended = notices.end_others(session, looked_for)
        if dropped:
            logger.warning("notices for channels that are not configured dropped", count=dropped)
        if ended:
            logger.info("notices of events that are not configured ended", count=ended)

    def run(self, stop: threading.Event) -> None:
        """Look and tell until told to stop; with no channel there is nobody to tell."""
        self._guarded(self.start)
        if not self._channels:
            return
        for step in (self.look, self.tell):
            self._guarded(step)
        while not stop.wait(self._settings.poll_s):
            for step in (self.look, self.tell):
                self._guarded(step)

    @staticmethod
    def _guarded(step: Callable[[], object]) -> None:
        try:
            step()
        except SQLAlchemyError as error:
            logger.warning("database not usable", reason=status.reason(error))
        except Exception as error:
            # The boundary of the thread: nobody is told of what stops the telling.
            logger.error(
                "notice loop failed",
                error=type(error).__name__,
                reason=status.reason(error),
                origin=status.origin(error),
            )


def _item(send: NoticeSend) -> Item:
    notice = send.notice
    return Item(
        notice.id,
        notice.event,
        Phase(send.phase),
        notice.began_at,
        notice.over_at,
        notice.facts,
    )
