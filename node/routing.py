"""Which destinations a report may go to, and in which form each wants it."""

from collections.abc import Iterable, Sequence

from node.report.variant import Variant
from node.settings import Destination


def destinations_for(
    calling_ae_titles: Iterable[str], destinations: Sequence[Destination]
) -> list[Destination]:
    """List the destinations that every sender of a series may reach.

    A destination with `calling_ae_titles` takes only what those sent; a series that several AE
    titles sent in parts goes only where all of them may go, so that an anonymised copy cannot
    reach the clinical PACS by way of one stray instance.
    """
    senders = set(calling_ae_titles)
    return [
        destination
        for destination in destinations
        if not destination.calling_ae_titles or senders <= set(destination.calling_ae_titles)
    ]


def variant_for(destination: Destination) -> Variant:
    """Give the form of the report that a destination is set to."""
    return Variant(destination.sop_class, destination.cornerstone_prefix)


def by_variant(destinations: Iterable[Destination]) -> dict[Variant, list[Destination]]:
    """Group destinations by the form that they share, in the order in which they come."""
    groups: dict[Variant, list[Destination]] = {}
    for destination in destinations:
        groups.setdefault(variant_for(destination), []).append(destination)
    return groups
