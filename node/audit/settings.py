"""The section `audit` of the configuration."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from node.settings import Seconds, Section


class Syslog(Section):
    """The collector of audit messages: PS3.15 section A.6 over TLS, A.7 over UDP."""

    host: str = ""
    """Empty: messages stay in the database."""
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    """6514 for TLS (RFC 5425), 514 for UDP."""
    transport: Literal["tls", "tcp", "udp"] = "tls"
    """Only `tls` proves who the collector is; `udp` does not even prove that it is there."""
    ca_file: Path | None = None
    """Certificates of authorities in PEM; None: those of this system."""
    certificate_file: Path | None = None
    """This node's own certificate in PEM, for collectors that ask for one."""
    key_file: Path | None = None
    """The key of `certificate_file`, PEM; null: it is in that file."""
    check_hostname: bool = True
    """The collector's certificate must be for `host`."""
    timeout_s: Seconds = 30
    """Of connecting, and of the collector's reading."""

    @model_validator(mode="after")
    def _key_has_certificate(self) -> Self:
        if self.key_file and not self.certificate_file:
            raise ValueError("key_file: expected certificate_file beside it")
        return self


class Audit(Section):
    """What was done is kept in the database, and sent on (docs/how-to/keep-an-audit-trail.md)."""

    source_id: str = ""
    """AuditSourceID; empty: the node's AE title."""
    site_id: str = ""
    """AuditEnterpriseSiteID; empty: left out."""
    patient_ids: bool = True
    """Messages name the patient by PatientID, as the standard demands."""
    poll_s: Seconds = 5
    """How soon an entry is sent."""
    retry_delay_max_s: Seconds = 300
    """When the collector is away, the delay doubles up to this."""
    syslog: Syslog = Syslog()
