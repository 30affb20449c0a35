"""Grayscale Softcopy Presentation State: the images as the source shows them, with marks on top.

PS3.3 A.33.1. A presentation state replaces what the images say about their own greyscale, so the
source's rescale, window and polarity are repeated: opening it changes nothing but the marks.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from highdicom import pr
from highdicom.color import CIELabColor
from pydicom import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage
from pydicom.valuerep import DSfloat

from model.volume import Volume
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.extras.display import Display, Window, read_displays
from node.report.extras.images import by_image, references
from node.report.extras.own import (
    BANNER,
    BODY_PART,
    CONTENT_LABEL,
    DISCLAIMER,
    MARK_RADIUS_MM,
    Kind,
    begun,
    date_and_time,
    finished,
    short,
    tracking_uid,
)
from node.report.points import Slice
from storage.reports import NewObject

KIND: Final = Kind(
    "gsps", GrayscaleSoftcopyPresentationStateStorage, "PR", 2000,
    "AI lumbar foramina: markers (not verified)",
)  # fmt: skip
_PIXEL: Final = pr.AnnotationUnitsValues.PIXEL
_YELLOW: Final = CIELabColor(90.0, -5.0, 80.0)
_TEXT_MM: Final = (32.0, 6.0)  # width and height of the box of a label
_GAP_MM: Final = 1.0


def build(answer: Answer, headers: Sequence[Dataset], scan: Volume) -> NewObject:
    """Build the presentation state of all images of the series."""
    displays = read_displays(answer.stack, headers, scan)
    document = begun(KIND, answer, repr(list(displays.values())))
    document.BodyPartExamined = BODY_PART  # without it Laterality would be needed
    document.ContentLabel, document.ContentDescription = CONTENT_LABEL, BANNER
    document.ContentCreatorName = ""  # nobody
    document.PresentationCreationDate, document.PresentationCreationTime = date_and_time(answer)
    document.ReferencedSeriesSequence = [_series(answer)]
    document.DisplayedAreaSelectionSequence = [_whole_image(answer.stack.slices[0])]
    _annotate(document, answer)
    _keep_greyscale(document, displays)
    return finished(KIND, document, answer)


def _series(answer: Answer) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = answer.source.series_instance_uid
    series.ReferencedImageSequence = references(answer.stack.slices, frames=False)
    return series


def _whole_image(image: Slice) -> Dataset:
    """Show everything, as large as fits (PS3.3 C.10.4); all images of a stack have one size."""
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [image.columns, image.rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelSpacing = [DSfloat(mm, auto_format=True) for mm in image.spacing_mm]
    return area


def _annotate(document: Dataset, answer: Answer) -> None:
    marks = pr.GraphicLayer("FORAMINA", 1, "Lumbar foramina", _YELLOW)
    notice = pr.GraphicLayer("NOTICE", 2, "What the result is not", _YELLOW)
    document.GraphicLayerSequence = [marks, notice]
    document.GraphicAnnotationSequence = [
        *(_marks(image, found, answer) for image, found in by_image(answer)),
        _notice(answer),
    ]


def _marks(image: Slice, found: Sequence[Located], answer: Answer) -> Dataset:
    annotation = Dataset()
    annotation.ReferencedImageSequence = references([image])
    annotation.GraphicLayer = "FORAMINA"
    annotation.GraphicObjectSequence = [
        graphic for one in found for graphic in _graphics(one, answer)
    ]
    annotation.TextObjectSequence = [_label(one, answer) for one in found]
    return annotation


def _graphics(one: Located, answer: Answer) -> list[pr.GraphicObject]:
    """Draw a circle with its centre; GraphicData counts as SCOORD does (PS3.3 C.10.5.1.2)."""
    x, y = one.placed.image_xy
    reach = MARK_RADIUS_MM / float(one.placed.slice.spacing_mm[1])
    edge = x + reach if x + reach <= one.placed.slice.columns else max(0.0, x - reach)
    tracked = {
        "tracking_id": short(one.landmark.label),
        "tracking_uid": tracking_uid(one, answer),
    }
    circle = np.array([[x, y], [edge, y]])
    return [
        pr.GraphicObject(pr.GraphicTypeValues.CIRCLE, circle, _PIXEL, **tracked),
        pr.GraphicObject(pr.GraphicTypeValues.POINT, circle[:1], _PIXEL, **tracked),
    ]


def _label(one: Located, answer: Answer) -> pr.TextObject:
    return pr.TextObject(
        short(one.landmark.label),
        _PIXEL,
        bounding_box=_beside(one),
        anchor_point=one.placed.image_xy,
        anchor_point_visible=False,
        text_justification=pr.TextJustificationValues.LEFT,
        tracking_id=short(one.landmark.label),
        tracking_uid=tracking_uid(one, answer),
    )


def _beside(one: Located) -> tuple[float, float, float, float] | None:
    """Give the box right of the circle, left of it at the edge; None when the image is too small.

    Returns:
        (left, top, right, bottom) in pixels.
    """
    image, (x, y) = one.placed.slice, one.placed.image_xy
    down, right = (float(mm) for mm in image.spacing_mm)
    away, width = (MARK_RADIUS_MM + _GAP_MM) / right, _TEXT_MM[0] / right
    top = max(0.0, y - _TEXT_MM[1] / down / 2)
    bottom = min(float(image.rows), y + _TEXT_MM[1] / down / 2)
    if x + away + width <= image.columns:
        return x + away, top, x + away + width, bottom
    if x - away - width >= 0:
        return x - away - width, top, x - away, bottom
    return None


def _notice(answer: Answer) -> Dataset:
    """Say on every image what the result is not; an annotation without images is for all."""
    text = pr.TextObject(
        "\r\n".join([f"{BANNER}. {DISCLAIMER}", *words.STATEMENTS[1:]]),
        pr.AnnotationUnitsValues.DISPLAY,
        bounding_box=(0.02, 0.88, 0.98, 0.98),
        text_justification=pr.TextJustificationValues.LEFT,
    )
    annotation = Dataset()
    annotation.GraphicLayer, annotation.TextObjectSequence = "NOTICE", [text]
    return annotation


def _keep_greyscale(document: Dataset, displays: Mapping[Slice, Display]) -> None:
    """Repeat rescale, windows and polarity (PS3.3 C.11.1, C.11.8, C.11.6)."""
    rescales = {display.rescale for display in displays.values()}
    shared = rescales.pop() if len(rescales) == 1 else None
    if shared is not None:
        slope, intercept = shared
        document.RescaleSlope = DSfloat(slope, auto_format=True)
        document.RescaleIntercept = DSfloat(intercept, auto_format=True)
        document.RescaleType = "US"
    # One rescale holds for all images of a presentation state. Where the images differ, the state
    # has none, and the windows are in stored values.
    windows = {
        image: display.window if shared is not None else display.stored_window
        for image, display in displays.items()
    }
    document.SoftcopyVOILUTSequence = _windows(windows)
    inverted = any(display.mirror is not None for display in displays.values())
    document.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"


def _windows(windows: Mapping[Slice, Window]) -> list[Dataset]:
    images: dict[Window, list[Slice]] = defaultdict(list)
    for image, window in windows.items():
        images[window].append(image)
    if len(images) == 1:
        return [_window(window) for window in images]  # without images it holds for all
    items = []
    for window, shown in images.items():
        item = _window(window)
        item.ReferencedImageSequence = references(shown)
        items.append(item)
    return items


def _window(window: Window) -> Dataset:
    item = Dataset()
    item.WindowCenter = DSfloat(window.center, auto_format=True)
    item.WindowWidth = DSfloat(window.width, auto_format=True)
    if window.function:
        item.VOILUTFunction = window.function
    return item
