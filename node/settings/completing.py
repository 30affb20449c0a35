"""The sections `assembler` and `sources`: when a series is complete, and who knows."""

from typing import Annotated

from pydantic import Field

from node.settings.section import AETitle, Seconds, Section
from node.settings.tls import PeerTls


class Assembler(Section):
    """When a series is complete (docs/reference/completeness.md)."""

    stable_age_s: Seconds = 60
    """A series is complete when nothing came for so long."""
    doubtful_age_s: Seconds = 300
    """Instead of `stable_age_s`, where something hints at missing images."""
    limit_s: Seconds = 3600
    """Instead of `stable_age_s`, where images are known to be missing; then it is decided."""
    look_again_s: Seconds = 60
    """How often a series that waits is looked at, and its source asked."""
    poll_s: Seconds = 1
    """How often the node looks for series that are complete."""


class Source(Section):
    """A peer that knows how many instances a series has, asked by C-FIND."""

    ae_title: AETitle
    """AE title that is asked."""
    host: str
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Its port."""
    calling_ae_titles: tuple[AETitle, ...] = ()
    """Asked about series that these AE titles sent; empty: about its own."""
    timeout_s: Seconds = 5
    """Of each answer; who is slower is left alone for a minute."""
    tls: PeerTls | None = None

    def sends(self, calling_ae_title: str) -> bool:
        """Tell whether this source knows the series that an AE title sent."""
        return calling_ae_title in (self.calling_ae_titles or (self.ae_title,))
