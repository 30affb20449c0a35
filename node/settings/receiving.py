"""The sections `node` and `receiver`: who may send, and how it is received."""

from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, model_validator

from node.settings.section import AETitle, Port, Seconds, Section


class Caller(Section):
    """Who may call: an AE title, the hosts it calls from, or both."""

    ae_title: AETitle | None = None
    """None: any that calls from `hosts`."""
    hosts: tuple[IPvAnyNetwork, ...] = ()
    """Addresses and networks, such as 10.0.0.5 and 10.1.0.0/16; empty: any."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.ae_title is None and not self.hosts:
            raise ValueError("expected ae_title, hosts, or both; leave the list empty to allow all")
        return self


class Node(Section):
    """Where and as whom the node listens."""

    ae_title: AETitle = "FORAMINA"
    """How scanners and PACS call this node, and the name by which it calls them."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0: every network interface."""
    port: Port = 11112
    """Port to listen on; 0: any free one."""
    accept_private_sop_classes: tuple[str, ...] = ()
    """UIDs of private storage SOP classes, beside all standard ones."""
    maximum_associations: Annotated[int, Field(ge=1)] = 64
    """More at a time are rejected for the moment."""
    maximum_pdu_bytes: Annotated[int, Field(ge=4096)] = 131072
    """Longest PDU that senders may send; a longer one ends its association."""
    network_timeout_s: Seconds = 900
    """An idle association of 15 minutes is normal for a scanner."""
    association_timeout_s: Seconds = 30
    """From the connection to the complete A-ASSOCIATE-RQ, TLS handshake included."""
    pdu_timeout_s: Seconds = 60
    """A PDU that began to arrive is there after so long, or the association ends."""
    maximum_instance_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 32
    """Larger instances are refused (0xC000) before they fill the disk."""
    allow: tuple[Caller, ...] = ()
    """Who may call; empty: everyone who reaches the port."""
    check_called_ae_title: bool = False
    """Reject who calls this node by another AE title than `ae_title`."""


class Receiver(Section):
    """The processes that receive (docs/explanation/receiving.md)."""

    processes: Annotated[int, Field(ge=0, le=16)] = 0
    """0: one per core, at most 4."""
    path: Literal["fast", "stock"] = "fast"
    """Which code receives C-STORE; `stock` is pynetdicom's own, and slower."""
    backlog_bytes: Annotated[int, Field(ge=256 << 20)] = 4 << 30
    """How much may be received and not yet be filed; beyond, senders are slowed, then refused."""
