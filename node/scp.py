"""Storage SCP: takes instances from scanners and PACS, and answers only when they are safe.

Services: C-ECHO, C-STORE for every standard Storage SOP Class and the private ones that the
configuration names, and what the caller adds. The response is 0x0000 only after the instance was
kept; everything else becomes a status of `node.status`, and the association lives on.

Two paths lead there, of one behaviour: the fast one (`node.receiver.fast`) and pynetdicom's own.
"""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.presentation import PresentationContext

from node.entrance import Entrance
from node.errors import ConfigError
from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.limits import Limits
from node.receiver import contexts, server
from node.receiver.acceptor import Listener, StockAcceptor
from node.receiver.contexts import TRANSFER_SYNTAXES, storage_sop_classes
from node.receiver.fast import FastAcceptor
from node.receiver.keeper import FunctionKeeper, Keeper
from node.receiver.message import StoreRequest
from node.receiver.reception import Reception
from node.receiver.tally import Row, Tally
from node.settings import Node, Tls
from node.watermark import Watermark
from storage.incoming import Incoming

__all__ = ["TRANSFER_SYNTAXES", "StorageScp", "storage_sop_classes"]

logger = structlog.get_logger(__name__)

# pynetdicom aborts an association over a UID of more than 64 characters, and the instances behind
# it are lost; here every UID is taken in, judged by `node.incoming`, and answered with a status.
_config.VALIDATORS["UI"] = lambda _uid: (True, "")
# It describes every PDU and message in words, for a log that this node keeps above that level.
_config.LOG_HANDLER_LEVEL = "none"

_STOP_S: Final = 2.0
_CLOSED_S: Final = 1.0
_UID_LENGTH: Final = 64  # PS3.5 section 9.1
_ACCEPTORS: Final = {"fast": FastAcceptor, "stock": StockAcceptor}


