"""Sends queued reports to their destinations, again and again until they are stored there.

Two threads per destination: one sends, one asks whether what was stored is still there
(`node.confirmer`), so that a dead PACS delays nobody else's reports. The table alone says what to
send and when; a process killed between sending and recording sends the same bytes again when its
lease has run out, and a PACS that already has the object says so.
"""

import threading
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from node import holding, scu, status
from node.backoff import backoff_s
from node.confirmer import Confirmer
from node.destination import Peers, is_confirmed
from node.errors import ForaminaError, PeerError
from node.peer import Interrupt
from node.settings import Delivery as Settings
from node.settings import Destination
from storage import confirmations, deliveries, held
from storage.database import Database, now
from storage.jobs import LeaseLostError
from storage.tables import Delivery

logger = structlog.get_logger(__name__)

_WAITS: Final = 4  # connection, association, response, release: each at most `timeout_s`
_DUPLICATE: Final = 0x0111  # PS3.7 C.5.8
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
        self._peers = Peers(settings, calling_ae_title)
        self._confirmer = Confirmer(database, settings, calling_ae_title)
        self._stop = threading.Event()
        self._interrupts = {entry.name: Interrupt() for entry in self._destinations}
        self._asking = {entry.name: Interrupt() for entry in self._destinations}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads; hold what waits for a destination that is configured no more."""
        names = [entry.name for entry in self._destinations]
        confirmed = [entry.name for entry in self._destinations if is_confirmed(entry)]
        with self._database.begin() as session:
            orphans = held.hold_others(session, names)
            confirmations.unasked(session, confirmed)
        if orphans:
            logger.warning("deliveries to destinations that are not configured held", count=orphans)
        for destination in self._destinations:
            self._begin("delivery", self.step, destination)
            if is_confirmed(destination):
                self._begin("confirmation", self.confirm, destination)

    def _begin(
        self, what: str, step: Callable[[Destination], bool], destination: Destination
    ) -> None:
        thread = threading.Thread(
            target=self._run,
            args=(step, destination),
            name=f"{what}-{destination.name}",
            daemon=True,  # a name server that hangs cannot be interrupted
        )
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Stop soon: what is being sent is cut off and goes back into the queue."""
        self._stop.set()
        for interrupt in (*self._interrupts.values(), *self._asking.values()):
            interrupt.cut()
        for thread in self._threads:
            thread.join(_STOP_S)

    def confirm(self, destination: Destination) -> bool:
        """Ask a destination about what it stored; tell whether there was anything to ask."""
        return self._confirmer.step(destination, self._asking.get(destination.name))

    def step(self, destination: Destination) -> bool:
        """Send the report that waits longest for a destination; tell whether there was one."""
        with self._database.begin() as session:
            delivery = deliveries.claim(session, destination.name, self._lease_s(destination))
            age = now(session) - delivery.object.created_at if delivery else timedelta()
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
            elif not self._is_held(delivery, destination, age, log):
                self._attempt(delivery, destination, log)
        except LeaseLostError:
            log.warning("lease lost; the same report is sent once more")
        return True

    def _lease_s(self, destination: Destination) -> float:
        """Give for how long a claim holds: for a question about the study, and for the sending."""
        associations = 1 if self._peers.asked(destination) is None else 2
        return associations * _WAITS * self._peers.timeout_s(destination)

    def _is_held(
        self,
        delivery: Delivery,
        destination: Destination,
        age: timedelta,
        log: structlog.stdlib.BoundLogger,
    ) -> bool:
        """Ask about the study of an object that waited long; True: it is not sent now."""
        peer = self._peers.asked(destination)
        if peer is None or not holding.is_late(delivery, age, self._settings.late_after_s):
            return False
        try:
            reason = holding.why_held(peer, delivery, self._interrupts.get(destination.name))
        except PeerError as error:
            why = f"not sent, for its study could not be asked about: {error}"
            # The status, if there was one, is of C-FIND: no status of this delivery.
            self._record_failure(delivery, why, None, True, log)
            return True
        if reason is not None:
            with self._database.begin() as session:
                held.hold(session, delivery.id, delivery.fencing_token, reason)
            log.warning("report held", reason=reason)
        return reason is not None

    def _attempt(
        self, delivery: Delivery, destination: Destination, log: structlog.stdlib.BoundLogger
    ) -> None:
        """Send one report and record how that ended."""
        peer = self._peers.storing(destination)
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
                deliveries.stored(
                    session,
                    delivery.id,
                    delivery.fencing_token,
                    code,
                    self._check_after_s(destination, code),
                )
            log.info("report stored", status=f"0x{code:04X}")

    def _check_after_s(self, destination: Destination, code: int) -> float | None:
        """Say when a peer is first asked whether it holds what it stored; None: never."""
        if not is_confirmed(destination):
            return None
        if code == _DUPLICATE and destination.query is not None:
            return 0.0
        return self._settings.confirm_after_s

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
        elif retry and (tried := self._tried_enough(delivery)):
            error, retry = f"gave up after {tried}; the last: {error}", False
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

    def _tried_enough(self, delivery: Delivery) -> str:
        """Say how much was tried, when that is enough; empty: it is not."""
        with self._database.read() as session:
            waited = now(session) - delivery.queued_at
        if waited > timedelta(days=self._settings.horizon_days):
            return f"{delivery.attempts} attempts in {waited.days} days"
        if delivery.attempts >= self._settings.max_attempts:
            return f"{delivery.attempts} attempts"
        return ""

    def _run(self, step: Callable[[Destination], bool], destination: Destination) -> None:
        while not self._stop.is_set():
            try:
                busy = step(destination)
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
