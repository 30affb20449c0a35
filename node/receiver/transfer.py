"""The messages of one association on the fast path, fragment by fragment.

A message is one or more command fragments and, where the command says so, data set fragments, all
of one presentation context (PS3.8 annex E.1). Those of a C-STORE-RQ are answered here; all others
are handed to pynetdicom as they come.
"""

from collections.abc import Callable
from typing import Final

from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA

from node.receiver.message import (
    IS_COMMAND,
    IS_LAST,
    Fragment,
    ProtocolError,
    StoreRequest,
    fragments,
    store_request,
    store_response,
)
from node.receiver.reception import MEMORY_BYTES, Parcel, Reception, Sender
from node.receiver.wire import BufferedSocket

_COMMAND_LIMIT_BYTES: Final = 64 << 10
_OTHER_LIMIT_BYTES: Final = 16 << 20  # data set of a message that is no C-STORE-RQ


class Transfer:
    """Takes P-DATA-TF in, and answers what is C-STORE."""

    def __init__(
        self,
        association: Association,
        wire: BufferedSocket,
        reception: Reception,
        sender: Callable[[], Sender],
    ) -> None:
        self._association = association
        self._wire = wire
        self._reception = reception
        self._sender = sender
        self._context_id = 0
        self._command = bytearray()  # as far as it has come
        self._store: tuple[StoreRequest, Parcel] | None = None
        self._slices: list[tuple[int, int]] = []  # of the buffer: what came of its data set
        self._other_bytes: int | None = None  # of another message's data set; None: no such

    @property
    def is_under_way(self) -> bool:
        """Whether the rest of a message has to come."""
        return bool(self._command or self._store or self._other_bytes is not None)

    def take(self, start: int, stop: int) -> None:
        """Take the content of a P-DATA-TF PDU, which stands in the buffer.

        Raises:
            ProtocolError: it is none, or not what was due.
            OSError: the response cannot be sent.
        """
        for fragment in fragments(self._wire.view, start, stop):
            if self.is_under_way and fragment.context_id != self._context_id:
                raise ProtocolError("a message changed its presentation context")
            self._context_id = fragment.context_id
            if fragment.control & IS_COMMAND:
                self._take_command(fragment)
            elif self._store is not None:
                self._take_data(fragment, *self._store)
            else:
                self._take_other(fragment)

    def make_room(self) -> None:
        """Make room in the buffer; what is too much for memory leaves it."""
        if self._store is not None and self._slices:
            held = self._slices[-1][1] - self._slices[0][0]
            if held > MEMORY_BYTES:
                self._store[1].more(self._views())
                self._slices.clear()
        self._wire.make_room(movable=not self._slices)

    def discard(self) -> None:
        """Forget the message under way: its association has ended."""
        self._slices.clear()
        if self._store is not None:
            self._store[1].discard()
            self._store = None

    def _take_command(self, fragment: Fragment) -> None:
        if self._store is not None or self._other_bytes is not None:
            raise ProtocolError("a command came before the data set that was due")
        self._command += self._wire.view[fragment.start : fragment.stop]
        if len(self._command) > _COMMAND_LIMIT_BYTES:
            raise ProtocolError(f"a command set of more than {_COMMAND_LIMIT_BYTES} bytes")
        if not fragment.control & IS_LAST:
            return
        command, self._command = bytes(self._command), bytearray()
        context = self._association._accepted_cx.get(fragment.context_id)
        if context is None:
            raise ProtocolError(f"presentation context {fragment.context_id} was not accepted")
        request = store_request(fragment.context_id, command)
        if request is None:
            self._hand_over(bytes((IS_COMMAND | IS_LAST,)) + command)
            return
        parcel = self._reception.begin(
            request,
            str(context.abstract_syntax),
            str(context.transfer_syntax[0]),
            self._sender(),
        )
        self._store = (request, parcel)

    def _take_data(self, fragment: Fragment, request: StoreRequest, parcel: Parcel) -> None:
        self._slices.append((fragment.start, fragment.stop))
        if not fragment.control & IS_LAST:
            return
        answer = parcel.finish(self._views())
        self._slices.clear()
        self._store = None
        connection = self._wire.socket
        if connection is None:
            raise OSError("the connection was closed before the response")
        limit = self._association.requestor.maximum_length or 0
        connection.sendall(store_response(request, answer.code, answer.comment, limit))

    def _take_other(self, fragment: Fragment) -> None:
        if self._other_bytes is None:
            raise ProtocolError("a data set came before its command")
        self._other_bytes += fragment.stop - fragment.start
        if self._other_bytes > _OTHER_LIMIT_BYTES:
            raise ProtocolError(f"a data set of more than {_OTHER_LIMIT_BYTES} bytes")
        self._hand_over(bytes(self._wire.view[fragment.start - 1 : fragment.stop]))

    def _hand_over(self, value: bytes) -> None:
        """Give pynetdicom a fragment behind its message control header."""
        primitive = P_DATA()
        primitive.presentation_data_value_list = [[self._context_id, value]]
        dimse = self._association.dimse
        try:
            dimse.receive_primitive(primitive)
        except Exception as error:
            # The boundary towards the network: pynetdicom decodes what a peer made up.
            raise ProtocolError(f"a message that cannot be read: {type(error).__name__}") from error
        if dimse.message is None:
            self._other_bytes = None
        elif self._other_bytes is None:
            self._other_bytes = 0

    def _views(self) -> list[memoryview]:
        view = self._wire.view
        return [view[start:stop] for start, stop in self._slices]
