"""A PACS that does not do what it says: takes and loses, hangs, refuses, and answers days later.

It stores, commits (PS3.4 annex J) and is queried (annex C) on one port of 127.0.0.1. What it does
is set by attributes that a test may change while it runs.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from socketserver import BaseServer
from typing import Any, Self

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

NO_SUCH_OBJECT = 0x0112
_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass
class LyingPacs:
    """Run by `with`; `port` is where it listens.

    Attributes:
        store_status: its answer to C-STORE.
        loses: it answers, and keeps nothing.
        action_status: its answer to N-ACTION; None: it offers no storage commitment.
        reports_at_once: it reports on the association on which it was asked.
        finds: it offers C-FIND.
        find_status: its last answer to C-FIND.
        patient_id: under which PatientID it has every study; None: that of the objects.
        hangs: it answers nothing more; cleared when it stops.
        held: the data sets it has, by SOP Instance UID.
        received: the bytes of every data set that it was sent.
        requests: the action information of every request for commitment.
        acknowledged: the statuses of the responses to its reports.
    """

    store_status: int = 0x0000
    loses: bool = False
    action_status: int | None = 0x0000
    reports_at_once: bool = False
    finds: bool = True
    find_status: int = 0x0000
    patient_id: str | None = None
    hangs: bool = False
    held: dict[str, Dataset] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    requests: list[Dataset] = field(default_factory=list)
    acknowledged: list[int | None] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        ae = AE("PACS")
        ae.maximum_associations = 1000  # of which it lets many hang
        ae.add_supported_context(Verification)
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(str(context.abstract_syntax), [ExplicitVRLittleEndian])
        if self.action_status is not None:
            ae.add_supported_context(StorageCommitmentPushModel)
        if self.finds:
            ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        self._let_go = threading.Event()
        self._server = ae.make_server(
            ("127.0.0.1", self.port),
            server_class=ThreadedAssociationServer,
            evt_handlers=[
                (evt.EVT_C_STORE, self._on_store),
                (evt.EVT_N_ACTION, self._on_action),
                (evt.EVT_C_FIND, self._on_find),
            ],
        )
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._let_go.set()
        BaseServer.shutdown(self._server)  # pynetdicom's own wants a server that the AE started
        self._server.server_close()
        self._thread.join(10)
        for association in self._server.active_associations:
            association.abort()

    def lose(self) -> None:
        """Lose everything that it has."""
        self.held.clear()

    def answer(self, number: int = -1, **overrides: Any) -> tuple[Dataset, int]:
        """Make the report to a request from what is held now: event information and event type."""
        request = self.requests[number]
        held, missing = [], []
        for item in request.ReferencedSOPSequence:
            told = Dataset()
            told.ReferencedSOPClassUID = item.ReferencedSOPClassUID
            told.ReferencedSOPInstanceUID = item.ReferencedSOPInstanceUID
            if item.ReferencedSOPInstanceUID in self.held:
                held.append(told)
            else:
                told.FailureReason = overrides.get("reason", NO_SUCH_OBJECT)
                missing.append(told)
        information = Dataset()
        information.TransactionUID = overrides.get("transaction_uid", request.TransactionUID)
        if held:
            information.ReferencedSOPSequence = held
        if missing:
            information.FailedSOPSequence = missing
        return information, 2 if missing else 1

    def report(
        self, port: int, number: int = -1, *, roles: bool = True, **overrides: Any
    ) -> Dataset | None:
        """Report to a listening node on an association of its own; the response, if any came.

        `roles`: propose the SCP role, as PS3.4 section J.3.3 wants it; some do not.
        """
        information, event_type = self.answer(number, **overrides)
        ae = AE("PACS")
        ae.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        association = ae.associate(
            "127.0.0.1", port, ae_title="FORAMINA", ext_neg=[role] if roles else None
        )
        assert association.is_established, "the node accepts no report"
        try:
            if not roles:  # pynetdicom itself would not send it
                for context in association.accepted_contexts:
                    context._as_scp = True
            response, _ = association.send_n_event_report(
                information,
                overrides.get("event_type", event_type),
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
            )
        finally:
            association.release()
        self.acknowledged.append(response.get("Status"))
        return response

    def _wait_if_hanging(self) -> None:
        if self.hangs:
            self._let_go.wait(60)

    def _on_store(self, event: evt.Event) -> int:
        self._wait_if_hanging()
        self.received.append(event.encoded_dataset(include_meta=False))
        takes = self.store_status == 0 or self.store_status >> 12 == 0xB
        if takes and not self.loses:
            self.held[str(event.request.AffectedSOPInstanceUID)] = event.dataset
        return self.store_status

    def _on_action(self, event: evt.Event) -> tuple[int, None]:
        self._wait_if_hanging()
        self.requests.append(event.action_information)
        if self.reports_at_once and self.action_status == 0:
            threading.Thread(target=self._report_on, args=(event.assoc,), daemon=True).start()
        return self.action_status or 0, None

    def _report_on(self, association: Any) -> None:
        information, event_type = self.answer()
        self._let_go.wait(0.1)  # after the response
        response, _ = association.send_n_event_report(
            information, event_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        self.acknowledged.append(response.get("Status"))

    def _on_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self._wait_if_hanging()
        asked = event.identifier
        keys: Sequence[str] = [key for key in _KEYS if asked.get(key)]
        for found in list(self.held.values()):
            if all(found.get(key) == asked.get(key) for key in keys):
                told = Dataset()
                told.QueryRetrieveLevel = asked.QueryRetrieveLevel
                for key in keys:
                    setattr(told, key, found.get(key))
                told.PatientID = found.PatientID if self.patient_id is None else self.patient_id
                yield 0xFF00, told
        yield self.find_status, None
