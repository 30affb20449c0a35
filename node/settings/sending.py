"""The sections `destinations` and `delivery`: where reports go, and how they are sent."""

from typing import Annotated, Literal

from pydantic import Field

from node.settings.section import AETitle, Seconds, Section
from node.settings.tls import PeerTls


class AskedPeer(Section):
    """A part of a destination that answers questions under an address of its own."""

    ae_title: AETitle
    """AE title that is called."""
    host: str
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Its port."""
    tls: PeerTls | None = None


class Destination(Section):
    """A peer that receives reports."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    """What it is called in lists, in logs and on the page."""
    ae_title: AETitle
    """AE title that is called."""
    host: str
    """Its name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Its port."""
    calling_ae_titles: tuple[AETitle, ...] = ()
    """Only series sent by these AE titles go here; empty: all. Series that several AE titles
    sent in parts go only where all of them may go."""
    shadow: bool = False
    """Compute and keep the report, send nothing."""
    sop_class: Literal["comprehensive-3d", "comprehensive"] = "comprehensive-3d"
    """Comprehensive 3D SR, or Comprehensive SR for peers that do not take the former."""
    cornerstone_prefix: bool = True
    """Begin tracking identifiers so that OHIF draws arrows with text."""
    extras: tuple[Literal["gsps", "secondary-capture", "seg", "key-objects"], ...] = ()
    """Further objects, for software that does not draw the points of an SR."""
    iocm: bool = False
    """Send a rejection note for what a newer report supersedes."""
    timeout_s: Seconds | None = None
    """Instead of `delivery.timeout_s`."""
    commitment: Literal["auto", "on", "off"] = "auto"
    """Storage commitment: ask for it and warn where it is refused (on), or do not warn (auto)."""
    commitment_peer: AskedPeer | None = None
    """Who commits; None: the destination itself."""
    query: AskedPeer | None = None
    """Who is asked by C-FIND whether an object arrived, and where a study is; None: nobody."""
    tls: PeerTls | None = None


class Delivery(Section):
    """How reports are sent and re-sent."""

    poll_s: Seconds = 1
    """How often the node looks for what is to be sent."""
    timeout_s: Seconds = 30
    """Of each answer of a destination."""
    retry_delay_s: Seconds = 10
    """Doubles with every attempt, up to `retry_delay_max_s`."""
    retry_delay_max_s: Seconds = 3600
    """The longest delay between two attempts."""
    horizon_days: Annotated[float, Field(gt=0, le=3650)] = 14
    """A report that did not arrive in so many days fails; one not confirmed is asked for no more.
    Longer than a PACS is away over holidays or for a migration."""
    max_attempts: Annotated[int, Field(ge=1)] = 1000
    """A second limit, for a sender that dies at each attempt."""
    late_after_s: Seconds = 86400
    """Before an object this old is sent, its study must be found at the destination's `query`."""
    confirm_after_s: Seconds = 10
    """After storing, the destination is first asked whether it holds the object."""
    settle_s: Seconds = 3600
    """What it does not know sooner after storing is not lost yet: it is asked again."""
    commitment_wait_s: Annotated[float, Field(ge=0, le=600)] = 5
    """The association on which commitment was asked for stays open so long for the answer."""
    commitment_answer_s: Seconds = 86400
    """Without an answer after so long, commitment is asked for again; a late answer counts."""
    reports_per_series_per_day: Annotated[int, Field(ge=1)] = 10
    """More reports than this for one series within 24 hours are held and alarmed."""
