"""Errors of the node that a person reads: what happened, what was expected, how to fix it."""


class ForaminaError(Exception):
    """Base of every error that the command line prints as one sentence instead of a traceback."""


class ConfigError(ForaminaError):
    """The configuration cannot be used."""


class SeriesUnusableError(ForaminaError):
    """A series cannot be processed, and trying again would not change that."""


class PeerError(ForaminaError):
    """A DICOM peer did not do what was asked; says whether trying again can help."""

    def __init__(self, message: str, *, status: int | None = None, retry: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.retry = retry


class ContextRefusedError(PeerError):
    """A peer does not offer the service at all: it accepts none of the presentation contexts."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=False)
