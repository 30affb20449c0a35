"""The sections of the configuration: what each setting means, and what it may be."""

from node.settings.completing import Assembler, Source
from node.settings.filtering import Operator, Rule
from node.settings.receiving import Caller, Node, Receiver
from node.settings.section import AETitle, Days, Millimetres, Port, Seconds, Section
from node.settings.sending import AskedPeer, Delivery, Destination
from node.settings.showing import Log, Web
from node.settings.storing import Retention, Storage
from node.settings.tls import Certificate, PeerTls, Tls, TlsProfile
from node.settings.working import Crops, Model, Worker

__all__ = [
    "AETitle",
    "AskedPeer",
    "Assembler",
    "Caller",
    "Certificate",
    "Crops",
    "Days",
    "Delivery",
    "Destination",
    "Log",
    "Millimetres",
    "Model",
    "Node",
    "Operator",
    "PeerTls",
    "Port",
    "Receiver",
    "Retention",
    "Rule",
    "Seconds",
    "Section",
    "Source",
    "Storage",
    "Tls",
    "TlsProfile",
    "Web",
    "Worker",
]
