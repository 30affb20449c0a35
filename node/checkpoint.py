"""Where pynetdicom's reactor waits while a message of an association that we opened is under way.

The reactor's thread takes whatever message has come. Whoever sends a request stops it before: it
clears an event and waits until the reactor says that it is paused. As pynetdicom 3.0 has it, the
reactor may have passed the event and not yet said that it goes on; it then takes the response that
the sender waits for ("Received unexpected C-STORE service message"), and the sender waits until its
time is out. It happens on a busy machine, and with a peer that answers at once.
"""

import threading

from pynetdicom import Association


class Checkpoint(threading.Event):
    """An event whose end of waiting and "goes on" are one step."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association
        self._gate = threading.Condition()
        self._is_open = True

    @classmethod
    def install(cls, association: Association) -> None:
        """Put one in the place of pynetdicom's; before the association is established."""
        association._reactor_checkpoint = cls(association)

    def is_set(self) -> bool:
        """Tell whether the reactor may go on."""
        return self._is_open

    def set(self) -> None:
        """Let the reactor go on."""
        with self._gate:
            self._is_open = True
            self._gate.notify_all()

    def clear(self) -> None:
        """Have the reactor wait when it comes here; from now on, paused means that it does."""
        with self._gate:
            self._is_open = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait as the reactor; whoever has cleared meanwhile finds it paused, or sees it go on."""
        with self._gate:
            passed = self._gate.wait_for(self.is_set, timeout)
            if passed:
                self._association._is_paused = False
            return passed
