"""The section `tls`, and TLS to a peer."""

from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, model_validator

from node.settings.section import Section

TlsProfile = Literal["bcp195", "bcp195-modified"]


class Certificate(Section):
    """A certificate with its key, and the profile it is used by."""

    certificate_file: Path | None = None
    """PEM: the certificate, then those between it and its authority."""
    key_file: Path | None = None
    """PEM; None: the key is in `certificate_file`."""
    key_password: SecretStr = SecretStr("")
    """Only from the environment."""
    key_password_file: Path | None = None
    """A file that holds the password of the key, readable by this user only."""
    profile: TlsProfile = "bcp195"
    """PS3.15 section B.12 or B.13."""

    @model_validator(mode="after")
    def _a_key_has_a_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file needs certificate_file: the certificate of that key, PEM")
        return self


class Tls(Certificate):
    """The node's own certificate, and TLS on its port."""

    enabled: bool = False
    """The port speaks TLS, and nothing else."""
    client_ca_file: Path | None = None
    """PEM: only clients with a certificate of these authorities are served (mutual TLS)."""

    @model_validator(mode="after")
    def _certificate_is_there(self) -> Self:
        if self.enabled and self.certificate_file is None:
            raise ValueError("enabled needs certificate_file: the node's certificate, PEM")
        return self


class PeerTls(Certificate):
    """TLS to a peer; its `certificate_file` is that of section `tls` where it names none."""

    ca_file: Path | None = None
    """PEM: the authorities that may have signed the peer's certificate; None: the system's."""
    check_hostname: bool = True
    """The certificate must be for `host`; false: any that `ca_file` signed will do."""

    @model_validator(mode="after")
    def _somebody_is_trusted(self) -> Self:
        if not self.check_hostname and self.ca_file is None:
            raise ValueError(
                "check_hostname: false needs ca_file: without both, any certificate of any "
                "public authority would do"
            )
        return self
