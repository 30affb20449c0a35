"""The images of a series, as the extras refer to them and show them."""

from collections.abc import Iterable, Sequence
from typing import Final

from pydicom import Dataset

from node.report.answer import Answer, Located
from node.report.elements import numbers, text
from node.report.points import Slice

_MAX_RATIO: Final = 16  # characters of a DS


def marked(answer: Answer) -> list[Slice]:
    """List the images that carry a located foramen, in the order of the stack."""
    return [image for image, _ in by_image(answer)]


def by_image(answer: Answer) -> list[tuple[Slice, list[Located]]]:
    """List the images that carry located foramina with these, both in order."""
    found = [
        (image, [one for one in answer.located if one.placed.slice is image])
        for image in answer.stack.slices
    ]
    return [(image, located) for image, located in found if located]


def references(images: Iterable[Slice], *, frames: bool = True) -> list[Dataset]:
    """Refer to images (PS3.3 table 10-3): one item per instance, with its frames.

    Args:
        images: classic images, or frames of multi-frame images.
        frames: False to refer to the instances as a whole.
    """
    items: dict[str, Dataset] = {}
    for image in images:
        item = items.setdefault(image.sop_instance_uid, Dataset())
        item.ReferencedSOPClassUID = image.sop_class_uid
        item.ReferencedSOPInstanceUID = image.sop_instance_uid
        if frames and image.frame_number is not None:
            earlier = item.get("ReferencedFrameNumber", [])
            earlier = [earlier] if isinstance(earlier, int) else list(earlier)
            item.ReferencedFrameNumber = [*earlier, image.frame_number]
    return list(items.values())


def tell_compression(document: Dataset, headers: Sequence[Dataset]) -> None:
    """Say that the source lost something to compression, if so (PS3.3 C.7.6.1.1.5)."""
    document.LossyImageCompression = "00"
    for header in headers:
        if text(header, "LossyImageCompression") == "01":
            document.LossyImageCompression = "01"
            ratios = numbers(header, "LossyImageCompressionRatio")
            methods = text(header, "LossyImageCompressionMethod")
            if ratios and methods:
                document.LossyImageCompressionRatio = [
                    f"{ratio:.6g}"[:_MAX_RATIO] for ratio in ratios
                ]
                document.LossyImageCompressionMethod = methods.split("\\")
            return
