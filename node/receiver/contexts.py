"""What the node agrees to receive: SOP classes and transfer syntaxes, in order of preference."""

from typing import Final

from pydicom._uid_dict import UID_dictionary
from pynetdicom import register_uid
from pynetdicom.presentation import (
    AllStoragePresentationContexts,
    NonPatientObjectPresentationContexts,
    PresentationContext,
    build_context,
)
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from node.errors import ConfigError
from node.settings import Node
from storage.identifiers import validated_uid

TRANSFER_SYNTAXES: Final = (
    # Uncompressed, the simplest first.
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian, retired 2006
    "1.2.840.10008.1.2.1.98",  # Encapsulated Uncompressed Explicit VR Little Endian
    # Lossless, the most widely decoded first.
    "1.2.840.10008.1.2.5",  # RLE Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless, First-Order Prediction
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 (Lossless Only)
    "1.2.840.10008.1.2.4.92",  # JPEG 2000 Part 2 Multi-component (Lossless Only)
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000 (Lossless Only)
    "1.2.840.10008.1.2.4.202",  # High-Throughput JPEG 2000 with RPCL (Lossless Only)
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
    "1.2.840.10008.1.2.4.110",  # JPEG XL Lossless
    # Lossy: better than no image.
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near-Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.93",  # JPEG 2000 Part 2 Multi-component
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG Recompression
    "1.2.840.10008.1.2.4.112",  # JPEG XL
)
"""In order of preference; pynetdicom takes the first of these that a context proposes.

Left out on purpose: JPIP (1.2.840.10008.1.2.4.94, .95, .204, .205) and the video-stream syntaxes
(MPEG, HEVC, SMPTE ST 2110), whose data sets carry no pixels or no image.
"""

_NO_STUDY: Final = frozenset(
    {context.abstract_syntax for context in NonPatientObjectPresentationContexts}
    | {"1.2.840.10008.1.3.10", "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"}
)
"""Named "storage" but another service: non-patient objects, DICOMDIR, storage commitment."""


def storage_sop_classes() -> list[str]:
    """List every standard Storage SOP Class (PS3.4 annex B.5, PS3.6 annex A), retired ones too.

    Archives still send objects of retired classes; they are kept like all others.
    """
    known = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    registered = {
        uid
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class" and "Storage" in name
    }
    return sorted((known | registered) - _NO_STUDY)


class Contexts(list[PresentationContext]):
    """The accepted contexts, shared by all associations.

    pynetdicom makes a deep copy for each, which it never changes: with some 200 SOP classes that
    costs more than receiving an image (37 ms on the machine this was written on).
    """

    def __deepcopy__(self, _memo: object) -> "Contexts":
        return self


def accepted(config: Node) -> Contexts:
    """Make the presentation contexts of Verification and Storage that this node accepts.

    Raises:
        ConfigError: a private SOP class is no UID.
    """
    private = config.accept_private_sop_classes
    for uid in private:
        try:
            validated_uid(uid)
        except ValueError as error:
            raise ConfigError(f"node.accept_private_sop_classes: {error}") from error
    storage = [*storage_sop_classes(), *private]
    known = {context.abstract_syntax for context in AllStoragePresentationContexts}
    for uid in storage:
        if uid not in known:  # pynetdicom aborts on a C-STORE of a class it cannot place
            register_uid(uid, f"Storage_{uid.replace('.', '_')}", StorageServiceClass)
    return Contexts(
        [
            build_context(Verification, list(TRANSFER_SYNTAXES[:4])),
            *(build_context(uid, list(TRANSFER_SYNTAXES)) for uid in dict.fromkeys(storage)),
        ]
    )


def storage_commitment() -> PresentationContext:
    """Make the presentation context that an acceptor needs for reports of storage commitment.

    Whoever asks for a role gets that of the SCP and no other; who asks for none cannot be told
    apart from an SCU here, and is refused when it asks for something.
    """
    context = build_context(StorageCommitmentPushModel)
    context.scu_role, context.scp_role = False, True
    return context
