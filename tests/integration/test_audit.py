"""Audit messages on real sockets: over TLS, TCP and UDP, to a collector that is away or dies."""

import itertools
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from node.audit import start
from node.audit.forward import Forwarder
from node.audit.message import Source
from node.audit.settings import Audit
from node.audit.syslog import Collector, CollectorError
from node.config import Config
from node.settings import Rule
from storage import trail
from storage.database import Database
from storage.tables import Action
from storage.trail import Person
from tests.certificates import Authority
from tests.peers import free_port

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "dicom_audit.rng"))
NODE = Source("FORAMINA", "node.example", "FORAMINA")


class Listener:
    """A collector: reads frames of RFC 5425 until the sender says that nothing more comes."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.lines: list[bytes] = []
        self.broken: list[str] = []
        self.mode = "reads"
        self.polite = True
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            try:
                self._take(connection)
            except (OSError, ValueError) as error:
                self.broken.append(type(error).__name__)

    def _take(self, plain: socket.socket) -> None:
        plain.settimeout(20)
        connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
        with connection:
            if self.mode == "leaves":  # what comes later meets a closed socket
                return
            if self.mode == "dies":  # with a reset: what it was sent is not read
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            data = b""
            while part := connection.recv(65536):
                data += part
            if self.mode == "hangs":
                time.sleep(1.5)
                return
            self.lines += unframed(data)
            if isinstance(connection, ssl.SSLSocket) and self.polite:
                connection.unwrap().close()  # with a close_notify; not all collectors send one

    def stop(self) -> None:
        self._listening.close()


def unframed(data: bytes) -> list[bytes]:
    """Undo octet counting."""
    lines = []
    while data:
        length, _, rest = data.partition(b" ")
        lines.append(rest[: int(length)])
        assert len(lines[-1]) == int(length)
        data = rest[int(length) :]
    return lines


def read(line: bytes) -> Any:
    """Take a SYSLOG-MSG apart, check what PS3.15 A.6 demands, and give its message."""
    head, bom, message = line.partition(b"\xef\xbb\xbf")
    assert bom
    priority, at, host, name, _process, msgid, data, *rest = head.decode().split(" ")
    assert (priority, host, name, msgid, data) == (
        "<85>1", "node.example", "foramina", "DICOM+RFC3881", "-",
    )  # fmt: skip
    assert at.endswith("+00:00")
    assert rest == [""]
    root = etree.fromstring(message)
    SCHEMA.assertValid(root)
    return root


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def mutual(authority: Authority) -> ssl.SSLContext:
    """Give the context of a collector that wants a certificate."""
    key_file, certificate_file = authority.issue("collector")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    started: list[Listener] = []

    def listen(*arguments: Any, **names: Any) -> Listener:
        started.append(Listener(*arguments, **names))
        return started[-1]

    yield listen
    for each in started:
        each.stop()


def audit(port: int, transport: str = "tcp", **values: Any) -> Audit:
    syslog = {"host": "localhost", "port": port, "transport": transport, "timeout_s": 10}
    return Audit.model_validate({"poll_s": 0.05, "syslog": {**syslog, **values}})


def secure(authority: Authority, port: int, **values: Any) -> Audit:
    key_file, certificate_file = authority.issue("client")
    files = {
        "ca_file": authority.ca_file, "certificate_file": certificate_file, "key_file": key_file,
    }  # fmt: skip
    return audit(port, "tls", **{**files, **values})


def act(database: Database, count: int = 1) -> None:
    with database.begin() as session:
        for number in range(count):
            trail.record(session, Person("ann", "192.0.2.1"), f"act {number}")


def waiting(database: Database) -> int:
    with database.read() as session:
        return len(trail.to_forward(session, 10_000))


def test_messages_arrive_over_mutual_tls(
    database: Database, listen: Callable[..., Listener], authority: Authority,
    mutual: ssl.SSLContext,
) -> None:  # fmt: skip
    collector = listen(mutual)
    forwarder = Forwarder(database, secure(authority, collector.port), NODE)
    act(database, 450)
    assert [forwarder.step() for _ in range(4)] == [200, 200, 50, 0]
    events = [read(line).find("EventIdentification/EventID") for line in collector.lines]
    assert [each.get("originalText") for each in events] == [f"act {n}" for n in range(450)]
    assert collector.broken == []


@pytest.mark.parametrize(
    ("version", "polite"), list(itertools.product(("TLSv1_2", "TLSv1_3"), (True, False)))
)
def test_both_versions_of_tls_and_both_ways_to_end_it(
    sqlite_database: Database, listen: Callable[..., Listener], authority: Authority,
    mutual: ssl.SSLContext, version: str, *, polite: bool,
) -> None:  # fmt: skip
    mutual.maximum_version = ssl.TLSVersion[version]
    try:
        collector = listen(mutual)
        collector.polite = polite
        act(sqlite_database)
        assert Forwarder(sqlite_database, secure(authority, collector.port), NODE).step() == 1
        assert len(collector.lines) == 1
    finally:
        mutual.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_a_collector_that_does_not_know_us_has_taken_nothing(
    sqlite_database: Database, listen: Callable[..., Listener], authority: Authority,
    mutual: ssl.SSLContext,
) -> None:  # fmt: skip
    """In TLS 1.3 it says so only after we have written."""
    collector = listen(mutual)
    act(sqlite_database)
    settings = audit(collector.port, "tls", ca_file=authority.ca_file)
    for _ in range(20):  # which of the refusal and our data comes first differs
        with pytest.raises(CollectorError):
            Forwarder(sqlite_database, settings, NODE).step()
    assert waiting(sqlite_database) == 1
    assert collector.lines == []


def test_a_collector_that_we_do_not_know_gets_nothing(
    sqlite_database: Database, listen: Callable[..., Listener], authority: Authority,
    mutual: ssl.SSLContext, tmp_path: Path,
) -> None:  # fmt: skip
    collector = listen(mutual)
    act(sqlite_database)
    foreign = Authority(tmp_path / "foreign")
    settings = secure(authority, collector.port, ca_file=foreign.ca_file)
    with pytest.raises(CollectorError, match=r"not trusted .*ca_file"):
        Forwarder(sqlite_database, settings, NODE).step()
    for host in ("127.0.0.1", "localhost"):  # both are in its certificate
        named = secure(authority, collector.port, host=host)
        Forwarder(sqlite_database, named, NODE).step()
    assert waiting(sqlite_database) == 0


def test_messages_over_plain_tcp(
    sqlite_database: Database, listen: Callable[..., Listener]
) -> None:
    collector = listen()
    act(sqlite_database, 3)
    assert Forwarder(sqlite_database, audit(collector.port), NODE).step() == 3
    assert len([read(line) for line in collector.lines]) == 3


def test_messages_over_udp(sqlite_database: Database) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        channel.settimeout(10)
        act(sqlite_database, 2)
        settings = audit(channel.getsockname()[1], "udp", host="127.0.0.1")
        assert Forwarder(sqlite_database, settings, NODE).step() == 2
        assert read(channel.recv(65535))[0].tag == "EventIdentification"
        assert read(channel.recv(65535))[0].tag == "EventIdentification"


@pytest.mark.parametrize("mode", ["dies", "leaves", "hangs"])
def test_what_a_collector_did_not_read_is_sent_again(
    sqlite_database: Database, listen: Callable[..., Listener], mode: str
) -> None:
    collector = listen()
    collector.mode = mode
    act(sqlite_database, 200)
    forwarder = Forwarder(sqlite_database, audit(collector.port, timeout_s=0.5), NODE)
    with pytest.raises(CollectorError):
        forwarder.step()
    assert waiting(sqlite_database) == 200
    collector.mode = "reads"
    again = Collector(audit(collector.port).syslog)
    assert str(again) == f"audit collector localhost:{collector.port}"
    time.sleep(1.6 if mode == "hangs" else 0)
    assert Forwarder(sqlite_database, audit(collector.port), NODE).step() == 200
    assert len(collector.lines) == 200


def test_a_collector_that_is_away_is_logged_once_and_gets_all_when_it_is_back(
    database: Database, listen: Callable[..., Listener]
) -> None:
    port = free_port()
    stop = threading.Event()
    forwarder = Forwarder(database, audit(port), NODE)
    with capture_logs() as logged:
        thread = threading.Thread(target=forwarder.run, args=(stop,))
        thread.start()
        try:
            act(database, 5)
            time.sleep(0.5)
            collector = listen(port=port)
            deadline = time.monotonic() + 30
            while waiting(database) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join(30)
    assert len(collector.lines) == 5
    assert [line["event"] for line in logged] == [
        "audit messages not taken", "audit messages taken again",
    ]  # fmt: skip


def test_without_a_collector_the_trail_stays_in_the_database(sqlite_database: Database) -> None:
    act(sqlite_database)
    Forwarder(sqlite_database, Audit(), NODE).run(threading.Event())
    assert waiting(sqlite_database) == 1


def test_a_start_keeps_the_configuration_and_no_secret(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORAMINA_NOTIFICATIONS__WEBHOOK__SECRET", "geheim")
    monkeypatch.setenv("FORAMINA_STORAGE__DATABASE_URL", "postgresql://ann:geheim@db/foramina")
    rules = {"default": (Rule(attribute="Rows", operator="present"),)}
    config = Config(filter_sets=rules)
    start.started(database, config)
    start.started(database, config)
    changed = config.model_copy(update={"filter_set": "thesis"})
    start.started(database, changed)
    start.stopped(database)
    with database.read() as session:
        rows = list(session.query(Action).order_by(Action.id))
    assert [row.action for row in rows] == ["start", "start", "start", "stop"]
    kept = [(row.facts or {}).get("configuration") for row in rows]
    assert kept[0]["storage"]["database_url"] == "postgresql://ann:***@db/foramina"
    assert kept[1] is None
    assert kept[2]["filter_set"] == "thesis"
    assert "geheim" not in str(kept)
    assert "the configuration of the last start" in rows[1].detail
    assert rows[0].person == start.operator().name
