"""The tests' own scanners and peers, by pynetdicom, that lose no response: `node.checkpoint`."""

import threading

from pynetdicom.association import Association

from node.checkpoint import Checkpoint


def install() -> None:
    """Mend pynetdicom's own associations in this process; the node's classes stay as they are."""
    Association._reactor_checkpoint = property(_given, _take)  # type: ignore[assignment]


def _given(self: Association) -> threading.Event:
    given: threading.Event = self.__dict__["checkpoint"]
    return given


def _take(self: Association, event: threading.Event) -> None:
    own = type(self) is not Association or isinstance(event, Checkpoint)
    self.__dict__["checkpoint"] = event if own else Checkpoint(self)
