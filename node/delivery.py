"""Sends queued reports to their destinations, again and again until they are stored.

One thread per destination, so that a dead PACS delays nobody else's reports. The table alone says
what to send and when; a process killed between sending and recording sends the same bytes again
when its lease has run out, and a PACS that already has the object says so.
"""

import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from node import scu, status
from node.backoff import backoff_s
from node.errors import ForaminaError, PeerError
from node.peer import Interrupt, Peer
from node.settings import Delivery as Settings
from node.settings import Destination
from storage import deliveries
from storage.database import Database
from storage.jobs import LeaseLostError
from storage.tables import Delivery

logger = structlog.get_logger(__name__)

_WAITS: Final = 4  # connection, association, response, release: each at most `timeout_s`
_JITTER: Final = 0.1
_STOP_S: Final = 5.0


def delay_s(attempts: int, settings: Settings, seed: int) -> float:
    """Give the delay after so many attempts.

    Up to a tenth is taken off, by a number that `seed` fixes, so that what a dead PACS gathered
    does not return all in the same second.
    """
    delay = backoff_s(attempts, settings.retry_delay_s, settings.retry_delay_max_s)
    share = zlib.crc32(f"{seed}/{attempts}".encode()) / 2**32
    return float(delay * (1 - _JITTER * share))


class DeliveryLoop:
    """Delivers, in the background, to every destination that is not in shadow mode."""

    def __init__(
        self,
        database: Database,
        storage_folder: Path,
        destinations: Sequence[Destination],
        settings: Settings,
        calling_ae_title: str,
    ) -> None:
        self._database = database
        self._folder = storage_folder
        self._destinations = [entry for entry in destinations if not entry.shadow]
        self._settings = settings
        self._calling_ae_title = calling_ae_title
        self._stop = threading.Event()
        self._interrupts = {entry.name: Interrupt() for entry in self._destinations}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start one thread per destination; hold what waits for one that is configured no more."""
        with self._database.begin() as session:
            held = deliveries.hold_others(session, [entry.name for entry in self._destinations])
        if held:
            logger.warning("deliveries to destinations that are not configured held", count=held)
        for destination in self._destinations:
            thread = threading.Thread(
                target=self._run,
                args=(destination,),
                name=f"delivery-{destination.name}",
                daemon=True,  # a name server that hangs cannot be interrupted
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop soon: what is being sent is cut off and goes back into the queue."""
        self._stop.set()
        for interrupt in self._interrupts.values():
            interrupt.cut()
        for thread in self._threads:
            thread.join(_STOP_S)

    def step(self, destination: Destination) -> bool:
        """Send the report that waits longest for a destination; tell whether there was one."""
        with self._database.begin() as session:
            delivery = deliveries.claim(
                session, destination.name, _WAITS * self._settings.timeout_s
            )
        if delivery is None:
            return False
        log = logger.bind(
            delivery=delivery.id,
            destination=destination.name,
            attempt=delivery.attempts,
            sop_instance_uid=delivery.object.sop_instance_uid,
            kind=delivery.object.kind,
        )
        try:
            if delivery.attempts > self._settings.max_attempts:  # each ended without a record
                self._record_failure(delivery, "the sender died each time", None, True, log)
            else:
                self._attempt(delivery, destination, log)
        except LeaseLostError:
            log.warning("lease lost; the same report is sent once more")
        return True

    def _attempt(
        self, delivery: Delivery, destination: Destination, log: structlog.stdlib.BoundLogger
    ) -> None:
        """Send one report and record how that ended."""
        peer = Peer(
            destination.ae_title,
            destination.host,
            destination.port,
            self._calling_ae_title,
            self._settings.timeout_s,
        )
        path = self._folder / delivery.object.path
        try:
            code = scu.store(peer, path, self._interrupts.get(destination.name))
        except PeerError as error:
            self._record_failure(delivery, str(error), error.status, error.retry, log)
        except FileNotFoundError:
            sentence = (
                f"the report's file {delivery.object.path} is gone; restore it or `foramina jobs "
                f"retry {delivery.object.report.job_id}`, then retry the delivery"
            )
            self._record_failure(delivery, sentence, None, False, log)
        except OSError as error:
            sentence = f"cannot read {delivery.object.path}: {error.strerror}"
            self._record_failure(delivery, sentence, None, True, log)
        except ForaminaError as error:
            self._record_failure(delivery, str(error), None, False, log)
        else:
            with self._database.begin() as session:
                deliveries.stored(session, delivery.id, delivery.fencing_token, code)
            log.info("report stored", status=f"0x{code:04X}")

    def _record_failure(
        self,
        delivery: Delivery,
        error: str,
        dimse_status: int | None,
        retry: bool,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        if self._stop.is_set():
            error, retry = "interrupted: the node was stopped while sending", True
        elif retry and delivery.attempts >= self._settings.max_attempts:
            error, retry = f"gave up after {delivery.attempts} attempts; the last: {error}", False
        with self._database.begin() as session:
            state = deliveries.failed(
                session,
                delivery.id,
                delivery.fencing_token,
                error,
                dimse_status=dimse_status,
                retry=retry,
                delay_s=0.0
                if self._stop.is_set()
                else delay_s(delivery.attempts, self._settings, delivery.id),
            )
        log.warning("report not stored", reason=error, state=str(state))

    def _run(self, destination: Destination) -> None:
        while not self._stop.is_set():
            try:
                busy = self.step(destination)
            except Exception as error:
                # The boundary of the thread: whatever happened, the next report gets its turn.
                # Its own row stays `sending` until its lease ends, and is then tried again.
                logger.error(
                    "delivery loop failed",
                    destination=destination.name,
                    error=type(error).__name__,
                    reason=status.reason(error),
                    origin=status.origin(error),
                )
                busy = False
            if not busy:
                self._stop.wait(self._settings.poll_s)
