"""Key Object Selection: the images that carry a mark (PS3.3 A.35.4, TID 2010)."""

from collections.abc import Sequence
from typing import Final

from highdicom.ko import KeyObjectSelection
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import KeyObjectSelectionDocumentStorage

from model import labels
from node.report import codes as words
from node.report.answer import Answer
from node.report.content import observer
from node.report.extras.images import marked, references
from node.report.extras.own import Kind, begun, date_and_time, finished
from node.report.points import Slice
from storage.reports import NewObject

KIND: Final = Kind(
    "key-objects", KeyObjectSelectionDocumentStorage, "KO", 5000,
    "AI lumbar foramina: key images (not verified)",
)  # fmt: skip


def build(answer: Answer) -> NewObject:
    """Build the selection of the images on which foramina were located."""
    document = begun(KIND, answer)
    document.ContentDate, document.ContentTime = date_and_time(answer)
    document.ReferencedPerformedProcedureStepSequence = []
    images = marked(answer)
    document.update(_content(images, answer))
    document.CurrentRequestedProcedureEvidenceSequence = [_evidence(images, answer)]
    return finished(KIND, document, answer)


def _content(images: Sequence[Slice], answer: Answer) -> Dataset:
    selected = [_selected(reference) for reference in references(images)]
    (root,) = KeyObjectSelection(
        document_title=codes.DCM.OfInterest,  # CID 7010
        referenced_objects=selected,
        observer_device_context=observer(),
        description=_description(answer),
    )
    pictures = [item for item in root.ContentSequence if item.ValueType == "IMAGE"]
    for picture, reference in zip(pictures, references(images), strict=True):
        picture.ReferencedSOPSequence = [reference]  # with the numbers of the frames
    content = Dataset()
    content.update(root)
    return content


def _selected(reference: Dataset) -> Dataset:
    """Make of a reference what highdicom takes for an image."""
    image = Dataset()
    image.SOPClassUID = reference.ReferencedSOPClassUID
    image.SOPInstanceUID = reference.ReferencedSOPInstanceUID
    image.Rows = image.Columns = 1
    return image


def _description(answer: Answer) -> str:
    located = ", ".join(labels.spoken(one.landmark.label) for one in answer.located)
    return " ".join([f"Images on which an algorithm located: {located}.", *words.STATEMENTS])


def _evidence(images: Sequence[Slice], answer: Answer) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = answer.source.series_instance_uid
    series.ReferencedSOPSequence = references(images, frames=False)
    study = Dataset()
    study.StudyInstanceUID = answer.source.study_instance_uid
    study.ReferencedSeriesSequence = [series]
    return study
