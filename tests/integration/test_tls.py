"""TLS under DICOM, with DCMTK and pynetdicom at the other end, and what goes wrong with it."""

import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage, Verification

from node import scu
from node.errors import ConfigError, PeerError
from node.peer import Peer
from node.scp import StorageScp
from node.settings import Node, PeerTls, Tls, TlsProfile
from storage.incoming import Incoming
from tests.certificates import Authority, command, run
from tests.peers import StoreScp, dcmtk


class Certificates(NamedTuple):
    """What the tests of this module present and believe."""

    ours: Authority
    key_file: Path
    certificate_file: Path
    expired: tuple[Path, Path]
    elsewhere: tuple[Path, Path]  # for a host of another name
    foreign: Authority

    @property
    def tls(self) -> Tls:
        return Tls(enabled=True, certificate_file=self.certificate_file, key_file=self.key_file)

    @property
    def mutual(self) -> Tls:
        return self.tls.model_copy(update={"client_ca_file": self.ours.ca_file})

    @property
    def peer(self) -> PeerTls:
        return PeerTls(
            ca_file=self.ours.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
        )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    ours, foreign = Authority(folder / "ours"), Authority(folder / "foreign")
    key_file, certificate_file = ours.issue("node")
    return Certificates(
        ours,
        key_file,
        certificate_file,
        ours.issue("expired", days=-1),
        ours.issue("elsewhere", host="other.example"),
        foreign,
    )


class Listening:
    """A node's SCP with TLS, and what it received and logged."""

    def __init__(self, tls: Tls | None, path: Any, **settings: object) -> None:
        self.received: list[Incoming] = []
        node = Node.model_validate({"port": 0, "association_timeout_s": 2, **settings})
        self.scp = StorageScp(node, self.received.append, tls=tls, path=path)
        self.scp.start()
        self.peer = Peer("FORAMINA", "localhost", self.scp.port, "SCANNER", 20)

    def events(self, logged: list[Any]) -> list[str]:
        """Give the reasons that were logged for connections that came to nothing."""
        return [line["reason"] for line in logged if line["event"] == "connection closed"]

    def wait_reason(self, logged: list[Any]) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if found := self.events(logged):
                return found[-1]
            time.sleep(0.05)
        pytest.fail(f"no connection closed; logged: {logged}")


Start = Callable[..., Listening]


