"""Delivering reports to living, dead, hanging and refusing destinations."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from pydicom import dcmread
from pynetdicom import evt

from node.delivery import DeliveryLoop
from node.settings import Delivery as Settings
from storage import deliveries
from storage.tables import Delivery, DeliveryState
from tests import objects
from tests.peers import Orthanc, StoreScp, free_port, storage_peer, wait_until
from tests.queued_reports import Reports, age, destination

Loop = Callable[..., DeliveryLoop]


def test_a_report_reaches_orthanc_bit_for_bit(
    queued: Reports, loop: Loop, orthanc: Orthanc
) -> None:
    path = queued.queue("orthanc")
    loop(destination("orthanc", orthanc.dicom_port, orthanc.ae_title)).start()
    wait_until(lambda: queued.is_stored("orthanc"), "the report is stored")
    row = queued.row("orthanc")
    assert (row.attempts, row.dimse_status, row.error) == (1, 0x0000, None)
    kept = orthanc.file(dcmread(path).SOPInstanceUID)
    assert kept is not None
    assert objects.data_set_bytes(kept) == objects.data_set_bytes(path)


def test_a_dead_destination_delays_no_other_and_is_served_when_it_is_back(
    queued: Reports, loop: Loop, storescp: Callable[..., StoreScp]
) -> None:
    living, port = storescp(), free_port()
    path = queued.queue("living", "dead")
    loop(destination("living", living.port), destination("dead", port)).start()
    wait_until(lambda: queued.is_stored("living"), "the living destination is served")
    wait_until(lambda: queued.row("dead").attempts >= 3, "the dead one was tried thrice")
    row = queued.row("dead")
    assert row.state in (DeliveryState.QUEUED, DeliveryState.SENDING)
    assert "no connection (Connection refused)" in str(row.error)
    revived = storescp(port=port)
    wait_until(lambda: queued.is_stored("dead"), "the revived destination is served")
    for system in (living, revived):
        assert [objects.data_set_bytes(file) for file in system.files()] == [
            objects.data_set_bytes(path)
        ]


def test_a_hanging_destination_holds_up_neither_the_others_nor_the_end(
    queued: Reports, loop: Loop, storescp: Callable[..., StoreScp], silent_port: int
) -> None:
    living = storescp()
    queued.queue("hanging", "living")
    patient = Settings(poll_s=0.05, timeout_s=250)
    running = loop(
        destination("hanging", silent_port), destination("living", living.port), settings=patient
    )
    running.start()
    wait_until(lambda: queued.is_stored("living"), "the living destination is served")
    wait_until(
        lambda: queued.row("hanging").state == DeliveryState.SENDING, "the other one is called"
    )
    running.stop()
    row = queued.row("hanging")
    assert row.state == DeliveryState.QUEUED  # at once: not after the timeout, nor the lease
    assert row.error == "interrupted: the node was stopped while sending"


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0x0000, DeliveryState.STORED),
        (0xB000, DeliveryState.STORED),
        (0x0111, DeliveryState.STORED),
        (0xA700, DeliveryState.QUEUED),
        (0x0110, DeliveryState.QUEUED),
        (0xA900, DeliveryState.FAILED),
        (0xC000, DeliveryState.FAILED),
        (0x0122, DeliveryState.FAILED),
    ],
)
def test_the_peers_status_decides(
    queued: Reports, loop: Loop, code: int, state: DeliveryState
) -> None:
    queued.queue("pacs")
    with storage_peer(lambda _event: code) as port:
        target = destination("pacs", port)
        assert loop(target).step(target)
    row = queued.row("pacs")
    assert (row.state, row.dimse_status) == (state, code)
    assert (row.error is None) == (state == DeliveryState.STORED)


def test_a_refused_context_fails_at_once(queued: Reports, loop: Loop) -> None:
    queued.queue("pacs")
    mr_only = [("1.2.840.10008.5.1.4.1.1.4", ["1.2.840.10008.1.2.1"])]
    with storage_peer(lambda _event: 0, mr_only) as port:
        target = destination("pacs", port)
        loop(target).step(target)
    row = queued.row("pacs")
    assert (row.state, row.attempts) == (DeliveryState.FAILED, 1)
    assert "Comprehensive 3D SR Storage" in str(row.error)


def test_attempts_come_to_an_end(queued: Reports, loop: Loop) -> None:
    queued.queue("dead")
    target = destination("dead", free_port())
    impatient = Settings(retry_delay_s=0.001, retry_delay_max_s=0.001, max_attempts=2)
    running = loop(target, settings=impatient)
    running.step(target)
    wait_until(lambda: running.step(target), "the second attempt is due")
    row = queued.row("dead")
    assert row.state == DeliveryState.FAILED
    assert str(row.error).startswith("gave up after 2 attempts; the last: ")
    assert not running.step(target)


def test_days_come_to_an_end_too(queued: Reports, loop: Loop) -> None:
    queued.queue("dead")
    target = destination("dead", free_port())
    running = loop(target)
    age(queued.database, queued_at=timedelta(days=13.9))
    assert running.step(target)
    assert queued.row("dead").state == DeliveryState.QUEUED
    age(queued.database, queued_at=timedelta(days=0.2), not_before=timedelta(days=1))
    assert running.step(target)
    row = queued.row("dead")
    assert row.state == DeliveryState.FAILED
    assert str(row.error).startswith("gave up after 2 attempts in 14 days; the last: ")


def test_a_report_whose_file_is_gone_fails_with_that_reason(queued: Reports, loop: Loop) -> None:
    queued.queue("pacs").unlink()
    target = destination("pacs", free_port())
    loop(target).step(target)
    row = queued.row("pacs")
    assert row.state == DeliveryState.FAILED
    assert "is gone; restore it or `foramina jobs retry" in str(row.error)


def test_a_destination_in_shadow_mode_is_never_called(queued: Reports, loop: Loop) -> None:
    queued.queue("living", "shadow")
    called: list[str] = []

    def answer(event: evt.Event) -> int:
        called.append(event.assoc.acceptor.primitive.called_ae_title)
        return 0x0000

    with storage_peer(answer) as port:
        loop(
            destination("shadow", port, "SHADOW", shadow=True),
            destination("living", port, "LIVING"),
        ).start()
        wait_until(lambda: queued.is_stored("living"), "the living destination is served")
    assert called == ["LIVING"]
    assert queued.row("shadow").attempts == 0


def test_what_a_killed_sender_left_is_sent_again_with_the_same_bytes(
    queued: Reports, loop: Loop
) -> None:
    path = queued.queue("pacs")
    received: list[bytes] = []

    def answer(event: evt.Event) -> int:
        received.append(event.encoded_dataset(include_meta=False))
        return 0x0000 if len(received) == 1 else 0x0111

    with storage_peer(answer) as port:
        target = destination("pacs", port)
        running = loop(target)
        with queued.database.begin() as session:  # a sender that is killed before it records
            assert deliveries.claim(session, "pacs", lease_s=0) is not None
        assert not running.step(target)
        with queued.database.begin() as session:
            assert deliveries.reap(session) == 1
        assert running.step(target)
        with queued.database.begin() as session:
            deliveries.retry(session, queued.row("pacs").id)
        assert running.step(target)
    assert received == [objects.data_set_bytes(path)] * 2
    assert queued.row("pacs").state == DeliveryState.STORED


def test_what_somebody_else_sends_meanwhile_is_not_overwritten(queued: Reports, loop: Loop) -> None:
    queued.queue("pacs")

    def answer(_event: evt.Event) -> int:
        with queued.database.begin() as session:  # the lease ended, another node took over
            row = session.get_one(Delivery, queued.row("pacs").id)
            row.fencing_token += 1
        return 0xC000

    with storage_peer(answer) as port:
        target = destination("pacs", port)
        assert loop(target).step(target)
    assert queued.row("pacs").state == DeliveryState.SENDING


def test_a_database_that_is_away_for_a_moment_does_not_end_the_loop(
    queued: Reports, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued.queue("pacs")
    claim, failures = deliveries.claim, []

    def claim_that_fails_once(*arguments: object, **named: object) -> Delivery | None:
        if not failures:
            failures.append(1)
            raise RuntimeError("the database is away")
        return claim(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(deliveries, "claim", claim_that_fails_once)
    with storage_peer(lambda _event: 0x0000) as port:
        loop(destination("pacs", port)).start()
        wait_until(lambda: queued.is_stored("pacs"), "the report is stored")
    assert failures == [1]
