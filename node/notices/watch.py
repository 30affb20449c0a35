"""What people have to know, as it stands now: read from the database, the disk and the peers."""

import re
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from node import scu
from node.errors import PeerError
from node.notices.event import Event
from node.notices.settings import Notifications
from node.peer import Peer
from node.settings import Destination
from storage import troubles
from storage.database import Database, now
from storage.journal import LATER, REFUSED, Aside
from storage.journal.files import DAMAGED
from storage.notices import Condition
from storage.tables import Delivery, Series

_LOOK_BACK: Final = timedelta(hours=24)
"""What failed earlier, before anybody was told of anything, is not told."""
_AT_ONCE: Final = 200  # rows of one event in one look; the next look finds the others
_ECHO_S: Final = 10.0
_FOREIGN: Final = re.compile(r"([A-Za-z_.]*(?:Error|Exception|Warning|Exit|Interrupt)): ")
_ASKED_AGAIN: Final = 0.2  # of `destination_down_s`: often enough, and few lines in logs
_MARGIN: Final = 1.1  # a disk that was low is well again only when a tenth more is free

Echo = Callable[[Destination], bool]


class Watch:
    """Looks for conditions of the events that are wanted."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: Notifications,
        destinations: Sequence[Destination],
        *,
        answers: Echo,
    ) -> None:
        """Prepare to look.

        Args:
            database: read only.
            folder: whose disk is watched.
            settings: which events, and their limits.
            destinations: those that are asked, but for those in shadow mode.
            answers: tells whether a destination answers C-ECHO.
        """
        self._database = database
        self._folder = folder
        self._settings = settings
        self._destinations = [each for each in destinations if not each.shadow]
        self._answers = answers
        self._disk_was_low = False
        self._asked: float | None = None
        self._silent: list[Destination] = []

    def seen(self) -> list[Condition]:
        """List what lasts and is there now; what is gone since is not in it."""
        look: dict[Event, Callable[[], list[Condition]]] = {
            Event.DESTINATION_DOWN: self._down,
            Event.JOBS_WAITING: self._waiting,
            Event.DISK_LOW: self._disk,
            Event.JOURNAL_DAMAGED: self._journal,
            Event.INSTANCES_ASIDE: self._aside,
        }
        return [
            condition
            for event, conditions in look.items()
            if event in self._settings.events
            for condition in conditions()
        ]

    def _down(self) -> list[Condition]:
        if not self._destinations:
            return []
        lasts_s = self._settings.destination_down_s
        self._ask(lasts_s * _ASKED_AGAIN)
        with self._database.read() as session:
            return [
                Condition(
                    Event.DESTINATION_DOWN,
                    each.name,
                    {
                        "destination": each.name,
                        "address": f"{each.ae_title} at {each.host}:{each.port}",
                        "path": "/deliveries",
                    },
                    lasts_s,
                )
                for each in self._silent
                if not troubles.delivered_since(session, each.name, lasts_s)
            ]

    def _ask(self, again_s: float) -> None:
        """Ask every destination, unless that was done within `again_s`."""
        moment = time.monotonic()
        if self._asked is not None and moment - self._asked < again_s:
            return
        with ThreadPoolExecutor(8, thread_name_prefix="echo") as pool:
            answers = list(pool.map(self._answers, self._destinations))
        self._asked = moment
        self._silent = [
            each for each, up in zip(self._destinations, answers, strict=True) if not up
        ]

    def _waiting(self) -> list[Condition]:
        with self._database.read() as session:
            queue = troubles.waiting_jobs(session)
            moment = now(session)
        if queue.oldest_s < self._settings.jobs_waiting_s:
            return []
        facts = {
            "waiting": queue.waiting,
            "oldest_s": round(queue.oldest_s),
            "running": queue.running,
            "path": "/jobs?state=queued",
        }
        began_at = moment - timedelta(seconds=queue.oldest_s)
        return [Condition(Event.JOBS_WAITING, "", facts, began_at=began_at)]

    def _disk(self) -> list[Condition]:
        wanted = self._settings.free_bytes
        usage = shutil.disk_usage(self._folder)
        self._disk_was_low = usage.free < wanted * (_MARGIN if self._disk_was_low else 1.0)
        if not self._disk_was_low:
            return []
        facts = {
            "free_bytes": usage.free,
            "total_bytes": usage.total,
            "wanted_bytes": wanted,
            "path": "/",
        }
        return [Condition(Event.DISK_LOW, "", facts)]

    def _journal(self) -> list[Condition]:
        damaged = sum(1 for _ in (self._folder / "journal").glob(f"*{DAMAGED}"))
        return [Condition(Event.JOURNAL_DAMAGED, "", {"damaged": damaged})] if damaged else []

    def _aside(self) -> list[Condition]:
        journal = self._folder / "journal"
        refused, later = (len(Aside(journal, name).names()) for name in (REFUSED, LATER))
        facts = {"refused": refused, "later": later}
        return [Condition(Event.INSTANCES_ASIDE, "", facts)] if refused or later else []

    def rows(self, session: Session) -> list[Condition]:
        """List rows that stand where a person has to look, and of which no notice tells yet."""
        since = now(session) - _LOOK_BACK
        found: dict[Event, Callable[[], list[Condition]]] = {
            Event.JOB_FAILED: lambda: [
                Condition(
                    Event.JOB_FAILED,
                    str(job.id),
                    {
                        "job": job.id,
                        "attempts": job.attempts,
                        "error": sentence(job.error or ""),
                        "path": f"/jobs/{job.id}",
                        **self._of_series(job.series),
                    },
                    began_at=job.finished_at,
                )
                for job in troubles.failed_jobs(session, Event.JOB_FAILED, since, _AT_ONCE)
            ],
            Event.SERIES_HELD: lambda: [
                Condition(
                    Event.SERIES_HELD,
                    str(series.id),
                    {
                        "reason": series.reason or "",
                        "path": f"/series/{series.id}",
                        **self._of_series(series),
                    },
                )
                for series in troubles.held_series(session, Event.SERIES_HELD, _AT_ONCE)
            ],
            Event.DELIVERY_FAILED: lambda: [
                self._of_delivery(Event.DELIVERY_FAILED, each)
                for each in troubles.failed_deliveries(
                    session, Event.DELIVERY_FAILED, since, _AT_ONCE
                )
            ],
            Event.DELIVERY_HELD: lambda: [
                self._of_delivery(Event.DELIVERY_HELD, each)
                for each in troubles.held_deliveries(session, Event.DELIVERY_HELD, _AT_ONCE)
            ],
        }
        wanted = [event for event in found if event in self._settings.events]
        return [condition for event in wanted for condition in found[event]()]

    def _of_series(self, series: Series) -> dict[str, Any]:
        named = {
            "series": series.id,
            "series_instance_uid": series.series_instance_uid,
            "study_instance_uid": series.study_instance_uid,
        }
        if self._settings.patient_data:
            named["patient_id"] = series.patient_id
        return named

    def _of_delivery(self, event: Event, delivery: Delivery) -> Condition:
        facts = {
            "delivery": delivery.id,
            "destination": delivery.destination,
            "kind": delivery.object.kind,
            "sop_instance_uid": delivery.object.sop_instance_uid,
            "attempts": delivery.attempts,
            "dimse_status": delivery.dimse_status,
            "path": f"/deliveries?state={delivery.state}&destination={delivery.destination}",
            **self._of_series(delivery.object.report.series),
        }
        if self._settings.patient_data and delivery.error:
            # It may quote the peer's ErrorComment (0000,0902), or a PatientID that it expected.
            facts["error"] = delivery.error
        return Condition(event, str(delivery.id), facts, began_at=delivery.finished_at)


def sentence(error: str) -> str:
    """Give a job's error; what another library said is left out, because it may quote values."""
    foreign = _FOREIGN.match(error)
    return f"{foreign[1]}; the web page has more" if foreign else error


def answers_echo(calling_ae_title: str) -> Echo:
    """Make what asks a destination by C-ECHO, on an association of its own."""

    def answers(destination: Destination) -> bool:
        peer = Peer(
            destination.ae_title,
            destination.host,
            destination.port,
            calling_ae_title,
            _ECHO_S,
            destination.tls,
        )
        try:
            scu.echo(peer)
        except PeerError:
            return False
        return True

    return answers
