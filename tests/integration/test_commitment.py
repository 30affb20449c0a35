"""`committed` is said when the PACS says so: by commitment or C-FIND, at once or days later."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from socketserver import BaseServer
from threading import Thread

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from node import commitment, holding
from node.delivery import DeliveryLoop
from node.errors import PeerError
from node.settings import Destination
from storage import deliveries, held
from storage.database import Database
from storage.tables import Commitment, Delivery, DeliveryState
from tests.lying_pacs import LyingPacs
from tests.peers import Orthanc, free_port, wait_until
from tests.queued_reports import Reports, age, destination

Loop = Callable[..., DeliveryLoop]
HOURS = timedelta(hours=2)  # longer than `delivery.settle_s`


@pytest.fixture
def pacs() -> Iterator[LyingPacs]:
    with LyingPacs() as running:
        yield running


def listen(opened: Callable[[], Database], port: int = 0) -> Iterator[int]:
    """Accept what a node's listener accepts of storage commitment; gives the port."""
    ae = AE("FORAMINA")
    ae.add_supported_context(Verification)
    server = ae.make_server(
        ("127.0.0.1", port),
        contexts=[*ae.supported_contexts, *commitment.contexts()],
        server_class=ThreadedAssociationServer,
        evt_handlers=commitment.handlers(opened),
    )
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield int(server.server_address[1])
    BaseServer.shutdown(server)
    server.server_close()
    thread.join(10)


@pytest.fixture
def node_port(queued: Reports) -> Iterator[int]:
    yield from listen(lambda: queued.database)


def stored(queued: Reports, running: DeliveryLoop, target: Destination) -> Delivery:
    """Send the one report that is queued; it is due to be asked about."""
    queued.queue(target.name)
    assert running.step(target)
    row = queued.row(target.name)
    assert row.state == DeliveryState.STORED
    due(queued)
    return row


def late(queued: Reports, running: DeliveryLoop, target: Destination) -> Delivery:
    """Try to send the one report that is queued, made two days ago."""
    queued.queue(target.name)
    age(queued.database, made_at=timedelta(days=2))
    assert running.step(target)
    return queued.row(target.name)


def due(queued: Reports) -> None:
    age(queued.database, check_at=timedelta(days=2))


