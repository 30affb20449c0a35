"""Storage SCP: takes instances from scanners and PACS, and answers only when they are safe.

Services: C-ECHO, and C-STORE for every standard Storage SOP Class and the private ones that the
configuration names. The response is 0x0000 only after `receive` returned; everything else becomes
a status of `node.status`, and the association lives on.
"""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

import structlog
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset
from pynetdicom import AE, Association, _config, evt, register_uid
from pynetdicom.presentation import (
    AllStoragePresentationContexts,
    NonPatientObjectPresentationContexts,
    PresentationContext,
    build_context,
)
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import Verification
from pynetdicom.transport import ThreadedAssociationServer

from node import incoming, status
from node.errors import ConfigError
from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.settings import Node
from storage.identifiers import validated_uid
from storage.instances import Incoming

logger = structlog.get_logger(__name__)

# pynetdicom aborts an association over a UID of more than 64 characters, and the instances behind
# it are lost; here every UID is taken in, judged by `node.incoming`, and answered with a status.
_config.VALIDATORS["UI"] = lambda _uid: (True, "")

TRANSFER_SYNTAXES: Final = (
    # Uncompressed, the simplest first.
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian, retired 2006
    "1.2.840.10008.1.2.1.98",  # Encapsulated Uncompressed Explicit VR Little Endian
    # Lossless, the most widely decoded first.
    "1.2.840.10008.1.2.5",  # RLE Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, First-Order Prediction
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 (Lossless Only)
    "1.2.840.10008.1.2.4.92",  # JPEG 2000 Part 2 Multi-component (Lossless Only)
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000 (Lossless Only)
    "1.2.840.10008.1.2.4.202",  # High-Throughput JPEG 2000 with RPCL (Lossless Only)
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
    "1.2.840.10008.1.2.4.110",  # JPEG XL Lossless
    # Lossy: better than no image.
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.93",  # JPEG 2000 Part 2 Multi-component
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG Recompression
    "1.2.840.10008.1.2.4.112",  # JPEG XL
)
"""In order of preference; pynetdicom takes the first of these that a context proposes.

Left out on purpose: JPIP (1.2.840.10008.1.2.4.94, .95, .204, .205) and the video-stream syntaxes
(MPEG, HEVC, SMPTE ST 2110), whose data sets carry no pixels or no image.
"""

_BACKLOG: Final = 128  # pynetdicom listens with 5: a burst of scanners would wait for TCP retries
_STOP_S: Final = 2.0
_NO_STUDY: Final = frozenset(
    {context.abstract_syntax for context in NonPatientObjectPresentationContexts}
    | {"1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"}
)
"""Named "storage" but another service: non-patient objects, DICOMDIR, storage commitment."""


def storage_sop_classes() -> list[str]:
    """List every standard Storage SOP Class (PS3.4 annex B.5, PS3.6 annex A), retired ones too.

    Archives still send objects of retired classes; they are kept like all others.
    """
    known = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    registered = {
        uid
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class" and "Storage" in name
    }
    return sorted((known | registered) - _NO_STUDY)


