"""The peers behind a destination: who stores, who commits, who is asked."""

from node.peer import Peer
from node.settings import AskedPeer, Delivery, Destination


class Peers:
    """Gives the peers of destinations, as this node calls them."""

    def __init__(self, settings: Delivery, calling_ae_title: str) -> None:
        self._settings = settings
        self._calling_ae_title = calling_ae_title

    def storing(self, destination: Destination) -> Peer:
        """Give the peer that objects are sent to."""
        return self._peer(destination, destination)

    def committing(self, destination: Destination) -> Peer:
        """Give the peer that commitment is asked of."""
        return self._peer(destination.commitment_peer or destination, destination)

    def asked(self, destination: Destination) -> Peer | None:
        """Give the peer that answers C-FIND; None: there is none."""
        return self._peer(destination.query, destination) if destination.query else None

    def timeout_s(self, destination: Destination) -> float:
        """Give how long to wait for each answer, in seconds."""
        return destination.timeout_s or self._settings.timeout_s

    def _peer(self, called: Destination | AskedPeer, destination: Destination) -> Peer:
        return Peer(
            called.ae_title,
            called.host,
            called.port,
            self._calling_ae_title,
            self.timeout_s(destination),
            called.tls,
        )


def is_confirmed(destination: Destination) -> bool:
    """Tell whether anybody can say that a destination holds an object."""
    return destination.commitment != "off" or destination.query is not None
