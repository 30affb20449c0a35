"""TLS under DICOM: contexts by the profiles of PS3.15 annex B, made from configured certificates.

Both profiles speak TLS 1.2 and, before it, TLS 1.3. Every suite is authenticated encryption with
an ephemeral key, and keys and signatures have at least 112 bits of strength (RSA 2048, SHA-256).
"""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from node.errors import ConfigError
from node.settings import Certificate, PeerTls, Tls

logger = structlog.get_logger(__name__)

_RFC_9325: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
SUITES: Final[dict[str, tuple[str, ...]]] = {
    # BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile: RFC 9325 section 4.2.
    "bcp195": _RFC_9325,
    # Modified BCP 195 RFC 8996, 9325 profile: those of its suites that OpenSSL has.
    "bcp195-modified": (
        *_RFC_9325,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-CCM",
        "ECDHE-ECDSA-AES128-CCM",
    ),
}
"""OpenSSL's names of the suites of TLS 1.2, by profile (PS3.15 sections B.12 and B.13)."""

_SECURITY_LEVEL: Final = 2  # of OpenSSL: 112 bits, whatever the distribution's default is
_LOOK_AGAIN_S: Final = 1.0
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"

CLIENT_HELLO: Final = 0x16
"""The first byte of whoever speaks TLS; no PDU type of DICOM has it (PS3.8 section 9.3.1)."""


def server_context(tls: Tls) -> ssl.SSLContext | None:
    """Make the context of the node's port; None: it speaks no TLS.

    Raises:
        ConfigError: a file cannot be read, or is not what it has to be.
    """
    if not tls.enabled:
        return None
    context = _context(ssl.PROTOCOL_TLS_SERVER, tls)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    if tls.client_ca_file is not None:
        _trust(context, tls.client_ca_file, "tls.client_ca_file")
        _trust_itself(context, tls)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: PeerTls) -> ssl.SSLContext:
    """Make a context for a peer: for each association anew, so that renewed certificates count.

    Raises:
        ConfigError: a file cannot be read, or is not what it has to be.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, tls)
    context.check_hostname = tls.check_hostname
    if tls.ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _trust(context, tls.ca_file, "tls.ca_file")
    return context


def check(own: Tls, peers: Iterable[tuple[str, PeerTls | None]]) -> None:
    """Try every certificate that is configured; `peers` are named for the message.

    Raises:
        ConfigError: one cannot be used.
    """
    server_context(own)
    if own.certificate_file is not None:  # also where the port speaks no TLS: peers are shown it
        _context(ssl.PROTOCOL_TLS_CLIENT, own)
    for name, peer in peers:
        try:
            if peer is not None:
                client_context(peer)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from error


class RenewedContext:
    """The context of the node's port, made anew when one of its files changes."""

    def __init__(self, tls: Tls, clock: Callable[[], float] = time.monotonic) -> None:
        """Make the first context; `clock` is replaced in tests.

        Raises:
            ConfigError: as `server_context`.
        """
        self._tls = tls
        self._clock = clock
        self._lock = threading.Lock()
        self._files = _files(tls)
        self._state = _state(self._files)
        self._context = server_context(tls)
        self._looked = clock()

    def get(self) -> ssl.SSLContext | None:
        """Give the context in force; files that cannot be used leave the old one in force."""
        with self._lock:
            if self._context is not None and self._clock() - self._looked >= _LOOK_AGAIN_S:
                self._looked = self._clock()
                self._renew()
            return self._context

    def _renew(self) -> None:
        state = _state(self._files)
        if state == self._state:
            return
        self._state = state  # a renewal that fails is told once
        try:
            self._context = server_context(self._tls)
        except (ConfigError, OSError, ValueError) as error:
            # Files that are being replaced just now change once more, and are then read again.
            reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
            logger.error("renewed certificate not used, the one before stays", reason=reason)
        else:
            logger.info("renewed certificate in use")