def test_a_pacs_that_reports_on_the_same_association(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    pacs.reports_at_once = True
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    wait_until(lambda: running.confirm(target), "it is time to ask")
    wait_until(lambda: bool(pacs.acknowledged), "the report is acknowledged")
    row = queued.row("pacs")
    assert pacs.acknowledged == [0x0000]
    assert (row.state, row.confirmed_by, row.error) == ("committed", "commitment", None)
    assert row.finished_at is not None
    assert not running.confirm(target)


@pytest.mark.parametrize("roles", [True, False])
def test_a_report_that_comes_days_later_on_an_association_of_the_pacs(
    queued: Reports, loop: Loop, pacs: LyingPacs, node_port: int, roles: bool
) -> None:
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    assert running.confirm(target)
    row = queued.row("pacs")
    assert (row.state, row.confirmed_by) == ("stored", None)
    assert not running.confirm(target)  # it waits for the answer
    age_all(queued, timedelta(days=5))
    response = pacs.report(node_port, roles=roles)
    assert response is not None
    assert response.Status == 0x0000
    assert queued.row("pacs").state == DeliveryState.COMMITTED
    again = pacs.report(node_port, roles=roles)  # the response was lost, it says it once more
    assert again is not None
    assert again.Status == 0x0000


def age_all(queued: Reports, by: timedelta) -> None:
    age(queued.database, stored_at=by, queued_at=by)
    with queued.database.begin() as session:
        for row in session.query(Commitment):
            row.asked_at -= by


def test_the_request_names_what_was_stored_and_is_known_before_it_is_sent(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    target = destination("pacs", pacs.port)
    running = loop(target)
    for _ in range(3):
        queued.queue("pacs")
        running.step(target)
    due(queued)
    assert running.confirm(target)
    (request,) = pacs.requests
    named = {item.ReferencedSOPInstanceUID for item in request.ReferencedSOPSequence}
    assert named == set(pacs.held)
    with queued.database.read() as session:
        (row,) = session.query(Commitment)
        assert row.transaction_uid == request.TransactionUID
        assert row.accepted_at is not None
    assert str(request.TransactionUID).startswith("2.25.")


def test_what_is_not_there_yet_is_asked_for_again_and_not_sent_again(
    queued: Reports, loop: Loop, pacs: LyingPacs, node_port: int
) -> None:
    pacs.loses = True
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    running.confirm(target)
    pacs.report(node_port)
    assert running.confirm(target)
    row = queued.row("pacs")
    assert row.state == DeliveryState.STORED
    assert "0x0112 (no such object instance)" in str(row.error)
    due(queued)
    assert running.confirm(target)
    assert len(pacs.requests) == 2
    assert pacs.requests[0].TransactionUID != pacs.requests[1].TransactionUID
    assert len(pacs.received) == 1


def test_what_the_pacs_took_and_lost_is_sent_again_the_same_and_fails_in_the_end(
    queued: Reports, loop: Loop, pacs: LyingPacs, node_port: int
) -> None:
    pacs.loses = True
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    for _ in range(4):
        running.confirm(target)
        age_all(queued, HOURS)
        pacs.report(node_port)
        assert running.confirm(target)
        if running.step(target):
            due(queued)
    row = queued.row("pacs")
    assert row.state == DeliveryState.FAILED
    assert "after it was sent 4 times" in str(row.error)
    assert len(pacs.received) == 4
    assert len(set(pacs.received)) == 1
    pacs.loses = False
    with queued.database.begin() as session:
        assert deliveries.retry(session, row.id).losses == 0
    running.step(target)
    due(queued)
    running.confirm(target)
    pacs.report(node_port)
    assert queued.row("pacs").state == DeliveryState.COMMITTED


@pytest.mark.parametrize(
    "expected",
    [
        (0x0110, DeliveryState.STORED, "processing failure"),
        (0x0213, DeliveryState.STORED, "resource limitation"),
        (0x0131, DeliveryState.STORED, "duplicate transaction UID"),
        (0x7777, DeliveryState.STORED, "does not define"),
        (0x0119, DeliveryState.FAILED, "another object under this UID"),
        (0x0122, DeliveryState.STORED, "configure `query`"),
    ],
)
def test_the_reason_of_a_refusal_decides(
    queued: Reports,
    loop: Loop,
    node_port: int,
    pacs: LyingPacs,
    expected: tuple[int, DeliveryState, str],
) -> None:
    reason, state, word = expected
    pacs.loses = True
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    running.confirm(target)
    pacs.report(node_port, reason=reason)
    running.confirm(target)
    row = queued.row("pacs")
    assert row.state == state
    assert word in str(row.error)
    assert (row.check_at is None) == (reason in (0x0119, 0x0122))


def test_an_answer_about_an_earlier_storing_commits_nothing(
    queued: Reports, loop: Loop, pacs: LyingPacs, node_port: int
) -> None:
    target = destination("pacs", pacs.port)
    running = loop(target)
    row = stored(queued, running, target)
    running.confirm(target)
    with queued.database.begin() as session:
        deliveries.retry(session, row.id)
    running.step(target)
    pacs.report(node_port, 0)
    assert queued.row("pacs").state == DeliveryState.STORED


@pytest.mark.parametrize(
    "overrides",
    [
        {"transaction_uid": "2.25.1234", "code": 0x0115},
        {"transaction_uid": "", "code": 0x0114},
        {"event_type": 7, "code": 0x0113},
    ],
)
def test_a_report_that_means_nothing_here_is_refused_and_changes_nothing(
    queued: Reports,
    loop: Loop,
    pacs: LyingPacs,
    node_port: int,
    overrides: dict[str, object],
) -> None:
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    running.confirm(target)
    response = pacs.report(node_port, **overrides)
    assert response is not None
    assert response.Status == overrides["code"]
    assert queued.row("pacs").state == DeliveryState.STORED
    pacs.report(node_port)
    assert queued.row("pacs").state == DeliveryState.COMMITTED


def test_success_is_answered_only_when_the_answer_is_kept(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    target = destination("pacs", pacs.port)
    running = loop(target)
    stored(queued, running, target)
    running.confirm(target)
    away: list[bool] = [True]

    def opened() -> Database:
        if away.pop():
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))
        return queued.database

    listening = listen(opened)
    port = next(listening)
    response = pacs.report(port)
    assert response is not None
    assert response.Status == 0x0110
    assert queued.row("pacs").state == DeliveryState.STORED
    away.append(False)
    pacs.report(port)
    assert queued.row("pacs").state == DeliveryState.COMMITTED
    next(listening, None)


def test_this_node_commits_to_nothing(node_port: int) -> None:
    ae = AE("MR1")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate("127.0.0.1", node_port)
    assert association.is_established
    response, _ = association.send_n_action(
        image_request(), 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    association.release()
    assert response.Status == 0x0124
    assert "no archive" in response.ErrorComment


def test_who_asks_for_the_role_of_an_scu_is_refused_the_context(node_port: int) -> None:
    ae = AE("MR1")
    ae.add_requested_context(StorageCommitmentPushModel)
    role = build_role(StorageCommitmentPushModel, scu_role=True, scp_role=False)
    association = ae.associate("127.0.0.1", node_port, ext_neg=[role])
    assert not association.is_established
    association.abort()


def image_request() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    item.ReferencedSOPInstanceUID = generate_uid()
    information = Dataset()
    information.TransactionUID = generate_uid()
    information.ReferencedSOPSequence = [item]
    return information


def query(pacs: LyingPacs) -> dict[str, object]:
    return {"ae_title": "PACS", "host": "127.0.0.1", "port": pacs.port}


def test_without_commitment_c_find_tells(queued: Reports, loop: Loop) -> None:
    with LyingPacs(action_status=None) as pacs:
        target = destination("pacs", pacs.port, query=query(pacs))
        running = loop(target)
        stored(queued, running, target)
        assert running.confirm(target)
        row = queued.row("pacs")
        assert (row.state, row.confirmed_by) == ("committed", "C-FIND")


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_without_anybody_to_ask_it_stays_stored_and_says_so(
    queued: Reports, loop: Loop, mode: str
) -> None:
    with LyingPacs(action_status=None) as pacs:
        target = destination("pacs", pacs.port, commitment=mode)
        running = loop(target)
        stored(queued, running, target)
        assert running.confirm(target) == (mode != "off")
        row = queued.row("pacs")
        assert (row.state, row.confirmed_by) == ("stored", None)
        assert (row.finished_at is None) == (mode != "off")
        if mode != "off":
            assert "offers no storage commitment" in str(row.error)
        age_all(queued, timedelta(days=15))
        due(queued)
        running.confirm(target)
        row = queued.row("pacs")
        assert row.state == DeliveryState.STORED
        if mode != "off":
            assert str(row.error).startswith("not confirmed within 14 days; the last: ")


def test_what_c_find_does_not_find_is_lost_only_after_a_while(queued: Reports, loop: Loop) -> None:
    with LyingPacs(action_status=None, loses=True) as pacs:
        target = destination("pacs", pacs.port, query=query(pacs))
        running = loop(target)
        stored(queued, running, target)
        running.confirm(target)
        row = queued.row("pacs")
        assert row.state == DeliveryState.STORED
        assert "does not find it" in str(row.error)
        age_all(queued, HOURS)
        due(queued)
        running.confirm(target)
        row = queued.row("pacs")
        assert (row.state, row.losses) == (DeliveryState.QUEUED, 1)
        assert "sent again" in str(row.error)


def test_a_duplicate_is_looked_for_at_once(queued: Reports, loop: Loop, pacs: LyingPacs) -> None:
    target = destination("pacs", pacs.port, query=query(pacs))
    running = loop(target)
    row = stored(queued, running, target)
    with queued.database.begin() as session:
        deliveries.retry(session, row.id)
    pacs.store_status = 0x0111
    running.step(target)
    assert running.confirm(target)
    row = queued.row("pacs")
    assert (row.state, row.dimse_status, row.confirmed_by) == ("committed", 0x0111, "C-FIND")
    assert pacs.requests == []


@pytest.mark.parametrize("code", [0x0110, 0x0124])
def test_a_refused_request_is_repeated_later_or_c_find_asked(
    queued: Reports, loop: Loop, code: int
) -> None:
    with LyingPacs(action_status=code) as pacs:
        target = destination("pacs", pacs.port, query=query(pacs))
        running = loop(target)
        stored(queued, running, target)
        assert running.confirm(target)
        row = queued.row("pacs")
        assert row.state == (DeliveryState.STORED if code == 0x0110 else DeliveryState.COMMITTED)


def test_where_the_committing_peer_is_away_c_find_tells(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    away = {"ae_title": "COMMIT", "host": "127.0.0.1", "port": free_port()}
    target = destination("pacs", pacs.port, query=query(pacs), commitment_peer=away)
    running = loop(target)
    stored(queued, running, target)
    assert running.confirm(target)
    row = queued.row("pacs")
    assert (row.state, row.confirmed_by) == (DeliveryState.COMMITTED, "C-FIND")


def test_a_peer_that_is_away_or_hangs_is_asked_again(queued: Reports, loop: Loop) -> None:
    port = free_port()
    with LyingPacs(port=port) as pacs:
        target = destination("pacs", port, timeout_s=0.5)
        running = loop(target)
        stored(queued, running, target)
        pacs.hangs = True
        assert running.confirm(target)
        assert "did not answer N-ACTION" in str(queued.row("pacs").error)
    due(queued)
    assert running.confirm(target)
    row = queued.row("pacs")
    assert row.state == DeliveryState.STORED
    assert "no connection" in str(row.error)


def test_a_late_report_is_held_when_its_study_has_another_patient(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    target = destination("pacs", pacs.port, query=query(pacs), commitment="off")
    running = loop(target)
    row = stored(queued, running, target)
    pacs.patient_id = "MERGED-7"
    with queued.database.begin() as session:
        deliveries.retry(session, row.id)
    age(queued.database, made_at=timedelta(days=2))
    assert running.step(target)
    row = queued.row("pacs")
    assert row.state == DeliveryState.HELD
    assert "another PatientID" in str(row.error)
    assert "MERGED-7" not in str(row.error)
    assert "TEST-1" not in str(row.error)
    assert len(pacs.received) == 1
    pacs.patient_id = " TEST-1"
    with queued.database.begin() as session:
        deliveries.retry(session, row.id)
    assert running.step(target)
    assert queued.row("pacs").state == DeliveryState.STORED
    assert len(pacs.received) == 2


def test_a_late_report_of_a_study_that_is_gone_waits_to_be_released(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    target = destination("pacs", pacs.port, query=query(pacs))
    running = loop(target)
    row = late(queued, running, target)
    assert row.state == DeliveryState.HELD
    assert "does not have the study" in str(row.error)
    assert pacs.received == []
    with queued.database.begin() as session:
        held.release(session, row.id)
    assert running.step(target)
    assert queued.row("pacs").state == DeliveryState.STORED


def test_a_late_report_is_not_sent_while_its_study_cannot_be_asked_about(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    away = {"ae_title": "PACS", "host": "127.0.0.1", "port": free_port()}
    target = destination("pacs", pacs.port, query=away)
    row = late(queued, loop(target), target)
    assert row.state == DeliveryState.QUEUED
    assert "could not be asked about" in str(row.error)
    assert pacs.received == []


def test_a_refused_question_leaves_no_status_of_c_store(
    queued: Reports, loop: Loop, pacs: LyingPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> str:
        raise PeerError("answered C-FIND with status 0xA900", status=0xA900)

    monkeypatch.setattr(holding, "why_held", refused)
    target = destination("pacs", pacs.port, query=query(pacs))
    row = late(queued, loop(target), target)
    assert (row.state, row.dimse_status) == (DeliveryState.QUEUED, None)


def test_a_claim_holds_for_the_question_and_for_the_sending(
    queued: Reports, loop: Loop, pacs: LyingPacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    claim = deliveries.claim

    def seen(session: Session, name: str, lease_s: float) -> Delivery | None:
        asked.append(lease_s)
        return claim(session, name, lease_s)

    monkeypatch.setattr(deliveries, "claim", seen)
    for settings in ({}, {"query": query(pacs)}):
        target = destination("pacs", pacs.port, timeout_s=10, **settings)
        loop(target).step(target)
    assert asked == [40, 80]


def test_a_fresh_report_is_sent_without_asking(
    queued: Reports, loop: Loop, pacs: LyingPacs
) -> None:
    target = destination("pacs", pacs.port, query=query(pacs))
    running = loop(target)
    stored(queued, running, target)  # whose study the PACS does not have
    assert len(pacs.received) == 1


def test_the_loops_confirm_by_themselves(queued: Reports, loop: Loop, pacs: LyingPacs) -> None:
    pacs.reports_at_once = True
    queued.queue("pacs")
    loop(destination("pacs", pacs.port)).start()
    wait_until(lambda: queued.row("pacs").state == DeliveryState.COMMITTED, "it is committed")
    assert queued.row("pacs").confirmed_by == "commitment"


def test_orthanc_commits_on_an_association_of_its_own(
    queued: Reports, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    orthanc = Orthanc(tmp_path_factory.mktemp("committing"), node_port=port)
    orthanc.start()
    listening = listen(lambda: queued.database, port)
    next(listening)
    try:
        queued.queue("orthanc")
        loop(destination("orthanc", orthanc.dicom_port, orthanc.ae_title)).start()
        wait_until(
            lambda: queued.row("orthanc").state == DeliveryState.COMMITTED, "Orthanc commits", 60
        )
    finally:
        next(listening, None)
        orthanc.stop()
    assert queued.row("orthanc").confirmed_by == "commitment"
