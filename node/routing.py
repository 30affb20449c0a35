"""Which destinations a report may go to."""

from collections.abc import Iterable, Sequence

from node.config import Destination


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
