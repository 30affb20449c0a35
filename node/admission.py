"""Who may call: AE titles and hosts that the configuration allows, and the answer to the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from node.settings import Caller, Node


@dataclass(frozen=True, slots=True)
class Refusal:
    """An A-ASSOCIATE-RJ: result, source and diagnostic (PS3.8 table 9-21), and the reason."""

    result: int
    source: int
    diagnostic: int
    reason: str


LIMIT_EXCEEDED: Final = Refusal(2, 3, 2, "node.maximum_associations are open")
"""Rejected-transient, presentation-related service provider, local-limit-exceeded."""

NOT_JUDGED: Final = Refusal(2, 2, 1, "an error of this node; its log has the trace")
"""Rejected-transient, ACSE-related service provider, no-reason-given."""


class Admission:
    """Judges callers by `node.allow` and `node.check_called_ae_title`."""

    def __init__(self, settings: Node) -> None:
        self._allow = settings.allow
        self._ae_title = settings.ae_title
        self._check_called = settings.check_called_ae_title
        self._host = _address(settings.host)

    def admits_host(self, host: str) -> bool:
        """Tell whether anybody may call from a host: others are not worth reading a byte of."""
        address = _address(host)
        return (
            not self._allow
            or self._is_own_host(address)
            or any(_is_from(entry, address) for entry in self._allow)
        )

    def refusal(self, calling_ae_title: str, called_ae_title: str, host: str) -> Refusal | None:
        """Give the answer to an association request; None: it is welcome.

        The node's own AE title is welcome from its own host: so asks `foramina health`.
        """
        calling, called = calling_ae_title.strip(), called_ae_title.strip()
        if self._check_called and called != self._ae_title:
            return Refusal(1, 1, 7, f"called AE title is not {self._ae_title}")
        address = _address(host)
        if not self._allow or (calling == self._ae_title and self._is_own_host(address)):
            return None
        named = [entry for entry in self._allow if entry.ae_title in (None, calling)]
        if any(_is_from(entry, address) for entry in named):
            return None
        return Refusal(1, 1, 3, _why(named))

    def _is_own_host(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and (address.is_loopback or address == self._host)


def _why(named: Sequence[Caller]) -> str:
    if named:
        return "node.allow has this calling AE title, but not from this host"
    return "node.allow has no such calling AE title"


def _is_from(entry: Caller, address: IPv4Address | IPv6Address | None) -> bool:
    return not entry.hosts or any(address in network for network in entry.hosts if address)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address; an IPv4 peer of a socket that listens on IPv6 keeps its IPv4 address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
