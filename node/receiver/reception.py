"""What happens to an instance between its request and its response, on either receiving path.

`Reception.begin` is told of a C-STORE request and gives a `Parcel`; the data set goes into that,
and `Parcel.finish` gives the answer. Whatever goes wrong on the way becomes a status of
`node.status`; nothing is answered 0x0000 before the keeper has returned.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import structlog

from node import incoming, status
from node.limits import Limits
from node.receiver.keeper import Buffer, Keeper, Spool
from node.receiver.message import StoreRequest
from node.receiver.tally import Row
from node.watermark import Watermark
from storage.incoming import Incoming

logger = structlog.get_logger(__name__)

MEMORY_BYTES: Final = 2 << 20
"""A data set larger than this goes to a spool while it arrives."""
_UID_LENGTH: Final = 64  # PS3.5 section 9.1
_HEAD_LIMIT_BYTES: Final = 64 << 20  # so much is looked through for the identity


@dataclass(frozen=True, slots=True)
class Sender:
    """At the other end of an association."""

    calling_ae_title: str
    calling_host: str
    association: str
    """Name of the association; empty: nobody could tell when it ends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and ErrorComment of a C-STORE response."""

    code: int
    comment: str = ""


class Reception:
    """What the parcels of a listener have in common."""

    def __init__(
        self, keeper: Keeper, limits: Limits, tally: Row, watermark: Watermark | None = None
    ) -> None:
        self.keeper = keeper
        self.limits = limits
        self.tally = tally
        self.watermark = watermark

    def begin(
        self,
        request: StoreRequest,
        abstract_syntax: str,
        transfer_syntax_uid: str,
        sender: Sender,
    ) -> "Parcel":
        """Begin with a request, of which no data came yet.

        Args:
            request: the command.
            abstract_syntax: of the presentation context.
            transfer_syntax_uid: of the presentation context.
            sender: who sends it.
        """
        parcel = Parcel(self, request, transfer_syntax_uid, sender)
        if request.sop_class_uid != abstract_syntax:
            parcel.refuse(
                status.InstanceRefusedError(
                    status.SOP_CLASS_NOT_SUPPORTED,
                    "SOP Class is not that of the presentation context",
                )
            )
        elif self.watermark is not None and self.watermark.is_low():
            parcel.refuse(
                status.InstanceRefusedError(status.OUT_OF_RESOURCES, self.watermark.reason)
            )
        return parcel


class Parcel:
    """One instance on its way."""

    def __init__(
        self, reception: Reception, request: StoreRequest, transfer_syntax_uid: str, sender: Sender
    ) -> None:
        self._reception = reception
        self._request = request
        self._transfer_syntax_uid = transfer_syntax_uid
        self._sender = sender
        self._error: Exception | None = None
        self._size = 0
        self._held: list[bytes] = []  # copied, because nobody can tell yet whose it is
        self._spooled: tuple[Incoming, Spool] | None = None
        self._open = ExitStack()  # the spool, until the parcel is finished or discarded

    def refuse(self, error: Exception) -> None:
        """Remember why the instance is not kept; what still comes of it is dropped."""
        if self._error is None:
            self._error = error
        self.discard()

    def more(self, data: Sequence[Buffer]) -> None:
        """Take a part of the data set that must leave memory; `finish` takes the rest.

        The buffers may be used again when this returns.
        """
        if not self._grown(data):
            return
        try:
            self._spill(data)
        except Exception as error:
            # The boundary towards the network: no exception may end an association.
            self.refuse(error)

    def finish(self, data: Sequence[Buffer]) -> Answer:
        """Take the last part of the data set, have the instance kept, and say how to answer."""
        if self._grown(data):
            try:
                self._keep(data)
            except Exception as error:
                # The boundary towards the network: no exception may end an association.
                self._error = error
        self.discard()
        answer = Answer(status.SUCCESS.code) if self._error is None else self._refused(self._error)
        self._reception.tally.answered(answer.code)
        return answer

    def discard(self) -> None:
        """Let go of what came: the association ended, or the instance is refused."""
        self._held.clear()
        self._spooled = None
        self._open.close()

    def _grown(self, data: Sequence[Buffer]) -> bool:
        """Count what came; tell whether it is still wanted."""
        self._size += sum(map(len, data))
        limits = self._reception.limits
        if self._error is None and self._size > limits.instance_bytes:
            self.refuse(limits.too_large())
        return self._error is None

    def _spill(self, data: Sequence[Buffer]) -> None:
        if self._spooled is not None:
            self._spooled[1].write(*data)
            return
        try:
            found = self._identified([*self._held, *data])
        except status.InstanceRefusedError:
            if self._size > _HEAD_LIMIT_BYTES:
                raise
            self._held.extend(map(bytes, data))  # the identity may still come
            return
        spool = self._open.enter_context(self._reception.keeper.spool())
        spool.write(found.part10, *self._held, *data)
        self._held.clear()
        self._spooled = (found, spool)

    def _keep(self, data: Sequence[Buffer]) -> None:
        keeper = self._reception.keeper
        if self._spooled is None:
            everything = [*self._held, *data]
            keeper.keep(self._identified(everything), everything)
        else:
            found, spool = self._spooled
            spool.write(*data)
            keeper.keep_spooled(found, spool.commit())
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            self._log().debug("instance received")

    def _identified(self, data: Sequence[Buffer]) -> Incoming:
        return incoming.identify(
            memoryview(data[0]) if data else b"",
            lambda: b"".join(data),
            sop_class_uid=self._request.sop_class_uid,
            sop_instance_uid=self._request.sop_instance_uid,
            transfer_syntax_uid=self._transfer_syntax_uid,
            calling_ae_title=self._sender.calling_ae_title,
            calling_host=self._sender.calling_host,
            association=self._sender.association,
        )

    def _refused(self, error: Exception) -> Answer:
        """Make the answer to an instance that is not kept, and its log line."""
        answer = status.of_error(error)
        fields = {
            "status": f"0x{answer.code:04X}",
            "meaning": answer.name,
            "clause": answer.clause,
        }
        if answer is status.PROCESSING_FAILURE:
            self._log().error(
                "instance refused",
                error=type(error).__name__,
                origin=status.origin(error),
                **fields,
            )
        else:
            self._log().warning("instance refused", reason=status.reason(error), **fields)
        return Answer(answer.code, status.comment(error))

    def _log(self) -> structlog.stdlib.BoundLogger:
        log: structlog.stdlib.BoundLogger = logger.bind(
            # Whatever stands in the place of a UID: not all of it belongs into a line of the log.
            sop_class_uid=self._request.sop_class_uid[:_UID_LENGTH],
            sop_instance_uid=self._request.sop_instance_uid[:_UID_LENGTH],
            transfer_syntax_uid=self._transfer_syntax_uid,
            calling_ae_title=self._sender.calling_ae_title,
            calling_host=self._sender.calling_host,
        )
        return log
