"""What a channel is: something that takes a message, or says why it did not."""

from typing import Protocol

from node.errors import ForaminaError
from node.notices.message import Message


class ChannelError(ForaminaError):
    """A message was not taken; trying again may help."""


class Channel(Protocol):
    """Takes messages to people."""

    name: str

    def send(self, message: Message, number: str) -> str:
        """Send a message, and say what was answered.

        Args:
            message: what to tell.
            number: the same for every attempt at one message, so that repeats can be told.

        Raises:
            ChannelError: it was not taken.
        """
        ...