class StorageScp:
    """Listens on one port and hands every received instance to `receive`."""

    def __init__(
        self,
        config: Node,
        receive: Callable[[Incoming], object],
        ended: Callable[[str, str, str], object] | None = None,
    ) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            config: where and as whom to listen.
            receive: keeps an instance for good, and raises if it could not. Called by several
                threads at once.
            ended: told the name of an association that brought instances, how it ended
                (`released` or `aborted`), and the calling AE title. None: instances come without
                the name of their association.

        Raises:
            ConfigError: a private SOP class is no UID.
        """
        self._config = config
        self._receive = receive
        self._ended = ended
        self.run = uuid.uuid4().hex[:16]
        """With this the names of this listener's associations begin."""
        self._names: dict[Association, str] = {}
        self._ae = AE(config.ae_title)
        self._contexts = _contexts(config)
        self._ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self._ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        self._ae.maximum_associations = config.maximum_associations
        self._ae.maximum_pdu_size = config.maximum_pdu_bytes
        self._ae.network_timeout = config.network_timeout_s
        self._server: ThreadedAssociationServer | None = None

    @property
    def port(self) -> int:
        """The port in use, also when the configuration asked for any (0)."""
        if self._server is None:
            return self._config.port
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen; returns at once.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        host, port = self._config.host, self._config.port
        try:
            address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
            self._server = self._ae.start_server(
                (address[0], port),
                block=False,
                contexts=self._contexts,
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, self._on_connection),
                    (evt.EVT_ACCEPTED, _on_accepted),
                    (evt.EVT_REJECTED, _on_rejected),
                    (evt.EVT_ABORTED, self._on_aborted),
                    (evt.EVT_RELEASED, self._on_released),
                    (evt.EVT_C_STORE, self._on_store),
                ],
            )
        except OSError as error:
            raise ConfigError(
                f"cannot listen on node.host {host!r}, node.port {port}: {error.strerror}; "
                "end the program that uses the port, or choose another address"
            ) from error
        self._server.socket.listen(_BACKLOG)

    def stop(self) -> None:
        """Stop listening, abort the associations that are open, and close their connections.

        An instance whose response did not go out is sent again by its sender, and then found to
        be a duplicate.
        """
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        associations = server.active_associations
        for association in associations:
            threading.Thread(target=association.abort, daemon=True).start()
        deadline = time.monotonic() + _STOP_S
        for association in associations:
            association.join(max(0.0, deadline - time.monotonic()))
            if association.is_alive():  # it waits for the rest of a PDU
                _close(association)

    def _on_connection(self, event: evt.Event) -> None:
        """Set what pynetdicom leaves at the system's defaults, for one connection.

        With Nagle's algorithm every response waits for a delayed acknowledgement (about 40 ms);
        without a timeout a peer that stops inside a PDU holds its two threads for ever.
        """
        connection = event.assoc.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self._config.network_timeout_s)

    def _on_store(self, event: evt.Event) -> Dataset | int:
        """Answer one C-STORE request; whatever goes wrong becomes a status."""
        request, requestor = event.request, event.assoc.requestor
        log = logger.bind(
            sop_class_uid=str(request.AffectedSOPClassUID),
            sop_instance_uid=str(request.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(event.context.transfer_syntax),
            calling_ae_title=requestor.ae_title,
            calling_host=requestor.address,
        )
        try:
            outcome = self._receive(_read(event, self._name(event.assoc)))
        except Exception as error:
            # The boundary towards the network: no exception may end an association.
            return _refused(error, log)
        log.debug("instance received", outcome=str(outcome))
        return status.SUCCESS.code

    def _name(self, association: Association) -> str:
        """Name an association for as long as it lives; each has a thread of its own.

        Without anybody to tell its end there is no name: nobody could know that it ended.
        """
        if self._ended is None:
            return ""
        return self._names.setdefault(association, f"{self.run}-{uuid.uuid4().hex[:16]}")

    def _on_released(self, event: evt.Event) -> None:
        self._end(event, "released")

    def _on_aborted(self, event: evt.Event) -> None:
        logger.warning("association aborted", **_peer(event))
        self._end(event, "aborted")

    def _end(self, event: evt.Event, ending: str) -> None:
        name = self._names.pop(event.assoc, None)
        if name is None or self._ended is None:  # it brought nothing, or nobody asks
            return
        try:
            self._ended(name, ending, event.assoc.requestor.ae_title)
        except Exception as error:
            # The boundary towards the network. What is lost is evidence, no image.
            logger.exception("end of an association not recorded", error=type(error).__name__)


def _read(event: evt.Event, association: str) -> Incoming:
    request, requestor = event.request, event.assoc.requestor
    if request.AffectedSOPClassUID != event.context.abstract_syntax:
        raise status.InstanceRefusedError(
            status.SOP_CLASS_NOT_SUPPORTED, "SOP Class is not that of the presentation context"
        )
    return incoming.read(
        event.encoded_dataset(include_meta=False),
        sop_class_uid=str(request.AffectedSOPClassUID),
        sop_instance_uid=str(request.AffectedSOPInstanceUID),
        transfer_syntax_uid=str(event.context.transfer_syntax),
        calling_ae_title=requestor.ae_title,
        calling_host=requestor.address,
        association=association,
    )


def _refused(error: Exception, log: structlog.stdlib.BoundLogger) -> Dataset:
    """Make the response to an instance that is not kept, and its log line."""
    answer = status.of_error(error)
    fields = {"status": f"0x{answer.code:04X}", "meaning": answer.name, "clause": answer.clause}
    if answer is status.PROCESSING_FAILURE:
        log.error(
            "instance refused", error=type(error).__name__, origin=status.origin(error), **fields
        )
    else:
        log.warning("instance refused", reason=status.reason(error), **fields)
    response = Dataset()
    response.Status = answer.code
    response.ErrorComment = status.comment(error)
    return response


class _Contexts(list[PresentationContext]):
    """The accepted contexts, shared by all associations.

    pynetdicom makes a deep copy for each, which it never changes: with some 200 SOP classes that
    costs more than receiving an image (37 ms on the machine this was written on).
    """

    def __deepcopy__(self, _memo: object) -> "_Contexts":
        return self


def _contexts(config: Node) -> _Contexts:
    """Make the presentation contexts this node accepts."""
    private = config.accept_private_sop_classes
    for uid in private:
        try:
            validated_uid(uid)
        except ValueError as error:
            raise ConfigError(f"node.accept_private_sop_classes: {error}") from error
    storage = [*storage_sop_classes(), *private]
    known = {context.abstract_syntax for context in AllStoragePresentationContexts}
    for uid in storage:
        if uid not in known:  # pynetdicom aborts on a C-STORE of a class it cannot place
            register_uid(uid, f"Storage_{uid.replace('.', '_')}", StorageServiceClass)
    return _Contexts(
        [
            build_context(Verification, list(TRANSFER_SYNTAXES[:4])),
            *(build_context(uid, list(TRANSFER_SYNTAXES)) for uid in dict.fromkeys(storage)),
        ]
    )


def _close(association: Association) -> None:
    with contextlib.suppress(OSError, AttributeError):  # closed in the meantime
        association.dul.socket.socket.shutdown(socket.SHUT_RDWR)


def _peer(event: evt.Event) -> dict[str, object]:
    requestor = event.assoc.requestor
    return {"calling_ae_title": requestor.ae_title, "calling_host": requestor.address}


def _on_accepted(event: evt.Event) -> None:
    refused = [str(context.abstract_syntax) for context in event.assoc.rejected_contexts]
    accepted = len(event.assoc.accepted_contexts)
    logger.info("association accepted", contexts=accepted, refused=refused, **_peer(event))


def _on_rejected(event: evt.Event) -> None:
    logger.warning("association rejected: node.maximum_associations are open", **_peer(event))
