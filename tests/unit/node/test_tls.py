"""TLS contexts by profile, and the sentences for what goes wrong."""

import ssl
from pathlib import Path
from typing import get_args

import pytest

from node import tls
from node.errors import ConfigError
from node.settings import PeerTls, Tls, TlsProfile


@pytest.mark.parametrize("profile", get_args(TlsProfile))
def test_a_profile_has_forward_secrecy_and_authenticated_encryption(profile: TlsProfile) -> None:
    context = tls.client_context(PeerTls(profile=profile))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    suites = [suite["name"] for suite in context.get_ciphers()]
    old = [name for name in suites if not name.startswith("TLS_")]
    assert sorted(old) == sorted(tls.SUITES[profile])
    for suite in context.get_ciphers():
        assert suite["aead"]
        assert suite["kea"] in ("kx-ecdhe", "kx-any")
        assert suite["strength_bits"] >= 128


def test_a_port_without_tls_has_no_context() -> None:
    assert tls.server_context(Tls()) is None


def test_a_certificate_of_a_peer_is_named_with_the_peer(tmp_path: Path) -> None:
    missing = PeerTls(ca_file=tmp_path / "none.pem")
    with pytest.raises(ConfigError, match=r"^destination pacs: tls\.ca_file .* cannot be read"):
        tls.check(Tls(), [("source mr", None), ("destination pacs", missing)])
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="expected certificates in PEM"):
        tls.check(Tls(), [("destination pacs", missing)])


@pytest.mark.parametrize("error", [OSError(2, "No such file"), ValueError("substring not found")])
def test_files_that_are_just_being_replaced_leave_the_old_context_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("one")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    monkeypatch.setattr(tls, "server_context", lambda _tls: made)
    moment = [0.0]
    renewed = tls.RenewedContext(Tls(certificate_file=certificate), lambda: moment[0])

    def fail(_tls: Tls) -> None:
        raise error

    monkeypatch.setattr(tls, "server_context", fail)
    certificate.write_text("half of another")
    moment[0] = 10.0
    assert renewed.get() is made


@pytest.mark.parametrize(
    ("error", "client", "peer"),
    [
        (TimeoutError(), "not complete within", "no TLS handshake in time"),
        (ConnectionResetError(104, "Connection reset by peer"), "closed the connection",
         "Connection reset by peer"),
        (ssl.SSLError(1, "whatever"), "handshake failed", "no TLS connection"),
    ],
)  # fmt: skip
def test_a_failure_is_a_sentence(error: OSError, client: str, peer: str) -> None:
    assert client in tls.handshake_failure(error)
    assert peer in tls.connection_failure(error)