class StorageScp:
    """Listens on one port and has every received instance kept."""

    def __init__(
        self,
        config: Node,
        receive: Callable[[Incoming], object] | Keeper,
        ended: Callable[[str, str, str], object] | None = None,
        *,
        path: Literal["fast", "stock"] = "fast",
        tls: Tls | None = None,
        name: str = "",
        tally: Row | None = None,
        watermark: Watermark | None = None,
        services: Sequence[tuple[evt.EventType, Callable[..., Any]]] = (),
        service_contexts: Sequence[PresentationContext] = (),
    ) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            config: where and as whom to listen.
            receive: keeps an instance for good, and raises if it could not. Called by several
                threads at once.
            ended: told the name of an association that brought instances, how it ended
                (`released` or `aborted`), and the calling AE title. None, and `receive` a
                function: instances come without the name of their association.
            path: which code receives C-STORE; both do the same.
            tls: how connections are secured; by default not at all.
            name: with this the names of the associations begin; by default made up.
            tally: where associations and responses are counted, with those of other processes.
            watermark: tells when the disk is too full to receive.
            services: handlers of further services.
            service_contexts: what those services are negotiated by.

        Raises:
            ConfigError: a private SOP class is no UID, or a certificate cannot be used.
        """
        self._config = config
        self.run = name or uuid.uuid4().hex[:16]
        """With this the names of this listener's associations begin."""
        keeper = receive if isinstance(receive, Keeper) else FunctionKeeper(receive, ended)
        limits = Limits.of(config)
        entrance = Entrance(config, tls or Tls())
        self._listener = Listener(
            Reception(keeper, limits, tally or Tally.private().row(0), watermark),
            entrance.admission,
            config.maximum_associations,
            self.run,
            tells_ends=keeper is receive or ended is not None,
        )
        self._ae = _application_entity(config, limits)
        self._made = {
            "contexts": contexts.Contexts([*contexts.accepted(config), *service_contexts]),
            "evt_handlers": [*self._handlers(), *services],
            "listener": self._listener,
            "entrance": entrance,
            "acceptor": _ACCEPTORS[path],
        }
        self._server: server.Server | None = None

    @property
    def port(self) -> int:
        """The port in use, also when the configuration asked for any (0)."""
        if self._server is None:
            return self._config.port
        return int(self._server.server_address[1])

    def start(self, inherited: socket.socket | None = None) -> None:
        """Listen; returns at once.

        Args:
            inherited: a socket that listens already, and that other processes may share.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        host, port = self._config.host, self._config.port
        try:
            address = inherited.getsockname() if inherited else _address(host, port)
            self._server = self._ae.make_server(
                address[:2], server_class=server.Server, inherited=inherited, **self._made
            )
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        self._ae._servers.append(self._server)
        server.serving(self._server)

    def stop(self) -> None:
        """Stop listening, abort the associations that are open, and close their connections.

        An instance whose response did not go out is sent again by its sender, and then found to
        be a duplicate.
        """
        listening, self._server = self._server, None
        if listening is None:
            return
        listening.shutdown()
        associations = listening.active_associations
        for association in associations:
            threading.Thread(target=association.abort, daemon=True).start()
        deadline = time.monotonic() + _STOP_S
        for association in associations:
            association.join(max(0.0, deadline - time.monotonic()))
            if association.is_alive():  # it waits for the rest of a PDU
                server.close(association.dul.socket.socket)
        deadline = time.monotonic() + _CLOSED_S
        for association in associations:  # each has its end to record
            association.join(max(0.0, deadline - time.monotonic()))

    def _handlers(self) -> list[tuple[evt.EventType, Callable[..., Any]]]:
        return [
            (evt.EVT_REQUESTED, lambda event: server.reject(event, self._listener)),
            (evt.EVT_ACCEPTED, _on_accepted),
            (evt.EVT_RELEASED, lambda event: self._listener.ended(event.assoc, "released")),
            (evt.EVT_ABORTED, self._on_aborted),
            (evt.EVT_C_STORE, self._on_store),
        ]

    def _on_aborted(self, event: evt.Event) -> None:
        logger.warning("association aborted", **_peer(event))
        self._listener.ended(event.assoc, "aborted")

    def _on_store(self, event: evt.Event) -> Dataset:
        """Answer one C-STORE request of the stock path."""
        request = event.request
        parcel = self._listener.reception.begin(
            StoreRequest(
                event.context.context_id,
                request.MessageID,
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
            ),
            str(event.context.abstract_syntax),
            str(event.context.transfer_syntax),
            self._listener.sender(event.assoc),
        )
        answer = parcel.finish([event.encoded_dataset(include_meta=False)])
        response = Dataset()
        response.Status = answer.code
        if answer.comment:
            response.ErrorComment = answer.comment
        return response


def cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    """Make the error of an address that cannot be listened on."""
    return ConfigError(
        f"cannot listen on node.host {host!r}, node.port {port}: {error.strerror}; "
        "end the program that uses the port, or choose another address"
    )


def _address(host: str, port: int) -> tuple[Any, ...]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]


def _application_entity(config: Node, limits: Limits) -> AE:
    ae = AE(config.ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.maximum_associations = 1 << 30  # counted over all processes, by `Listener`
    ae.maximum_pdu_size = limits.pdu_bytes
    ae.acse_timeout = limits.association_s
    ae.network_timeout = limits.idle_s
    return ae


def _peer(event: evt.Event) -> dict[str, object]:
    requestor = event.assoc.requestor
    return {"calling_ae_title": requestor.ae_title, "calling_host": requestor.address}


def _on_accepted(event: evt.Event) -> None:
    # Whatever stands in the place of a UID: not all of it belongs into a line of the log.
    refused = [str(each.abstract_syntax)[:_UID_LENGTH] for each in event.assoc.rejected_contexts]
    accepted = len(event.assoc.accepted_contexts)
    logger.info("association accepted", contexts=accepted, refused=refused, **_peer(event))