def handshake_failure(error: OSError) -> str:
    """Say in a sentence why a client's TLS handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the client's certificate is not accepted ({error.verify_message}); expected one of "
            "the authorities in tls.client_ca_file, valid today"
        )
    if isinstance(error, ssl.SSLError):
        reason = _reason(error) or "handshake failed"
        return _CLIENT_FAULTS.get(reason, reason.lower().replace("_", " "))
    if isinstance(error, TimeoutError):
        return "the TLS handshake was not complete within node.association_timeout_s"
    return f"the client closed the connection during the TLS handshake ({type(error).__name__})"


def connection_failure(error: OSError) -> str:
    """Say in a sentence why TLS to a peer could not be had, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = _REMEDIES.get(error.verify_code, "name its authority in tls.ca_file")
        return f"its certificate is not accepted ({error.verify_message}); {remedy}"
    if isinstance(error, TimeoutError):
        return "no TLS handshake in time; check that its port speaks TLS"
    if _reason(error) in _NO_TLS:
        return "its port speaks no TLS; take `tls` away here, or name the port that does"
    reason = _reason(error) or error.strerror or type(error).__name__
    return (
        f"no TLS connection ({reason}); check that its port speaks TLS 1.2 or 1.3, and that it "
        "trusts the certificate of this node (tls.certificate_file)"
    )


_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
_UNTRUSTED: Final = "the client does not trust the certificate of this node; give it the authority"
_OUTDATED: Final = "the client offers nothing of the profile: TLS 1.2 or 1.3 with suites of BCP 195"
_CLIENT_FAULTS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client showed no certificate; tls.client_ca_file "
    "asks for one",
    "NO_SHARED_CIPHER": _OUTDATED,
    "UNSUPPORTED_PROTOCOL": _OUTDATED,
    "VERSION_TOO_LOW": _OUTDATED,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": _OUTDATED,
    "TLSV1_ALERT_UNKNOWN_CA": _UNTRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": _UNTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _UNTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the certificate of this node has expired; renew it",
}
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_HOSTNAME_MISMATCH: Final = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_ADDRESS_MISMATCH: Final = 64  # X509_V_ERR_IP_ADDRESS_MISMATCH
_NAME_REMEDY: Final = (
    "give `host` as the certificate names it, or set tls.check_hostname: false, so that any "
    "certificate of tls.ca_file will do"
)
_REMEDIES: Final = {
    _EXPIRED: "have it renewed there",
    _HOSTNAME_MISMATCH: _NAME_REMEDY,
    _ADDRESS_MISMATCH: _NAME_REMEDY,
}


def _reason(error: OSError) -> str:
    """Give OpenSSL's name of an error; not every `SSLError` has one."""
    return str(getattr(error, "reason", None) or "")


def _context(protocol: int, tls: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    context.set_ciphers(":".join((*SUITES[tls.profile], f"@SECLEVEL={_SECURITY_LEVEL}")))
    if tls.certificate_file is not None:
        _show(context, tls, tls.certificate_file)
    return context


def _show(context: ssl.SSLContext, tls: Certificate, certificate_file: Path) -> None:
    """Load the node's own certificate and key."""
    key_file = tls.key_file or certificate_file
    _check_readable(certificate_file, "tls.certificate_file")
    _check_readable(key_file, "tls.key_file")
    try:
        # Without a password, even an empty one, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate_file, key_file, password=_password(tls))
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no PEM, or another password"
        raise ConfigError(
            f"tls.certificate_file {certificate_file} and its key in {key_file} cannot be used "
            f"({reason.lower().replace('_', ' ')}): expected PEM, a key that belongs to the "
            "certificate, and the key's password, if it has one, in FORAMINA_TLS__KEY_PASSWORD "
            "or tls.key_password_file"
        ) from error


def _password(tls: Certificate) -> str:
    if tls.key_password_file is None:
        return tls.key_password.get_secret_value()
    _check_readable(tls.key_password_file, "tls.key_password_file")
    return tls.key_password_file.read_text(encoding="utf-8", errors="replace").rstrip("\r\n")


def _trust(context: ssl.SSLContext, path: Path, name: str) -> None:
    """Load authorities; a single certificate of a peer may stand for its authority."""
    _check_readable(path, name)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ConfigError(f"{name} {path} cannot be used: expected certificates in PEM") from error


def _trust_itself(context: ssl.SSLContext, tls: Tls) -> None:
    """Let the node call itself (`foramina health`): its own certificate, not who signed it."""
    if tls.certificate_file is not None:
        text = tls.certificate_file.read_text(encoding="ascii", errors="replace")
        own = text[text.index(_BEGIN) : text.index(_END) + len(_END)]
        context.load_verify_locations(cadata=own)


def _check_readable(path: Path, name: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(
            f"{name} {path} cannot be read ({error.strerror}); correct its name, or let this "
            "user read it"
        ) from error


def _files(tls: Tls) -> list[Path]:
    named = (tls.certificate_file, tls.key_file, tls.key_password_file, tls.client_ca_file)
    return [path for path in named if path is not None]


def _state(files: list[Path]) -> list[tuple[int, int, int] | None]:
    return [_stat(path) for path in files]


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
