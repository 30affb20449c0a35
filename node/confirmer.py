"""Asks destinations about what they stored, and draws the consequences of their answers."""

import time
from collections.abc import Sequence
from typing import Final

import structlog
from pydicom.uid import generate_uid

from node import commitment, find
from node.confirmation import NO_COMMITMENT_S, Judgement, Means, Step, delay_s, judge, missing
from node.destination import Peers, is_confirmed
from node.errors import PeerError
from node.peer import Interrupt
from node.settings import Delivery as Settings
from node.settings import Destination
from storage import commitments, confirmations
from storage.commitments import Reference
from storage.database import Database, now
from storage.states import Confirmation
from storage.tables import Delivery

logger = structlog.get_logger(__name__)

_MOST_AT_ONCE: Final = 100
_LEASE_S: Final = 600.0  # what a killed process had taken is taken again after so long


class Confirmer:
    """Asks one destination at a time; every call of `step` looks at what is due there."""

    def __init__(self, database: Database, settings: Settings, calling_ae_title: str) -> None:
        self._database = database
        self._settings = settings
        self._peers = Peers(settings, calling_ae_title)
        self._without_commitment_until: dict[str, float] = {}

    def step(self, destination: Destination, interrupt: Interrupt | None = None) -> bool:
        """Ask about what it is time to ask about; tell whether there was anything.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; what was taken is taken again
                when its time has come.
        """
        if not is_confirmed(destination):
            return False
        with self._database.begin() as session:
            taken = confirmations.due(session, destination.name, _MOST_AT_ONCE, _LEASE_S)
            items = commitments.latest(session, [each.id for each in taken])
            commitments.judge(session, [item.id for item in items.values()])
            moment = now(session)
        means = self._means(destination)
        judged = [
            (each, judge(each, items.get(each.id), means, self._settings, moment)) for each in taken
        ]
        chosen = [each for each, judgement in judged if judgement.step is Step.COMMIT]
        rest = [(each, one) for each, one in judged if one.step is not Step.COMMIT]
        if chosen and not self._commit(destination, chosen, interrupt):
            only_find = Means(False, means.find)
            rest += [
                (each, judge(each, None, only_find, self._settings, moment)) for each in chosen
            ]
        self._find(destination, [each for each, one in rest if one.step is Step.FIND], interrupt)
        for each, judgement in rest:
            if judgement.step is not Step.FIND:
                self._follow(each, judgement)
        return bool(taken)

    def _means(self, destination: Destination) -> Means:
        without = time.monotonic() < self._without_commitment_until.get(destination.name, 0.0)
        return Means(
            commitment=destination.commitment != "off" and not without,
            find=destination.query is not None,
        )

    def _commit(
        self, destination: Destination, chosen: Sequence[Delivery], interrupt: Interrupt | None
    ) -> bool:
        """Ask for commitment; False: the peer does not offer it, or cannot be asked now."""
        transaction_uid = str(generate_uid(prefix=None))  # of a random UUID, PS3.5 section B.2
        log = logger.bind(
            destination=destination.name, transaction_uid=transaction_uid, objects=len(chosen)
        )
        with self._database.begin() as session:
            commitments.ask(
                session,
                destination.name,
                transaction_uid,
                [each.id for each in chosen],
                _LEASE_S,
            )
        try:
            commitment.request(
                self._peers.committing(destination),
                transaction_uid,
                [_reference(each) for each in chosen],
                database=self._database,
                wait_s=self._settings.commitment_wait_s,
                answer_s=self._settings.commitment_answer_s,
                interrupt=interrupt,
            )
        except PeerError as error:
            if not error.retry:
                until = time.monotonic() + NO_COMMITMENT_S
                self._without_commitment_until[destination.name] = until
                told = log.warning if destination.commitment == "on" else log.info
                told("storage commitment not offered", reason=str(error))
                return False
            log.warning("storage commitment not asked for", reason=str(error))
            if error.status is None and destination.query is not None:
                return False  # nobody answers: who answers queries may be another
            self._postpone(chosen, str(error))
            return True
        log.info("storage commitment asked for")
        return True

    def _find(
        self, destination: Destination, chosen: Sequence[Delivery], interrupt: Interrupt | None
    ) -> None:
        """Ask for objects by C-FIND, one by one, until the peer does not answer."""
        peer = self._peers.asked(destination)
        if peer is None:
            return
        for number, each in enumerate(chosen):
            made = each.object
            try:
                found = find.holds(
                    peer,
                    made.study_instance_uid,
                    made.series_instance_uid,
                    made.sop_instance_uid,
                    interrupt,
                )
            except PeerError as error:
                logger.warning(
                    "query peer not asked", destination=destination.name, reason=str(error)
                )
                self._postpone(chosen[number:], str(error))
                return
            if found:
                with self._database.begin() as session:
                    confirmations.confirm(session, each, Confirmation.C_FIND)
                _log(each).info("report found", peer=str(peer))
                continue
            with self._database.read() as session:
                moment = now(session)
            said = f"the peer stored it, and {peer} does not find it"
            self._follow(each, missing(each, said, self._settings, moment))

    def _follow(self, delivery: Delivery, judgement: Judgement) -> None:
        """Do what was decided about one object."""
        log = _log(delivery)
        with self._database.begin() as session:
            if judgement.step is Step.WAIT:
                confirmations.postpone(session, delivery, judgement.why, judgement.delay_s)
            elif judgement.step is Step.GIVE_UP:
                confirmations.give_up(session, delivery, judgement.why)
            elif judgement.step is Step.FAIL:
                confirmations.fail(session, delivery, judgement.why)
            else:
                confirmations.lose(session, delivery, judgement.why)
        told = log.info if judgement.step is Step.WAIT else log.warning
        told("report not confirmed", reason=judgement.why, next=str(judgement.step))

    def _postpone(self, chosen: Sequence[Delivery], why: str) -> None:
        with self._database.begin() as session:
            for each in chosen:
                confirmations.postpone(
                    session, each, f"not confirmed: {why}", delay_s(each, self._settings)
                )


def _reference(delivery: Delivery) -> Reference:
    return Reference(delivery.object.sop_class_uid, delivery.object.sop_instance_uid)


def _log(delivery: Delivery) -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = logger.bind(
        delivery=delivery.id,
        destination=delivery.destination,
        sop_instance_uid=delivery.object.sop_instance_uid,
    )
    return bound