@pytest.fixture(params=["fast", "stock"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    started: list[Listening] = []

    def start(tls: Tls | None, **settings: object) -> Listening:
        started.append(Listening(tls, request.param, **settings))
        return started[-1]

    yield start
    for each in started:
        each.scp.stop()


def test_dcmtk_stores_over_tls(start: Start, certificates: Certificates, image: Path) -> None:
    node = start(certificates.tls)
    port = node.scp.port
    dcmtk("storescu", "+tla", "+cf", certificates.ours.ca_file, "localhost", port, image)
    assert len(node.received) == 1


def test_the_command_of_the_guide_works(start: Start, certificates: Certificates) -> None:
    node = start(certificates.mutual)
    script = command("echo", **{"2762": str(node.scp.port)}).replace("-aec", "-v -aec")
    assert "Received Echo Response (Success)" in run(certificates.ours.folder, script)
    assert "DNS:localhost, IP Address:127.0.0.1" in run(certificates.ours.folder, command("look"))


def test_the_node_sends_to_dcmtk_over_tls(
    storescp: Callable[..., StoreScp], certificates: Certificates, image: Path
) -> None:
    key, certificate = certificates.key_file, certificates.certificate_file
    pacs = storescp("+tls", key, certificate, "+cf", certificates.ours.ca_file)
    peer = Peer("PACS", "localhost", pacs.port, "FORAMINA", 20, certificates.peer)
    assert scu.store(peer, image) == 0


@pytest.mark.parametrize("profile", get_args(TlsProfile))
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_pynetdicom_stores_over_every_profile_and_version(
    start: Start, certificates: Certificates, image: Path, profile: str, version: ssl.TLSVersion
) -> None:
    node = start(certificates.tls.model_copy(update={"profile": profile}))
    context = ssl.create_default_context(cafile=certificates.ours.ca_file)
    context.minimum_version = context.maximum_version = version
    ae = AE("SCANNER")
    ae.add_requested_context(MRImageStorage, "1.2.840.10008.1.2.1")
    ae.add_requested_context(Verification)
    association = ae.associate("localhost", node.scp.port, tls_args=(context, "localhost"))
    assert association.is_established
    assert association.send_c_echo().Status == 0
    assert association.send_c_store(image).Status == 0
    association.release()
    assert len(node.received) == 1


def test_both_sides_prove_who_they_are(
    start: Start, certificates: Certificates, image: Path
) -> None:
    node = start(certificates.mutual)
    scu.echo(replace(node.peer, tls=certificates.peer))
    assert scu.store(replace(node.peer, tls=certificates.peer), image) == 0


def test_a_client_without_a_certificate_is_not_served(
    start: Start, certificates: Certificates, logged: list[Any]
) -> None:
    node = start(certificates.mutual)
    anonymous = PeerTls(ca_file=certificates.ours.ca_file)
    with pytest.raises(PeerError, match="trusts the certificate of this node"):
        scu.echo(replace(node.peer, tls=anonymous))
    assert "showed no certificate" in node.wait_reason(logged)


@pytest.mark.parametrize(
    ("which", "reason"),
    [("expired", "certificate has expired"), ("foreign", "unable to get local issuer")],
)
def test_a_client_with_a_wrong_certificate_is_not_served(
    start: Start, certificates: Certificates, logged: list[Any], which: str, reason: str
) -> None:
    node = start(certificates.mutual)
    foreign = certificates.foreign.issue("client") if which == "foreign" else certificates.expired
    tls = PeerTls(
        ca_file=certificates.ours.ca_file, key_file=foreign[0], certificate_file=foreign[1]
    )
    with pytest.raises(PeerError):
        scu.echo(replace(node.peer, tls=tls))
    assert reason in node.wait_reason(logged)


@pytest.mark.parametrize(
    ("own", "trusted", "message"),
    [
        ("expired", "ours", r"certificate has expired\); have it renewed there"),
        ("elsewhere", "ours", r"Hostname mismatch.*check_hostname: false"),
        ("node", "foreign", r"name its authority in tls\.ca_file"),
    ],
)
def test_a_peer_with_a_wrong_certificate_gets_nothing(
    start: Start, certificates: Certificates, own: str, trusted: str, message: str
) -> None:
    folder = certificates.ours.folder
    files = {"certificate_file": folder / f"{own}.pem", "key_file": folder / f"{own}.key"}
    node = start(certificates.tls.model_copy(update=files))
    tls = PeerTls(ca_file=getattr(certificates, trusted).ca_file)
    with pytest.raises(PeerError, match=message):
        scu.echo(replace(node.peer, tls=tls))


def test_a_pinned_certificate_needs_no_name(
    start: Start, certificates: Certificates, image: Path
) -> None:
    key_file, certificate_file = certificates.elsewhere
    node = start(Tls(enabled=True, certificate_file=certificate_file, key_file=key_file))
    for number, pinned in enumerate((certificates.ours.ca_file, certificate_file), 1):
        peer = replace(node.peer, tls=PeerTls(ca_file=pinned, check_hostname=False))
        assert scu.store(peer, image) == 0
        assert len(node.received) == number


def test_dicom_without_tls_at_a_tls_port(
    start: Start, certificates: Certificates, logged: list[Any]
) -> None:
    node = start(certificates.tls)
    with pytest.raises(PeerError, match="check that its port speaks no TLS"):
        scu.echo(node.peer)
    assert "spoke DICOM without TLS" in node.wait_reason(logged)


def test_tls_at_a_port_without(start: Start, certificates: Certificates, logged: list[Any]) -> None:
    node = start(None)
    with pytest.raises(PeerError, match="TLS"):
        scu.echo(replace(node.peer, tls=certificates.peer))
    assert "spoke TLS, and this port does not" in node.wait_reason(logged)


def test_tls_1_1_is_not_spoken(start: Start, certificates: Certificates, logged: list[Any]) -> None:
    node = start(certificates.tls)
    context = ssl.create_default_context(cafile=certificates.ours.ca_file)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", node.scp.port), 20) as raw,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(raw, server_hostname="localhost")
    assert "offers nothing of the profile" in node.wait_reason(logged)


def test_a_silent_client_keeps_nobody_out(
    start: Start, certificates: Certificates, logged: list[Any]
) -> None:
    node = start(certificates.tls)
    with socket.create_connection(("localhost", node.scp.port)) as silent:
        scu.echo(replace(node.peer, tls=certificates.peer))
        assert "said nothing" in node.wait_reason(logged)
        assert silent.recv(1) == b""


def test_a_half_handshake_ends(start: Start, certificates: Certificates, logged: list[Any]) -> None:
    node = start(certificates.tls)
    with socket.create_connection(("localhost", node.scp.port)) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00\x01")  # the head of a ClientHello, and no more
        assert "not complete within" in node.wait_reason(logged)
        assert raw.recv(1) == b""


def test_a_renewed_certificate_counts_without_a_restart(
    start: Start, certificates: Certificates, tmp_path: Path, logged: list[Any]
) -> None:
    files = {"certificate_file": tmp_path / "node.pem", "key_file": tmp_path / "node.key"}

    def install(key: Path, certificate: Path) -> None:
        shutil.copy(key, files["key_file"])
        shutil.copy(certificate, files["certificate_file"])
        time.sleep(1.1)  # the node looks once a second

    install(*certificates.expired)
    node = start(Tls(enabled=True, **files))
    caller = replace(node.peer, tls=PeerTls(ca_file=certificates.ours.ca_file))
    with pytest.raises(PeerError, match="expired"):
        scu.echo(caller)
    install(certificates.key_file, certificates.certificate_file)
    scu.echo(caller)
    install(certificates.key_file, certificates.expired[1])  # not that key's: not used
    scu.echo(caller)
    failures = [line for line in logged if "the one before stays" in line["event"]]
    assert len(failures) == 1
    assert "key values mismatch" in failures[0]["reason"]


def test_certificates_that_cannot_be_used_are_named_at_the_start(
    certificates: Certificates, tmp_path: Path
) -> None:
    def refused(**files: object) -> str:
        tls = Tls.model_validate({**certificates.tls.model_dump(), **files})
        with pytest.raises(ConfigError) as error:
            StorageScp(Node(port=0), print, tls=tls)
        return str(error.value)

    missing = tmp_path / "none.pem"
    assert f"tls.certificate_file {missing} cannot be read" in refused(certificate_file=missing)
    assert "key values mismatch" in refused(key_file=certificates.expired[0])
    assert "tls.client_ca_file" in refused(client_ca_file=certificates.key_file)


def test_a_key_with_a_password(start: Start, certificates: Certificates, tmp_path: Path) -> None:
    script = f"openssl pkey -in {certificates.key_file} -aes256 -passout pass:Eisenzahn -out k.pem"
    run(tmp_path, script)
    locked = certificates.tls.model_copy(update={"key_file": tmp_path / "k.pem"})
    with pytest.raises(ConfigError, match="FORAMINA_TLS__KEY_PASSWORD") as error:
        start(locked)
    assert "Eisenzahn" not in str(error.value)
    (tmp_path / "password").write_text("Eisenzahn\n")
    unlocked = locked.model_copy(update={"key_password_file": tmp_path / "password"})
    scu.echo(replace(start(unlocked).peer, tls=certificates.peer))
