"""The systems that series come from, asked how many instances of a series they have."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from node import find
from node.completeness import Piece, counted, untold
from node.errors import PeerError
from node.peer import Peer
from node.settings import Source
from storage.tables import Series

logger = structlog.get_logger(__name__)

_PAUSE_S: Final = 60.0
"""A source that did not answer is left alone for so long: all other series wait meanwhile."""


class Sources:
    """Asks the source of a series, where one is configured."""

    def __init__(
        self,
        sources: Sequence[Source],
        calling_ae_title: str,
        ask: Callable[[Peer, str, str], int | None] = find.instances_of_series,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what it works with; `ask` and `clock` are replaced in tests."""
        self._sources = sources
        self._calling_ae_title = calling_ae_title
        self._ask = ask
        self._clock = clock
        self._silent_until: dict[Source, float] = {}

    def evidence(self, series: Series, received: int) -> Piece | None:
        """Ask for one series of which so many instances came; None: there is nobody to ask."""
        source = next((one for one in self._sources if one.sends(series.calling_ae_title)), None)
        if source is None:
            return None
        if self._clock() < self._silent_until.get(source, float("-inf")):
            return untold(source.ae_title, "it did not answer a moment ago")
        peer = Peer(
            source.ae_title,
            source.host,
            source.port,
            self._calling_ae_title,
            source.timeout_s,
            source.tls,
        )
        try:
            number = self._ask(peer, series.study_instance_uid, series.series_instance_uid)
        except PeerError as error:
            self._silent_until[source] = self._clock() + _PAUSE_S
            logger.warning("source not asked", source=source.ae_title, error=str(error))
            return untold(source.ae_title, str(error))
        if number is None:
            return untold(source.ae_title, "it does not tell how many instances the series has")
        return counted(received, number, source.ae_title)
